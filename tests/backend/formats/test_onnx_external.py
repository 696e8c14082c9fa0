"""Numbers of ONNX models that lie in a file beside the model: read where the file is its own."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from graftgrad import formats
from graftgrad.errors import FormatError
from graftgrad.formats import Limits
from graftgrad.formats.onnx_external import ExternalFiles
from graftgrad.formats.protobuf import block, packed, text, whole

GOLDEN = Path(__file__).parent / "golden"
NUMBERS = np.array([1.5, -2.0], "f4")


def told(*pairs: str) -> bytes:
    return b"".join(
        block(13, text(1, key) + text(2, value))
        for key, value in zip(pairs[::2], pairs[1::2], strict=True)
    )


def tensor(name: str, *pairs: str, size: int = 2) -> bytes:
    """An initialiser whose numbers lie beside the model."""
    return packed(1, iter((size,))) + whole(2, 1) + text(8, name) + whole(14, 1) + told(*pairs)


def model(folder: Path, *tensors: bytes) -> Path:
    path = folder / "m.onnx"
    graph = text(2, "g") + b"".join(block(5, one) for one in tensors)
    path.write_bytes(whole(1, 10) + block(7, graph) + block(8, whole(2, 21)))
    return path


def written(folder: Path, *pairs: str) -> Path:
    return model(folder, tensor("w", *pairs))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with numbers, and what else could be named in it."""
    (tmp_path / "inner").mkdir()
    inner = tmp_path / "inner"
    (tmp_path / "outside").write_bytes(bytes(16))
    (inner / "data").write_bytes(bytes(4) + NUMBERS.tobytes() + bytes(4))
    (inner / "empty").touch()
    (inner / "folder").mkdir()
    (inner / "folder" / "data").write_bytes(bytes(16))
    (inner / "linked").write_bytes(bytes(16))
    os.link(inner / "linked", inner / "hard")
    os.symlink("data", inner / "soft")
    os.symlink("../outside", inner / "away")
    os.mkfifo(inner / "pipe")
    return inner


def test_what_onnx_wrote_is_read(tmp_path: Path) -> None:
    for name in ("external.onnx", "external.data"):
        shutil.copy(GOLDEN / name, tmp_path / name)  # a checkout may link files
    with formats.open_weights(tmp_path / "external.onnx") as archive:
        assert {name: archive.shape(name) for name in archive} == {
            "small": (2,), "kernel": (16, 32), "counts": (300,), "empty": (0, 4),
        }  # fmt: skip
        np.testing.assert_array_equal(archive["small"], np.array([0.5, 2.0], "f4"))
        kernel = archive["kernel"]
        np.testing.assert_array_equal(kernel, np.arange(512, dtype="f4").reshape(16, 32))
        assert archive["counts"].dtype == np.int64 and archive["counts"][-1] == 299
    assert not kernel.flags.writeable and kernel[15, 31] == 511  # the pages stay


def test_offset_and_length(folder: Path) -> None:
    path = written(folder, "location", "data", "offset", "4", "length", "8")
    with formats.open_weights(path) as archive:
        np.testing.assert_array_equal(archive["w"], NUMBERS)


def test_a_checksum_is_that_of_the_whole_file(folder: Path) -> None:
    place = ("location", "data", "offset", "4")
    told = hashlib.sha1((folder / "data").read_bytes(), usedforsecurity=False).hexdigest()
    for checksum in (told, told.upper()):
        with formats.open_weights(written(folder, *place, "checksum", checksum)) as archive:
            np.testing.assert_array_equal(archive["w"], NUMBERS)
    path = written(folder, *place, "checksum", told)
    (folder / "data").write_bytes(bytes(4) + NUMBERS.tobytes() + bytes(3) + b"x")
    for _ in range(2):  # not the first time only
        with (
            formats.open_weights(path) as archive,
            pytest.raises(FormatError, match="must have the checksum that the model tells; got"),
        ):
            archive["w"]


def test_a_file_has_one_checksum(folder: Path) -> None:
    pairs = ("location", "data", "checksum")
    path = model(folder, tensor("w", *pairs, "a" * 40), tensor("v", *pairs, "b" * 40))
    with pytest.raises(FormatError, match=r"initialiser 'v'.*has one checksum"):
        formats.open_weights(path)


