"""Images and volumes read at places that are data: grids, affine maps, lists of coordinates.

Every value that is read is a sum over the places around it, with weights that depend smoothly on
where it is read; so gradients flow both to what is read and to the places. All of it is made of
other ops.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import ConfigError, expect
from ..spec import Shape
from .arithmetic import abs as absolute
from .arithmetic import clip, floor_divide, remainder, sign, where
from .compare import greater_equal, less_equal, logical_and
from .gather import take
from .matmul import matmul
from .operand import cast, floating
from .shape import expand_dims, reshape, stack, transpose
from .tiles import accurate
from .window import BATCHES

if TYPE_CHECKING:
    from ..tensor import Tensor

SHARPNESS = -0.75  # the cubic filter's slope at 1, as in PyTorch
MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
FLAT, SMOOTH = {"nearest": 0, "bilinear": 1}, ("bilinear", "nearest", "bicubic")


class Tap(NamedTuple):
    """Along one axis, for every value that is read: whole places, how much they count, if at all.

    `inside` is None where every place is one of the axis'.
    """

    place: Tensor
    weight: Tensor | None
    inside: Tensor | None


def grid_sample(
    x: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool = False,
) -> Tensor:
    """Read images or volumes at the places of a grid, as PyTorch does.

    Args:
        x: images (N, H, W, C), or volumes (N, D, H, W, C).
        grid: places, (N, H', W', 2) or (N, D', H', W', 3): column, row and frame, in this order,
            −1 at one edge of x and 1 at the other.
        mode: "bilinear" (of volumes, too, between all neighbours), "nearest", or for images
            "bicubic" (a = −¾).
        padding_mode: what lies beyond the edge: "zeros", the "border", or x again by "reflection".
        align_corners: whether −1 and 1 are the centres of the outer elements, not their edges.
    Returns:
        (N, H', W', C), or (N, D', H', W', C).
    Raises:
        ShapeError: x and grid do not fit each other.
        ConfigError: there is no such mode.
    """
    rank = x.ndim - 2
    known = SMOOTH if rank == 2 else SMOOTH[:2]
    expect(rank in (2, 3) and min(x.shape[1:-1], default=0) > 0, "grid_sample",
           f"x must be {BATCHES[2]} or {BATCHES[3]}, and not empty", x=x.spec)  # fmt: skip
    expect(grid.ndim == x.ndim and grid.shape[-1] == rank and grid.shape[0] == x.shape[0],
           "grid_sample", f"grid must have {rank} coordinates at each place, for each of x",
           x=x.spec, grid=grid.spec)  # fmt: skip
    expect(mode in known, "grid_sample", f"mode must be one of {', '.join(known)}",
           error=ConfigError, mode=mode)  # fmt: skip
    expect(padding_mode in ("zeros", "border", "reflection"), "grid_sample",
           "padding_mode must be one of zeros, border, reflection", error=ConfigError,
           padding_mode=padding_mode)  # fmt: skip
    x = floating(x)
    wide = cast(grid, accurate(x.dtype))
    taps = []
    for i, size in enumerate(x.shape[1:-1]):
        place = wide[..., rank - 1 - i]
        at = (place + 1) * ((size - 1) / 2) if align_corners else ((place + 1) * size - 1) / 2
        taps.append(_around(at, size, mode, padding_mode, align_corners))
    return _read_images(x, taps)


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool = False) -> Tensor:
    """Return the grid for `grid_sample` that reads an image through an affine map.

    grid[n, i, j] = theta[n] · (x_j, y_i, 1), with x and y from −1 to 1.

    Args:
        theta: (N, 2, 3), or (N, 3, 4) for volumes.
        size: the shape of the result, (N, H, W, C) or (N, D, H, W, C).
        align_corners: as in `grid_sample`.
    Returns:
        (N, H, W, 2), or (N, D, H, W, 3).
    Raises:
        ShapeError: theta does not fit the size.
    """
    rank = len(size) - 2
    expect(rank in (2, 3) and theta.shape == (size[0], rank, rank + 1), "affine_grid",
           f"theta must be ({size[0] if size else 'N'}, {rank}, {rank + 1}) for such a size",
           theta=theta.spec, size=tuple(size))  # fmt: skip
    lines = []
    for n in reversed(tuple(size)[1:-1]):  # columns first
        line = np.linspace(-1, 1, n) if n > 1 else np.zeros(1)
        lines.append(line if align_corners else line * ((n - 1) / n))
    mesh = np.meshgrid(*reversed(lines), indexing="ij")
    places = np.stack([*reversed(mesh), np.ones(mesh[0].shape)], -1).reshape(-1, rank + 1)
    base = cast(theta.like(places), theta.dtype)
    moved = matmul(expand_dims(base, 0), transpose(theta, (0, 2, 1)))
    return reshape(moved, (*tuple(size)[:-1], rank))


def map_coordinates(
    x: Tensor,
    coordinates: Tensor | Sequence[Tensor],
    order: int,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
) -> Tensor:
    """Read an array at coordinates, between its elements too, as SciPy, JAX and Keras do.

    Args:
        x: an array of any rank.
        coordinates: one for each axis of x, (rank, …).
        order: 0 for the nearest element, 1 to weigh the neighbours linearly.
        fill_mode: beyond the edge: "constant", `fill_value`; "nearest", the last element; "wrap",
            x again; "mirror", x turned round at its last element; "reflect", x turned round at its
            edge.
        fill_value: what lies beyond the edge with "constant".
    Returns:
        One value for each place, coordinates' shape without its first axis.
    Raises:
        ShapeError: there is not one coordinate for each axis, or x is empty.
        ConfigError: there is no such order or fill_mode.
    """
    if isinstance(coordinates, Sequence):
        at = stack([floating(one) for one in coordinates])
    else:
        at = floating(coordinates)
    expect(at.ndim > 0 and at.shape[0] == x.ndim and x.size > 0,
           "map_coordinates", "there must be one coordinate for each axis of x, which is not empty",
           x=x.spec, coordinates=at.spec)  # fmt: skip
    _expect_fill("map_coordinates", fill_mode)
    expect(order in (0, 1), "map_coordinates", "order must be 0 or 1", error=ConfigError,
           order=order)  # fmt: skip
    y = floating(x)
    wide = cast(at, accurate(y.dtype))
    taps = [_filled(wide[i], size, order, fill_mode) for i, size in enumerate(x.shape)]
    read = _read(reshape(y, (x.size, 1)), x.shape, taps, None, fill_value)
    return reshape(read, at.shape[1:])


def affine_transform(
    x: Tensor,
    transform: Tensor,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0.0,
) -> Tensor:
    """Move, turn, scale and shear images, as Keras does.

    Row i and column j of the result are read at column (a₀·j + a₁·i + a₂) and row
    (b₀·j + b₁·i + b₂) of x.

    Args:
        x: images, (N, H, W, C).
        transform: (N, 8) or (8,): a₀, a₁, a₂, b₀, b₁, b₂ and two numbers that are not used.
        interpolation: "bilinear" or "nearest".
        fill_mode: what lies beyond the edge, as in `map_coordinates`.
        fill_value: what lies beyond the edge with "constant".
    Raises:
        ShapeError: x is no batch of images, or there is not one transform for each.
        ConfigError: there is no such interpolation or fill_mode.
    """
    expect(x.ndim == 4 and x.size > 0, "affine_transform",
           f"x must be {BATCHES[2]}, and not empty", x=x.spec)  # fmt: skip
    expect(transform.shape in ((8,), (x.shape[0], 8)), "affine_transform",
           "transform must be (8,), or (N, 8) for N images",
           x=x.spec, transform=transform.spec)  # fmt: skip
    _expect_reading("affine_transform", interpolation, fill_mode)
    y = floating(x)
    n, h, w, _ = x.shape
    numbers = reshape(cast(floating(transform), accurate(y.dtype)), (-1, 1, 1, 8))
    i = cast(x.like(np.arange(h)[None, :, None]), numbers.dtype)
    j = cast(x.like(np.arange(w)[None, None, :]), numbers.dtype)
    spread = cast(x.like(np.zeros((n, h, w))), numbers.dtype)
    columns = numbers[..., 0] * j + numbers[..., 1] * i + numbers[..., 2] + spread
    rows = numbers[..., 3] * j + numbers[..., 4] * i + numbers[..., 5] + spread
    return read_images(y, rows, columns, interpolation, fill_mode, fill_value)


def read_images(
    x: Tensor,
    rows: Tensor,
    columns: Tensor,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0.0,
) -> Tensor:
    """Read images at places that are given row by row and column by column.

    y[n, i, j] = x[n, rows[n, i, j], columns[n, i, j]], between the pixels too.

    Args:
        x: images, (N, H, W, C).
        rows: where in its image each pixel of the result is read, (N, H', W'), counted in pixels.
        columns: as `rows`.
        interpolation: "bilinear" or "nearest".
        fill_mode: what lies beyond the edge, as in `map_coordinates`.
        fill_value: what lies beyond the edge with "constant".
    Returns:
        (N, H', W', C).
    Raises:
        ShapeError: x is no batch of images, or rows and columns do not fit it.
        ConfigError: there is no such interpolation or fill_mode.
    """
    expect(x.ndim == 4 and x.size > 0, "read_images",
           f"x must be {BATCHES[2]}, and not empty", x=x.spec)  # fmt: skip
    expect(rows.shape == columns.shape and rows.ndim == 3 and rows.shape[0] == x.shape[0],
           "read_images", "rows and columns must be (N, H', W') for N images",
           x=x.spec, rows=rows.spec, columns=columns.spec)  # fmt: skip
    _expect_reading("read_images", interpolation, fill_mode)
    y = floating(x)
    order, kind = FLAT[interpolation], accurate(y.dtype)
    h, w = x.shape[1:3]
    taps = [_filled(cast(floating(rows), kind), h, order, fill_mode),
            _filled(cast(floating(columns), kind), w, order, fill_mode)]  # fmt: skip
    return _read_images(y, taps, fill_value)


def _expect_reading(subject: str, interpolation: str, fill_mode: str) -> None:
    expect(interpolation in FLAT, subject, "interpolation must be bilinear or nearest",
           error=ConfigError, interpolation=interpolation)  # fmt: skip
    _expect_fill(subject, fill_mode)


def _expect_fill(subject: str, fill_mode: str) -> None:
    expect(fill_mode in MODES, subject, f"fill_mode must be one of {', '.join(MODES)}",
           error=ConfigError, fill_mode=fill_mode)  # fmt: skip


def _around(at: Tensor, size: int, mode: str, padding: str, corners: bool) -> list[Tap]:
    """Return the taps along one axis of what is read at `at`, PyTorch's way."""
    low, high = (0.0, size - 1.0) if corners else (-0.5, size - 0.5)

    def brought_back(place: Tensor) -> Tensor:
        if padding == "reflection":
            place = _reflected(place, low, high)
        return place if padding == "zeros" else clip(place, 0.0, size - 1.0)

    if mode == "bicubic":
        first = floor_divide(at, 1.0)
        weights = _cubic(at - first)
        return [_tap(brought_back(first + (k - 1)), size, w) for k, w in enumerate(weights)]
    at = brought_back(at)
    if mode == "nearest":
        return [_tap(_half_to_even(at), size, None)]
    return _between(at, size)


def _between(at: Tensor, size: int) -> list[Tap]:
    first = floor_divide(at, 1.0)
    share = at - first
    return [_tap(first, size, 1 - share), _tap(first + 1, size, share)]


def _tap(place: Tensor, size: int, weight: Tensor | None) -> Tap:
    inside = logical_and(greater_equal(place, 0.0), less_equal(place, size - 1.0))
    return Tap(cast(clip(place.detach(), 0.0, size - 1.0), "int64"), weight, inside)


def _filled(at: Tensor, size: int, order: int, mode: str) -> list[Tap]:
    """Return the taps along one axis of what is read at `at`, SciPy's way."""
    if order == 0:
        taps = [_tap_as(sign(at) * floor_divide(absolute(at) + 0.5, 1.0), None)]
    else:
        first = floor_divide(at, 1.0)
        share = at - first
        taps = [_tap_as(first, 1 - share), _tap_as(first + 1, share)]
    if mode == "constant":
        return [_tap(tap.place, size, tap.weight) for tap in taps]
    return [
        Tap(cast(clip(_fixed(tap.place, size, mode), 0.0, size - 1.0), "int64"), tap.weight, None)
        for tap in taps
    ]


def _tap_as(place: Tensor, weight: Tensor | None) -> Tap:
    return Tap(place.detach(), weight, None)


def _fixed(place: Tensor, size: int, mode: str) -> Tensor:
    if mode == "wrap":
        return remainder(place, float(size))
    if mode == "mirror":
        return _reflected(place, 0.0, size - 1.0)
    if mode == "reflect":
        return _reflected(place, -0.5, size - 0.5)
    return place


def _reflected(place: Tensor, low: float, high: float) -> Tensor:
    """Turn places back at both ends, as often as need be."""
    span = high - low
    if span <= 0:
        return place * 0.0
    return span - absolute(remainder(place - low, 2 * span) - span) + low


def _half_to_even(at: Tensor) -> Tensor:
    """Round to whole numbers, halves to even ones, as processors do."""
    below = floor_divide(at + 0.5, 1.0)
    tied = remainder(below - at, 1.0) == 0.5
    return where(logical_and(tied, remainder(below, 2.0) == 1.0), below - 1, below)


def _cubic(share: Tensor) -> list[Tensor]:
    """Return the four weights of cubic convolution (Keys 1981), from the one before."""
    a = SHARPNESS

    def near(t: Tensor) -> Tensor:
        return ((a + 2) * t - (a + 3)) * t * t + 1

    def far(t: Tensor) -> Tensor:
        return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a

    return [far(share + 1), near(share), near(1 - share), far(2 - share)]


def _read_images(x: Tensor, taps: list[list[Tap]], fill_value: float = 0.0) -> Tensor:
    """Read x (N, …, C) where taps say, image by image."""
    n, c = x.shape[0], x.shape[-1]
    places = math.prod(x.shape[1:-1])
    lead = (n, *[1] * (taps[0][0].place.ndim - 1))
    starts = x.like((np.arange(n) * places).reshape(lead))
    return _read(reshape(x, (n * places, c)), x.shape[1:-1], taps, starts, fill_value)


def _read(
    rows: Tensor, sizes: Shape, taps: list[list[Tap]], starts: Tensor | None, fill_value: float
) -> Tensor:
    """Return Σ weights · rows[place] over all combinations of taps, one for each axis."""
    total: Tensor | None = None
    for chosen in itertools.product(*taps):
        place, weight, inside = starts, None, None
        for tap, behind in zip(chosen, _behind(sizes), strict=True):
            step = tap.place * behind
            place = step if place is None else place + step
            weight = _both(weight, tap.weight, lambda a, b: a * b)
            inside = _both(inside, tap.inside, logical_and)
        assert place is not None
        value = take(rows, place, 0)
        if inside is not None:
            beyond = cast(value.like(np.asarray(fill_value)), value.dtype)
            value = where(expand_dims(inside, -1), value, beyond)
        if weight is not None:
            value = value * cast(expand_dims(weight, -1), value.dtype)
        total = value if total is None else total + value
    assert total is not None
    return total


def _both(a: Any, b: Any, join: Callable[[Any, Any], Any]) -> Any:
    return b if a is None else a if b is None else join(a, b)


def _behind(sizes: Shape) -> list[int]:
    """Return how many places one step along each axis jumps over."""
    return [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
