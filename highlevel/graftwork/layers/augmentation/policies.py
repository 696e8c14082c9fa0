"""Several changes drawn from a list: RandAugment and AugMix; and layers one after the other.

What is drawn decides which layers run, so a step with these layers is not recorded: it stays eager,
and computes only what was drawn.
"""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect
from graftgrad.ops import random
from graftgrad.ops.distributions import gamma

from ...registry import declared, layers, setting
from ...rules import number, one_of, positive_integer
from ...seeds import any_seed
from ..layer import Layer
from ..phase import phase
from ..rules import channel_order
from ..seed_generator import SeedGenerator
from .base import ImageLayer, between, value_range
from .colors import RandomBrightness, RandomColorDegeneration, RandomContrast
from .geometry import RandomRotation, RandomShear, RandomTranslation
from .tones import AutoContrast, Equalization, RandomPosterization, Solarization
from .windows import RandomSharpness


class Policy(ImageLayer):
    """A layer that draws which others are applied."""

    value_range: Any
    factor: Any
    interpolation: str

    def make(self, colors: bool) -> None:
        """Make the layers that may be drawn."""
        shared: dict[str, Any] = {"data_format": self.data_format, "dtype": self.dtype,
                                  "bounding_box_format": self.bounding_box_format}  # fmt: skip
        drawn = {"seed": self.generator, **shared}
        ranged = {"value_range": self.value_range, **shared}
        both = {**drawn, **ranged}
        f = self.factor
        read: dict[str, Any] = {"interpolation": self.interpolation}
        self.choices: list[ImageLayer] = [
            RandomShear(f, f, **read, **drawn),
            RandomTranslation(f, f, **read, **drawn),
            RandomRotation(f, **read, **drawn),
            RandomPosterization(max(1, int(8 * f[1])), **both),
            Solarization(f, f, **both),
            AutoContrast(**ranged),
            Equalization(**ranged),
        ]
        if colors:
            self.choices += [
                RandomBrightness(f, **both),
                RandomColorDegeneration(f, **both),
                RandomContrast(f, **both),
                RandomSharpness(f, **both),
            ]

    def picked(self, source: SeedGenerator, count: int, beyond: int = 0) -> list[int]:
        """Draw which layers, as numbers; with `beyond` also numbers that stand for none."""
        last = len(self.choices) + beyond
        found: list[int] = random.randint(source.next(), (count,), 0, last).tolist()
        return found


@declared(layers)
class RandAugment(Policy):
    """A few changes, drawn for each batch, one after the other. Cubuk et al. 2019.

    Args:
        value_range: the smallest and largest value of a pixel.
        num_ops: how many changes.
        factor: how strong, from 0 to 1: (lower, upper), or from 0 to the number.
        interpolation: "bilinear" or "nearest".
        seed: a number that makes the drawing repeatable.
        data_format: whether channels lie last or first.
    """

    value_range: Any = setting(value_range, default=(0, 255))
    num_ops: int = setting(positive_integer, default=2)
    factor: Any = setting(between(0, 1), default=0.5)
    interpolation: str = setting(one_of("nearest", "bilinear"), default="bilinear")
    seed: Any = setting(any_seed, default=None)
    data_format: Any = setting(channel_order, default=None)

    moves_pixels = True

    def prepare(self) -> None:
        """Make the layers."""
        super().prepare()
        self.make(colors=True)

    def drawn(self, images: Tensor, source: SeedGenerator) -> list[Any]:
        """Draw which layers, and what each does."""
        picked = self.picked(source, self.num_ops)
        return [(one, self.choices[one].drawn(images, source)) for one in picked]

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Apply one after the other."""
        for one, drawn in transformation:
            x = self.choices[one].changed(x, drawn)
        return x

    def moved(self, x: Tensor, transformation: Any, interpolation: str) -> Tensor:
        """Move pixels as those that were drawn do."""
        for one, drawn in transformation:
            x = self.choices[one].transform_segmentation_masks(x, drawn)
        return x

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Move boxes as the layers do that were drawn."""
        for one, drawn in transformation or ():
            bounding_boxes = self.choices[one].transform_bounding_boxes(bounding_boxes, drawn)
        return bounding_boxes


