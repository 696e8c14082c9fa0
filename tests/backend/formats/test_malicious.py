"""Files made to do harm: each shape is one row, and every way in refuses it."""

import base64
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest

from graftgrad import formats
from graftgrad.errors import FormatError
from graftgrad.formats import Limits
from support.hostile_files import (
    archive,
    call,
    central,
    checkpoint,
    described,
    edited,
    entry,
    exported,
    hdf5,
    held,
    integer,
    keras,
    legacy,
    module,
    name,
    noted,
    npy,
    poke,
    row,
    safetensors,
    sound,
    tensor,
    text,
    typed,
)

HUGE = 2**50


@dataclass(frozen=True)
class Row:
    name: str
    kind: str
    content: Callable[[], bytes]
    says: str


def consume(archive):
    with archive:
        return {name: archive[name].copy() for name in archive}


WAYS = {
    "torch": {
        "open_weights": lambda path: consume(formats.open_weights(path)),
        "open_torch": lambda path: consume(formats.open_torch(path)),
        "read_checkpoint": formats.read_checkpoint,
    },
    "safetensors": {
        "open_weights": lambda path: consume(formats.open_weights(path)),
        "open_safetensors": lambda path: consume(formats.open_safetensors(path)),
    },
    "npz": {
        "open_weights": lambda path: consume(formats.open_weights(path)),
        "open_npz": lambda path: consume(formats.open_npz(path)),
    },
    "hdf5": {
        "open_weights": lambda path: consume(formats.open_weights(path)),
        "open_hdf5": lambda path: consume(formats.open_hdf5(path)),
        "inside .keras": lambda path: consume(formats.open_weights(wrapped(path))),
        "read_keras": lambda path: consume(formats.read_keras(wrapped(path)).open_weights()),
    },
    "keras": {
        "open_weights": lambda path: consume(formats.open_weights(path)),
        "read_keras": lambda path: consume(formats.read_keras(path).open_weights()),
    },
}


def wrapped(path):
    """Put an HDF5 file into a .keras archive."""
    place = path.with_suffix(".keras")
    members = {"config.json": b"{}", "metadata.json": b"{}", "model.weights.h5": path.read_bytes()}
    formats.write_keras(place, members)
    return place


def laughs(levels=40):
    """A list of ten times a list of ten times a list ..."""
    body = b"(]q\x00"
    for level in range(levels):
        body += b"](" + b"h" + bytes([level]) + (b"h" + bytes([level])) * 9 + b"e"
        body += b"q" + bytes([level + 1])
    return entry(body + b"t")


def nested_key():
    """A tuple of twice a tuple of twice ..., as a key: its hash would never end."""
    body = b"()q\x00"
    for level in range(100):
        body += b"h" + bytes([level]) + b"h" + bytes([level]) + b"\x86q" + bytes([level + 1])
    return b"}" + body + b"tK\x01s"


def copies():
    """One text that is made into bytes again and again."""
    again = name("_codecs", "encode") + b"h\x00X\x06\x00\x00\x00latin1\x86R"
    return text("x" * 100_000) + b"q\x00]" + (again + b"a") * 5_000 + b"\x86"


def wide():
    """A long list that holds itself: listed at every level, it would take gigabytes."""
    return entry(b"]q\x00(" + b"N" * 100_000 + b"h\x00e")


def one_hash():
    """A dict of numbers that Python hashes alike: filling it would take quadratic time."""
    keys = b"".join(integer(k * (2**61 - 1)) + b"N" for k in range(1, 50_000))
    return b"}(" + keys + b"u"


def pairs_of_one_hash():
    """The same of pairs: the second number undoes what the first did."""
    prime, turned = 0x9E3779B185EBCA87, 0x85EBCA77C2B2AE3D  # as in Python's hash of tuples
    undo, mask = pow(0xC2B2AE3D27D4EB4F, -1, 2**64), 2**64 - 1
    keys = []
    for first in range(2000):
        lane = (0x27D4EB2F165667C5 + first * 0xC2B2AE3D27D4EB4F) & mask
        lane = (lane << 31 | lane >> 33) & mask
        second = (turned - lane * prime) * undo & mask
        keys.append(integer(first) + integer(second) + b"\x86N")
    return b"}(" + b"".join(keys) + b"u"


def tar_checkpoint():
    import tarfile

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for member in ("storages", "tensors", "pickle"):
            archive.addfile(tarfile.TarInfo(member), io.BytesIO())
    return buffer.getvalue()


