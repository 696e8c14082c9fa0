"""Windows of sequences reduced to one number: pooling of images of one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import expect
from ..spec import pair, several
from .conv1d import in_one_row, out_of_one_row
from .pool import avg_pool2d, max_pool2d
from .window import BATCHES

if TYPE_CHECKING:
    from ..tensor import Tensor


def max_pool1d(
    x: Tensor,
    size: int | Sequence[int] = 2,
    strides: int | Sequence[int] | None = None,
    padding: str | int | Sequence[int] = "valid",
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """Take the largest value of every window: y[n, t, c] = max x[n, t·s + a·d, c].

    Of several equal maxima the first gets the gradient. Padding never wins.

    Args:
        x: sequences, (N, T, C).
        size: the length of the window, A.
        strides: steps from one window to the next; `size` if None.
        padding: "valid", "same", or the margin: one number, or before and after.
        dilation: steps from one place of the window to the next.
    Returns:
        (N, T', C), T' = ⌊(T + padding − d·(A − 1) − 1) / s⌋ + 1.
    Raises:
        ShapeError: the window is longer than the padded x, or a margin as long as the window.
    """
    window, steps, pads = _of_one_row("max_pool1d", x, size, strides, padding)
    gap = several("max_pool1d dilation", dilation, 1)
    return out_of_one_row(max_pool2d(in_one_row(x), window, steps, pads, (1, *gap)))


def avg_pool1d(
    x: Tensor,
    size: int | Sequence[int] = 2,
    strides: int | Sequence[int] | None = None,
    padding: str | int | Sequence[int] = "valid",
    count_include_pad: bool = False,
) -> Tensor:
    """Average every window: y[n, t, c] = Σ x[n, t·s + a, c] / count.

    Args:
        x: sequences, (N, T, C); integers become real numbers.
        size: the length of the window, A.
        strides: steps from one window to the next; `size` if None.
        padding: "valid", "same", or the margin: one number, or before and after.
        count_include_pad: count A steps everywhere, also where some lie beyond the ends.
    Returns:
        (N, T', C), T' = ⌊(T + padding − A) / s⌋ + 1.
    Raises:
        ShapeError: the window is longer than the padded x, or a margin as long as the window.
    """
    window, steps, pads = _of_one_row("avg_pool1d", x, size, strides, padding)
    return out_of_one_row(avg_pool2d(in_one_row(x), window, steps, pads, count_include_pad))


def _of_one_row(
    subject: str, x: Tensor, size: Any, strides: Any, padding: Any
) -> tuple[tuple[int, int], tuple[int, int], Any]:
    """Return window, strides and padding of sequences as those of images."""
    expect(x.ndim == 3, subject, f"x must be {BATCHES[1]}", x=x.spec)
    (window,) = several(f"{subject} size", size, 1)
    (step,) = (window,) if strides is None else several(f"{subject} strides", strides, 1)
    pads = padding if isinstance(padding, str) else ((0, 0), pair(f"{subject} padding", padding))
    return (1, window), (1, step), pads
