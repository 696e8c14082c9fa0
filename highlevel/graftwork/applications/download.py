"""Published files of networks: where they lie, and what tells that they are what was published.

How they are fetched, continued and shared by several processes stands in `data/fetching.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..data.fetching import Source, checksum, fetched
from ..data.fetching import cache_folder as cache_folder

_MOST_BYTES = 4 << 30


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


def downloaded(entry: Entry, otherwise: str = " or pass its path as weights=") -> Path:
    """Return the cached file of an entry, downloading it if it is not there.

    Args:
        entry: the file.
        otherwise: what else can be done without a connection, for errors.
    Raises:
        FormatError: the checksum differs; nothing is kept.
        ConnectionError: the publisher cannot be reached; what was received is kept and continued.
        TimeoutError: another process has been downloading the file for an hour.
        OSError: the cache cannot be written.
    """
    source = Source(
        entry.url, entry.file, entry.fits, entry.sha256 or entry.md5,
        "sha256" if entry.sha256 else "md5", entry.size, _MOST_BYTES,
        f" Offline, put the file into {cache_folder()}{otherwise}.",
    )  # fmt: skip
    return fetched(source, cache_folder() / entry.file)
