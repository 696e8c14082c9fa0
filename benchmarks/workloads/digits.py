"""The two-convolution network for MNIST that every tutorial begins with."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..flops import conv, dense, training
from ..peers import Peer
from ..workload import Run, Workload, fitted

BATCH = 128
STEPS = 40
PRODUCTS = [
    conv(BATCH, 26, 3, 1, 32),
    conv(BATCH, 11, 3, 32, 64),
    dense(BATCH, 5 * 5 * 64, 128),
    dense(BATCH, 128, 10),
]


def keras_model(k: Any) -> Any:
    layers = k.layers
    model = k.Sequential([
        k.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dense(10),
    ])  # fmt: skip
    loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(k.optimizers.Adam(1e-3), loss)
    return model


def torch_model() -> Any:
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(5 * 5 * 64, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def prepare(peer: Peer, quick: bool) -> Run:
    rng = np.random.default_rng(0)
    samples = BATCH * (STEPS // 4 if quick else STEPS)
    x = rng.random((samples, 28, 28, 1), dtype=np.float32)
    y = rng.integers(0, 10, samples).astype(np.int32)
    if peer.family != "torch":
        return fitted(peer, keras_model, x, y, BATCH)
    import torch

    from ..torch_loop import placed, trained

    return trained(
        peer, torch_model, torch.optim.Adam, torch.nn.functional.cross_entropy,
        placed(x, peer.best), torch.from_numpy(y).long(), BATCH,
    )  # fmt: skip


WORKLOAD = Workload(
    name="digits",
    title="conv32-pool-conv64-pool-dense128-dense10 on 28 × 28, batch 128, Adam, through fit",
    unit="step",
    target=1.5,
    prepare=prepare,
    work=training(PRODUCTS, BATCH * 28 * 28, slots=2),
)
