"""What came of Adam: Adamax, NAdam and RAdam."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from ..ops import adam
from ..tensor import Tensor, tensor
from .averaging import Averaging
from .optimizer import Group


class Adamax(Averaging):
    """Adam by the largest gradient: w ← w − lr·m / ((1 − β₁ᵗ)·u).

    m ← β₁·m + (1 − β₁)·g; u ← max(β₂·u, |g| + eps). Kingma and Ba, arXiv:1412.6980, section 7.

    Args:
        params: parameters, or dictionaries with "params" and settings of their own.
        lr: the learning rate.
        betas: the parts β₁ and β₂ that stay.
        eps: added to the size of the gradient.
        weight_decay: the factor of the squared length in the loss, halved.
        maximize: climb instead.
        foreach, capturable: kept for PyTorch's signature; an update is always one launch.
    Raises:
        ConfigError: a setting is unfit, or there is no parameter.
    """

    entries: ClassVar[tuple[str, ...]] = ("step", "exp_avg", "exp_inf")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def slots(self, group: Group) -> dict[str, float]:
        """Return the average, and the largest size."""
        return {"exp_avg": 0.0, "exp_inf": 0.0}

    def rule(self, group: Group, betas: tuple[float, float], eps: float, decay: float) -> Any:
        """Return the rule of a group."""
        return adam.Adamax(*betas, eps, True, decay, bool(group["maximize"]))


class NAdam(Averaging):
    """Adam with Nesterov's momentum, whose part β₁·(1 − 0.96^(t·momentum_decay) / 2) grows.

    Dozat, ICLR 2016. The formula stands in `ops.adam.Nadam`.

    Args:
        params: parameters, or dictionaries with "params" and settings of their own.
        lr: the learning rate.
        betas: the parts β₁ and β₂ of the averages that stay.
        eps: added to the root.
        weight_decay: the factor of the squared length in the loss, halved.
        momentum_decay: how fast the part grows.
        decoupled_weight_decay: shrink the weights apart from the gradient, as AdamW does.
        maximize: climb instead.
        foreach, capturable: kept for PyTorch's signature; an update is always one launch.
    Raises:
        ConfigError: a setting is unfit, or there is no parameter.
    """

    entries: ClassVar[tuple[str, ...]] = ("step", "mu_product", "exp_avg", "exp_avg_sq")
    numbers: ClassVar[tuple[str, ...]] = ("step", "mu_product")
    at_least_zero: ClassVar[tuple[str, ...]] = ("lr", "eps", "weight_decay", "momentum_decay")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def rule(self, group: Group, betas: tuple[float, float], eps: float, decay: float) -> Any:
        """Return the rule of a group."""
        return adam.Nadam(
            *betas, eps, float(group["momentum_decay"]), decay, bool(group["maximize"])
        )

    def _state_of(self, parameter: Tensor, group: Group) -> dict[str, Tensor]:
        """Return the state with PyTorch's product of the parts so far, which follows from step."""
        found = super()._state_of(parameter, group)
        if found:
            steps = np.arange(1, float(found["step"]) + 1)
            parts = group["betas"][0] * (1 - 0.5 * 0.96 ** (steps * group["momentum_decay"]))
            found["mu_product"] = tensor(math.prod(parts.tolist()), parameter.dtype)
        return found


class RAdam(Averaging):
    """Adam that starts as momentum and divides once the average of squares can be trusted.

    Liu et al., arXiv:1908.03265. The formula stands in `ops.adam.RAdam`.

    Args:
        params: parameters, or dictionaries with "params" and settings of their own.
        lr: the learning rate.
        betas: the parts β₁ and β₂ of the averages that stay.
        eps: added to the root.
        weight_decay: the factor of the squared length in the loss, halved.
        decoupled_weight_decay: shrink the weights apart from the gradient, as AdamW does.
        maximize: climb instead.
        foreach, capturable: kept for PyTorch's signature; an update is always one launch.
    Raises:
        ConfigError: a setting is unfit, or there is no parameter.
    """

    entries: ClassVar[tuple[str, ...]] = ("step", "exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def rule(self, group: Group, betas: tuple[float, float], eps: float, decay: float) -> Any:
        """Return the rule of a group."""
        return adam.RAdam(*betas, eps, decay, bool(group["maximize"]))
