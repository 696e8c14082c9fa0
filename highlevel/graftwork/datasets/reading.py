"""How the files of data sets are found and read: as arrays of numbers, and as nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graftgrad import formats
from graftgrad.errors import ConfigError, FormatError, expect

from ..data.download import get_file

GOOGLE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
Pair = tuple[NDArray[Any], NDArray[Any]]


def found(path: Any, origin: str, file_hash: str) -> str:
    """Return a file that is there, or the published one from the cache or its publisher."""
    place = Path(path).expanduser()
    if place.is_file():
        return str(place)
    return get_file(os.path.basename(os.fspath(path)), origin, file_hash=file_hash)


def arrays(path: str, *names: str) -> list[NDArray[Any]]:
    """Read arrays of an .npz file.

    Raises:
        FormatError: the file is damaged or lacks one.
    """
    with formats.open_npz(path) as file:
        missing = [name for name in names if name not in file]
        expect(not missing, path, "must hold the arrays of the data set", error=FormatError,
               missing=missing)  # fmt: skip
        return [np.array(file[name]) for name in names]


def idx(path: str, axes: int) -> NDArray[np.uint8]:
    """Read bytes in the IDX format of MNIST's publishers, compressed by gzip.

    Raises:
        FormatError: the file is no such file.
    """
    import gzip  # here: slow to import

    try:
        with gzip.open(path, "rb") as file:
            content = file.read()
    except (OSError, EOFError) as error:
        raise FormatError(f"{path}: must be compressed by gzip; got {error}.") from error
    head = content[: 4 + 4 * axes]
    fits = len(head) == 4 + 4 * axes and head[:4] == bytes([0, 0, 8, axes])
    shape = tuple(int.from_bytes(head[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes))
    size = int(np.prod(shape, dtype=object)) if fits else -1
    expect(fits and size == len(content) - len(head), path,
           f"must hold bytes with {axes} axes in IDX form", error=FormatError,
           begins=content[:4], bytes=len(content))  # fmt: skip
    return np.frombuffer(content, np.uint8, offset=len(head)).reshape(shape)


def housing(path: str, test_split: float, seed: int, rows: int | None = None) -> tuple[Pair, Pair]:
    """Read features and prices, and cut off the last part after a draw as Keras makes it."""
    expect(0 <= test_split < 1, "load_data", "test_split must lie between 0 and 1",
           error=ConfigError, test_split=test_split)  # fmt: skip
    x, y = (one[:rows] for one in arrays(path, "x", "y"))
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    x, y = x[order], y[order]
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


def cifar(folder: str, files: list[str], labels: int, which: int) -> Pair:
    """Read pictures in CIFAR's binary form: for each, `labels` bytes and 3 · 32 · 32 of pixels.

    Raises:
        FormatError: a file is missing or has another length.
    """
    pieces = []
    for name in files:
        place = next(iter(sorted(Path(folder).rglob(name))), None)
        if place is None:
            raise FormatError(f"{folder}: must hold {name}; got no such file.")
        raw = np.fromfile(place, np.uint8)
        expect(raw.size > 0 and raw.size % (labels + 3072) == 0, str(place),
               "must hold whole pictures", error=FormatError, bytes=raw.size)  # fmt: skip
        pieces.append(raw.reshape(-1, labels + 3072))
    rows = np.concatenate(pieces)
    x = rows[:, labels:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(x), rows[:, which : which + 1].copy()
