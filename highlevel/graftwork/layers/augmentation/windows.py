"""Pictures sharpened, blurred, stirred, tilted, and partly erased at random."""

from __future__ import annotations

from typing import Any, ClassVar

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect
from graftgrad.ops import random

from ...images import gaussian_blur, perspective_transform
from ...images.boxes import hull
from ...images.layout import batch_of
from ...images.warps import drift, homography, shifted
from ...registry import declared, layers, setting
from ...rules import fraction, number, one_of
from ...seeds import any_seed
from ..rules import channel_order
from ..seed_generator import SeedGenerator
from .base import ImageLayer, between, of_images, value_range
from .mixing import boxes_inside

_READS = one_of("nearest", "bilinear")


def odd_pair(subject: str, name: str, value: Any) -> tuple[int, int]:
    """Accept one odd number or two.

    Raises:
        ConfigError: one is not odd.
    """
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    fit = len(pair) == 2 and all(hasattr(n, "__index__") and n > 0 and n % 2 == 1 for n in pair)
    expect(fit, subject, f"{name} must be one odd number or two", error=ConfigError,
           **{name: value})  # fmt: skip
    return (int(pair[0]), int(pair[1]))


@declared(layers)
class RandomSharpness(ImageLayer):
    """Pictures blurred or sharpened: y = x + (1 − 2f) · (smooth − x), smooth over 3 × 3 pixels.

    Args:
        factor: f is drawn from (lower, upper), or from 0 to factor; ½ changes nothing.
        value_range: the smallest and largest value of a pixel.
        data_format: whether channels lie last or first.
        seed: a number that makes the drawing repeatable.
    """

    factor: Any = setting(between(0, 1))
    value_range: Any = setting(value_range, default=(0, 255))
    data_format: Any = setting(channel_order, default=None)
    seed: Any = setting(any_seed, default=None)

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw f."""
        return {"factor": self.uniform(source, (images.shape[0],), *self.factor)}

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Sharpen."""
        y, back = batch_of("RandomSharpness", x, self.data_format)
        a, b = 1 / 13, 5 / 13
        window = graftgrad.tensor([[a, a, a], [a, b, a], [a, a, a]], y.dtype)
        window = ops.broadcast_to(ops.reshape(window, (3, 3, 1, 1)), (3, 3, y.shape[-1], 1))
        smooth = ops.depthwise_conv2d(y, window, padding="same")
        share = 1 - 2 * of_images(transformation["factor"]).to(y.dtype)
        return back(ops.clip(y + share * (smooth - y), *self.value_range))


@declared(layers)
class RandomGaussianBlur(ImageLayer):
    """Some pictures blurred with a bell.

    Args:
        factor: how probable that is: drawn from (lower, upper), or from 0 to factor.
        kernel_size: how many columns and rows the bell covers, odd numbers.
        sigma: its widths in pixels, drawn from (lower, upper), or from 0 to sigma; at most 1.
        value_range: the smallest and largest value of a pixel.
        data_format: whether channels lie last or first.
        seed: a number that makes the drawing repeatable.
    """

    factor: Any = setting(between(0, 1), default=1.0)
    kernel_size: Any = setting(odd_pair, default=3)
    sigma: Any = setting(between(0, 1), default=1.0)
    value_range: Any = setting(value_range, default=(0, 255))
    data_format: Any = setting(channel_order, default=None)
    seed: Any = setting(any_seed, default=None)

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw which pictures, and both widths."""
        return {"should_apply_blur": self.chosen(source, images.shape[0], self.factor),
                "blur_factor": self.uniform(source, (2,), *self.sigma) + 1e-6}  # fmt: skip

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Blur."""
        widths = transformation["blur_factor"].to(x.dtype)
        y = gaussian_blur(x, self.kernel_size, widths, self.data_format)
        y = ops.where(of_images(transformation["should_apply_blur"]), y, x)
        return ops.clip(y, *self.value_range)


@declared(layers)
class RandomPerspective(ImageLayer):
    """Some pictures tilted: three of their corners are moved.

    Args:
        factor: how probable that is: drawn from (lower, upper), or from 0 to factor.
        scale: how far, from 0 to 1: by up to half of it times the place of a corner.
        interpolation: "bilinear" or "nearest".
        fill_value: what lies beyond the edge.
        seed: a number that makes the drawing repeatable.
        data_format: whether channels lie last or first.
    """

    factor: Any = setting(between(0, 1), default=1.0)
    scale: float = setting(fraction, default=1.0)
    interpolation: str = setting(_READS, default="bilinear")
    fill_value: float = setting(number, default=0.0)
    seed: Any = setting(any_seed, default=None)
    data_format: Any = setting(channel_order, default=None)

    moves_pixels: ClassVar[bool] = True

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw where corners go."""
        n = images.shape[0]
        h, w = (size - 1 for size in self.size_of(images))
        chosen = self.chosen(source, n, self.factor)
        corners = graftgrad.tensor([[[0, 0], [w, 0], [0, h], [w, h]]], "float32", images.device)
        starts = ops.broadcast_to(corners, (n, 4, 2))
        moved = starts * (1 + self.uniform(source, (n, 4, 2), -self.scale / 2, self.scale / 2))
        return {"apply_perspective": chosen, "start_points": starts, "end_points": moved,
                "input_shape": images.shape}  # fmt: skip

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Tilt."""
        return self.moved(x, transformation, self.interpolation)

    def moved(self, x: Tensor, transformation: Any, interpolation: str) -> Tensor:
        """Tilt."""
        y = perspective_transform(x, transformation["start_points"], transformation["end_points"],
                                  interpolation, self.fill_value, self.data_format)  # fmt: skip
        return ops.where(of_images(transformation["apply_perspective"]), y, x)

    def moved_boxes(self, x: Tensor, transformation: Any, rows: int, columns: int) -> Tensor:
        """Bring the corners of boxes where the picture's go."""
        ends = (transformation[key].to(x.dtype) for key in ("end_points", "start_points"))
        numbers = ops.expand_dims(homography(*ends), 1)
        x1, y1, x2, y2 = (x[..., i] for i in range(4))
        xs, ys = [], []
        for u, v in ((x1, y1), (x2, y1), (x2, y2), (x1, y2)):
            depth = numbers[..., 6] * u + numbers[..., 7] * v + 1.0
            xs.append((numbers[..., 0] * u + numbers[..., 1] * v + numbers[..., 2]) / depth)
            ys.append((numbers[..., 3] * u + numbers[..., 4] * v + numbers[..., 5]) / depth)
        return ops.where(ops.reshape(transformation["apply_perspective"], (-1, 1, 1)),
                         hull(xs, ys), x)  # fmt: skip


