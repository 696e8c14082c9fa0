"""Files fetched once into a cache that several processes share, continued where they broke off.

A download goes into `<file>.part`; what is there already is asked for no more (RFC 9110, Range).
Only a file whose checksum fits takes its final name, in one step. The operating system's lock on
`<file>.lock` lets one process fetch while others wait; it ends with the process that holds it.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graftgrad.errors import FormatError, expect, sentence

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_CHUNK = 1 << 20
_MOST_BYTES = 4 << 30
_TRIES = 4  # connections that may break or servers that may fail before it is said
_PAUSE = 0.5  # seconds before the second try; doubled each time
_PATIENCE = 3600.0  # seconds to wait for another process


@dataclass(frozen=True, slots=True)
class Entry:
    """A file at its publisher's address.

    Attributes:
        url: the address.
        sha256: the checksum of the file, or the beginning of it where the publisher gives no more
            (the PyTorch project writes the first eight digits into the file's name).
        what: what is in it.
        md5: the checksum that Keras publishes in place of it. Of some files nobody publishes
            either.
        size: how many bytes it has, about; 0 where the publisher does not say.
        licence: under which it is published; "" where the publisher does not say.
    """

    url: str
    sha256: str
    what: str
    md5: str = ""
    size: int = 0
    licence: str = ""

    @property
    def file(self) -> str:
        """The name of the file."""
        return self.url.rsplit("/", 1)[-1]

    def fits(self, path: Path) -> bool:
        """Tell whether a file is what was published."""
        if self.sha256:
            return checksum(path, "sha256").startswith(self.sha256)
        return not self.md5 or checksum(path, "md5") == self.md5


def cache_folder() -> Path:
    """Return where downloads are kept: GRAFTWORK_HOME, or `graftwork` in the user's cache."""
    home = os.environ.get("GRAFTWORK_HOME")
    if home:
        return Path(home).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "graftwork"


def downloaded(entry: Entry) -> Path:
    """Return the cached file of an entry, downloading it if it is not there.

    Raises:
        FormatError: the checksum differs; nothing is kept.
        ConnectionError: the publisher cannot be reached; what was received is kept and continued.
        TimeoutError: another process has been downloading the file for an hour.
        OSError: the cache cannot be written.
    """
    target = cache_folder() / entry.file
    if target.is_file() and entry.fits(target):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target):
        if target.is_file() and entry.fits(target):
            return target  # another process was faster
        part = target.with_name(target.name + ".part")
        continued = _fetch(entry, part)
        if continued and not entry.fits(part):
            # Its beginning may be of an older file at that address.
            part.unlink()
            _fetch(entry, part)
        kind = "sha256" if entry.sha256 else "md5"
        if not entry.fits(part):
            found = checksum(part, kind)
            part.unlink()
            expect(False, f"download of {entry.file}",
                   "the checksum must be that of the published file", error=FormatError,
                   expected=entry.sha256 or entry.md5, found=found,
                   advice="Nothing was kept; try again.")  # fmt: skip
        os.replace(part, target)
    return target


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Hold the lock of a file; wait for a process that holds it.

    Raises:
        TimeoutError: it waited for an hour.
    """
    path = target.with_name(target.name + ".lock")
    until = time.monotonic() + _PATIENCE
    with open(path, "ab") as file:
        while not _locked(file):
            if time.monotonic() > until:
                raise TimeoutError(sentence(
                    f"download of {target.name}", "another process must end its download",
                    {"waited": f"{_PATIENCE:g} s", "lock": str(path)},
                    "Is there a process that hangs? Its lock ends with it.",
                ))  # fmt: skip
            time.sleep(0.05)
        yield  # closing the file gives the lock back


def _locked(file: Any) -> bool:
    """Take the lock of an open file if nobody has it."""
    try:
        if sys.platform == "win32":
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        raise
    return True


def _fetch(entry: Entry, part: Path) -> bool:
    """Fill `part` up to the published length; tell whether it began with what was there.

    Raises:
        ConnectionError: the publisher cannot be reached, or fails again and again.
        FormatError: the file is larger than any network's.
    """
    # here, since they are slow to import and most programs download nothing
    import http.client
    import urllib.error

    from tqdm.auto import tqdm

    if not (entry.sha256 or entry.md5):
        part.unlink(missing_ok=True)  # nothing would tell whether the two halves belong together
    begun = part.stat().st_size if part.exists() else 0
    with tqdm(total=entry.size or None, desc=entry.file, unit="B", unit_scale=True) as bar:
        for attempt in range(_TRIES):
            held = part.stat().st_size if part.exists() else 0
            try:
                if _received(entry, part, held, bar):
                    return begun > 0
                reason: Any = "a connection that broke off"
            except (http.client.HTTPException, OSError) as error:
                reason = error
                status = None
                if isinstance(error, urllib.error.HTTPError):
                    status = error.code
                    error.close()
                absent = isinstance(error, urllib.error.URLError) and status is None
                if absent or (status is not None and status < 500 and status != 429):
                    break
                if isinstance(error, _Unwritten):
                    assert error.__cause__ is not None
                    raise error.__cause__ from None
            if attempt < _TRIES - 1:
                time.sleep(_PAUSE * 2**attempt)
    if not (entry.sha256 or entry.md5):
        part.unlink(missing_ok=True)
    held = part.stat().st_size if part.exists() else 0
    kept = f" The {held} bytes that were received are kept and will be continued." if held else ""
    cause = reason if isinstance(reason, BaseException) else None
    raise ConnectionError(
        f"download of {entry.file}: {entry.url} must be reachable; got {reason}. Offline, "
        f"put the file into {cache_folder()} or pass its path as weights=.{kept}"
    ) from cause


class _Unwritten(OSError):
    """The cache, not the connection, failed."""


def _received(entry: Entry, part: Path, held: int, bar: Any) -> bool:
    """Ask for what is missing and append it; tell whether the file is whole now."""
    import urllib.error
    import urllib.request

    wanted = {"Range": f"bytes={held}-"} if held else {}
    request = urllib.request.Request(entry.url, headers=wanted)
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not held:
            raise
        whole = re.fullmatch(r"bytes \*/(\d+)", error.headers.get("Content-Range") or "")
        error.close()
        if whole and int(whole[1]) == held:
            return True  # nothing was missing but the new name
        part.unlink()  # longer than what is published: not this file
        return False
    with answer:
        begins = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range") or "")
        if answer.status != 206 or not begins or int(begins[1]) != held:
            held = 0  # the server sends all of it
        length = answer.headers.get("Content-Length")
        total = held + int(length) if length else None
        bar.total, bar.n = total or entry.size or None, held
        bar.refresh()
        expect((total or 0) <= _MOST_BYTES, f"download of {entry.file}",
               "must not be larger than 4 GiB", error=FormatError, bytes=total)  # fmt: skip
        with open(part, "r+b" if held else "wb") as file:
            file.seek(held)
            while chunk := answer.read(_CHUNK):
                held += len(chunk)
                expect(held <= _MOST_BYTES, f"download of {entry.file}",
                       "must not be larger than 4 GiB", error=FormatError, bytes=held)  # fmt: skip
                _written(file, chunk, part)
                bar.update(len(chunk))
    return total is None or held == total


def _written(file: Any, chunk: bytes, part: Path) -> None:
    """Write and flush; a full disk is no broken connection."""
    try:
        file.write(chunk)
        file.flush()
    except OSError as error:
        text = f"{error.strerror}; GRAFTWORK_HOME names another folder"
        raise _Unwritten from OSError(error.errno, text, str(part))


def checksum(path: Path, kind: str) -> str:
    """Return the checksum of a file in hexadecimal digits: "sha256" or "md5"."""
    import hashlib  # here: slow to import

    digest = hashlib.new(kind, usedforsecurity=kind != "md5")
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