@declared(layers)
class AugMix(Policy):
    """Several chains of changes, mixed with each other and with the picture. Hendrycks et al. 2019.

    y = λ · x + (1 − λ) · Σ wₖ · chainₖ(x)

    Args:
        value_range: the smallest and largest value of a pixel.
        num_chains: how many chains.
        chain_depth: how many changes in each, at most.
        factor: how strong, from 0 to 1: (lower, upper), or from 0 to the number.
        alpha: λ is drawn from Beta(alpha, alpha), w from Dirichlet(alpha, …).
        all_ops: whether brightness, colour, contrast and sharpness are changed too.
        interpolation: "bilinear" or "nearest".
        seed: a number that makes the drawing repeatable.
        data_format: whether channels lie last or first.
    """

    value_range: Any = setting(value_range, default=(0, 255))
    num_chains: int = setting(positive_integer, default=3)
    chain_depth: int = setting(positive_integer, default=3)
    factor: Any = setting(between(0, 1), default=0.3)
    alpha: float = setting(number, default=1.0)
    all_ops: bool = setting(default=True)
    interpolation: str = setting(one_of("nearest", "bilinear"), default="bilinear")
    seed: Any = setting(any_seed, default=None)
    data_format: Any = setting(channel_order, default=None)

    def prepare(self) -> None:
        """Make the layers."""
        expect(self.alpha > 0, "AugMix", "alpha must be positive", error=ConfigError,
               alpha=self.alpha)  # fmt: skip
        super().prepare()
        self.make(colors=self.all_ops)

    def drawn(self, images: Tensor, source: SeedGenerator) -> dict[str, Any]:
        """Draw chains and weights."""
        weights = gamma(source.next(), (self.num_chains,), self.alpha)
        pair = gamma(source.next(), (2,), self.alpha)
        chains = []
        for _ in range(self.num_chains):
            picked = self.picked(source, self.chain_depth, 1)
            steps = [one for one in picked if one < len(self.choices)]
            chains.append([(one, self.choices[one].drawn(images, source)) for one in steps])
        return {"chain_mixing_weights": weights / ops.sum(weights),
                "weight_sample": pair[0] / ops.sum(pair), "chain_transforms": chains}  # fmt: skip

    def changed(self, x: Tensor, transformation: Any) -> Tensor:
        """Run the chains and mix."""
        total = x * 0
        weights = transformation["chain_mixing_weights"].to(x.dtype)
        for k, chain in enumerate(transformation["chain_transforms"]):
            y = x
            for one, drawn in chain:
                y = self.choices[one].changed(y, drawn)
            total = total + y * weights[k]
        share = transformation["weight_sample"].to(x.dtype)
        return ops.clip(share * x + (1 - share) * total, *self.value_range)


@declared(layers)
class Pipeline(Layer):
    """Layers one after the other, as one layer for a data set's `map`.

    Args:
        layers: the layers, or their configurations.
    """

    layers: Any = setting()

    def prepare(self) -> None:
        """Make layers of configurations."""
        self.prepare_layer()
        made = [one if isinstance(one, Layer) else layers.get(one) for one in self.layers]
        expect(all(isinstance(one, Layer) for one in made), "Pipeline", "layers must be layers",
               error=ConfigError, layers=made)  # fmt: skip
        self.layers = made

    def __call__(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Run the layers; in training form where no step says otherwise."""
        if training is None and not phase.told:
            training = True
        return super().__call__(*args, training=training, **kwargs)

    def call(self, inputs: Any, training: bool = True) -> Any:
        """Run one layer after the other."""
        for one in self.layers:
            inputs = one(inputs, training=training)
        return inputs
