"""Pictures brought to another size, with what belongs to them: resized, cropped, cut at random."""

from __future__ import annotations

from typing import Any, ClassVar

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from ...images import resize
from ...images.layout import batch_of
from ...images.sizes import fitting, middle
from ...registry import declared, layers, setting
from ...rules import number, one_of, positive_integer
from ...seeds import any_seed
from ..rules import channel_order, only
from .base import ImageLayer, StillLayer


def placed(x: Tensor, scale: tuple[float, float], start: tuple[Any, Any]) -> Tensor:
    """Return boxes of pictures that were stretched, then cut: (x, y) · scale − start."""
    across, down = scale
    left, top = start
    x1, y1, x2, y2 = (x[..., i] for i in range(4))
    return ops.stack([x1 * across - left, y1 * down - top, x2 * across - left, y2 * down - top], -1)


class Sized(ImageLayer):
    """A layer whose results have a size that is told."""

    height: int
    width: int

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Move boxes with the pixels and cut them at the new edge."""
        return self.cut_boxes(bounding_boxes, transformation, (self.height, self.width))

    def boxes_of_largest(self, x: Tensor, rows: int, columns: int) -> Tensor:
        """Return boxes in the largest window of the proportions, brought to the size."""
        tall, wide = fitting(rows, columns, self.height, self.width)
        scale = (self.width / wide, self.height / tall)
        start = ((columns - wide) // 2 * scale[0], (rows - tall) // 2 * scale[1])
        return placed(x, scale, start)


@declared(layers)
class Resizing(StillLayer, Sized):
    """Images brought to one size; whole numbers stay whole, rounded.

    Shapes: (N, H, W, C) -> (N, height, width, C), (H, W, C) -> (height, width, C).

    Args:
        height: the rows of the result.
        width: its columns.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: cut off what is too long first, so that nothing is distorted.
        pad_to_aspect_ratio: fill up what is too short first, so that nothing is distorted.
        fill_mode: only "constant".
        fill_value: what is filled up with.
        antialias: whether every old pixel counts where the result is smaller.
        data_format: whether channels lie last or first.
    Raises:
        ConfigError: images are to be cropped and padded.
    """

    height: int = setting(positive_integer)
    width: int = setting(positive_integer)
    interpolation: str = setting(
        one_of("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"), default="bilinear"
    )
    crop_to_aspect_ratio: bool = setting(default=False)
    pad_to_aspect_ratio: bool = setting(default=False)
    fill_mode: str = setting(only("constant"), default="constant")
    fill_value: float = setting(number, default=0.0)
    antialias: bool = setting(default=False)
    data_format: Any = setting(channel_order, default=None)

    def prepare(self) -> None:
        """Check that only one ratio is kept."""
        super().prepare()
        expect(not (self.crop_to_aspect_ratio and self.pad_to_aspect_ratio), "Resizing",
               "images must be cropped or padded, not both", error=ConfigError,
               crop_to_aspect_ratio=True, pad_to_aspect_ratio=True)  # fmt: skip

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Tensor:
        """Return images of the size."""
        return self._resized(images, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Tensor:
        """Return masks of the size; every pixel has the class of one that was there."""
        return self._resized(segmentation_masks, "nearest")

    def _resized(self, x: Any, interpolation: str) -> Tensor:
        return resize(
            x, (self.height, self.width), interpolation, self.antialias, self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio, self.fill_mode, self.fill_value, self.data_format,
        )  # fmt: skip

    def moved_boxes(self, x: Tensor, transformation: Any, rows: int, columns: int) -> Tensor:
        """Stretch boxes, and move them by what was cut off or added. As Keras: in whole pixels."""
        down, across = self.height / rows, self.width / columns
        if self.pad_to_aspect_ratio:
            scale = min(down, across)
            left, top = ((self.width - columns * scale) // 2, (self.height - rows * scale) // 2)
            return placed(x, (scale, scale), (-left, -top))
        if self.crop_to_aspect_ratio:
            scale = max(down, across)
            left, top = ((columns * scale - self.width) // 2, (rows * scale - self.height) // 2)
            return placed(x, (scale, scale), (left, top))
        return placed(x, (across, down), (0, 0))


@declared(layers)
class CenterCrop(StillLayer, Sized):
    """The middle of each image; one that is too small is enlarged first, without distortion.

    Shapes: (N, H, W, C) -> (N, height, width, C), (H, W, C) -> (height, width, C).

    Args:
        height: the rows of the result.
        width: its columns.
        data_format: whether channels lie last or first.
    """

    height: int = setting(positive_integer)
    width: int = setting(positive_integer)
    data_format: Any = setting(channel_order, default=None)

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Tensor:
        """Return the middle."""
        return self._cut(self.real(images), "bilinear")

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Tensor:
        """Return the middle of masks."""
        return self._cut(graftgrad.as_tensor(segmentation_masks), "nearest")

    def _cut(self, x: Tensor, interpolation: str) -> Tensor:
        y, back = batch_of(f'layer "{self.name}"', x, self.data_format)
        if y.shape[1] >= self.height and y.shape[2] >= self.width:
            return back(middle(y, self.height, self.width))
        return back(resize(y, (self.height, self.width), interpolation, crop_to_aspect_ratio=True,
                           data_format="channels_last"))  # fmt: skip

    def moved_boxes(self, x: Tensor, transformation: Any, rows: int, columns: int) -> Tensor:
        """Move boxes by what was cut off."""
        if rows < self.height or columns < self.width:
            return self.boxes_of_largest(x, rows, columns)
        before = ((columns - self.width) // 2, (rows - self.height) // 2)
        return placed(x, (1.0, 1.0), before)


@declared(layers)
class RandomCrop(Sized):
    """A window of each batch, at a random place; where nothing is trained, the middle.

    Pictures that are smaller than the window, and all where nothing is trained, give the largest
    window of its proportions, resized.

    Shapes: (N, H, W, C) -> (N, height, width, C), (H, W, C) -> (height, width, C).

    Args:
        height: the rows of the window.
        width: its columns.
        seed: a number that makes the drawing repeatable.
        data_format: whether channels lie last or first.
    """

    height: int = setting(positive_integer)
    width: int = setting(positive_integer)
    seed: Any = setting(any_seed, default=None)
    data_format: Any = setting(channel_order, default=None)

    moves_pixels: ClassVar[bool] = True

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Return the first row and column of the window, and the shape of the pictures."""
        images = data["images"] if isinstance(data, dict) else data
        rows, columns = self.size_of(images)
        found: dict[str, Any] = {"input_shape": images.shape}
        if training and rows > self.height and columns > self.width:
            source = self.generator if seed is None else seed
            found["start"] = tuple([
                ops.minimum(ops.floor(self.uniform(source, (), 0.0, float(most + 1))), float(most))
                for most in (rows - self.height, columns - self.width)
            ])  # fmt: skip
        return found

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Tensor:
        """Return the window."""
        return self._window(self.real(images), transformation, "bilinear")

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Tensor:
        """Return the window of masks."""
        return self._window(graftgrad.as_tensor(segmentation_masks), transformation, "nearest")

    def _window(self, x: Tensor, transformation: Any, interpolation: str) -> Tensor:
        y, back = batch_of(f'layer "{self.name}"', x, self.data_format)
        start = transformation.get("start")
        if start is None:
            return back(resize(y, (self.height, self.width), interpolation,
                               crop_to_aspect_ratio=True, data_format="channels_last"))  # fmt: skip
        for axis, (first, size) in enumerate(zip(start, (self.height, self.width), strict=True), 1):
            places = graftgrad.as_tensor(first).to("int64") + graftgrad.arange(size)
            y = ops.take(y, places, axis)
        return back(y)

    def moved_boxes(self, x: Tensor, transformation: Any, rows: int, columns: int) -> Tensor:
        """Move boxes by what lies before the window."""
        start = transformation.get("start")
        if start is None:
            return self.boxes_of_largest(x, rows, columns)
        top, left = (graftgrad.as_tensor(one).to(x.dtype) for one in start)
        return placed(x, (1.0, 1.0), (left, top))


@declared(layers)
class MaxNumBoundingBoxes(StillLayer):
    """As many boxes for every picture: the first ones, or rows of a number that stands for none.

    Args:
        max_number: how many.
        fill_value: the number that rows are filled up with.
    """

    max_number: int = setting(positive_integer)
    fill_value: int = setting(number, default=-1)
    data_format: Any = setting(channel_order, default=None, kw_only=True)

    needs_format: ClassVar[bool] = False
    moves_pixels: ClassVar[bool] = False

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Return images as they are."""
        return images

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Cut boxes off, or fill up."""
        found = {}
        for key, one in bounding_boxes.items():
            first = one[:, : self.max_number]
            missing = self.max_number - first.shape[1]
            margins = [(0, 0), (0, missing), *[(0, 0)] * (first.ndim - 2)]
            found[key] = ops.pad(first, margins, self.fill_value) if missing else first
        return found
