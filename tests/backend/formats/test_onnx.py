"""Initialisers of ONNX files: those onnx itself wrote, and files that lie."""

from collections.abc import Callable
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from graftgrad import formats
from graftgrad.errors import FormatError
from graftgrad.formats import Limits, OnnxModel, OnnxNode, OnnxValue, protobuf
from graftgrad.formats.protobuf import block, packed, text, varint, whole

GOLDEN = Path(__file__).parent / "golden" / "variety.onnx"
ARRAYS = {
    "float32": np.array([[1.5, -2.0, 0.25]], "f4"),
    "float64": np.array([1e300, -1.0]),
    "float16": np.array([1.5, -0.5, 65504.0], "f2"),
    "bfloat16": np.array([1.5, -3.0], ml_dtypes.bfloat16),
    "int64": np.array([-1, 2**40]),
    "int32": np.array([-7, 7], "i4"),
    "int8": np.array([-128, 127], "i1"),
    "uint8": np.array([0, 255], "u1"),
    "uint16": np.array([0, 65535], "u2"),
    "uint64": np.array([2**64 - 1], "u8"),
    "bool": np.array([True, False]),
    "scalar": np.array(3.5, "f4"),
    "empty": np.zeros((0, 4), "f4"),
}


@pytest.mark.parametrize("way", ["raw", "listed"])
@pytest.mark.parametrize("name", ARRAYS)
def test_what_onnx_writes_is_read(way: str, name: str) -> None:
    with formats.open_weights(GOLDEN) as archive:
        assert archive.format == "onnx"
        array = archive[f"{way}.{name}"]
        assert archive.shape(f"{way}.{name}") == ARRAYS[name].shape
    assert array.dtype == ARRAYS[name].dtype
    np.testing.assert_array_equal(array, ARRAYS[name])
    assert not array.flags.writeable


def test_sniffed() -> None:
    assert formats.sniff(GOLDEN) == "onnx"


def written(path: Path, tensor: bytes, *more: bytes) -> Path:
    """Write a model whose one initialiser is given as bytes."""
    graph = text(2, "g") + block(5, tensor) + b"".join(more)
    path.write_bytes(whole(1, 10) + block(7, graph) + OPSET)
    return path


