"""MNIST: 70,000 pictures of digits, 28 × 28, grey."""

from __future__ import annotations

import os
from pathlib import Path

from .reading import GOOGLE, Pair, arrays, found, idx

SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
FILES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
         "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")  # fmt: skip


def load_data(path: str | os.PathLike[str] = "mnist.npz") -> tuple[Pair, Pair]:
    """Return (x_train, y_train), (x_test, y_test).

    Shapes: x (60000, 28, 28) and (10000, 28, 28) uint8, y (60000,) and (10000,) uint8.

    Args:
        path: the file, or a folder with its publishers' four .gz files; else its name in the cache.
    Raises:
        FormatError: the file is damaged.
        ConnectionError: it has to be downloaded and cannot be.
    """
    if Path(path).expanduser().is_dir():
        return of_folder(Path(path).expanduser())
    names = "x_train", "y_train", "x_test", "y_test"
    x, y, x_test, y_test = arrays(found(path, f"{GOOGLE}mnist.npz", SHA256), *names)
    return (x, y), (x_test, y_test)


def of_folder(folder: Path) -> tuple[Pair, Pair]:
    """Read the four files of a folder."""
    x, y, x_test, y_test = (idx(str(folder / name), 3 if "images" in name else 1) for name in FILES)
    return (x, y), (x_test, y_test)
