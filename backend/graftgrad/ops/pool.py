"""Windows of an image reduced to one number: the largest, the average.

Pooling sees every channel by itself. `MaxPool2D` remembers where in its window each maximum
stood, so that gradients of any order only carry values to and from these places.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import expect
from ..function import function
from ..spec import DType, Shape, Spec, expect_numbers, float32, float64, int32, pair, uint8, uint16
from .operand import floating
from .window import Windowed, Windows, gathered, lowest, placed, single, walked

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class MaxPool2D(Windowed):
    """The largest value of every window; beyond the edge there is nothing to win."""

    window: Shape = (2, 2)

    hidden: ClassVar[tuple[str, ...]] = ("positions",)
    stacked: ClassVar[str] = "joined"

    def infer(self, x: Spec) -> tuple[Spec, Spec]:
        expect(x.ndim == 4, "max_pool2d", "x must be images (N, H, W, C)", x=x)
        expect_numbers("max_pool2d", x=x)
        _expect_edges("max_pool2d", self)
        counts = self.counts("max_pool2d", x.shape[1:3], self.window)
        y = x.shaped(x.shape[0], *counts, x.shape[3])
        return y, y.typed(_counting(self.window))

    def compute(self, xp: Any, x: Any, y: Any, positions: Any) -> None:
        lie = self.on(x.shape[1:3], self.window, y.shape[1:3])
        positions[...] = 0
        for block, tap in walked(xp, x, lie, lowest(x.dtype)):
            best, where = y[block], positions[block]
            larger = xp.empty(best.shape, bool)
            won = larger.view(uint8)  # no conversion on the way
            place = xp.empty(where.shape, where.dtype)
            for i, (a, b) in enumerate(lie.taps()):
                pixels = tap(a, b)
                if i == 0:
                    best[...] = pixels
                    continue
                xp.greater(pixels, best, out=larger)
                xp.maximum(pixels, best, out=best)
                xp.multiply(won, where.dtype.type(i), out=place)
                xp.maximum(
                    place, where, out=where
                )  # places rise, so the last that won is the largest

    def grad_x(self, gy: Tensor, positions: Tensor, x_spec: Spec) -> Tensor:
        sizes = (x_spec.shape[1], x_spec.shape[2])
        return MaxPoolScatter(self.strides, self.pads, self.dilation, self.window, sizes)(  # type: ignore[no-any-return]
            gy, positions
        )


@function
class MaxPoolScatter(Windowed):
    """Values carried back to the positions of the maxima: the gradient of MaxPool2D."""

    window: Shape = (2, 2)
    sizes: Shape = (1, 1)

    stacked: ClassVar[str] = "joined"

    def infer(self, gy: Spec, positions: Spec) -> Spec:
        expect(gy.ndim == 4 and gy.shape == positions.shape, "max_pool2d gradient",
               "gy must have the shape of the positions", gy=gy, positions=positions)  # fmt: skip
        self.expect_counts("max_pool2d gradient", gy, self.sizes, self.window)
        return gy.shaped(gy.shape[0], *self.sizes, gy.shape[3])

    @single
    def compute(self, xp: Any, gy: Any, positions: Any, gx: Any) -> None:
        lie = self.on(self.sizes, self.window, gy.shape[1:3])
        for block, tap in gathered(xp, gx, lie):
            g, where = gy[block], positions[block]
            here = xp.empty(g.shape, bool)
            share = xp.empty(g.shape, g.dtype)
            for i, (a, b) in enumerate(lie.taps()):
                target = tap(a, b)
                xp.equal(where, where.dtype.type(i), out=here)
                xp.multiply(g, here, out=share)
                target += share

    def grad_gy(self, ggx: Tensor, positions: Tensor) -> Tensor:
        return MaxPoolGather(self.strides, self.pads, self.dilation, self.window)(ggx, positions)  # type: ignore[no-any-return]


@function
class MaxPoolGather(Windowed):
    """Values fetched from the positions of the maxima: the gradient of MaxPoolScatter."""

    window: Shape = (2, 2)

    stacked: ClassVar[str] = "joined"

    def infer(self, x: Spec, positions: Spec) -> Spec:
        expect(x.ndim == positions.ndim == 4, "max_pool2d gather",
               "x and positions must have 4 axes", x=x, positions=positions)  # fmt: skip
        self.expect_counts("max_pool2d gather", positions, (x.shape[1], x.shape[2]), self.window)
        return x.shaped(*positions.shape)

    @single
    def compute(self, xp: Any, x: Any, positions: Any, y: Any) -> None:
        lie = self.on(x.shape[1:3], self.window, y.shape[1:3])
        for block, tap in walked(xp, x, lie):
            out, where = y[block], positions[block]
            out[...] = 0
            for i, (a, b) in enumerate(lie.taps()):
                xp.copyto(out, tap(a, b), where=where == where.dtype.type(i))

    def grad_x(self, gy: Tensor, positions: Tensor, x_spec: Spec) -> Tensor:
        sizes = (x_spec.shape[1], x_spec.shape[2])
        return MaxPoolScatter(self.strides, self.pads, self.dilation, self.window, sizes)(  # type: ignore[no-any-return]
            gy, positions
        )


@function
class AveragePool2D(Windowed):
    """The mean of every window; zeros beyond the edge count only if `count_include_pad`."""

    window: Shape = (2, 2)
    count_include_pad: bool = False

    stacked: ClassVar[str] = "joined"

    def infer(self, x: Spec) -> Spec:
        expect(x.ndim == 4, "avg_pool2d", "x must be images (N, H, W, C)", x=x)
        _expect_edges("avg_pool2d", self)
        counts = self.counts("avg_pool2d", x.shape[1:3], self.window)
        return x.shaped(x.shape[0], *counts, x.shape[3])

    @single
    def compute(self, xp: Any, x: Any, y: Any) -> None:
        lie = self.on(x.shape[1:3], self.window, y.shape[1:3])
        shares = _shares(xp, lie, self.count_include_pad, y.dtype)
        for block, tap in walked(xp, x, lie):
            out = y[block]
            for a, b in lie.taps():
                if a == b == 0:
                    out[...] = tap(a, b)
                else:
                    out += tap(a, b)
            out *= shares[block[1]]

    def grad_x(self, gy: Tensor, x_spec: Spec) -> Tensor:
        sizes = (x_spec.shape[1], x_spec.shape[2])
        made = AveragePoolGrad(
            self.strides, self.pads, self.dilation, self.window, self.count_include_pad, sizes
        )
        return made(gy)  # type: ignore[no-any-return]


@function
class AveragePoolGrad(Windowed):
    """Every value spread evenly over its window: the gradient of AveragePool2D."""

    window: Shape = (2, 2)
    count_include_pad: bool = False
    sizes: Shape = (1, 1)

    stacked: ClassVar[str] = "joined"

    def infer(self, gy: Spec) -> Spec:
        expect(gy.ndim == 4, "avg_pool2d gradient", "gy must have 4 axes", gy=gy)
        self.expect_counts("avg_pool2d gradient", gy, self.sizes, self.window)
        return gy.shaped(gy.shape[0], *self.sizes, gy.shape[3])

    @single
    def compute(self, xp: Any, gy: Any, gx: Any) -> None:
        lie = self.on(self.sizes, self.window, gy.shape[1:3])
        shares = _shares(xp, lie, self.count_include_pad, gy.dtype)
        for block, tap in gathered(xp, gx, lie):
            share = gy[block] * shares[block[1]]
            for a, b in lie.taps():
                target = tap(a, b)
                target += share

    def grad_gy(self, ggx: Tensor) -> Tensor:
        made = AveragePool2D(
            self.strides, self.pads, self.dilation, self.window, self.count_include_pad
        )
        return made(ggx)  # type: ignore[no-any-return]


def _expect_edges(subject: str, pool: Any) -> None:
    """Refuse windows that lie beyond the edge altogether: they hold no pixel.

    Raises:
        ShapeError: a margin is as large as the window.
    """
    for both, a, d in zip(pool.pads, pool.window, pool.dilation, strict=True):
        expect(max(both) <= (a - 1) * d, subject, "padding must be smaller than the window",
               padding=pool.pads, window=pool.window)  # fmt: skip


def _counting(window: Shape) -> DType:
    """Return the smallest integer type that counts the places of a window."""
    places = window[0] * window[1]
    return uint8 if places <= 1 << 8 else uint16 if places <= 1 << 16 else int32


def _shares(xp: Any, lie: Windows, include: bool, dtype: DType) -> Any:
    """Return what one pixel counts in each window, (H', W', 1)."""
    along = []
    for i in range(2):
        starts = xp.arange(lie.counts[i])[:, None] * lie.strides[i] - lie.pads[i][0]
        places = starts + xp.arange(lie.window[i]) * lie.dilation[i]
        within = ((places >= 0) & (places < lie.sizes[i])).sum(axis=1)
        along.append(xp.full_like(within, lie.window[i]) if include else within)
    held = along[0][:, None, None] * along[1][None, :, None]
    held = xp.maximum(held, 1)  # a window that lies beside the image
    return (1.0 / held).astype(float64 if dtype == float64 else float32)


def max_pool2d(
    x: Tensor,
    size: int | Sequence[int] = 2,
    strides: int | Sequence[int] | None = None,
    padding: str | int | Sequence[Any] = "valid",
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """Take the largest value of every window: y[n, i, j, c] = max x[n, i·s + a, j·s + b, c].

    Of several equal maxima the first gets the gradient. Padding never wins.

    Args:
        x: images, (N, H, W, C).
        size: rows and columns of the window, (A, B).
        strides: pixels from one window to the next; `size` if None.
        padding: "valid", "same", or the margin before and after, as in `conv2d`.
        dilation: pixels from one place of the window to the next.
    Returns:
        (N, H', W', C), H' = ⌊(H + padding − d·(A − 1) − 1) / s⌋ + 1.
    Raises:
        ShapeError: the window is larger than the padded image, or a margin as large as the window.
    """
    window = pair("max_pool2d size", size)
    steps = window if strides is None else strides
    where = placed("max_pool2d", x, window, steps, padding, dilation)
    return MaxPool2D(*where, window)(x)  # type: ignore[no-any-return]


def avg_pool2d(
    x: Tensor,
    size: int | Sequence[int] = 2,
    strides: int | Sequence[int] | None = None,
    padding: str | int | Sequence[Any] = "valid",
    count_include_pad: bool = False,
) -> Tensor:
    """Average every window: y[n, i, j, c] = Σ x[n, i·s + a, j·s + b, c] / count.

    Args:
        x: images, (N, H, W, C); integers become real numbers.
        size: rows and columns of the window, (A, B).
        strides: pixels from one window to the next; `size` if None.
        padding: "valid", "same", or the margin before and after, as in `conv2d`.
        count_include_pad: count A·B pixels everywhere, also where some lie beyond the edge.
    Returns:
        (N, H', W', C), H' = ⌊(H + padding − A) / s⌋ + 1.
    Raises:
        ShapeError: the window is larger than the padded image, or a margin as large as the window.
    """
    window = pair("avg_pool2d size", size)
    steps = window if strides is None else strides
    where = placed("avg_pool2d", x, window, steps, padding)
    return AveragePool2D(*where, window, count_include_pad)(floating(x))  # type: ignore[no-any-return]
