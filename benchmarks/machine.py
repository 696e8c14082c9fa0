"""The ceilings of this machine, measured: matrix products and memory; how far a time is from them.

Run as a program it measures and prints JSON, so that the libraries it opens disturb nobody.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from .flops import Work
from .peers import THREADS, settle

SIZE = 2048  # of the square matrices
SPAN = 64 << 20  # numbers in each array of the copy: far beyond every cache
TRIES = 7


@dataclass(frozen=True)
class Ceilings:
    """What the machine does at best with this many threads.

    `matmul` holds GFLOP/s by element type, the highest of the libraries named in `by`; `memory` the
    GB/s of a copy, read and written bytes together.
    """

    processor: str
    threads: int
    matmul: dict[str, float]
    by: dict[str, str]
    memory: float

    def highest(self, other: Ceilings) -> Ceilings:
        """Return the higher of two measurements, number by number."""
        matmul, by = dict(self.matmul), dict(self.by)
        for dtype, rate in other.matmul.items():
            if rate > matmul.get(dtype, 0.0):
                matmul[dtype], by[dtype] = rate, other.by[dtype]
        return replace(self, matmul=matmul, by=by, memory=max(self.memory, other.memory))

    def share(self, other: Ceilings) -> float:
        """Return the smallest part of these ceilings that another measurement reached."""
        parts = [rate / self.matmul[dtype] for dtype, rate in other.matmul.items()]
        return min([*parts, other.memory / self.memory])

    def least_seconds(self, work: Work) -> float | None:
        """Return the roofline of a work, or None where its element type has not been measured."""
        if work.dtype not in self.matmul:
            return None
        return max(work.flops / self.matmul[work.dtype], work.bytes / self.memory) / 1e9


def best_seconds(function: Callable[[], object]) -> float:
    """Return the shortest of several tries."""
    function()
    found = []
    for _ in range(TRIES):
        begun = time.perf_counter()
        function()
        found.append(time.perf_counter() - begun)
    return min(found)


def matmul_rates() -> dict[str, dict[str, float]]:
    """Measure square products, GFLOP/s: element type -> library -> rate."""
    flops = 2 * SIZE**3 / 1e9
    a = np.random.default_rng(0).standard_normal((SIZE, SIZE), dtype=np.float32)
    out = np.empty_like(a)
    found = {"float32": {"numpy": flops / best_seconds(lambda: np.matmul(a, a, out=out))}}
    if find_spec("torch") is not None:
        import torch

        torch.set_num_threads(THREADS)
        for name in ("float32", "bfloat16"):
            b = torch.from_numpy(a).to(getattr(torch, name))
            c = torch.empty_like(b)
            seconds = best_seconds(lambda b=b, c=c: torch.mm(b, b, out=c))  # type: ignore[misc]
            found.setdefault(name, {})["torch"] = flops / seconds
    return found


def memory_rate() -> float:
    """Measure a copy by all threads, GB/s of read and written bytes."""
    source, target = np.ones(SPAN, np.float32), np.zeros(SPAN, np.float32)
    parts = list(zip(np.array_split(source, THREADS), np.array_split(target, THREADS), strict=True))

    def copy() -> None:
        threads = [threading.Thread(target=np.copyto, args=(to, of)) for of, to in parts]
        for one in threads:
            one.start()
        for one in threads:
            one.join()

    return 2 * source.nbytes / best_seconds(copy) / 1e9


def measured() -> Ceilings:
    """Measure the machine."""
    rates = matmul_rates()
    by = {dtype: max(found, key=lambda name: found[name]) for dtype, found in rates.items()}
    matmul = {dtype: rates[dtype][name] for dtype, name in by.items()}
    return Ceilings(processor(), THREADS, matmul, by, memory_rate())


@dataclass(frozen=True)
class Usage:
    """Seconds until now: of all processors at work, of our processes among them, of the clock."""

    everybody: float
    own: float
    clock: float

    @classmethod
    def now(cls) -> Usage | None:
        """Look; None where the system does not tell. Only processes that have ended are ours."""
        try:
            fields = Path("/proc/stat").read_text(encoding="ascii").split()[1:9]
        except OSError:
            return None
        user, nice, system, _, _, irq, softirq, steal = map(int, fields)
        ticks = user + nice + system + irq + softirq + steal
        used = os.times()
        own = used.user + used.system + used.children_user + used.children_system
        return cls(ticks / os.sysconf("SC_CLK_TCK"), own, time.perf_counter())

    def others_since(self, before: Usage) -> float:
        """Return how many processors other processes kept busy, on average."""
        theirs = (self.everybody - before.everybody) - (self.own - before.own)
        return max(0.0, theirs / (self.clock - before.clock))


def processor() -> str:
    """Return the processor's own name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Return the versions of what takes part."""
    names = ("graftwork", "numpy", "torch", "keras", "jax", "tensorflow")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def as_ceilings(found: dict[str, Any]) -> Ceilings:
    """Return what was printed as JSON."""
    return Ceilings(**found)


if __name__ == "__main__":
    settle()
    print(json.dumps(asdict(measured())))