@declared(layers)
class RandomElasticTransform(ImageLayer):
    """Some pictures stirred: pixels move a little, neighbours alike. Simard et al. 2003.

    Args:
        factor: how probable that is: drawn from (lower, upper), or from 0 to factor.
        scale: how strong, drawn from (lower, upper), or from 0 to scale; at most 1.
        interpolation: "bilinear" or "nearest".
        fill_mode: beyond the edge: "constant", "nearest", "wrap", "mirror" or "reflect".
        fill_value: what lies beyond the edge with "constant".
        value_range: the smallest and largest value of a pixel.
        seed: a number that makes the drawing repeatable.
        data_format: whether channels lie last or first.
    """

    factor: Any = setting(between(0, 1), default=1.0)
    scale: Any = setting(between(0, 1), default=1.0)
    interpolation: str = setting(_READS, default="bilinear")
    fill_mode: str = setting(
        one_of("constant", "nearest", "wrap", "mirror", "reflect"), default="reflect"
    )
    fill_value: float = setting(number, default=0.0)
    value_range: Any = setting(value_range, default=(0, 255))
    seed: Any = setting(any_seed, default=None)
    data_format: Any = setting(channel_order, default=None)

    moves_pixels: ClassVar[bool] = True

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw which pictures, how strong, and the noise."""
        n, (h, w) = images.shape[0], self.size_of(images)
        chosen = self.chosen(source, n, self.factor)
        strength = self.uniform(source, (), *self.scale)
        noise = random.normal(source.next(), (n, h, w, 2))
        return {"apply_transform": chosen, "distortion_factor": strength, "noise": noise,
                "input_shape": images.shape}  # fmt: skip

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Stir."""
        y = self.moved(x, transformation, self.interpolation)
        return ops.clip(y, *self.value_range)

    def moved(self, x: Tensor, transformation: Any, interpolation: str) -> Tensor:
        """Stir."""
        y, back = batch_of("RandomElasticTransform", x, self.data_format)
        h, w = y.shape[1:3]
        strength = transformation["distortion_factor"]
        alpha, sigma = strength * (0.1 * max(h, w)), strength * (0.05 * min(h, w)) + 1e-6
        size = int(6 * 0.05 * min(h, w) * self.scale[1]) | 1
        shift = drift(transformation["noise"], alpha, sigma, size)
        read = shifted(y, shift, interpolation, self.fill_mode, self.fill_value).to(y.dtype)
        return back(ops.where(of_images(transformation["apply_transform"]), read, y))


@declared(layers)
class RandomErasing(ImageLayer):
    """A rectangle of some pictures erased. Zhong et al. 2017.

    Args:
        factor: how probable that is: drawn from (lower, upper), or from 0 to factor.
        scale: the shares of the picture from which √ of each side is drawn.
        fill_value: what is put there: one number, or three; noise if None.
        value_range: the smallest and largest value of a pixel.
        seed: a number that makes the drawing repeatable.
        data_format: whether channels lie last or first.
    """

    factor: Any = setting(between(0, 1), default=1.0)
    scale: Any = setting(between(0, 1), default=(0.02, 0.33))
    fill_value: Any = setting(default=None)
    value_range: Any = setting(value_range, default=(0, 255))
    seed: Any = setting(any_seed, default=None)
    data_format: Any = setting(channel_order, default=None)

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw rectangles and what fills them."""
        n, (h, w) = images.shape[0], self.size_of(images)
        sides = ops.sqrt(self.uniform(source, (n, 2), *self.scale))
        masks, _ = boxes_inside(self, source, sides[:, 0], sides[:, 1], h, w)
        if self.fill_value is None:
            fill = random.normal(source.next(), images.shape) * self.value_range[1]
        else:
            several = isinstance(self.fill_value, (tuple, list))
            lead = (1, 3, 1, 1) if self.data_format == "channels_first" else (1, 1, 1, 3)
            fill = graftgrad.tensor(self.fill_value, "float32", images.device)
            fill = ops.reshape(fill, lead if several else (1, 1, 1, 1))
        return {"apply_erasing": self.chosen(source, n, self.factor), "batch_masks": masks,
                "fill_value": ops.clip(fill, *self.value_range)}  # fmt: skip

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Erase."""
        erased = ops.logical_and(
            transformation["batch_masks"], of_images(transformation["apply_erasing"])
        )
        return ops.where(erased, transformation["fill_value"].to(x.dtype), x)