NAME = "must be named by a plain file name"
REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "climbs": (("location", "../outside"), NAME),
    "climbs from within": (("location", "folder/../../outside"), NAME),
    "absolute": (("location", "/etc/passwd"), NAME),
    "backslashes": (("location", "..\\outside"), NAME),
    "drive": (("location", "C:data"), NAME),
    "in a folder": (("location", "folder/data"), NAME),
    "the folder above": (("location", ".."), NAME),
    "the folder itself": (("location", "."), NAME),
    "nothing": (("location", ""), NAME),
    "unsaid": (("offset", "0"), NAME),
    "a zero byte": (("location", "data\0x"), NAME),
    "a long name": (("location", "d" * 256), NAME),
    "memory of another program": (("location", "*/_ORT_MEM_ADDR_/*", "offset", "1234"), NAME),
    "missing": (("location", "nowhere"), "must lie beside the model"),
    "symbolic link": (("location", "soft"), "not in a link or device"),
    "symbolic link away": (("location", "away"), "not in a link or device"),
    "hard link": (("location", "hard"), "must have one name only"),
    "pipe": (("location", "pipe"), "not in a link or device"),
    "folder": (("location", "folder"), "not in a link or device"),
    "beyond the end": (("location", "data", "offset", "9"), "must lie inside their file"),
    "far beyond": (("location", "data", "offset", "9" * 19), "must lie inside their file"),
    "empty file": (("location", "empty"), "must lie inside their file"),
    "negative": (("location", "data", "offset", "-8"), "must be whole numbers"),
    "no number": (("location", "data", "offset", "0x4"), "must be whole numbers"),
    "other digits": (("location", "data", "offset", "٤"), "must be whole numbers"),
    "endless number": (("location", "data", "offset", "1" * 20), "must be whole numbers"),
    "too short": (("location", "data", "length", "4"), "as many bytes as its shape says"),
    "too long": (("location", "data", "length", "16"), "as many bytes as its shape says"),
    "twice": (("location", "data", "location", "soft"), "each once"),
    "no checksum": (("location", "data", "checksum", "x"), "a SHA-1 of 40 hexadecimal digits"),
    "unknown word": (("location", "data", "basepath", "/etc"), "each once"),
    "many words": (("location", "data") * 17, "at most 16 words on external data"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_places_are_refused(name: str, folder: Path) -> None:
    pairs, words = REFUSED[name]
    path = written(folder, *pairs)
    with pytest.raises(FormatError, match=r"initialiser 'w'") as error:
        formats.open_weights(path)
    assert words in str(error.value)


def test_numbers_may_not_lie_in_both_places(folder: Path) -> None:
    path = model(folder, tensor("w", "location", "data") + block(9, NUMBERS.tobytes()))
    with pytest.raises(FormatError, match="either in the model or beside it"):
        formats.open_weights(path)


CHANGES: dict[str, Callable[[Path], object]] = {
    "another file": lambda data: (data.unlink(), data.write_bytes(bytes(16))),
    "a link": lambda data: (data.unlink(), data.symlink_to("empty")),
    "a pipe": lambda data: (data.unlink(), os.mkfifo(data)),
    "longer": lambda data: data.write_bytes(bytes(99)),
    "gone": lambda data: data.unlink(),
    "a second name": lambda data: os.link(data, data.with_name("second")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_was_exchanged_is_not_read(name: str, folder: Path) -> None:
    archive = formats.open_weights(written(folder, "location", "data"))
    # its place on the disk must not be given to the next file
    kept = open(folder / "data", "rb")
    CHANGES[name](folder / "data")
    with pytest.raises(FormatError, match=r"must stay as it was while it is read; got file='data'"):
        archive["w"]
    kept.close()


def test_what_lies_beside_counts_as_stored(folder: Path) -> None:
    size = 40 << 20
    path = model(folder, tensor("w", "location", "big", size=size // 4))
    with open(folder / "big", "wb") as file:
        file.truncate(size)
    assert formats.open_weights(path).shape("w") == (size // 4,)
    with pytest.raises(FormatError, match="max_bytes=1000"):
        formats.open_onnx(path, Limits(max_bytes=1000))


def test_files_beside_a_model_are_counted(folder: Path) -> None:
    files = ExternalFiles(folder, "x.onnx")
    told_of = [memoryview(text(1, "location") + text(2, "data"))]
    files.place(told_of, 8, "x.onnx: initialiser 'a'")
    (status,) = files.found.values()
    files.found = dict.fromkeys(map(str, range(10_000)), status)
    with pytest.raises(FormatError, match=r"x\.onnx: initialiser 'b': at most 10000 files"):
        files.place(told_of, 8, "x.onnx: initialiser 'b'")
