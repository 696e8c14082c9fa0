"""Values of pixels bent: inverted, coarsened, solarized, spread over the whole range."""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from ...registry import declared, layers, setting
from ...rules import positive_integer
from ...seeds import any_seed
from ..rules import channel_order
from ..seed_generator import SeedGenerator
from .base import ImageLayer, between, of_images, rescaled, value_range

_BYTE = (0, 255)


@declared(layers)
class RandomInvert(ImageLayer):
    """Some pictures as negatives: y = largest − x.

    Args:
        factor: how probable that is: drawn from (lower, upper), or from 0 to factor.
        value_range: the smallest and largest value of a pixel.
        seed: a number that makes the drawing repeatable.
        data_format: whether channels lie last or first.
    """

    factor: Any = setting(between(0, 1), default=1.0)
    value_range: Any = setting(value_range, default=_BYTE)
    seed: Any = setting(any_seed, default=None)
    data_format: Any = setting(channel_order, default=None)

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw which pictures."""
        return {"apply_inversion": self.chosen(source, images.shape[0], self.factor)}

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Invert."""
        return ops.where(of_images(transformation["apply_inversion"]), self.value_range[1] - x, x)


@declared(layers)
class RandomPosterization(ImageLayer):
    """Fewer tones: of the eight bits of every value the first few are kept.

    Args:
        factor: how many bits: drawn from lower up to, but not, upper; or one number, for
            (1, factor).
        value_range: the smallest and largest value of a pixel.
        data_format: whether channels lie last or first.
        seed: a number that makes the drawing repeatable.
    """

    factor: Any = setting(between(1, 8))
    value_range: Any = setting(value_range, default=_BYTE)
    data_format: Any = setting(channel_order, default=None)
    seed: Any = setting(any_seed, default=None)

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw how many bits are lost."""
        low, high = (int(n) for n in self.factor)
        shape = (images.shape[0],)
        if low == high:
            return {"shift_factor": graftgrad.full(shape, 8 - low, dtype="int32")}
        bits = graftgrad.ops.random.randint(source.next(), shape, low, high, "int32")
        return {"shift_factor": 8 - bits}

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Drop bits."""
        shift = of_images(transformation["shift_factor"]).to(x.dtype)
        coarse = ops.power(2.0, shift)
        whole = ops.floor(ops.clip(rescaled(x, self.value_range, _BYTE), 0, 255))
        return rescaled(ops.floor(whole / coarse) * coarse, _BYTE, self.value_range)


@declared(layers)
class Solarization(ImageLayer):
    """Bright values inverted, as on a film lit again: after an addition, those above a threshold.

    Args:
        addition_factor: what is added, as a share of the range: drawn from (lower, upper), or from
            0 to the number.
        threshold_factor: the threshold, as a share of the range, in the same way.
        value_range: the smallest and largest value of a pixel.
        seed: a number that makes the drawing repeatable.
        data_format: whether channels lie last or first.
    """

    addition_factor: Any = setting(between(0, 1), default=0.0)
    threshold_factor: Any = setting(between(0, 1), default=0.0)
    value_range: Any = setting(value_range, default=_BYTE)
    seed: Any = setting(any_seed, default=None)
    data_format: Any = setting(channel_order, default=None, kw_only=True)

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw both."""
        shape = (images.shape[0], 1, 1, 1)
        added = self.uniform(source, shape, *self.addition_factor)
        above = self.uniform(source, shape, *self.threshold_factor)
        return {"additions": added * 255, "thresholds": above * 255}

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Add and invert."""
        added = rescaled(x, self.value_range, _BYTE) + of_images(transformation["additions"]).to(
            x.dtype
        )
        y = ops.clip(added, 0, 255)
        below = ops.less(y, of_images(transformation["thresholds"]).to(x.dtype))
        return rescaled(ops.where(below, y, 255 - y), _BYTE, self.value_range)


@declared(layers)
class AutoContrast(ImageLayer):
    """Every channel of every picture spread over the whole range; also where nothing is trained.

    Args:
        value_range: the smallest and largest value of a pixel.
        data_format: whether channels lie last or first.
    """

    value_range: Any = setting(value_range, default=_BYTE)
    data_format: Any = setting(channel_order, default=None, kw_only=True)

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Tensor:
        """Spread, in training form or not."""
        return self.changed(self.real(images), transformation)

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Spread."""
        axes = (-2, -1) if self.data_format == "channels_first" else (-3, -2)
        y = rescaled(x, self.value_range, _BYTE)
        low, high = ops.min(y, axes, keepdims=True), ops.max(y, axes, keepdims=True)
        varied = ops.greater(high, low)
        scale = 255.0 / ops.where(varied, high - low, 1.0)
        spread = ops.clip(y * scale - low * scale, 0, 255)
        return ops.where(varied, rescaled(spread, _BYTE, self.value_range), x)


@declared(layers)
class Equalization(ImageLayer):
    """Values changed so that all occur about equally often, in each channel of the batch.

    Args:
        value_range: the smallest and largest value of a pixel.
        bins: how many values are told apart.
        data_format: whether channels lie last or first.
    """

    value_range: Any = setting(value_range, default=_BYTE)
    bins: int = setting(positive_integer, default=256)
    data_format: Any = setting(channel_order, default=None)

    def prepare(self) -> None:
        """Check the bins."""
        expect(self.bins > 1, "Equalization", "bins must be at least 2", error=ConfigError,
               bins=self.bins)  # fmt: skip
        super().prepare()

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Equalize channel by channel."""
        axis = -3 if self.data_format == "channels_first" else -1
        y = rescaled(x, self.value_range, _BYTE)
        parts = [self._equalized(one) for one in ops.split(y, x.shape[axis], axis)]
        return rescaled(ops.concatenate(parts, axis), _BYTE, self.value_range)

    def _equalized(self, x: Tensor) -> Tensor:
        last = self.bins - 1
        places = ops.clip(ops.floor(x * (last / 255)), 0, last).to("int64")
        flat = ops.reshape(places, (-1,))
        none = graftgrad.zeros((self.bins,), dtype="float32")
        counts = ops.scatter_add(none, 0, flat, flat.to("float32") * 0 + 1)
        upto = ops.cumsum(counts)
        first = ops.min(ops.where(ops.greater(upto, 0.0), upto, float(x.size)))
        rest = ops.max(upto) - first
        table = (upto - first) * 255 / ops.where(ops.greater(rest, 0.0), rest, 1.0)
        table = ops.clip(ops.round(table), 0, 255).to(x.dtype)
        several = ops.greater(ops.sum(ops.greater(counts, 0.0).to("float32")), 1.0)
        return ops.where(several, ops.take(table, places), x)
