"""Downloads: taken up again, checked, unpacked without harm; data sets from local files."""

import errno
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError, FormatError
from graftgrad.formats import Limits
from graftwork.data import download
from graftwork.data.download import get_file
from graftwork.data.fetching import checksum
from graftwork.data.unpacking import unpack

CONTENT = bytes(range(256)) * 40
SHA = hashlib.sha256(CONTENT).hexdigest()


def served(tmp_path: Path, content: bytes = CONTENT, name: str = "file.bin") -> str:
    (tmp_path / "served").mkdir(exist_ok=True)
    (tmp_path / "served" / name).write_bytes(content)
    return (tmp_path / "served" / name).as_uri()


def test_a_file_is_fetched_once_and_checked(tmp_path: Path) -> None:
    origin = served(tmp_path)
    path = get_file(None, origin, file_hash=SHA, cache_dir=tmp_path / "cache")
    assert Path(path) == tmp_path / "cache" / "datasets" / "file.bin"
    assert Path(path).read_bytes() == CONTENT
    os.remove(tmp_path / "served" / "file.bin")
    assert get_file(None, origin, file_hash=SHA, cache_dir=tmp_path / "cache") == path
    with pytest.raises(ConnectionError, match=r"must be reachable; got .*Offline, put the file"):
        get_file(None, origin, file_hash=SHA, cache_dir=tmp_path / "cache", force_download=True)


