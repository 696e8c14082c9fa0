"""One axis brought to another length: each new place a weighted sum of some old ones.

Which places with which weights, a `Sampling` tells: the filters of image scaling, and the bins of
adaptive pooling. The gradient is the same with the weights' matrix turned round.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import expect
from ..function import Function, function
from ..spec import Spec, float32, is_floating
from .window import single

if TYPE_CHECKING:
    from ..tensor import Tensor

# How far each filter reaches, in source places where nothing is made smaller.
REACH = {"linear": 1.0, "cubic": 2.0, "lanczos3": 3.0, "lanczos5": 5.0}


@dataclass(frozen=True)
class Sampling:
    """How `wanted` places of a result see `source` places of what is scaled.

    Attributes:
        source: how many places there are.
        wanted: how many come out.
        rule: "nearest", "floor" (nearest, counted from the corner), "linear", "cubic", "lanczos3",
            "lanczos5", or "area" (the mean of a bin).
        antialias: whether filters are stretched where the result is smaller.
        corners: whether the first and last places of both lie upon each other; else centres of
            places are at (i + ½) · scale.
        scale: source places per result place; source / wanted if None.
        sharpness: the cubic filter's slope at 1: −½ is Keys' own.
        clamped: whether places beyond the ends are those at the ends; else they do not count.
    """

    source: int
    wanted: int
    rule: str
    antialias: bool = False
    corners: bool = False
    scale: float | None = None
    sharpness: float = -0.5
    clamped: bool = False

    def centres(self) -> Any:
        """Return where in the source each place of the result lies."""
        i = np.arange(self.wanted)
        if self.corners:
            return i * ((self.source - 1) / max(self.wanted - 1, 1))
        return (i + 0.5) * self.step() - 0.5

    def step(self) -> float:
        """Return how many source places there are for each of the result."""
        return self.source / self.wanted if self.scale is None else self.scale


@lru_cache(maxsize=256)
def matrix(sampling: Sampling) -> Any:
    """Return the weights of source places for each place of the result, (wanted, source)."""
    m, n = sampling.wanted, sampling.source
    made = np.zeros((m, n))
    rows = np.arange(m)
    if sampling.rule in ("nearest", "floor"):
        shift = 0.5 if sampling.rule == "nearest" else 0.0
        places = np.floor((rows + shift) * sampling.step()).astype(int)
        made[rows, np.clip(places, 0, n - 1)] = 1
        return made
    if sampling.rule == "area":
        for i in range(m):
            start, stop = i * n // m, -(-(i + 1) * n // m)
            made[i, start:stop] = 1 / (stop - start)
        return made
    wide = max(sampling.step(), 1.0) if sampling.antialias else 1.0
    centres = sampling.centres()
    reach = REACH[sampling.rule] * wide
    first = np.floor(centres - reach).astype(int)
    for k in range(int(2 * reach) + 3):
        places = first + k
        weights = _filter(sampling)((places - centres) / wide)
        inside = (places >= 0) & (places < n)
        seen = np.clip(places, 0, n - 1)
        np.add.at(made, (rows, seen), weights if sampling.clamped else weights * inside)
    total = made.sum(axis=1, keepdims=True)
    return made / np.where(total == 0, 1, total)


@lru_cache(maxsize=256)
def taps(sampling: Sampling, turned: bool) -> tuple[tuple[Any, Any], ...]:
    """Return, tap by tap, which place each result sees, and with which weight."""
    whole = matrix(sampling)
    whole = whole.T if turned else whole
    order = np.argsort(whole == 0, axis=1, kind="stable")  # the places that count first
    most = max(int((whole != 0).sum(axis=1).max(initial=0)), 1)
    rows = np.arange(len(whole))
    found = []
    for k in range(most):
        places = order[:, k]
        weights = whole[rows, places]
        found.append((np.where(weights == 0, order[:, 0], places), weights))
    return tuple(found)


def _filter(sampling: Sampling) -> Callable[[Any], Any]:
    if sampling.rule == "linear":
        return _triangle
    if sampling.rule == "cubic":
        return lambda x: _cubic(x, sampling.sharpness)
    return lambda x: _lanczos(x, REACH[sampling.rule])


def _triangle(x: Any) -> Any:
    return np.maximum(0, 1 - np.abs(x))


def _cubic(x: Any, a: float) -> Any:
    """Return the filter of cubic convolution. Keys 1981."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def _lanczos(x: Any, reach: float) -> Any:
    return np.where(np.abs(x) < reach, np.sinc(x) * np.sinc(x / reach), 0.0)


@function
class Resample(Function):
    """An axis of `sampling.source` places brought to `sampling.wanted`; the reverse if `turned`.

    y[…, i, …] = Σ weights[i, k] · x[…, k, …]
    """

    axis: int
    sampling: Sampling
    turned: bool = False

    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec) -> Spec:
        before, after = self.sampling.source, self.sampling.wanted
        if self.turned:
            before, after = after, before
        expect(is_floating(x.dtype) and x.shape[self.axis] == before, "resample",
               f"axis {self.axis} of x must be {before} real numbers long", x=x)  # fmt: skip
        return x.shaped(*x.shape[: self.axis], after, *x.shape[self.axis + 1 :])

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        self.body(xp, (Spec(x.shape, x.dtype),))(x, y)

    def body(self, xp: Any, ins: tuple[Spec, ...]) -> Callable[..., None]:
        """Return the reference body; its places and weights are put on the device once."""
        along, dtype = [1] * ins[0].ndim, ins[0].dtype
        along[self.axis] = -1
        exact = float32 if dtype.itemsize < 4 else dtype
        found = [
            (xp.asarray(places), xp.asarray(weights.astype(exact).reshape(along)))
            for places, weights in taps(self.sampling, self.turned)
        ]

        @single
        def summed(self: Resample, xp: Any, x: Any, y: Any) -> None:
            for k, (places, factors) in enumerate(found):
                seen = xp.take(x, places, axis=self.axis)
                if k == 0:
                    xp.multiply(seen, factors, out=y)
                else:
                    seen *= factors
                    y += seen

        return partial(summed, self, xp)

    def grad_x(self, gy: Tensor) -> Tensor:
        return Resample(self.axis, self.sampling, not self.turned)(gy)  # type: ignore[no-any-return]
