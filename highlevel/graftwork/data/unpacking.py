"""Archives unpacked into a folder of their own, which appears whole or not at all.

A folder that is replaced is put aside first, the new one takes its place, and then the old one is
removed: a process that is killed in between leaves one of them whole, and the next call finds it.

Members outside of the folder, links and devices are refused before anything is written, and no more
bytes come out than an archive of its size can honestly hold. Where archives come from stands in
`download.py`.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

from graftgrad.errors import ConfigError, FormatError, expect, sentence
from graftgrad.formats import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    import tarfile
    import zipfile

SUBJECT = "get_file"
CHUNK = 1 << 20
_SMALL = 64 << 20  # so much may come out of the smallest archive
# What the system says where it cannot write, whatever is written.
_DISK = {
    errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE,
    errno.ENFILE, getattr(errno, "EDQUOT", errno.ENOSPC),
}  # fmt: skip
_HEADS = ((b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\xfd7zXZ\0", "lzma"))


def unpack(archive: Path, place: Path, kind: Any = "auto", limits: Limits = DEFAULT_LIMITS) -> None:
    """Unpack an archive into a folder.

    Args:
        archive: the file.
        place: the folder; one that is there is replaced.
        kind: "auto", "tar", "zip", or a list of them.
        limits: how much may come out.
    Raises:
        ConfigError: the kind is not known.
        FormatError: it is no such archive, it is damaged, a member is no plain file or folder
            within it, or more comes out than `limits` let.
        OSError: the disk is full or cannot be written; what was unpacked is removed again.
    """
    kinds = [kind] if isinstance(kind, str) else list(kind or ())
    expect(all(one in ("auto", "tar", "zip") for one in kinds), SUBJECT,
           'archive_format must be "auto", "tar", "zip" or None', error=ConfigError,
           archive_format=kind)  # fmt: skip
    recover(place)
    draft = _beside(place, "new")
    draft.mkdir()
    try:
        with _reading(archive):
            _into(archive, draft, kinds, limits)
        _put(draft, place)
    finally:
        _remove(draft)


def recover(place: Path) -> None:
    """Put a folder back that a process had put aside when it was killed, and clear what it left.

    Args:
        place: the folder; no other process may be unpacking into it.
    """
    aside = _beside(place, "old")
    if os.path.lexists(aside):
        if os.path.lexists(place):
            _discard(aside, place)
        else:
            os.replace(aside, place)
    for what in ("new", "gone"):
        _remove(_beside(place, what))


def _put(draft: Path, place: Path) -> None:
    """Let a finished folder take its place; at each moment the old or the new one is there."""
    if not os.path.lexists(place):
        os.replace(draft, place)
        return
    aside = _beside(place, "old")
    os.replace(place, aside)
    try:
        os.replace(draft, place)
    except OSError:
        os.replace(aside, place)
        raise
    _discard(aside, place)


def _discard(aside: Path, place: Path) -> None:
    """Remove a folder that nobody needs; under another name, for half of it must not come back."""
    gone = _beside(place, "gone")
    _remove(gone)
    os.replace(aside, gone)
    _remove(gone)


def _beside(place: Path, what: str) -> Path:
    """Return the hidden place of the new folder, the old one, or one that is being removed."""
    return place.with_name(f".{place.name}.{what}")


def _remove(path: Path) -> None:
    """Remove a folder with all that is in it; of a link the link alone."""
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, ignore_errors=True)


class _Unwritten(OSError):
    """The disk, not the archive, failed."""


@contextmanager
def _writing(where: Path) -> Iterator[None]:
    """Tell a disk that is full from an archive that is broken."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK:  # a file in the place of a folder: the archive's fault
            raise
        text = f"{error.strerror}; nothing of the archive was kept"
        raise _Unwritten(error.errno, text, str(where)) from error


@contextmanager
def _reading(archive: Path) -> Iterator[None]:
    """Let nothing but errors of ours out while an archive is read."""
    import lzma
    import struct
    import tarfile
    import zipfile
    import zlib

    damaged = (
        tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError,
        OSError, RuntimeError, NotImplementedError, ValueError, LookupError, OverflowError,
    )  # fmt: skip
    try:
        yield
    except (FormatError, _Unwritten):
        raise
    except damaged as error:
        raise FormatError(f"{archive}: must be an archive that is whole; got {error}.") from error


def _into(archive: Path, draft: Path, kinds: list[str], limits: Limits) -> None:
    import tarfile
    import zipfile

    meter = Meter(archive, limits)
    if {"auto", "zip"} & {*kinds} and zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            _unzip(file, draft, meter)
    elif {"auto", "tar"} & {*kinds}:
        with ExitStack() as stack:
            stream = Bounded(stack.enter_context(_plain(archive)), meter.most, meter.subject)
            try:
                tar = stack.enter_context(tarfile.open(fileobj=stream, mode="r:"))
            except tarfile.ReadError:
                _no_archive(archive, kinds)
            _untar(tar, draft, meter)
            while stream.read(CHUNK):  # the checksum of what was compressed stands at its end
                pass
    else:
        _no_archive(archive, kinds)


