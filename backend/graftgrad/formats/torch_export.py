"""Programs of torch.export (`.pt2`): the weights beside them; the program itself is not read.

Since PyTorch 2.8 a JSON text tells of every weight in which member its storage lies, and how; the
versions before kept a checkpoint in the archive.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .base import DType, check, refuse
from .strict_json import parse_object
from .torch_objects import DTYPES, Storage, TensorMaker, TensorRecord
from .zip import ZipArchive

_CONFIG = "_weights_config.json"
_ROOM = "data/weights/"
_OLDER = ("serialized_state_dict.pt", "serialized_state_dict.json")
_STRIDED = 7
_BYTE = DTYPES["uint8"]
# Numbers of torch._export.serde.schema.ScalarType.
_NUMBERED: dict[int, DType] = {
    number: DTYPES[name]
    for number, name in {
        1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32",
        8: "float64", 10: "complex64", 11: "complex128", 12: "bool", 13: "bfloat16", 28: "uint16",
        29: "float8_e4m3fn", 30: "float8_e5m2", 31: "float8_e4m3fnuz", 32: "float8_e5m2fnuz",
        33: "float8_e8m0fnu", 34: "uint32", 35: "uint64",
    }.items()
}  # fmt: skip

Decode = Callable[[ZipArchive], object]
Told = dict[str, Any]


def sniff(archive: ZipArchive) -> bool:
    """Tell whether an archive is a program with its weights."""
    return bool(_configs(archive)) or any(name in archive for name in _OLDER)


def weights(archive: ZipArchive, decode: Decode) -> object:
    """Return the tensors by name; by model and name where the archive holds several models.

    Args:
        archive: the container.
        decode: decodes a checkpoint that is a member of it.

    Raises:
        FormatError: a weight lies outside of its member, or is not described as a plain tensor.
    """
    older = next((name for name in _OLDER if name in archive), None)
    if older is not None:
        return decode(_nested(archive, older))
    maker = _Maker(archive, decode)
    models = {
        name.rpartition("/")[2].removesuffix(_CONFIG): maker.model(name)
        for name in _configs(archive)
    }
    return models if len(models) > 1 else next(iter(models.values()))


def _configs(archive: ZipArchive) -> list[str]:
    found = []
    for name in archive.names:
        folder, _, short = name.rpartition("/")
        if short.endswith(_CONFIG) and f"/{folder}/".endswith(f"/{_ROOM}"):
            found.append(name)
    return found


def _nested(archive: ZipArchive, name: str) -> ZipArchive:
    content = archive.read(name, archive.limits.max_bytes)
    subject = f"{archive.subject}: member {name!r}"
    check(
        bytes(content[:4]) == b"PK\3\4",
        subject,
        "must be a file written by torch.save",
        begins=bytes(content[:8]),
    )
    inner = ZipArchive(content, subject, archive.limits)
    check(
        not sniff(inner),
        subject,
        "a checkpoint in a program must not hold another program",
        members=inner.names[:4],
    )
    return inner


class _Maker:
    """Makes tensors over the members of an archive as they are described."""

    def __init__(self, archive: ZipArchive, decode: Decode) -> None:
        self.archive = archive
        self.decode = decode
        self.tensors = TensorMaker(archive.subject, archive.limits)
        self.storages: dict[str, Storage] = {}

    def model(self, config: str) -> dict[str, object]:
        """Make all weights of one model."""
        subject = f"{self.archive.subject}: member {config!r}"
        limits = self.archive.limits
        told = parse_object(self.archive.read(config, limits.max_header), subject, limits)
        described = self.table(told.get("config"), subject)
        check(len(described) <= limits.max_tensors, subject,
              f"at most max_tensors={limits.max_tensors}", tensors=len(described))  # fmt: skip
        folder = config.rpartition("/")[0]
        return {
            name: self.weight(self.table(one, subject), folder, f"{subject}: weight {name!r}")
            for name, one in described.items()
        }

    def table(self, value: object, subject: str) -> Told:
        """Take an object of the text."""
        if not isinstance(value, dict):
            refuse(subject, "weights must be described by objects", type=type(value).__name__)
        return value

    def weight(self, told: Told, folder: str, subject: str) -> object:
        """Make one weight."""
        path = told.get("path_name")
        if not isinstance(path, str):
            refuse(subject, "must name its member", type=type(path).__name__)
        member = f"{folder}/{path}"
        if told.get("use_pickle"):
            tensor = self.decode(_nested(self.archive, member))
            check(isinstance(tensor, TensorRecord), subject, "must be a plain tensor",
                  type=type(tensor).__name__)  # fmt: skip
            return tensor
        meta = self.table(told.get("tensor_meta"), subject)
        number, layout = meta.get("dtype"), meta.get("layout")
        check(isinstance(number, int) and number in _NUMBERED, subject,
              f"its dtype must be one of {[*_NUMBERED]}", dtype=number)  # fmt: skip
        check(layout == _STRIDED, subject, "must be a dense tensor", layout=layout)
        sizes, strides = (
            [self.size(one, subject) for one in self.row(meta.get(name), subject)]
            for name in ("sizes", "strides")
        )
        offset = self.size(meta.get("storage_offset"), subject)
        arguments = (self.storage(member), offset, sizes, strides)
        return self.tensors.record(arguments, _NUMBERED[int(number)])  # type: ignore[arg-type]

    def row(self, value: object, subject: str) -> list[object]:
        """Take a list of the text."""
        if not isinstance(value, list):
            refuse(subject, "sizes and strides must be lists", type=type(value).__name__)
        return value

    def size(self, value: object, subject: str) -> object:
        """Take a size; one that is left open is no size of a weight."""
        told = self.table(value, subject).get("as_int")
        check(type(told) is int, subject, "sizes must be whole numbers", size=told)
        return told

    def storage(self, member: str) -> Storage:
        """Return the storage that is a member as a whole; weights that share it share memory."""
        if member not in self.storages:
            size = self.archive.size(member)
            read = partial(self.archive.read, member)
            self.storages[member] = Storage(member, _BYTE, size, False, read)
        return self.storages[member]
