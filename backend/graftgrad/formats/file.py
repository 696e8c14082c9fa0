"""Opening a file to read it as bytes, and replacing a file whole or not at all."""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from .base import check, missing, refuse

PathLike = str | os.PathLike[str]
_LONGEST_NAME = 255


def as_path(path: object) -> Path:
    """Take a str or an os.PathLike of str as a path; anything else is refused."""
    name = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(name, str):
        refuse("file", "a path must be str or os.PathLike", type=type(path).__name__)
    check("\0" not in name and name != "", "file", "a path must name a file", path=name)
    return Path(name)


def is_plain_name(name: str) -> bool:
    """Tell whether a name that stands in a file names another of the same folder."""
    folders = any(sign in name for sign in ("/", "\\", ":", "\0"))
    return 0 < len(name) <= _LONGEST_NAME and not folders and name not in (".", "..")


def map_file(path: PathLike) -> memoryview:
    """Map a file's bytes into memory, read-only.

    The mapping lives as long as a view of it does; nothing needs to be closed.

    Raises:
        MissingFileError: there is no such file; a FormatError and a FileNotFoundError.
        FormatError: it is a directory or another special file, it is empty or it cannot be read.
    """
    place = as_path(path)
    subject = str(place)
    try:
        _check_regular(subject, os.stat(place), place)
        with open(place, "rb") as file:
            # The size once more: the file may have been exchanged in between.
            _check_regular(subject, os.fstat(file.fileno()), place)
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError:
        missing(subject, "the file must exist", _near(place), path=str(place.absolute()))
    except OSError as failure:
        refuse(subject, "the file must be readable", reason=failure.strerror or str(failure))


def _near(place: Path) -> str:
    """Say which files of the folder have nearly this name, or that there is no such folder."""
    import difflib  # here: a failure alone needs it

    try:
        with os.scandir(place.parent) as found:
            present = [one.name for one in islice(found, 5000)]
    except OSError:
        return "Its folder cannot be read, or does not exist."
    near = difflib.get_close_matches(place.name, present, 2)
    return f"Did you mean {' or '.join(near)}?" if near else ""


def _check_regular(subject: str, status: os.stat_result, place: Path) -> None:
    # A named pipe would wait for ever, so the kind is checked before opening.
    if stat.S_ISDIR(status.st_mode):
        refuse(subject, "must be a file", _inside(place), kind="directory")
    check(stat.S_ISREG(status.st_mode), subject, "must be a regular file", kind="special file")
    check(
        status.st_size > 0, subject, "the file must not be empty", "Was it saved or copied whole?",
        size=0,
    )  # fmt: skip


def _inside(folder: Path) -> str:
    """Tell which file of a folder is meant, or what wrote the folder."""
    found = sorted(os.listdir(folder)[:10_000])
    if "saved_model.pb" in found:
        return "A SavedModel of TensorFlow is not read: save the model as .keras or .h5."
    if ".metadata" in found:
        return "Turn a distributed checkpoint of PyTorch into one file: dcp_to_torch_save."
    endings = (".index.json", ".safetensors", ".weights.h5", ".keras", ".h5", ".bin", ".pt", ".pth")
    files = [name for ending in endings for name in found if name.endswith(ending)]
    return f"Name a file in it, as {files[0][:100]!r}." if files else ""


@contextmanager
def replacing(path: PathLike) -> Iterator[Path]:
    """Write a file so that it appears whole or not at all.

    Yields a temporary path in the same folder. When the block ends well, its bytes are forced to
    the disk and it takes the place of `path` in one step; when the block raises, it is removed and
    `path` is untouched.

    Raises:
        MissingFileError: the folder does not exist; a FormatError and a FileNotFoundError.
        FormatError: `path` is a directory, or the disk refuses.
    """
    # A link is followed: its target is replaced, not the link.
    place = Path(os.path.realpath(as_path(path)))
    if not place.parent.is_dir():
        missing(str(path), "the folder must exist", folder=str(place.parent))
    check(not place.is_dir(), str(path), "must be a file to write", kind="directory")
    draft = place.parent / f".{place.name[:100]}.{os.urandom(6).hex()}.partial"
    try:
        yield draft
        _settle(draft, place)
    except OSError as failure:
        refuse(str(path), "must be writable", reason=failure.strerror or str(failure))
    finally:
        with suppress(OSError):  # a disk that is read only refuses this as well
            draft.unlink(missing_ok=True)


def write_atomically(path: PathLike, write: Callable[[BinaryIO], None]) -> None:
    """Let `write` fill a file that appears whole or not at all."""
    with replacing(path) as draft, open(draft, "xb") as file:
        write(file)


def _settle(draft: Path, place: Path) -> None:
    """Force a finished draft to the disk and move it to its place."""
    with open(draft, "rb+") as file:
        os.fsync(file.fileno())
    if place.exists():
        os.chmod(draft, stat.S_IMODE(place.stat().st_mode))
    os.replace(draft, place)
    _sync_folder(place.parent)


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself durable, where a folder can be opened at all."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        pass  # some network file systems cannot; the file itself is safe
    finally:
        os.close(handle)
