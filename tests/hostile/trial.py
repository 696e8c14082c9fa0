"""Every attack tried in one process that watches itself: `python -m hostile.trial FOLDER`.

What the interpreter does is heard through its audit hook; memory is bounded by the system and
measured; a read that waits ends by an alarm. The answers go to standard output as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from graftgrad import formats
from graftgrad.errors import GraftError
from graftwork.data.unpacking import unpack
from graftwork.models import load_model, model_from_json

from .attacks import ATTACKS, neighbour

_ROOM = 1 << 30  # bytes of address space beyond what the imports took
_SECONDS = 60
# What a reader has no business with.
_FORBIDDEN = (
    "os.", "subprocess.", "socket.", "shutil.", "urllib.", "tempfile.", "pickle.", "marshal.",
    "ctypes.", "import", "exec", "compile", "code.", "http.", "ftplib.", "open",
)  # fmt: skip
_UNKNOWN = next(i for i, one in enumerate(ATTACKS) if one.flaw == "CVE-2025-1550")
_HARMLESS = {"os.fspath", "os.scandir", "os.listdir"}


def read_all(path: Path) -> object:
    """Open the arrays of a file and read each."""
    with formats.open_weights(path) as archive:
        return {name: np.array(archive[name]) for name in archive}


ASK: dict[str, Callable[[Path], object]] = {
    "open_weights": read_all,
    "read_checkpoint": formats.read_checkpoint,
    "load_model": load_model,
    "model_from_json": lambda path: model_from_json(path.read_text()),
    "unpack": lambda path: unpack(path, path.parent / "place"),
}
_WRITES = ("open", "os.", "shutil.", "tempfile.")  # what unpacking may do in its own folder


class Watch:
    """Notes what happens while it is on."""

    def __init__(self) -> None:
        self.path: str | None = None
        self.seen: list[str] = []
        self.within = ""  # the folder in which files may be made and removed
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.path is None or event in _HARMLESS or not event.startswith(_FORBIDDEN):
            return
        reads = event == "open" and arguments[1] in ("r", "rb", None)
        if reads and str(arguments[0]) == self.path and not arguments[2] & os.O_CREAT:
            return
        inside = self.within and str(arguments[0]).startswith(self.within)
        if inside and event.startswith(_WRITES) and ".." not in str(arguments[0]):
            return
        # of a folder that is held open, as rmtree goes through it
        looks = event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        removes = event in ("os.remove", "os.rmdir") and arguments[-1] != -1
        if self.within and (looks or removes) and "/" not in str(arguments[0]):
            return
        self.seen.append(f"{event} {str(arguments[:1])[:100]}")


def tried(number: int, folder: Path, watch: Watch) -> dict[str, Any]:
    """Make one file, read it, and say what came of it."""
    attack = ATTACKS[number]
    folder.mkdir()
    path = attack.make(folder)
    before = {str(one) for one in folder.rglob("*")}
    watch.seen = []
    signal.alarm(_SECONDS)
    tracemalloc.start()
    began = time.monotonic()
    watch.within = f"{path.parent}/." if attack.ask == "unpack" else ""
    watch.path = str(path)
    answer, kind = "", ""
    try:
        ASK[attack.ask](path)
    except Exception as error:
        kind = "refused" if isinstance(error, GraftError) else type(error).__name__
        answer = str(error).replace(f"{path}: ", "").replace(str(path), path.name)
    finally:
        watch.path = None
        signal.alarm(0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return {
        "kind": kind, "answer": answer, "did": watch.seen, "peak": peak,
        "size": path.stat().st_size, "seconds": time.monotonic() - began,
        "left": sorted({str(one) for one in folder.rglob("*")} - before),
    }  # fmt: skip


def main() -> None:
    """Warm up with sound files, so that what is imported late is there; then try every attack."""
    os.umask(0o077)
    folder = Path(sys.argv[1])
    os.chdir(folder)
    warnings.simplefilter("ignore")
    hostile = neighbour("highlevel/saving/test_hostile.py")
    for name in ("m.keras", "m.h5"):
        load_model(hostile.good(folder, name))
    malicious = neighbour("backend/formats/test_malicious.py")
    sound = (malicious.checkpoint(malicious.entry(malicious.tensor())), malicious.npz()())
    for content in sound:
        (folder / "sound").write_bytes(content)
        read_all(folder / "sound")
    for kind in ("zip", "gztar"):
        (folder / kind).mkdir()
        unpack(Path(shutil.make_archive(str(folder / "sound"), kind, folder / kind)), folder / kind)
    tried(_UNKNOWN, folder / "unknown", Watch())  # names are looked up in rooms imported late
    present = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    watch = Watch()
    resource.setrlimit(resource.RLIMIT_AS, (present + _ROOM, present + _ROOM))
    answers = [tried(number, folder / str(number), watch) for number in range(len(ATTACKS))]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
