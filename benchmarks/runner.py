"""Runs workloads: every peer in a process kept alive, their turns interleaved, one at a time."""

from __future__ import annotations

import json
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .peers import OURS, PEERS, Peer, environment
from .workload import Workload

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 900.0  # seconds for one answer
REST = 0.1  # seconds between turns: threads of the last one shall have stopped spinning
HOPELESS = 4.0  # times slower than the fastest: two repeats of such a peer are enough


class Failed(Exception):
    """A peer's process has ended or has not answered; the text says why."""


@dataclass
class Measured:
    """What one peer needed for one workload; bytes are None where the system does not tell them.

    `first` is the time until the first unit is done, model and compilation included; `seconds` has
    one value per repeat and unit. `baseline` is resident memory after the imports, `ready` with the
    data made, `peak` the most during first unit and repeats.
    """

    peer: str
    missing: str = ""
    first: float | None = None
    seconds: list[float] = field(default_factory=list)
    units: int = 1
    baseline: int | None = None
    ready: int | None = None
    peak: int | None = None

    @property
    def median(self) -> float | None:
        """The median of the repeats."""
        return statistics.median(self.seconds) if self.seconds else None

    @property
    def quartiles(self) -> tuple[float, float] | None:
        """The first and the third quartile of the repeats."""
        if len(self.seconds) < 2:
            return None
        first, _, third = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return first, third

    @property
    def growth(self) -> int | None:
        """Bytes by which the work has raised resident memory at its peak."""
        return None if self.peak is None or self.ready is None else self.peak - self.ready


class Process:
    """A peer's process."""

    def __init__(self, workload: str, peer: Peer, quick: bool) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", workload, peer.name]
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(
            command + ["quick"] * quick, cwd=ROOT, env=environment(peer), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
        )  # fmt: skip

    def ask(self, kind: str) -> dict[str, Any]:
        """Send a request and wait for the answer.

        Raises:
            Failed: there is none.
        """
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(kind) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer below says why
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """Wait for an answer.

        Raises:
            Failed: there is none.
        """
        stream = self.process.stdout
        assert stream is not None
        ready, _, _ = select.select([stream], [], [], PATIENCE)
        line = stream.readline() if ready else ""
        if not line:
            raise Failed(self._reason() if ready else f"no answer within {PATIENCE:.0f} seconds")
        found: dict[str, Any] = json.loads(line)
        return found

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()
        self.errors.close()

    def _reason(self) -> str:
        self.process.wait(10)
        self.errors.seek(0)
        lines = [line.strip() for line in self.errors.read().splitlines() if line.strip()]
        return lines[-1] if lines else f"ended with status {self.process.returncode}"


def measure(
    workload: Workload,
    peers: Iterable[str],
    repeats: int,
    quick: bool,
    say: Callable[[str], None],
) -> list[Measured]:
    """Measure a workload: first units one after the other, then repeats A B C, B C A, C A B, …

    The first repeat of everybody is not counted: compilers, recordings, allocators and caches
    settle in it.
    """
    named = [PEERS[name] for name in peers]
    chosen = [
        peer
        for peer in named
        if peer.family in workload.families and (workload.forms or not peer.best)
    ]
    found = {peer.name: Measured(peer.name, peer.missing()) for peer in chosen}
    processes: dict[str, Process] = {}
    try:
        for peer in chosen:
            if not found[peer.name].missing:
                processes[peer.name] = Process(workload.name, peer, quick)
                _turn(processes, found[peer.name], "ready", say)
        for kind in ("first", "settle"):
            for name in list(processes):
                _turn(processes, found[name], kind, say)
        for number in range(min(repeats, workload.repeats)):
            order = list(processes)
            shift = number % max(len(order), 1)
            for name in order[shift:] + order[:shift]:
                if number < 2 or not _hopeless(found, name):
                    _turn(processes, found[name], "repeat", say)
    finally:
        for process in processes.values():
            process.end()
    return list(found.values())


def _turn(
    processes: dict[str, Process], one: Measured, kind: str, say: Callable[[str], None]
) -> None:
    process = processes[one.peer]
    say(f"{one.peer}: {kind} {len(one.seconds) + 1 if kind == 'repeat' else ''}")
    time.sleep(REST)
    try:
        answer = process.answer() if kind == "ready" else process.ask(kind)
    except Failed as failure:
        one.missing = str(failure)
        processes.pop(one.peer).end()
        return
    if kind == "ready":
        one.baseline, one.ready = answer["baseline"], answer["ready"]
        return
    one.units = answer["units"]
    if answer["peak"] is not None:
        one.peak = max(one.peak or 0, answer["peak"])
    if kind == "first":
        one.first = answer["seconds"]
    elif kind == "repeat":
        one.seconds.append(answer["seconds"])


def _hopeless(found: dict[str, Measured], name: str) -> bool:
    medians = {peer: one.median for peer, one in found.items() if one.median is not None}
    mine = medians.get(name)
    return name != OURS and mine is not None and mine > HOPELESS * min(medians.values())


def plain(measured: Measured) -> dict[str, Any]:
    """Return everything as JSON can hold it."""
    found = asdict(measured)
    return found | {
        "median": measured.median, "quartiles": measured.quartiles, "growth": measured.growth,
    }  # fmt: skip
