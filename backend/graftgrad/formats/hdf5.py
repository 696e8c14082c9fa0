"""HDF5 files read through h5py under suspicion: the whole tree is checked before any array is read.

What Keras never writes is refused: links that leave the file or hide a group, data stored outside,
filters that load code, element types other than plain numbers, shapes that are not stored. How
Keras names its weights in such a tree stands in `keras_layout.py`, writing in `hdf5_write.py`.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from ..errors import FormatError
from . import hdf5_library as h5py
from .base import (
    BFLOAT16,
    DEFAULT_LIMITS,
    SMALL,
    Array,
    DType,
    Entry,
    Limits,
    array_bytes,
    check,
    check_ratio,
    check_total,
    refuse,
)  # fmt: skip
from .file import PathLike, as_path, map_file
from .hdf5_header import texts

SIGNATURE = b"\x89HDF\r\n\x1a\n"
# As the file format numbers them. Gzip, shuffle and fletcher32 are built in; any other filter is a
# library looked up on disk.
_FILTERS = {1, 2, 3}
_FLETCHER32, _CHECKSUM = 3, 4  # a filter, and the bytes that it adds to each chunk
_LAYOUTS = {0, 1, 2}  # compact, contiguous, chunked
_SPACES = {0, 1}  # a scalar, a plain shape
_ELEMENTS = "iuf"

Attribute = str | int | float | bool | list[str] | Array


def sniff(data: memoryview) -> bool:
    """Tell whether the bytes begin like an HDF5 file (one that begins later is refused)."""
    return bytes(data[:8]) == SIGNATURE


class Hdf5File:
    """The groups, attributes and datasets of an HDF5 file, all links checked when it is opened.

    A context manager; datasets can be read until `close`.

    Args:
        source: a path, or the bytes of a file.
        limits: what the file may ask for.
        subject: who speaks in errors, where `source` is bytes.

    Attributes:
        groups: the names in every group, by its path; "" is the root.
        datasets: every dataset by path, in the order of the file.

    Raises:
        FormatError: damaged, or it holds what Keras does not write.
    """

    def __init__(
        self, source: PathLike | bytes, limits: Limits = DEFAULT_LIMITS, *, subject: str = "hdf5"
    ) -> None:
        self.limits = limits
        self.groups: dict[str, list[str]] = {}
        self.datasets: dict[str, Entry] = {}
        if isinstance(source, bytes):
            self.subject, self._data = subject, memoryview(source)
        else:
            self.subject, self._data = str(as_path(source)), map_file(source)
        self.size = len(self._data)
        begins = bytes(self._data[:8])
        check(sniff(self._data), self.subject, "must begin as an HDF5 file", begins=begins)
        with _translated(self.subject):
            # The file is opened by h5py itself: its own reader is faster than reading through us.
            self._file = h5py.File(io.BytesIO(source) if isinstance(source, bytes) else source, "r")
        try:
            with _translated(self.subject):
                self._walk()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Hdf5File:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # the tree

    def _walk(self) -> None:
        """Visit every object once, and check each link before it is followed."""
        waiting = [("", self._file.id, 0)]
        seen: set[int] = {h5py.h5o.get_info(self._file["/"].id).addr}
        count = stored = 0
        while waiting:
            path, group, depth = waiting.pop()
            check(depth <= self.limits.max_depth, self.subject,
                  f"at most max_depth={self.limits.max_depth} levels", path=path)  # fmt: skip
            names = self.groups[path] = self._names(group, path)
            inner = []
            for name in names:
                count += 1
                check(count <= self.limits.max_objects, self.subject,
                      f"at most max_objects={self.limits.max_objects}", objects=count)  # fmt: skip
                child = f"{path}/{name}".lstrip("/")
                found = self._open(group, name, child)
                if isinstance(found, h5py.h5g.GroupID):
                    address = h5py.h5o.get_info(found).addr
                    check(address not in seen, self.subject, "no group may be linked twice",
                          path=child)  # fmt: skip
                    seen.add(address)
                    inner.append((child, found, depth + 1))
                else:
                    self.datasets[child] = self._check_dataset(found, child)
                    stored += found.get_storage_size()
            waiting.extend(reversed(inner))
        total = sum(entry.nbytes for entry in self.datasets.values())
        check_total(self.subject, len(self.datasets), total, self.size, self.limits)

    def _names(self, group: Any, path: str) -> list[str]:
        """List the names in a group; each is one component of a path, and text."""
        members = h5py.Group(group) if path else self._file
        check(len(members) <= self.limits.max_objects, self.subject,
              f"at most max_objects={self.limits.max_objects}", path=path)  # fmt: skip
        names = list(members)
        for name in names:
            plain = isinstance(name, str) and name not in ("", ".", "..") and "/" not in name
            check(plain, self.subject, "names must be one component of a path", name=name)
            link = members.get(name, getlink=True)
            check(isinstance(link, h5py.HardLink), self.subject,
                  "only hard links are followed, none that point elsewhere",
                  path=f"{path}/{name}", kind=type(link).__name__)  # fmt: skip
        return names

    def _open(self, group: Any, name: str, path: str) -> Any:
        place = group if isinstance(group, h5py.h5g.GroupID) else self._file["/"].id
        found = h5py.h5o.open(place, name.encode())
        check(isinstance(found, (h5py.h5g.GroupID, h5py.h5d.DatasetID)), self.subject,
              "may only hold groups and datasets", path=path)  # fmt: skip
        return found

    # datasets

    def _check_dataset(self, dataset: Any, path: str) -> Entry:
        subject = f"{self.subject}: dataset {path!r}"
        plan = dataset.get_create_plist()
        layout = plan.get_layout()
        check(layout in _LAYOUTS and plan.get_external_count() == 0, subject,
              "must be stored in the file itself", layout=layout)  # fmt: skip
        filters = [plan.get_filter(index)[0] for index in range(plan.get_nfilters())]
        check(set(filters) <= _FILTERS, subject, "only gzip, shuffle and fletcher32 are allowed",
              filters=filters)  # fmt: skip
        kind = dataset.get_space().get_simple_extent_type()
        check(kind in _SPACES, subject, "must have a plain shape", space=kind)
        dtype = self._element(dataset, subject)
        shape = tuple(int(size) for size in dataset.shape)
        declared = array_bytes(subject, shape, dtype, self.limits)
        self._check_stored(dataset, plan, declared, subject)
        return Entry(shape, dtype, partial(self._read, path, dtype))

    def _check_stored(self, dataset: Any, plan: Any, declared: int, subject: str) -> None:
        """Hold what the shape says against what the file has."""
        stored = dataset.get_storage_size()
        check(stored <= self.size, subject, "must lie inside the file", stored=stored)
        if plan.get_layout() == h5py.h5d.CHUNKED:
            check_ratio(subject, declared, stored, self.limits)
            width = dataset.get_type().get_size()
            chunk = math.prod(plan.get_chunk()) * width
            check(chunk <= max(SMALL, declared), subject, "chunks no larger than the array",
                  chunk=chunk, declared=declared)  # fmt: skip
            self._check_chunks(dataset, plan, subject)
        else:
            check(stored == declared, subject, "must store as many bytes as its shape says",
                  declared=declared, stored=stored)  # fmt: skip

    def _check_chunks(self, dataset: Any, plan: Any, subject: str) -> None:
        """Hold what the index says of every chunk against the file: the library trusts it."""
        filters = [plan.get_filter(index)[0] for index in range(plan.get_nfilters())]
        least = 1 + _CHECKSUM * (_FLETCHER32 in filters)
        most, count = self.limits.max_objects, 0

        def unfit(chunk: Any) -> Any:
            nonlocal count
            count += 1
            inside = chunk.byte_offset is None or chunk.byte_offset + chunk.size <= self.size
            sound = chunk.size >= least and chunk.filter_mask == 0 and inside and count <= most
            return None if sound else chunk  # anything but None ends the walk

        found = dataset.chunk_iter(unfit)
        check(count <= most, subject, f"at most max_objects={most} chunks", chunks=count)
        check(found is None, subject, "chunks must lie in the file, their filters applied",
              "The file is damaged.", chunk=found)  # fmt: skip

    def _element(self, dataset: Any, subject: str) -> DType:
        """Return the element type: plain numbers, booleans, and bfloat16 as Keras marks it."""
        kind = dataset.get_type()
        group, size = kind.get_class(), kind.get_size()
        if group == h5py.h5t.OPAQUE and size == 2:
            marked = h5py.h5a.exists(dataset, b"dtype")
            note = self._attribute(dataset, "dtype", subject) if marked else ""
            if isinstance(note, str) and note == "bfloat16":
                return BFLOAT16
        if group in (h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.ENUM):
            dtype: DType = np.dtype(kind.dtype)
            # h5py writes booleans as an enumeration of FALSE and TRUE.
            if dtype.kind == "b" or (group != h5py.h5t.ENUM and dtype.kind in _ELEMENTS):
                plain = dtype.itemsize == size and size in (1, 2, 4, 8)
                check(plain, subject, "elements must be numbers of 1, 2, 4 or 8 bytes", size=size)
                native: DType = dtype.newbyteorder("=")
                return native
        refuse(subject, "elements must be plain numbers", type_class=group, size=size)

    def _read(self, path: str, dtype: DType) -> Array:
        subject = f"{self.subject}: dataset {path!r}"
        check(bool(self._file), subject, "must be read before the file is closed", path=path)
        with _translated(subject):
            array = np.asarray(self._file[path][()])
            return array.view(dtype) if array.dtype.kind == "V" else array.astype(dtype, copy=False)

    # attributes

    def attributes(self, path: str = "") -> dict[str, Attribute]:
        """Read all attributes of a group or dataset ("" is the root)."""
        subject = f"{self.subject}: {path or 'root'!r}"
        with _translated(subject):
            place = self._place(path)
            count = h5py.h5a.get_num_attrs(place)
            check(count <= self.limits.max_objects, subject,
                  f"at most max_objects={self.limits.max_objects} attributes",
                  attributes=count)  # fmt: skip
            names = list(h5py.AttributeManager(_Holder(place)))
            return {name: self._attribute(place, name, subject) for name in names}

    def attribute(self, path: str, name: str) -> Attribute | None:
        """Read one attribute, or None where there is none."""
        subject = f"{self.subject}: {path or 'root'!r}"
        with _translated(subject):
            place = self._place(path)
            if not h5py.h5a.exists(place, name.encode()):
                return None
            return self._attribute(place, name, subject)

    def text(self, path: str, name: str) -> str | None:
        """Read an attribute that must be text, or None where there is none."""
        value = self.attribute(path, name)
        if value is not None and not isinstance(value, str):
            refuse(self.subject, f"attribute {name!r} must be text", type=type(value).__name__)
        return value

    def names(self, path: str, name: str) -> list[str] | None:
        """Read a list of names, also one that was split over `name0`, `name1`, … for its length.

        Returns None where there is none.
        """
        value = self.attribute(path, name)
        if value is not None:
            return self._name_list(value, name)
        parts: list[str] = []
        for index in range(self.limits.max_objects):
            value = self.attribute(path, f"{name}{index}")
            if value is None:
                return parts if index else None
            parts += self._name_list(value, name)
            check(len(parts) <= self.limits.max_objects, self.subject,
                  f"at most max_objects={self.limits.max_objects} names",
                  attribute=name)  # fmt: skip
        refuse(self.subject, "a list of names must end", attribute=name)

    def _name_list(self, value: Attribute, name: str) -> list[str]:
        if isinstance(value, list):
            return value
        # An empty list is written as an array of no numbers.
        empty = isinstance(value, np.ndarray) and value.size == 0
        check(empty, self.subject, f"attribute {name!r} must be a list of names",
              type=type(value).__name__)  # fmt: skip
        return []

    def _place(self, path: str) -> Any:
        known = path in self.datasets or path in self.groups
        check(known, self.subject, "there must be such a group or dataset", path=path)
        return self._file[path or "/"].id

    def _attribute(self, place: Any, name: str, subject: str) -> Attribute:
        """Read an attribute after its type and size were looked at."""
        found = h5py.h5a.open(place, name.encode())
        kind, space = found.get_type(), found.get_space()
        subject = f"{subject}: attribute {name!r}"
        check(
            space.get_simple_extent_type() in _SPACES,
            subject,
            "must have a plain shape",
            space=space.get_simple_extent_type(),
        )
        count, group = space.get_simple_extent_npoints(), kind.get_class()
        check(group in (h5py.h5t.STRING, h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.ENUM), subject,
              "must be text or numbers", type_class=group)  # fmt: skip
        size = count * kind.get_size()
        most = self.limits.max_header
        check(size <= most, subject, f"at most max_header={most} bytes", bytes=size)
        if group == h5py.h5t.STRING and kind.is_variable_str():
            address = h5py.h5o.get_info(place).addr
            found_texts = texts(self._data, address, name, count, most, subject)
            listed = [_text(one) for one in found_texts]
            axes = space.get_simple_extent_ndims()
            check(axes <= 1, subject, "must be a list of texts", axes=axes)
            return listed if axes else listed[0]
        value = h5py.AttributeManager(_Holder(place))[name]
        return self._plain(value, subject)

    def _plain(self, value: Any, subject: str) -> Attribute:
        """Take a value of numbers, or of texts of one length, whose size was looked at."""
        if isinstance(value, (str, bytes)):
            return _text(value)
        if isinstance(value, np.ndarray) and value.dtype.kind == "S":
            check(value.ndim == 1, subject, "must be a list of texts", shape=value.shape)
            return [_text(item) for item in value]
        array = np.asarray(value)
        return array.item() if array.ndim == 0 else array


def _text(value: str | bytes) -> str:
    text = value if isinstance(value, str) else bytes(value).decode("utf-8")
    # h5py lets bytes through that are not UTF-8, as lone surrogates.
    text.encode("utf-8")
    return text


class _Holder:
    """What h5py's manager of attributes wants to be given: something with an `id`."""

    def __init__(self, identity: Any) -> None:
        self._id = self.id = identity


@contextmanager
def _translated(subject: str) -> Iterator[None]:
    """Turn whatever h5py raises over a damaged file into FormatError."""
    try:
        yield
    except FormatError:
        raise
    # h5py reports damage as OSError, RuntimeError, KeyError, ValueError, TypeError and more.
    except Exception as failure:
        reason = f"{type(failure).__name__}: {failure}".split("\n")[0][:160]
        raise_from = FormatError(
            f"{subject}: must be a sound HDF5 file; got reason={reason!r}. "
            "The file is truncated or damaged."
        )
        raise raise_from from failure
