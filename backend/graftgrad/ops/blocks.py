"""Images cut into patches and put together again; blocks of pixels moved into channels and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import expect
from ..function import function
from ..spec import Shape, Spec, pair, window_pads
from .shape import reshape, transpose
from .window import Windowed, gathered, placed, single, walked

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Unfold(Windowed):
    """The pixels of every window side by side (im2col): y[n, i, j, (a, b, c)]."""

    window: Shape = (1, 1)

    stacked: ClassVar[str] = "joined"

    def infer(self, x: Spec) -> Spec:
        expect(x.ndim == 4, "unfold", "x must be images (N, H, W, C)", x=x)
        counts = self.counts("unfold", x.shape[1:3], self.window)
        return x.shaped(x.shape[0], *counts, self.window[0] * self.window[1] * x.shape[3])

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        lie = self.on(x.shape[1:3], self.window, y.shape[1:3])
        out = y.reshape(*y.shape[:3], *self.window, x.shape[3])
        for block, tap in walked(xp, x, lie):
            for a, b in lie.taps():
                out[block][:, :, :, a, b] = tap(a, b)

    def grad_x(self, gy: Tensor, x_spec: Spec) -> Tensor:
        made = Fold(self.strides, self.pads, self.dilation, self.window, x_spec.shape[1:3])
        return made(gy)  # type: ignore[no-any-return]


@function
class Fold(Windowed):
    """Patches added up where they came from (col2im); the gradient of Unfold."""

    window: Shape = (1, 1)
    sizes: Shape = (1, 1)

    stacked: ClassVar[str] = "joined"

    def infer(self, x: Spec) -> Spec:
        places = self.window[0] * self.window[1]
        expect(x.ndim == 4 and places > 0 and x.shape[3] % places == 0, "fold",
               "x must be patches (N, H', W', A·B·C)", x=x, window=self.window)  # fmt: skip
        self.expect_counts("fold", x, self.sizes, self.window, "x")
        return x.shaped(x.shape[0], *self.sizes, x.shape[3] // places)

    @single
    def compute(self, xp: Any, x: Any, y: Any) -> None:
        lie = self.on(self.sizes, self.window, x.shape[1:3])
        parts = x.reshape(*x.shape[:3], *self.window, y.shape[3])
        for block, tap in gathered(xp, y, lie):
            for a, b in lie.taps():
                target = tap(a, b)
                target += parts[block][:, :, :, a, b]

    def grad_x(self, gy: Tensor) -> Tensor:
        return Unfold(self.strides, self.pads, self.dilation, self.window)(gy)  # type: ignore[no-any-return]


def unfold(
    x: Tensor,
    size: int | Sequence[int],
    *,
    strides: int | Sequence[int] = 1,
    padding: str | int | Sequence[Any] = "valid",
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """Put the pixels of every window side by side: im2col.

    y[n, i, j, (a·B + b)·C + c] = x[n, i·s + a·d, j·s + b·d, c]

    Args:
        x: images, (N, H, W, C).
        size: rows and columns of the window, (A, B).
        strides: pixels from one window to the next.
        padding: "valid", "same", or the zeros before and after, as in `conv2d`.
        dilation: pixels from one place of the window to the next.
    Returns:
        (N, H', W', A·B·C), H' = ⌊(H + padding − d·(A − 1) − 1) / s⌋ + 1.
    Raises:
        ShapeError: the window is larger than the padded image.
    """
    window = pair("unfold size", size)
    return Unfold(*placed("unfold", x, window, strides, padding, dilation), window)(x)  # type: ignore[no-any-return]


def fold(
    x: Tensor,
    output_size: int | Sequence[int],
    size: int | Sequence[int],
    *,
    strides: int | Sequence[int] = 1,
    padding: str | int | Sequence[Any] = "valid",
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """Add patches up where `unfold` took them from: col2im.

    Args:
        x: patches, (N, H', W', A·B·C).
        output_size: rows and columns of the images, (H, W).
        size: rows and columns of the window, (A, B).
        strides: pixels from one window to the next.
        padding: "valid", "same", or the margin before and after, which is dropped.
        dilation: pixels from one place of the window to the next.
    Returns:
        (N, H, W, C).
    Raises:
        ShapeError: x is not what `unfold` makes of such images.
    """
    window, sizes = pair("fold size", size), pair("fold output_size", output_size)
    steps, gaps = pair("fold strides", strides), pair("fold dilation", dilation)
    expect(min(*steps, *gaps) > 0, "fold", "strides and dilation must be at least 1",
           strides=steps, dilation=gaps)  # fmt: skip
    pads = window_pads(padding, sizes, window, steps, gaps)
    return Fold(steps, pads, gaps, window, sizes)(x)  # type: ignore[no-any-return]


def pixel_shuffle(x: Tensor, factor: int) -> Tensor:
    """Lay channels out as blocks of r × r pixels. Shi et al. 2016.

    y[n, h·r + i, w·r + j, c] = x[n, h, w, c·r² + i·r + j], PyTorch's order of channels.

    Shapes: (N, H, W, C·r²) -> (N, H·r, W·r, C), r = factor.

    Raises:
        ShapeError: the channels are no multiple of r².
    """
    n, h, w, c = _divided("pixel_shuffle", x, factor, channels=True)
    parts = reshape(x, (n, h, w, c, factor, factor))
    return reshape(transpose(parts, (0, 1, 4, 2, 5, 3)), (n, h * factor, w * factor, c))


def pixel_unshuffle(x: Tensor, factor: int) -> Tensor:
    """Gather blocks of r × r pixels into channels: the reverse of `pixel_shuffle`.

    Shapes: (N, H·r, W·r, C) -> (N, H, W, C·r²), r = factor.

    Raises:
        ShapeError: rows or columns are no multiple of r.
    """
    n, h, w, c = _divided("pixel_unshuffle", x, factor, channels=False)
    parts = reshape(x, (n, h, factor, w, factor, c))
    return reshape(transpose(parts, (0, 1, 3, 5, 2, 4)), (n, h, w, c * factor * factor))


def depth_to_space(x: Tensor, block_size: int) -> Tensor:
    """Lay channels out as blocks of pixels, in TensorFlow's order of channels.

    y[n, h·r + i, w·r + j, c] = x[n, h, w, (i·r + j)·C + c]

    Shapes: (N, H, W, C·r²) -> (N, H·r, W·r, C), r = block_size.

    Raises:
        ShapeError: the channels are no multiple of r².
    """
    n, h, w, c = _divided("depth_to_space", x, block_size, channels=True)
    parts = reshape(x, (n, h, w, block_size, block_size, c))
    return reshape(transpose(parts, (0, 1, 3, 2, 4, 5)), (n, h * block_size, w * block_size, c))


def space_to_depth(x: Tensor, block_size: int) -> Tensor:
    """Gather blocks of pixels into channels: the reverse of `depth_to_space`.

    Shapes: (N, H·r, W·r, C) -> (N, H, W, C·r²), r = block_size.

    Raises:
        ShapeError: rows or columns are no multiple of r.
    """
    n, h, w, c = _divided("space_to_depth", x, block_size, channels=False)
    parts = reshape(x, (n, h, block_size, w, block_size, c))
    return reshape(transpose(parts, (0, 1, 3, 2, 4, 5)), (n, h, w, c * block_size * block_size))


def _divided(subject: str, x: Tensor, factor: int, channels: bool) -> tuple[int, int, int, int]:
    """Return N, H, W, C of the divided sizes."""
    expect(x.ndim == 4, subject, "x must be images (N, H, W, C)", x=x.spec)
    n, h, w, c = x.shape
    if channels:
        expect(factor > 0 and c % (factor * factor) == 0, subject,
               "the channels must be a multiple of the factor's square",
               x=x.spec, factor=factor)  # fmt: skip
        return n, h, w, c // (factor * factor)
    expect(factor > 0 and h % factor == w % factor == 0, subject,
           "rows and columns must be multiples of the factor", x=x.spec, factor=factor)  # fmt: skip
    return n, h // factor, w // factor, c
