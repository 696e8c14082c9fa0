"""Colours changed at random: brightness, contrast, saturation, hue, and grey mixed in."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops

from ...images import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from ...registry import declared, layers, setting
from ...rules import fraction
from ...seeds import any_seed
from ..rules import channel_order
from ..seed_generator import SeedGenerator
from .base import ImageLayer, between, of_images, rescaled, value_range

_SMALL = 1e-7


@declared(layers)
class RandomBrightness(ImageLayer):
    """Pictures made brighter or darker: y = x + d · (largest − smallest), within the range.

    Args:
        factor: d is drawn from (lower, upper), or from −factor to factor.
        value_range: the smallest and largest value of a pixel.
        seed: a number that makes the drawing repeatable.
        data_format: whether channels lie last or first.
    """

    factor: Any = setting(between(-1, 1))
    value_range: Any = setting(value_range, default=(0, 255))
    seed: Any = setting(any_seed, default=None)
    data_format: Any = setting(channel_order, default=None, kw_only=True)

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw d, in units of pixels."""
        low, high = self.value_range
        d = self.uniform(source, (images.shape[0], 1, 1, 1), *self.factor)
        return {"rgb_delta": d * (high - low)}

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Add."""
        return ops.clip(x + of_images(transformation["rgb_delta"]).to(x.dtype), *self.value_range)


@declared(layers)
class RandomContrast(ImageLayer):
    """Differences from the mean made larger or smaller: y = (x − mean) · c + mean, each channel.

    Args:
        factor: c is drawn from 1 − lower to 1 + upper; one number stands for (0, factor).
        value_range: the smallest and largest value of a pixel.
        seed: a number that makes the drawing repeatable.
        data_format: whether channels lie last or first.
    """

    factor: Any = setting(between(0, 1))
    value_range: Any = setting(value_range, default=(0, 255))
    seed: Any = setting(any_seed, default=None)
    data_format: Any = setting(channel_order, default=None, kw_only=True)

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw c."""
        low, high = self.factor
        shape = (images.shape[0], 1, 1, 1)
        return {"contrast_factor": self.uniform(source, shape, 1 - low, 1 + high)}

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Stretch around the mean."""
        axes = (-2, -1) if self.data_format == "channels_first" else (-3, -2)
        mean = ops.mean(x, axes, keepdims=True)
        c = of_images(transformation["contrast_factor"]).to(x.dtype)
        return ops.clip((x - mean) * c + mean, *self.value_range)


@declared(layers)
class RandomSaturation(ImageLayer):
    """Colours made stronger or paler: the saturation times f / (1 − f), so ½ changes nothing.

    Args:
        factor: f is drawn from (lower, upper), or from −factor to factor.
        value_range: between which saturations are kept.
        data_format: whether channels lie last or first.
        seed: a number that makes the drawing repeatable.
    """

    factor: Any = setting(between(-1, 1))
    value_range: Any = setting(value_range, default=(0, 255))
    data_format: Any = setting(channel_order, default=None)
    seed: Any = setting(any_seed, default=None)

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw by what saturations are multiplied."""
        f = self.uniform(source, (images.shape[0],), *self.factor)
        return {"factor": f / (1 - f + _SMALL)}

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Multiply saturations."""
        axis = -3 if self.data_format == "channels_first" else -1
        hue, saturation, value = ops.split(rgb_to_hsv(x, self.data_format), 3, axis)
        strength = of_images(transformation["factor"]).to(x.dtype)
        saturation = ops.clip(saturation * strength, *self.value_range)
        return hsv_to_rgb(ops.concatenate([hue, saturation, value], axis), self.data_format)


@declared(layers)
class RandomHue(ImageLayer):
    """Colours turned around their circle, by ± f / 2 of it.

    Args:
        factor: f is drawn from (lower, upper), or from 0 to factor.
        value_range: the smallest and largest value of a pixel.
        data_format: whether channels lie last or first.
        seed: a number that makes the drawing repeatable.
    """

    factor: Any = setting(between(0, 1))
    value_range: Any = setting(value_range, default=(0, 255))
    data_format: Any = setting(channel_order, default=None)
    seed: Any = setting(any_seed, default=None)

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw which part of the circle."""
        shape = (images.shape[0],)
        turn = ops.where(ops.greater(self.uniform(source, shape), 0.5), -0.5, 0.5)
        return {"factor": turn * self.uniform(source, shape, *self.factor)}

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Turn hues."""
        axis = -3 if self.data_format == "channels_first" else -1
        colors = rgb_to_hsv(rescaled(x, self.value_range, (0, 1)), self.data_format)
        hue, saturation, value = ops.split(colors, 3, axis)
        hue = hue + of_images(transformation["factor"]).to(x.dtype)
        hue = ops.where(ops.greater(hue, 1.0), hue - 1, hue)
        hue = ops.where(ops.less(hue, 0.0), hue + 1, hue)
        y = hsv_to_rgb(ops.concatenate([hue, saturation, value], axis), self.data_format)
        return rescaled(ops.clip(y, 0, 1), (0, 1), self.value_range)


@declared(layers)
class RandomColorDegeneration(ImageLayer):
    """Grey mixed in: y = x + f · (grey − x).

    Args:
        factor: f is drawn from (lower, upper), or from −factor to factor.
        value_range: the smallest and largest value of a pixel.
        data_format: whether channels lie last or first.
        seed: a number that makes the drawing repeatable.
    """

    factor: Any = setting(between(-1, 1))
    value_range: Any = setting(value_range, default=(0, 255))
    data_format: Any = setting(channel_order, default=None)
    seed: Any = setting(any_seed, default=None)

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw f."""
        return {"factor": self.uniform(source, (images.shape[0], 1, 1, 1), *self.factor)}

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Mix."""
        f = of_images(transformation["factor"]).to(x.dtype)
        return ops.clip(x + f * (rgb_to_grayscale(x, self.data_format) - x), *self.value_range)


@declared(layers)
class RandomGrayscale(ImageLayer):
    """Some pictures without colour.

    Args:
        factor: how probable that is.
        data_format: whether channels lie last or first.
        seed: a number that makes the drawing repeatable.
    """

    factor: float = setting(fraction, default=0.5)
    data_format: Any = setting(channel_order, default=None)
    seed: Any = setting(any_seed, default=None)

    def drawn(self, images: Tensor, source: SeedGenerator) -> Tensor:
        """Draw which pictures."""
        return ops.less(self.uniform(source, (images.shape[0], 1, 1, 1)), self.factor)

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Take colours away."""
        return ops.where(transformation, rgb_to_grayscale(x, self.data_format), x)


