"""The next character, by a causal transformer of four layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..flops import Product, dense, training
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
    layers = k.layers

    class Places(layers.Layer):  # type: ignore[name-defined]
        def build(self, shape: Any) -> None:
            self.table = self.add_weight(shape=(LENGTH, WIDTH), name="table")

        def call(self, x: Any) -> Any:
            return x + self.table

    text = k.Input((LENGTH,), dtype="int32")
    x = Places()(layers.Embedding(VOCABULARY, WIDTH)(text))
    for _ in range(DEPTH):
        y = layers.LayerNormalization(epsilon=1e-5)(x)
        attention = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)
        x = layers.Add()([x, attention(y, y, use_causal_mask=True)])
        y = layers.LayerNormalization(epsilon=1e-5)(x)
        y = layers.Dense(WIDTH)(layers.Dense(4 * WIDTH, activation="gelu")(y))
        x = layers.Add()([x, y])
    logits = layers.Dense(VOCABULARY)(layers.LayerNormalization(epsilon=1e-5)(x))
    model = k.Model(text, logits)
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
