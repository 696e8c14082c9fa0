"""The minimal filtering algorithm F(2×2, 3×3): four products where nine multiplications were due.

y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A for a tile of 2 × 2 results, from 4 × 4 points (Winograd, Arithmetic
Complexity of Computations, 1980; Lavin and Gray, Fast Algorithms for Convolutional Neural Networks,
CVPR 2016). Its factors are 1 and ½ alone, so sums are about as precise as a direct convolution's.
What is done to the columns of a square and then to its rows is told here for one of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..native.program import Value

TAPS, OUT, SIDE = 3, 2, 4  # of filters, of results, of planes: along one axis

Values = Sequence[Value]


def image(x: Values) -> list[Value]:
    """Return Bᵀx of four points."""
    return [x[0] - x[2], x[1] + x[2], x[2] - x[1], x[1] - x[3]]


def result(m: Values) -> list[Value]:
    """Return Aᵀm: two results of four products."""
    return [m[0] + m[1] + m[2], m[1] - m[2] - m[3]]


def gradient(y: Values) -> list[Value]:
    """Return Ay of two gradients."""
    return [y[0], y[0] + y[1], y[0] - y[1], 0.0 - y[1]]


def filters(w: Values) -> list[Value]:
    """Return Gw of three taps."""
    both, middle = (w[0] + w[2]) * 0.5, w[1] * 0.5
    return [w[0], both + middle, both - middle, w[2]]


def turned(w: Values) -> list[Value]:
    """Return Gw of three taps in reverse order."""
    return filters(w[::-1])


def filter_gradient(u: Values) -> list[Value]:
    """Return Gᵀu: three taps of four sums."""
    both, middle = (u[1] + u[2]) * 0.5, (u[1] - u[2]) * 0.5
    return [u[0] + both, middle, both + u[3]]
