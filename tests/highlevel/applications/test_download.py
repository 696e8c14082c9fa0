"""Downloads: once, verified, continued, shared; what is wrong is told and not kept."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from graftgrad.errors import FormatError
from graftwork.applications import download
from graftwork.applications.download import Entry, cache_folder, downloaded
from graftwork.data import fetching

CONTENT = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Publisher(BaseHTTPRequestHandler):
    """A server whose faults the tests switch on."""

    content = CONTENT
    asked: list[str] = []  # noqa: RUF012
    faults: list[Any] = []  # noqa: RUF012
    ranges, pause = True, 0.0

    def do_GET(self) -> None:
        kind = type(self)
        wanted = self.headers.get("Range") or ""
        kind.asked.append(wanted)
        time.sleep(self.pause)
        fault = kind.faults.pop(0) if kind.faults else None
        start = int(wanted[6:-1]) if wanted and self.ranges else 0
        if fault in (404, 503):
            self.send_error(fault)
            return
        if start >= len(self.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(self.content)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            size = len(self.content)
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        rest = self.content[start:]
        self.wfile.write(rest[: len(rest) // 2] if fault == "break" else rest)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("GRAFTWORK_HOME", str(tmp_path / "home"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(fetching, "_PAUSE", 0.0)
    monkeypatch.setattr(Publisher, "asked", [])
    monkeypatch.setattr(Publisher, "faults", [])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Publisher)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/network.pth"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def kept() -> set[str]:
    return {path.name for path in cache_folder().iterdir() if path.suffix != ".lock"}


def test_a_connection_that_breaks_is_continued_where_it_broke(address: str) -> None:
    Publisher.faults += ["break", "break"]
    assert downloaded(Entry(address, SHA256, "a test")).read_bytes() == CONTENT
    half = len(CONTENT) // 2
    assert Publisher.asked == ["", f"bytes={half}-", f"bytes={half + half // 2}-"]
    assert kept() == {"network.pth"}


def test_a_later_call_continues_what_an_earlier_one_began(address: str) -> None:
    Publisher.faults += ["break"] * 4
    with pytest.raises(ConnectionError, match=r"1200000 bytes that were received are kept"):
        downloaded(Entry(address, SHA256, "a test"))
    assert kept() == {"network.pth.part"}
    assert downloaded(Entry(address, SHA256, "a test")).read_bytes() == CONTENT
    assert Publisher.asked[-1] == "bytes=1200000-" and kept() == {"network.pth"}


def test_a_server_that_knows_no_ranges_sends_all_again(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Publisher, "ranges", False)
    Publisher.faults += ["break"]
    assert downloaded(Entry(address, SHA256, "a test")).read_bytes() == CONTENT
    assert len(Publisher.asked) == 2


def test_a_part_of_another_file_is_thrown_away(address: str) -> None:
    cache_folder().mkdir()
    part = cache_folder() / "network.pth.part"
    for wrong in (b"another" * 10, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 1)):
        part.write_bytes(wrong)
        path = downloaded(Entry(address, SHA256, "a test"))
        assert path.read_bytes() == CONTENT and kept() == {"network.pth"}
        path.unlink()


def test_a_whole_part_needs_only_its_name(address: str) -> None:
    cache_folder().mkdir()
    (cache_folder() / "network.pth.part").write_bytes(CONTENT)
    assert downloaded(Entry(address, SHA256, "a test")).read_bytes() == CONTENT
    assert Publisher.asked == [f"bytes={len(CONTENT)}-"]


def test_without_a_checksum_nothing_is_continued_over_calls(address: str) -> None:
    cache_folder().mkdir()
    (cache_folder() / "network.pth.part").write_bytes(b"of an older file")
    assert downloaded(Entry(address, "", "a test")).read_bytes() == CONTENT
    assert Publisher.asked == [""]


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(address: str) -> None:
    md5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    for entry in (Entry(address, "00" * 32, "a test"), Entry(address, "", "a test", md5="00")):
        found = SHA256 if entry.sha256 else md5
        with pytest.raises(FormatError, match=f"of the published file; got expected='00.*{found}"):
            downloaded(entry)
        assert kept() == set()


def test_a_server_in_trouble_is_asked_again_and_a_missing_file_is_not(address: str) -> None:
    Publisher.faults += [503, 503]
    assert downloaded(Entry(address, SHA256, "a test")).read_bytes() == CONTENT
    Publisher.faults += [404]
    Publisher.asked.clear()
    with pytest.raises(ConnectionError, match=r"must be reachable; got HTTP Error 404"):
        downloaded(Entry(address.replace("network", "absent"), SHA256, "a test"))
    assert len(Publisher.asked) == 1
    Publisher.faults += [503] * 4
    with pytest.raises(ConnectionError, match=r"got HTTP Error 503"):
        downloaded(Entry(address.replace("network", "absent"), SHA256, "a test"))


def test_a_file_too_large_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_MOST_BYTES", 1000)
    with pytest.raises(FormatError, match="must not be larger than 1000 bytes; got bytes=1280000"):
        downloaded(Entry(address, SHA256, "a test"))


def test_a_full_disk_is_no_broken_connection(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, chunk: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    write = fetching._written
    monkeypatch.setattr(fetching, "_written", lambda file, *rest: write(Full(), *rest))
    with pytest.raises(OSError, match=r"No space left.*GRAFTWORK_HOME names another") as caught:
        downloaded(Entry(address, SHA256, "a test"))
    assert not isinstance(caught.value, ConnectionError) and len(Publisher.asked) == 1
    assert caught.value.filename.endswith("network.pth.part")


CHILD = """
import sys
from graftwork.applications.download import Entry, downloaded
print(len(downloaded(Entry(sys.argv[1], sys.argv[2], "a test")).read_bytes()))
"""


def test_two_processes_share_one_download(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Publisher, "pause", 0.3)
    command = [sys.executable, "-c", CHILD, address, SHA256]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    children = [
        subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(2)
    ]
    assert [int(child.communicate(timeout=60)[0]) for child in children] == [len(CONTENT)] * 2
    assert Publisher.asked == [""] and kept() == {"network.pth"}


def test_waiting_for_another_process_has_an_end(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_PATIENCE", 0.1)
    cache_folder().mkdir()
    with (
        fetching.alone(cache_folder() / "network.pth"),
        pytest.raises(TimeoutError, match=r"another process must end its download; got waited="),
    ):
        downloaded(Entry(address, SHA256, "a test"))
    assert downloaded(Entry(address, SHA256, "a test")).read_bytes() == CONTENT


def test_the_cache_folder_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFTWORK_HOME", "~/nets")
    assert cache_folder() == Path.home() / "nets"
    monkeypatch.delenv("GRAFTWORK_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_folder() == Path("/caches/graftwork")
