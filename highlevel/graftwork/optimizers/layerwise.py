"""Optimizers that look at each weight as a whole: its length, its rows and columns, its matrix."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from graftgrad import Tensor
from graftgrad.flat import FlatGroup, Places, Run
from graftgrad.ops import layerwise, optimize

from ..registry import setting
from ..rules import number, optional, positive_integer
from .adam import part
from .optimizer import Optimizer, optimizer, rate


def strings(subject: str, name: str, value: Any) -> list[str]:
    """Accept a list of words; None stands for none."""
    return [str(one) for one in value or ()]


@optimizer
class Lamb(Optimizer):
    """Adam's step, scaled to the length of each weight: w ← w − rate · ‖w‖ / ‖u‖ · u.

    For large batches. You et al., arXiv:1904.00962.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_1: the part of the average gradient that stays.
        beta_2: the part of the average square that stays.
        epsilon: added to the root.
    Raises:
        ConfigError: a setting is unfit.
    """

    learning_rate: float = setting(rate, default=0.001)
    beta_1: float = setting(part, default=0.9)
    beta_2: float = setting(part, default=0.999)
    epsilon: float = setting(number, default=1e-7)

    def slots(self) -> list[dict[str, float]]:
        """Return both averages."""
        return [{"momentum": 0.0, "velocity": 0.0}]

    def update(self, run: Run, learning_rate: Tensor) -> None:
        """Update a run of weights."""
        rule = layerwise.Lamb(_shapes(run), self.beta_1, self.beta_2, self.epsilon)
        slots = run.slot("momentum"), run.slot("velocity")
        rule(run.values, *slots, run.gradients, learning_rate, run.step)


@optimizer
class Adafactor(Optimizer):
    """Adam's squares by the means of rows and columns, and steps relative to the weights' size.

    w ← w − max(epsilon_2, rms(w)) · min(rate, 1 / √t) · g / √v, at most `clip_threshold` on
    average. Shazeer and Stern, arXiv:1804.04235.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_2_decay: the average square moves by t^beta_2_decay at step t.
        epsilon_1: added to the square of the gradient.
        epsilon_2: the least size of a weight that steps are relative to.
        clip_threshold: the greatest root mean square of a step before it is scaled.
        relative_step: kept for Keras' signature: the rate is bounded by 1 / √t either way.
    Raises:
        ConfigError: a setting is unfit.
    """

    learning_rate: float = setting(rate, default=0.001)
    beta_2_decay: float = setting(number, default=-0.8)
    epsilon_1: float = setting(number, default=1e-30)
    epsilon_2: float = setting(number, default=1e-3)
    clip_threshold: float = setting(number, default=1.0)
    relative_step: bool = setting(default=True)

    def slots(self) -> list[dict[str, float]]:
        """Return the means of rows and columns, and the average square itself."""
        return [{"r": 0.0, "c": 0.0, "velocity": 0.0}]

    def slot_shape(self, weight: Any, name: str) -> tuple[int, ...] | None:
        """Return the shape without its last axis for rows, without the one before for columns.

        Other weights have a number in their place that is never used, as in Keras.
        """
        shape: tuple[int, ...] = weight.shape
        if name not in ("r", "c"):
            return shape
        if len(shape) < 2:
            return ()
        return shape[:-1] if name == "r" else (*shape[:-2], shape[-1])

    def update(self, run: Run, learning_rate: Tensor) -> None:
        """Update a run of weights."""
        rule = layerwise.Adafactor(
            _shapes(run), self.beta_2_decay, self.epsilon_1, self.epsilon_2, self.clip_threshold
        )
        slots = [run.slot(name) for group in self.slots() for name in group]
        rule(run.values, *slots, run.gradients, learning_rate, run.step)


@optimizer
class Muon(Optimizer):
    """Momentum of matrices with all singular values brought near 1; AdamW for all other weights.

    Weights with two axes take the former, unless "embedding" or one of `exclude_layers` is found in
    their path. The last Dense layer is best excluded. Jordan et al. 2024; Liu et al.,
    arXiv:2502.16982.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        adam_beta_1: the part of Adam's average gradient that stays.
        adam_beta_2: the part of Adam's average square that stays.
        adam_weight_decay: the weight decay of what Adam updates; None for none.
        epsilon: added to Adam's root.
        weight_decay: the weight decay of matrices; None for none.
        exclude_layers: patterns; what is found in a path leaves the weight to Adam.
        exclude_embeddings: leave tables of embeddings to Adam.
        muon_a: of the iteration, the factor of X.
        muon_b: the factor of X·Xᵀ·X.
        muon_c: the factor of (X·Xᵀ)²·X.
        adam_lr_ratio: Adam's rate as a multiple of the rate.
        momentum: the part of the momentum that stays.
        ns_steps: how many iterations.
        nesterov: look one step ahead.
        rms_rate: the root mean square that steps are brought to; None to leave them.
    Raises:
        ConfigError: a setting is unfit.
    """

    behind: ClassVar[tuple[str, ...]] = (
        *("exclude_layers", "exclude_embeddings", "muon_a", "muon_b", "muon_c", "adam_lr_ratio"),
        *("momentum", "ns_steps", "nesterov", "rms_rate"),
    )

    learning_rate: float = setting(rate, default=0.001)
    adam_beta_1: float = setting(part, default=0.9)
    adam_beta_2: float = setting(part, default=0.999)
    adam_weight_decay: Any = setting(optional(number), default=0.004)
    epsilon: float = setting(number, default=1e-7)
    weight_decay: Any = setting(optional(number), default=0.004)
    exclude_layers: Any = setting(strings, default=None)
    exclude_embeddings: bool = setting(default=True)
    muon_a: float = setting(number, default=3.4445)
    muon_b: float = setting(number, default=-4.775)
    muon_c: float = setting(number, default=2.0315)
    adam_lr_ratio: float = setting(number, default=1)
    momentum: float = setting(part, default=0.95)
    ns_steps: int = setting(positive_integer, default=5)
    nesterov: bool = setting(default=True)
    rms_rate: Any = setting(optional(number), default=0.2)

    def slots(self) -> list[dict[str, float]]:
        """Return the average gradient, and the average square, which only Adam uses."""
        return [{"momentum": 0.0, "velocity": 0.0}]

    def slot_shape(self, weight: Any, name: str) -> tuple[int, ...] | None:
        """Return the weight's shape; a matrix has no average square."""
        shape: tuple[int, ...] = weight.shape
        return None if name == "velocity" and self.orthogonalized(weight) else shape

    def orthogonalized(self, weight: Any) -> bool:
        """Tell whether a weight is updated as a matrix."""
        path = str(getattr(weight, "path", "") or getattr(weight, "name", ""))
        if len(weight.shape) != 2 or (self.exclude_embeddings and "embedding" in path.lower()):
            return False
        return not any(re.search(pattern, path) for pattern in self.exclude_layers)

    def update(self, run: Run, learning_rate: Tensor) -> None:
        """Update a run of weights."""
        rule = layerwise.Muon(
            _shapes(run), tuple([self.orthogonalized(one) for one in run.weights]), self.momentum,
            bool(self.nesterov), self.ns_steps, self.muon_a, self.muon_b, self.muon_c,
            self.rms_rate, self.adam_beta_1, self.adam_beta_2, self.epsilon, self.adam_lr_ratio,
        )  # fmt: skip
        slots = run.slot("momentum"), run.slot("velocity")
        rule(run.values, *slots, run.gradients, learning_rate, run.step)

    def decay(self, flat: FlatGroup, places: Places, learning_rate: Tensor) -> None:
        """Let weights shrink, matrices by one amount and what Adam updates by another."""
        amounts = ((True, self.weight_decay), (False, self.adam_weight_decay))
        for matrix, amount in amounts:
            of_kind = [i for i in places if self.orthogonalized(flat.weights[i]) is matrix]
            if amount:
                for run in flat.stretches(tuple(self.decaying(flat, of_kind))):
                    optimize.Decay(amount)(run.values, learning_rate)


def _shapes(run: Run) -> tuple[tuple[int, ...], ...]:
    return tuple([weight.shape for weight in run.weights])
