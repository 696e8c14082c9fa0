"""The default source of random numbers, seeded by `manual_seed`, and the tensors drawn from it.

How numbers are drawn from a state stands in `ops.random`.
"""

from __future__ import annotations

import os
from typing import Any

from . import modes
from .device.base import Device
from .device.find import device as find_device
from .errors import ConfigError, DTypeError, expect
from .ops import distributions, random
from .ops.operand import copy, result_type
from .ops.shape import sizes_of
from .spec import broadcast, float32, int64, is_floating
from .tensor import Tensor, tensor

_LARGEST = 2**32 - 1


class Generator:
    """A stream of random states, each used once.

    Attributes:
        state: seed and draw, (2,) uint32; assign to its values to return to a place in the stream.
    """

    def __init__(self, seed: int | None = None, device: str | Device | None = None) -> None:
        start = int.from_bytes(os.urandom(4), "little") if seed is None else seed
        self.state = tensor([_whole(start), 0], "uint32", device)

    def manual_seed(self, seed: int) -> Generator:
        """Start again from the beginning of a seed's stream.

        Raises:
            ConfigError: the seed is no whole number from 0 to 2³² − 1.
        """
        self.state.copy_(tensor([_whole(seed), 0], "uint32", self.state.device))
        return self

    def next(self) -> Tensor:
        """Return the state, (2,) uint32, and step on; inside of `vmap`, one for each sample.

        Raises:
            ConfigError: that `vmap` has no word on random numbers.
        """
        with modes.no_grad():
            if modes.state.mapping:
                states: Tensor = modes.state.mapping[-1].states(self.state, random.advance)
                return states
            drawn = copy(self.state)
            random.advance(self.state)
        return drawn

    def uniform(
        self, low: float = 0.0, high: float = 1.0, size: Any = (), dtype: object = float32
    ) -> Tensor:
        """Return numbers spread evenly over [low, high)."""
        return random.uniform(self.next(), _sizes(size), low, high, dtype)

    def normal(
        self, loc: float = 0.0, scale: float = 1.0, size: Any = (), dtype: object = float32
    ) -> Tensor:
        """Return normally distributed numbers of mean `loc` and deviation `scale`."""
        return random.normal(self.next(), _sizes(size), loc, scale, dtype)

    def truncated_normal(
        self, loc: float = 0.0, scale: float = 1.0, size: Any = (), dtype: object = float32
    ) -> Tensor:
        """Return normally distributed numbers within two deviations of the mean."""
        return random.truncated_normal(self.next(), _sizes(size), loc, scale, dtype)

    def integers(
        self, low: int, high: int | None = None, size: Any = (), dtype: object = int64
    ) -> Tensor:
        """Return whole numbers from low to high − 1; from 0 to low − 1 if high is None."""
        first, bound = (0, low) if high is None else (low, high)
        return random.randint(self.next(), _sizes(size), first, bound, dtype)

    def bernoulli(self, p: float = 0.5, size: Any = (), dtype: object = float32) -> Tensor:
        """Return 1 with probability p, else 0."""
        return random.bernoulli(self.next(), _sizes(size), p, dtype)

    def exponential(self, scale: float = 1.0, size: Any = (), dtype: object = float32) -> Tensor:
        """Return waiting times of mean `scale`."""
        return distributions.exponential(self.next(), _sizes(size), scale, dtype)

    def gamma(
        self, shape: float, scale: float = 1.0, size: Any = (), dtype: object = float32
    ) -> Tensor:
        """Return gamma variables of a shape parameter and a scale."""
        return distributions.gamma(self.next(), _sizes(size), shape, scale, dtype)

    def permutation(self, x: int | Tensor) -> Tensor:
        """Return the whole numbers below x in random order, or the rows of a tensor."""
        if isinstance(x, Tensor):
            return x[random.permutation(self.next(), len(x))]
        return random.permutation(self.next(), x)

    def categorical(self, logits: Tensor, count: int | None = None) -> Tensor:
        """Return classes with probabilities softmax(logits) over the last axis."""
        return distributions.categorical(self.next(), logits, count)

    def multinomial(self, probabilities: Tensor, count: int, replacement: bool = False) -> Tensor:
        """Return `count` classes for each row of weights."""
        return distributions.multinomial(self.next(), probabilities, count, replacement)


_seed: int | None = None
_defaults: dict[Device, Generator] = {}


def default_generator(device: str | Device | None = None) -> Generator:
    """Return the generator that `rand` and `randn` use on a device; `vmap` has none of its own."""
    place: Any = find_device(device)
    while place.maps:
        place = place.base
    if place not in _defaults:
        _defaults[place] = Generator(_seed, place)
    return _defaults[place]


