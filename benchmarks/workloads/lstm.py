"""Texts of 80 words through an embedding and an LSTM, as in the IMDB tutorial."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..flops import dense, training
from ..peers import Peer
from ..workload import Run, Workload, fitted

WORDS, WIDTH, UNITS, LENGTH, BATCH = 20_000, 128, 64, 80, 32
STEPS = 40
PRODUCTS = [
    dense(BATCH * LENGTH, WIDTH, 4 * UNITS),
    dense(BATCH * LENGTH, UNITS, 4 * UNITS),
    dense(BATCH, UNITS, 1),
]


def keras_model(k: Any) -> Any:
    layers = k.layers
    model = k.Sequential([
        k.Input((LENGTH,), dtype="int32"),
        layers.Embedding(WORDS, WIDTH),
        layers.LSTM(UNITS),
        layers.Dense(1),
    ])  # fmt: skip
    model.compile(k.optimizers.Adam(1e-3), k.losses.BinaryCrossentropy(from_logits=True))
    return model


def torch_model() -> Any:
    from ..networks_torch import Recurrent

    return Recurrent(WORDS, WIDTH, UNITS, 1)


def prepare(peer: Peer, quick: bool) -> Run:
    rng = np.random.default_rng(0)
    samples = BATCH * (STEPS // 4 if quick else STEPS)
    x = rng.integers(0, WORDS, (samples, LENGTH)).astype(np.int32)
    y = rng.integers(0, 2, (samples, 1)).astype(np.float32)
    if peer.family != "torch":
        return fitted(peer, keras_model, x, y, BATCH)
    import torch

    from ..torch_loop import trained

    loss = torch.nn.functional.binary_cross_entropy_with_logits
    words, labels = torch.from_numpy(x).long(), torch.from_numpy(y)
    return trained(peer, torch_model, torch.optim.Adam, loss, words, labels, BATCH)


WORKLOAD = Workload(
    name="lstm",
    title="Embedding 20000×128, LSTM 64, Dense 1, length 80, batch 32, Adam, through fit",
    unit="step",
    target=1.5,
    prepare=prepare,
    work=training(PRODUCTS, BATCH * LENGTH, slots=2, others=WORDS * WIDTH, first_is_data=False),
)
