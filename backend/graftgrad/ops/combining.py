"""Several tensors in one, by position: blocks on a diagonal, all tuples of elements."""

from __future__ import annotations

from itertools import combinations as chosen
from itertools import combinations_with_replacement as repeated
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import expect
from ..spec import broadcast
from .arrange import meshgrid
from .gather import Take
from .operand import together
from .shape import broadcast_to, concatenate, pad, reshape, stack

if TYPE_CHECKING:
    from ..tensor import Tensor


def broadcast_tensors(*xs: Any) -> tuple[Tensor, ...]:
    """Stretch tensors to the shape that all of them broadcast to; views.

    Raises:
        ShapeError: they do not broadcast.
    """
    given = together(*xs)
    shape = broadcast("broadcast_tensors", *[x.spec for x in given])
    return tuple(broadcast_to(x, shape) for x in given)


def block_diag(*xs: Any) -> Tensor:
    """Put matrices onto the diagonal of one, zeros elsewhere: (Σ Iₖ, Σ Jₖ).

    A vector is a row, a number a matrix of one element.

    Raises:
        ShapeError: one has more than two axes.
    """
    given = together(*xs)
    for x in given:
        expect(x.ndim <= 2, "block_diag", "all must be matrices, vectors or numbers", x=x.spec)
    blocks = [x if x.ndim == 2 else reshape(x, (1, x.size)) for x in given]
    before, rows = 0, []
    width = sum(x.shape[1] for x in blocks)
    for x in blocks:
        rows.append(pad(x, [(0, 0), (before, width - before - x.shape[1])]))
        before += x.shape[1]
    return concatenate(rows, 0)


def cartesian_prod(*xs: Any) -> Tensor:
    """List all tuples of one element of each vector, the last varying fastest: (Π Nₖ, K).

    One vector alone is returned itself.

    Raises:
        ShapeError: one is no vector.
    """
    given = together(*xs)
    for x in given:
        expect(x.ndim == 1, "cartesian_prod", "all must be vectors", x=x.spec)
    if len(given) == 1:
        return given[0]
    grids = meshgrid(*given, indexing="ij")
    return stack([reshape(one, (-1,)) for one in grids], 1)


def combinations(x: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """List all choices of r elements of a vector in their order: (choices, r).

    Raises:
        ShapeError: x is no vector, or r is negative.
    """
    expect(x.ndim == 1 and r >= 0, "combinations", "x must be a vector, and r not negative",
           x=x.spec, r=r)  # fmt: skip
    rows = [*(repeated if with_replacement else chosen)(range(x.size), r)]
    places = np.array(rows, "int64").reshape(len(rows), r)
    return Take(0, "combinations")(x, x.like(places))  # type: ignore[no-any-return]
