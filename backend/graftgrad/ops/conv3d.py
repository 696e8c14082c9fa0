"""Convolutions of volumes: frames, rows and columns.

Bodies add up convolutions of frames, one for each tap of the filters along the frames; so they
stand on those of images. The three functions are each other's gradients, as those are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import expect
from ..function import function
from ..spec import DType, Pads, Shape, Spec, rounded, same_dtype
from .conv import Conv2D, Conv2DFilterGrad, Conv2DInputGrad, biased, expect_groups
from .window import Windowed, placed, single

if TYPE_CHECKING:
    from ..tensor import Tensor

NO_PADS: Pads = ((0, 0), (0, 0), (0, 0))


@function
class Volumed(Windowed):
    """What convolutions of volumes have in common."""

    strides: Shape = (1, 1, 1)
    pads: Pads = NO_PADS
    dilation: Shape = (1, 1, 1)
    groups: int = 1

    def plane(self) -> tuple[Shape, Pads, Shape, int]:
        """Return the same settings for one frame."""
        return self.strides[1:], self.pads[1:], self.dilation[1:], self.groups

    def frames(self, size: int, window: int, count: int) -> Iterator[tuple[int, slice, slice]]:
        """Walk over the taps along the frames: the tap, the frames under it, the results there."""
        step, before, gap = self.strides[0], self.pads[0][0], self.dilation[0]
        for a in range(window):
            shift = a * gap - before
            low = max(0, -(shift // step))
            high = min(count, (size - 1 - shift) // step + 1)
            if high > low:
                first = low * step + shift
                yield a, slice(first, first + (high - low - 1) * step + 1, step), slice(low, high)


@function
class Conv3D(Volumed):
    """Volumes correlated with a bank of filters."""

    rounded: ClassVar[tuple[str, ...]] = ("w",)
    stacked: ClassVar[str] = "joined"

    def infer(self, x: Spec, w: Spec) -> Spec:
        same_dtype("conv3d", x=x, w=rounded(w, x))
        expect(x.ndim == w.ndim == 5, "conv3d", "x and w must have 5 axes", x=x, w=w)
        expect(x.shape[4] == w.shape[3] * self.groups, "conv3d",
               "channels of x must be channels of w × groups", x=x, w=w,
               groups=self.groups)  # fmt: skip
        expect_groups("conv3d", self.groups, w)
        return x.shaped(x.shape[0], *self.counts("conv3d", x.shape[1:4], w.shape[:3]), w.shape[4])

    @single
    def compute(self, xp: Any, x: Any, w: Any, y: Any) -> None:
        made = Conv2D(*self.plane())
        y[...] = 0
        for a, seen, found in self.frames(x.shape[1], w.shape[0], y.shape[1]):
            part = xp.empty(y[:, found].shape, y.dtype)
            made.compute(xp, _as_images(x[:, seen]), w[a], _as_images(part))
            y[:, found] += part

    def grad_x(self, gy: Tensor, w: Tensor, x_spec: Spec) -> Tensor:
        made = Conv3DInputGrad(self.strides, self.pads, self.dilation, self.groups,
                               x_spec.shape[1:4])  # fmt: skip
        return made(gy, w)  # type: ignore[no-any-return]

    def grad_w(self, gy: Tensor, x: Tensor, w_spec: Spec) -> Tensor:
        return _filter_grad(self, gy, x, w_spec)


@function
class Conv3DInputGrad(Volumed):
    """The gradient of Conv3D for its volumes of given `sizes`; the transposed convolution."""

    sizes: Shape = (1, 1, 1)

    rounded: ClassVar[tuple[str, ...]] = ("w",)
    stacked: ClassVar[str] = "joined"

    def infer(self, gy: Spec, w: Spec) -> Spec:
        subject = "conv3d_transpose"
        same_dtype(subject, gy=gy, w=rounded(w, gy))
        expect(gy.ndim == w.ndim == 5, subject, "gy and w must have 5 axes", gy=gy, w=w)
        expect(gy.shape[4] == w.shape[4], subject, "channels of gy must be the last axis of w",
               gy=gy, w=w)  # fmt: skip
        expect_groups(subject, self.groups, w)
        self.expect_counts(subject, gy, self.sizes, w.shape[:3])
        return gy.shaped(gy.shape[0], *self.sizes, w.shape[3] * self.groups)

    @single
    def compute(self, xp: Any, gy: Any, w: Any, gx: Any) -> None:
        made = Conv2DInputGrad(*self.plane(), self.sizes[1:])
        gx[...] = 0
        for a, seen, found in self.frames(gx.shape[1], w.shape[0], gy.shape[1]):
            part = xp.empty(gx[:, seen].shape, gx.dtype)
            made.compute(xp, _as_images(gy[:, found]), w[a], _as_images(part))
            gx[:, seen] += part

    def grad_gy(self, ggx: Tensor, w: Tensor) -> Tensor:
        return Conv3D(self.strides, self.pads, self.dilation, self.groups)(ggx, w)  # type: ignore[no-any-return]

    def grad_w(self, ggx: Tensor, gy: Tensor, w_spec: Spec) -> Tensor:
        return _filter_grad(self, gy, ggx, w_spec)


@function
class Conv3DFilterGrad(Volumed):
    """The gradient of Conv3D for its filters of a given `window`; `dtype` as Conv2D's."""

    window: Shape = (1, 1, 1)
    dtype: DType | None = None

    def infer(self, gy: Spec, x: Spec) -> Spec:
        subject = "conv3d filter gradient"
        same_dtype(subject, gy=gy, x=x)
        expect(gy.ndim == x.ndim == 5 and gy.shape[0] == x.shape[0], subject,
               "gy and x must be as many volumes", gy=gy, x=x)  # fmt: skip
        expect(x.shape[4] % self.groups == gy.shape[4] % self.groups == 0, subject,
               "channels must divide into groups", gy=gy, x=x, groups=self.groups)  # fmt: skip
        self.expect_counts(subject, gy, x.shape[1:4], self.window)
        made = x.shaped(*self.window, x.shape[4] // self.groups, gy.shape[4])
        return made if self.dtype is None else made.typed(self.dtype)

    @single
    def compute(self, xp: Any, gy: Any, x: Any, gw: Any) -> None:
        made = Conv2DFilterGrad(*self.plane(), self.window[1:])
        gw[...] = 0
        for a, seen, found in self.frames(x.shape[1], self.window[0], gy.shape[1]):
            made.compute(xp, _as_images(gy[:, found]), _as_images(x[:, seen]), gw[a])

    def grad_gy(self, ggw: Tensor, x: Tensor) -> Tensor:
        return Conv3D(self.strides, self.pads, self.dilation, self.groups)(x, ggw)  # type: ignore[no-any-return]

    def grad_x(self, ggw: Tensor, gy: Tensor, x_spec: Spec) -> Tensor:
        made = Conv3DInputGrad(self.strides, self.pads, self.dilation, self.groups,
                               x_spec.shape[1:4])  # fmt: skip
        return made(gy, ggw)  # type: ignore[no-any-return]


def _filter_grad(one: Any, gy: Tensor, x: Tensor, w: Spec) -> Tensor:
    """Return the gradient for filters w of a convolution of x, as precise as they are."""
    dtype = None if w.dtype == gy.dtype else w.dtype
    made = Conv3DFilterGrad(one.strides, one.pads, one.dilation, one.groups, w.shape[:3], dtype)
    return made(gy, x)  # type: ignore[no-any-return]


def _as_images(x: Any) -> Any:
    """Return volumes (N, D, H, W, C) as images (N·D, H, W, C)."""
    return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])


