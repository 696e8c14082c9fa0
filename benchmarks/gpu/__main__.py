"""The command: `python -m benchmarks.gpu --only resnet50-256-bfloat16 --repeats 5`."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from graftgrad.device import find

from ..report import aligned, mebibytes
from ..runner import ROOT
from .forms import FORMS, OURS
from .workloads import UNRECORDED, WORKLOADS, Workload

RESULTS = ROOT / "benchmarks" / "results"
PATIENCE = 1200  # seconds for one form of a workload
PACKAGES = ("graftwork", "cupy-cuda13x", "cupy-cuda12x", "nvidia-cudnn-cu13", "nvidia-cudnn-cu12",
            "nvidia-cublas", "nvidia-cublas-cu12", "nvidia-cudnn-frontend", "torch")  # fmt: skip


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.gpu", description="Us beside PyTorch.")
    parser.add_argument("--only", nargs="+", choices=[*WORKLOADS], metavar="NAME",
                        help="these workloads: " + ", ".join(WORKLOADS))  # fmt: skip
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=[*FORMS], metavar="FORM",
                        help="these forms: " + ", ".join(FORMS))  # fmt: skip
    parser.add_argument("--repeats", type=int, default=7, help="repeats of every form (7)")
    parser.add_argument("--rounds", type=int, default=2, help="turns of all forms (2)")
    parser.add_argument("--out", type=Path, help="the JSON file (benchmarks/results/gpu-DATE.json)")
    return parser.parse_args()


def ran(name: str, form: str, repeats: int) -> dict[str, Any]:
    """Measure a workload in one form, in a process of its own; or say why that failed."""
    if form != OURS and find_spec("torch") is None:
        return {"missing": "torch not installed"}
    command = [sys.executable, "-m", "benchmarks.gpu.worker", name, form, str(repeats)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return {"missing": f"no answer within {PATIENCE} seconds"}
    if done.returncode or not done.stdout:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        return {"missing": lines[-1] if lines else f"ended with status {done.returncode}"}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def joined(turns: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the turns of one form as one."""
    times = [value for one in turns for value in one.get("milliseconds", ())]
    if not times:
        return turns[-1]
    peak = max(one.get("peak", 0) for one in turns)
    return {"milliseconds": times, "median": statistics.median(times), "peak": peak}


def block(workload: Workload, found: dict[str, dict[str, Any]]) -> str:
    """Write what every form needed, and whether what is wanted is reached."""
    rows = [["", "ms per unit", "samples/s", "peak", "PyTorch / ours", "wanted", "reached"]]
    mine = found.get(OURS, {}).get("median")
    for form, one in found.items():
        if "median" not in one:
            rows.append([form, one["missing"], "", "", "", "", ""])
            continue
        ratio = one["median"] / mine if mine and form != OURS else None
        wanted = workload.targets.get(form)
        told = "–" if ratio is None or wanted is None else "yes" if ratio >= wanted else "no"
        rows.append([
            form, f"{one['median']:.3f}", f"{1e3 * workload.samples / one['median']:,.0f}",
            mebibytes(one["peak"]), f"{ratio:.2f}" if ratio else "–",
            f"≥ {wanted}" if wanted else "–", told,
        ])  # fmt: skip
    return "\n".join([workload.name, *(f"  {line}" for line in aligned(rows))])


def versions() -> dict[str, str]:
    """Return the versions of what takes part."""
    told = {}
    for package in PACKAGES:
        try:
            told[package] = version(package)
        except PackageNotFoundError:
            told[package] = "not installed"
    return told


def main() -> None:
    """Measure, print, write; without a GPU, say so."""
    asked = arguments()
    missing = find.missing()
    if missing:
        print(f"bench-gpu: nothing was measured: {missing}")
        return
    begun = time.strftime("%Y-%m-%d %H:%M:%S")
    title = find.device("gpu").title  # type: ignore[attr-defined]
    told = versions()
    print(title)
    print(", ".join(f"{name} {number}" for name, number in told.items()), "\n", flush=True)
    out = asked.out or RESULTS / f"gpu-{begun.translate({32: '_', 58: '-'})}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {
        "begun": begun, "device": title, "versions": told, "repeats": asked.repeats,
        "rounds": asked.rounds, "workloads": {},
    }  # fmt: skip
    for name in asked.only or WORKLOADS:
        forms = [form for form in asked.forms if form not in UNRECORDED.get(name, ())]
        turns: dict[str, list[dict[str, Any]]] = {form: [] for form in forms}
        for number in range(asked.rounds):
            shift = number % len(forms)
            for form in forms[shift:] + forms[:shift]:
                turns[form].append(ran(name, form, asked.repeats))
        found = {form: joined(one) for form, one in turns.items()}
        print(block(WORKLOADS[name], found), "\n", flush=True)
        document["workloads"][name] = found
        out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(out)


if __name__ == "__main__":
    main()
