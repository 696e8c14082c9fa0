"""Weights in several files beside a JSON index, as Keras, Hugging Face and PyTorch write them.

The index maps names to files. A file must lie in the folder of the index itself: a name with a
folder in it, or a link, is refused.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .base import DEFAULT_LIMITS, Archive, Entry, Limits, check, check_total, refuse
from .file import PathLike, as_path, is_plain_name, map_file
from .strict_json import parse_object

_MAP = "weight_map"
_MOST_FILES = 10_000
_FORMATS = ("safetensors", "torch", "hdf5")


def sniff(data: memoryview) -> bool:
    """Tell whether the bytes are a JSON text that maps weights to files."""
    head = bytes(data[: 1 << 20])
    return head.lstrip()[:1] == b"{" and (f'"{_MAP}"'.encode() in head or len(data) > 1 << 20)


def open_shards(
    path: PathLike, opener: Callable[[Path, Limits], Archive], limits: Limits = DEFAULT_LIMITS
) -> Archive:
    """Open all files of an index as one mapping.

    Raises:
        FormatError: the index is none, or names a file that is not beside it, a link, or a file
            without the weights that are said to be in it.
    """
    subject = str(path)
    told = parse_object(map_file(path), subject, limits)
    files = _files(told.get(_MAP), subject)
    folder = as_path(path).parent
    entries: dict[str, Entry] = {}
    kinds: set[str] = set()
    size = 0
    with ExitStack() as stack:
        for name, wanted in files.items():
            place = folder / name
            size += _check_file(place, subject)
            archive = stack.enter_context(opener(place, limits))
            kinds.add(archive.format)
            check(archive.format in _FORMATS, subject, f"files must be one of {_FORMATS}",
                  file=name, format=archive.format)  # fmt: skip
            # Keras lists groups of variables, the others the weights themselves.
            listed = list(archive) if archive.format == "hdf5" else wanted
            for weight in listed:
                check(weight in archive and weight not in entries, subject,
                      "every weight must lie in one file, that of the index", weight=weight,
                      file=name)  # fmt: skip
                entries[weight] = archive.entry(weight)
        check(len(kinds) == 1, subject, "files must be of one format", formats=sorted(kinds))
        total = sum(entry.nbytes for entry in entries.values())
        check_total(subject, len(entries), total, size, limits)
        closing = stack.pop_all()
    notes = {"files": str(len(files))}
    return Archive(kinds.pop(), subject, entries, notes, closing.close)


def _files(told: Any, subject: str) -> dict[str, list[str]]:
    """Return the weights of every file that the index names."""
    check(isinstance(told, dict) and len(told) > 0, subject, f"an index must hold a {_MAP}",
          type=type(told).__name__)  # fmt: skip
    found: dict[str, list[str]] = {}
    for weight, named in told.items():
        names = named if isinstance(named, list) else [named]
        for name in names:
            check(isinstance(name, str) and is_plain_name(name), subject,
                  "an index must name files in its own folder", file=name)  # fmt: skip
            found.setdefault(name, []).append(weight)
    check(len(found) <= _MOST_FILES, subject, f"at most {_MOST_FILES} files", files=len(found))
    return found


def _check_file(place: Path, subject: str) -> int:
    """Check that a file is there and is no link; return its size."""
    try:
        status = os.lstat(place)
    except (OSError, ValueError):  # ValueError: no file can have such a name
        refuse(subject, "every file of an index must be there", "Download or copy it too.",
               missing=place.name)  # fmt: skip
    check(stat.S_ISREG(status.st_mode), subject, "files of an index must be files, not links",
          "Copy the files themselves into the folder.", file=place.name)  # fmt: skip
    return status.st_size
