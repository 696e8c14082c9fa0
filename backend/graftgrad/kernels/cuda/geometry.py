"""How several arrays that broadcast against each other are walked through on a GPU.

Axes that lie behind each other in every array count as one. Strides are in elements here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...spec import Shape
from ..native.geometry import joined

Strides = tuple[int, ...]


class Walk(NamedTuple):
    """Sizes from the outermost axis to the innermost; strides per array and axis, in elements."""

    sizes: tuple[int, ...]
    strides: tuple[Strides, ...]


def elements(strides: Strides, itemsize: int) -> Strides | None:
    """Return strides in elements, or None where bytes lie between them that make no element."""
    if any(step % itemsize for step in strides):
        return None
    return tuple([step // itemsize for step in strides])


def stretched(shape: Shape, strides: Strides, whole: Shape) -> Strides | None:
    """Return an array's steps along the axes of `whole`; None where it does not broadcast to it."""
    lead = len(whole) - len(shape)
    if lead < 0:
        return None
    steps = [0] * lead
    for size, step, wide in zip(shape, strides, whole[lead:], strict=True):
        if size not in (1, wide):
            return None
        steps.append(0 if size == 1 else step)
    return tuple(steps)


def collapsed(shape: Shape, strides: Sequence[Strides]) -> Walk:
    """Join axes that lie behind each other in every array; axes of one element vanish."""
    merged = joined(
        (size, tuple([one[axis] for one in strides]))
        for axis, size in enumerate(shape)
        if size != 1
    )
    if not merged:
        return Walk((1,), tuple([(0,) for _ in strides]))
    found = tuple(zip(*[steps for _, steps in merged], strict=True))
    return Walk(tuple([size for size, _ in merged]), found)


def reach(walk: Walk) -> int:
    """Return the largest number that counting elements or steps comes to."""
    total = 1
    for size in walk.sizes:
        total *= size
    far = [
        sum(abs(step) * (size - 1) for step, size in zip(steps, walk.sizes, strict=True))
        for steps in walk.strides
    ]
    return max([total, *far])
