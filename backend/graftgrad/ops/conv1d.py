"""Convolutions of sequences: those of images of one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import expect
from ..spec import Pair, pair, several
from .conv import conv2d
from .depthwise import depthwise_conv2d
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


def conv1d(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    strides: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = "valid",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Convolve sequences with a bank of filters.

    y[n, t, o] = Σ x[n, t·s + a·d, c] · w[a, c, o] + b[o]

    Args:
        x: sequences, (N, T, C).
        w: filters, (A, C / groups, O).
        b: one number per filter, (O,).
        strides: input steps per output step.
        padding: "valid", "same", "causal" (all zeros before, so that no output sees what comes
            later), or the zeros before and after: a number or a pair.
        dilation: input steps from one tap of a filter to the next.
        groups: parts of the channels that are convolved apart.
    Returns:
        (N, T', O).
    Raises:
        ShapeError: the channels of x and w disagree, or the window is longer than the padded x.
    """
    expect(x.ndim == w.ndim == 3, "conv1d",
           "x must be sequences (N, T, C) and w filters (A, C / groups, O)",
           x=x.spec, w=w.spec)  # fmt: skip
    where = _of_one_row("conv1d", w.shape[0], strides, padding, dilation)
    y = conv2d(in_one_row(x), reshape(w, (1, *w.shape)), b, groups=groups, **where)
    return out_of_one_row(y)


def depthwise_conv1d(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    strides: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = "valid",
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """Convolve every channel of sequences by itself, with M filters each.

    y[n, t, c·M + m] = Σ x[n, t·s + a·d, c] · w[a, c, m] + b[c·M + m]

    Shapes: x (N, T, C), w (A, C, M), b (C·M,) -> (N, T', C·M). The settings are those of `conv1d`.

    Raises:
        ShapeError: the channels of x and w disagree, or the window is longer than the padded x.
    """
    expect(x.ndim == w.ndim == 3, "depthwise_conv1d",
           "x must be sequences (N, T, C) and w filters (A, C, M)", x=x.spec, w=w.spec)  # fmt: skip
    where = _of_one_row("depthwise_conv1d", w.shape[0], strides, padding, dilation)
    y = depthwise_conv2d(in_one_row(x), reshape(w, (1, *w.shape)), b, **where)
    return out_of_one_row(y)


def separable_conv1d(
    x: Tensor,
    depthwise: Tensor,
    pointwise: Tensor,
    b: Tensor | None = None,
    *,
    strides: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = "valid",
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """Convolve every channel of sequences by itself, then mix the channels step by step.

    Shapes: x (N, T, C), depthwise (A, C, M), pointwise (1, C·M, O), b (O,) -> (N, T', O).

    Raises:
        ShapeError: the channels disagree, or the window is longer than the padded x.
    """
    y = depthwise_conv1d(x, depthwise, strides=strides, padding=padding, dilation=dilation)
    return conv1d(y, pointwise, b)


def in_one_row(x: Tensor) -> Tensor:
    """Return sequences (N, T, C) as images (N, 1, T, C)."""
    return reshape(x, (x.shape[0], 1, *x.shape[1:]))


def out_of_one_row(y: Tensor) -> Tensor:
    """Return images (N, 1, T, C) as sequences (N, T, C)."""
    return reshape(y, (y.shape[0], *y.shape[2:]))


def _of_one_row(
    subject: str, window: int, strides: Any, padding: Any, dilation: Any
) -> dict[str, Any]:
    """Return the settings of a convolution of sequences as those of images."""
    step = several(f"{subject} strides", strides, 1)
    gap = several(f"{subject} dilation", dilation, 1)
    pads: str | tuple[Pair, Pair] = padding
    if padding == "causal":
        pads = ((0, 0), ((window - 1) * gap[0], 0))
    elif not isinstance(padding, str):
        pads = ((0, 0), pair(f"{subject} padding", padding))
    return {"strides": (1, *step), "padding": pads, "dilation": (1, *gap)}
