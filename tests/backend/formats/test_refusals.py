"""What readers and writers say of each single thing that is wrong, in full.

Files that are made to do harm stand in test_malicious.py; here are the messages those do not reach.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from graftgrad import formats
from graftgrad.errors import FormatError
from graftgrad.formats import Limits
from graftgrad.formats.torch_objects import Storage
from graftgrad.formats.torch_write import METADATA
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
    integer,
    keras,
    legacy,
    name,
    noted,
    npy,
    poke,
    row,
    safetensors,
    sound,
    storage,
    tensor,
    text,
    typed,
)

GOLDEN = Path(__file__).parent / "golden" / "variety.onnx"
Rows = dict[str, tuple[Callable[[], bytes] | bytes, str]]


def read(path: Path, limits: Limits | None = None) -> Any:
    """Read all arrays of a file."""
    with formats.open_weights(path, limits or Limits()) as found:
        return {one: found[one] for one in found}


def refused(ask: Callable[[Path], object], content: object, words: str, folder: Path) -> str:
    path = folder / "file"
    path.write_bytes(content() if callable(content) else content)
    with pytest.raises(FormatError) as error:
        ask(path)
    assert words in str(error.value)
    return str(error.value)


ORDERED = name("collections", "OrderedDict")
ARRAY = (
    name("numpy.core.multiarray", "_reconstruct")
    + row(name("numpy", "ndarray"), row(integer(0)), b"C\x01b") + b"R"
)  # fmt: skip
BYTE = name("numpy", "dtype") + row(text("u1")) + b"R"
ONE = b"C\x01x"  # one byte

PICKLES: Rows = {
    "name of 300 letters": (b"c" + b"m" * 300 + b"\nx\n",
                            "a global's name has at most 200 bytes"),
    "parts of 300 letters": (text("m" * 150) + text("n" * 150) + b"\x93",
                             "a global's name has at most 200 bytes"),
    "name of numbers": (b"K\x01K\x02\x93", "a global's name must be text"),
    "add to a list": (b"](N\x90", "items may only be added to a set; got type='list'"),
    "protocol": (b"\x80\x09N", "protocol must be 2 to 5; got protocol=9"),
    "ordered: attributes": (ORDERED + b")RNb", "OrderedDict: its attributes must be a dict"),
    "ordered: no list": (call("collections", "OrderedDict", b"N"),
                         "OrderedDict: takes a list of pairs"),
    "ordered: no pairs": (call("collections", "OrderedDict", b"](Ne"),
                          "OrderedDict: takes a list of pairs; got type='NoneType'"),
    "namespace: numbers": (name("argparse", "Namespace") + b")R}K\x01Nsb",
                           "Namespace: its attributes must have names"),
    "namespace: arguments": (call("argparse", "Namespace", b"N"),
                             "Namespace: takes no arguments; got arguments=1"),
    "set": (call("builtins", "set", b"N"), "set: takes one list; got arguments=1"),
    "encode": (call("_codecs", "encode", text("x")), "takes a text and 'latin1'; got arguments=1"),
    "encode what is wide": (call("_codecs", "encode", text("Ω"), text("latin1")),
                            "_codecs.encode: takes a text of bytes; got characters=1"),
    "default of text": (call("collections", "defaultdict", text("x")),
                        "defaultdict: takes a class that is known"),
    "complex": (call("builtins", "complex", integer(1 << 70), b"K\x01"),
                "complex: its parts must be small"),
    "bytearray": (call("builtins", "bytearray", b"K\x01"), "bytearray: takes bytes"),
    "settings": (call("timm.models.helpers", "Namespace", b"N"), "settings take no arguments"),
    "version": (call("torch.torch_version", "TorchVersion", b"N"), "TorchVersion: takes a text"),
    "dtype of three bytes": (call("numpy", "dtype", text("f3")),
                             "numpy.dtype: must be plain numbers; got descr='f3'"),
    "dtype: state": (entry(BYTE + b"Nb"), "numpy.dtype: its state must give a byte order"),
    "array: state": (entry(ARRAY + b"Nb"), "numpy.ndarray: its state must have five parts"),
    "array: dtype": (entry(ARRAY + row(b"K\x01", row(b"K\x01"), b"N", b"\x89", ONE) + b"b"),
                     "its state must hold a plain dtype and bytes"),
    "array: shape": (entry(ARRAY + row(b"K\x01", b"N", BYTE, b"\x89", ONE) + b"b"),
                     "numpy.ndarray: its shape must be sizes"),
    "array: too short": (entry(ARRAY + row(b"K\x01", row(b"K\x02"), BYTE, b"\x89", ONE) + b"b"),
                         "numpy.ndarray: must hold as many bytes as its shape says; got bytes=1"),
    "array of another class": (call("numpy.core.multiarray", "_reconstruct", text("x")),
                               "numpy _reconstruct: must make a plain array"),
    "scalar": (call("numpy.core.multiarray", "scalar", b"N"),
               "numpy scalar: takes a plain dtype and bytes"),
    "object": (call("builtins", "object", b"N"), "object: takes no arguments; got arguments=1"),
    "a storage": (entry(storage()), "may only hold plain data; got type='Storage'"),
    "tensor as key": (b"}" + tensor() + b"Ns",
                      "keys must be text or numbers; got type='TensorRecord'"),
    "two values": (b"N.N", "nothing may follow the pickle; got bytes=2"),
}  # fmt: skip


@pytest.mark.parametrize("row", PICKLES)
def test_pickles(row: str, tmp_path: Path) -> None:
    pickle, words = PICKLES[row]
    assert isinstance(pickle, bytes)
    refused(formats.read_checkpoint, checkpoint(pickle), words, tmp_path)


def rebuilt(function: str, *arguments: bytes) -> bytes:
    return call("torch._utils", function, *arguments)


HOOKS = ORDERED + b")R"
SHAPED = (integer(0), row(integer(4)), row(integer(1)), b"\x89", HOOKS)  # what follows the storage
TENSORS: Rows = {
    "one argument": (rebuilt("_rebuild_tensor", storage()), "must have 4 arguments"),
    "one argument, 2": (rebuilt("_rebuild_tensor_v2", storage()), "must have 6 arguments"),
    "one argument, 3": (rebuilt("_rebuild_tensor_v3", storage()), "must have 7 arguments"),
    "parameter of one": (rebuilt("_rebuild_parameter", tensor()), "must have 3 arguments"),
    "class of one": (call("torch._tensor", "_rebuild_from_type_v2", b"N"),
                     "must have 4 arguments; got arguments=1"),
    "class made by none": (call("torch._tensor", "_rebuild_from_type_v2", b"N",
                                name("torch", "Tensor"), b")", b"}"),
                           "must be made by a known function"),
    "no storage": (rebuilt("_rebuild_tensor_v2", b"N", *SHAPED),
                   "tensor: must lie in a storage; got type='NoneType'"),
    "no storage, 3": (rebuilt("_rebuild_tensor_v3", b"N", *SHAPED, name("torch", "float32")),
                      "tensor: must lie in a storage; got type='NoneType'"),
    "no dtype": (rebuilt("_rebuild_tensor_v3", storage(), *SHAPED, b"N"),
                 "must have a known dtype; got dtype=''"),
    "another dtype": (rebuilt("_rebuild_tensor_v3", storage(), *SHAPED, name("torch", "float64")),
                      "must have its storage's dtype; got dtype='float64'"),
    "device": (call("torch", "device", b"N"), "a device has a kind and an index"),
    "size": (call("torch", "Size", b"N"), "torch.Size: must be a tuple; got type='NoneType'"),
    "key no text": (row(text("storage"), name("torch", "FloatStorage"), integer(0), text("cpu"),
                        integer(4)) + b"Q",
                    "a storage must have a key, a location and a count"),
}  # fmt: skip


@pytest.mark.parametrize("row", TENSORS)
def test_tensors(row: str, tmp_path: Path) -> None:
    pickle, words = TENSORS[row]
    assert isinstance(pickle, bytes)
    refused(formats.read_checkpoint, checkpoint(pickle), words, tmp_path)


def viewed(view: bytes) -> bytes:
    return row(text("storage"), name("torch", "FloatStorage"), text("0"), text("cpu"), integer(4),
               view) + b"Q"  # fmt: skip


OLD = legacy(entry(tensor()))
CONTAINERS: Rows = {
    "old: another number": (OLD[:14] + b"0K\x01" + OLD[14:],
                            "must begin with the magic number of torch.save"),
    "old: another protocol": (OLD.replace(integer(1001), integer(1002)),
                              "must have protocol 1001"),
    "old: view no tuple": (legacy(viewed(integer(1))), "a view of a storage must have three parts"),
    "old: view of nothing": (legacy(viewed(row(b"N", b"N", b"N"))),
                             "a view of a storage must have a key and two counts"),
    "metadata": (checkpoint(entry(tensor()), **{METADATA: b'{"a": 1}'}),
                 "metadata must be text by name"),
    "two pickles": (checkpoint(entry(tensor()), **{"sub/data.pkl": b""}),
                    "must hold one data.pkl"),
}  # fmt: skip


@pytest.mark.parametrize("row", CONTAINERS)
def test_containers_of_pytorch(row: str, tmp_path: Path) -> None:
    content, words = CONTAINERS[row]
    refused(formats.read_checkpoint, content, words, tmp_path)


def test_a_storage_that_lies_nowhere() -> None:
    with pytest.raises(
        FormatError, match=r"^storage '0': must lie in the file; got bytes=4\. The file is dam"
    ):
        Storage("0", np.dtype("f4"), 1, True).bytes()


# ZIP archives


def large(change: Callable[[list[int], list[int], list[int]], object]) -> Callable[[], bytes]:
    """A sound archive with the larger form of the directory's end, then spoiled."""

    def content() -> bytes:
        data = edited(lambda data: None)()
        at = len(data) - 22
        _, *end = struct.unpack("<4s4H2IH", data[at:])
        total, size, first = end[3], end[4], end[5]
        wide = [44, 45, 45, 0, 0, total, total, size, first]
        locator = [0, at, 1]
        change(wide, locator, end)
        return (
            data[:at]
            + struct.pack("<4sQ2H2I4Q", b"PK\6\6", *wide)
            + struct.pack("<4sIQI", b"PK\6\7", *locator)
            + struct.pack("<4s4H2IH", b"PK\5\6", *end)
        )

    return content


