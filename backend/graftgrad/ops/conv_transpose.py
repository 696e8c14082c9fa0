"""Transposed convolutions of sequences, images and volumes: every element spread over a window.

They are the gradients of convolutions for what these see, under a name of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import expect
from ..spec import Pair, Shape, several
from .conv import Conv2DInputGrad, biased
from .conv3d import Conv3DInputGrad
from .shape import reshape
from .window import BATCHES, placed

if TYPE_CHECKING:
    from ..tensor import Tensor

FILTERS = {1: "(A, O / groups, C)", 2: "(A, B, O / groups, C)", 3: "(A, B, E, O / groups, C)"}


def conv1d_transpose(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    strides: int | Sequence[int] = 1,
    padding: str | int | Sequence[Any] = "valid",
    output_padding: int | Sequence[int] | None = None,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Spread every step of sequences over a window: the convolution the other way round.

    y[n, t·s + a·d, o] += x[n, t, c] · w[a, o, c]

    Shapes: x (N, T, C), w (A, O / groups, C), b (O,) -> (N, T', O). What the settings mean is told
    at `conv2d_transpose`; numbers for padding are one for both ends or (before, after).

    Raises:
        ShapeError: the channels of x and w disagree, or output_padding is not below the strides.
    """
    if not isinstance(padding, (str, int)):
        padding = (tuple(padding),) if len(tuple(padding)) == 2 else tuple(padding)
    return _transposed("conv1d_transpose", 1, x, w, b, strides, padding, output_padding,
                       dilation, groups)  # fmt: skip


def conv2d_transpose(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    strides: int | Sequence[int] = 1,
    padding: str | int | Sequence[Any] = "valid",
    output_padding: int | Sequence[int] | None = None,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Spread every pixel over a window: the convolution the other way round.

    y[n, i·s + a·d, j·s + b·d, o] += x[n, i, j, c] · w[a, b, o, c]

    Args:
        x: images, (N, H, W, C).
        w: filters, (A, B, O / groups, C).
        b: one number per result channel, (O,).
        strides: output pixels per input pixel, rows and columns.
        padding: "valid" (H·s + max(A − s, 0) rows), "same" (H·s rows), or how many rows and columns
            are cut off before and after.
        output_padding: rows and columns more at the end; as many as the rows above need if None.
        dilation: output pixels from one tap of a filter to the next.
        groups: parts of the channels that are spread apart.
    Returns:
        (N, H', W', O).
    Raises:
        ShapeError: the channels of x and w disagree, or output_padding is not below the strides.
    """
    return _transposed("conv2d_transpose", 2, x, w, b, strides, padding, output_padding,
                       dilation, groups)  # fmt: skip


def conv3d_transpose(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    strides: int | Sequence[int] = 1,
    padding: str | int | Sequence[Any] = "valid",
    output_padding: int | Sequence[int] | None = None,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Spread every element of volumes over a window: the convolution the other way round.

    y[n, i·s + a·d, j·s + b·d, k·s + e·d, o] += x[n, i, j, k, c] · w[a, b, e, o, c]

    Shapes: x (N, D, H, W, C), w (A, B, E, O / groups, C), b (O,) -> (N, D', H', W', O). What the
    settings mean is told at `conv2d_transpose`.

    Raises:
        ShapeError: the channels of x and w disagree, or output_padding is not below the strides.
    """
    return _transposed("conv3d_transpose", 3, x, w, b, strides, padding, output_padding,
                       dilation, groups)  # fmt: skip


def _transposed(
    subject: str,
    rank: int,
    x: Tensor,
    w: Tensor,
    b: Tensor | None,
    strides: Any,
    padding: Any,
    output_padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    expect(x.ndim == w.ndim == rank + 2, subject,
           f"x must be {BATCHES[rank]} and w filters {FILTERS[rank]}",
           x=x.spec, w=w.spec)  # fmt: skip
    expect(x.shape[-1] == w.shape[-1], subject, "channels of x must be the last axis of w",
           x=x.spec, w=w.spec)  # fmt: skip
    window = w.shape[:rank]
    steps, given, gaps = placed(subject, x, window, strides,
                                0 if isinstance(padding, str) else padding, dilation)  # fmt: skip
    more = (
        None if output_padding is None
        else several(f"{subject} output_padding", output_padding, rank)
    )  # fmt: skip
    for one, step in zip(more or (0,) * rank, steps, strict=True):
        expect(0 <= one < step, subject, "output_padding must lie in [0, strides)",
               output_padding=output_padding, strides=steps)  # fmt: skip
    sizes, pads = [], []
    for i in range(rank):
        reach = (window[i] - 1) * gaps[i] + 1
        extra = None if more is None else more[i]
        size, both = _spread(subject, padding, given[i], x.shape[1 + i], reach, steps[i], extra)
        sizes.append(size)
        pads.append(both)
    y = _spread_over(x, w, steps, tuple(pads), gaps, groups, tuple(sizes))
    return biased(subject, y, b)


def _spread_over(
    x: Tensor,
    w: Tensor,
    strides: Shape,
    pads: tuple[Pair, ...],
    dilation: Shape,
    groups: int,
    sizes: Shape,
) -> Tensor:
    if len(sizes) == 3:
        return Conv3DInputGrad(strides, pads, dilation, groups, sizes)(x, w)  # type: ignore[no-any-return]
    if len(sizes) == 2:
        return Conv2DInputGrad(strides, pads, dilation, groups, sizes)(x, w)  # type: ignore[no-any-return]
    made = Conv2DInputGrad((1, *strides), ((0, 0), *pads), (1, *dilation), groups, (1, *sizes))
    y = made(reshape(x, (x.shape[0], 1, *x.shape[1:])), reshape(w, (1, *w.shape)))
    return reshape(y, (y.shape[0], *y.shape[2:]))


def _spread(
    subject: str, padding: object, given: Pair, size: int, reach: int, step: int, extra: int | None
) -> tuple[int, Pair]:
    """Return how long a transposed axis becomes, and its margins as the convolution sees them."""
    if padding == "valid":
        before, longer = 0, (size - 1) * step + reach
        longer += max(step - reach, 0) if extra is None else extra
    elif padding == "same":
        odd = reach % 2
        longer = size * step if extra is None else (size - 1) * step + odd + extra
        total = reach + (step if extra is None else odd + extra) - 2
        before = reach - 1 - min(-(-total // 2), reach - 1)
    else:
        expect(not isinstance(padding, str), subject,
               'padding must be "valid", "same" or numbers', padding=padding)  # fmt: skip
        before, longer = given[0], (size - 1) * step + reach - given[0] - given[1] + (extra or 0)
    return longer, (before, max(0, (size - 1) * step + reach - longer - before))
