"""Update rules that look at each weight as a whole: its length, its rows and columns, its matrix.

`shapes` are those of the weights that lie one after the other in a run; one launch moves them all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, ClassVar

from ..errors import expect
from ..function import function
from ..spec import Shape, Spec
from .optimize import Update, quiet, toward


class Layerwise(Update):
    """What these rules share: where each weight lies, and that together they fill the run."""

    shapes: tuple[Shape, ...]

    def fitted(self, numbers: tuple[Spec, ...], *arrays: Spec) -> tuple[Spec, ...]:
        """Return the changed operands, after the checks of all rules and that of the shapes."""
        found = self.checked(numbers, *arrays)
        sizes = sum(math.prod(shape) for shape in self.shapes)
        expect(arrays[0].shape == (sizes,), self.name, "shapes must fill the flat weights",
               weights=arrays[0], shapes=self.shapes)  # fmt: skip
        return found

    def places(self) -> Iterator[tuple[slice, Shape]]:
        """Yield where each weight lies, and its shape; empty ones are passed over."""
        start = 0
        for shape in self.shapes:
            stop = start + math.prod(shape)
            if stop > start:
                yield slice(start, stop), shape
            start = stop


@function
class Lamb(Layerwise):
    """Adam's step u, scaled to the length of each weight: w ← w − rate · ‖w‖ / ‖u‖ · u.

    u = m̂ / (√v̂ + ε) with both averages corrected; the factor is 1 where a length is 0. You et al.,
    arXiv:1904.00962.
    """

    shapes: tuple[Shape, ...]
    beta_1: float
    beta_2: float
    epsilon: float
    updates: ClassVar[tuple[str, ...]] = ("weights", "momentum", "velocity")

    def infer(
        self, weights: Spec, momentum: Spec, velocity: Spec, gradients: Spec, rate: Spec, step: Spec
    ) -> tuple[Spec, ...]:
        return self.fitted((rate, step), weights, momentum, velocity, gradients)

    @quiet
    def compute(
        self, xp: Any, weights: Any, momentum: Any, velocity: Any, gradients: Any, rate: Any,
        step: Any,
    ) -> None:  # fmt: skip
        dtype, work = weights.dtype, xp.empty_like(weights)
        toward(xp, momentum, gradients, 1 - self.beta_1, work)
        toward(xp, velocity, gradients * gradients, 1 - self.beta_2, work)
        move = xp.sqrt(velocity / (1 - xp.power(self.beta_2, step)).astype(dtype))
        move += self.epsilon
        xp.divide(momentum / (1 - xp.power(self.beta_1, step)).astype(dtype), move, out=move)
        for place, _ in self.places():
            of_w, of_u = (xp.sqrt(xp.dot(one, one)) for one in (weights[place], move[place]))
            ratio = xp.where((of_w > 0) & (of_u > 0), of_w / of_u, 1.0)
            move[place] *= (ratio * rate).astype(dtype)
        xp.subtract(weights, move, out=weights)


@function
class Adafactor(Layerwise):
    """Squares of gradients by the means of their rows r and columns c: v = r · c / ⟨r⟩.

    u = g / √v, shortened to a root mean square of at most `clip_threshold`;
    w ← w − max(ε₂, rms(w)) · min(rate, 1 / √t) · u. Averages move by β = 1 − t^decay; weights with
    fewer than two axes keep v itself. r and c lie at the front of each weight's part of the slots.
    Shazeer and Stern, arXiv:1804.04235.
    """

    shapes: tuple[Shape, ...]
    beta_2_decay: float
    epsilon_1: float
    epsilon_2: float
    clip_threshold: float
    updates: ClassVar[tuple[str, ...]] = ("weights", "rows", "columns", "velocity")

    def infer(
        self, weights: Spec, rows: Spec, columns: Spec, velocity: Spec, gradients: Spec,
        rate: Spec, step: Spec,
    ) -> tuple[Spec, ...]:  # fmt: skip
        return self.fitted((rate, step), weights, rows, columns, velocity, gradients)

    @quiet
    def compute(
        self, xp: Any, weights: Any, rows: Any, columns: Any, velocity: Any, gradients: Any,
        rate: Any, step: Any,
    ) -> None:  # fmt: skip
        dtype = weights.dtype
        part = xp.power(step, self.beta_2_decay).astype(dtype)
        length = xp.minimum(rate, 1 / xp.sqrt(step)).astype(dtype)
        for place, shape in self.places():
            g = gradients[place].reshape(shape)
            squares = g * g + self.epsilon_1
            if len(shape) < 2:
                v = velocity[place].reshape(shape)
                v = v + (squares - v) * part
            else:
                r = self._moved(rows[place], squares.mean(axis=-1), part)
                c = self._moved(columns[place], squares.mean(axis=-2), part)
                v = (r / r.mean(axis=-1, keepdims=True))[..., None] * c[..., None, :]
            velocity[place] = v.reshape(-1)
            u = g / xp.sqrt(v)
            w = weights[place]
            shorter = xp.maximum(1, self._rms(xp, u) / self.clip_threshold)
            alpha = xp.maximum(self.epsilon_2, self._rms(xp, w)) * length
            weights[place] = w - (u * (alpha / shorter).astype(dtype)).reshape(-1)

    def _moved(self, slot: Any, value: Any, part: Any) -> Any:
        """Move the average at the front of a slot, and return it."""
        count = value.size
        average = slot[:count].reshape(value.shape)
        average = average + (value - average) * part
        slot[:count] = average.reshape(-1)
        return average

    def _rms(self, xp: Any, x: Any) -> Any:
        return xp.sqrt(xp.mean(x * x))


@function
class Muon(Layerwise):
    """Momentum of matrices with all singular values brought near 1.

    m ← μ·m + g; w ← w − rate · scale · N(g + μ·m), without `nesterov` N(m); N is `steps` rounds of
    X ← a·X + (b·X·Xᵀ + c·(X·Xᵀ)²)·X, begun at X / ‖X‖; scale = √max(rows, columns) · `rms_rate`.
    Weights that `matrices` leaves out take a step of Adam at `adam_ratio` times the rate. Jordan et
    al. 2024; Liu et al., arXiv:2502.16982.
    """

    shapes: tuple[Shape, ...]
    matrices: tuple[bool, ...]
    momentum_part: float
    nesterov: bool
    steps: int
    a: float
    b: float
    c_: float
    rms_rate: float | None
    beta_1: float
    beta_2: float
    epsilon: float
    adam_ratio: float
    updates: ClassVar[tuple[str, ...]] = ("weights", "momentum", "velocity")

    def infer(
        self, weights: Spec, momentum: Spec, velocity: Spec, gradients: Spec, rate: Spec, step: Spec
    ) -> tuple[Spec, ...]:
        for shape, matrix in zip(self.shapes, self.matrices, strict=True):
            expect(not matrix or len(shape) == 2, self.name, "matrices must have two axes",
                   shape=shape)  # fmt: skip
        return self.fitted((rate, step), weights, momentum, velocity, gradients)

    @quiet
    def compute(
        self, xp: Any, weights: Any, momentum: Any, velocity: Any, gradients: Any, rate: Any,
        step: Any,
    ) -> None:  # fmt: skip
        dtype = weights.dtype
        root = xp.sqrt(1 - xp.power(self.beta_2, step))
        alpha = rate * self.adam_ratio * root / (1 - xp.power(self.beta_1, step))
        kinds = [m for s, m in zip(self.shapes, self.matrices, strict=True) if math.prod(s)]
        for (place, shape), matrix in zip(self.places(), kinds, strict=True):
            g, m = gradients[place], momentum[place]
            if matrix:
                m = m * self.momentum_part + g
                pull = g + m * self.momentum_part if self.nesterov else m
                move = self._orthogonal(xp, pull.reshape(shape)).reshape(-1)
                scale = 1.0 if self.rms_rate is None else max(shape) ** 0.5 * self.rms_rate
                move = move * (rate * scale).astype(dtype)
            else:
                v = velocity[place]
                m = m + (g - m) * (1 - self.beta_1)
                v = v + (g * g - v) * (1 - self.beta_2)
                velocity[place] = v
                move = m * alpha.astype(dtype) / (xp.sqrt(v) + self.epsilon)
            momentum[place] = m
            weights[place] -= move

    def _orthogonal(self, xp: Any, x: Any) -> Any:
        tall = x.shape[0] > x.shape[1]
        x = x.T if tall else x
        x = x / (xp.sqrt((x * x).sum()) + 1e-7)
        for _ in range(self.steps):
            square = x @ x.T
            x = self.a * x + (self.b * square + self.c_ * (square @ square)) @ x
        return x.T if tall else x