def second(data: bytearray) -> int:
    """Where the second member's own header begins."""
    return data.index(b"PK\3\4", 4)


def sized(data: bytearray, size: int) -> None:
    """Say of the second member, in both places, that it has so many bytes."""
    for place in (second(data) + 18, central(data, 1) + 20):
        struct.pack_into("<II", data, place, size, size)


def flagged(data: bytearray) -> None:
    """Say of the second member that a record follows it."""
    for place in (second(data) + 6, central(data, 1) + 8):
        struct.pack_into("<H", data, place, 8)


def called_deflated(data: bytes) -> bytes:
    """Say of the first member that it is deflated."""
    changed = bytearray(data)
    for place in (8, central(changed) + 10):
        struct.pack_into("<H", changed, place, 8)
    return bytes(changed)


ZIPS: Rows = {
    "nothing but a signature": (b"PK\3\4" + bytes(10), "a ZIP record must lie inside the file"),
    "no end": (b"PK\3\4" + bytes(40), "a ZIP record must begin with its signature"),
    "ends disagree": (large(lambda wide, locator, end: end.__setitem__(3, 7)),
                      "both ends of the ZIP directory must agree"),
    "large end elsewhere": (large(lambda wide, locator, end: locator.__setitem__(1, 0)),
                            "the large ZIP directory must stand before its locator"),
    "large end of another length": (large(lambda wide, locator, end: wide.__setitem__(0, 99)),
                                    "a plain ZIP directory; got length=99"),
    "two disks": (poke("<H", lambda data: len(data) - 18, 1),
                  "the ZIP directory must be whole, single and last"),
    "comment beyond": (poke("<H", lambda data: central(data) + 32, 60_000),
                       "a ZIP entry must lie in the directory"),
    "name not readable": (poke("<B", lambda data: central(data) + 46, 0xFF),
                          "member names must be readable"),
    "large sizes unsaid": (poke("<I", lambda data: central(data) + 24, 0xFFFFFFFF),
                           "a large ZIP entry must state its sizes"),
    "one of two": (edited(lambda data: struct.pack_into("<HH", data, len(data) - 14, 1, 1)),
                   "the ZIP directory must list what it says; got members=1"),
    "beyond the directory": (edited(lambda data: sized(data, 10_000)),
                             "a ZIP member must lie before the directory"),
    "record missing": (edited(flagged), "the record after a ZIP member must agree"),
    "not deflated": (called_deflated(archive([("a.npy", b"\x80" * 40)])), "must be deflated data"),
    "pickle not deflated": (called_deflated(checkpoint(entry(tensor()))), "must be deflated data"),
    "no version": (archive([("a.npy", npy(version=9))]),
                   "must be .npy version 1, 2 or 3; got version=9"),
    "header beyond": (archive([("a.npy", npy()[:8] + b"\xff\xff" + npy()[10:])]),
                      "a header of at most 4096 bytes inside the member; got length=65535"),
}  # fmt: skip


