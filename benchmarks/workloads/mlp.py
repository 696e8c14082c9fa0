"""Perceptrons for pictures of 784 pixels, trained by Adam through `fit`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..flops import dense, training
from ..peers import Peer
from ..workload import Run, Workload, fitted

CLASSES = 10


def data(samples: int) -> tuple[Any, Any]:
    """Return pictures (N, 784) and labels (N,)."""
    rng = np.random.default_rng(0)
    x = rng.random((samples, 784), dtype=np.float32)
    return x, rng.integers(0, CLASSES, samples).astype(np.int32)


def keras_model(k: Any, hidden: tuple[int, ...]) -> Any:
    layers = [k.layers.Dense(units, activation="relu") for units in hidden]
    model = k.Sequential([k.Input((784,)), *layers, k.layers.Dense(CLASSES)])
    loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(k.optimizers.Adam(1e-3), loss)
    return model


def torch_model(hidden: tuple[int, ...]) -> Any:
    from torch import nn

    sizes = (784, *hidden)
    inner = [
        part
        for inputs, outputs in pairwise(sizes)
        for part in (nn.Linear(inputs, outputs), nn.ReLU())
    ]
    return nn.Sequential(*inner, nn.Linear(sizes[-1], CLASSES))


def prepared(peer: Peer, hidden: tuple[int, ...], batch: int, steps: int) -> Run:
    x, y = data(batch * steps)
    if peer.family != "torch":
        return fitted(peer, lambda k: keras_model(k, hidden), x, y, batch)
    import torch

    from ..torch_loop import trained

    return trained(
        peer, lambda: torch_model(hidden), torch.optim.Adam, torch.nn.functional.cross_entropy,
        torch.from_numpy(x), torch.from_numpy(y).long(), batch,
    )  # fmt: skip


def workload(name: str, hidden: tuple[int, ...], batch: int, steps: int, target: float) -> Workload:
    sizes = (784, *hidden, CLASSES)
    products = [dense(batch, i, o) for i, o in pairwise(sizes)]
    return Workload(
        name=name,
        title=f"MLP {'-'.join(map(str, sizes))}, batch {batch}, Adam, through fit",
        unit="step",
        target=target,
        prepare=lambda peer, quick: prepared(peer, hidden, batch, steps // 5 if quick else steps),
        work=training(products, batch * 784, slots=2),
    )


WORKLOADS = (
    workload("mlp", (128,), 32, 1000, 2.0),
    workload("mlp-wide", (512, 512), 128, 200, 1.5),
)
