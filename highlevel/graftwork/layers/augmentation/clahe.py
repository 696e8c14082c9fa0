"""Contrast spread out region by region. Zuiderveld 1994."""

from __future__ import annotations

from typing import Any, ClassVar

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from ...images.layout import batch_of
from ...registry import declared, layers, setting
from ...rules import number
from ..rules import channel_order
from .base import StillLayer, rescaled, value_range

_LEVELS = 256


def grid(subject: str, name: str, value: Any) -> tuple[int, int]:
    """Accept rows and columns of tiles.

    Raises:
        ConfigError: they are not two positive whole numbers.
    """
    fit = isinstance(value, (tuple, list)) and len(value) == 2
    fit = fit and all(hasattr(n, "__index__") and n > 0 for n in value)
    expect(fit, subject, f"{name} must be two positive whole numbers", error=ConfigError,
           **{name: value})  # fmt: skip
    return (int(value[0]), int(value[1]))


@declared(layers)
class ContrastLimitedAdaptiveHistogramEqualization(StillLayer):
    """Spread brightness evenly in each region of a picture, channel by channel.

    In every tile of a grid brightness b becomes the share of its pixels that are not brighter, of
    a histogram whose bins are cut at `clip_limit` times the mean; what is cut off is spread over
    all. Between the middles of tiles the four values are weighed linearly.

    Args:
        value_range: the smallest and largest value of a pixel.
        clip_limit: how high a bin may be, in means; 0 or less for no limit.
        tile_grid_size: rows and columns of tiles.
        data_format: whether channels lie last or first.
    """

    value_range: Any = setting(value_range, default=(0, 255))
    clip_limit: float = setting(number, default=4.0)
    tile_grid_size: Any = setting(grid, default=(8, 8))
    data_format: Any = setting(channel_order, default=None)

    moves_pixels: ClassVar[bool] = False

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Tensor:
        """Spread the contrast."""
        given = graftgrad.as_tensor(images)
        x, back = batch_of(f'layer "{self.name}"', given, self.data_format)
        scaled = rescaled(x.to("float32"), self.value_range, (0, _LEVELS - 1))
        y = self._spread(scaled)
        return back(rescaled(y, (0, _LEVELS - 1), self.value_range).to(given.dtype))

    def _spread(self, x: Tensor) -> Tensor:
        n, h, w, c = x.shape
        rows, columns = self.tile_grid_size
        tall, wide = -(-h // rows), -(-w // columns)
        level = ops.cast(ops.clip(x, 0, _LEVELS - 1), "int64")
        level = ops.take(level, _turned(h, tall * rows), 1)
        level = ops.take(level, _turned(w, wide * columns), 2)
        tiles = ops.reshape(level, (n, rows, tall, columns, wide, c))
        tiles = ops.reshape(ops.transpose(tiles, (0, 1, 3, 5, 2, 4)), (n, rows, columns, c, -1))
        mapping = self._mapping(tiles)  # (N, rows, columns, C, levels)
        y0, y1, down = _between(tall, rows)
        x0, x1, across = _between(wide, columns)
        down, across = ops.reshape(down, (1, -1, 1, 1)), ops.reshape(across, (1, 1, -1, 1))
        table = ops.reshape(mapping, (-1,))
        sample = ops.reshape(graftgrad.arange(n), (n, 1, 1, 1)) * (rows * columns * c * _LEVELS)
        channel = ops.reshape(graftgrad.arange(c), (1, 1, 1, c)) * _LEVELS
        base = sample + channel + level

        def read(i: Tensor, j: Tensor) -> Tensor:
            tile = ops.reshape(i, (1, -1, 1, 1)) * columns + ops.reshape(j, (1, 1, -1, 1))
            return ops.take(table, base + tile * (c * _LEVELS), 0)

        top = read(y0, x0) * (1 - across) + read(y0, x1) * across
        bottom = read(y1, x0) * (1 - across) + read(y1, x1) * across
        y = top * (1 - down) + bottom * down
        return y[:, :h, :w]

    def _mapping(self, tiles: Tensor) -> Tensor:
        """Return what each brightness becomes, (…, levels), for pixels of tiles, (…, pixels)."""
        pixels = tiles.shape[-1]
        start = graftgrad.zeros((*tiles.shape[:-1], _LEVELS), dtype="float32", device=tiles.device)
        ones = graftgrad.ones(tiles.shape, dtype="float32", device=tiles.device)
        counts = ops.scatter_add(start, -1, tiles, ones)
        if self.clip_limit > 0:
            kept = ops.minimum(counts, self.clip_limit * pixels / _LEVELS)
            counts = kept + ops.sum(counts - kept, -1, keepdims=True) / _LEVELS
        whole = ops.cumsum(counts, -1)
        least = ops.min(whole, -1, keepdims=True)
        rest = float(pixels) - least
        rest = ops.where(ops.equal(rest, 0.0), 1.0, rest)
        return ops.clip((whole - least) * (_LEVELS - 1) / rest, 0, _LEVELS - 1)


def _turned(size: int, wanted: int) -> Tensor:
    """Return the places of a picture that is continued by its mirror image at the edge."""
    places = [i if i < size else max(2 * size - 1 - i, 0) for i in range(wanted)]
    return graftgrad.tensor(places, "int64")


def _between(size: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return, for every row of tiles of a size, the tiles before and after it and the way along."""
    at = [(i - size / 2.0) / size for i in range(size * count)]
    first = [int(one // 1) for one in at]
    before = [min(max(one, 0), count - 1) for one in first]
    after = [min(max(one + 1, 0), count - 1) for one in first]
    way = [one - below for one, below in zip(at, first, strict=True)]
    return (graftgrad.tensor(before, "int64"), graftgrad.tensor(after, "int64"),
            graftgrad.tensor(way, "float32"))  # fmt: skip