RUNS = name("os", "system") + row(text("touch canary")) + b"R"
TORCH = [
    Row("runs a command", "torch", lambda: checkpoint(RUNS), "os.system"),
    Row("runs a command, old container", "torch", lambda: legacy(RUNS), "os.system"),
    Row("runs a command before the magic", "torch",
        lambda: b"\x80\x02" + b"\x8a\x0a" + bytes.fromhex("6cfc9c46f9206aa85019") + RUNS + b".",
        "os.system"),
    Row("bare pickle", "torch", lambda: b"\x80\x02" + RUNS + b".", "bare pickle|torch.save"),
    Row("evaluates", "torch", lambda: checkpoint(call("builtins", "eval", text("1"))), "eval"),
    Row("name of a submodule", "torch",
        lambda: checkpoint(call("asyncio.unix_events", "_UnixSubprocessTransport")), "asyncio"),
    Row("known name with a tail", "torch",
        lambda: checkpoint(call("torch._utils", "_rebuild_tensor_v2.__globals__")), "__globals__"),
    Row("stacked global", "torch",
        lambda: checkpoint(entry(text("os") + text("system") + b"\x93")), "os.system"),
    Row("inst opcode", "torch", lambda: checkpoint(b"(ios\nsystem\n"), "opcode"),
    Row("extension opcode", "torch", lambda: checkpoint(b"\x82\x01"), "opcode"),
    Row("call of a string", "torch", lambda: checkpoint(text("x") + b")R"), "applied"),
    Row("call of a class name", "torch", lambda: checkpoint(name("torch", "FloatStorage") + b")R"),
        "applied"),
    Row("arguments no tuple", "torch",
        lambda: checkpoint(name("collections", "OrderedDict") + b"]R"), "tuple"),
    Row("item set in a list", "torch", lambda: checkpoint(b"]" + text("a") + b"Ns"), "dict"),
    Row("items set in a tensor", "torch",
        lambda: checkpoint(tensor() + b"(" + text("a") + b"Nu"), "dict"),
    Row("append to a dict", "torch", lambda: checkpoint(b"}Na"), "list"),
    Row("state for a list", "torch", lambda: checkpoint(b"]}b"), "may not give a state to this"),
    Row("state for a tensor", "torch", lambda: checkpoint(tensor() + b"}b"), "state"),
    Row("odd number of items", "torch", lambda: checkpoint(b"}(Nu"), "items must come in pairs"),
    Row("pop below the mark", "torch", lambda: checkpoint(b"N(a"), "more values"),
    Row("stack empty", "torch", lambda: checkpoint(b""), "must not take more values than it gave"),
    Row("two values left", "torch", lambda: checkpoint(b"NN"), "one value"),
    Row("memo missing", "torch", lambda: checkpoint(b"h\x07"), "may only fetch what it kept"),
    Row("no mark", "torch", lambda: checkpoint(b"t"), "must set a mark before it gathers values"),
    Row("list as key", "torch", lambda: checkpoint(b"}]Ns"), "keys"),
    Row("nested key", "torch", lambda: checkpoint(nested_key()), "keys"),
    Row("a billion laughs", "torch", lambda: checkpoint(laughs()), "max_objects"),
    Row("holds itself", "torch", lambda: checkpoint(entry(b"]q\x00h\x00a")), "max_depth"),
    Row("a long list in itself", "torch", lambda: checkpoint(wide()), "max_objects"),
    Row("keys of one hash", "torch", lambda: checkpoint(one_hash()), "small"),
    Row("pairs of one hash", "torch", lambda: checkpoint(pairs_of_one_hash()), "small"),
    Row("set of one hash", "torch", lambda: checkpoint(
        b"\x8f(" + b"".join(integer(k * (2**61 - 1)) for k in range(1, 20_000)) + b"\x90"),
        "small"),
    Row("copies of its values", "torch", lambda: checkpoint(copies()), "more of its values"),
    Row("deque of a text", "torch", lambda: checkpoint(call("collections", "deque", text("x"))),
        "takes a list"),
    Row("counter of a list", "torch", lambda: checkpoint(call("collections", "Counter", b"]")),
        "takes a dict"),
    Row("default made by a call", "torch",
        lambda: checkpoint(call("collections", "defaultdict", name("os", "system"))), "os.system"),
    Row("path of numbers", "torch", lambda: checkpoint(call("pathlib", "PosixPath", b"K\x01")),
        "text"),
    Row("date of text", "torch", lambda: checkpoint(call("datetime", "datetime", text("x"))),
        "takes 4 or 10 bytes"),
    Row("range of text", "torch", lambda: checkpoint(call("builtins", "range", text("x"))),
        "takes up to three numbers"),
    Row("complex of text", "torch", lambda: checkpoint(call("builtins", "complex", text("1j"))),
        "complex: takes two numbers"),
    Row("class of settings with arguments", "torch",
        lambda: checkpoint(call("easydict", "EasyDict", text("x"))), "no arguments"),
    Row("layout of a number", "torch",
        lambda: checkpoint(call("torch.serialization", "_get_layout", b"K\x01")), "name"),
    Row("sparse tensor", "torch",
        lambda: checkpoint(name("torch._utils", "_rebuild_sparse_tensor")), "to_dense"),
    Row("nested deeply", "torch", lambda: checkpoint(entry(b"]" * 5000 + b"a" * 4999)),
        "max_depth"),
    Row("text longer than the file", "torch", lambda: checkpoint(b"X\xff\xff\xff\x7f"),
        "must not end early"),
    Row("frame longer than the file", "torch", lambda: checkpoint(b"\x95" + b"\xff" * 8),
        "a frame must fit the file"),
    Row("more elements than stored", "torch", lambda: checkpoint(entry(tensor(count=400))),
        "must hold what its storage declares"),
    Row("huge element count", "torch", lambda: checkpoint(entry(tensor(count=2**62))), "storage"),
    Row("negative element count", "torch", lambda: checkpoint(entry(tensor(count=-1))), "storage"),
    Row("element count no integer", "torch",
        lambda: checkpoint(row(text("storage"), name("torch", "FloatStorage"), text("0"),
                               text("cpu"), b"G" + bytes(8)) + b"Q"), "count"),
    Row("shape past the storage", "torch", lambda: checkpoint(entry(tensor((5,)))), "inside"),
    Row("stride past the storage", "torch", lambda: checkpoint(entry(tensor((4,), (2,)))),
        "inside"),
    Row("offset past the storage", "torch", lambda: checkpoint(entry(tensor(offset=1))), "inside"),
    Row("negative size", "torch", lambda: checkpoint(entry(tensor((-1,)))), "negative"),
    Row("negative stride", "torch", lambda: checkpoint(entry(tensor((4,), (-1,)))), "negative"),
    Row("negative offset", "torch", lambda: checkpoint(entry(tensor(offset=-1))), "negative"),
    Row("product overflows", "torch", lambda: checkpoint(entry(tensor((2**32, 2**32), (0, 0)))),
        "max_bytes"),
    Row("expanded bomb", "torch", lambda: checkpoint(entry(tensor((2**30,), (0,)))),
        "at most max_ratio=100 bytes for each byte stored"),
    Row("empty with a huge axis", "torch",
        lambda: checkpoint(entry(tensor((0, 2**61), (1, 1)))), "max_bytes"),
    Row("empty past the storage", "torch",
        lambda: checkpoint(entry(tensor((0,), (1,), offset=9))), "inside"),
    Row("axes without strides", "torch", lambda: checkpoint(entry(tensor((2, 2)))), "stride"),
    Row("a hundred axes", "torch", lambda: checkpoint(entry(tensor((1,) * 100, (1,) * 100))),
        "axes"),
    Row("one storage, two types", "torch",
        lambda: checkpoint(b"](" + tensor() + tensor(kind="IntStorage") + b"e"),
        "must be described alike each time"),
    Row("unknown storage", "torch", lambda: checkpoint(entry(tensor(kind="QInt8Storage"))),
        "QInt8Storage"),
    Row("storage of no type", "torch", lambda: checkpoint(
        entry(tensor(count=16, module="torch.storage", kind="UntypedStorage"))), "elements are"),
    Row("storage missing", "torch", lambda: checkpoint(entry(tensor(key="7"))), "missing"),
    Row("storage key climbs", "torch", lambda: checkpoint(entry(tensor(key="../data.pkl"))),
        "missing"),
    Row("persistent id no storage", "torch", lambda: checkpoint(text("os") + b"Q"),
        "a persistent id must describe a storage"),
    Row("source of a module", "torch",
        lambda: checkpoint(row(text("module"), b"N", text("a"), text("b"), b"K\x01") + b"Q"),
        "storage"),
    Row("hooks", "torch", lambda: checkpoint(entry(
        name("torch._utils", "_rebuild_parameter") + row(tensor(), b"\x88", b"]") + b"R")),
        "hooks"),
    Row("parameter of no tensor", "torch", lambda: checkpoint(entry(
        name("torch._utils", "_rebuild_parameter") + row(b"N", b"\x88", b"}") + b"R")), "tensor"),
    Row("type that calls", "torch", lambda: checkpoint(call(
        "torch._tensor", "_rebuild_from_type_v2", name("torch._tensor", "_rebuild_from_type_v2"),
        name("torch", "Tensor"), b")", b"}")), "known function"),
    Row("numpy objects", "torch", lambda: checkpoint(call("numpy", "dtype", text("O8"))), "plain"),
    Row("numpy scalar too short", "torch", lambda: checkpoint(entry(
        name("numpy.core.multiarray", "scalar")
        + row(name("numpy", "dtype") + row(text("f8")) + b"R", b"C\x01x") + b"R")), "element"),
    Row("text that is not UTF-8", "torch", lambda: checkpoint(b"X\x01\x00\x00\x00\xff"),
        "text must be UTF-8"),
    Row("big-endian", "torch", lambda: checkpoint(entry(tensor()), byteorder=b"big"),
        "must be little-endian; got byteorder"),
    Row("big-endian, old", "torch", lambda: legacy(entry(tensor()), little=False),
        "must be little-endian; got little_endian=False"),
    Row("script", "torch", lambda: checkpoint(entry(tensor()), **{"constants.pkl": b""}),
        "TorchScript"),
    Row("code", "torch", lambda: checkpoint(entry(tensor()), **{"code/x.py": b""}), "TorchScript"),
    Row("tar", "torch", tar_checkpoint, "tar"),
    Row("old: storage too short", "torch",
        lambda: legacy(entry(tensor()), data=struct.pack("<q", 4) + bytes(8)), "inside the file"),
    Row("old: count disagrees", "torch",
        lambda: legacy(entry(tensor()), data=struct.pack("<q", 2**62) + bytes(16)),
        "must hold what was declared"),
    Row("old: bytes appended", "torch", lambda: legacy(entry(tensor())) + b"x", "follow"),
    Row("old: key never named", "torch", lambda: legacy(b"}"), "every storage must be listed once"),
    Row("old: key listed twice", "torch",
        lambda: legacy(entry(tensor()), keys=b"](" + text("0") * 2 + b"e"), "listed once"),
    Row("old: keys no list", "torch", lambda: legacy(entry(tensor()), keys=b"N"), "text"),
    Row("old: view past its storage", "torch", lambda: legacy(row(
        text("storage"), name("torch", "FloatStorage"), text("0"), text("cpu"), integer(4),
        row(text("v"), integer(3), integer(2))) + b"Q"), "inside its storage"),
    Row("no tensors at all", "torch-weights", lambda: checkpoint(b"}"), "dict of tensors"),
]  # fmt: skip
WAYS["torch-weights"] = {k: v for k, v in WAYS["torch"].items() if k != "read_checkpoint"}


