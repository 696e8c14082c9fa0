"""One peer in a process of its own: it makes a workload ready and repeats it when it is asked.

Requests come as lines of JSON on the standard input, answers go as lines of JSON to what was the
standard output; whatever the frameworks print goes to the standard error.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from typing import Any

from . import memory
from .peers import PEERS, Peer, settle
from .workload import Run
from .workloads import WORKLOADS


def opened(peer: Peer) -> None:
    """Import a peer and give it its number of threads."""
    settle()
    threads = int(os.environ["OMP_NUM_THREADS"])
    if peer.family == "graftwork":
        import graftgrad
        import graftwork  # noqa: F401

        graftgrad.set_num_threads(threads)
        return
    if "torch" in peer.packages:
        import torch

        torch.set_num_threads(threads)
    if peer.family == "keras":
        import keras  # noqa: F401


def timed(run: Run, kind: str) -> dict[str, Any]:
    """Do the first unit or a repeat, counted or to settle; return seconds per unit and the peak.

    Where every repeat begins anew there is nothing to settle.
    """
    again = kind != "first"
    if run.renew is not None:
        if kind == "settle":
            return {"seconds": 0.0, "peak": None, "units": run.units}
        if again:
            run.renew()
    gc.collect()
    exact = memory.forget_peak()
    units = run.units if again else 1
    begun = time.perf_counter()
    own = run.repeat() if again else run.first()
    seconds = time.perf_counter() - begun
    if isinstance(own, float):
        seconds = own
    return {"seconds": seconds / units, "peak": memory.peak() if exact else None, "units": units}


def serve(workload: str, peer: Peer, quick: bool) -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    described = WORKLOADS[workload]
    opened(peer)
    baseline = memory.resident()
    run = described.prepare(peer, quick)
    answers.write(json.dumps({"baseline": baseline, "ready": memory.resident()}) + "\n")
    answers.flush()
    for line in sys.stdin:
        answers.write(json.dumps(timed(run, json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve(sys.argv[1], PEERS[sys.argv[2]], sys.argv[3:] == ["quick"])
