"""Boston housing: 506 districts with 13 features and a price; kept for old scripts."""

from __future__ import annotations

import os

from .reading import GOOGLE, Pair, found, housing

SHA256 = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"


def load_data(
    path: str | os.PathLike[str] = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Pair, Pair]:
    """Return (x_train, y_train), (x_test, y_test), split by a draw that Keras makes too.

    Shapes: x (N, 13), y (N,), float64.

    Args:
        path: the file, or its name in the cache.
        test_split: the part that is kept for testing.
        seed: of the draw.
    Raises:
        ConfigError: test_split does not lie between 0 and 1.
        FormatError: the file is damaged.
        ConnectionError: it has to be downloaded and cannot be.
    """
    return housing(found(path, f"{GOOGLE}boston_housing.npz", SHA256), test_split, seed)
