"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ..ops import adam
from .averaging import Averaging
from .optimizer import Group


class Adam(Averaging):
    """Averages of the gradient and of its square, both corrected for starting at 0.

    w ← w − lr · m̂ / (√v̂ + eps), m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ). Kingma and Ba,
    arXiv:1412.6980.

    Args:
        params: parameters, or dictionaries with "params" and settings of their own.
        lr: the learning rate.
        betas: the parts β₁ and β₂ of the averages that stay.
        eps: added to the root.
        weight_decay: the factor of the squared length in the loss, halved.
        amsgrad: put the largest v so far under the root.
        maximize: climb instead.
        decoupled_weight_decay: shrink the weights apart from the gradient, as AdamW does.
        foreach, capturable, fused: kept for PyTorch's signature; an update is always one launch.
    Raises:
        ConfigError: a setting is unfit, or there is no parameter.
    """

    entries: ClassVar[tuple[str, ...]] = ("step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def slots(self, group: Group) -> dict[str, float]:
        """Return both averages, and the largest second one."""
        largest = {"max_exp_avg_sq": 0.0} if group["amsgrad"] else {}
        return super().slots(group) | largest

    def rule(self, group: Group, betas: tuple[float, float], eps: float, decay: float) -> Any:
        """Return the rule of a group."""
        kind: type[adam.AdamRule] = adam.AMSGrad if group["amsgrad"] else adam.Adam
        return kind(*betas, eps, True, decay, bool(group["maximize"]))


class AdamW(Adam):
    """Adam with weights that shrink apart from the gradient: w ← w · (1 − lr·weight_decay) first.

    Loshchilov and Hutter, arXiv:1711.05101. Arguments as Adam's.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
            capturable=capturable, differentiable=differentiable, fused=fused,
            decoupled_weight_decay=True,
        )  # fmt: skip
