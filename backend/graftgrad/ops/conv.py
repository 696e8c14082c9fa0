"""Convolutions of images whose filters see all channels of their group.

Depthwise ones stand apart, and so do those of sequences and of volumes.

`Conv2D`, `Conv2DInputGrad` and `Conv2DFilterGrad` are each other's gradients, so that any order of
derivative is made of these three. Their bodies are products of matrices of patches (im2col;
Chellapilla, Puri and Simard, 2006), block by block.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import expect
from ..function import function
from ..spec import DType, Shape, Spec, rounded, same_dtype
from .depthwise import depthwise_conv2d
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
    stacked: ClassVar[str] = "joined"

    def infer(self, x: Spec, w: Spec) -> Spec:
        same_dtype("conv2d", x=x, w=rounded(w, x))
        expect(x.ndim == w.ndim == 4, "conv2d", "x and w must have 4 axes", x=x, w=w)
        expect(x.shape[3] == w.shape[2] * self.groups, "conv2d",
               "channels of x must be channels of w × groups", x=x, w=w,
               groups=self.groups)  # fmt: skip
        expect_groups("conv2d", self.groups, w)
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
    sizes: Shape = (1, 1)

    rounded: ClassVar[tuple[str, ...]] = ("w",)
    stacked: ClassVar[str] = "joined"

    def infer(self, gy: Spec, w: Spec) -> Spec:
        same_dtype("conv2d_transpose", gy=gy, w=rounded(w, gy))
        expect(gy.ndim == w.ndim == 4, "conv2d_transpose", "gy and w must have 4 axes",
               gy=gy, w=w)  # fmt: skip
        expect(gy.shape[3] == w.shape[3], "conv2d_transpose",
               "channels of gy must be the last axis of w", gy=gy, w=w)  # fmt: skip
        expect_groups("conv2d", self.groups, w)
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
    window: Shape = (1, 1)
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
    return biased("conv2d", Conv2D(*where, groups)(x, w), b)


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


def biased(subject: str, y: Tensor, b: Tensor | None) -> Tensor:
    """Add one number per filter, if there are any.

    Raises:
        ShapeError: there are more or fewer than filters.
    """
    if b is None:
        return y
    expect(b.shape == y.shape[-1:], subject, "b must have one number for every filter",
           b=b.spec, filters=y.shape[-1])  # fmt: skip
    return y + b


def expect_groups(subject: str, groups: int, w: Spec) -> None:
    """Check that groups divide the filters, and that there are channels.

    Raises:
        ShapeError: they do not, or there are none.
    """
    expect(w.shape[-1] > 0 and w.shape[-2] > 0, subject, "there must be at least one channel", w=w)
    expect(groups > 0 and w.shape[-1] % groups == 0, subject,
           "groups must be positive and divide the filters", w=w, groups=groups)  # fmt: skip


def _sizes(x: Spec) -> Shape:
    return x.shape[1], x.shape[2]