@pytest.mark.parametrize("row", ZIPS)
def test_archives(row: str, tmp_path: Path) -> None:
    content, words = ZIPS[row]
    refused(read, content, words, tmp_path)


def test_the_larger_end_is_read(tmp_path: Path) -> None:
    """Else its rows could be refused for the wrong reason."""
    path = tmp_path / "file"
    path.write_bytes(large(lambda wide, locator, end: None)())
    assert len(read(path)) == 2


# safetensors, JSON

HEADERS: Rows = {
    "nine bytes": (b"\2\0\0\0\0\0\0\0{", "must hold a header; got bytes=9"),
    "cut off": (safetensors(b"{}   ", b"", length=50), "the header must lie inside the file"),
    "a list": (safetensors(b"[]", b""), "the header must begin with {; got begins=b'['"),
    "metadata": (safetensors({"__metadata__": {"a": 1}}, b""),
                 "metadata must be text by name; got types=['int']"),
    "metadata in a list": (safetensors({"__metadata__": []}, b""),
                           "metadata must be text by name; got type='list'"),
    "too long": (safetensors(b"{  }", b"", length=33 << 20), "a header of at most max_header="),
    "no JSON": (safetensors(b"{]", b""), "must be JSON in UTF-8; got reason='Expecting property"),
    "infinite": (safetensors(b'{"a":Infinity}', b""), "numbers must be finite; got number="),
    "too large": (safetensors(b'{"a":1e999}', b""), "numbers must be finite; got number='1e999'"),
    "twice": (safetensors(b'{"a":1,"a":1}', b""), "no key may stand twice in one object"),
    "shape": (safetensors({"w": described((-1,))}), "shape must be a list of sizes"),
    "offsets": (safetensors({"w": described(offsets=(0,))}), "data_offsets must be two positions"),
    "fields": (safetensors({"w": {}}), "must state dtype, shape and data_offsets"),
    "dtype": (safetensors({"w": described(dtype="O")}), "dtype must be one of ['BOOL'"),
    "bytes": (safetensors({"w": described((3,))}), "must hold as many bytes as its shape says"),
    "gap": (safetensors({"w": described(offsets=(1, 17))}, bytes(17)),
            "tensors must follow each other without gap or overlap; got expected=0, begin=1"),
    "left over": (safetensors({"w": described()}, bytes(17)),
                  "tensors must cover the data exactly; got covered=16, bytes=17"),
}  # fmt: skip