# safetensors


def one(**fields):
    return lambda: safetensors({"w": described(**fields)})


DOUBLED = b'{"w":' + json.dumps(described()).encode() + b',"w":' + json.dumps(described()).encode()
SAFETENSORS = [
    Row("header longer than the file", "safetensors",
        lambda: safetensors(b"{}", length=2**63), "safetensors|header"),
    Row("header of spaces", "safetensors",
        lambda: safetensors(b"{" + b" " * (33 << 20)), "max_header"),
    Row("header no JSON", "safetensors", lambda: safetensors(b"{]"), "JSON"),
    Row("header not UTF-8", "safetensors", lambda: safetensors(b'{"\xff":1}'), "JSON"),
    Row("header nested", "safetensors",
        lambda: safetensors(b'{"a":' * 90000 + b"1" + b"}" * 90000), "JSON|max_depth"),
    Row("a number of a million digits", "safetensors",
        lambda: safetensors(b'{"w":' + b"9" * 10**6 + b"}"), "JSON|dtype"),
    Row("header of a million values", "safetensors",
        lambda: safetensors(b'{"w":[' + b"[]," * 2_100_000 + b"[]]}"), "max_objects"),
    Row("name of a million letters", "safetensors",
        lambda: safetensors({"w" * 10**6: described(dtype="O")}), "dtype"),
    Row("doubled name", "safetensors", lambda: safetensors(DOUBLED + b"}"), "twice"),
    Row("overlap", "safetensors", lambda: safetensors(
        {"a": described((2,), (0, 8)), "b": described((3,), (4, 16))}), "overlap"),
    Row("gap", "safetensors", lambda: safetensors(
        {"a": described((1,), (0, 4)), "b": described((2,), (8, 16))}), "gap"),
    Row("left over", "safetensors", one(shape=(2,), offsets=(0, 8)), "cover"),
    Row("beyond the end", "safetensors", one(shape=(5,), offsets=(0, 20)), "cover"),
    Row("backwards", "safetensors", one(offsets=(16, 0)), "as many bytes"),
    Row("negative offset", "safetensors", one(offsets=(-16, 0)), "positions"),
    Row("negative axis", "safetensors", one(shape=(-4,)), "sizes"),
    Row("huge axis", "safetensors", one(shape=(HUGE,)), "max_bytes"),
    Row("product overflows", "safetensors", one(shape=(2**62, 4)), "max_bytes"),
    Row("empty with a huge axis", "safetensors",
        lambda: safetensors({"w": described((0, 2**62), (0, 0))}, b""), "max_bytes"),
    Row("axis a boolean", "safetensors", one(shape=(True, 4)), "sizes"),
    Row("axis a float", "safetensors", one(shape=(4.0,)), "sizes"),
    Row("unknown dtype", "safetensors", one(dtype="O"), "dtype"),
    Row("dtype no text", "safetensors", one(dtype=[]), "dtype"),
    Row("unknown field", "safetensors", one(path="/etc/passwd"), "must state"),
    Row("field missing", "safetensors", lambda: safetensors({"w": {"dtype": "F32"}}), "state"),
    Row("metadata no text", "safetensors",
        lambda: safetensors({"__metadata__": {"a": 1}}, b""), "metadata"),
    Row("a hundred axes", "safetensors", one(shape=(1,) * 100), "axes"),
]  # fmt: skip


