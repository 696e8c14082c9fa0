"""The default source of random numbers, seeded by `manual_seed`, and the tensors drawn from it.

How numbers are drawn from a state stands in `ops.random`.
"""

from __future__ import annotations

import os
from typing import Any

from . import modes
from .device.base import Device
from .device.find import device as find_device
from .errors import ConfigError, expect
from .ops import random
from .ops.operand import copy
from .ops.shape import sizes_of
from .spec import float32
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
        """Return the state, (2,) uint32, and step on."""
        with modes.no_grad():
            drawn = copy(self.state)
            random.advance(self.state)
        return drawn


_seed: int | None = None
_defaults: dict[Device, Generator] = {}


def default_generator(device: str | Device | None = None) -> Generator:
    """Return the generator that `rand` and `randn` use on a device."""
    place = find_device(device)
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


def _whole(seed: Any) -> int:
    fits = hasattr(seed, "__index__") and not isinstance(seed, bool)
    expect(fits and 0 <= int(seed) <= _LARGEST, "manual_seed",
           f"the seed must be a whole number from 0 to {_LARGEST}", error=ConfigError,
           seed=seed)  # fmt: skip
    return int(seed)
