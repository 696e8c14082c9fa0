"""CIFAR-10: 60,000 pictures in 10 classes, 32 × 32, in colours.

The publisher's binary form is read; that for Python holds pickled objects.
"""

from __future__ import annotations

import os

from ..data.download import get_file
from .reading import Pair, cifar

ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"


def load_data(path: str | os.PathLike[str] | None = None) -> tuple[Pair, Pair]:
    """Return (x_train, y_train), (x_test, y_test).

    Shapes: x (50000, 32, 32, 3) and (10000, 32, 32, 3) uint8, y (50000, 1) and (10000, 1) uint8.

    Args:
        path: a folder with the files data_batch_1.bin and so on; the cache if None.
    Raises:
        FormatError: a file is missing or damaged.
        ConnectionError: the files have to be downloaded and cannot be.
    """
    folder = get_file("cifar-10-binary.tar.gz", ORIGIN, untar=True, md5_hash=MD5) if (
        path is None) else os.fspath(path)  # fmt: skip
    files = [f"data_batch_{i}.bin" for i in range(1, 6)]
    return cifar(folder, files, 1, 0), cifar(folder, ["test_batch.bin"], 1, 0)