def conv3d(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    strides: int | Sequence[int] = 1,
    padding: str | int | Sequence[Any] = "valid",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Convolve volumes with a bank of filters.

    y[n, i, j, k, o] = Σ x[n, i·s + a·d, j·s + b·d, k·s + e·d, c] · w[a, b, e, c, o] + b[o]

    Args:
        x: volumes, (N, D, H, W, C).
        w: filters, (A, B, E, C / groups, O).
        b: one number per filter, (O,).
        strides: input elements per output element: frames, rows and columns.
        padding: "valid" (none), "same" (⌈D / s⌉ outputs, the odd zero after), or the zeros before
            and after: a number, one per axis, or a (before, after) per axis.
        dilation: input elements from one tap of a filter to the next.
        groups: parts of the channels that are convolved apart.
    Returns:
        (N, D', H', W', O), D' = ⌊(D + padding − d·(A − 1) − 1) / s⌋ + 1.
    Raises:
        ShapeError: the channels of x and w disagree, or the window is larger than the padded x.
    """
    expect(w.ndim == 5, "conv3d", "w must be filters (A, B, E, C / groups, O)", w=w.spec)
    where = placed("conv3d", x, w.shape[:3], strides, padding, dilation)
    return biased("conv3d", Conv3D(*where, groups)(x, w), b)
