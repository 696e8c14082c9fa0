"""Weights and pictures of networks, drawn alike here and beside a peer; only numpy is needed."""

import re
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHOWN = 64  # numbers of an output that a golden file keeps


def drawn(weights: Iterable[tuple[str, Sequence[int]]], seed: int = 0) -> list[NDArray[Any]]:
    """Numbers for weights told by name and shape, in order, such that signals keep their size."""
    generator = np.random.default_rng(seed)
    found = []
    for name, shape in weights:
        leaf = name.rpartition("/")[2]
        if len(shape) > 1:
            inside = shape[:2] if shape[-1] == 1 else shape[:-1]  # one filter a channel, or many
            array = generator.standard_normal(tuple(shape), np.float32)
            array *= np.float32(np.sqrt(2 / np.prod(inside)))
        elif leaf == "gamma":
            array = generator.uniform(0.3, 0.8, shape).astype(np.float32)
        elif leaf == "moving_variance":
            array = generator.uniform(0.6, 1.2, shape).astype(np.float32)
        else:
            array = generator.uniform(-0.1, 0.1, shape).astype(np.float32)
        found.append(array)
    return found


def picture(rows: int, columns: int, seed: int = 1) -> NDArray[Any]:
    """A batch of one picture, from −1 to 1."""
    generator = np.random.default_rng(seed)
    return generator.uniform(-1, 1, (1, rows, columns, 3)).astype(np.float32)


def order(weights: Iterable[tuple[str, Sequence[int]]]) -> int:
    """A checksum of names and shapes in order; what was numbered by counting is not told apart."""
    lines = []
    for name, shape in weights:
        layer, _, leaf = name.rpartition("/")
        plain = re.sub(r"_\d+$", "", layer.rpartition("/")[2])
        lines.append(f"{plain} {leaf} {tuple(int(size) for size in shape)}")
    return zlib.crc32("\n".join(lines).encode())


def shown(output: NDArray[Any]) -> NDArray[Any]:
    """Numbers of an output, taken evenly."""
    flat = output.ravel()
    return flat[:: max(1, flat.size // SHOWN)][:SHOWN]
