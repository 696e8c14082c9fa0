"""What was measured, as text: a block per workload, then a table of what is wanted and reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .machine import Ceilings
from .peers import OURS
from .runner import Measured, plain
from .workload import Workload

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
MIB = 1 << 20
QUIET = 0.8  # of the ceilings: what a machine reaches that nobody else uses
IDLE = 0.1  # processors: what a machine does beside, even if nobody uses it


@dataclass(frozen=True)
class Outcome:
    """A workload and what every peer needed for it."""

    workload: Workload
    peers: Sequence[Measured]
    undisturbed: float = 1.0  # what part of its ceilings the machine reached beside this
    others: float | None = None  # processors that other processes kept busy meanwhile

    @property
    def ours(self) -> Measured | None:
        """What we needed, if we can do it."""
        return next((one for one in self.peers if one.peer == OURS and one.median), None)

    @property
    def fastest(self) -> Measured | None:
        """The fastest of the others."""
        others = [one for one in self.peers if one.peer != OURS and one.median is not None]
        return min(others, key=lambda one: one.median or 0.0, default=None)

    @property
    def ratio(self) -> float | None:
        """The fastest peer's median / ours."""
        if self.ours is None or self.fastest is None:
            return None
        return (self.fastest.median or 0.0) / (self.ours.median or 1.0)

    @property
    def memory_ratio(self) -> float | None:
        """Our growth of memory / that of the PyTorch form that needs least."""
        growths = [one.growth for one in self.peers if one.peer.startswith("torch") and one.growth]
        if self.ours is None or not self.ours.growth or not growths:
            return None
        return self.ours.growth / min(growths)


def duration(seconds: float | None) -> str:
    """Write a time with three digits and a fitting unit."""
    if seconds is None:
        return "–"
    size, name = next((one for one in UNITS if seconds >= one[0]), UNITS[-1])
    value = seconds / size
    return f"{value:.{max(0, 3 - len(str(int(value))))}f} {name}"


def mebibytes(count: int | None) -> str:
    """Write a number of bytes."""
    return "–" if count is None else f"{count / MIB:,.0f} MiB"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Write rows of cells under one another; the first column to the left, the others right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        ).rstrip()
        for row in rows
    ]


def block(outcome: Outcome, ceilings: Ceilings | None) -> str:
    """Write what every peer needed for a workload, and how far each is from the roofline."""
    workload = outcome.workload
    least = None
    if ceilings is not None and workload.work is not None:
        least = ceilings.least_seconds(workload.work)
    head = ["", f"per {workload.unit}", "quartiles", "repeats", "first", "peak growth", "imported"]
    rows = [[*head, "× roofline"]]
    for one in outcome.peers:
        if one.median is None:
            continue
        span = " … ".join(map(duration, one.quartiles)) if one.quartiles else "–"
        far = f"{one.median / least:.1f}" if least else "–"
        rows.append([one.peer, duration(one.median), span, str(len(one.seconds)),
                     duration(one.first), mebibytes(one.growth), mebibytes(one.baseline),
                     far])  # fmt: skip
    lines = [f"{workload.name}: {workload.title}", *(f"  {line}" for line in aligned(rows))]
    for one in outcome.peers:
        if one.median is None:
            lines.append(f"  {one.peer}: not available: {one.missing or 'no repeat was asked for'}")
    if outcome.others is not None and outcome.others > IDLE:
        lines.append(f"  disturbed: other processes kept {outcome.others:.1f} processors busy")
    if outcome.undisturbed < QUIET:
        lines.append(f"  disturbed: after this the machine reached {outcome.undisturbed:.0%} "
                     "of its ceilings; somebody else was computing")  # fmt: skip
    if least and workload.work is not None:
        lines.append(f"  roofline: {workload.work.flops / 1e9:.3g} GFLOP and at least "
                     f"{workload.work.bytes / 1e6:.3g} MB: {duration(least)}")  # fmt: skip
    return "\n".join(lines)


def machine(ceilings: Ceilings) -> str:
    """Write the ceilings in a line or two."""
    rates = ", ".join(
        f"{rate:.0f} GFLOP/s {dtype} ({ceilings.by[dtype]})"
        for dtype, rate in ceilings.matmul.items()
    )
    return (
        f"{ceilings.processor}, {ceilings.threads} threads\n"
        f"matrix products {rates}; memory {ceilings.memory:.1f} GB/s"
    )


def verdict(found: float | None, wanted: float, at_most: bool = False) -> list[str]:
    """Return the cells found, wanted, and whether it is reached."""
    sign = "≤" if at_most else "≥"
    if found is None:
        return ["–", f"{sign} {wanted}", "not measured"]
    reached = found <= wanted if at_most else found >= wanted
    return [f"{found:.2f}", f"{sign} {wanted}", "yes" if reached else "no"]


def summary(outcomes: Sequence[Outcome]) -> str:
    """Write the table: our time, the fastest peer's, the ratio, what is wanted."""
    rows = [["workload", "ours", "fastest peer", "", "ratio", "wanted", "reached"]]
    for outcome in outcomes:
        workload, ours, peer = outcome.workload, outcome.ours, outcome.fastest
        mine = duration(ours.median if ours else None)
        theirs = [duration(peer.median), peer.peer] if peer else ["–", ""]
        if workload.target is not None:
            rows.append([workload.name, mine, *theirs, *verdict(outcome.ratio, workload.target)])
        if workload.seconds_target is not None:
            cells = verdict(ours.median if ours else None, workload.seconds_target, at_most=True)
            rows.append([f"{workload.name}, seconds", mine, *theirs, *cells])
        if workload.memory_target is not None:
            cells = verdict(outcome.memory_ratio, workload.memory_target, at_most=True)
            rows.append([f"{workload.name}, peak memory", *_memory(outcome), *cells])
    return "\n".join(aligned(rows))


def _memory(outcome: Outcome) -> list[str]:
    torches = [one for one in outcome.peers if one.peer.startswith("torch") and one.growth]
    least = min(torches, key=lambda one: one.growth or 0, default=None)
    mine = mebibytes(outcome.ours.growth if outcome.ours else None)
    return [mine, mebibytes(least.growth if least else None), least.peer if least else ""]


def as_json(outcome: Outcome, ceilings: Ceilings | None) -> dict[str, Any]:
    """Return all numbers of a workload."""
    workload = outcome.workload
    work = workload.work
    return {
        "name": workload.name, "title": workload.title, "unit": workload.unit,
        "target": workload.target, "ratio": outcome.ratio,
        "fastest": outcome.fastest.peer if outcome.fastest else None,
        "memory_target": workload.memory_target, "memory_ratio": outcome.memory_ratio,
        "seconds_target": workload.seconds_target,
        "flops": work.flops if work else None, "bytes": work.bytes if work else None,
        "undisturbed": outcome.undisturbed, "others": outcome.others,
        "roofline_seconds": ceilings.least_seconds(work) if work and ceilings else None,
        "peers": [plain(one) for one in outcome.peers],
    }  # fmt: skip
