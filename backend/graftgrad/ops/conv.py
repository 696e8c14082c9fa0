"""Convolutions whose filters see all channels of their group; depthwise ones stand apart.

`Conv2D`, `Conv2DInputGrad` and `Conv2DFilterGrad` are each other's gradients, so that any order of
derivative is made of these three. Their bodies are products of matrices of patches (im2col;
Chellapilla, Puri and Simard, 2006), block by block.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import expect
from ..function import function
from ..spec import DType, Pair, Spec, pair, rounded, same_dtype
from .depthwise import depthwise_conv2d
from .shape import reshape
from .window import PATCH_BYTES, Windowed, Windows, gathered, patches, placed, single

if TYPE_CHECKING:
    from ..tensor import Tensor

FEW_CHANNELS = 16  # fewer make runs too short to walk along: walk along the columns instead
LEAST_PATCHES = 512  # rows of a product, so that its filters are not read in vain
LEAST_SUMMED = 1024  # rows that are summed in a product before it is added to the others
LONGEST_SUM = 2048  # rows of a small product that is cut into several
SMALL_PRODUCT = 1 << 14  # elements of a product that counts as small


@function
class Conv2D(Windowed):
    """Images correlated with a bank of filters."""

    groups: int = 1

    rounded: ClassVar[tuple[str, ...]] = ("w",)

    def infer(self, x: Spec, w: Spec) -> Spec:
        same_dtype("conv2d", x=x, w=rounded(w, x))
        expect(x.ndim == w.ndim == 4, "conv2d", "x and w must have 4 axes", x=x, w=w)
        expect(x.shape[3] == w.shape[2] * self.groups, "conv2d",
               "channels of x must be channels of w × groups", x=x, w=w,
               groups=self.groups)  # fmt: skip
        _expect_groups(self.groups, w)
        return x.shaped(x.shape[0], *self.counts("conv2d", x.shape[1:3], w.shape[:2]), w.shape[3])

    @single
    def compute(self, xp: Any, x: Any, w: Any, y: Any) -> None:
        lie = self.on(x.shape[1:3], w.shape[:2], y.shape[1:3])
        parts = w.reshape(*w.shape[:3], self.groups, -1).transpose(3, 0, 1, 2, 4)
        _correlate(xp, x, parts.reshape(self.groups, -1, parts.shape[4]), lie, y)

    def grad_x(self, gy: Tensor, w: Tensor, x_spec: Spec) -> Tensor:
        return Conv2DInputGrad(self.strides, self.pads, self.dilation, self.groups, _sizes(x_spec))(  # type: ignore[no-any-return]
            gy, w
        )

    def grad_w(self, gy: Tensor, x: Tensor, w_spec: Spec) -> Tensor:
        return _filter_grad(self, gy, x, w_spec)


@function
class Conv2DInputGrad(Windowed):
    """The gradient of Conv2D for its images of given `sizes`; the transposed convolution."""

    groups: int = 1
    sizes: Pair = (1, 1)

    rounded: ClassVar[tuple[str, ...]] = ("w",)

    def infer(self, gy: Spec, w: Spec) -> Spec:
        same_dtype("conv2d_transpose", gy=gy, w=rounded(w, gy))
        expect(gy.ndim == w.ndim == 4, "conv2d_transpose", "gy and w must have 4 axes",
               gy=gy, w=w)  # fmt: skip
        expect(gy.shape[3] == w.shape[3], "conv2d_transpose",
               "channels of gy must be the last axis of w", gy=gy, w=w)  # fmt: skip
        _expect_groups(self.groups, w)
        self.expect_counts("conv2d_transpose", gy, self.sizes, w.shape[:2])
        return gy.shaped(gy.shape[0], *self.sizes, w.shape[2] * self.groups)

    @single
    def compute(self, xp: Any, gy: Any, w: Any, gx: Any) -> None:
        lie = self.on(self.sizes, w.shape[:2], gy.shape[1:3])
        filters = w.reshape(*w.shape[:3], self.groups, -1)
        if lie.strides == (1, 1):
            parts = filters[::-1, ::-1].transpose(3, 0, 1, 4, 2)
            _correlate(xp, gy, parts.reshape(self.groups, -1, w.shape[2]), lie.turned(), gx)
        else:
            _scatter(xp, gy, filters, lie, gx)

    def grad_gy(self, ggx: Tensor, w: Tensor) -> Tensor:
        return Conv2D(self.strides, self.pads, self.dilation, self.groups)(ggx, w)  # type: ignore[no-any-return]

    def grad_w(self, ggx: Tensor, gy: Tensor, w_spec: Spec) -> Tensor:
        return _filter_grad(self, gy, ggx, w_spec)


@function
class Conv2DFilterGrad(Windowed):
    """The gradient of Conv2D for its filters of a given `window`; `dtype` is that of the operands.

    Another `dtype` is that of filters which were rounded: the sums are not rounded, then.
    """

    groups: int = 1
    window: Pair = (1, 1)
    dtype: DType | None = None

    def infer(self, gy: Spec, x: Spec) -> Spec:
        same_dtype("conv2d filter gradient", gy=gy, x=x)
        expect(gy.ndim == x.ndim == 4 and gy.shape[0] == x.shape[0], "conv2d filter gradient",
               "gy and x must be as many images", gy=gy, x=x)  # fmt: skip
        expect(x.shape[3] % self.groups == gy.shape[3] % self.groups == 0,
               "conv2d filter gradient", "channels must divide into groups",
               gy=gy, x=x, groups=self.groups)  # fmt: skip
        self.expect_counts("conv2d filter gradient", gy, _sizes(x), self.window)
        made = x.shaped(*self.window, x.shape[3] // self.groups, gy.shape[3])
        return made if self.dtype is None else made.typed(self.dtype)

    @single
    def compute(self, xp: Any, gy: Any, x: Any, gw: Any) -> None:
        lie = self.on(x.shape[1:3], self.window, gy.shape[1:3])
        total = gw.reshape(-1, self.groups, gw.shape[3] // self.groups).transpose(1, 0, 2)
        begun = False
        for block, columns in patches(xp, x, lie, self.groups, LEAST_SUMMED):
            g = gy[block].reshape(-1, self.groups, total.shape[2]).transpose(1, 0, 2)
            if begun:
                total += _summed(xp, columns, g)
            else:
                total[...] = _summed(xp, columns, g)
                begun = True
        if not begun:  # no images
            gw[...] = 0

    def grad_gy(self, ggw: Tensor, x: Tensor) -> Tensor:
        return Conv2D(self.strides, self.pads, self.dilation, self.groups)(x, ggw)  # type: ignore[no-any-return]

    def grad_x(self, ggw: Tensor, gy: Tensor, x_spec: Spec) -> Tensor:
        return Conv2DInputGrad(self.strides, self.pads, self.dilation, self.groups, _sizes(x_spec))(  # type: ignore[no-any-return]
            gy, ggw
        )


def _filter_grad(one: Any, gy: Tensor, x: Tensor, w: Spec) -> Tensor:
    """Return the gradient for filters w of a convolution of x, as precise as they are."""
    dtype = None if w.dtype == gy.dtype else w.dtype
    window = (w.shape[0], w.shape[1])
    return Conv2DFilterGrad(one.strides, one.pads, one.dilation, one.groups, window, dtype)(gy, x)  # type: ignore[no-any-return]


def _correlate(xp: Any, x: Any, weights: Any, lie: Windows, y: Any) -> None:
    """Write the products of patches and weights (G, A·B·C / G, O / G) into y."""
    groups, _, channels = weights.shape
    for block, columns in patches(xp, x, lie, groups, LEAST_PATCHES):
        out = y[block].reshape(-1, groups, channels).transpose(1, 0, 2)
        xp.matmul(columns, weights, out=out)


def _summed(xp: Any, columns: Any, g: Any) -> Any:
    """Multiply patches (G, M, A·B·C / G) and results (G, M, O / G), summed over M.

    A small product of very long operands is cut, since a library splits its work along the result.
    """
    groups, m, length = columns.shape
    whole = m - m % LONGEST_SUM
    if whole <= LONGEST_SUM or length * g.shape[2] > SMALL_PRODUCT:
        return xp.matmul(columns.transpose(0, 2, 1), g)
    cut = columns[:, :whole].reshape(groups, -1, LONGEST_SUM, length).transpose(0, 1, 3, 2)
    pieces = xp.matmul(cut, g[:, :whole].reshape(groups, -1, LONGEST_SUM, g.shape[2]))
    return pieces.sum(axis=1) + xp.matmul(columns[:, whole:].transpose(0, 2, 1), g[:, whole:])


def _scatter(xp: Any, gy: Any, filters: Any, lie: Windows, gx: Any) -> None:
    """Add pixels of gy, times the filters (A, B, C / G, G, O / G), to where they came from."""
    a, b, channels, groups, outs = filters.shape
    planar = channels < FEW_CHANNELS
    # (A·B, G, O / G, C / G), or the two last turned round
    weights = filters.transpose((0, 1, 3, 2, 4) if planar else (0, 1, 3, 4, 2))
    weights = xp.ascontiguousarray(weights).reshape(a * b, groups, *weights.shape[3:])
    row = lie.counts[1] * a * b * channels * groups * gy.dtype.itemsize
    for block, tap in gathered(xp, gx, lie, row, PATCH_BYTES, planar):
        g = gy[block]
        pixels = g.reshape(-1, groups, outs).transpose(1, 0, 2)
        if planar:  # one product for all taps: (G, A·B·C / G, M)
            wide = weights.transpose(1, 0, 2, 3).reshape(groups, -1, outs)
            sums = xp.matmul(wide, pixels.transpose(0, 2, 1))
            sums = sums.reshape(groups, a * b, channels, -1).transpose(1, 3, 0, 2)
        else:
            sums = xp.matmul(pixels, weights).transpose(0, 2, 1, 3)  # (A·B, M, G, C / G)
        for i, place in enumerate(lie.taps()):
            target = tap(*place)
            target += sums[i].reshape(target.shape)


def conv2d(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    strides: int | Sequence[int] = 1,
    padding: str | int | Sequence[Any] = "valid",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Convolve images with a bank of filters.

    y[n, i, j, o] = Σ x[n, i·s + a·d, j·s + b·d, c] · w[a, b, c, o] + b[o]

    Args:
        x: images, (N, H, W, C).
        w: filters, (A, B, C / groups, O).
        b: one number per filter, (O,).
        strides: input pixels per output pixel, rows and columns.
        padding: "valid" (none), "same" (⌈H / s⌉ outputs, the odd zero after), or the zeros before
            and after: a number, one per axis, or a (before, after) per axis.
        dilation: input pixels from one tap of a filter to the next.
        groups: parts of the channels that are convolved apart.
    Returns:
        (N, H', W', O), H' = ⌊(H + padding − d·(A − 1) − 1) / s⌋ + 1.
    Raises:
        ShapeError: the channels of x and w disagree, or the window is larger than the padded image.
    """
    expect(w.ndim == 4, "conv2d", "w must be filters (A, B, C / groups, O)", w=w.spec)
    where = placed("conv2d", x, w.shape[:2], strides, padding, dilation)
    return _biased("conv2d", Conv2D(*where, groups)(x, w), b)


