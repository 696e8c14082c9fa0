"""Where pretrained weights come from: a path, or a catalogue name, downloaded once and verified.

What is in a file is read in `saving`; which network it belongs to stands with each network.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graftgrad import formats
from graftgrad.errors import ConfigError, FormatError, expect

_CHUNK = 1 << 20
_MOST_BYTES = 2 << 30


@dataclass(frozen=True, slots=True)
class Entry:
    """A file at its publisher's address.

    `sha256` is the checksum of the file, or the beginning of it where the publisher gives no more
    (the PyTorch project writes the first eight digits into the file's name); `md5` is the checksum
    that Keras publishes in place of it. Of some files nobody publishes either.
    """

    url: str
    sha256: str
    what: str
    md5: str = ""

    @property
    def file(self) -> str:
        """The name of the file."""
        return self.url.rsplit("/", 1)[-1]

    def fits(self, path: Path) -> bool:
        """Tell whether a file is what was published."""
        if self.sha256:
            return _checksum(path, "sha256").startswith(self.sha256)
        return not self.md5 or _checksum(path, "md5") == self.md5


def cache_folder() -> Path:
    """Return where downloads are kept: GRAFTWORK_HOME, or `graftwork` in the user's cache."""
    home = os.environ.get("GRAFTWORK_HOME")
    if home:
        return Path(home)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "graftwork"


def find(subject: str, weights: Any, catalogue: Mapping[str, Entry]) -> Path | None:
    """Return the file that `weights` means: a path, a catalogue name, or None for no weights.

    Raises:
        ConfigError: it is neither a file nor a name of the catalogue.
        FormatError: what was downloaded is not what was published.
        ConnectionError: the file has to be downloaded and cannot be.
    """
    if weights is None:
        return None
    expect(isinstance(weights, (str, os.PathLike)), subject,
           "weights must be a path, a name of the catalogue or None",
           error=ConfigError, weights=weights)  # fmt: skip
    path = Path(weights).expanduser()
    if path.is_file():
        return path
    entry = catalogue.get(str(weights))
    if entry is None:
        names = ", ".join(repr(name) for name in catalogue) or "none for this network"
        kind = "a folder" if path.is_dir() else "no file"
        where = "" if path.is_absolute() else f" in {Path.cwd()}"
        raise ConfigError(
            f"{subject}: weights must be a file, None or one of {names}; got {str(weights)!r}, "
            f"which is {kind}{where}."
        )
    return downloaded(entry)


def names_in(path: Path | None) -> list[str]:
    """Return the names of the arrays in a file; none without a file."""
    if path is None:
        return []
    with formats.open_weights(path) as archive:
        return list(archive)


def downloaded(entry: Entry) -> Path:
    """Return the cached file of an entry, downloading it if it is not there.

    Raises:
        FormatError: the checksum differs; nothing is kept.
        ConnectionError: the publisher cannot be reached.
    """
    target = cache_folder() / entry.file
    if target.is_file() and entry.fits(target):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=entry.file, suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            _fetch(entry, file)
        expect(
            entry.fits(part),
            f"download of {entry.file}",
            "the checksum must be that of the published file",
            error=FormatError,
            expected=entry.sha256 or entry.md5,
            found=_checksum(part, "sha256" if entry.sha256 else "md5"),
            advice="Nothing was kept; try again.",
        )
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _fetch(entry: Entry, file: Any) -> None:
    # here, since they are slow to import and most programs download nothing
    import urllib.request

    from tqdm.auto import tqdm

    try:
        with urllib.request.urlopen(entry.url, timeout=30) as answer:
            total = int(answer.headers.get("Content-Length") or 0)
            with tqdm(total=total or None, desc=entry.file, unit="B", unit_scale=True) as bar:
                received = 0
                while chunk := answer.read(_CHUNK):
                    received += len(chunk)
                    expect(
                        received <= _MOST_BYTES,
                        f"download of {entry.file}",
                        "must not be larger than 2 GiB",
                        error=FormatError,
                        bytes=received,
                    )
                    file.write(chunk)
                    bar.update(len(chunk))
            expect(total in (0, received), f"download of {entry.file}",
                   "must be as long as the publisher says", error=FormatError, bytes=total,
                   received=received, advice="Nothing was kept; try again.")  # fmt: skip
    except OSError as error:
        raise ConnectionError(
            f"download of {entry.file}: {entry.url} must be reachable; got {error}. Offline, "
            f"put the file into {cache_folder()} or pass its path as weights=."
        ) from error


def _checksum(path: Path, kind: str) -> str:
    digest = hashlib.new(kind, usedforsecurity=kind != "md5")
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