def manual_seed(seed: int) -> Generator:
    """Make what `rand` and `randn` draw repeatable, on every device; return the default generator.

    Raises:
        ConfigError: the seed is no whole number from 0 to 2³² − 1.
    """
    global _seed
    _seed = _whole(seed)
    for generator in _defaults.values():
        generator.manual_seed(_seed)
    return default_generator()


def rand(
    *size: Any, generator: Generator | None = None, dtype: object = float32,
    device: str | Device | None = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return numbers spread evenly over [0, 1)."""
    state = (generator or default_generator(device)).next()
    made = random.uniform(state, sizes_of("rand", size), dtype=dtype)
    return made.requires_grad_(requires_grad)


def randn(
    *size: Any, generator: Generator | None = None, dtype: object = float32,
    device: str | Device | None = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return normally distributed numbers of mean 0 and deviation 1."""
    state = (generator or default_generator(device)).next()
    made = random.normal(state, sizes_of("randn", size), dtype=dtype)
    return made.requires_grad_(requires_grad)


def randint(
    low: int, high: int | None = None, size: Any = (), generator: Generator | None = None,
    dtype: object = int64, device: str | Device | None = None,
) -> Tensor:  # fmt: skip
    """Return whole numbers from low to high − 1; from 0 to low − 1 if high is None."""
    return (generator or default_generator(device)).integers(low, high, size, dtype)


def randperm(
    n: int, generator: Generator | None = None, device: str | Device | None = None
) -> Tensor:
    """Return the whole numbers below n in random order, (n,) int64."""
    return (generator or default_generator(device)).permutation(n)


def normal(
    mean: Any = 0.0, std: Any = 1.0, size: Any = None, generator: Generator | None = None
) -> Tensor:
    """Draw from normal distributions, each with its mean and standard deviation; they broadcast.

    y = mean + std · z; gradients reach both.

    Args:
        mean: a number or a tensor.
        std: a number or a tensor.
        size: the shape where both are numbers.
        generator: the default one if None.
    """
    given = [one for one in (mean, std) if hasattr(one, "grad_fn")]
    alone = () if size is None else size
    shape = broadcast("normal", *[one.spec for one in given]) if given else _sizes(alone)
    dtype = result_type(mean, std, 1.0)
    source = generator or default_generator(given[0].device if given else None)
    made: Tensor = mean + std * source.normal(size=shape, dtype=dtype)
    return made


def bernoulli(p: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw 1 with probability p for each element, else 0; in the element type of p.

    Raises:
        DTypeError: p holds no real numbers.
    """
    expect(is_floating(p.dtype), "bernoulli", "p must hold real numbers", error=DTypeError,
           p=p.spec)  # fmt: skip
    source = generator or default_generator(p.device)
    return (source.uniform(size=p.shape, dtype=p.dtype) < p.detach()).to(p.dtype)


def multinomial(
    probabilities: Tensor,
    num_samples: int,
    replacement: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Draw places by their weights, `Generator.multinomial` of the default generator.

    Raises:
        ConfigError, ShapeError: as there.
    """
    source = generator or default_generator(probabilities.device)
    return source.multinomial(probabilities, num_samples, replacement)


def get_rng_state(device: str | Device | None = None) -> Tensor:
    """Return a copy of the state of a device's default generator, (2,) uint32."""
    return copy(default_generator(device).state)


def set_rng_state(state: Tensor, device: str | Device | None = None) -> None:
    """Return to a place in the stream of a device's default generator.

    Raises:
        ShapeError: it is no state of a generator.
    """
    default_generator(device).state.copy_(state)


def randint_like(
    x: Tensor, low: int, high: int | None = None, generator: Generator | None = None
) -> Tensor:
    """Draw whole numbers from low to high − 1, or below low, in the shape and element type of x."""
    low, high = (0, low) if high is None else (low, high)
    source = generator or default_generator(x.device)
    return source.integers(low, high, x.shape).to(x.dtype)


def rand_like(x: Tensor, generator: Generator | None = None) -> Tensor:
    """Return numbers spread evenly over [0, 1) in the shape, element type and place of x."""
    return rand(x.shape, generator=generator, dtype=x.dtype, device=x.device)


def randn_like(x: Tensor, generator: Generator | None = None) -> Tensor:
    """Return numbers of mean 0 and deviation 1 in the shape, element type and place of x."""
    return randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)


def _sizes(size: Any) -> tuple[int, ...]:
    return sizes_of("random", (size,))


def _whole(seed: Any) -> int:
    fits = hasattr(seed, "__index__") and not isinstance(seed, bool)
    expect(fits and 0 <= int(seed) <= _LARGEST, "manual_seed",
           f"the seed must be a whole number from 0 to {_LARGEST}", error=ConfigError,
           seed=seed)  # fmt: skip
    return int(seed)
