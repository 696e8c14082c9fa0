"""Files from the network, kept in a folder: taken up again, and checked.

How they are fetched stands in `fetching.py`, how archives are unpacked in `unpacking.py`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from graftgrad.errors import ConfigError, expect

from .fetching import Source, alone, cache_folder, checksum, fetched, stamp
from .unpacking import SUBJECT, recover, unpack

ALGORITHMS = ("auto", "sha256", "md5")


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """Return the path of a file, downloaded unless it is in the cache; or of what it held.

    A download that was interrupted is taken up where it stopped; of several processes one fetches
    and the others wait. What does not have the checksum is
    not kept. Archives are unpacked beside their place and moved there whole; members that would lie
    outside of it, links and devices are refused before anything is written, and so is an archive
    out of which far more would come than it holds.

    Args:
        fname: its name in the cache; that in `origin` if None.
        origin: the address.
        untar: unpack it.
        md5_hash: its MD5 checksum.
        file_hash: its SHA-256 or MD5 checksum.
        cache_subdir: the folder within the cache.
        hash_algorithm: "sha256", "md5" or "auto", which goes by the length of `file_hash`.
        extract: unpack it.
        archive_format: "auto", "tar", "zip" or None.
        cache_dir: the cache; GRAFTWORK_HOME or the user's cache if None.
        force_download: download it although it is there.
    Raises:
        ConfigError: no address is given, or an argument is not understood.
        FormatError: the checksum differs, or an archive is damaged or dangerous.
        ConnectionError: the address cannot be reached; what was received is kept and continued.
        TimeoutError: another process has been downloading the file for an hour.
    """
    expect(isinstance(origin, str) and origin != "", SUBJECT, "origin must be an address",
           error=ConfigError, origin=origin)  # fmt: skip
    assert origin is not None
    name = os.fspath(fname) if fname else origin.split("?")[0].rstrip("/").rsplit("/", 1)[-1]
    expect(name not in ("", ".", "..") and not set(name) & set("/\\\0"), SUBJECT,
           "fname must be the name of a file, without folders", error=ConfigError,
           fname=name)  # fmt: skip
    expect(hash_algorithm in ALGORITHMS, SUBJECT, f"hash_algorithm must be one of {ALGORITHMS}",
           error=ConfigError, hash_algorithm=hash_algorithm)  # fmt: skip
    folder = Path(cache_dir).expanduser() if cache_dir else cache_folder()
    folder = folder / cache_subdir
    unpacks = untar or extract
    target = folder / (f"{name}_archive" if unpacks and (not fname or "." not in name) else name)
    wanted = file_hash or md5_hash
    algorithm = "md5" if md5_hash and not file_hash else hash_algorithm
    if algorithm == "auto":
        algorithm = "sha256" if wanted is None or len(wanted) == 64 else "md5"
    source = Source(
        origin, target.name, lambda path: not wanted or checksum(path, algorithm) == wanted,
        wanted or "", algorithm,
        otherwise=f" Offline, put the file into {folder} under the name {target.name}.",
    )  # fmt: skip
    before = stamp(target)
    fetched(source, target, again=force_download)
    there = before is not None and stamp(target) == before
    if not unpacks:
        return str(target)
    place = folder / (f"{name.split('.')[0]}_extracted" if fname and "." in name else name)
    if not _unpacked(place, target, there):
        with alone(target):
            recover(place)
            if not _unpacked(place, target, there):
                unpack(target, place, archive_format)
                _note(target).write_text(_told(target))
    return str(place)


def _unpacked(place: Path, archive: Path, there: bool) -> bool:
    """Tell whether a folder holds what an archive holds.

    What says so is written when a folder is finished: a process may be killed between the archive
    and its folder. Without it a folder counts if the archive was `there` before.
    """
    if not place.exists():
        return False
    note = _note(archive)
    return note.read_text(errors="replace") == _told(archive) if note.exists() else there


def _note(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.unpacked")


def _told(archive: Path) -> str:
    """Return what tells an archive from its next version: its size and when it was written."""
    status = archive.stat()
    return f"{status.st_size} {status.st_mtime_ns}"
