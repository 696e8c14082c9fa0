"""What every weight format shares: the limits, the archive of named arrays, and one way to refuse.

How a file is opened and replaced stands in `file.py`; what its bytes mean, in one file per format.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import ml_dtypes
import numpy as np
import numpy.typing as npt

from ..errors import FormatError, MissingFileError, sentence

Array = npt.NDArray[Any]
DType = np.dtype[Any]
Shape = tuple[int, ...]

BFLOAT16: DType = np.dtype(ml_dtypes.bfloat16)

# Files up to this size may declare this much more than they store: an optimizer's slots are all
# zero at first, and zeros compress a thousandfold.
SMALL = 16 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a file may ask for before it is refused; every format obeys the same.

    Attributes:
        max_bytes: all arrays of a file together, decompressed.
        max_tensors: arrays in a file.
        max_ratio: bytes declared for each byte stored, where more than 16 MiB are declared.
        max_header: bytes of a header, a configuration or an index, and of one attribute.
        max_objects: groups, members, attributes of one object, or nodes of a decoded tree.
        max_depth: how deep groups, JSON and pickled containers may be nested.
        max_opcodes: instructions of one pickle.
        max_axes: axes of an array.
    """

    max_bytes: int = 64 << 30
    max_tensors: int = 100_000
    max_ratio: int = 100
    max_header: int = 32 << 20
    max_objects: int = 1_000_000
    max_depth: int = 100
    max_opcodes: int = 10_000_000
    max_axes: int = 32


DEFAULT_LIMITS = Limits()


def refuse(subject: str, rule: str, advice: str = "", **got: object) -> NoReturn:
    """Raise FormatError in the sentence form of the house."""
    raise FormatError(sentence(subject, rule, got, advice))


def missing(subject: str, rule: str, advice: str = "", **got: object) -> NoReturn:
    """Raise MissingFileError in the sentence form of the house."""
    raise MissingFileError(sentence(subject, rule, got, advice))


def check(condition: bool, subject: str, rule: str, advice: str = "", **got: object) -> None:
    """Refuse the file unless `condition` holds."""
    if not condition:
        refuse(subject, rule, advice, **got)


def array_bytes(subject: str, shape: Shape, dtype: DType, limits: Limits) -> int:
    """Count the bytes of an array before any is allocated; Python's integers cannot overflow."""
    check(
        len(shape) <= limits.max_axes, subject, f"at most {limits.max_axes} axes", axes=len(shape)
    )
    check(all(size >= 0 for size in shape), subject, "no axis may be negative", shape=shape)
    size = math.prod(shape) * dtype.itemsize
    # An empty array may still carry an axis that numpy cannot count.
    longest = max(shape, default=0)
    check(
        max(size, longest) <= limits.max_bytes, subject,
        f"at most max_bytes={limits.max_bytes}", "Raise Limits.max_bytes if the file is honest.",
        shape=shape, dtype=str(dtype),
    )  # fmt: skip
    return size


def check_ratio(subject: str, declared: int, stored: int, limits: Limits) -> None:
    """Refuse what declares far more bytes than it stores."""
    check(
        declared <= max(SMALL, limits.max_ratio * stored), subject,
        f"at most max_ratio={limits.max_ratio} bytes for each byte stored",
        "Raise Limits.max_ratio if the file is honest.", declared=declared, stored=stored,
    )  # fmt: skip


def check_total(subject: str, count: int, declared: int, stored: int, limits: Limits) -> None:
    """Hold all arrays of a file together against the limits."""
    check(
        count <= limits.max_tensors, subject, f"at most max_tensors={limits.max_tensors}",
        "Raise Limits.max_tensors if the file is honest.", tensors=count,
    )  # fmt: skip
    check(
        declared <= limits.max_bytes, subject, f"at most max_bytes={limits.max_bytes} in all",
        "Raise Limits.max_bytes if the file is honest.", declared=declared,
    )  # fmt: skip
    check_ratio(subject, declared, stored, limits)


def check_metadata(subject: str, metadata: Mapping[str, str]) -> None:
    """Check what is to be written beside arrays: text by name."""
    for key, text in metadata.items():
        check(isinstance(key, str) and isinstance(text, str), subject, "metadata must be text",
              key=key, value=text)  # fmt: skip


def view(buffer: memoryview, shape: Shape, dtype: DType, order: Any = "C") -> Array:
    """Look at bytes as an array without copying, or copy where they are not aligned.

    The array is read-only.
    """
    array: Array = np.ndarray(shape, dtype, buffer=buffer, order=order)
    if not array.flags.aligned:
        array = array.copy(order)
    array.flags.writeable = False
    return array


@dataclass(frozen=True, slots=True)
class Entry:
    """One array of a file: known by shape and dtype, read when asked."""

    shape: Shape
    dtype: DType
    read: Callable[[], Array]

    @property
    def nbytes(self) -> int:
        """Bytes the array takes when read."""
        return math.prod(self.shape) * self.dtype.itemsize


class Archive(Mapping[str, Array]):
    """The named arrays of a file, in its order, each read from the file when asked for.

    Arrays may be read-only views of the file's pages, which stay mapped as long as one is held.
    An archive is a context manager; after `close` nothing can be read from it.

    Attributes:
        format: which format it is: "torch", "safetensors", "hdf5", "keras" or "npz".
        metadata: what the file says about itself, as text.
    """

    def __init__(
        self,
        format: str,
        subject: str,
        entries: Mapping[str, Entry],
        metadata: Mapping[str, str] | None = None,
        closing: Callable[[], None] | None = None,
    ) -> None:
        self.format = format
        self.subject = subject
        self.metadata: dict[str, str] = dict(metadata or {})
        # None stands for the arrays of a closed archive, so that the file's pages can be let go.
        self._entries: dict[str, Entry | None] = dict(entries)
        self._closing = closing

    def entry(self, name: str) -> Entry:
        """Find an array by name; a name that is not there is a KeyError, as in any mapping."""
        found = self._entries[name]
        if found is None:
            refuse(self.subject, "the archive must be open", "Read before it is closed.", name=name)
        return found

    def shape(self, name: str) -> Shape:
        """Tell an array's shape without reading it."""
        return self.entry(name).shape

    def dtype(self, name: str) -> DType:
        """Tell an array's element type without reading it."""
        return self.entry(name).dtype

    def __getitem__(self, name: str) -> Array:
        return self.entry(name).read()

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __repr__(self) -> str:
        return f"Archive({self.format}, {len(self)} arrays, {self.subject})"

    def close(self) -> None:
        """Let go of the file."""
        self._entries = dict.fromkeys(self._entries)
        closing, self._closing = self._closing, None
        if closing is not None:
            closing()

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
