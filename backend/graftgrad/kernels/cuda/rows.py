"""Kernels in which threads share a row: softmax, cross entropy, layer norm and their gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...kernel import Call
from .launches import Launch, over
from .packed import Packed, entry, longs

NARROW = 1024  # elements of a row that one warp reads
WIDE = 8192  # elements of a row from which on a whole large block reads it

HEAD = """
  const long long given = (long long)blockIdx.x * ROWS + threadIdx.x / LANES;
  const bool live = given < rows;
  const long long row = live ? given : rows - 1;
  const int lane = threadIdx.x % LANES;
  const long long begin = row * width;
"""


def lanes_for(width: int) -> tuple[int, int]:
    """Return how many threads share a row, and how many rows a block has."""
    if width <= NARROW:
        return 32, 4
    return (256, 1) if width <= WIDE else (1024, 1)


def row_launch(
    name: str,
    parameters: str,
    text: str,
    rows: int,
    width: int,
    arguments: Sequence[Any],
    real: str,
) -> Launch:
    """Return the launch of a kernel over rows.

    The text may speak of rows, width, row, lane, live (whether the row is there), LANES, R (the
    type that is computed in), begin (the row's first element), `each(k, i)` for a loop over the
    elements k of the row, which lie at i, `sum(x)` and `most(x)`.
    """
    lanes, count = lanes_for(width)
    head = HEAD.replace("ROWS", str(count)).replace("LANES", str(lanes))
    joins = [
        f"auto {word} = [&](R x) {{ return joined<{lanes}>(x, {how}(), room); }};"
        for word, how in (("sum", "plus"), ("most", "larger"))
        if f"{word}(" in text
    ]
    loop = f"for (long long k = lane, i = begin + k; k < width; k += {lanes}, i += {lanes})"
    if joins:
        joins.insert(0, "__shared__ R room[32];")
    made = f"""
  typedef {real} R;
{head}
  {" ".join(joins)}
  {text.replace("each(k, i)", loop)}
  (void)live; (void)lane; (void)begin;
"""
    signature = f"{parameters}, long long rows, long long width"
    whole, source = entry(name, signature, made, lanes * count)
    return Launch(
        source, whole, (over(rows, count),), (lanes * count,), (*arguments, *longs(rows, width))
    )


class Rows(Packed):
    """A body of one launch over rows."""

    def __init__(self, call: Call, launched: Callable[[Sequence[int]], list[Launch]]) -> None:
        super().__init__(call)
        self.launched = launched

    def rows(self, places: Sequence[int]) -> list[Launch]:
        """Return the launches for arrays of these numbers."""
        return self.launched(places)