def conv2d_transpose(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    strides: int | Sequence[int] = 1,
    padding: str | int | Sequence[Any] = "valid",
    output_padding: int | Sequence[int] | None = None,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """Spread every pixel over a window: the convolution the other way round.

    y[n, i·s + a·d, j·s + b·d, o] += x[n, i, j, c] · w[a, b, o, c]

    Args:
        x: images, (N, H, W, C).
        w: filters, (A, B, O, C).
        b: one number per result channel, (O,).
        strides: output pixels per input pixel, rows and columns.
        padding: "valid" (H·s + max(A − s, 0) rows), "same" (H·s rows), or how many rows and columns
            are cut off before and after.
        output_padding: rows and columns more at the end; as many as the rows above need if None.
        dilation: output pixels from one tap of a filter to the next.
    Returns:
        (N, H', W', O).
    Raises:
        ShapeError: the channels of x and w disagree, or output_padding is not below the strides.
    """
    expect(x.ndim == w.ndim == 4, "conv2d_transpose",
           "x must be images (N, H, W, C) and w filters (A, B, O, C)",
           x=x.spec, w=w.spec)  # fmt: skip
    expect(x.shape[3] == w.shape[3], "conv2d_transpose",
           "channels of x must be the last axis of w", x=x.spec, w=w.spec)  # fmt: skip
    steps, given, gaps = placed("conv2d_transpose", x, w.shape[:2], strides,
                                0 if isinstance(padding, str) else padding, dilation)  # fmt: skip
    more = (
        None if output_padding is None else pair("conv2d_transpose output_padding", output_padding)
    )
    for one, step in zip(more or (0, 0), steps, strict=True):
        expect(0 <= one < step, "conv2d_transpose", "output_padding must lie in [0, strides)",
               output_padding=output_padding, strides=steps)  # fmt: skip
    sizes, margins = [], []
    for i in range(2):
        reach = (w.shape[i] - 1) * gaps[i] + 1
        extra = None if more is None else more[i]
        size, both = _spread(padding, given[i], x.shape[1 + i], reach, steps[i], extra)
        sizes.append(size)
        margins.append(both)
    pads = (margins[0], margins[1])
    made = Conv2DInputGrad(steps, pads, gaps, 1, (sizes[0], sizes[1]))
    return _biased("conv2d_transpose", made(x, w), b)


def separable_conv2d(
    x: Tensor,
    depthwise: Tensor,
    pointwise: Tensor,
    b: Tensor | None = None,
    *,
    strides: int | Sequence[int] = 1,
    padding: str | int | Sequence[Any] = "valid",
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """Convolve every channel by itself, then mix the channels pixel by pixel.

    Shapes: x (N, H, W, C), depthwise (A, B, C, M), pointwise (1, 1, C·M, O), b (O,)
    -> (N, H', W', O).

    Raises:
        ShapeError: the channels disagree, or the window is larger than the padded image.
    """
    y = depthwise_conv2d(x, depthwise, strides=strides, padding=padding, dilation=dilation)
    return conv2d(y, pointwise, b)


def conv1d(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    strides: int = 1,
    padding: str | int | Sequence[int] = "valid",
    dilation: int = 1,
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
    pads: Any = padding
    if padding == "causal":
        pads = ((0, 0), ((w.shape[0] - 1) * dilation, 0))
    elif not isinstance(padding, str):
        pads = ((0, 0), pair("conv1d padding", padding))
    y = conv2d(
        reshape(x, (x.shape[0], 1, *x.shape[1:])), reshape(w, (1, *w.shape)), b,
        strides=(1, strides), padding=pads, dilation=(1, dilation), groups=groups,
    )  # fmt: skip
    return reshape(y, (y.shape[0], *y.shape[2:]))


def _spread(
    padding: object, given: Pair, size: int, reach: int, step: int, extra: int | None
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
        expect(not isinstance(padding, str), "conv2d_transpose",
               'padding must be "valid", "same" or numbers', padding=padding)  # fmt: skip
        before, longer = given[0], (size - 1) * step + reach - given[0] - given[1] + (extra or 0)
    return longer, (before, max(0, (size - 1) * step + reach - longer - before))


def _biased(subject: str, y: Tensor, b: Tensor | None) -> Tensor:
    if b is None:
        return y
    expect(b.shape == y.shape[3:], subject, "b must have one number for every filter",
           b=b.spec, filters=y.shape[3])  # fmt: skip
    return y + b


def _expect_groups(groups: int, w: Spec) -> None:
    expect(groups > 0 and w.shape[3] % groups == 0, "conv2d",
           "groups must be positive and divide the filters", w=w, groups=groups)  # fmt: skip


def _sizes(x: Spec) -> Pair:
    return x.shape[1], x.shape[2]
