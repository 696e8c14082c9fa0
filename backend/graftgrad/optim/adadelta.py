"""Adadelta."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ..errors import ConfigError, expect
from ..flat import Run
from ..ops import adagrad
from ..tensor import Tensor
from .optimizer import Group, Optimizer


class Adadelta(Optimizer):
    """Steps as long as those before, by the root of the mean of squares of both: w ← w − lr·δ.

    v ← rho·v + (1 − rho)·g²; δ = √((d + eps) / (v + eps))·g; d ← rho·d + (1 − rho)·δ². Zeiler,
    arXiv:1212.5701.

    Args:
        params: parameters, or dictionaries with "params" and settings of their own.
        lr: the learning rate.
        rho: the part of both means that stays.
        eps: added under both roots.
        weight_decay: the factor of the squared length in the loss, halved.
        maximize: climb instead.
        foreach, capturable: kept for PyTorch's signature; an update is always one launch.
    Raises:
        ConfigError: a setting is unfit, or there is no parameter.
    """

    entries: ClassVar[tuple[str, ...]] = ("step", "square_avg", "acc_delta")
    at_least_zero: ClassVar[tuple[str, ...]] = ("lr", "eps", "weight_decay")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        """Check the settings of a group."""
        super().check(group)
        expect(0 <= group["rho"] <= 1, self.name, "rho must lie in [0, 1]", error=ConfigError,
               rho=group["rho"])  # fmt: skip

    def slots(self, group: Group) -> dict[str, float]:
        """Return the means of squares of gradients and of steps."""
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def update(self, run: Run, group: Group, rate: Tensor) -> None:
        """Update a run of parameters."""
        rule = adagrad.Adadelta(
            float(group["rho"]), float(group["eps"]), float(group["weight_decay"]),
            bool(group["maximize"]),
        )  # fmt: skip
        rule(run.values, run.slot("square_avg"), run.slot("acc_delta"), run.gradients, rate)
