"""Layers that disturb training, so that a network relies on nothing: noise, dropout, penalties.

All of them hand their input on in inference form.
"""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor
from graftgrad.errors import ConfigError, expect
from graftgrad.ops import alpha_dropout, random

from ..registry import declared, layers, setting
from ..regularizers import L1L2, strength
from ..rules import number, optional
from ..seeds import any_seed
from .input_spec import InputSpec
from .layer import Layer
from .rules import channel_order
from .seed_generator import SeedGenerator, generator_for


def share(subject: str, name: str, value: Any) -> float:
    """Accept the share that is dropped: 0 ≤ rate < 1.

    Raises:
        ConfigError: it lies outside.
    """
    expect(0 <= number(subject, name, value) < 1, subject, f"{name} must lie in [0, 1)",
           error=ConfigError, **{name: value})  # fmt: skip
    return float(value)


def _noise_shape(subject: str, name: str, value: Any) -> Any:
    given = list(value) if isinstance(value, (tuple, list)) else [value]
    fit = all(n is None or (isinstance(n, int) and n > 0) for n in given)
    expect(fit, subject, f"{name} must be positive sizes, or None for the input's",
           error=ConfigError, **{name: value})  # fmt: skip
    return tuple(given)


class Noisy(Layer):
    """A layer that draws numbers while training, from a state of its own that is saved with it."""

    accepts_integers = False
    supports_masking = True

    def prepare(self) -> None:
        """Make the source of states."""
        self.prepare_layer()
        self.seed_generator: SeedGenerator = generator_for(self.seed)

    seed: Any

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """Disturb the input while training; hand it on otherwise."""
        return self.disturbed(x) if training and self.amount() > 0 else x

    def amount(self) -> float:
        """Return the setting that switches the layer off where it is 0."""
        raise NotImplementedError(f"{type(self).__name__}: must define amount(self).")

    def disturbed(self, x: Tensor) -> Tensor:
        """Return the input as training sees it."""
        raise NotImplementedError(f"{type(self).__name__}: must define disturbed(self, x).")


@declared(layers)
class Dropout(Noisy):
    """While training, elements set to 0 at random and the rest scaled up. Srivastava et al. 2014.

    y = x · b / (1 − rate), where b is 0 with probability `rate` and 1 otherwise.

    Args:
        rate: the share that is dropped, 0 ≤ rate < 1.
        noise_shape: the shape of b, which is stretched to that of x; None where x has the size.
        seed: a number that makes the drawing repeatable.
    Raises:
        ShapeError: noise_shape does not stretch to the input.
    """

    rate: float = setting(share)
    noise_shape: Any = setting(optional(_noise_shape), default=None)
    seed: Any = setting(any_seed, default=None)

    def amount(self) -> float:
        """Return the rate."""
        return self.rate

    def disturbed(self, x: Tensor) -> Tensor:
        """Drop elements."""
        return dropped(x, self.rate, self.mask_shape(x), self.seed_generator)

    def mask_shape(self, x: Tensor) -> tuple[int, ...]:
        """Return the shape of b.

        Raises:
            ShapeError: noise_shape does not stretch to the input.
        """
        if self.noise_shape is None:
            return x.shape
        fit = len(self.noise_shape) == x.ndim and all(
            n in (None, 1, size) for n, size in zip(self.noise_shape, x.shape, strict=True)
        )
        expect(fit, f'layer "{self.name}"', "noise_shape must stretch to the input", input=x.shape,
               noise_shape=self.noise_shape)  # fmt: skip
        return tuple(
            [size if n is None else n for n, size in zip(self.noise_shape, x.shape, strict=True)]
        )


class Spatial(Noisy):
    """Dropout of whole channels."""

    rate: float

    def amount(self) -> float:
        """Return the rate."""
        return self.rate

    def get_config(self) -> dict[str, Any]:
        """Return the settings; `trainable` only where it is false, since Keras takes none here."""
        config = super().get_config()
        return {key: config[key] for key in config if key != "trainable" or not config[key]}


@declared(layers)
class SpatialDropout1D(Spatial):
    """While training, whole features of a sequence set to 0 at random. Tompson et al. 2014.

    Shapes: (N, T, C) -> (N, T, C).

    Args:
        rate: the share of features that is dropped.
        seed: a number that makes the drawing repeatable.
    """

    rate: float = setting(share)
    seed: Any = setting(any_seed, default=None)

    input_spec = InputSpec(ndim=3)

    def disturbed(self, x: Tensor) -> Tensor:
        """Drop features."""
        return dropped(x, self.rate, (x.shape[0], 1, x.shape[2]), self.seed_generator)


