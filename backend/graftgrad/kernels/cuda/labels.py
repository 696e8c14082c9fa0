"""Labels and places, element by element: their classes, distributions, elements and flat places.

Nothing is read back to be checked: a label outside gives NaN, a place outside one that no array
has. On the processor the same ops raise, or labels were looked at before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...kernel import Call, Kernel, kernel
from ...ops.gather import FlatPlaces, OneHot
from ...ops.labels import LabelDistribution, Pick
from ...spec import float64, is_floating
from .launches import THREADS, Launch, int64, over
from .packed import Packed, entry, fits, longs, nothing, pointers
from .prelude import type_of
from .translate import literal

NOWHERE = "(-(1LL << 62))"  # a place outside of every array, however it is counted


class Each(Packed):
    """One thread for each element of the result, `y[i]` in the text."""

    def __init__(self, call: Call, text: str, numbers: Sequence[tuple[str, int]] = ()) -> None:
        super().__init__(call)
        self.text = text
        self.numbers = tuple(numbers)

    def rows(self, places: Sequence[int]) -> list[Launch]:
        """Return the launch; operands are called x0, x1, … in the text."""
        specs = (*self.call.ins, *self.call.outs)
        names = [*[f"x{i}" for i in range(len(self.call.ins))], "y"]
        parameters = pointers(specs, names, len(self.call.ins))
        parameters += "".join(f", long long {name}" for name, _ in self.numbers)
        text = f"""
  const long long i = (long long)blockIdx.x * {THREADS} + threadIdx.x;
  if (i >= total) return;
  {self.text}
"""
        name, source = entry("each", f"{parameters}, long long total", text)
        total = self.call.outs[0].size
        numbers = [*[int64(value) for _, value in self.numbers], *longs(total)]
        return [Launch(source, name, (over(total, THREADS),), (THREADS,),
                       (*places[: len(specs)], *numbers))]  # fmt: skip


def _counts(ignored: int | None) -> tuple[str, list[tuple[str, int]]]:
    if ignored is None:
        return "true", []
    return "label != ignored", [("ignored", ignored)]


@kernel(OneHot, on="gpu")
def build_one_hot(call: Call) -> Kernel | None:
    """Offer a kernel for labels as vectors."""
    if not fits(call):
        return None
    y = call.outs[0]
    text = f"""
  const long long label = (long long)x0[i / classes];
  const bool outside = label < 0 || label >= classes;
  y[i] = outside ? {nothing(y)} : narrow<{type_of(y.dtype)}>(label == i % classes);
"""
    return Each(call, text, [("classes", y.shape[-1])])


@kernel(LabelDistribution, on="gpu")
def build_label_distribution(call: Call) -> Kernel | None:
    """Offer a kernel for the distributions that labels stand for."""
    function: Any = call.function
    dtype = call.outs[0].dtype
    if not fits(call) or not is_floating(dtype):
        return None
    real = "double" if dtype == float64 else "float"
    element = type_of(dtype)
    counts, numbers = _counts(function.ignored)
    spread = literal(function.smoothing / function.classes, "double")
    rest = literal(1 - function.smoothing, "double")
    text = f"""
  const long long label = (long long)x0[i / classes];
  const bool kept = {counts}, wrong = kept && (label < 0 || label >= classes);
  {real} share = rounded<{element}>({spread});
  if (label == i % classes) share += rounded<{element}>({rest});
  y[i] = wrong ? {nothing(call.outs[0])} : narrow<{element}>(kept ? share : ({real})0);
"""
    return Each(call, text, [("classes", function.classes), *numbers])


@kernel(Pick, on="gpu")
def build_pick(call: Call) -> Kernel | None:
    """Offer a kernel for the element of each row at its label."""
    function: Any = call.function
    if not fits(call):
        return None
    counts, numbers = _counts(function.ignored)
    text = f"""
  const long long label = (long long)x1[i];
  const bool kept = {counts}, wrong = kept && (label < 0 || label >= classes);
  y[i] = wrong ? {nothing(call.outs[0])}
       : kept ? x0[i * classes + label] : narrow<{type_of(call.outs[0].dtype)}>(0);
"""
    return Each(call, text, [("classes", call.ins[0].shape[-1]), *numbers])


@kernel(FlatPlaces, on="gpu")
def build_flat_places(call: Call) -> Kernel | None:
    """Offer a kernel for places on several axes as places on one."""
    function: Any = call.function
    shape = call.outs[0].shape
    if not fits(call) or any(spec.shape != shape for spec in call.ins):
        return None
    if math.prod(function.sizes) >= 1 << 62:
        return None
    lines = ["long long flat = 0; bool outside = false;"]
    for axis in range(len(function.sizes)):
        lines.append(f"{{ long long place = (long long)x{axis}[i]; if (place < 0) place += n{axis};"
                     f" outside = outside || place < 0 || place >= n{axis};"
                     f" flat = flat * n{axis} + place; }}")  # fmt: skip
    lines.append(f"y[i] = outside ? {NOWHERE} : flat;")
    return Each(call, "\n  ".join(lines), [(f"n{i}", n) for i, n in enumerate(function.sizes)])