OPSET = block(8, whole(2, 21))
SOUND = packed(1, iter((2,))) + whole(2, 1) + text(8, "w")
TWO = np.ones(2, "f4").tobytes()
LIES: dict[str, tuple[bytes, str]] = {
    "in parts": (SOUND + block(3, b"") + block(9, TWO), "must hold plain numbers"),
    "texts": (SOUND + block(6, b"x"), "must hold plain numbers"),
    "beside and inside": (SOUND + whole(14, 1) + block(9, TWO), "either in the model or beside it"),
    "elsewhere": (SOUND + whole(14, 2), "either in the model or beside it"),
    "beside unsaid": (SOUND + block(13, text(1, "location") + text(2, "data")),
                      "either in the model or beside it"),
    "too few bytes": (SOUND + block(9, TWO[:5]), "must hold as many bytes as its shape says"),
    "raw and listed": (SOUND + block(9, TWO) + block(4, TWO), "as many bytes as its shape says"),
    "huge": (packed(1, iter((1 << 50, 1 << 50))) + whole(2, 1) + text(8, "w") + block(9, TWO),
             "at most max_bytes"),
    "negative": (packed(1, iter((-1,))) + whole(2, 1) + text(8, "w") + block(9, TWO),
                 "no axis may be negative"),
    "nothing stored": (packed(1, iter((1 << 20,))) + whole(2, 1) + text(8, "w"),
                       "must hold as many numbers as its shape says"),
    "many axes": (packed(1, iter([1] * 40)) + whole(2, 1), "at most 32 axes"),
    "unknown type": (SOUND[:-3] + whole(2, 8) + block(9, TWO), "element type must be one of"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_lies_are_refused(name: str, tmp_path: Path) -> None:
    tensor, words = LIES[name]
    path = written(tmp_path / "x.onnx", tensor)
    with pytest.raises(FormatError) as error:
        formats.open_weights(path)
    assert words in str(error.value)


LISTED: dict[str, tuple[bytes, str]] = {
    "two lists": (SOUND + block(4, TWO[:4]) + packed(5, iter((1,))), "must stand in one list"),
    "wrong list": (packed(1, iter((2,))) + whole(2, 7) + block(4, TWO), "the list of its type"),
    "bits of a long float": (SOUND + packed(5, iter((1, 2))), "the list of its type"),
    "too many": (SOUND + block(4, TWO + TWO), "as many numbers as its shape says"),
    "half a number": (SOUND + block(4, TWO[:-1]), "whole numbers of bytes"),
    "half a pair": (packed(1, iter((1,))) + whole(2, 14) + block(4, TWO[:4]), "pairs of numbers"),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTED)
def test_lists_are_checked_when_read(name: str, tmp_path: Path) -> None:
    tensor, words = LISTED[name]
    archive = formats.open_weights(written(tmp_path / "x.onnx", tensor))
    with pytest.raises(FormatError) as error:
        archive[next(iter(archive))]
    assert words in str(error.value)


def test_models_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    good = SOUND + block(9, TWO)
    for content, words in (
        (written(path, good, block(5, good)).read_bytes(), "must have a name of its own"),
        (written(path, good, block(15, b"")).read_bytes(), "initialisers must not be sparse"),
        (whole(1, 10) + block(7, b"") + block(7, b"") + OPSET, "must hold one graph; got graphs=2"),
        (whole(1, 10) + block(7, b""), "must say which operators it uses"),
    ):
        path.write_bytes(content)
        with pytest.raises(FormatError) as error:
            formats.open_weights(path)
        assert words in str(error.value)


WIRE: dict[str, tuple[bytes, str]] = {
    "field 0": (b"\0\1", "fields must be counted from 1"),
    "group": (varint(5 << 3 | 3), "fields must be numbers, bytes or messages"),
    "block beyond": (varint(5 << 3 | 2) + varint(100) + b"x", "must lie inside its message"),
    "number beyond": (varint(5 << 3) + b"\x80", "a number must lie inside its message"),
    "endless number": (varint(5 << 3) + b"\xff" * 11, "numbers must end within 10 bytes"),
    "wide number": (varint(5 << 3) + b"\xff" * 9 + b"\x7f", "numbers must have 64 bits"),
}


@pytest.mark.parametrize("name", WIRE)
def test_the_wire_format_is_bounded(name: str) -> None:
    content, words = WIRE[name]
    with pytest.raises(FormatError) as error:
        list(protobuf.fields(memoryview(content), "x"))
    assert words in str(error.value)


def test_fields_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "m.onnx", SOUND + block(4, TWO[:4]) + block(4, TWO[4:]))
    assert len(formats.open_onnx(path, Limits(max_objects=3))) == 1
    for most, told in ((2, "fields of a message"), (1, "fields of a message")):
        with pytest.raises(FormatError, match=f"at most max_objects={most} {told}"):
            formats.open_onnx(path, Limits(max_objects=most))
    many = written(tmp_path / "n.onnx", SOUND + block(4, b"") * 4)
    with pytest.raises(FormatError, match="at most max_objects=3 fields of a tensor"):
        formats.open_onnx(many, Limits(max_objects=3))


def test_lists_of_numbers() -> None:
    data = packed(1, iter((0, 127, 128, -1, 2**63 - 1)))
    ((_, kind, value),) = protobuf.fields(memoryview(data), "x")
    assert list(protobuf.numbers(kind, value, "x")) == [0, 127, 128, -1, 2**63 - 1]
    with pytest.raises(FormatError, match="a list must hold whole numbers"):
        list(protobuf.numbers(5, memoryview(b"1234"), "x"))


REFUSED: list[tuple[Callable[[], OnnxModel], str]] = [
    (lambda: model({"w": np.zeros(1, "S3")}), "element types must be ONNX's"),
    (lambda: model({}, alpha={}), "settings must be numbers, text or lists of numbers"),
    (lambda: model({"w": np.broadcast_to(np.zeros(1, "f4"), (1 << 30,))}), "smaller than 2 GiB"),
]


def model(constants: dict[str, np.ndarray], **settings: object) -> OnnxModel:
    value = OnnxValue("x", np.dtype("f4"), ("N", 3))
    node = OnnxNode("Relu", ("x",), ("y",), settings)
    return OnnxModel("g", 21, [node], [value], [value], constants)


@pytest.mark.parametrize(("make", "words"), REFUSED)
def test_what_cannot_be_written(make: Callable[[], OnnxModel], words: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError) as error:
        formats.write_onnx(tmp_path / "x.onnx", make())
    assert words in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_constants_come_back(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(2, "i8"), "c": np.zeros((0, 2), "?")}
    formats.write_onnx(tmp_path / "x.onnx", model(arrays))
    with formats.open_weights(tmp_path / "x.onnx") as archive:
        assert set(archive) == set(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(archive[name], array)
            assert archive[name].dtype == array.dtype


def test_a_weight_under_a_second_name_is_found(tmp_path: Path) -> None:
    """Exporters write equal weights once, and name them anew by a node."""
    tensor = SOUND + block(9, TWO)
    nodes = (("w", "same", "Identity"), ("w", "other", "Relu"), ("x", "y", "Identity"),
             ("same", "w", "Identity"))  # fmt: skip
    more = [block(1, text(1, old) + text(2, new) + text(4, kind)) for old, new, kind in nodes]
    two = block(1, text(1, "w") + text(1, "w") + text(2, "third") + text(4, "Identity"))
    path = written(tmp_path / "m.onnx", tensor, *more, two)
    with formats.open_weights(path) as archive:
        assert set(archive) == {"w", "same"} and archive.metadata["nodes"] == "5"
        np.testing.assert_array_equal(archive["same"], np.ones(2, "f4"))
    with pytest.raises(FormatError, match="at most max_tensors=1; got tensors=2"):
        formats.open_weights(path, Limits(max_tensors=1))
