"""The command: `python -m benchmarks --only mlp --repeats 5 --peers graftwork torch`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from . import report
from .machine import Ceilings, Usage, as_ceilings, versions
from .peers import ORDINARY, PEERS, environment
from .runner import ROOT, measure
from .workloads import WORKLOADS

RESULTS = ROOT / "benchmarks" / "results"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Us beside our peers.")
    parser.add_argument("--only", nargs="+", choices=[*WORKLOADS], metavar="NAME",
                        help="these workloads: " + ", ".join(WORKLOADS))  # fmt: skip
    parser.add_argument("--peers", nargs="+", choices=[*PEERS], default=[*ORDINARY], metavar="NAME",
                        help="these peers: " + ", ".join(PEERS))  # fmt: skip
    parser.add_argument("--repeats", type=int, default=7, help="turns of every peer (7)")
    parser.add_argument(
        "--quick", action="store_true", help="fewer units in a repeat, for a first look"
    )
    parser.add_argument("--out", type=Path, help="the JSON file (benchmarks/results/DATE.json)")
    return parser.parse_args()


def ceilings() -> Ceilings:
    """Measure the machine in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.machine"]
    done = subprocess.run(command, cwd=ROOT, env=environment(PEERS["graftwork"]), check=True,
                          stdout=subprocess.PIPE, text=True)  # fmt: skip
    return as_ceilings(json.loads(done.stdout))


def progress(text: str) -> None:
    """Say what is being measured, where somebody watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def main() -> None:
    """Measure, print, write."""
    asked = arguments()
    begun = time.strftime("%Y-%m-%d %H:%M:%S")
    found = ceilings()
    told = versions()
    print(report.machine(found))
    print(", ".join(f"{name} {number}" for name, number in told.items()), "\n", flush=True)
    outcomes: list[report.Outcome] = []
    out = asked.out or RESULTS / f"{begun.translate({32: '_', 58: '-'})}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    for name in asked.only or WORKLOADS:

        def say(text: str, name: str = name) -> None:
            progress(f"{name}, {text}")

        before = Usage.now()
        measured = measure(WORKLOADS[name], asked.peers, asked.repeats, asked.quick, say)
        after = Usage.now()
        others = after.others_since(before) if before and after else None
        say("the machine once more")
        now = ceilings()
        found = found.highest(now)
        outcomes.append(report.Outcome(WORKLOADS[name], measured, found.share(now), others))
        progress("")
        print(report.block(outcomes[-1], found), "\n", flush=True)
        document = {
            "begun": begun, "quick": asked.quick, "repeats": asked.repeats, "versions": told,
            "machine": asdict(found),
            "workloads": [report.as_json(one, found) for one in outcomes],
        }  # fmt: skip
        out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(report.machine(found), "\n")
    print(report.summary(outcomes))
    print(f"\n{out}")


if __name__ == "__main__":
    main()
