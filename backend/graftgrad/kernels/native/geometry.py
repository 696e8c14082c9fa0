"""How several arrays that broadcast against each other are walked through: axes, strides, rows.

Axes that lie behind each other in every array are walked as one; the innermost axis is one along
which every array has its elements side by side, or only one element.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ...spec import Shape
from .loops import AXES, ENTER, THREADS, TOTAL, WIDTH
from .vectors import ONE, UNIT, ZERO

Strides = tuple[int, ...]


class Walk(NamedTuple):
    """Sizes from the outermost axis to the innermost; strides in bytes per array and axis."""

    sizes: tuple[int, ...]
    strides: tuple[Strides, ...]
    layouts: tuple[str, ...]

    @property
    def depth(self) -> int:
        """How many axes lie outside of the rows."""
        return len(self.sizes) - 1

    @property
    def elements(self) -> int:
        """How many elements there are."""
        total = 1
        for size in self.sizes:
            total *= size
        return total

    def words(self, enter: int, threads: int) -> Any:
        """Return the walk as code reads it: see `loops`."""
        *outer, width = self.sizes
        rows = 1
        for size in outer:
            rows *= size
        words = [0] * AXES
        words[ENTER], words[THREADS], words[WIDTH] = enter, threads, width
        words[TOTAL] = rows if outer else width
        last = [0] * len(self.strides)
        inner = 1
        for axis in reversed(range(len(outer))):
            steps = [strides[axis] for strides in self.strides]
            carries = [step - inner * before for step, before in zip(steps, last, strict=True)]
            words += [outer[axis], *steps, *carries]
            last, inner = steps, outer[axis]
        return (ctypes.c_int64 * len(words))(*words)


def row_major(shape: Shape, itemsize: int) -> Strides:
    """Return the strides of an array without gaps."""
    strides = []
    step = itemsize
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


def walk(
    shape: Shape, shapes: Sequence[Shape], strides: Sequence[Strides], sizes: Sequence[int],
    written: frozenset[int],
) -> Walk | None:  # fmt: skip
    """Return how to walk through arrays that stretch to `shape`, or None where rows do not fit.

    Args:
        shape: all elements.
        shapes: one for each array.
        strides: in bytes.
        sizes: of one element in bytes.
        written: the arrays that are results.
    """
    axes = [
        (size, tuple([_step(i, len(shape), own, step) for own, step in zip(shapes, strides,
                                                                          strict=True)]))
        for i, size in enumerate(shape)
        if size != 1
    ]  # fmt: skip
    if axes and written:  # from the largest step of the first result to the smallest
        first = min(written)
        axes.sort(key=lambda axis: -abs(axis[1][first]))
    merged = joined(axes)
    if not merged:
        return Walk((1,), tuple([(size,) for size in sizes]), (UNIT,) * len(sizes))
    for i in reversed(range(len(merged))):
        if all(step in (0, one) for step, one in zip(merged[i][1], sizes, strict=True)) and all(
            merged[i][1][w] for w in written
        ):
            merged.append(merged.pop(i))
            break
    else:
        return None
    found = tuple(zip(*[steps for _, steps in merged], strict=True))
    if any(0 in found[w] for w in written):
        return None
    layouts = tuple(ONE if not any(steps) else UNIT if steps[-1] else ZERO for steps in found)
    return Walk(tuple([size for size, _ in merged]), found, layouts)


def joined(axes: Iterable[tuple[int, Strides]]) -> list[tuple[int, Strides]]:
    """Return sizes and steps of axes; neighbours that lie behind each other everywhere are one."""
    merged: list[tuple[int, Strides]] = []
    for size, steps in axes:
        if merged:
            before, wide = merged[-1]
            if all(a == b * size for a, b in zip(wide, steps, strict=True)):
                merged[-1] = (before * size, steps)
                continue
        merged.append((size, steps))
    return merged


def _step(axis: int, ndim: int, shape: Shape, strides: Strides) -> int:
    """Return an array's step along an axis of all; 0 where it is stretched."""
    own = axis - ndim + len(shape)
    return 0 if own < 0 or shape[own] == 1 else strides[own]