@declared(layers)
class SpatialDropout2D(Spatial):
    """While training, whole channels of an image set to 0 at random. Tompson et al. 2014.

    Shapes: (N, H, W, C) -> (N, H, W, C).

    Args:
        rate: the share of channels that is dropped.
        data_format: "channels_last", (N, H, W, C), or "channels_first", (N, C, H, W).
        seed: a number that makes the drawing repeatable.
    """

    rate: float = setting(share)
    data_format: Any = setting(channel_order, default=None)
    seed: Any = setting(any_seed, default=None)

    input_spec = InputSpec(ndim=4)

    def disturbed(self, x: Tensor) -> Tensor:
        """Drop channels."""
        return dropped(x, self.rate, of_channels(x, self.data_format), self.seed_generator)


@declared(layers)
class SpatialDropout3D(Spatial):
    """While training, whole channels of a volume set to 0 at random. Tompson et al. 2014.

    Shapes: (N, D, H, W, C) -> (N, D, H, W, C).

    Args:
        rate: the share of channels that is dropped.
        data_format: "channels_last", (N, D, H, W, C), or "channels_first", (N, C, D, H, W).
        seed: a number that makes the drawing repeatable.
    """

    rate: float = setting(share)
    data_format: Any = setting(channel_order, default=None)
    seed: Any = setting(any_seed, default=None)

    input_spec = InputSpec(ndim=5)

    def disturbed(self, x: Tensor) -> Tensor:
        """Drop channels."""
        return dropped(x, self.rate, of_channels(x, self.data_format), self.seed_generator)


def of_channels(x: Tensor, data_format: str) -> tuple[int, ...]:
    """Return sizes of 1 but for samples and channels."""
    axis = 1 if data_format == "channels_first" else x.ndim - 1
    return tuple([size if i in (0, axis) else 1 for i, size in enumerate(x.shape)])


@declared(layers)
class AlphaDropout(Dropout):
    """Dropout that keeps mean and variance of what `selu` gives. Klambauer et al. 2017.

    y = a · (x where b else α') + b', so that the mean stays 0 and the variance 1.

    Args:
        rate: the share that is dropped, 0 ≤ rate < 1.
        noise_shape: the shape of b, which is stretched to that of x; None where x has the size.
        seed: a number that makes the drawing repeatable.
    Raises:
        ShapeError: noise_shape does not stretch to the input.
    """

    rate: float = setting(share)
    noise_shape: Any = setting(optional(_noise_shape), default=None)
    seed: Any = setting(any_seed, default=None)

    def disturbed(self, x: Tensor) -> Tensor:
        """Drop elements and bring mean and variance back."""
        return alpha_dropout(x, self.seed_generator.next(), self.rate, self.mask_shape(x))


@declared(layers)
class GaussianNoise(Noisy):
    """While training, normal numbers added: y = x + stddev · N(0, 1).

    Args:
        stddev: the standard deviation of the noise.
        seed: a number that makes the drawing repeatable.
    """

    stddev: float = setting(strength)
    seed: Any = setting(any_seed, default=None)

    def amount(self) -> float:
        """Return the deviation."""
        return self.stddev

    def disturbed(self, x: Tensor) -> Tensor:
        """Add noise."""
        return x + random.normal(
            self.seed_generator.next(), x.shape, 0.0, self.stddev, dtype=x.dtype
        )


@declared(layers)
class GaussianDropout(Noisy):
    """While training, elements multiplied by normal numbers: mean 1, variance rate / (1 − rate).

    Args:
        rate: the share that a dropout of the same variance would drop.
        seed: a number that makes the drawing repeatable.
    """

    rate: float = setting(share)
    seed: Any = setting(any_seed, default=None)

    def amount(self) -> float:
        """Return the rate."""
        return self.rate

    def disturbed(self, x: Tensor) -> Tensor:
        """Multiply by noise."""
        deviation = (self.rate / (1 - self.rate)) ** 0.5
        return x * random.normal(self.seed_generator.next(), x.shape, 1.0, deviation, dtype=x.dtype)


@declared(layers)
class ActivityRegularization(Layer):
    """The input handed on, and a penalty on it added to the loss: l1 · Σ |x| + l2 · Σ x².

    Args:
        l1: the factor of the absolute values.
        l2: the factor of the squares.
    """

    l1: float = setting(strength, default=0.0)
    l2: float = setting(strength, default=0.0)

    accepts_integers = False
    supports_masking = True

    def prepare(self) -> None:
        """Make the penalty."""
        self.prepare_layer()
        self.activity_regularizer = L1L2(self.l1, self.l2)

    def call(self, x: Tensor) -> Tensor:
        """Hand the input on."""
        return x


def dropped(x: Tensor, rate: float, shape: tuple[int, ...], generator: SeedGenerator) -> Tensor:
    """Set elements to 0 with probability `rate`, one draw for each element of `shape`."""
    state = generator.next()
    if shape == x.shape:
        return random.dropout(x, state, rate)
    return x * (random.bernoulli(state, shape, 1 - rate, x.dtype) * (1 / (1 - rate)))
