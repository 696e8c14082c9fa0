"""Convolutions of every channel by itself: tap by tap, each a product of whole rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import expect
from ..function import function
from ..spec import DType, Shape, Spec, rounded, same_dtype
from .window import Windowed, Windows, gathered, placed, single, walked

if TYPE_CHECKING:
    from ..tensor import Tensor

LONGEST_ROW = 1 << 14  # elements; filters repeated along a longer row would crowd the cache


@function
class DepthwiseConv2D(Windowed):
    """Every channel of images correlated with filters of its own; channel c·M + m comes from c."""

    rounded: ClassVar[tuple[str, ...]] = ("w",)
    stacked: ClassVar[str] = "joined"

    def infer(self, x: Spec, w: Spec) -> Spec:
        subject = "depthwise_conv2d"
        same_dtype(subject, x=x, w=rounded(w, x))
        expect(x.ndim == w.ndim == 4, subject, "x and w must have 4 axes", x=x, w=w)
        expect(x.shape[3] == w.shape[2], subject, "channels of x must be the third axis of w",
               x=x, w=w)  # fmt: skip
        expect(w.shape[2] > 0 and w.shape[3] > 0, subject, "there must be at least one channel",
               w=w)  # fmt: skip
        counts = self.counts(subject, x.shape[1:3], w.shape[:2])
        return x.shaped(x.shape[0], *counts, w.shape[2] * w.shape[3])

    @single
    def compute(self, xp: Any, x: Any, w: Any, y: Any) -> None:
        lie = self.on(x.shape[1:3], w.shape[:2], y.shape[1:3])
        _correlate(xp, _repeated(xp, x, w.shape[3]), w, lie, y)

    def grad_x(self, gy: Tensor, w: Tensor, x_spec: Spec) -> Tensor:
        sizes = (x_spec.shape[1], x_spec.shape[2])
        return DepthwiseInputGrad(self.strides, self.pads, self.dilation, sizes)(gy, w)  # type: ignore[no-any-return]

    def grad_w(self, gy: Tensor, x: Tensor, w_spec: Spec) -> Tensor:
        return _filter_grad(self, gy, x, w_spec)


@function
class DepthwiseInputGrad(Windowed):
    """The gradient of DepthwiseConv2D for its images of given `sizes`."""

    sizes: Shape = (1, 1)

    rounded: ClassVar[tuple[str, ...]] = ("w",)
    stacked: ClassVar[str] = "joined"

    def infer(self, gy: Spec, w: Spec) -> Spec:
        subject = "depthwise_conv2d input gradient"
        same_dtype(subject, gy=gy, w=rounded(w, gy))
        expect(gy.ndim == w.ndim == 4 and gy.shape[3] == w.shape[2] * w.shape[3], subject,
               "channels of gy must be the last two axes of w", gy=gy, w=w)  # fmt: skip
        expect(gy.shape[3] > 0, subject, "there must be at least one channel", w=w)
        self.expect_counts(subject, gy, self.sizes, w.shape[:2])
        return gy.shaped(gy.shape[0], *self.sizes, w.shape[2])

    @single
    def compute(self, xp: Any, gy: Any, w: Any, gx: Any) -> None:
        lie = self.on(self.sizes, w.shape[:2], gy.shape[1:3])
        each = gx if w.shape[3] == 1 else xp.empty((*gx.shape[:3], gy.shape[3]), gx.dtype)
        if lie.strides == (1, 1):
            _correlate(xp, gy, w[::-1, ::-1], lie.turned(), each)
        else:
            _scatter(xp, gy, w, lie, each)
        if each is not gx:
            xp.sum(each.reshape(*gx.shape, w.shape[3]), axis=4, out=gx)

    def grad_gy(self, ggx: Tensor, w: Tensor) -> Tensor:
        return DepthwiseConv2D(self.strides, self.pads, self.dilation)(ggx, w)  # type: ignore[no-any-return]

    def grad_w(self, ggx: Tensor, gy: Tensor, w_spec: Spec) -> Tensor:
        return _filter_grad(self, gy, ggx, w_spec)


@function
class DepthwiseFilterGrad(Windowed):
    """The gradient of DepthwiseConv2D for its filters of a given `window`; `dtype` as Conv2D's."""

    window: Shape = (1, 1)
    dtype: DType | None = None

    def infer(self, gy: Spec, x: Spec) -> Spec:
        subject = "depthwise_conv2d filter gradient"
        same_dtype(subject, gy=gy, x=x)
        fits = gy.ndim == x.ndim == 4 and gy.shape[0] == x.shape[0]
        expect(fits and x.shape[3] > 0 and gy.shape[3] % x.shape[3] == 0, subject,
               "channels of gy must be a multiple of those of x, images as many",
               gy=gy, x=x)  # fmt: skip
        self.expect_counts(subject, gy, (x.shape[1], x.shape[2]), self.window)
        made = x.shaped(*self.window, x.shape[3], gy.shape[3] // x.shape[3])
        return made if self.dtype is None else made.typed(self.dtype)

    @single
    def compute(self, xp: Any, gy: Any, x: Any, gw: Any) -> None:
        lie = self.on(x.shape[1:3], self.window, gy.shape[1:3])
        total = xp.zeros((*self.window, *gy.shape[2:]), gw.dtype)
        for block, tap in walked(xp, _repeated(xp, x, gw.shape[3]), lie):
            g = gy[block]
            product = xp.empty(g.shape, g.dtype)
            for a, b in lie.taps():
                xp.multiply(tap(a, b), g, out=product)
                total[a, b] += product.sum(axis=(0, 1))
        xp.sum(total, axis=2, out=gw.reshape(*self.window, -1))

    def grad_gy(self, ggw: Tensor, x: Tensor) -> Tensor:
        return DepthwiseConv2D(self.strides, self.pads, self.dilation)(x, ggw)  # type: ignore[no-any-return]

    def grad_x(self, ggw: Tensor, gy: Tensor, x_spec: Spec) -> Tensor:
        sizes = (x_spec.shape[1], x_spec.shape[2])
        return DepthwiseInputGrad(self.strides, self.pads, self.dilation, sizes)(gy, ggw)  # type: ignore[no-any-return]


def _filter_grad(one: Any, gy: Tensor, x: Tensor, w: Spec) -> Tensor:
    """Return the gradient for filters w of a convolution of x, as precise as they are."""
    dtype = None if w.dtype == gy.dtype else w.dtype
    window = (w.shape[0], w.shape[1])
    return DepthwiseFilterGrad(one.strides, one.pads, one.dilation, window, dtype)(gy, x)  # type: ignore[no-any-return]


def _repeated(xp: Any, x: Any, times: int) -> Any:
    """Put every channel `times` times side by side."""
    return x if times == 1 else xp.repeat(x, times, axis=3)


def _rows(xp: Any, w: Any, columns: int) -> Any:
    """Repeat filters along a row of pixels, (A, B, W', C·M), so that rows are walked in one run."""
    flat = w.reshape(*w.shape[:2], 1, -1)
    if columns * flat.shape[3] > LONGEST_ROW:
        return flat
    return xp.ascontiguousarray(xp.broadcast_to(flat, (*w.shape[:2], columns, flat.shape[3])))


def _correlate(xp: Any, x: Any, w: Any, lie: Windows, y: Any) -> None:
    """Add up over the taps in y what lies under them in x, times the filters."""
    filters = _rows(xp, w, lie.counts[1])
    for block, tap in walked(xp, x, lie):
        out = y[block]
        product = xp.empty(out.shape, out.dtype)
        for a, b in lie.taps():
            if a == b == 0:
                xp.multiply(tap(a, b), filters[a, b], out=out)
            else:
                xp.multiply(tap(a, b), filters[a, b], out=product)
                out += product


def _scatter(xp: Any, gy: Any, w: Any, lie: Windows, gx: Any) -> None:
    """Add every pixel of gy, times the filters, to where it came from."""
    filters = _rows(xp, w, lie.counts[1])
    for block, tap in gathered(xp, gx, lie):
        g = gy[block]
        product = xp.empty(g.shape, g.dtype)
        for a, b in lie.taps():
            target = tap(a, b)
            xp.multiply(g, filters[a, b], out=product)
            target += product


def depthwise_conv2d(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    strides: int | Sequence[int] = 1,
    padding: str | int | Sequence[Any] = "valid",
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """Convolve every channel of images by itself, with M filters each.

    y[n, i, j, c·M + m] = Σ x[n, i·s + a·d, j·s + b·d, c] · w[a, b, c, m] + b[c·M + m]

    Args:
        x: images, (N, H, W, C).
        w: filters, (A, B, C, M).
        b: one number per filter, (C·M,).
        strides: input pixels per output pixel, rows and columns.
        padding: "valid", "same", or the zeros before and after, as in `conv2d`.
        dilation: input pixels from one tap of a filter to the next.
    Returns:
        (N, H', W', C·M), H' = ⌊(H + padding − d·(A − 1) − 1) / s⌋ + 1.
    Raises:
        ShapeError: the channels of x and w disagree, or the window is larger than the padded image.
    """
    expect(w.ndim == 4, "depthwise_conv2d", "w must be filters (A, B, C, M)", w=w.spec)
    where = placed("depthwise_conv2d", x, w.shape[:2], strides, padding, dilation)
    y: Tensor = DepthwiseConv2D(*where)(x, w)
    if b is None:
        return y
    expect(b.shape == y.shape[3:], "depthwise_conv2d", "b must have one number for every filter",
           b=b.spec, filters=y.shape[3])  # fmt: skip
    return y + b
