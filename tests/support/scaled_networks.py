"""Weights of networks that normalize pictures themselves, drawn alike here and beside Keras."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from support.networks import drawn, picture

SIDE = 64


def listed(weights: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Paths and shapes without states of random generators; Keras numbers unnamed weights."""
    found = []
    for path, shape in weights:
        layer, _, leaf = path.rpartition("/")
        leaf = "gamma" if leaf.startswith("variable") else leaf
        if leaf != "seed_generator_state":
            found.append((f"{layer}/{leaf}", tuple(shape)))
    return found


def filled(weights: list[tuple[str, Any]]) -> list[NDArray[Any]]:
    """Numbers for the weights, with variances above zero."""
    arrays = drawn(weights)
    for i, (path, _) in enumerate(weights):
        if path.endswith("/variance"):
            arrays[i] = np.abs(arrays[i]) + np.float32(0.5)
    return arrays


def pixels() -> NDArray[Any]:
    """A batch of one picture, from 0 to 255."""
    return (picture(SIDE, SIDE) + 1) * np.float32(127.5)
