"""Normalisation that is no mean and variance: by neighbouring channels, by a largest stretch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import modes
from ..errors import expect
from .matmul import matmul
from .operand import floating
from .pool1d import avg_pool1d
from .sample_norm import normalize
from .shape import reshape, transpose

if TYPE_CHECKING:
    from ..tensor import Tensor


def local_response_norm(
    x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Divide by what neighbouring channels hold: y = x / (k + alpha · ⟨x²⟩)^beta.

    ⟨x²⟩ is the sum over the `size` channels around each one, as far as there are such, divided by
    `size`. Krizhevsky, Sutskever and Hinton 2012.

    Shapes: x (N, …, C) -> like x.

    Args:
        x: activations, channels last.
        size: how many channels count; of an even number one more before than after.
        alpha: the factor of the mean square.
        beta: the exponent.
        k: what is added, so that nothing is divided by 0.
    Raises:
        ShapeError: x has no channels beside a batch, or size is not positive.
    """
    expect(x.ndim > 1 and size > 0, "local_response_norm",
           "x must be (N, …, C), and size at least 1", x=x.spec, size=size)  # fmt: skip
    x = floating(x)
    lines = reshape(x * x, (x.size // max(x.shape[-1], 1), x.shape[-1], 1))
    around = (size // 2, (size - 1) // 2)
    means = reshape(avg_pool1d(lines, size, 1, around, count_include_pad=True), x.shape)
    return x * (means * alpha + k) ** -beta


def spectral_norm(
    w: Tensor, u: Tensor, iterations: int = 1, epsilon: float = 1e-12
) -> tuple[Tensor, Tensor]:
    """Divide a weight by its largest singular value, as power iteration finds it.

    v = w·u / ‖w·u‖, u ← wᵀ·v / ‖wᵀ·v‖, σ = vᵀ·w·u; w is a matrix (M, O), its last axis the second.
    Gradients flow through σ to w, not through u and v. Miyato et al. 2018.

    Args:
        w: the weight, (…, O).
        u: where the iteration begins, (O,): what it gave the last time.
        iterations: how many steps.
        epsilon: the least length that is divided by.
    Returns:
        w / σ like w, and the new u, (O,).
    Raises:
        ShapeError: u is not (O,), or there are no iterations.
    """
    expect(w.ndim > 1 and u.shape == w.shape[-1:] and iterations > 0, "spectral_norm",
           "u must be (O,) for a weight (…, O), and iterations at least 1",
           w=w.spec, u=u.spec, iterations=iterations)  # fmt: skip
    matrix = reshape(w, (-1, w.shape[-1]))
    with modes.no_grad():
        row = reshape(u, (1, -1))
        for _ in range(iterations):
            column = normalize(matmul(row, transpose(matrix, (1, 0))), -1, epsilon)
            row = normalize(matmul(column, matrix), -1, epsilon)
        column, row = column.detach(), row.detach()
    sigma = matmul(matmul(column, matrix), transpose(row, (1, 0)))
    return w / reshape(sigma, ()), reshape(row, (-1,))
