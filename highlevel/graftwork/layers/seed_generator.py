"""The state of a layer that draws random numbers while training: kept and saved like a weight."""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor
from graftgrad.ops import random

from ..registry import generators
from ..seeds import any_seed, fresh_seed
from ..weight import Weight
from .layer import Layer


class SeedGenerator(Layer):
    """A source of random states, each used once.

    Its state is a weight, (2,) uint32: the seed, and how often a state was drawn. It is saved with
    the layer that holds it, so that training resumes with the numbers that would have come next.

    Args:
        seed: a whole number from 0 to 2³² − 1; None takes one from the program's source of seeds.
        name: its name.
    Raises:
        ConfigError: the seed is no such number.
    """

    registry = generators

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        super().__init__(name=name)
        self.seed = any_seed("SeedGenerator", "seed", seed)
        start = fresh_seed() if self.seed is None else self.seed
        value = graftgrad.tensor([start, 0], "uint32")
        self.state = Weight(value, "seed_generator_state", "state")
        self.state.path = f"{self.name}/seed_generator_state"
        self._own_weights.append(self.state)
        self.build_for(None)

    def next(self, ordered: bool = True) -> Tensor:
        """Return the state, (2,) uint32, and step on, so that the next one differs."""
        with graftgrad.no_grad():
            drawn = self.state.detach().clone()
            random.advance(self.state)
        return drawn

    def get_config(self) -> dict[str, Any]:
        """Return seed and name."""
        return {"seed": self.seed, "name": self.name}


def generator_for(seed: Any) -> SeedGenerator:
    """Return the generator of a layer whose setting `seed` is a number, None or a generator."""
    return seed if isinstance(seed, SeedGenerator) else SeedGenerator(seed)


generators.register(SeedGenerator)
