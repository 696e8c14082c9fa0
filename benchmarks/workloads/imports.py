"""How long a fresh process imports a framework."""

from __future__ import annotations

import subprocess
import sys

from ..peers import Peer
from ..workload import Run, Workload

TIMED = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def prepare(peer: Peer, quick: bool) -> Run:
    def imported() -> float:
        code = TIMED.format(peer.family)
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, text=True, stdout=subprocess.PIPE
        )
        return float(done.stdout.split()[-1])

    return Run(imported, imported)


WORKLOAD = Workload(
    name="import",
    title="import in a fresh process",
    unit="import",
    target=None,
    prepare=prepare,
    forms=False,
    seconds_target=0.35,
)
