"""Pictures flipped, turned, moved, zoomed and sheared at random: each by an affine map."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from ...images import affine_transform
from ...images.boxes import around
from ...registry import declared, layers, setting
from ...rules import number, one_of
from ...seeds import any_seed
from ..rules import channel_order
from ..seed_generator import SeedGenerator
from .base import ImageLayer, between, of_images, told_factor

_FILLS = one_of("reflect", "wrap", "constant", "nearest")
_READS = one_of("nearest", "bilinear")


@declared(layers)
class RandomFlip(ImageLayer):
    """Half of the pictures turned left to right, upside down, or both.

    Args:
        mode: "horizontal", "vertical" or "horizontal_and_vertical".
        seed: a number that makes the drawing repeatable.
        data_format: whether channels lie last or first.
    """

    mode: str = setting(
        one_of("horizontal", "vertical", "horizontal_and_vertical"),
        default="horizontal_and_vertical",
    )
    seed: Any = setting(any_seed, default=None)
    data_format: Any = setting(channel_order, default=None)

    moves_pixels: ClassVar[bool] = True

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw which pictures are flipped."""
        flips = ops.less_equal(self.uniform(source, (images.shape[0], 1, 1, 1)), 0.5)
        return {"flips": flips, "input_shape": images.shape}

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Flip."""
        rows, columns = (-2, -1) if self.data_format == "channels_first" else (-3, -2)
        y = x
        for axis, word in ((columns, "horizontal"), (rows, "vertical")):
            y = ops.flip(y, axis) if word in self.mode else y
        return ops.where(of_images(transformation["flips"]), y, x)

    def moved_boxes(self, x: Tensor, transformation: Any, rows: int, columns: int) -> Tensor:
        """Flip boxes."""
        x1, y1, x2, y2 = (x[..., i] for i in range(4))
        if "horizontal" in self.mode:
            x1, x2 = columns - x2, columns - x1
        if "vertical" in self.mode:
            y1, y2 = rows - y2, rows - y1
        flips = ops.reshape(transformation["flips"], (-1, 1, 1))
        return ops.where(flips, ops.stack([x1, y1, x2, y2], -1), x)


class Affine(ImageLayer):
    """A layer that reads pictures through an affine map."""

    interpolation: str
    fill_mode: str
    fill_value: float

    moves_pixels: ClassVar[bool] = True

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Read at other places."""
        return self.moved(x, transformation, self.interpolation)

    def moved(self, x: Tensor, transformation: Any, interpolation: str) -> Tensor:
        """Read at other places."""
        return affine_transform(x, self.matrix(transformation, *self.size_of(x)), interpolation,
                                self.fill_mode, self.fill_value, self.data_format)  # fmt: skip

    def moved_boxes(self, x: Tensor, transformation: Any, rows: int, columns: int) -> Tensor:
        """Bring the corners of boxes the other way: where pixels are read they come from."""
        matrix = self.matrix(transformation, rows, columns).to(x.dtype)
        a0, a1, a2, b0, b1, b2 = (matrix[:, i] for i in range(6))
        area = a0 * b1 - a1 * b0
        return around(x, (b1 / area, -a1 / area, (a1 * b2 - b1 * a2) / area,
                          -b0 / area, a0 / area, (b0 * a2 - a0 * b2) / area))  # fmt: skip

    def matrix(self, transformation: Any, rows: int, columns: int) -> Tensor:
        """Return the map for every picture, (N, 8)."""
        raise NotImplementedError(f"{type(self).__name__}: must define matrix(self, drawn, h, w).")


def _laid(*numbers: Any) -> Tensor:
    """Return (N, 8) of six columns (N,), or the numbers 0 and 1."""
    like = next(one for one in numbers if isinstance(one, Tensor))
    columns = [one if isinstance(one, Tensor) else like * 0 + one for one in (*numbers, 0, 0)]
    return ops.stack(columns, -1)


@declared(layers)
class RandomRotation(Affine):
    """Pictures turned around their middle.

    Args:
        factor: the angle in whole turns, (lower, upper), or one number for both directions.
        fill_mode: what lies beyond the edge: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: a number that makes the drawing repeatable.
        fill_value: what lies beyond the edge with "constant".
        data_format: whether channels lie last or first.
    """

    factor: Any = setting(between(-1, 1))
    fill_mode: str = setting(_FILLS, default="reflect")
    interpolation: str = setting(_READS, default="bilinear")
    seed: Any = setting(any_seed, default=None)
    fill_value: float = setting(number, default=0.0)
    data_format: Any = setting(channel_order, default=None)

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw angles, in degrees."""
        low, high = self.factor
        angle = self.uniform(source, (images.shape[0],), low * 360, high * 360)
        rows, columns = self.size_of(images)
        cos, sin = ops.cos(angle * (math.pi / 180)), ops.sin(angle * (math.pi / 180))
        x, y = (columns - 1) / 2, (rows - 1) / 2
        matrix = _laid(cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos)
        return {"angle": angle, "rotation_matrix": matrix, "image_height": rows,
                "image_width": columns, "batch_size": images.shape[0]}  # fmt: skip

    def matrix(self, transformation: Any, rows: int, columns: int) -> Tensor:
        """Return the rotation."""
        found: Tensor = transformation["rotation_matrix"]
        return found


@declared(layers)
class RandomTranslation(Affine):
    """Pictures moved.

    Args:
        height_factor: how far down, as a share of the height; negative: up.
        width_factor: how far to the right, as a share of the width.
        fill_mode: what lies beyond the edge: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: a number that makes the drawing repeatable.
        fill_value: what lies beyond the edge with "constant".
        data_format: whether channels lie last or first.
    """

    height_factor: Any = setting(told_factor(-1, 1))
    width_factor: Any = setting(told_factor(-1, 1))
    fill_mode: str = setting(_FILLS, default="reflect")
    interpolation: str = setting(_READS, default="bilinear")
    seed: Any = setting(any_seed, default=None)
    fill_value: float = setting(number, default=0.0)
    data_format: Any = setting(channel_order, default=None)

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw columns and rows, in pixels."""
        n = images.shape[0]
        rows, columns = self.size_of(images)
        down = self.uniform(source, (n, 1), *spread(self.height_factor)) * rows
        across = self.uniform(source, (n, 1), *spread(self.width_factor)) * columns
        return {"translations": ops.concatenate([across, down], 1), "input_shape": images.shape}

    def matrix(self, transformation: Any, rows: int, columns: int) -> Tensor:
        """Return the move."""
        moves = transformation["translations"]
        return _laid(1, 0, -moves[:, 0], 0, 1, -moves[:, 1])


