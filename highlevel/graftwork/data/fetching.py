"""Files from an address: continued where they broke off, by one process at a time.

A download goes into `<file>.part`; what is there already is asked for no more (RFC 9110, Range).
Only a file whose checksum fits takes its final name, in one step. The operating system's lock on
`<file>.lock` lets one process fetch while others wait; it ends with the process that holds it.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import time
from collections.abc import Callable, Iterator
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
_TRIES = 4  # connections that may break or servers that may fail before it is said
_PAUSE = 0.5  # seconds before the second try; doubled each time
_PATIENCE = 3600.0  # seconds to wait for another process


@dataclass(frozen=True, slots=True)
class Source:
    """What is fetched from where.

    Attributes:
        url: the address.
        file: the name of the file, for the bar and for errors.
        fits: tells whether a file is what was published; always, where nobody says.
        expected: the checksum, for errors; "" where nobody says, so that two halves of a file that
            do not belong together would not be seen.
        kind: its algorithm.
        size: how many bytes it has, about; 0 where the publisher does not say.
        most: no file is larger.
        otherwise: what else can be done where the address cannot be reached.
    """

    url: str
    file: str
    fits: Callable[[Path], bool]
    expected: str = ""
    kind: str = "sha256"
    size: int = 0
    most: int = 1 << 40
    otherwise: str = ""


def cache_folder() -> Path:
    """Return where downloads are kept: GRAFTWORK_HOME, or `graftwork` in the user's cache."""
    home = os.environ.get("GRAFTWORK_HOME")
    if home:
        return Path(home).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "graftwork"


def fetched(source: Source, target: Path, again: bool = False) -> Path:
    """Return a file, fetching it if it is not there or does not fit.

    Args:
        source: what is fetched.
        target: where it is kept.
        again: fetch it although it is there.
    Raises:
        FormatError: the checksum differs; nothing is kept. Or the file is too large.
        ConnectionError: the address cannot be reached; what was received is kept and continued.
        TimeoutError: another process has been downloading the file for an hour.
        OSError: the folder cannot be written.
    """
    looked = stamp(target)
    if not again and looked is not None and source.fits(target):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with alone(target):
        if not again and stamp(target) not in (None, looked) and source.fits(target):
            return target  # another process was faster
        part = target.with_name(target.name + ".part")
        continued = _fetch(source, part)
        sound = source.fits(part)
        if continued and not sound:
            # Its beginning may be of an older file at that address.
            part.unlink()
            _fetch(source, part)
            sound = source.fits(part)
        if not sound:
            found = checksum(part, source.kind)
            part.unlink()
            expect(False, f"download of {source.file}",
                   "the checksum must be that of the published file", error=FormatError,
                   expected=source.expected, found=found,
                   advice="Nothing was kept; try again.")  # fmt: skip
        os.replace(part, target)
    return target


def stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file does, without reading it; None where there is no file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


@contextmanager
def alone(target: Path) -> Iterator[None]:
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


def _fetch(source: Source, part: Path) -> bool:
    """Fill `part` up to the published length; tell whether it began with what was there.

    Raises:
        ConnectionError: the publisher cannot be reached, or fails again and again.
        FormatError: the file is larger than any such file.
    """
    # here, since they are slow to import and most programs download nothing
    import http.client
    import urllib.error

    from tqdm.auto import tqdm

    if not source.expected:
        part.unlink(missing_ok=True)  # nothing would tell whether the two halves belong together
    begun = part.stat().st_size if part.exists() else 0
    with tqdm(total=source.size or None, desc=source.file, unit="B", unit_scale=True) as bar:
        for attempt in range(_TRIES):
            held = part.stat().st_size if part.exists() else 0
            try:
                if _received(source, part, held, bar):
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
    if not source.expected:
        part.unlink(missing_ok=True)
    held = part.stat().st_size if part.exists() else 0
    kept = f" The {held} bytes that were received are kept and will be continued." if held else ""
    cause = reason if isinstance(reason, BaseException) else None
    raise ConnectionError(
        f"download of {source.file}: {source.url} must be reachable; got {reason}."
        f"{source.otherwise}{kept}"
    ) from cause


class _Unwritten(OSError):
    """The cache, not the connection, failed."""


def _received(source: Source, part: Path, held: int, bar: Any) -> bool:
    """Ask for what is missing and append it; tell whether the file is whole now."""
    import urllib.error
    import urllib.request

    wanted = {"Range": f"bytes={held}-"} if held else {}
    request = urllib.request.Request(source.url, headers=wanted)
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
        bar.total, bar.n = total or source.size or None, held
        bar.refresh()
        _allow(source, total or 0)
        with open(part, "r+b" if held else "wb") as file:
            file.seek(held)
            while chunk := answer.read(_CHUNK):
                held += len(chunk)
                _allow(source, held)
                _written(file, chunk, part)
                bar.update(len(chunk))
    return total is None or held == total


def _allow(source: Source, count: int) -> None:
    expect(count <= source.most, f"download of {source.file}",
           f"must not be larger than {source.most} bytes", error=FormatError,
           bytes=count)  # fmt: skip


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
