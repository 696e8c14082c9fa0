"""How windows lie on images, and the framed blocks of an image in which they are walked over.

Convolution and pooling share this: geometry without values (`Windows`), a block of rows with its
margins (`Frame`), tap by tap or as a matrix of patches. What is done with a window stands there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ..errors import expect
from ..function import Function, function
from ..spec import (
    Pads,
    Pair,
    Shape,
    Spec,
    float32,
    is_floating,
    several,
    window_pads,
    windows_along,
)

Compute = TypeVar("Compute", bound=Callable[..., None])
Block = tuple[slice, slice]

CACHE_BYTES = (
    1 << 19
)  # what one operand of an elementwise walk may take, so that several fit in cache
BATCHES = {
    1: "sequences (N, T, C)",
    2: "images (N, H, W, C)",
    3: "volumes (N, D, H, W, C)",
}
PATCH_BYTES = 1 << 22  # a matrix of patches: long enough for the product, short enough for L3


@dataclass(frozen=True)
class Windows:
    """Where windows lie: image sizes (H, W), window (A, B), how many there are (H', W')."""

    sizes: Shape
    window: Shape
    strides: Shape
    pads: Pads
    dilation: Shape
    counts: Shape

    @property
    def padded(self) -> bool:
        """Whether there are margins."""
        return any(p != 0 for both in self.pads for p in both)

    @property
    def pointwise(self) -> bool:
        """Whether every window is the pixel itself."""
        return self.window == self.strides == (1, 1) and not self.padded

    def reach(self, rows: int) -> int:
        """Return how many rows of the padded image that many rows of windows touch."""
        return (rows - 1) * self.strides[0] + (self.window[0] - 1) * self.dilation[0] + 1

    def width(self) -> int:
        """Return how many columns of the padded image all windows touch."""
        return (self.counts[1] - 1) * self.strides[1] + (self.window[1] - 1) * self.dilation[1] + 1

    def taps(self) -> Iterator[Pair]:
        """Walk over the places (a, b) in the window, row by row."""
        for a in range(self.window[0]):
            for b in range(self.window[1]):
                yield a, b

    def turned(self) -> Windows:
        """Return the windows of the gradient at stride 1: over the results, back onto the image."""
        pads = []
        for size, count, (before, _), a, d in zip(
            self.sizes, self.counts, self.pads, self.window, self.dilation, strict=True
        ):
            lead = (a - 1) * d - before
            pads.append((lead, size + (a - 1) * d - count - lead))
        return Windows(self.counts, self.window, (1, 1), tuple(pads), self.dilation, self.sizes)


@function
class Windowed(Function):
    """A function of windows; what convolution and pooling have in common.

    There is one entry for each axis between batch and channels.
    """

    strides: Shape = (1, 1)
    pads: Pads = ((0, 0), (0, 0))
    dilation: Shape = (1, 1)

    def on(self, sizes: Sequence[int], window: Sequence[int], counts: Sequence[int]) -> Windows:
        """Return how this function's windows lie on images of given sizes."""
        return Windows(
            tuple(sizes), tuple(window), self.strides, self.pads, self.dilation, tuple(counts)
        )

    def counts(self, subject: str, sizes: Sequence[int], window: Sequence[int]) -> Shape:
        """Return how many windows there are along each axis, and check the attributes.

        Raises:
            ShapeError: a window does not fit, or strides or dilation are not positive.
        """
        positive = min(*self.strides, *self.dilation, *window) > 0
        expect(positive, subject, "window, strides and dilation must be at least 1",
               window=tuple(window), strides=self.strides, dilation=self.dilation)  # fmt: skip
        expect(all(p >= 0 for both in self.pads for p in both), subject,
               "padding must not be negative", padding=self.pads)  # fmt: skip
        return windows_along(subject, sizes, window, self.strides, self.pads, self.dilation)

    def expect_counts(
        self, subject: str, gy: Spec, sizes: Shape, window: Sequence[int], called: str = "gy"
    ) -> None:
        """Check that gy, or what is `called` so, has one pixel for every window on such images.

        Raises:
            ShapeError: it has not.
        """
        counts = self.counts(subject, sizes, window)
        given: dict[str, Any] = {called: gy}
        named = "rows and columns" if len(counts) == 2 else "frames, rows and columns"
        expect(gy.shape[1:-1] == counts, subject, f"{called} must have {counts} {named}",
               sizes=sizes, window=tuple(window), **given)  # fmt: skip


