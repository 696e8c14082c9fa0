"""Downloads: once, verified, and nothing kept of what is wrong."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from graftgrad.errors import ConfigError, FormatError
from graftwork.applications.weights import Entry, cache_folder, find
from graftwork.data import fetching

CONTENT = b"weights " * 1000


class Publisher(BaseHTTPRequestHandler):
    asked = 0
    missing = 0  # bytes that never come

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: len(CONTENT) - self.missing])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("GRAFTWORK_HOME", str(tmp_path / "home"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Publisher)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Publisher.asked = 0
    try:
        yield f"http://127.0.0.1:{server.server_port}/network.pth"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_file_is_downloaded_once(address: str) -> None:
    catalogue = {"network": Entry(address, hashlib.sha256(CONTENT).hexdigest(), "a test")}
    first = find("Network", "network", catalogue)
    second = find("Network", "network", catalogue)
    assert first is not None and first == second and first.read_bytes() == CONTENT
    assert Publisher.asked == 1


def test_a_damaged_copy_is_replaced(address: str) -> None:
    catalogue = {"network": Entry(address, hashlib.sha256(CONTENT).hexdigest()[:8], "a test")}
    path = find("Network", "network", catalogue)
    assert path is not None
    path.write_bytes(b"damaged")
    assert find("Network", "network", catalogue) == path and path.read_bytes() == CONTENT


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(address: str) -> None:
    with pytest.raises(
        FormatError, match=r"checksum must be that of the published file; got expected='00"
    ):
        find("Network", "network", {"network": Entry(address, "00" * 32, "a test")})
    assert [one.suffix for one in cache_folder().iterdir()] == [".lock"]


def test_a_file_without_a_published_checksum_is_taken_whole(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = Entry(address, "", "a test")
    found = find("Network", "network", {"network": entry})
    assert found is not None and found.read_bytes() == CONTENT
    found.unlink()
    monkeypatch.setattr(Publisher, "missing", 5)
    monkeypatch.setattr(fetching, "_PAUSE", 0.0)
    with pytest.raises(ConnectionError, match="must be reachable; got a connection that broke off"):
        find("Network", "network", {"network": entry})
    assert [one.suffix for one in cache_folder().iterdir()] == [".lock"]


def test_without_a_connection_the_error_says_what_to_do(address: str) -> None:
    entry = Entry("http://127.0.0.1:9/network.pth", "00", "a test")
    with pytest.raises(ConnectionError, match=r"must be reachable.*put the file into .*home"):
        find("Network", "network", {"network": entry})
    assert [one.suffix for one in cache_folder().iterdir()] == [".lock"]


def test_a_path_is_taken_as_it_is_and_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.pth").write_bytes(b"x")
    assert find("Network", tmp_path / "mine.pth", {}) == tmp_path / "mine.pth"
    assert find("Network", None, {}) is None
    with pytest.raises(ConfigError, match="which is a folder"):
        find("Network", tmp_path, {})
    with pytest.raises(ConfigError, match="one of 'network'; got 'netwrok', which is no file"):
        find("Network", "netwrok", {"network": Entry("http://nowhere/x", "00", "a test")})
