"""PyTorch checkpoints, read from both containers of torch.save without PyTorch and without pickle.

The ZIP container (PyTorch 1.6 and later), which programs of TorchScript and torch.export use too,
and the one before it; the older tar form is refused. What a pickle may name stands in
`torch_objects.py` and `foreign_objects.py`, which part of a checkpoint is the network in
`state_dict.py`, what modules that were saved whole hold in `module_objects.py`, writing in
`torch_write.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from . import torch_export
from .base import (
    DEFAULT_LIMITS,
    Archive,
    Entry,
    Limits,
    check,
    check_total,
    refuse,
)  # fmt: skip
from .file import PathLike, map_file
from .foreign_objects import Record
from .module_objects import Look, Opener, pickled_parts
from .pickle_subset import check_tree
from .plain_tree import Plain
from .state_dict import pick_state_dict
from .strict_json import parse_object, texts
from .torch_objects import Storage
from .torch_script import ScriptClasses, constants
from .torch_storages import Storages
from .torch_write import METADATA
from .zip import ZipArchive

_MAGIC = 0x1950A86A20F9469CFC6C
_MAGIC_BYTES = b"\x8a\x0a" + _MAGIC.to_bytes(10, "little")
_PROTOCOL = 1001
_PICKLE, _CONSTANTS = "data.pkl", "constants.pkl"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A decoded checkpoint whose tensors have not been read yet."""

    subject: str
    container: str
    tree: object
    limits: Limits
    size: int  # bytes of the file
    notes: dict[str, str] = field(default_factory=dict)  # what we wrote beside the arrays


def sniff_zip(archive: ZipArchive) -> bool:
    """Tell whether a ZIP archive is a checkpoint, or a program with its weights."""
    pickled = any(name.endswith("/" + _PICKLE) or name == _PICKLE for name in archive.names)
    return pickled or torch_export.sniff(archive)


def sniff_legacy(data: memoryview) -> bool:
    """Tell whether the bytes begin with the magic number of the container before ZIP."""
    return bytes(data[:1]) == b"\x80" and _MAGIC_BYTES in bytes(data[:32])


def sniff_tar(data: memoryview) -> bool:
    """Tell whether this is a tar archive, whose pickles are not read."""
    return bytes(data[257:262]) == b"ustar"


def read_checkpoint(path: PathLike, limits: Limits = DEFAULT_LIMITS) -> object:
    """Decode everything a checkpoint holds: dicts, lists, numbers, text, and arrays for tensors.

    Tensors become read-only arrays over the mapped file; those that share a storage share memory.
    Ordered dictionaries become dicts, devices, dtypes, paths and dates text, parameters plain
    arrays; numpy's arrays of texts become None. Modules that were saved whole become the dict that
    their `state_dict()` would return, and objects of other classes a `ForeignObject`: nothing of
    theirs is imported or called.

    Raises:
        FormatError: not a checkpoint, damaged, or it names one of Python's own functions.
    """
    checkpoint = decode(map_file(path), str(path), limits)
    subject = checkpoint.subject
    return Plain(subject, partial(_open_tree, subject=subject, limits=limits))(checkpoint.tree)


def open_torch(
    path: PathLike, limits: Limits = DEFAULT_LIMITS, *, key: str | None = None
) -> Archive:
    """Open the state dict of a checkpoint; tensors are read when asked for.

    Args:
        path: the file.
        limits: what it may ask for.
        key: which entry of the checkpoint to take, "." between levels; chosen by the usual names
            (state_dict, model_state_dict, model, net, ...) where it is not given.
    """
    return archive(decode(map_file(path), str(path), limits), key)


def archive(checkpoint: Checkpoint, key: str | None = None) -> Archive:
    """Make the archive of a decoded checkpoint's state dict."""
    subject, limits = checkpoint.subject, checkpoint.limits
    where, tensors = pick_state_dict(checkpoint.tree, subject, limits, key)
    total = sum(record.nbytes for record in tensors.values())
    check_total(subject, len(tensors), total, checkpoint.size, limits)
    entries = {
        name: Entry(record.shape, record.dtype, record.array) for name, record in tensors.items()
    }
    notes = {**checkpoint.notes, "container": checkpoint.container, "key": where}
    return Archive("torch", subject, entries, notes)


def decode(data: memoryview, subject: str, limits: Limits) -> Checkpoint:
    """Recognise the container and interpret its pickle."""
    if bytes(data[:4]) == b"PK\3\4":
        return decode_zip(ZipArchive(data, subject, limits))
    if sniff_legacy(data):
        return decode_legacy(data, subject, limits)
    if sniff_tar(data):
        refuse_tar(subject)
    refuse(subject, "must be a file written by torch.save", "A bare pickle is not read.",
           begins=bytes(data[:8]))  # fmt: skip


def refuse_tar(subject: str) -> None:
    """Refuse the container of PyTorch before 0.1.10."""
    refuse(subject, "must be a checkpoint in the ZIP container or the one before it",
           "Load it with the PyTorch that wrote it and save it again.",
           kind="tar archive")  # fmt: skip


# the ZIP container