def _no_archive(archive: Path, kinds: list[str]) -> NoReturn:
    raise FormatError(sentence(SUBJECT, "must be an archive of the kind asked for",
                               {"file": archive.name, "archive_format": kinds}))  # fmt: skip


class Meter:
    """Counts what comes out of an archive, and refuses what is too much."""

    def __init__(self, archive: Path, limits: Limits) -> None:
        self.subject = archive.name
        stored = archive.stat().st_size
        self.most = min(limits.max_bytes, max(_SMALL, limits.max_ratio * stored))
        self.members = limits.max_objects
        self.count = self.files = 0

    def member(self) -> None:
        """Count one member."""
        self.files += 1
        expect(self.files <= self.members, self.subject,
               f"at most max_objects={self.members} members", error=FormatError)  # fmt: skip

    def copy(self, source: IO[bytes], where: Path) -> None:
        """Copy a member, as long as it is not too much."""
        self.folder(where.parent)
        with _writing(where):
            sink = open(where, "wb", buffering=0)
        with sink:
            while chunk := source.read(CHUNK):
                self.count += len(chunk)
                _allow(self.count, self.most, self.subject)
                rest = memoryview(chunk)
                while rest:
                    with _writing(where):
                        rest = rest[sink.write(rest) :]

    def folder(self, where: Path) -> None:
        """Make a folder and those above it."""
        with _writing(where):
            where.mkdir(parents=True, exist_ok=True)


def _allow(count: int, most: int, subject: str) -> None:
    expect(count <= most, subject, f"at most {most} bytes may come out of an archive of its size",
           error=FormatError, advice="Nothing was kept. If it is honest, unpack it yourself and "
           "pass the folder.")  # fmt: skip


class Bounded(io.RawIOBase):
    """A stream that ends in an error where too much has come out of it."""

    def __init__(self, stream: Any, most: int, subject: str) -> None:
        self.stream, self.most, self.subject = stream, most, subject

    def read(self, size: int = -1) -> bytes:
        """Read no more than is left, and say when it is too much."""
        left = self.most + 1 - self.stream.tell()
        data: bytes = self.stream.read(left if size < 0 else min(size, left))
        _allow(self.stream.tell(), self.most, self.subject)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move within what may come out."""
        if whence == 0:
            _allow(offset, self.most, self.subject)
        found: int = self.stream.seek(offset, whence)
        return found

    def tell(self) -> int:
        """Tell the position."""
        found: int = self.stream.tell()
        return found

    def seekable(self) -> bool:
        """Say that it can be moved."""
        return True

    def readable(self) -> bool:
        """Say that it can be read."""
        return True


def _plain(archive: Path) -> Any:
    """Open an archive, through the decompression that its first bytes ask for."""
    import importlib

    with open(archive, "rb") as file:
        head = file.read(8)
    for begin, module in _HEADS:
        if head.startswith(begin):
            return importlib.import_module(module).open(archive, "rb")
    return open(archive, "rb")


def _within(draft: Path, name: str, subject: str) -> Path:
    """Return the place of a member."""
    parts = name.replace("\\", "/").split("/")
    sound = not (name.startswith(("/", "\\")) or ".." in parts or "\0" in name or ":" in parts[0])
    expect(sound, subject, "members must lie within the archive's own folder", error=FormatError,
           member=name[:200], advice="Nothing was unpacked.")  # fmt: skip
    return draft.joinpath(*[part for part in parts if part not in ("", ".")])


def _unzip(file: zipfile.ZipFile, draft: Path, meter: Meter) -> None:
    members = [(one, _within(draft, one.filename, meter.subject)) for one in file.infolist()]
    for one, _ in members:
        meter.member()
        mode = one.external_attr >> 16
        plain = one.is_dir() or stat.S_IFMT(mode) in (0, stat.S_IFREG)
        expect(plain, meter.subject, "members must be files or folders", error=FormatError,
               member=one.filename)  # fmt: skip
    _allow(sum(one.file_size for one, _ in members), meter.most, meter.subject)
    for one, where in members:
        if one.is_dir():
            meter.folder(where)
            continue
        with file.open(one) as source:
            meter.copy(source, where)


def _untar(file: tarfile.TarFile, draft: Path, meter: Meter) -> None:
    members: list[tuple[tarfile.TarInfo, Path]] = []
    for one in file:
        meter.member()
        members.append((one, _within(draft, one.name, meter.subject)))
        expect(one.isfile() or one.isdir(), meter.subject, "members must be files or folders",
               error=FormatError, member=one.name[:200],
               advice="Links and devices are not unpacked.")  # fmt: skip
    _allow(sum(one.size for one, _ in members), meter.most, meter.subject)
    for one, where in members:
        if one.isdir():
            meter.folder(where)
            continue
        source = file.extractfile(one)
        expect(source is not None, meter.subject, "members must hold bytes", error=FormatError,
               member=one.name[:200])  # fmt: skip
        assert source is not None
        with source:
            meter.copy(source, where)