@pytest.mark.parametrize("row", HEADERS)
def test_headers_of_safetensors(row: str, tmp_path: Path) -> None:
    content, words = HEADERS[row]
    refused(formats.open_safetensors, content, words, tmp_path)


# HDF5


def renamed(to: bytes) -> Callable[[], bytes]:
    """A file whose only dataset was given another name in its bytes."""
    data = hdf5(lambda file: file.create_dataset("ab", data=np.zeros(3, "f4")))()
    assert data.count(b"ab\0\0") == 1
    return lambda: data.replace(b"ab\0\0", to + b"\0\0")


def told(change: Callable[[bytearray, int], None]) -> Callable[[], bytes]:
    """A file with a text as an attribute, then spoiled; the place is that of its length."""

    def content() -> bytes:
        data = bytearray(noted("keras_version", "x" * 1234, "/")())
        change(data, data.index(struct.pack("<I", 1234)))
        return bytes(data)

    return content


def weights_twice(file: h5py.File) -> None:
    file.attrs["layer_names"] = np.array([b"dense"])
    group = file.create_group("dense")
    group.attrs["weight_names"] = np.array([b"w", b"w"])
    group["w"] = np.zeros(3)


def wide_chunks(file: h5py.File) -> None:
    file.create_dataset("w", (1,), "f4", maxshape=(None,), chunks=(5 << 20,))