# npz, and the ZIP container all three share


def npz(header=None, **options):
    return lambda: archive([("w.npy", npy(header, **options))])


def linked(info):
    info.create_system, info.external_attr = 3, 0o120777 << 16


NPZ = [
    Row("objects", "npz", npz("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"), "plain"),
    Row("records", "npz",
        npz("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }"), "plain"),
    Row("text elements", "npz", npz("{'descr': '<U4', 'fortran_order': False, 'shape': (1,), }"),
        "numbers"),
    Row("impossible elements", "npz",
        npz("{'descr': '<f3', 'fortran_order': False, 'shape': (4,), }"), "numbers"),
    Row("shape bomb", "npz",
        npz(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({HUGE},), }}"),
        "at most max_bytes="),
    Row("shape larger than the member", "npz",
        npz("{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }"), "as many bytes"),
    Row("code in the header", "npz", npz("__import__('os').system('touch canary')"), "plain"),
    Row("deep header", "npz", lambda: archive([("w.npy", npy("(" * 5000))]), "header|plain"),
    Row("version 9", "npz", npz(version=9), "version"),
    Row("no npy", "npz", lambda: archive([("w.npy", b"hello")]), "npy"),
    Row("pickle beside the arrays", "npz",
        lambda: archive([("w.npy", npy()), ("x.pkl", b"")]), "npy|must be one of"),
    Row("doubled member", "npz", lambda: archive([("w.npy", npy()), ("w.npy", npy())]), "twice"),
    Row("climbing name", "npz", lambda: archive([("../w.npy", npy())]), "inside"),
    Row("absolute name", "npz", lambda: archive([("/w.npy", npy())]), "inside"),
    Row("drive", "npz", lambda: archive([("C:/w.npy", npy())]), "inside"),
    Row("backslash", "npz", poke("<1s", lambda d: central(d) + 47, b"\\"), "inside|agree"),
    Row("link", "npz", lambda: archive([("w.npy", npy())], patch=linked), "link"),
    Row("bomb", "npz", lambda: archive([("w.npy", bytes(40 << 20))], zipfile.ZIP_DEFLATED),
        "max_ratio"),
    Row("bomb beside an honest member", "npz", lambda: archive(
        [("a.npy", np.random.default_rng(0).bytes(1 << 20)), ("w.npy", bytes(40 << 20))],
        zipfile.ZIP_DEFLATED), "max_ratio"),
    Row("bzip2", "npz", lambda: archive([("w.npy", npy())], zipfile.ZIP_BZIP2),
        "must be stored or deflated"),
    Row("encrypted", "npz", poke("<H", lambda d: central(d) + 8, 1), "encrypted"),
    Row("checksum wrong", "npz", lambda: edited(
        lambda d: d.__setitem__(170, d[170] ^ 1))(), "the checksum must agree"),
    Row("sizes disagree", "npz", poke("<I", lambda d: central(d) + 24, 7),
        "a stored member has one size"),
    Row("headers disagree", "npz", poke("<1s", lambda d: 30, b"z"), "agree"),
    Row("methods disagree", "npz", poke("<H", lambda d: 8, 8), "agree"),
    Row("members overlap", "npz", poke("<I", lambda d: central(d, 1) + 42, 0),
        "ZIP members must neither overlap nor leave gaps"),
    Row("offset past the end", "npz", poke("<I", lambda d: central(d) + 42, 2**31), "gaps"),
    Row("count wrong", "npz", poke("<H", lambda d: len(d) - 12, 1), "whole"),
    Row("directory elsewhere", "npz", poke("<I", lambda d: len(d) - 6, 0), "whole"),
    Row("comment", "npz", edited(lambda d: d + b"x"), "record|signature"),
    Row("bytes before", "npz", edited(lambda d: b"PK\3\4" + d), "signature|whole"),
    Row("hidden bytes", "npz", edited(
        lambda d: _insert(d, central(d), b"hidden")), "hide|whole"),
    Row("no members", "npz", lambda: archive([]), "empty ZIP|must be there|begin|.npy"),
]  # fmt: skip


