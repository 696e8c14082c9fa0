"""Convolutions with 3 × 3 filters and their gradients by the algorithm of `transforms`.

Rows of tiles are cut into blocks that stay in the caches: each is brought into sixteen planes,
multiplied with those of the filters, and brought back. Filters are transformed in each call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import LibraryError
from ...kernel import Call, Kernel, kernel
from ...ops.conv import Conv2D, Conv2DFilterGrad, Conv2DInputGrad
from ...ops.fused_products import FusedConv2D
from ...spec import Pair, Spec, bfloat16, float32
from ..native import openmp, pages
from ..native.tiles import LANES, PLAIN, After
from ..onednn import library as home
from ..onednn.library import library
from ..onednn.memory import Description, anyhow
from ..onednn.recipe import Accumulate, Attributes, Recipe
from ..onednn.work import RESULT, SOURCE, WEIGHTS
from . import transforms
from .blocks import KINDS, PLANES, Planes, Tiles, blocks, filter_layout, filter_rows
from .passes import Passes, PassKernel
from .transforms import OUT, SIDE, TAPS

WEIGHTS_LAYOUT = 131
BLOCK = 4 << 20  # bytes of a block's planes: larger ones leave the last cache, which is shared

# What else there is to do, in multiplications that take as long, measured on a processor with
# AVX-512: for each channel of a tile, and for each filter's channel where filters are operands.
TILE = {float32: 280, bfloat16: 320}
FILTER = {float32: 1600, bfloat16: 2500}
LEAST_GAIN = 1.1
TOTAL = 800  # the same where they are the result


@kernel(Conv2D, on="cpu")
def conv2d(call: Call) -> Kernel | None:
    """Offer the convolution."""
    (x, w), y = call.ins, call.outs[0]
    function: Any = call.function
    before = function.pads[0][0], function.pads[1][0]
    return _offered(call, w, x, y, lambda work: _convolve(work, x, w, y, before, False))


@kernel(FusedConv2D, on="cpu")
def fused_conv2d(call: Call) -> Kernel | None:
    """Offer the convolution with bias, addend and rectifier."""
    (x, w, *more), y = call.ins, call.outs[0]
    function: Any = call.function
    if function.activation not in ("", "relu") or not all(
        spec.contiguous and spec.dtype in KINDS for spec in more
    ):
        return None
    if function.added and more[-1].dtype != y.dtype:
        return None
    bias = KINDS[more[0].dtype] if function.biased else ""
    after = After(bias, function.added, function.activation == "relu")
    before = function.pads[0][0], function.pads[1][0]
    return _offered(call, w, x, y, lambda work: _convolve(work, x, w, y, before, False, after))


@kernel(Conv2DInputGrad, on="cpu")
def conv2d_input_grad(call: Call) -> Kernel | None:
    """Offer its gradient for images: a convolution with the filters turned round."""
    (gy, w), gx = call.ins, call.outs[0]
    function: Any = call.function
    before = TAPS - 1 - function.pads[0][0], TAPS - 1 - function.pads[1][0]
    return _offered(call, w, gx, gy, lambda work: _convolve(work, gy, w, gx, before, True))


@kernel(Conv2DFilterGrad, on="cpu")
def conv2d_filter_grad(call: Call) -> Kernel | None:
    """Offer its gradient for filters."""
    (gy, x), gw = call.ins, call.outs[0]
    function: Any = call.function
    before = function.pads[0][0], function.pads[1][0]
    return _offered(call, gw, x, gy, lambda work: _sum_up(work, gy, x, gw, before), TOTAL)


def _offered(
    call: Call, w: Spec, x: Spec, y: Spec, build: Callable[[Passes], None], once: int = 0
) -> Kernel | None:
    """Return the kernel where it can be had and is faster than a direct one."""
    function: Any = call.function
    fits = (
        w.shape[:2] == (TAPS, TAPS)
        and function.strides == function.dilation == (1, 1)
        and function.groups == 1
        and all(0 <= pad < TAPS for pads in function.pads for pad in pads)
        and all(spec.contiguous and spec.size for spec in (x, w, y))
        and x.dtype in TILE and w.dtype in TILE
        and w.shape[2] % LANES == w.shape[3] % LANES == 0
    )  # fmt: skip
    if not fits or gain(w, y, once or FILTER[x.dtype]) < LEAST_GAIN:
        return None
    if not (home.available() and pages.available() and openmp.available()):
        return None
    try:
        return PassKernel(call, build)
    except LibraryError:
        return None


def gain(w: Spec, y: Spec, once: int) -> float:
    """Return how many times as long a direct convolution takes, by what each of them multiplies.

    Args:
        w: the filters (3, 3, C, O).
        y: the results (N, P, Q, O).
        once: what is to be done once for each of the C · O.
    """
    _, _, c, o = w.shape
    n, high, wide, _ = y.shape
    tiles = n * -(-high // OUT) * -(-wide // OUT)
    each = PLANES + TILE[y.dtype] * (1 / c + 1 / o)
    return TAPS * TAPS * n * high * wide / (tiles * each + once)


def _convolve(
    work: Passes, x: Spec, w: Spec, y: Spec, before: Pair, turned: bool, after: After = PLAIN
) -> None:
    """Add what leads from (x, w) to y; with filters `turned` round, w counts (O, C)."""
    u = Planes(w.shape[2], w.shape[3], x.dtype)
    plain = work.between(u.described())
    transform = transforms.turned if turned else transforms.filters
    layout, rows = filter_layout(w, u), filter_rows(w)
    work.over(layout, transform, SIDE, rows, work.raw(1), plain)
    given = work.again(plain, u.described(turned))
    c, o = x.shape[3], y.shape[3]
    counts = y.shape[1], y.shape[2]
    points, results = Tiles(x, SIDE, before, counts), Tiles(y, OUT, (0, 0), counts)
    row = PLANES * points.wide * (c * x.dtype.itemsize + o * float32.itemsize)
    filters = source = target = None
    for block in blocks(len(points.rows), row, BLOCK):
        count = (block.stop - block.start) * points.wide
        v, m = Planes(count, c, x.dtype), Planes(count, o, float32)
        if filters is None or source is None or target is None:
            free = anyhow((PLANES, c, o), x.dtype)
            wanted = _product(v.described(), free, m.described()).layout(WEIGHTS_LAYOUT)
            filters = work.brought(given, wanted)
            work.ready(filters)
            source, target = work.between(v.described()), work.between(m.described())
        a, b = work.again(source, v.described()), work.again(target, m.described())
        work.over(points.layout(v), transforms.image, SIDE, points.rows[block], work.raw(0), a)
        recipe = _product(a.description, filters.description, b.description)
        work.main(recipe, {SOURCE: a, WEIGHTS: filters, RESULT: b})
        work.over(
            results.layout(m), transforms.result, SIDE, results.rows[block], work.result(), b,
            True, after,
        )  # fmt: skip


def _sum_up(work: Passes, gy: Spec, x: Spec, gw: Spec, before: Pair) -> None:
    """Add what leads from (gy, x) to the gradient of w."""
    c, o = x.shape[3], gy.shape[3]
    u = Planes(c, o, float32)
    total = work.between(u.described())
    counts = gy.shape[1], gy.shape[2]
    points, grads = Tiles(x, SIDE, before, counts), Tiles(gy, OUT, (0, 0), counts)
    row = PLANES * points.wide * (c + o) * x.dtype.itemsize
    left = right = None
    for block in blocks(len(points.rows), row, BLOCK):
        count = (block.stop - block.start) * points.wide
        v, g = Planes(count, c, x.dtype), Planes(count, o, x.dtype)
        first = left is None
        if left is None or right is None:
            left, right = work.between(v.described()), work.between(g.described())
        a, b = work.again(left, v.described(True)), work.again(right, g.described())
        work.over(points.layout(v), transforms.image, SIDE, points.rows[block], work.raw(1), a)
        work.over(grads.layout(g), transforms.gradient, SIDE, grads.rows[block], work.raw(0), b)
        recipe = _product(a.description, b.description, total.description, not first)
        work.main(recipe, {SOURCE: a, WEIGHTS: b, RESULT: total})
    layout, rows = filter_layout(gw, u), filter_rows(gw)
    work.over(layout, transforms.filter_gradient, SIDE, rows, work.result(), total, True)


def _product(a: Description, b: Description, y: Description, add: bool = False) -> Recipe:
    """Return the recipe for y = a · b, plus what y held if `add`."""
    owner = library()
    attributes = Attributes([Accumulate()]) if add else owner.attributes
    return Recipe("matmul", owner.engine, a, b, None, y, attributes)
