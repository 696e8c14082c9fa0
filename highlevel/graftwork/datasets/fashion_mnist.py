"""Fashion-MNIST: 70,000 pictures of clothes, 28 × 28, grey. MIT licence, Zalando SE."""

from __future__ import annotations

import os
from pathlib import Path

from ..data.download import get_file
from .mnist import FILES, of_folder
from .reading import GOOGLE, Pair


def load_data(path: str | os.PathLike[str] | None = None) -> tuple[Pair, Pair]:
    """Return (x_train, y_train), (x_test, y_test).

    Shapes: x (60000, 28, 28) and (10000, 28, 28) uint8, y (60000,) and (10000,) uint8.

    Args:
        path: a folder with the four .gz files; the cache if None.
    Raises:
        FormatError: a file is damaged.
        ConnectionError: a file has to be downloaded and cannot be.
    """
    if path is not None:
        return of_folder(Path(path).expanduser())
    places = [
        get_file(name, GOOGLE + name, cache_subdir="datasets/fashion-mnist") for name in FILES
    ]
    return of_folder(Path(places[0]).parent)
