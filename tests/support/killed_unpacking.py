"""An archive unpacked by processes that are killed: `python -m support.killed_unpacking FOLDER`.

In the folder lie old.zip and new.zip. For each step that unpacking the new one over the old one
takes, a process is forked and killed right before it; what is there then is told in a line of JSON.
"""

import itertools
import json
import os
import signal
import sys
from pathlib import Path

from graftwork.data.unpacking import recover, unpack

STEPS = ("os.rename", "os.remove", "os.rmdir", "os.mkdir")


def held(place: Path) -> dict[str, str] | None:
    """Return what the files of a folder hold; None without the folder."""
    if not place.exists():
        return None
    return {one.name: one.read_text() for one in sorted(place.iterdir())}


def unpacked(archive: Path, place: Path, last: int) -> None:
    """Unpack, and be killed before a step."""
    steps = itertools.count()

    def watch(event: str, _: object) -> None:
        if event in STEPS and next(steps) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    unpack(archive, place)


def main(root: Path) -> None:
    """Kill before the first step, the second one, … until a process ends by itself."""
    for last in itertools.count():
        folder = root / str(last)
        folder.mkdir()
        place = folder / "place"
        unpack(root / "old.zip", place)
        child = os.fork()
        if child == 0:
            try:
                unpacked(root / "new.zip", place, last)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        before = held(place)
        recover(place)
        left = sorted(one.name for one in folder.iterdir())
        told = {"killed": status == signal.SIGKILL, "before": before, "found": held(place),
                "left": left}  # fmt: skip
        print(json.dumps(told), flush=True)
        if status == 0:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