def of_texts(shape: tuple[int, ...], free: bool) -> Callable[[], bytes]:
    kind: Any = h5py.string_dtype() if free else "S1"
    return noted("keras_version", np.full(shape, "a", object if free else "S1").astype(kind), "/")


HDF5: Rows = {
    "another beginning": (b"\x89HDF" + bytes(99), "must begin as an HDF5 file"),
    "name of dots": (renamed(b".."), "names must be one component of a path; got name='..'"),
    "name with a slash": (renamed(b"a/"), "names must be one component of a path; got name='a/'"),
    "chunk wider than the array": (hdf5(wide_chunks), "chunks no larger than the array"),
    "numbers of sixteen bytes": (typed(np.longdouble),
                                 "elements must be numbers of 1, 2, 4 or 8 bytes; got size=16"),
    "attribute without values": (noted("keras_version", h5py.Empty("f4"), "/"),
                                 "attribute 'keras_version': must have a plain shape"),
    "table of texts": (of_texts((1, 1), True), "must be a list of texts; got axes=2"),
    "table of fixed texts": (of_texts((1, 1), False), "must be a list of texts; got shape=(1, 1)"),
    "no such text": (told(lambda data, at: struct.pack_into("<I", data, at + 12, 77)),
                     "a text must lie in its heap; got length=1234"),
    "no heap": (told(lambda data, at: struct.pack_into("<4s", data, data.index(b"GCOL"), b"GCOX")),
                "a heap of texts must lie in the file"),
    "heap beyond the file": (told(lambda data, at: struct.pack_into("<Q", data, at + 4, 1 << 40)),
                             "the header must be sound"),
    "weights twice": (hdf5(weights_twice), "no weight may be listed twice; got group='dense'"),
}  # fmt: skip


@pytest.mark.parametrize("row", HDF5)
def test_hdf5(row: str, tmp_path: Path) -> None:
    content, words = HDF5[row]
    refused(formats.open_hdf5, content, words, tmp_path)


def test_an_hdf5_file_that_was_closed() -> None:
    file = formats.Hdf5File(hdf5(sound)())
    found = file.datasets["layers/dense/vars/0"]
    file.close()
    with pytest.raises(FormatError, match=r"must be read before the file is closed; got path='lay"):
        found.read()


# limits, which are raised where a file is honest


def three(file: h5py.File) -> None:
    for index in range(3):
        file[f"w{index}"] = np.zeros(2, "f4")


def nested(file: h5py.File) -> None:
    for path in ("a/b", "a/c", "d"):
        file[path] = np.zeros(2, "f4")


def chunked(file: h5py.File) -> None:
    file.create_dataset("w", data=np.zeros(40, "f4"), chunks=(4,))


def names_in_parts(file: h5py.File) -> None:
    for index in range(2):
        file.attrs[f"layer_names{index}"] = np.array([b"a"])


