"""PyTorch checkpoints, read from both containers of torch.save without PyTorch and without pickle.

The ZIP container (PyTorch 1.6 and later) and the one before it; TorchScript and the older tar form
are refused. Which names a pickle may use stands in `torch_objects.py`, which part of a checkpoint
is the network in `state_dict.py`, writing in `torch_write.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

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
from .numpy_objects import NUMPY_GLOBALS, ArrayRecord
from .pickle_subset import Interpreter, check_tree
from .plain_objects import PLAIN_GLOBALS, Global, table
from .settings_objects import SETTINGS_GLOBALS
from .state_dict import pick_state_dict
from .torch_objects import STORAGES, UNTYPED, Storage, TensorMaker, TensorRecord, View
from .zip import ZipArchive

_MAGIC = 0x1950A86A20F9469CFC6C
_MAGIC_BYTES = b"\x8a\x0a" + _MAGIC.to_bytes(10, "little")
_PROTOCOL = 1001
_PICKLE = "data.pkl"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A decoded checkpoint whose tensors have not been read yet."""

    subject: str
    container: str
    tree: object
    limits: Limits
    size: int  # bytes of the file


def sniff_zip(archive: ZipArchive) -> bool:
    """Tell whether a ZIP archive is a checkpoint (or TorchScript, which is refused later)."""
    return any(name.endswith("/" + _PICKLE) or name == _PICKLE for name in archive.names)


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
    arrays; numpy's arrays of texts become None.

    Raises:
        FormatError: not a checkpoint, damaged, or it names something that is not plain data.
    """
    checkpoint = decode(map_file(path), str(path), limits)
    return _plain(checkpoint.tree, checkpoint.subject)


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
    where, tensors = pick_state_dict(checkpoint.tree, subject, key)
    total = sum(record.nbytes for record in tensors.values())
    check_total(subject, len(tensors), total, checkpoint.size, limits)
    entries = {
        name: Entry(record.shape, record.dtype, record.array) for name, record in tensors.items()
    }
    notes = {"container": checkpoint.container, "key": where}
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
    """Interpret `<folder>/data.pkl`; storages are the members `<folder>/data/<key>`."""
    subject = archive.subject
    pickles = [name for name in archive.names if name.split("/")[-1] == _PICKLE]
    check(len(pickles) == 1, subject, f"must hold one {_PICKLE}", members=pickles[:4])
    folder = pickles[0].removesuffix(_PICKLE)
    _refuse_script(archive, folder)
    if folder + "byteorder" in archive:
        order = bytes(archive.read(folder + "byteorder", 16))
        check(order == b"little", subject, "must be little-endian",
              "Save it again on a little-endian machine.", byteorder=order)  # fmt: skip
    pickle = archive.read(pickles[0], archive.limits.max_bytes)
    storages = _Storages(subject, archive.limits, partial(_find_member, archive, folder + "data/"))
    machine = storages.interpreter(pickle)
    tree = machine.run()
    check_tree(tree, subject, archive.limits)
    check(machine.position == len(pickle), subject, "nothing may follow the pickle",
          bytes=len(pickle) - machine.position)  # fmt: skip
    return Checkpoint(subject, "zip", tree, archive.limits, len(archive.data))


def _refuse_script(archive: ZipArchive, folder: str) -> None:
    script = [
        name for name in archive.names
        if name == folder + "constants.pkl" or name.startswith(folder + "code/")
    ]  # fmt: skip
    check(not script, archive.subject, "must be a checkpoint, not a TorchScript program",
          "Save the state_dict() of the scripted model instead.", members=script[:3])  # fmt: skip


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
    storages = _Storages(subject, limits, lambda storage: None)
    machine = storages.interpreter(data)
    check(machine.run() == _MAGIC, subject, "must begin with the magic number of torch.save")
    protocol = machine.run()
    check(type(protocol) is int and protocol == _PROTOCOL, subject,
          f"must have protocol {_PROTOCOL}", type=type(protocol).__name__)  # fmt: skip
    system = machine.run()
    little = isinstance(system, dict) and system.get("little_endian") is True
    check(little, subject, "must be little-endian", "Save it again on a little-endian machine.")
    tree = machine.run()
    check_tree(tree, subject, limits)
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


# what both share


class _Storages:
    """The storages a pickle names by persistent ids, each known once."""

    def __init__(self, subject: str, limits: Limits, found: Callable[[Storage], None]) -> None:
        self.subject = subject
        self.limits = limits
        self.found = found
        self.known: dict[str, Storage] = {}

    def interpreter(self, data: memoryview) -> Interpreter:
        names = table(
            PLAIN_GLOBALS, SETTINGS_GLOBALS, NUMPY_GLOBALS,
            TensorMaker(self.subject, self.limits).globals(),
        )  # fmt: skip
        return Interpreter(data, self.subject, self.limits, names, self.persistent)

    def persistent(self, identity: object) -> object:
        """Take ("storage", class, key, location, count[, view]); where it lay is not used."""
        if type(identity) is not tuple or len(identity) not in (5, 6):
            refuse(self.subject, "a persistent id must describe a storage",
                   type=type(identity).__name__)  # fmt: skip
        word, kind, key, location, count = identity[:5]
        if not isinstance(key, str) or not isinstance(location, str) or type(count) is not int:
            refuse(self.subject, "a storage must have a key, a location and a count")
        check(word == "storage" and 0 <= count < 1 << 60, self.subject,
              "a persistent id must describe a storage", count=count)  # fmt: skip
        storage = self.storage(key, self.kind(kind), count)
        view = identity[5] if len(identity) == 6 else None
        return storage if view is None else self.view(storage, view)

    def kind(self, kind: object) -> str:
        """Return the storage class' short name, or nothing for bytes."""
        name = kind.name if isinstance(kind, Global) else ""
        short = name.removeprefix("torch.").removeprefix("cuda.")
        check(name == UNTYPED or short in STORAGES, self.subject,
              "a storage must have a known class", name=name)  # fmt: skip
        return "" if name == UNTYPED else short

    def storage(self, key: str, kind: str, count: int) -> Storage:
        dtype = STORAGES[kind or "ByteStorage"]
        storage = self.known.get(key)
        if storage is None:
            most = self.limits.max_tensors
            check(len(self.known) < most, self.subject, f"at most max_tensors={most} storages")
            storage = Storage(key, dtype, count, bool(kind))
            self.found(storage)
            self.known[key] = storage
        same = (storage.dtype, storage.count, storage.typed) == (dtype, count, bool(kind))
        check(same, self.subject, f"storage {key!r} must be described alike each time",
              dtype=str(dtype), count=count)  # fmt: skip
        return storage

    def view(self, storage: Storage, view: object) -> View:
        """Take (key, first element, count): how the oldest files share a storage."""
        if type(view) is not tuple or len(view) != 3:
            refuse(self.subject, "a view of a storage must have three parts")
        key, first, count = view
        if not isinstance(key, str) or type(first) is not int or type(count) is not int:
            refuse(self.subject, "a view of a storage must have a key and two counts")
        check(0 <= first and 0 <= count and first + count <= storage.count, self.subject,
              "a view must lie inside its storage", first=first, count=count,
              elements=storage.count)  # fmt: skip
        return View(storage, first, count)


def _plain(node: object, subject: str) -> object:
    """Turn a decoded tree, whose size was checked, into plain Python objects and arrays."""
    if isinstance(node, dict):
        return {
            key.name if isinstance(key, Global) else key: _plain(value, subject)
            for key, value in node.items()
        }
    if isinstance(node, (list, tuple)):
        return type(node)(_plain(item, subject) for item in node)
    if isinstance(node, TensorRecord):
        return node.array()
    if isinstance(node, ArrayRecord):
        return node.array
    if isinstance(node, Global) and node.call is None:
        return node.name
    leaves = (str, bytes, int, float, complex, bool, type(None), set)
    check(isinstance(node, leaves), subject, "may only hold plain data", type=type(node).__name__)
    return node
