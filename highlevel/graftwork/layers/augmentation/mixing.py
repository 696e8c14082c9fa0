"""Pictures mixed with others of their batch, and their labels alike."""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect
from graftgrad.ops.distributions import gamma
from graftgrad.spec import is_floating

from ...registry import declared, layers, setting
from ...rules import number
from ...seeds import any_seed
from ..rules import channel_order
from ..seed_generator import SeedGenerator
from .base import ImageLayer, between, of_images

_TRIES = 48  # the chance that all fail is below 2⁻⁴⁸


class Mixing(ImageLayer):
    """A layer that mixes each sample with another one."""

    per_sample = False

    def transform_labels(
        self, labels: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Return λ · labels + (1 − λ) · those of the others."""
        if not training:
            return labels
        y = graftgrad.as_tensor(labels)
        y = y if is_floating(y.dtype) else y.to(self.compute_dtype)
        share = ops.reshape(transformation["mix_weight"], (-1, *[1] * (y.ndim - 1))).to(y.dtype)
        return share * y + (1 - share) * ops.take(y, transformation["permutation_order"], 0)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Mix masks as images are mixed."""
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Return the boxes of both pictures."""
        if not training:
            return bounding_boxes
        others = transformation["permutation_order"]
        return {
            key: ops.concatenate([one, ops.take(one, others, 0)], 1)
            for key, one in bounding_boxes.items()
        }

    def order(self, source: SeedGenerator, n: int) -> Tensor:
        """Draw who is mixed with whom."""
        return graftgrad.ops.random.permutation(source.next(), n)


@declared(layers)
class MixUp(Mixing):
    """Pictures laid over each other: λ · x + (1 − λ) · another one. Zhang et al. 2017.

    Args:
        alpha: λ is drawn from Beta(alpha, alpha).
        data_format: whether channels lie last or first.
        seed: a number that makes the drawing repeatable.
    """

    alpha: float = setting(number, default=0.2)
    data_format: Any = setting(channel_order, default=None)
    seed: Any = setting(any_seed, default=None)

    def prepare(self) -> None:
        """Check alpha."""
        expect(self.alpha > 0, "MixUp", "alpha must be positive", error=ConfigError,
               alpha=self.alpha)  # fmt: skip
        super().prepare()

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw λ and the others."""
        n = images.shape[0]
        a, b = (gamma(source.next(), (n,), self.alpha, dtype="float64") for _ in range(2))
        share = (a / ops.maximum(a + b, 1e-300)).to("float32")
        return {"mix_weight": share, "permutation_order": self.order(source, n)}

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Mix."""
        share = of_images(transformation["mix_weight"]).to(x.dtype)
        return share * x + (1 - share) * ops.take(x, transformation["permutation_order"], 0)


@declared(layers)
class CutMix(Mixing):
    """A rectangle of each picture taken from another one; labels by area. Yun et al. 2019.

    Args:
        factor: α is drawn from (lower, upper), or from 0 to factor; the share of the picture that
            stays from Beta(α, α).
        seed: a number that makes the drawing repeatable.
        data_format: whether channels lie last or first.
    """

    factor: Any = setting(between(0, 1), default=1.0)
    seed: Any = setting(any_seed, default=None)
    data_format: Any = setting(channel_order, default=None)

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw rectangles and the others."""
        n, (h, w) = images.shape[0], self.size_of(images)
        side = ops.sqrt(1 - self._beta(source, n))
        masks, share = boxes_inside(self, source, side, side, h, w)
        return {"permutation_order": self.order(source, n), "batch_masks": masks,
                "mix_weight": of_images(1 - share)}  # fmt: skip

    def _beta(self, source: SeedGenerator, n: int) -> Tensor:
        """Draw Beta(α, α), (N,), for an α that is drawn too. Jöhnk 1964."""
        alpha = self.uniform(source, (), *self.factor) + 1e-6
        x, y = (ops.log(1 - self.uniform(source, (_TRIES, n))) / alpha for _ in range(2))
        good = ops.less_equal(ops.logaddexp(x, y), 0.0).to("int32")
        first = ops.expand_dims(ops.argmax(good, 0), 0)
        return ops.squeeze(ops.take_along_axis(ops.sigmoid(x - y), first, 0), 0)

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Put rectangles in."""
        others = ops.take(x, transformation["permutation_order"], 0)
        return ops.where(transformation["batch_masks"], others, x)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Refuse, as Keras does: half a box is no box.

        Raises:
            NotImplementedError: always, where pictures are changed.
        """
        return (
            self.moved_boxes(bounding_boxes, transformation, 0, 0) if training else bounding_boxes
        )


def boxes_inside(
    layer: ImageLayer, source: SeedGenerator, across: Tensor, down: Tensor, h: int, w: int
) -> tuple[Tensor, Tensor]:
    """Draw one rectangle in each picture: where it lies, and its share of the area, (N,).

    Args:
        layer: whose pictures they are.
        source: of states.
        across: widths as shares, (N,).
        down: heights as shares, (N,).
        h: rows of the pictures.
        w: their columns.
    """
    n = across.shape[0]
    first = layer.data_format == "channels_first"
    inside = None
    for share, size, shape in ((across, w, (1, 1, 1, w) if first else (1, 1, w, 1)),
                               (down, h, (1, 1, h, 1) if first else (1, h, 1, 1))):  # fmt: skip
        start = layer.uniform(source, (n,)) * (size - share * size)
        place = ops.reshape(graftgrad.arange(size).to("float32"), shape)
        one = ops.logical_and(ops.greater_equal(place, of_images(start)),
                              ops.less(place, of_images(start + share * size)))  # fmt: skip
        inside = one if inside is None else ops.logical_and(inside, one)
    assert inside is not None
    return inside, across * down
