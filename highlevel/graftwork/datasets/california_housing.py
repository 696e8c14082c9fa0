"""California housing: 20,640 districts with 8 features and a price."""

from __future__ import annotations

import os

from graftgrad.errors import ConfigError, expect

from .reading import GOOGLE, Pair, found, housing

SHA256 = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"


def load_data(
    version: str = "large", path: str | os.PathLike[str] = "california_housing.npz",
    test_split: float = 0.2, seed: int = 113,
) -> tuple[Pair, Pair]:  # fmt: skip
    """Return (x_train, y_train), (x_test, y_test), split by a draw that Keras makes too.

    Shapes: x (N, 8), y (N,), float32.

    Args:
        version: "large", or "small" for the first 600 districts.
        path: the file, or its name in the cache.
        test_split: the part that is kept for testing.
        seed: of the draw.
    Raises:
        ConfigError: version is neither, or test_split does not lie between 0 and 1.
        FormatError: the file is damaged.
        ConnectionError: it has to be downloaded and cannot be.
    """
    expect(version in ("large", "small"), "california_housing",
           'version must be "large" or "small"', error=ConfigError, version=version)  # fmt: skip
    rows = 600 if version == "small" else None
    return housing(found(path, f"{GOOGLE}california_housing.npz", SHA256), test_split, seed, rows)
