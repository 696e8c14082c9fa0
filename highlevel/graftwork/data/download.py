"""Files from the network, kept in a folder: taken up again, and checked.

How archives are unpacked stands in `unpacking.py`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from graftgrad.errors import ConfigError, FormatError, expect, sentence

from .unpacking import CHUNK, SUBJECT, unpack

ALGORITHMS = ("auto", "sha256", "md5")


def cache_folder() -> Path:
    """Return where downloads are kept: GRAFTWORK_HOME, or `graftwork` in the user's cache."""
    home = os.environ.get("GRAFTWORK_HOME")
    if home:
        return Path(home)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "graftwork"


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

    A download that was interrupted is taken up where it stopped. What does not have the checksum is
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
        ConnectionError: the address cannot be reached.
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
    there = target.is_file() and not force_download
    if not there or (wanted is not None and checksum(target, algorithm) != wanted):
        folder.mkdir(parents=True, exist_ok=True)
        _download(origin, target, wanted, algorithm)
    if not unpacks:
        return str(target)
    place = folder / (f"{name.split('.')[0]}_extracted" if fname and "." in name else name)
    if not place.exists() or not there:
        unpack(target, place, archive_format)
    return str(place)


def checksum(path: Path, algorithm: str = "sha256") -> str:
    """Return the checksum of a file in hexadecimal digits."""
    import hashlib  # here: slow to import

    digest = hashlib.new(algorithm)
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _download(origin: str, target: Path, wanted: str | None, algorithm: str) -> None:
    part = target.with_name(f"{target.name}.part")
    _fetch(origin, part)
    if wanted is not None:
        found = checksum(part, algorithm)
        if found != wanted:
            part.unlink(missing_ok=True)
            rule = "the checksum must be that of the published file"
            got: dict[str, object] = {"expected": wanted, "found": found}
            advice = "Nothing was kept; try again."
            raise FormatError(sentence(f"download of {target.name}", rule, got, advice))
    os.replace(part, target)


def _fetch(origin: str, part: Path) -> None:
    # here, since they are slow to import and most programs download nothing
    import urllib.error
    import urllib.request

    from tqdm.auto import tqdm

    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(origin, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            goes_on = have > 0 and getattr(answer, "status", None) == 206
            total = int(answer.headers.get("Content-Length") or 0) + (have if goes_on else 0)
            with (
                open(part, "ab" if goes_on else "wb") as file,
                tqdm(total=total or None, desc=part.stem, unit="B", unit_scale=True,
                     initial=have if goes_on else 0) as bar,
            ):  # fmt: skip
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
                    bar.update(len(chunk))
                short = bool(total) and file.tell() != total
    except OSError as error:
        if isinstance(error, urllib.error.HTTPError) and error.code == 416:
            part.unlink(missing_ok=True)  # there is no more: what is there is another file's
        raise ConnectionError(
            f"{SUBJECT}: {origin} must be reachable; got {error}. Offline, put the file into "
            f"{part.parent} under the name {part.stem}."
        ) from error
    if short:
        raise ConnectionError(
            f"{SUBJECT}: {origin} must be delivered whole; got {part.stat().st_size} of {total} "
            "bytes. Call again to go on."
        )
