"""Windows of volumes reduced to one number: first those of every frame, then along the frames.

Maxima and averages over a box are those of its frames' maxima and averages, so two passes of the
pooling of images do it; the second sees far fewer elements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..spec import several
from .pool import avg_pool2d, max_pool2d
from .shape import reshape
from .window import placed

if TYPE_CHECKING:
    from ..tensor import Tensor


def max_pool3d(
    x: Tensor,
    size: int | Sequence[int] = 2,
    strides: int | Sequence[int] | None = None,
    padding: str | int | Sequence[Any] = "valid",
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """Take the largest value of every window: y = max x[n, i·s + a, j·s + b, k·s + e, c].

    Of several equal maxima the first gets the gradient. Padding never wins.

    Args:
        x: volumes, (N, D, H, W, C).
        size: frames, rows and columns of the window, (A, B, E).
        strides: elements from one window to the next; `size` if None.
        padding: "valid", "same", or the margin before and after, as in `conv3d`.
        dilation: elements from one place of the window to the next.
    Returns:
        (N, D', H', W', C), D' = ⌊(D + padding − d·(A − 1) − 1) / s⌋ + 1.
    Raises:
        ShapeError: the window is larger than the padded x, or a margin as large as the window.
    """
    return _in_two("max_pool3d", max_pool2d, x, size, strides, padding, dilation)


def avg_pool3d(
    x: Tensor,
    size: int | Sequence[int] = 2,
    strides: int | Sequence[int] | None = None,
    padding: str | int | Sequence[Any] = "valid",
    count_include_pad: bool = False,
) -> Tensor:
    """Average every window: y = Σ x[n, i·s + a, j·s + b, k·s + e, c] / count.

    Args:
        x: volumes, (N, D, H, W, C); integers become real numbers.
        size: frames, rows and columns of the window, (A, B, E).
        strides: elements from one window to the next; `size` if None.
        padding: "valid", "same", or the margin before and after, as in `conv3d`.
        count_include_pad: count A·B·E elements everywhere, also where some lie beyond the edge.
    Returns:
        (N, D', H', W', C), D' = ⌊(D + padding − A) / s⌋ + 1.
    Raises:
        ShapeError: the window is larger than the padded x, or a margin as large as the window.
    """

    def averaged(x: Tensor, size: Any, strides: Any, padding: Any, dilation: Any) -> Tensor:
        return avg_pool2d(x, size, strides, padding, count_include_pad)

    return _in_two("avg_pool3d", averaged, x, size, strides, padding, 1)


def _in_two(
    subject: str,
    pool: Callable[..., Tensor],
    x: Tensor,
    size: Any,
    strides: Any,
    padding: Any,
    dilation: Any,
) -> Tensor:
    """Pool the images of all frames, then the frames, which are then rows of an image."""
    window = several(f"{subject} size", size, 3)
    steps, pads, gaps = placed(subject, x, window, window if strides is None else strides,
                               padding, dilation)  # fmt: skip
    n, d, h, w, c = x.shape
    y = pool(reshape(x, (n * d, h, w, c)), window[1:], steps[1:], pads[1:], gaps[1:])
    rows, columns = y.shape[1:3]
    y = pool(reshape(y, (n, d, rows * columns, c)), (window[0], 1), (steps[0], 1),
             (pads[0], (0, 0)), (gaps[0], 1))  # fmt: skip
    return reshape(y, (n, y.shape[1], rows, columns, c))