def test_a_checksum_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[str] = []

    def counting(path: Path, kind: str) -> str:
        computed.append(path.name)
        return checksum(path, kind)

    monkeypatch.setattr(download, "checksum", counting)
    origin, cache = served(tmp_path), tmp_path / "cache"
    path = Path(get_file(None, origin, file_hash=SHA, cache_dir=cache))
    assert computed == ["file.bin.part"]
    computed.clear()
    get_file(None, origin, file_hash=SHA, cache_dir=cache)
    assert computed == ["file.bin"]
    computed.clear()
    path.write_bytes(b"spoiled")
    get_file(None, origin, file_hash=SHA, cache_dir=cache)
    assert computed == ["file.bin", "file.bin.part"] and path.read_bytes() == CONTENT


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_full_disk_is_no_broken_archive(kind: str, tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk: the system refuses the same call."""
    resource = pytest.importorskip("resource")
    archive, place = tmp_path / f"a.{kind}", tmp_path / "place"
    (tmp_path / "big").write_bytes(os.urandom(100_000))
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as whole:
            whole.write(tmp_path / "big", "small")
    else:
        with tarfile.open(archive, "w") as tar:
            tar.add(tmp_path / "big", "small")
    place.mkdir()
    (place / "before").touch()
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, old[1]))
    try:
        with pytest.raises(OSError, match="nothing of the archive was kept") as error:
            unpack(archive, place)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert error.value.errno == errno.EFBIG and not isinstance(error.value, FormatError)
    left = sorted(one.name for one in tmp_path.iterdir())
    assert left == [f"a.{kind}", "big", "place"] and (place / "before").exists()


def test_a_file_in_the_place_of_a_folder_is_a_broken_archive(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in ("a", "a/b"):
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(FormatError, match="must be an archive that is whole"):
        unpack(tmp_path / "a.tar", tmp_path / "place")


def test_a_wrong_checksum_keeps_nothing(tmp_path: Path) -> None:
    origin = served(tmp_path)
    wrong = "0" * 32
    with pytest.raises(FormatError, match=f"checksum must be that .*expected='{wrong}'"):
        get_file("a.bin", origin, md5_hash=wrong, cache_dir=tmp_path / "cache")
    left = [one.name for one in (tmp_path / "cache" / "datasets").iterdir()]
    assert left == ["a.bin.lock"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"origin": None}, "origin must be an address"),
        ({"fname": "../up", "origin": "http://x/y"}, "must be the name of a file, without folders"),
        ({"origin": "http://x/y", "hash_algorithm": "crc"}, "hash_algorithm must be one of"),
    ],
)
def test_unfit_arguments_are_refused(settings: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        get_file(**settings)


def tarred(entries: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, value in entries.items():
            member = tarfile.TarInfo(name)
            if isinstance(value, bytes):
                member.size = len(value)
                file.addfile(member, io.BytesIO(value))
            else:
                member.type, member.linkname = value
                file.addfile(member)
    return buffer.getvalue()


def zipped(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, value in entries.items():
            file.writestr(name, value)
    return buffer.getvalue()


@pytest.mark.parametrize("make", [tarred, zipped])
def test_archives_are_unpacked(tmp_path: Path, make: Any) -> None:
    origin = served(tmp_path, make({"in/a.txt": b"a", "b.txt": b"b"}), "some.tar.gz")
    place = get_file("some.tar.gz", origin, extract=True, cache_dir=tmp_path / "cache")
    assert Path(place).name == "some_extracted"
    assert (Path(place) / "in" / "a.txt").read_bytes() == b"a"


def test_a_newer_archive_takes_the_place_of_what_an_older_one_held(tmp_path: Path) -> None:
    settings: Any = {"extract": True, "cache_dir": tmp_path / "cache"}
    for text in (b"old", b"new"):
        content = zipped({"a.txt": text})
        origin = served(tmp_path, content, "some.zip")
        place = get_file("some.zip", origin, file_hash=hashlib.sha256(content).hexdigest(),
                         **settings)  # fmt: skip
        assert (Path(place) / "a.txt").read_bytes() == text


def test_a_folder_is_that_of_its_archive_though_unpacking_was_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the new archive and its folder the process ends; the next one must not trust both."""

    def broken_off(*_: Any) -> None:
        raise KeyboardInterrupt

    old, new = zipped({"a.txt": b"old"}), zipped({"a.txt": b"new"})
    settings: Any = {"extract": True, "cache_dir": tmp_path / "cache"}
    place = get_file("some.zip", served(tmp_path, old, "some.zip"), **settings)
    origin = served(tmp_path, new, "some.zip")
    settings["file_hash"] = hashlib.sha256(new).hexdigest()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(download, "unpack", broken_off)
        get_file("some.zip", origin, **settings)
    assert get_file("some.zip", origin, **settings) == place
    assert (Path(place) / "a.txt").read_bytes() == b"new"
    (Path(place) / "mine.txt").touch()  # what its user put there stays
    get_file("some.zip", origin, **settings)
    assert (Path(place) / "mine.txt").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked and killed")
def test_a_folder_is_whole_whenever_the_process_is_killed(tmp_path: Path) -> None:
    for age in ("old", "new"):
        entries = {f"{name}.txt": age.encode() for name in "abc"}
        (tmp_path / f"{age}.zip").write_bytes(zipped(entries))
    done = subprocess.run(
        [sys.executable, "-m", "support.killed_unpacking", str(tmp_path)], capture_output=True,
        text=True, check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    seen = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(seen) > 10 and not seen[-1]["killed"]
    assert all(one["killed"] for one in seen[:-1])
    whole = [dict.fromkeys(("a.txt", "b.txt", "c.txt"), age) for age in ("old", "new")]
    assert all(one["found"] in whole and one["left"] == ["place"] for one in seen)
    ages = [whole.index(one["found"]) for one in seen]
    assert ages == sorted(ages) and ages[0] == 0  # the old one up to a point, then the new one
    assert any(one["before"] is None for one in seen)  # it had to be put back


def encrypted() -> bytes:
    data = bytearray(zipped({"a": b"hello" * 100}))
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    return bytes(data)


def unknown_method() -> bytes:
    data = bytearray(zipped({"a": b"hello" * 100}))
    data[8] = data[data.index(b"PK\1\2") + 10] = 97
    return bytes(data)


def deflated(size: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bomb", bytes(size))
    return buffer.getvalue()


def lying(size: int) -> bytes:
    """A ZIP whose member says it is small, and is not."""
    data = bytearray(deflated(size))
    for at in (22, data.index(b"PK\1\2") + 24):
        data[at : at + 4] = (1000).to_bytes(4, "little")
    return bytes(data)


def long_name(mode: str) -> bytes:
    """A tar whose header announces a name of a gigabyte."""
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    head = member.tobuf(tarfile.GNU_FORMAT)
    data = head + bytes(200 << 20)
    return gzip.compress(data, 9) if mode == "gz" else head


def hollow() -> bytes:
    """A sparse file: a few bytes that stand for a terabyte."""
    member = tarfile.TarInfo("x")
    member.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1",
                          "GNU.sparse.size": str(1 << 40), "GNU.sparse.map": "0,0"}  # fmt: skip
    return member.tobuf(tarfile.PAX_FORMAT) + bytes(1024)


def damaged() -> bytes:
    data = bytearray(tarred({"a": os.urandom(5000), "b": b"x" * 5000}))
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


HARMFUL = {
    "encrypted": (encrypted, "must be an archive that is whole; got .*encrypted"),
    "unknown method": (unknown_method, "must be an archive that is whole"),
    "damaged": (damaged, "must be an archive that is whole"),
    "cut": (lambda: zipped({"a": b"a" * 500})[:-5], "must be an archive"),
    "bomb": (lambda: deflated(300 << 20), "may come out of an archive of its size"),
    "bomb that lies": (lambda: lying(300 << 20), "must be an archive that is whole|may come out"),
    "bomb in a tar": (lambda: tarred({"a": bytes(300 << 20)}), "may come out of an archive"),
    "long name": (lambda: long_name("gz"), "may come out of an archive|must be an archive"),
    "long name, plain": (lambda: long_name("plain"), "must be an archive"),
    "sparse": (hollow, "may come out of an archive of its size"),
    "pipe": (lambda: tarred({"p": (tarfile.FIFOTYPE, "")}), "members must be files or folders"),
    "link, then through it": (
        lambda: tarred({"l": (tarfile.SYMTYPE, "."), "l/x": b"e"}), "must be files or folders"),
}  # fmt: skip


@pytest.mark.parametrize("name", HARMFUL)
def test_harmful_archives_leave_nothing(name: str, tmp_path: Path) -> None:
    make, told = HARMFUL[name]
    (tmp_path / "in").mkdir()
    archive = tmp_path / "in" / "archive"
    archive.write_bytes(make())
    tracemalloc.start()
    with pytest.raises(FormatError, match=told):
        unpack(archive, tmp_path / "in" / "place")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (100 << 20)
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["archive", "in"]


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(zipped({str(i): b"" for i in range(20)}))
    with pytest.raises(FormatError, match="at most max_objects=10 members"):
        unpack(archive, tmp_path / "place", limits=Limits(max_objects=10))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_every_compression_is_opened(mode: Any, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "archive", mode) as file:
        member = tarfile.TarInfo("in/a")
        member.size = 3
        file.addfile(member, io.BytesIO(b"abc"))
    unpack(tmp_path / "archive", tmp_path / "place")
    assert (tmp_path / "place" / "in" / "a").read_bytes() == b"abc"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (tarred({"good": b"g", "../evil": b"e"}), "members must lie within"),
        (tarred({"/tmp/evil": b"e"}), "members must lie within"),
        (tarred({"link": (tarfile.SYMTYPE, "/etc")}), "members must be files or folders"),
        (tarred({"link": (tarfile.LNKTYPE, "../x")}), "members must be files or folders"),
        (tarred({"device": (tarfile.CHRTYPE, "")}), "members must be files or folders"),
        (zipped({"good": b"g", "../evil": b"e"}), "members must lie within"),
        (zipped({"a\\..\\..\\evil": b"e"}), "members must lie within"),
        (zipped({"C:/evil": b"e"}), "members must lie within"),
        (b"no archive at all", "must be an archive of the kind"),
        (tarred({"a": b"a" * 5000})[:-40], "must be an archive"),
    ],
    ids=range(10),
)
def test_dangerous_archives_are_refused_and_nothing_is_written(
    tmp_path: Path, content: bytes, told: str
) -> None:
    (tmp_path / "in").mkdir()
    archive = tmp_path / "in" / "archive"
    archive.write_bytes(content)
    with pytest.raises(FormatError, match=told):
        unpack(archive, tmp_path / "in" / "place")
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["archive", "in"]