@declared(layers)
class RandomColorJitter(ImageLayer):
    """Brightness, contrast, saturation and hue changed one after the other.

    Args:
        value_range: the smallest and largest value of a pixel.
        brightness_factor: as in RandomBrightness; None leaves it out.
        contrast_factor: as in RandomContrast.
        saturation_factor: as in RandomSaturation.
        hue_factor: as in RandomHue.
        seed: a number that makes the drawing repeatable.
        data_format: whether channels lie last or first.
    """

    value_range: Any = setting(value_range, default=(0, 255))
    brightness_factor: Any = setting(default=None)
    contrast_factor: Any = setting(default=None)
    saturation_factor: Any = setting(default=None)
    hue_factor: Any = setting(default=None)
    seed: Any = setting(any_seed, default=None)
    data_format: Any = setting(channel_order, default=None)

    def prepare(self) -> None:
        """Make the layers."""
        super().prepare()
        kinds: dict[str, Any] = {
            "brightness": RandomBrightness, "contrast": RandomContrast,
            "saturation": RandomSaturation, "hue": RandomHue,
        }  # fmt: skip
        self.steps: list[ImageLayer] = []
        for name, kind in kinds.items():
            strength = getattr(self, f"{name}_factor")
            if strength is not None:
                self.steps.append(
                    kind(factor=strength, value_range=self.value_range, seed=self.generator,
                         data_format=self.data_format, dtype=self.dtype)
                )  # fmt: skip

    def drawn(self, images: Tensor, source: SeedGenerator) -> list[Any]:
        """Draw what each layer does."""
        return [one.drawn(images, source) for one in self.steps]

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Apply one after the other."""
        for one, drawn in zip(self.steps, transformation, strict=True):
            x = one.changed(x, drawn)
        return x
