"""CIFAR-100: 60,000 pictures in 100 classes of 20 kinds, 32 × 32, in colours.

The publisher's binary form is read; that for Python holds pickled objects.
"""

from __future__ import annotations

import os

from graftgrad.errors import ConfigError, expect

from ..data.download import get_file
from .reading import Pair, cifar

ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"
MD5 = "03b5dce01913d631647c71ecec9e9cb8"


def load_data(
    label_mode: str = "fine", path: str | os.PathLike[str] | None = None
) -> tuple[Pair, Pair]:
    """Return (x_train, y_train), (x_test, y_test).

    Shapes: x (50000, 32, 32, 3) and (10000, 32, 32, 3) uint8, y (50000, 1) and (10000, 1) uint8.

    Args:
        label_mode: "fine" for 100 classes, "coarse" for 20.
        path: a folder with train.bin and test.bin; the cache if None.
    Raises:
        ConfigError: label_mode is neither.
        FormatError: a file is missing or damaged.
        ConnectionError: the files have to be downloaded and cannot be.
    """
    expect(label_mode in ("fine", "coarse"), "cifar100", 'label_mode must be "fine" or "coarse"',
           error=ConfigError, label_mode=label_mode)  # fmt: skip
    folder = get_file("cifar-100-binary.tar.gz", ORIGIN, untar=True, md5_hash=MD5) if (
        path is None) else os.fspath(path)  # fmt: skip
    which = int(label_mode == "fine")
    return cifar(folder, ["train.bin"], 2, which), cifar(folder, ["test.bin"], 2, which)