def placed(
    subject: str,
    x: Any,
    window: Sequence[int],
    strides: Any,
    padding: Any,
    dilation: Any = 1,
) -> tuple[Shape, Pads, Shape]:
    """Return strides, pads and dilation as a Windowed function takes them, from what users write.

    The window has as many axes as there are between batch and channels.

    Raises:
        ShapeError: x has other axes, or an argument is not understood.
    """
    rank = len(window)
    expect(x.ndim == rank + 2, subject, f"x must be {BATCHES[rank]}", x=x.spec)
    steps = several(f"{subject} strides", strides, rank)
    gaps = several(f"{subject} dilation", dilation, rank)
    expect(min(steps) > 0 and min(gaps) > 0, subject, "strides and dilation must be at least 1",
           strides=steps, dilation=gaps)  # fmt: skip
    return steps, window_pads(padding, x.shape[1:-1], window, steps, gaps), gaps


def single(compute: Compute) -> Compute:
    """Let a reference body compute in float32 where an operand is of shorter real numbers.

    Operands that are float32 beside it are rounded to its type first.
    """

    @functools.wraps(compute)
    def widened(self: Any, xp: Any, *arrays: Any) -> None:
        *ins, y = arrays
        short = next((a.dtype for a in ins if a.dtype.itemsize < 4 and is_floating(a.dtype)), None)
        if short is None:
            compute(self, xp, *arrays)
            return
        wide = [
            a.astype(short, copy=False).astype(float32) if is_floating(a.dtype) else a for a in ins
        ]
        if y.dtype == float32:
            compute(self, xp, *wide, y)
            return
        result = xp.empty(y.shape, float32)
        compute(self, xp, *wide, result)
        y[...] = result.astype(y.dtype)

    return widened  # type: ignore[return-value]


