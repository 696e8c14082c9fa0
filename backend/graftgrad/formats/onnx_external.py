"""Numbers of an ONNX model that lie in a file beside it, its "external data".

The file is named by the model, so its name must be plain and it must lie in the model's own folder:
no folders, links, second names of other files or devices. It is looked at before it is opened, and
what was opened must be what was looked at; where the model tells its checksum, it must have that.
"""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

from .base import check, refuse
from .file import is_plain_name
from .protobuf import fields

_KEY, _VALUE = 1, 2  # fields of a StringStringEntryProto
_KNOWN = ("location", "offset", "length", "checksum")
_MOST_ENTRIES, _MOST_FILES = 16, 10_000
_DIGITS = set("0123456789abcdef")
_INSIDE = "Save the model with its data inside, save_as_external_data=False."
_NAME = "external data must be named by a plain file name, in the folder of the model"


class ExternalFiles:
    """The files beside a model that hold its numbers.

    Args:
        folder: that of the model.
        subject: who speaks in errors.
    """

    def __init__(self, folder: Path, subject: str) -> None:
        self.folder = folder
        self.subject = subject
        self.found: dict[str, os.stat_result] = {}
        self.open: tuple[str, memoryview] | None = None
        self.checksums: dict[str, str] = {}  # SHA-1 of whole files, as the model tells them
        self.sound: set[str] = set()

    @property
    def stored(self) -> int:
        """Bytes of all files together."""
        return sum(status.st_size for status in self.found.values())

    def place(self, told: list[memoryview], size: int, what: str) -> Callable[[], memoryview]:
        """Find the bytes of a tensor; the file is opened when they are read.

        Args:
            told: the entries that say where they lie.
            size: how many bytes the tensor has.
            what: who speaks in errors.

        Raises:
            FormatError: the file has no plain name, is none of its own, or ends before the tensor.
        """
        entries = self._entries(told, what)
        name = entries.get("location", "")
        check(is_plain_name(name), what, _NAME, _INSIDE, location=name[:200])
        offset = _number(entries.get("offset", "0"), what)
        length = _number(entries.get("length", str(size)), what)
        check(length == size, what, "external data must have as many bytes as its shape says",
              length=length, bytes=size)  # fmt: skip
        if "checksum" in entries:
            self._promise(name, entries["checksum"].lower(), what)
        status = self._status(name, what)
        check(offset + size <= status.st_size, what, "external data must lie inside their file",
              "The file is truncated, or belongs to another model.", offset=offset, length=size,
              bytes=status.st_size)  # fmt: skip
        return partial(self._read, name, offset, offset + size)

    def _entries(self, told: list[memoryview], what: str) -> dict[str, str]:
        check(len(told) <= _MOST_ENTRIES, what, f"at most {_MOST_ENTRIES} words on external data",
              entries=len(told))  # fmt: skip
        entries: dict[str, str] = {}
        for one in told:
            pair = {field: value for field, _, value in fields(one, what)}
            key, value = (
                bytes(part[:4096]).decode("utf-8", "replace")
                if isinstance(part := pair.get(field, memoryview(b"")), memoryview)
                else ""
                for field in (_KEY, _VALUE)
            )
            check(key in _KNOWN and key not in entries, what,
                  f"external data are told by {_KNOWN}, each once", key=key[:100])  # fmt: skip
            entries[key] = value
        return entries

    def _promise(self, name: str, checksum: str, what: str) -> None:
        """Keep what the model says of a file, until the file is read."""
        check(len(checksum) == 40 and set(checksum) <= _DIGITS, what,
              "the checksum of external data must be a SHA-1 of 40 hexadecimal digits",
              checksum=checksum[:80])  # fmt: skip
        known = self.checksums.setdefault(name, checksum)
        check(known == checksum, what, "a file of external data has one checksum", file=name,
              checksums=[known, checksum])  # fmt: skip

    def _status(self, name: str, what: str) -> os.stat_result:
        """Look at a file without opening it."""
        if name not in self.found:
            check(
                len(self.found) < _MOST_FILES,
                what,
                f"at most {_MOST_FILES} files",
                files=len(self.found) + 1,
            )
            try:
                status = os.lstat(self.folder / name)
            except (OSError, ValueError):
                refuse(what, "the file of external data must lie beside the model",
                       "Copy or download it too, under its own name.", missing=name)  # fmt: skip
            check(stat.S_ISREG(status.st_mode), what,
                  "external data must lie in a file, not in a link or device", _INSIDE,
                  file=name)  # fmt: skip
            check(status.st_nlink == 1, what, "the file of external data must have one name only",
                  "Copy the file itself into the folder.", file=name,
                  names=status.st_nlink)  # fmt: skip
            self.found[name] = status
        return self.found[name]

    def _read(self, name: str, start: int, end: int) -> memoryview:
        # One mapping at a time: where every tensor has a file, there are too many to be kept open.
        if self.open is None or self.open[0] != name:
            data = self._map(name)
            self._verify(name, data)
            self.open = (name, data)
        return self.open[1][start:end]

    def _verify(self, name: str, data: memoryview) -> None:
        """Hold a file against its checksum, once."""
        if name not in self.checksums or name in self.sound:
            return
        import hashlib  # here: few models tell checksums

        found = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        check(found == self.checksums[name], self.subject,
              "the file of external data must have the checksum that the model tells",
              "It is damaged, or belongs to another model.", file=name, sha1=found,
              told=self.checksums[name])  # fmt: skip
        self.sound.add(name)

    def _map(self, name: str) -> memoryview:
        """Map a file into memory that is still the one that was looked at."""
        known = self.found[name]
        if known.st_size == 0:
            return memoryview(b"")
        flags = os.O_RDONLY
        for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
            flags |= getattr(os, flag, 0)
        try:
            handle = os.open(self.folder / name, flags)
        except OSError as failure:
            self._exchanged(name, failure.strerror or str(failure))
        try:
            now = os.fstat(handle)
            same = [
                (one.st_dev, one.st_ino, one.st_size, one.st_nlink, one.st_mode)
                for one in (known, now)
            ]
            if same[0] != same[1]:
                self._exchanged(name, "it has changed")
            return memoryview(mmap.mmap(handle, 0, access=mmap.ACCESS_READ))
        finally:
            os.close(handle)

    def _exchanged(self, name: str, reason: str) -> NoReturn:
        refuse(self.subject, "the file of external data must stay as it was while it is read",
               file=name, reason=reason)  # fmt: skip


def _number(text: str, what: str) -> int:
    sound = text.isascii() and text.isdigit() and len(text) <= 19
    check(sound, what, "offset and length of external data must be whole numbers",
          number=text[:40])  # fmt: skip
    return int(text)
