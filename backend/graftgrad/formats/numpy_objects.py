"""What numpy's names in a pickle stand for: numbers and plain arrays kept beside the weights."""

from __future__ import annotations

import math
import re

import numpy as np

from .base import Array, DType, check, refuse
from .plain_objects import Arguments, Global

_PLAIN = re.compile(r"[<>|=]?[biufc][0-9]{1,2}")
_FORGOTTEN = re.compile(r"[<>|=]?[US][0-9]{1,6}")


class DTypeRecord:
    """An element type of plain numbers; arrays of texts are let go.

    Attributes:
        dtype: the type; bytes where `kept` is false.
        kept: whether the elements are numbers.
    """

    def __init__(self, arguments: Arguments) -> None:
        text = arguments[0] if arguments else None
        self.kept = not (isinstance(text, str) and _FORGOTTEN.fullmatch(text))
        if not self.kept:
            self.dtype: DType = np.dtype("u1")
            return
        if not isinstance(text, str) or not _PLAIN.fullmatch(text):
            refuse("numpy.dtype", "must be plain numbers", descr=str(text)[:20])
        try:
            self.dtype = np.dtype(text)
        except TypeError:
            refuse("numpy.dtype", "must be plain numbers", descr=text)

    def build(self, state: object) -> None:
        """Take over the byte order, all a plain type's state says."""
        order = state[1] if isinstance(state, tuple) and len(state) >= 2 else None
        if not isinstance(order, str) or order not in {"<", ">", "|", "="}:
            refuse("numpy.dtype", "its state must give a byte order", type=type(state).__name__)
        self.dtype = self.dtype.newbyteorder(order)  # type: ignore[arg-type]


class ArrayRecord:
    """An array that is filled by its state; none where its elements are no numbers."""

    def __init__(self) -> None:
        self.array: Array | None = None

    def build(self, state: object) -> None:
        """Take over (version, shape, dtype, column-major, bytes)."""
        subject = "numpy.ndarray"
        if not isinstance(state, tuple) or len(state) != 5:
            refuse(subject, "its state must have five parts", type=type(state).__name__)
        _, shape, record, columns, raw = state
        if isinstance(record, DTypeRecord) and not record.kept:
            return
        if not isinstance(record, DTypeRecord) or not isinstance(raw, bytes):
            refuse(
                subject,
                "its state must hold a plain dtype and bytes",
                dtype=type(record).__name__,
                values=type(raw).__name__,
            )
        if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
            refuse(subject, "its shape must be sizes", type=type(shape).__name__)
        size = math.prod(shape) * record.dtype.itemsize
        check(size == len(raw) and len(shape) <= 32 and max(shape, default=0) < 1 << 48, subject,
              "must hold as many bytes as its shape says", bytes=len(raw))  # fmt: skip
        self.array = np.ndarray(shape, record.dtype, raw, order="F" if columns is True else "C")


def _scalar(arguments: Arguments) -> object:
    """Make a Python number from an element type and its bytes."""
    record, raw = arguments if len(arguments) == 2 else (None, None)
    if not isinstance(record, DTypeRecord) or not isinstance(raw, bytes):
        refuse("numpy scalar", "takes a plain dtype and bytes", arguments=len(arguments))
    if not record.kept:
        return raw
    check(len(raw) == record.dtype.itemsize, "numpy scalar", "must hold one element",
          bytes=len(raw))  # fmt: skip
    return np.frombuffer(raw, record.dtype)[0].item()


def _reconstruct(arguments: Arguments) -> ArrayRecord:
    """Make the empty array that a state will fill."""
    kind = arguments[0] if arguments else None
    plain = isinstance(kind, Global) and kind.name == "numpy.ndarray"
    check(plain, "numpy _reconstruct", "must make a plain array", type=type(kind).__name__)
    return ArrayRecord()


NUMPY_GLOBALS: tuple[Global, ...] = (
    Global("numpy.dtype", DTypeRecord),
    Global("numpy.ndarray"),
    *(Global(f"numpy.{core}.multiarray.scalar", _scalar) for core in ("core", "_core")),
    *(Global(f"numpy.{core}.multiarray._reconstruct", _reconstruct) for core in ("core", "_core")),
)
