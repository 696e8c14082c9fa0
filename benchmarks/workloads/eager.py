"""A few operations on small tensors, forward and backward: what Python itself costs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..peers import Peer
from ..workload import Run, Workload

TIMES = 3000


def prepare(peer: Peer, quick: bool) -> Run:
    values = np.linspace(1, 2, 10, dtype=np.float32)
    times = TIMES // 10 if quick else TIMES
    leaves: list[Any] = []

    def first() -> None:
        if peer.family == "torch":
            import torch

            leaves[:] = [torch.tensor(values, requires_grad=True) for _ in range(3)]
        else:
            import graftgrad

            leaves[:] = [graftgrad.tensor(values, requires_grad=True) for _ in range(3)]
        step()

    def step() -> None:
        a, b, c = leaves
        (a * b + c).sum().backward()
        a.grad = b.grad = c.grad = None

    def repeat() -> None:
        for _ in range(times):
            step()

    return Run(first, repeat, times)


WORKLOAD = Workload(
    name="eager",
    title="(a * b + c).sum() on 10 elements in Python, forward and backward",
    unit="step",
    target=0.34,
    prepare=prepare,
    families=("graftwork", "torch"),
    forms=False,
)
