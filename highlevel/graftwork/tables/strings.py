"""Strings as host data: told apart from numbers, decoded, walked through batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graftgrad.errors import DataError, ShapeError, expect

STRING = "string"  # the name of the element type that no tensor has


class Strings:
    """Strings in the order of an array: a shape, and the elements row by row."""

    def __init__(self, shape: Sequence[int], flat: list[str]) -> None:
        self.shape = tuple(shape)
        self.flat = flat

    def array(self) -> NDArray[Any]:
        """Return them as a host array of text."""
        return np.array(self.flat, dtype=np.str_).reshape(self.shape)


class Blank:
    """Strings without values, from which shapes are found: `unknown` stands for unknown sizes."""

    dtype = STRING
    _keras_mask = None

    def __init__(self, shape: Sequence[int], unknown: int) -> None:
        self.shape = tuple(shape)
        self.ndim = len(self.shape)
        self.unknown = unknown


def is_text(value: Any) -> bool:
    """Tell whether something is an array of text, or stands for one."""
    if isinstance(value, Blank):
        return True
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind == "O":
        first = np.asarray(value).ravel()[:1].tolist()
        return bool(first) and isinstance(first[0], (str, bytes))
    return kind in ("U", "S", "T")


def host_text(value: Any) -> NDArray[Any]:
    """Return an array of text as the host array it is."""
    return np.asarray(value)


def as_strings(subject: str, value: Any, encoding: str = "utf-8") -> Strings:
    """Return strings of what a user passed: a string, nested lists, an array, a column of a table.

    Raises:
        DataError: elements are no text, or no text in this encoding.
        ShapeError: rows differ in length.
    """
    if isinstance(value, (str, bytes)):
        return Strings((), [_decoded(subject, value, encoding)])
    try:
        host = np.asarray(value.to_numpy() if hasattr(value, "to_numpy") else value)
    except ValueError as error:
        raise ShapeError(f"{subject}: rows of strings must have one length; got {error}.") from None
    flat = host.ravel().tolist()
    if host.dtype.kind not in ("U", "T"):
        flat = [_decoded(subject, one, encoding) for one in flat]
    return Strings(host.shape, flat)


def _decoded(subject: str, one: Any, encoding: str) -> str:
    if isinstance(one, bytes):
        try:
            return one.decode(encoding)
        except UnicodeDecodeError as error:
            raise DataError(f"{subject}: bytes must be text in {encoding}; got {error}.") from None
    expect(isinstance(one, str), subject, "the input must hold text", error=DataError, found=one,
           advice="Numbers become text with array.astype(str).")  # fmt: skip
    return str(one)


def batches(subject: str, data: Any, steps: int | None) -> Iterator[tuple[Any, bool]]:
    """Deliver data to adapt to, each with whether it is whole: an array or a list is one piece.

    Anything else delivers batches when it is walked; of a tuple the first entry counts.

    Raises:
        DataError: it is nothing that delivers data.
    """
    whole = isinstance(data, (str, bytes, list, tuple)) or hasattr(data, "shape")
    if whole or hasattr(data, "to_numpy"):
        yield data, True
        return
    expect(isinstance(data, Iterable), f"{subject}.adapt",
           "data must be an array, a list or an iterable of batches", error=DataError,
           data=data)  # fmt: skip
    for batch in islice(iter(data), steps):
        yield (batch[0] if isinstance(batch, tuple) else batch), False


def documents(value: Strings, whole: bool) -> list[list[str]]:
    """Return rows of strings: what is counted together.

    A whole vector is one document for each element, a batch that is a vector is one document.
    """
    if len(value.shape) < 2:
        return [[one] for one in value.flat] if whole else [value.flat]
    size = value.shape[-1] if len(value.shape) == 2 else int(np.prod(value.shape[1:]))
    return [value.flat[i * size : (i + 1) * size] for i in range(value.shape[0])]