LIMITED: dict[str, tuple[Callable[[], bytes], Limits, str]] = {
    "members": (edited(lambda data: None), Limits(max_objects=1), "at most max_objects=1 members"),
    "storages": (lambda: checkpoint(b"](" + tensor() + tensor(key="1") + b"e",
                                    **{"data/1": bytes(16)}),
                 Limits(max_tensors=1), "at most max_tensors=1 storages"),
    "weights of a program": (exported(), Limits(max_tensors=0), "at most max_tensors=0"),
    "objects of a tree": (hdf5(three), Limits(max_objects=2), "at most max_objects=2"),
    "objects of all groups": (hdf5(nested), Limits(max_objects=2), "at most max_objects=2"),
    "initialisers": (GOLDEN.read_bytes, Limits(max_tensors=3), "at most max_tensors=3"),
    "bytes of an index": (lambda: b'{"weight_map": {"w": "x.safetensors"}}', Limits(max_header=9),
                          "at most max_header=9 bytes; got bytes=38"),
    "chunks": (hdf5(chunked), Limits(max_objects=3), "at most max_objects=3 chunks"),
    "names": (noted("layer_names0", np.array([b"a", b"b", b"c", b"d", b"e"]), "/"),
              Limits(max_objects=4), "at most max_objects=4 names"),
    "parts of a list": (hdf5(names_in_parts), Limits(max_objects=2), "a list of names must end"),
    "bytes of an attribute": (noted("layer_names", np.array([b"a" * 99]), "/"),
                              Limits(max_header=10), "at most max_header=10 bytes; got bytes=99"),
    "values": (lambda: safetensors(b'{"a":[1,2,3,4]}', b""), Limits(max_objects=3),
               "header: at most max_objects=3"),
    "commas": (lambda: safetensors(b'{"a":[1,2,3,4,5,6,7,8]}', b""), Limits(max_objects=3),
               "header: at most max_objects=3"),
    "levels": (lambda: safetensors(b'{"a":[[[1]]]}', b""), Limits(max_depth=2),
               "header: at most max_depth=2"),
    "bytes of a header": (keras(**{"config.json": b'{"a":"long"}'}), Limits(max_header=5),
                          "at most 5 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("row", LIMITED)
def test_limits(row: str, tmp_path: Path) -> None:
    content, limits, words = LIMITED[row]
    refused(lambda path: read(path, limits), content, words, tmp_path)


def test_attributes_are_counted() -> None:
    content = hdf5(names_in_parts)()
    with (
        formats.Hdf5File(content, Limits(max_objects=1)) as file,
        pytest.raises(FormatError, match="at most max_objects=1 attributes"),
    ):
        file.attributes()


# writers, and what is no file

WRITTEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "npz: name": (lambda path: formats.write_npz(path, {"": np.ones(1)}),
                  "array names must be text; got name=''"),
    "npz: objects": (lambda path: formats.write_npz(path, {"w": np.array([None])}),
                     "array 'w' must hold numbers numpy knows itself; got dtype='object'"),
    "safetensors: name": (lambda path: formats.write_safetensors(path, {"__metadata__": 1}),
                          "array names must be text; got name='__metadata__'"),
    "safetensors: metadata": (lambda path: formats.write_safetensors(path, {}, {"a": 1}),  # type: ignore[dict-item]
                              "metadata must be text; got key='a', value=1"),
    "safetensors: objects": (lambda path: formats.write_safetensors(path, {"w": np.array([None])}),
                             "array 'w' must have one of the dtypes ['BOOL'"),
    "torch: name": (lambda path: formats.write_torch(path, {"": np.ones(1)}),
                    "array names must be text; got name=''"),
    "torch: metadata": (lambda path: formats.write_torch(path, {}, {"a": 1}),  # type: ignore[dict-item]
                        "metadata must be text; got key='a', value=1"),
    "torch: objects": (lambda path: formats.write_torch(path, {"w": np.array([None])}),
                       "array 'w' must have one of the dtypes ['float32'"),
    "hdf5: path": (lambda path: formats.write_tree(path, {"a//b": np.ones(1)}),
                   "paths must be names joined by /; got path='a//b'"),
    "hdf5: objects": (lambda path: formats.write_tree(path, {"w": np.array([None])}),
                      "dataset 'w' must hold numbers; got dtype='object'"),
    "hdf5: both": (lambda path: formats.write_tree(path, {"a": 1, "a/b": 1}),
                   "a path is a group or a dataset, not both; got paths=['a']"),
    "keras: parts": (lambda path: formats.write_keras(path, {}),
                     "a .keras archive needs config.json, metadata.json and weights"),
}  # fmt: skip


@pytest.mark.parametrize("row", WRITTEN)
def test_writers(row: str, tmp_path: Path) -> None:
    write, words = WRITTEN[row]
    with pytest.raises(FormatError) as error:
        write(tmp_path / "file")
    assert words in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_keras_file_is_an_archive(tmp_path: Path) -> None:
    told = refused(formats.read_keras, b"hello", "a .keras file must be a ZIP archive", tmp_path)
    assert told.endswith("got begins=b'hello'.")


def test_a_name_that_the_system_refuses(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"the file must be readable; got reason='File name too"):
        formats.open_weights(tmp_path / ("x" * 300))
