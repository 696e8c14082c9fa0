"""What networks trained on ImageNet share: how pictures go in, what predictions mean."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from graftgrad.errors import FormatError, ShapeError, expect

from .pixels import preprocess
from .weights import Entry, downloaded

CLASSES = Entry(
    "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",
    "", "the names of ImageNet-1k's classes", md5="c2c37ea517e94d9795004a39431a14cb",
)  # fmt: skip


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Bring pictures from 0 … 255 to the numbers that networks were trained on.

    Args:
        x: an array or tensor of colour pictures; it is not changed.
        data_format: "channels_last" or "channels_first".
        mode: "tf": x / 127.5 − 1; "torch": (x / 255 − mean) / deviation; "caffe": blue first,
            less the mean.
    Raises:
        DataError: x is no array of colour pictures.
        ConfigError: mode or data_format is not known.
    """
    return preprocess(x, mode, data_format)


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """Return the likeliest classes of every picture: WordNet's identifier, name, prediction.

    Args:
        preds: predictions, (N, 1000).
        top: how many are told of each picture.
    Raises:
        ShapeError: there are not 1000 classes.
        ConnectionError: the names have to be downloaded once and cannot be.
    """
    shape = tuple(getattr(preds, "shape", ()))
    expect(len(shape) == 2 and shape[1] == 1000, "decode_predictions",
           "preds must be predictions of ImageNet's classes, (N, 1000)", error=ShapeError,
           preds=shape)  # fmt: skip
    names = class_names()
    rows = preds.tolist()
    found = []
    for row in rows:
        best = sorted(range(1000), key=row.__getitem__, reverse=True)[:top]
        found.append([(*names[i], row[i]) for i in best])
    return found


@cache
def class_names() -> list[tuple[str, str]]:
    """Return WordNet's identifier and the name of every class of ImageNet-1k, downloaded once.

    Raises:
        ConnectionError: the file cannot be downloaded.
        FormatError: the file is not what was published.
    """
    path = downloaded(CLASSES, otherwise="")
    table = json.loads(path.read_text(encoding="utf-8"))
    sound = isinstance(table, dict) and all(
        isinstance(table.get(str(i)), list) and len(table[str(i)]) == 2 for i in range(1000)
    )
    expect(sound, f"file {path}", "must hold the names of 1000 classes", error=FormatError,
           entries=len(table))  # fmt: skip
    return [(str(table[str(i)][0]), str(table[str(i)][1])) for i in range(1000)]