def decode_zip(archive: ZipArchive) -> Checkpoint:
    """Interpret `<folder>/data.pkl`; storages are the members `<folder>/data/<key>`.

    Programs keep it in the same place; those of torch.export have a JSON text instead.
    """
    subject = archive.subject
    if torch_export.sniff(archive):
        tree = torch_export.weights(archive, lambda inner: decode_zip(inner).tree)
        return Checkpoint(subject, "export", tree, archive.limits, len(archive.data))
    pickles = [name for name in archive.names if name.split("/")[-1] == _PICKLE]
    check(len(pickles) == 1, subject, f"must hold one {_PICKLE}", members=pickles[:4])
    folder = pickles[0].removesuffix(_PICKLE)
    if folder + "byteorder" in archive:
        order = bytes(archive.read(folder + "byteorder", 16))
        check(order == b"little", subject, "must be little-endian",
              "Save it again on a little-endian machine.", byteorder=order)  # fmt: skip
    script = any(
        name == folder + _CONSTANTS or name.startswith(folder + "code/") for name in archive.names
    )
    tree = _unpickled(archive, pickles[0], folder + "data/")
    if script:
        tree, kind = _script(archive, folder, tree), "script"
    else:
        tree, kind = _open_tree(tree, subject, archive.limits), "zip"
    notes = _notes(archive, folder + METADATA)
    return Checkpoint(subject, kind, tree, archive.limits, len(archive.data), notes)


def _notes(archive: ZipArchive, name: str) -> dict[str, str]:
    """Read the text that `write_torch` was given beside the arrays; none in files of PyTorch."""
    if name not in archive:
        return {}
    subject = f"{archive.subject}: member {name!r}"
    raw = archive.read(name, archive.limits.max_header)
    return texts(parse_object(raw, subject, archive.limits), subject)


def _unpickled(archive: ZipArchive, name: str, storages: str) -> object:
    pickle = archive.read(name, archive.limits.max_bytes)
    found = partial(_find_member, archive, storages)
    machine = Storages(archive.subject, archive.limits, found).interpreter(pickle)
    tree = machine.run()
    check(machine.position == len(pickle), archive.subject, "nothing may follow the pickle",
          bytes=len(pickle) - machine.position)  # fmt: skip
    return tree


def _open_tree(tree: object, subject: str, limits: Limits, look: Look = pickled_parts) -> object:
    """Hold a decoded tree against the limits, and put dictionaries in the place of modules."""
    check_tree(tree, subject, limits)
    return Opener(subject, limits, look).opened(tree)


def _script(archive: ZipArchive, folder: str, program: object) -> object:
    """Return the weights of a program; its constants where it is frozen and has no others."""
    subject, limits = archive.subject, archive.limits
    classes = ScriptClasses(archive, folder)
    sound = isinstance(program, Record) and classes.parts(program) is not None
    check(sound, subject, "a TorchScript program must hold a module of its own",
          type=type(program).__name__)  # fmt: skip
    weights = _open_tree(program, subject, limits, classes.parts)
    if weights or folder + _CONSTANTS not in archive:
        return weights
    return constants(_unpickled(archive, folder + _CONSTANTS, folder + "constants/"), subject)


def _find_member(archive: ZipArchive, folder: str, storage: Storage) -> None:
    name = folder + storage.key
    size = archive.size(name)
    check(size == storage.nbytes, archive.subject,
          f"member {name!r} must hold what its storage declares",
          declared=storage.nbytes, bytes=size)  # fmt: skip
    storage.locate = partial(archive.read, name)


# the container before it


def decode_legacy(data: memoryview, subject: str, limits: Limits) -> Checkpoint:
    """Interpret five pickles (magic, protocol, system, tree, keys); then come the storages."""
    storages = Storages(subject, limits, lambda storage: None)
    machine = storages.interpreter(data)
    magic = machine.run()
    check(magic == _MAGIC, subject, "must begin with the magic number of torch.save",
          type=type(magic).__name__)  # fmt: skip
    protocol = machine.run()
    check(type(protocol) is int and protocol == _PROTOCOL, subject,
          f"must have protocol {_PROTOCOL}", type=type(protocol).__name__)  # fmt: skip
    system = machine.run()
    little = isinstance(system, dict) and system.get("little_endian") is True
    check(
        little,
        subject,
        "must be little-endian",
        "Save it again on a little-endian machine.",
        little_endian=little,
    )
    tree = _open_tree(machine.run(), subject, limits)
    keys = machine.run()
    end = _locate(data, machine.position, keys, storages.known, subject)
    check(end == len(data), subject, "nothing may follow the storages", bytes=len(data) - end)
    return Checkpoint(subject, "legacy", tree, limits, len(data))


def _locate(
    data: memoryview, position: int, keys: object, known: dict[str, Storage], subject: str
) -> int:
    """Find each storage: a count of 8 bytes, then the elements, in the order of the keys."""
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        refuse(subject, "the list of storages must be text", type=type(keys).__name__)
    check(len(set(keys)) == len(keys) and set(keys) == set(known), subject,
          "every storage must be listed once", listed=len(keys), named=len(known))  # fmt: skip
    for key in keys:
        storage = known[key]
        start = position + 8
        position = start + storage.nbytes
        check(position <= len(data), subject, f"storage {key!r} must lie inside the file",
              "The file is truncated.", ends=position, bytes=len(data))  # fmt: skip
        count = int.from_bytes(data[start - 8 : start], "little", signed=True)
        check(count == storage.count, subject, f"storage {key!r} must hold what was declared",
              declared=storage.count, count=count)  # fmt: skip
        storage.locate = partial(_slice, data, start, position)
    return position


def _slice(data: memoryview, start: int, end: int) -> memoryview:
    return data[start:end]
