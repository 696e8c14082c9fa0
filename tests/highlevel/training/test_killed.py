"""Trainings that are killed at any moment and end as if they had not been."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from support import killed_training

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
X, Y = killed_training.X, killed_training.Y


class Server:
    """The process that forks one training after the other; it has computed nothing itself."""

    def __init__(self) -> None:
        paths = [str(Path(one).resolve()) for one in sys.path if one]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "support.killed_training"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )  # fmt: skip
        self.kills = 0

    def run(self, folder: Path, seconds: float | None = None) -> int:
        """Train in a folder; kill it after some seconds; return how it ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{folder}\n")
        child = int(self.process.stdout.readline())
        if seconds is not None:
            time.sleep(seconds)
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                pass
        ended = int(self.process.stdout.readline())
        self.kills += ended == -signal.SIGKILL
        return ended


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        assert server.process.stdin is not None
        assert server.process.stdout is not None
        server.process.stdin.close()
        server.process.wait(20)
        server.process.stdout.close()


def results(folder: Path) -> dict[str, Any]:
    with np.load(folder / "result.npz") as file:
        return dict(file)


def kill(times: int, folder: Path) -> None:
    """Kill trainings at random moments until it was done so often; compare each that ends."""
    draw = random.Random(times)
    with serving() as server:
        (folder / "whole").mkdir()
        begun = time.perf_counter()
        assert server.run(folder / "whole") == 0
        whole = time.perf_counter() - begun
        wanted = results(folder / "whole")
        trainings = 0
        while server.kills < times:
            own = folder / str(trainings)
            own.mkdir()
            trainings += 1
            ended, in_this = -1, 0
            while ended != 0:
                patience = draw.uniform(0, whole) if server.kills < times and in_this < 5 else None
                ended = server.run(own, patience)
                if ended == 0 and patience is not None and in_this == 0:
                    whole = patience  # a machine that was busy has become quick
                in_this += 1
                assert ended in (0, -signal.SIGKILL)
            found = results(own)
            assert found.keys() == wanted.keys()
            for name, value in wanted.items():
                np.testing.assert_array_equal(found[name], value, err_msg=name)
            assert not (own / "backup").exists()
            assert [one.name for one in own.iterdir() if one.suffix == ".keras"] == ["best.keras"]
            left = gw.models.load_model(own / "best.keras")
            assert len(left.weights) == len(killed_training.network().weights)


def test_ten_kills_at_random_moments_change_nothing(tmp_path: Path) -> None:
    kill(10, tmp_path)


@pytest.mark.slow
def test_two_hundred_kills_at_random_moments_change_nothing(tmp_path: Path) -> None:
    kill(200, tmp_path)