@declared(layers)
class RandomZoom(Affine):
    """Pictures made larger (negative factors) or smaller around their middle.

    Args:
        height_factor: how much more is seen from top to bottom, as a share; −0.2 shows a fifth
            less.
        width_factor: the same from left to right; None keeps the proportions.
        fill_mode: what lies beyond the edge: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: a number that makes the drawing repeatable.
        fill_value: what lies beyond the edge with "constant".
        data_format: whether channels lie last or first.
    Raises:
        ConfigError: a factor is −1, so that nothing would be seen.
    """

    height_factor: Any = setting(told_factor(-1, 1))
    width_factor: Any = setting(default=None)
    fill_mode: str = setting(_FILLS, default="reflect")
    interpolation: str = setting(_READS, default="bilinear")
    seed: Any = setting(any_seed, default=None)
    fill_value: float = setting(number, default=0.0)
    data_format: Any = setting(channel_order, default=None)

    def prepare(self) -> None:
        """Check that something is seen."""
        if self.width_factor is not None:
            self.width_factor = told_factor(-1, 1)("RandomZoom", "width_factor", self.width_factor)
        for one in (self.height_factor, self.width_factor):
            lowest = min(one) if isinstance(one, tuple) else one
            expect(lowest is None or lowest > -1, "RandomZoom",
                   "height_factor and width_factor must be larger than -1", error=ConfigError,
                   height_factor=self.height_factor, width_factor=self.width_factor)  # fmt: skip
        super().prepare()

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw how much is seen."""
        shape = (images.shape[0], 1)
        rows = self.uniform(source, shape, *spread(self.height_factor)) + 1
        columns = rows
        if self.width_factor is not None:
            columns = self.uniform(source, shape, *spread(self.width_factor)) + 1
        return {"height_zoom": rows, "width_zoom": columns, "input_shape": images.shape}

    def matrix(self, transformation: Any, rows: int, columns: int) -> Tensor:
        """Return the zoom."""
        down, across = transformation["height_zoom"][:, 0], transformation["width_zoom"][:, 0]
        return _laid(across, 0, (1 - across) * ((columns - 1) / 2),
                     0, down, (1 - down) * ((rows - 1) / 2))  # fmt: skip


@declared(layers)
class RandomShear(Affine):
    """Pictures sheared: rows moved against each other, and columns.

    Args:
        x_factor: how far rows move for each row, from 0 to 1: (lower, upper) or one number.
        y_factor: how far columns move for each column.
        interpolation: "bilinear" or "nearest".
        fill_mode: what lies beyond the edge: "reflect", "wrap", "constant" or "nearest".
        fill_value: what lies beyond the edge with "constant".
        data_format: whether channels lie last or first.
        seed: a number that makes the drawing repeatable.
    """

    x_factor: Any = setting(told_factor(-1, 1), default=0.0)
    y_factor: Any = setting(told_factor(-1, 1), default=0.0)
    interpolation: str = setting(_READS, default="bilinear")
    fill_mode: str = setting(_FILLS, default="reflect")
    fill_value: float = setting(number, default=0.0)
    data_format: Any = setting(channel_order, default=None)
    seed: Any = setting(any_seed, default=None)

    def prepare(self) -> None:
        """Settle both ranges."""
        self.x_factor, self.y_factor = spread(self.x_factor), spread(self.y_factor)
        super().prepare()

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw both slopes, and in which direction."""
        shape = (images.shape[0], 1)
        turn = ops.where(ops.greater(self.uniform(source, shape), 0.5), -1.0, 1.0)
        down = self.uniform(source, shape, *self.y_factor)
        across = self.uniform(source, shape, *self.x_factor)
        slopes = ops.concatenate([across, down], 1) * turn
        return {"shear_factor": slopes, "input_shape": images.shape}

    def matrix(self, transformation: Any, rows: int, columns: int) -> Tensor:
        """Return the shear."""
        slopes = transformation["shear_factor"]
        return _laid(1, slopes[:, 0], 0, slopes[:, 1], 1, 0)


def spread(value: Any) -> tuple[float, float]:
    """Return the lower and the upper end of a factor: ±f for one number."""
    if isinstance(value, (tuple, list)):
        return (min(value), max(value))
    return (-abs(value), abs(value))
