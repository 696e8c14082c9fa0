"""Where seeds come from: one source for the whole program, set by `set_random_seed`.

The numbers themselves are drawn by `graftgrad.ops.random`; layers that draw while training keep a
`SeedGenerator`, which stands in `layers/seed_generator.py`.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

import graftgrad
from graftgrad import Tensor
from graftgrad.errors import ConfigError, expect

_LARGEST = 2**32 - 1
_source = random.Random()


def set_random_seed(seed: int) -> None:
    """Make a program repeatable: seed Python's generator, NumPy's and the source of all seeds here.

    Raises:
        ConfigError: the seed is no whole number from 0 to 2³² − 1.
    """
    seed = whole_seed("set_random_seed", "seed", seed)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    _source.seed(seed)
    graftgrad.manual_seed(seed)


def fresh_seed() -> int:
    """Return the next seed of the program's one source."""
    return _source.randrange(_LARGEST + 1)


def whole_seed(subject: str, name: str, value: Any) -> int:
    """Accept a whole number that fits 32 bits without a sign.

    Raises:
        ConfigError: it is none.
    """
    fit = hasattr(value, "__index__") and not isinstance(value, bool)
    expect(fit and 0 <= int(value) <= _LARGEST, subject,
           f"{name} must be a whole number from 0 to {_LARGEST}", error=ConfigError,
           **{name: value})  # fmt: skip
    return int(value)


def any_seed(subject: str, name: str, value: Any) -> Any:
    """Accept None, a whole number, or an object such as a SeedGenerator whose `next()` draws one.

    Raises:
        ConfigError: it is none of these.
    """
    return value if value is None or hasattr(value, "next") else whole_seed(subject, name, value)


def start_of(seed: Any) -> Tensor:
    """Return the state, (2,) uint32, from which a seed's numbers are drawn.

    A number always gives the same state; None gives another one each time, and so does a generator.
    """
    if seed is not None and hasattr(seed, "next"):
        state: Tensor = seed.next()
        return state
    return graftgrad.tensor([fresh_seed() if seed is None else seed, 0], "uint32")


def states_of_sources() -> dict[str, Any]:
    """Return, as plain values, where every source that `set_random_seed` seeds stands now."""
    kind, key, *rest = np.random.get_state()  # noqa: NPY002
    return {
        "python": random.getstate(),
        "numpy": [kind, np.asarray(key).tolist(), *rest],
        "seeds": _source.getstate(),
        "engine": graftgrad.default_generator().state.numpy().tolist(),
    }


def restore_sources(states: Any) -> None:
    """Bring every source back to where `states_of_sources` found it, read from JSON or not."""
    for source, name in ((random, "python"), (_source, "seeds")):
        version, inner, extra = states[name]
        source.setstate((version, tuple(inner), extra))
    np.random.set_state(tuple(states["numpy"]))  # noqa: NPY002
    graftgrad.default_generator().state.copy_(graftgrad.tensor(states["engine"], "uint32"))
