"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ..errors import ConfigError, expect
from ..flat import Run
from ..ops import adam, optimize
from ..tensor import Tensor
from .optimizer import Group, Optimizer


class Adam(Optimizer):
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
    at_least_zero: ClassVar[tuple[str, ...]] = ("lr", "eps", "weight_decay")

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

    def check(self, group: Group) -> None:
        """Check the settings of a group."""
        super().check(group)
        betas = tuple(group["betas"])
        fit = len(betas) == 2 and all(0 <= beta < 1 for beta in betas)
        expect(fit, self.name,
               "both betas must be at least 0 and less than 1", error=ConfigError,
               betas=betas)  # fmt: skip

    def slots(self, group: Group) -> dict[str, float]:
        """Return both averages, and the largest second one."""
        largest = {"max_exp_avg_sq": 0.0} if group["amsgrad"] else {}
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0} | largest

    def update(self, run: Run, group: Group, rate: Tensor) -> None:
        """Update a run of parameters."""
        decay = float(group["weight_decay"])
        if group.get("decoupled_weight_decay") and decay:
            optimize.Decay(decay)(run.values, rate)
            decay = 0.0
        kind: type[adam.AdamRule] = adam.AMSGrad if group["amsgrad"] else adam.Adam
        first, second = (float(beta) for beta in group["betas"])
        rule = kind(first, second, float(group["eps"]), True, decay, bool(group["maximize"]))
        slots = [run.slot(name) for name in self.slots(group)]
        rule(run.values, *slots, run.gradients, rate, run.step)


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
