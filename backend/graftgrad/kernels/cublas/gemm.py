"""Matrix products of arrays as they lie, in the terms of a library that counts columns first.

y = a · b in row-major order is yᵀ = bᵀ · aᵀ in column-major order, of the same memory: the factors
change places, and nothing is transposed. A factor that lies the other way round is a flag, never a
copy. Only sizes and strides are looked at here, in elements; no library and no array is touched.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

from ..native import geometry

Sizes = tuple[int, ...]


class Lie(NamedTuple):
    """Sizes of an array, and elements between neighbours, of every axis."""

    shape: Sizes
    steps: Sizes


class Gemm(NamedTuple):
    """One call: c ← op(a) · op(b) for each of `batch` matrices, columns first.

    a is the second factor of the user's product, b the first. op(a) is (m, k), op(b) is (k, n).

    Attributes:
        turned: whether a and b lie transposed.
        sizes: m, n and k.
        leading: elements from column to column of a, b and c.
        offsets: the first elements of a, b and c.
        strides: elements from matrix to matrix of a, b and c.
        batch: how many matrices there are.
    """

    turned: tuple[bool, bool]
    sizes: tuple[int, int, int]
    leading: tuple[int, int, int]
    offsets: tuple[int, int, int] = (0, 0, 0)
    strides: tuple[int, int, int] = (0, 0, 0)
    batch: int = 1


class Axis(NamedTuple):
    """Some axes of batches that are one: how many, and elements between neighbours of a, b, y."""

    size: int
    steps: tuple[int, int, int]


def leading(rows: int, columns: int, steps: Sizes) -> tuple[bool, int] | None:
    """Return whether a matrix lies column by column, and the elements from line to line.

    None is returned where the elements of a line have gaps, or lines overlap: it must be copied.
    """
    down, across = steps
    if (across == 1 or columns == 1) and (rows == 1 or down >= columns):
        return False, max(down if rows > 1 else 0, columns, 1)
    if (down == 1 or rows == 1) and (columns == 1 or across >= rows):
        return True, max(across if columns > 1 else 0, rows, 1)
    return None


def straight(lie: Lie) -> bool:
    """Tell whether the matrices of an array can be read as they lie."""
    return _leading(lie) is not None


def gemms(a: Lie, b: Lie, y: Lie) -> list[Gemm]:
    """Return the calls that multiply matrices of any batches that broadcast; few, mostly one.

    Every operand must be `straight`, and y row-major in its last two axes. There must be no empty
    axis.
    """
    (m, k), n = a.shape[-2:], b.shape[-1]
    left, right, found = (_leading(lie) for lie in (a, b, y))
    assert left is not None and right is not None and found is not None and not found[0]
    (turned_a, lead_a), (turned_b, lead_b), lead_y = left, right, found[1]
    axes = joined(y.shape[:-2], _lead(a, y), _lead(b, y), y.steps[:-2])
    if axes and not turned_a and axes[-1].steps[1] == 0:  # one b for many a: further rows of one a
        size, (step_a, _, step_y) = axes[-1]
        single = m == 1 and step_a >= k and step_y >= n
        if single or (step_a == m * lead_a and step_y == m * lead_y):
            axes.pop()
            lead_a, lead_y = (step_a, step_y) if single else (lead_a, lead_y)
            m *= size
    batch = Axis(1, (0, 0, 0))
    if axes:
        batch = max(axes, key=lambda axis: axis.size)
        axes.remove(batch)
    step_a, step_b, step_y = batch.steps
    calls = []
    for place in product(*[range(axis.size) for axis in axes]):
        at_a, at_b, at_y = (
            sum(i * axis.steps[which] for i, axis in zip(place, axes, strict=True))
            for which in range(3)
        )
        calls.append(
            Gemm(
                (turned_b, turned_a), (n, m, k), (lead_b, lead_a, lead_y),
                (at_b, at_a, at_y), (step_b, step_a, step_y), batch.size,
            )
        )  # fmt: skip
    return calls


def joined(sizes: Sizes, *steps: Sizes) -> list[Axis]:
    """Return axes without those of one element; neighbours become one where all steps allow it."""
    every = zip(sizes, zip(*steps, strict=True), strict=True)
    axes = geometry.joined((size, each) for size, each in every if size != 1)
    return [Axis(size, (a, b, y)) for size, (a, b, y) in axes]


def _leading(lie: Lie) -> tuple[bool, int] | None:
    return leading(lie.shape[-2], lie.shape[-1], lie.steps[-2:])


def _lead(one: Lie, y: Lie) -> Sizes:
    """Return the steps of the axes before the last two, stretched to those of the result."""
    more = len(y.shape) - len(one.shape)
    own = zip(one.shape[:-2], one.steps[:-2], strict=True)
    return (*[0] * more, *[0 if size == 1 else step for size, step in own])