def _insert(data, at, extra):
    """Hide bytes before the directory, and tell its new place."""
    data = data[:at] + extra + data[at:]
    struct.pack_into("<I", data, len(data) - 6, at + len(extra))
    return data


def declared_too_small():
    """A deflated member that goes on after its declared size."""
    content = npy(data=bytes(1000))
    data = bytearray(archive([("w.npy", content)], zipfile.ZIP_DEFLATED))
    short = npy()
    for place in (14, central(data) + 16):
        struct.pack_into("<I", data, place, zlib.crc32(short))
        struct.pack_into("<I", data, place + 8, len(short))
    return bytes(data)


NPZ.append(Row("declared size lies", "npz", declared_too_small, "declared size"))


# HDF5


def external_data(file):
    file.create_dataset("layers/dense/vars/0", (4,), "u1", external=[("/etc/hostname", 0, 4)])


def virtual(file):
    layout = h5py.VirtualLayout((3,), "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (3,))
    file.create_virtual_dataset("layers/dense/vars/0", layout)


def link(place, target):
    def fill(file):
        sound(file)
        file[place] = target

    return hdf5(fill)


def circle(file):
    sound(file)
    file["layers/dense/again"] = file["layers"]


def bomb(file):
    file.create_dataset("w", (HUGE,), "f8", chunks=(1024,), compression="gzip")


def small_bomb(file):
    file.create_dataset("w", (10**8,), "f8", chunks=(1024,), compression="gzip")


def never_written(file):
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    space = h5py.h5s.create_simple((10**6,))
    h5py.h5d.create(file.id, b"w", h5py.h5t.IEEE_F32LE, space, plan)


def unknown_filter(file):
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((4,))
    plan.set_filter(32000, h5py.h5z.FLAG_OPTIONAL)
    h5py.h5d.create(file.id, b"w", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((4,)), plan)


def long_text():
    """An attribute whose text says it has four gigabytes: room would be made for them."""
    data = bytearray(noted("keras_version", "x" * 1234, "/")())
    struct.pack_into("<I", data, data.index(struct.pack("<I", 1234)), 0xFF000000)
    return bytes(data)


def endless_heap():
    """The heap of an attribute's text is damaged: the C library walks it for ever."""
    data = bytearray(noted("keras_version", "x" * 100, "/")())
    struct.pack_into("<Q", data, data.index(b"GCOL") + 24, 0)
    return bytes(data)


def chunk(size, mask=0, at=None):
    """The index of chunks says of the second what is not so; the C library would crash on it."""

    def content():
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            w = file.create_dataset("w", data=np.arange(400.0), chunks=(100,), shuffle=True,
                                    compression="gzip", fletcher32=True)  # fmt: skip
            told = w.id.get_chunk_info(1)
        data = bytearray(buffer.getvalue())
        place = data.index(struct.pack("<IIQ", told.size, 0, 100))
        struct.pack_into("<II", data, place, told.size if size is None else size, mask)
        if at is not None:
            struct.pack_into("<Q", data, data.index(struct.pack("<Q", told.byte_offset), place), at)
        return bytes(data)

    return content


def many_new_attributes():
    """More attributes than a header of the newer form keeps: their lengths cannot be looked up."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver="latest") as file:
        sound(file)
        for index in range(30):
            file.attrs[f"note{index}"] = "x"
        file.attrs["keras_version"] = "3"
    return buffer.getvalue()


def deep(file):
    file.create_group("/".join("g" * 200))


def long_list(file):
    sound(file)
    file.attrs["layer_names"] = np.array([b"dense"] * 2)
    file.create_group("dense")


def missing_weight(file):
    file.attrs["layer_names"] = np.array([b"dense"])
    file.create_group("dense").attrs["weight_names"] = np.array([b"../../etc/passwd"])


def missing_layer(file):
    file.attrs["layer_names"] = np.array([b"dense"])


HDF5 = [
    Row("external storage", "hdf5", hdf5(external_data), "in the file itself"),
    Row("virtual dataset", "hdf5", hdf5(virtual), "in the file itself"),
    Row("external link at a layer", "hdf5",
        link("layers/other", h5py.ExternalLink("/etc/hostname", "/")),
        "only hard links are followed, none that point elsewhere"),
    Row("external link at vars", "hdf5",
        link("layers/other/vars", h5py.ExternalLink("x.h5", "/")), "hard links"),
    Row("external link at the top", "hdf5",
        link("model_weights", h5py.ExternalLink("x.h5", "/")), "hard links"),
    Row("external link between", "hdf5",
        link("a/b/c", h5py.ExternalLink("x.h5", "/")), "hard links"),
    Row("soft link", "hdf5", link("layers/other", h5py.SoftLink("/layers/dense")), "hard links"),
    Row("soft link to a weight", "hdf5",
        link("layers/dense/vars/1", h5py.SoftLink("/layers/dense/vars/0")), "hard links"),
    Row("circle", "hdf5", hdf5(circle), "no group may be linked twice"),
    Row("shape bomb", "hdf5", hdf5(bomb), "max_bytes"),
    Row("shape bomb under the limit", "hdf5", hdf5(small_bomb), "max_ratio"),
    Row("declared, never written", "hdf5", hdf5(never_written), "store as many"),
    Row("three axes of a million", "hdf5", hdf5(lambda file: file.create_dataset(
        "w", (10**6, 10**6, 10**6), "f8", chunks=(8, 8, 8))), "max_bytes"),
    Row("filter from elsewhere", "hdf5", hdf5(unknown_filter), "gzip"),
    Row("lzf", "hdf5", hdf5(lambda file: file.create_dataset(
        "w", data=np.zeros(64), compression="lzf")),
        "only gzip, shuffle and fletcher32 are allowed"),
    Row("compound", "hdf5", typed(np.dtype([("a", "f4")])), "plain numbers"),
    Row("free text", "hdf5", typed(h5py.string_dtype()), "plain numbers"),
    Row("fixed text", "hdf5", typed("S8"), "plain numbers"),
    Row("references", "hdf5", typed(h5py.ref_dtype), "plain numbers"),
    Row("sequences", "hdf5", typed(h5py.vlen_dtype("f4")), "plain numbers"),
    Row("opaque", "hdf5", typed("V8"), "plain numbers"),
    Row("two opaque bytes", "hdf5", typed("V2"), "plain numbers"),
    Row("enumeration", "hdf5", typed(h5py.enum_dtype({"A": 0, "B": 1})), "plain numbers"),
    Row("null space", "hdf5", hdf5(lambda file: file.create_dataset("w", dtype="f4")),
        "plain shape"),
    Row("named type", "hdf5", hdf5(lambda file: file.__setitem__("t", np.dtype("f4"))),
        "groups and datasets"),
    Row("text of four gigabytes", "hdf5", long_text, "max_header"),
    Row("heap that never ends", "hdf5", endless_heap, "heap|sound"),
    Row("chunk of no bytes", "hdf5", chunk(0, 1), "chunks must lie in the file"),
    Row("chunk longer than the file", "hdf5", chunk(1 << 30),
        "must lie inside the file; got stored"),
    Row("chunk less than its checksum", "hdf5", chunk(4), "chunks must lie in the file"),
    Row("chunk beyond the file", "hdf5", chunk(None, 0, 1 << 40), "chunks must|inside the file"),
    Row("chunk with a filter left out", "hdf5", chunk(None, 1), "their filters applied"),
    Row("region references", "hdf5", typed(h5py.regionref_dtype), "plain numbers"),
    Row("deflated bomb that is stored", "hdf5", hdf5(lambda file: file.create_dataset(
        "w", data=np.zeros(5 << 20), chunks=(1 << 20,), compression="gzip")), "max_ratio"),
    Row("filter of numbers of bits", "hdf5", hdf5(lambda file: file.create_dataset(
        "w", data=np.zeros(64, "i4"), scaleoffset=3, chunks=(8,))), "gzip"),
    Row("attribute of references", "hdf5", hdf5(lambda file: file.attrs.create(
        "keras_version", file["/"].ref, dtype=h5py.ref_dtype)) , "text or numbers|list of names"),
    Row("attributes out of sight", "hdf5", many_new_attributes, "free length"),
    Row("deep", "hdf5", hdf5(deep), "max_depth"),
    Row("layer listed twice", "hdf5", hdf5(long_list), "twice"),
    Row("weight without dataset", "hdf5", hdf5(missing_weight), "dataset"),
    Row("layer without group", "hdf5", hdf5(missing_layer), "group"),
    Row("list of names a number", "hdf5", noted("layer_names", 7, "/"), "list of names"),
    Row("list of names compound", "hdf5",
        noted("layer_names", np.zeros(1, [("a", "f4")]), "/"), "text or numbers"),
    Row("user block", "hdf5-bytes", lambda: bytes(512) + hdf5(sound)(), "must be one of|begin"),
]  # fmt: skip
WAYS["hdf5-bytes"] = {k: v for k, v in WAYS["hdf5"].items() if k in ("open_weights", "open_hdf5")}


# .keras


def twice():
    return archive([("config.json", b"{}"), ("metadata.json", b"{}"), ("config.json", b"{}"),
                    ("model.weights.h5", hdf5(sound)())])  # fmt: skip


KERAS = [
    Row("config twice", "keras", twice, "twice"),
    Row("config a bomb", "keras",
        keras(method=zipfile.ZIP_DEFLATED, **{"config.json": b" " * (40 << 20)}), "max_ratio"),
    Row("config too long", "keras", keras(**{"config.json": b"{" + b" " * (33 << 20) + b"}"}),
        "at most"),
    Row("config a list", "keras", keras(**{"config.json": b"[]"}), "object"),
    Row("config with infinity", "keras", keras(**{"config.json": b'{"a": Infinity}'}), "finite"),
    Row("config with 1e999", "keras", keras(**{"config.json": b'{"a": 1e999}'}), "finite"),
    Row("config with a doubled key", "keras", keras(**{"config.json": b'{"a":1,"a":2}'}), "twice"),
    Row("config nested", "keras",
        keras(**{"config.json": b'{"a":' * 500 + b"1" + b"}" * 500}), "max_depth"),
    Row("metadata missing", "keras", keras(**{"metadata.json": None}), "metadata"),
    Row("weights missing", "keras", keras(**{"model.weights.h5": None}), "one of"),
    Row("both weights", "keras", keras(**{"model.weights.npz": b""}), "one of"),
    Row("weights no HDF5", "keras", keras(**{"model.weights.h5": b"hello"}), "HDF5"),
    Row("asset climbs", "keras", keras(**{"assets/../../x": b""}), "inside"),
    Row("npz of objects", "keras", keras(**{
        "model.weights.h5": None,
        "model.weights.npz": archive([("a.npy", npy("{'descr': '|O', 'fortran_order': False, "
                                                     "'shape': (), }"))]),
    }), "plain array"),
]  # fmt: skip


# modules that were saved whole, and programs


def in_itself():
    return name("m", "Net") + b")\x81q\x00" + held(modules=entry(b"h\x00")) + b"b"


def shared(levels=60):
    """A module of twice a module of twice a module ..., and a weight at the bottom."""
    body = module(parameters=entry(tensor())) + b"q\x00"
    for level in range(levels):
        inner = b"h" + bytes([level])
        both = b"}(" + text("a") + inner + text("b") + inner + b"u"
        body += module(modules=both) + b"q" + bytes([level + 1])
    return b"(" + body + b"1h" + bytes([levels])


def chained(levels=200):
    body = module(parameters=entry(tensor()))
    for _ in range(levels):
        body = module(modules=entry(body))
    return body


def older_export(content):
    return lambda: archive([("serialized_state_dict.pt", content())])


MODULES = [
    Row("class that is a function", "torch",
        lambda: checkpoint(name("os", "system") + row(text("touch canary")) + b"\x81"),
        "os.system"),
    Row("class that is a function, with named arguments", "torch",
        lambda: checkpoint(name("os", "system") + b")}\x92"), "os.system"),
    Row("reduce in a module", "torch",
        lambda: checkpoint(module(parameters=entry(tensor()), modules=entry(RUNS))), "os.system"),
    Row("state that starts a program", "torch", lambda: checkpoint(
        name("subprocess", "Popen") + b")\x81" + entry(text("touch canary")) + b"b"),
        "subprocess.Popen"),
    Row("method of a name", "torch",
        lambda: checkpoint(call("builtins", "getattr", name("m", "Net"), text("f"))), "getattr"),
    Row("method that is hidden", "torch", lambda: checkpoint(
        call("builtins", "getattr", module(), text("__class__"))), "getattr"),
    Row("result of a call is called", "torch",
        lambda: checkpoint(entry(name("m", "f") + b")R)R")), "applied"),
    Row("weight that a function makes", "torch", lambda: checkpoint(
        module(parameters=call("torch.hub", "load", text("evil/repository"), text("net")))),
        "plain tensors"),
    Row("module in itself", "torch", lambda: checkpoint(in_itself()), "hold itself"),
    Row("modules that share their parts", "torch", lambda: checkpoint(shared()), "max_tensors"),
    Row("modules nested deeply", "torch", lambda: checkpoint(chained()), "max_depth"),
    Row("module that is text", "torch", lambda: checkpoint(module(modules=entry(text("x")))),
        "only hold modules"),
    Row("weight without a name", "torch",
        lambda: checkpoint(module(parameters=b"}K\x01" + tensor() + b"s")), "must have names"),
    Row("weight with a long name", "torch", lambda: checkpoint(
        module(parameters=b"}" + text("w" * 1001) + tensor() + b"s")), "1000 characters"),
    Row("two states", "torch", lambda: checkpoint(module() + b"}b"), "state once"),
    Row("named arguments no dict", "torch", lambda: checkpoint(name("m", "f") + b"))\x92"),
        "tuple and a dict"),
    Row("class of a list in itself", "torch",
        lambda: checkpoint(name("m", "Row") + b")\x81q\x00h\x00a"), "max_depth"),
    Row("old: module without a class", "torch", lambda: legacy(
        row(text("module"), text("x"), text("a"), text("b")) + b"Q"), "must name a class"),
    Row("program of no module", "torch",
        lambda: checkpoint(module(parameters=entry(tensor())), **{"constants.pkl": b""}),
        "TorchScript"),
    Row("program with constants of a call", "torch", lambda: checkpoint(
        name("__torch__", "Net") + b")\x81}b", **{"constants.pkl": b"\x80\x02" + RUNS + b"."}),
        "os.system"),
    Row("program with constants no tuple", "torch", lambda: checkpoint(
        name("__torch__", "Net") + b")\x81}b", **{"constants.pkl": b"\x80\x02N."}), "tuple"),
    Row("export: path climbs", "torch", exported(path_name="../../x"), "missing"),
    Row("export: path no text", "torch", exported(path_name=1), "name its member"),
    Row("export: more than stored", "torch", exported(sizes=[{"as_int": 5}]), "inside"),
    Row("export: stride past the end", "torch", exported(strides=[{"as_int": 2}]), "inside"),
    Row("export: offset past the end", "torch", exported(storage_offset={"as_int": 1}), "inside"),
    Row("export: negative size", "torch", exported(sizes=[{"as_int": -4}]), "negative"),
    Row("export: open size", "torch", exported(sizes=[{"as_expr": {"expr_str": "s0"}}]), "whole"),
    Row("export: size true", "torch", exported(sizes=[{"as_int": True}]), "whole"),
    Row("export: sizes no list", "torch", exported(sizes=4), "sizes and strides must be lists"),
    Row("export: expanded bomb", "torch",
        exported(sizes=[{"as_int": 2**30}], strides=[{"as_int": 0}]), "max_ratio"),
    Row("export: unknown dtype", "torch", exported(dtype=9), "dtype"),
    Row("export: dtype a list", "torch", exported(dtype=[7]), "dtype"),
    Row("export: sparse", "torch", exported(layout=1), "dense"),
    Row("export: no objects", "torch", exported({"config": [1]}), "objects"),
    Row("export: weight no object", "torch", exported({"config": {"w": 1}}), "objects"),
    Row("export: pickled weight runs", "torch",
        exported(use_pickle=True, content=lambda: checkpoint(RUNS)), "os.system"),
    Row("export: pickled weight no tensor", "torch",
        exported(use_pickle=True, content=lambda: checkpoint(b"N")), "plain tensor"),
    Row("export: pickled weight bare", "torch",
        exported(use_pickle=True, content=b"\x80\x02" + RUNS + b"."), "torch.save"),
    Row("export: older runs", "torch", older_export(lambda: checkpoint(RUNS)), "os.system"),
    Row("export: archives in archives", "torch", older_export(
        older_export(older_export(lambda: checkpoint(entry(tensor()))))), "must not hold"),
]  # fmt: skip

ROWS = [
    pytest.param(row, way, id=f"{row.kind}: {row.name}: {way}")
    for row in (*TORCH, *MODULES, *SAFETENSORS, *NPZ, *HDF5, *KERAS)
    for way in WAYS[row.kind]
]
# The name of a file must not matter: every row wears a name that promises something else.
LIES = {"torch": "x.h5", "safetensors": "x.pt", "npz": "x.safetensors", "hdf5": "x.bin"}


@pytest.mark.parametrize(("row", "way"), ROWS)
def test_refused(row: Row, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / LIES.get(row.kind.split("-")[0], "x.npz")
    path.write_bytes(row.content())
    with pytest.raises(FormatError) as caught:
        WAYS[row.kind][way](path)
    # The path has the row's own name in it.
    told = str(caught.value).replace(str(path), "").replace(str(path.with_suffix("")), "")
    assert re.search(row.says, told), told
    assert len(told) < 2000
    assert not (tmp_path / "canary").exists()


def test_the_sound_files_the_rows_are_made_from_are_read(tmp_path: Path) -> None:
    """Else the rows could be refused for the wrong reason."""
    contents = {
        "torch": checkpoint(entry(tensor())), "legacy": legacy(entry(tensor())),
        "module": checkpoint(module(parameters=entry(tensor()))), "exported": exported()(),
        "older export": older_export(lambda: checkpoint(entry(tensor())))(),
        "chained": checkpoint(chained(90)), "shared": checkpoint(shared(10)),
        "safetensors": safetensors({"w": described()}), "npz": npz()(),
        "hdf5": hdf5(sound)(), "keras": keras()(), "two": edited(lambda data: None)(),
    }  # fmt: skip
    for kind, content in contents.items():
        path = tmp_path / kind
        path.write_bytes(content)
        arrays = consume(formats.open_weights(path))
        assert arrays and all(not array.any() for array in arrays.values()), kind


LIMITED = [
    ("max_bytes", Limits(max_bytes=100)),
    ("max_tensors", Limits(max_tensors=2)),
]


@pytest.mark.parametrize(("rule", "limits"), LIMITED)
@pytest.mark.parametrize("kind", ["torch", "safetensors", "npz", "hdf5"])
def test_one_set_of_limits_holds_for_every_format(
    kind: str, rule: str, limits: Limits, tmp_path: Path
) -> None:
    arrays = {f"a{index}": np.zeros(16, "f4") for index in range(3)}
    path = tmp_path / "file"
    write = {
        "torch": formats.write_torch, "safetensors": formats.write_safetensors,
        "npz": formats.write_npz, "hdf5": formats.write_tree,
    }[kind]  # fmt: skip
    write(path, arrays)
    assert len(formats.open_weights(path)) == 3
    with pytest.raises(FormatError, match=rule):
        formats.open_weights(path, limits)


def test_opcodes_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(checkpoint(b"N0" * 10))
    with pytest.raises(FormatError, match="opcode"):
        formats.read_checkpoint(path)
    path.write_bytes(checkpoint(entry(b"](" + b"N" * 1000 + b"e")))
    with pytest.raises(FormatError, match="at most max_opcodes=500 instructions"):
        formats.read_checkpoint(path, Limits(max_opcodes=500))
    assert formats.read_checkpoint(path) == {"w": [None] * 1000}


def test_bytecode_in_a_config_is_only_text(tmp_path: Path) -> None:
    """The container hands a configuration out as data; judging it is the business of others."""
    code = base64.b64encode(b"\xe3\x00").decode()
    config = {"class_name": "Lambda", "config": {"function": {"code": code}}}
    path = tmp_path / "x.keras"
    path.write_bytes(keras(**{"config.json": json.dumps(config).encode()})())
    assert formats.read_keras(path).config == config