def blocks(images: int, rows: int, row_bytes: int, budget: int) -> Iterator[Block]:
    """Cut a batch into blocks of about `budget` bytes: several images, or some rows of one."""
    if rows * row_bytes <= budget:
        step = max(1, budget // max(1, rows * row_bytes))
        for n in range(0, images, step):
            yield slice(n, min(n + step, images)), slice(0, rows)
        return
    step = max(1, budget // row_bytes)
    for n in range(images):
        for i in range(0, rows, step):
            yield slice(n, n + 1), slice(i, min(i + step, rows))


class Frame:
    """A block of images with its margins, columns sorted by their place within a stride.

    The buffer is (images, rows, phases, columns, C): padded column q·phases + p lies at [p, q], so
    that, with as many phases as the stride is wide, one tap of all windows in a row is a run
    without gaps. `planar` puts the channels, if they are few, before the columns in memory.
    """

    def __init__(
        self, xp: Any, x: Any, lie: Windows, chosen: Sequence[Block], phases: int,
        value: float = 0.0, planar: bool = False,
    ) -> None:  # fmt: skip
        self.lie = lie
        self.value = value
        self.phases = phases
        images = max((n.stop - n.start for n, _ in chosen), default=0)
        rows = max((lie.reach(i.stop - i.start) for _, i in chosen), default=0)
        columns, channels = -(-lie.width() // phases), x.shape[3]
        if planar:
            buffer = xp.full((images, rows, phases, channels, columns), value, x.dtype)
            self.buffer = buffer.transpose(0, 1, 2, 4, 3)
        else:
            self.buffer = xp.full((images, rows, phases, columns, channels), value, x.dtype)

    def inside(self, block: Block) -> tuple[slice, slice]:
        """Return the rows of the image in a block, and where they lie in the buffer."""
        first = block[1].start * self.lie.strides[0] - self.lie.pads[0][0]
        reach = self.lie.reach(block[1].stop - block[1].start)
        low = min(max(first, 0), self.lie.sizes[0])
        high = max(min(first + reach, self.lie.sizes[0]), low)
        return slice(low, high), slice(low - first, high - first)

    def columns(self) -> Iterator[tuple[slice, int, slice]]:
        """Walk over the phases: columns of the image, the phase, where they lie in it."""
        before, width, size = self.lie.pads[1][0], self.lie.width(), self.lie.sizes[1]
        for p in range(self.phases):
            low = max(0, -(-(before - p) // self.phases))
            high = -(-(min(width, size + before) - p) // self.phases)
            if high > low:
                start = low * self.phases + p - before
                stop = (high - 1) * self.phases + p - before + 1
                yield slice(start, stop, self.phases), p, slice(low, high)

    def part(self, block: Block) -> Any:
        """Return the part of the buffer that a block takes."""
        images, rows = block
        return self.buffer[: images.stop - images.start, : self.lie.reach(rows.stop - rows.start)]

    def fill(self, x: Any, block: Block) -> Any:
        """Copy a block of the images between its margins and return the buffer's part."""
        part = self.part(block)
        rows, place = self.inside(block)
        part[:, : place.start] = self.value
        part[:, place.stop :] = self.value
        for columns, p, q in self.columns():
            part[:, place, p, q] = x[block[0], rows, columns]
        return part

    def spill(self, part: Any, block: Block, gx: Any) -> None:
        """Put what has gathered in a block into the images of zeros, without its margins."""
        rows, place = self.inside(block)
        whole = block[1].stop - block[1].start == self.lie.counts[0]
        for columns, p, q in self.columns():
            target = gx[block[0], rows, columns]
            if whole:
                target[...] = part[:, place, p, q]
            else:  # blocks of one image overlap
                target += part[:, place, p, q]


def filled(
    xp: Any, x: Any, lie: Windows, chosen: Sequence[Block], phases: int, value: float = 0.0
) -> Iterator[tuple[Block, Any]]:
    """Walk over blocks of images in their margins; where there are none nothing is copied."""
    if phases == 1 and not lie.padded:
        for images, rows in chosen:
            first = rows.start * lie.strides[0]
            reach = lie.reach(rows.stop - rows.start)
            yield (images, rows), x[images, first : first + reach][:, :, None]
        return
    frame = Frame(xp, x, lie, chosen, phases, value)
    for block in chosen:
        yield block, frame.fill(x, block)


def walked(
    xp: Any, x: Any, lie: Windows, value: float = 0.0
) -> Iterator[tuple[Block, Callable[[int, int], Any]]]:
    """Walk over images block by block; with each comes what gives the pixels of a tap (a, b)."""
    row = lie.strides[0] * lie.width() * x.shape[3] * x.dtype.itemsize
    chosen = list(blocks(x.shape[0], lie.counts[0], row, CACHE_BYTES))
    for block, part in filled(xp, x, lie, chosen, lie.strides[1], value):
        yield block, functools.partial(_tap, lie, part, block)


def gathered(
    xp: Any, gx: Any, lie: Windows, row: int = 0, budget: int = 0, planar: bool = False
) -> Iterator[tuple[Block, Callable[[int, int], Any]]]:
    """Walk as `walked` does, over zeros; what is added to the taps ends up in gx.

    `row` is what a row of windows takes in bytes, `budget` what a block may take; if 0 the images'
    own size and what fits in cache.
    """
    row = row or lie.strides[0] * lie.width() * gx.shape[3] * gx.dtype.itemsize
    chosen = list(blocks(gx.shape[0], lie.counts[0], row, budget or CACHE_BYTES))
    frame = Frame(xp, gx, lie, chosen, lie.strides[1], 0.0, planar)
    gx[...] = 0
    for block in chosen:
        part = frame.part(block)
        part[...] = 0
        yield block, functools.partial(_tap, lie, part, block)
        frame.spill(part, block, gx)


def patches(xp: Any, x: Any, lie: Windows, groups: int, least: int) -> Iterator[tuple[Block, Any]]:
    """Walk over images block by block; each comes with its patches, (G, M, A·B·C / G).

    Args:
        xp: the namespace of the arrays.
        x: images, (N, H, W, C).
        lie: where the windows lie.
        groups: parts into which the channels are sorted.
        least: the number of patches in a block, M, if there are that many.
    """
    n, channels = x.shape[0], x.shape[3] // groups
    if lie.pointwise:
        pixels = xp.ascontiguousarray(x).reshape(-1, groups, channels)
        yield (slice(0, n), slice(0, lie.counts[0])), pixels.transpose(1, 0, 2)
        return
    length = lie.window[0] * lie.window[1] * channels
    patch = groups * length * x.dtype.itemsize
    budget = max(PATCH_BYTES, least * patch)
    chosen = list(blocks(n, lie.counts[0], lie.counts[1] * patch, budget))
    buffer = xp.empty(0, x.dtype)
    for block, part in filled(xp, x, lie, chosen, 1):
        view = _patches(xp, part, lie, block, groups)
        if buffer.size < view.size:  # the first block is the largest
            buffer = xp.empty(view.size, x.dtype)
        held = buffer[: view.size]
        held.reshape(view.shape)[...] = view
        yield block, held.reshape(groups, -1, length)


def _patches(xp: Any, part: Any, lie: Windows, block: Block, groups: int) -> Any:
    """View a filled frame as patches: (G, images, rows, W', A, B, C / G)."""
    n, r, _, q, c = part.strides
    rows, channels = block[1].stop - block[1].start, part.shape[4] // groups
    return xp.lib.stride_tricks.as_strided(
        part,
        (groups, part.shape[0], rows, lie.counts[1], *lie.window, channels),
        (channels * c, n, r * lie.strides[0], q * lie.strides[1],
         r * lie.dilation[0], q * lie.dilation[1], c),
    )  # fmt: skip


def _tap(lie: Windows, part: Any, block: Block, a: int, b: int) -> Any:
    """View the pixels at place (a, b) of all windows in a block: (images, rows, W', C)."""
    q, p = divmod(b * lie.dilation[1], lie.strides[1])
    start = a * lie.dilation[0]
    stop = start + (block[1].stop - block[1].start - 1) * lie.strides[0] + 1
    return part[:, start : stop : lie.strides[0], p, q : q + lie.counts[1]]


def lowest(dtype: Any) -> float:
    """Return the value below all others of an element type."""
    return float("-inf") if is_floating(dtype) else int(np.iinfo(dtype).min)