def test_mnist_from_its_files(tmp_path: Path) -> None:
    x, y = np.arange(5 * 784, dtype="uint8").reshape(5, 28, 28), np.arange(5, dtype="uint8")
    np.savez(tmp_path / "m.npz", x_train=x, y_train=y, x_test=x[:2], y_test=y[:2])
    (a, b), (c, d) = gw.datasets.mnist.load_data(tmp_path / "m.npz")
    for one, two in ((a, x), (b, y), (c, x[:2]), (d, y[:2])):
        np.testing.assert_array_equal(one, two)
    for name, values in (("train-images-idx3", x), ("train-labels-idx1", y),
                         ("t10k-images-idx3", x[:2]), ("t10k-labels-idx1", y[:2])):  # fmt: skip
        head = bytes([0, 0, 8, values.ndim])
        head += b"".join(n.to_bytes(4, "big") for n in values.shape)
        (tmp_path / f"{name}-ubyte.gz").write_bytes(gzip.compress(head + values.tobytes()))
    for room in (gw.datasets.mnist, gw.datasets.fashion_mnist):
        (a, _), (_, d) = room.load_data(tmp_path)
        np.testing.assert_array_equal(a, x)
        np.testing.assert_array_equal(d, y[:2])
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x09a"))
    with pytest.raises(FormatError, match="must hold bytes with 1 axes in IDX form"):
        gw.datasets.mnist.load_data(tmp_path)


def test_cifar_and_housing_from_their_files(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3072), "uint8")
    rows = np.concatenate([np.array([[7], [8], [9]], "uint8"), pixels], 1)
    for name in (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"):
        rows.tofile(tmp_path / name)
    (x, y), (_, labels) = gw.datasets.cifar10.load_data(tmp_path)
    assert (x.shape, y.shape, labels[:, 0].tolist()) == ((15, 32, 32, 3), (15, 1), [7, 8, 9])
    np.testing.assert_array_equal(x[1, :, :, 2].ravel(), pixels[1, 2048:])
    double = np.concatenate([rows[:, :1] * 0 + 3, rows], 1)
    for name in ("train.bin", "test.bin"):
        double.tofile(tmp_path / name)
    (_, fine), _ = gw.datasets.cifar100.load_data(path=tmp_path)
    (_, coarse), _ = gw.datasets.cifar100.load_data("coarse", tmp_path)
    assert (fine[:, 0].tolist(), coarse[:, 0].tolist()) == ([7, 8, 9], [3, 3, 3])
    with pytest.raises(FormatError, match="must hold whole pictures"):
        (tmp_path / "train.bin").write_bytes(b"123")
        gw.datasets.cifar100.load_data(path=tmp_path)
    np.savez(tmp_path / "h.npz", x=np.arange(20.0).reshape(10, 2), y=np.arange(10.0))
    for room in (gw.datasets.boston_housing, gw.datasets.california_housing):
        (x, y), (more, _) = room.load_data(path=tmp_path / "h.npz")
        assert (len(x), len(more), x[0].tolist()) == (8, 2, [2 * y[0], 2 * y[0] + 1])
