"""One workload in one form, in a process of its own; the result is a line of JSON."""

from __future__ import annotations

import json
import os
import sys

from .forms import OURS, measured, on_gpu
from .workloads import WORKLOADS


def main(name: str, form: str, repeats: int) -> None:
    """Measure; whatever the frameworks print goes to the standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    workload = WORKLOADS[name]
    if form == OURS:
        with on_gpu():
            found = measured(workload.make(form), workload.units, repeats, workload.warms)
    else:
        found = measured(workload.make(form), workload.units, repeats, workload.warms)
    answers.write(json.dumps(found) + "\n")
    answers.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
