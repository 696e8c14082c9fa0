"""Fuzz readers for a while: `python -m fuzz [--target NAME] [--seconds S] [--seed N]`.

Every trial edits a valid file at random. What comes out must be a value or an error of ours; the
input of anything else is kept in the folder given by --keep, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import random
import resource
import sys
import time
import traceback
from pathlib import Path

from .mutations import edited, random_edits
from .targets import Target, every

# Seconds for one file of a few kilobytes: what is told as too slow, and what ends the program.
_SLOW, _ENDLESS = 5, 30


def main() -> int:
    """Run the trials; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--target", action="append", choices=sorted(every()))
    parser.add_argument("--seconds", type=float, default=60, help="for each target")
    parser.add_argument("--trials", type=int, default=10**9, help="at most, for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz_findings"))
    parser.add_argument("--memory", type=int, default=4 << 30, help="bytes of address space")
    given = parser.parse_args()
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (given.memory, given.memory))
    targets = every()
    found = 0
    for name in given.target or targets:
        found += _fuzz(name, targets[name], given, random.Random(given.seed))
    return 1 if found else 0


def _fuzz(name: str, target: Target, given: argparse.Namespace, chance: random.Random) -> int:
    seeds, keep = target.seeds(), given.keep
    for seed in seeds:
        target.read(seed)
    keep.mkdir(parents=True, exist_ok=True)
    last = keep / f"{name.replace(' ', '-')}.last"
    known: set[str] = set()
    trials = refused = 0
    longest = 0.0
    end = time.monotonic() + given.seconds
    while (began := time.monotonic()) < end and trials < given.trials:
        data = edited(chance.choice(seeds), random_edits(chance), chance.choice(seeds))
        last.write_bytes(data)  # it is there if the process is not
        trials += 1
        faulthandler.dump_traceback_later(_ENDLESS, exit=True)
        try:
            target.read(data)
        except target.refuses:
            refused += 1
        except Exception as failure:
            where = traceback.extract_tb(failure.__traceback__)[-1]
            kind = f"{type(failure).__name__} at {where.filename}:{where.lineno}"
            if kind not in known:
                known.add(kind)
                _keep(name, data, keep, traceback.format_exc())
        took = time.monotonic() - began
        longest = max(longest, took)
        if took > _SLOW and "slow" not in known:
            known.add("slow")
            _keep(name, data, keep, f"took {took:.1f} seconds")
    faulthandler.cancel_dump_traceback_later()
    last.unlink(missing_ok=True)
    print(f"{name}: {trials} trials, {refused} refused, longest {longest:.2f} s, "
          f"{len(known)} findings", flush=True)  # fmt: skip
    return len(known)


def _keep(name: str, data: bytes, keep: Path, told: str) -> None:
    path = keep / f"{name.replace(' ', '-')}-{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    print(f"{name}: {path}\n{told}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
