"""Optimizers that divide by the root of squared gradients they have seen: Adagrad and RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ..flat import Run
from ..ops import adagrad
from ..tensor import Tensor
from .optimizer import Group, Optimizer


class Adagrad(Optimizer):
    """Divide by the root of the sum of all squared gradients: w ← w − r·g / (√sum + eps).

    r = lr / (1 + (t − 1)·lr_decay) at step t = 1, 2, …. Duchi et al., JMLR 12 (2011).

    Args:
        params: parameters, or dictionaries with "params" and settings of their own.
        lr: the learning rate.
        lr_decay: how fast the rate falls.
        weight_decay: the factor of the squared length in the loss, halved.
        initial_accumulator_value: what the sum starts with.
        eps: added to the root.
        maximize: climb instead.
        foreach, fused: kept for PyTorch's signature; an update is always one launch.
    Raises:
        ConfigError: a setting is unfit, or there is no parameter.
    """

    entries: ClassVar[tuple[str, ...]] = ("step", "sum")
    at_least_zero: ClassVar[tuple[str, ...]] = (
        "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps",
    )  # fmt: skip

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def slots(self, group: Group) -> dict[str, float]:
        """Return the sum of squares."""
        return {"sum": float(group["initial_accumulator_value"])}

    def update(self, run: Run, group: Group, rate: Tensor) -> None:
        """Update a run of parameters."""
        rule = adagrad.Adagrad(
            float(group["eps"]), False, float(group["lr_decay"]), float(group["weight_decay"]),
            bool(group["maximize"]),
        )  # fmt: skip
        total = run.slot("sum", float(group["initial_accumulator_value"]))
        rule(run.values, total, run.gradients, rate, run.step)


class RMSprop(Optimizer):
    """Divide by the root of the mean of squared gradients: w ← w − lr·g / (√v + eps).

    v ← alpha·v + (1 − alpha)·g²; with momentum b ← momentum·b + g / (√v + eps) and w ← w − lr·b.

    Args:
        params: parameters, or dictionaries with "params" and settings of their own.
        lr: the learning rate.
        alpha: the part of the mean that stays.
        eps: added to the root.
        weight_decay: the factor of the squared length in the loss, halved.
        momentum: the part of the buffer that stays.
        centered: subtract the square of the mean gradient under the root.
        maximize: climb instead.
        foreach, capturable: kept for PyTorch's signature; an update is always one launch.
    Raises:
        ConfigError: a setting is unfit, or there is no parameter.
    """

    entries: ClassVar[tuple[str, ...]] = ("step", "square_avg", "momentum_buffer", "grad_avg")
    at_least_zero: ClassVar[tuple[str, ...]] = ("lr", "alpha", "eps", "weight_decay", "momentum")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def slots(self, group: Group) -> dict[str, float]:
        """Return the mean of squares, and where they are used buffer and mean gradient."""
        names = ["square_avg"]
        names += ["momentum_buffer"] if group["momentum"] else []
        names += ["grad_avg"] if group["centered"] else []
        return dict.fromkeys(names, 0.0)

    def update(self, run: Run, group: Group, rate: Tensor) -> None:
        """Update a run of parameters."""
        kind = adagrad.rmsprop_rule(bool(group["momentum"]), bool(group["centered"]))
        rule = kind(
            float(group["alpha"]), float(group["eps"]), False, float(group["momentum"]),
            float(group["weight_decay"]), bool(group["maximize"]),
        )  # fmt: skip
        slots = [run.slot(name) for name in self.slots(group)]
        rule(run.values, *slots, run.gradients, rate)
