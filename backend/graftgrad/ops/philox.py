"""Random bits from a counter: Philox4x32-10, a function of seed and place, alike on all devices.

Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3. SC 2011. What is drawn from
the bits stands in `random`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..spec import Shape

Words = tuple[Any, Any, Any, Any]

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_STEPS = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_BLOCKS_AT_ONCE = 1 << 14  # as many as stay in the cache of a processor
_HALF = np.uint64(32)


def philox(counter: Words, key: tuple[Any, Any]) -> Words:
    """Scramble counters, four arrays of uint32, with a key of two: ten rounds of Philox4x32."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    m0, m1 = (np.uint64(m) for m in _MULTIPLIERS)
    w0, w1 = (np.uint32(w) for w in _STEPS)
    for _ in range(_ROUNDS):
        first = c0.astype("uint64") * m0
        second = c2.astype("uint64") * m1
        c0 = (second >> _HALF).astype("uint32") ^ c1 ^ k0
        c2 = (first >> _HALF).astype("uint32") ^ c3 ^ k1
        c1 = second.astype("uint32")
        c3 = first.astype("uint32")
        k0 = k0 + w0
        k1 = k1 + w1
    return c0, c1, c2, c3


def words(xp: Any, state: Any, count: int, stream: int = 0) -> Any:
    """Return `count` words of 32 random bits for a state (2,) of seed and draw.

    Word 4b + i is word i of the block with counter (b, 0, draw, 0) under the key (seed, stream).
    """
    blocks = -(-count // 4)
    found = xp.empty((blocks, 4), "uint32")
    at_once = _BLOCKS_AT_ONCE if xp is np else max(blocks, 1)
    for start in range(0, blocks, at_once):
        stop = min(start + at_once, blocks)
        place = xp.arange(start, stop, dtype="uint32")
        zero = xp.zeros_like(place)
        key = (state[:1], zero[:1] + np.uint32(stream))
        drawn = philox((place, zero, zero + state[1:2], zero), key)
        for i, word in enumerate(drawn):
            found[start:stop, i] = word
    return found.reshape(-1)[:count]


def unit(xp: Any, state: Any, shape: Shape, bits: int, stream: int = 0) -> Any:
    """Return float64 numbers k / 2^bits, 0 ≤ k < 2^bits, evenly distributed; at most 53 bits."""
    count = math.prod(shape)
    if bits <= 32:
        drawn = words(xp, state, count, stream) >> np.uint32(32 - bits)
        return (drawn * 2.0**-bits).reshape(shape)
    pairs = words(xp, state, 2 * count, stream).reshape(-1, 2)
    upper = (pairs[:, 0] >> np.uint32(5)).astype("float64")
    lower = (pairs[:, 1] >> np.uint32(6)).astype("float64")
    return ((upper * 2.0**26 + lower) * 2.0**-53).reshape(shape)
