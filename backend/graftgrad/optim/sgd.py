"""Gradient descent, plain and with momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ..errors import ConfigError, expect
from ..flat import Run
from ..ops import optimize
from ..tensor import Tensor
from .optimizer import Group, Optimizer


class SGD(Optimizer):
    """Gradient descent: w ← w − lr·(g + weight_decay·w), with momentum w ← w − lr·b.

    b ← momentum·b + (1 − dampening)·g, in the first step b ← g; nesterov takes g + momentum·b.

    Args:
        params: parameters, or dictionaries with "params" and settings of their own.
        lr: the learning rate.
        momentum: the part of the buffer that stays.
        dampening: the part of the gradient that is left out.
        weight_decay: the factor of the squared length in the loss, halved.
        nesterov: look one step ahead.
        maximize: climb instead.
        foreach, fused: kept for PyTorch's signature; an update is always one launch.
    Raises:
        ConfigError: a setting is unfit, or there is no parameter.
    """

    entries: ClassVar[tuple[str, ...]] = ("momentum_buffer",)
    at_least_zero: ClassVar[tuple[str, ...]] = ("lr", "momentum", "weight_decay")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        """Check the settings of a group."""
        super().check(group)
        fit = not group["nesterov"] or (group["momentum"] > 0 and group["dampening"] == 0)
        expect(fit, self.name, "nesterov needs a momentum and no dampening", error=ConfigError,
               momentum=group["momentum"], dampening=group["dampening"])  # fmt: skip

    def slots(self, group: Group) -> dict[str, float]:
        """Return the buffer, where there is momentum."""
        return {"momentum_buffer": 0.0} if group["momentum"] else {}

    def update(self, run: Run, group: Group, rate: Tensor) -> None:
        """Update a run of parameters."""
        decay, ascend = float(group["weight_decay"]), bool(group["maximize"])
        if not group["momentum"]:
            optimize.Descend(decay, ascend)(run.values, run.gradients, rate)
            return
        rule = optimize.Momentum(
            float(group["momentum"]),
            float(group["dampening"]),
            bool(group["nesterov"]),
            decay,
            ascend,
        )
        rule(run.values, run.slot("momentum_buffer"), run.gradients, rate, run.step)
