"""The next character, by a causal transformer of four layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..flops import Product, dense, training
from ..networks import causal_transformer
from ..peers import Peer
from ..workload import Run, Workload, fitted

VOCABULARY, LENGTH, WIDTH, HEADS, DEPTH, BATCH = 65, 128, 128, 4, 4, 16
STEPS = 15
ROWS = BATCH * LENGTH
BLOCK = [
    dense(ROWS, WIDTH, 3 * WIDTH),
    Product(BATCH * HEADS * LENGTH, WIDTH // HEADS, LENGTH // 2),  # half of it lies in the future
    Product(BATCH * HEADS * LENGTH, LENGTH // 2, WIDTH // HEADS),
    dense(ROWS, WIDTH, WIDTH),
    dense(ROWS, WIDTH, 4 * WIDTH),
    dense(ROWS, 4 * WIDTH, WIDTH),
]
PRODUCTS = [*(BLOCK * DEPTH), dense(ROWS, WIDTH, VOCABULARY)]


def keras_model(k: Any) -> Any:
    model = causal_transformer(k, VOCABULARY, LENGTH, WIDTH, HEADS, DEPTH)
    loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(k.optimizers.Adam(1e-3), loss)
    return model


def prepare(peer: Peer, quick: bool) -> Run:
    rng = np.random.default_rng(0)
    samples = BATCH * (STEPS // 3 if quick else STEPS)
    text = rng.integers(0, VOCABULARY, (samples, LENGTH + 1)).astype(np.int32)
    x, y = np.ascontiguousarray(text[:, :-1]), np.ascontiguousarray(text[:, 1:])
    if peer.family != "torch":
        return fitted(peer, keras_model, x, y, BATCH)
    import torch

    from ..networks_torch import Transformer
    from ..torch_loop import trained

    def model() -> Any:
        return Transformer(VOCABULARY, LENGTH, WIDTH, HEADS, DEPTH)

    def loss(logits: Any, following: Any) -> Any:
        return torch.nn.functional.cross_entropy(logits, following.flatten())

    inputs, targets = torch.from_numpy(x).long(), torch.from_numpy(y).long()
    return trained(peer, model, torch.optim.Adam, loss, inputs, targets, BATCH)


WORKLOAD = Workload(
    name="transformer",
    title="causal transformer, 4 layers, width 128, 4 heads, length 128, batch 16, Adam",
    unit="step",
    target=1.3,
    prepare=prepare,
    work=training(PRODUCTS, ROWS, slots=2, others=(VOCABULARY + LENGTH) * WIDTH,
                  first_is_data=False),
)  # fmt: skip
