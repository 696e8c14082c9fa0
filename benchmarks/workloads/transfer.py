"""Transfer learning: ResNet-18 frozen, a new head, 244 pictures; the time of the whole training."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..flops import dense, inference, resnet18
from ..networks import keras_resnet18
from ..peers import Peer
from ..workload import Run, Workload, vocabulary

PICTURES = 244
BATCH = 16
CLASSES = 2


def compiled(k: Any, peer: Peer) -> Any:
    ours = peer.family == "graftwork"
    if ours:
        base = k.applications.ResNet18(include_top=False, pooling="avg")
    else:
        base = keras_resnet18(k, None)
    base.trainable = False
    model = k.Sequential([k.Input((224, 224, 3)), base, k.layers.Dense(CLASSES)])
    loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(k.optimizers.Adam(1e-3), loss)
    return model


def prepare(peer: Peer, epochs: int) -> Run:
    rng = np.random.default_rng(0)
    x = rng.random((PICTURES, 224, 224, 3), dtype=np.float32)
    y = rng.integers(0, CLASSES, PICTURES).astype(np.int32)
    return (
        torch_run(peer, x, y, epochs) if peer.family == "torch" else keras_run(peer, x, y, epochs)
    )


def keras_run(peer: Peer, x: Any, y: Any, epochs: int) -> Run:
    """A unit is a training; every one has a fresh model, so that nothing is known beforehand."""
    k = vocabulary(peer)
    made: list[Any] = []

    def renew() -> None:
        made[:] = [compiled(k, peer)]

    def first() -> None:
        renew()
        made[0].fit(x[:BATCH], y[:BATCH], batch_size=BATCH, verbose=0)

    def repeat() -> None:
        made[0].fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0)

    return Run(first, repeat, renew=renew)


def torch_run(peer: Peer, x: Any, y: Any, epochs: int) -> Run:
    """The backbone runs in inference form, as ours and Keras' do, and without a graph."""
    import torch
    from torch import nn

    from ..networks_torch import ResNet18
    from ..torch_loop import placed, trained

    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.base, self.head = ResNet18(None).requires_grad_(False), nn.Linear(512, CLASSES)

        def forward(self, pictures: Any) -> Any:
            with torch.no_grad():
                features = self.base.eval()(pictures)
            return self.head(features)

    inner: list[Run] = []

    def renew() -> None:
        tensors = placed(x, peer.best), torch.from_numpy(y).long()
        inner[:] = [trained(peer, Frozen, torch.optim.Adam, nn.functional.cross_entropy, *tensors,
                            BATCH)]  # fmt: skip
        inner[0].first()

    def first() -> None:
        renew()

    def repeat() -> None:
        for _ in range(epochs):
            inner[0].repeat()

    return Run(first, repeat, renew=renew)


def workload(epochs: int, target: float, repeats: int) -> Workload:
    # what must be done once: the features of all pictures; the head's share is below a thousandth
    once = inference([*resnet18(PICTURES, CLASSES)[:-1]], PICTURES * 224 * 224 * 3)
    head = dense(PICTURES, 512, CLASSES)
    flops = once.flops + 3 * epochs * head.flops
    return Workload(
        name=f"transfer-{epochs}",
        title=f"ResNet-18 at 224 frozen, new head, {PICTURES} pictures, {epochs} epochs",
        unit="training",
        target=target,
        prepare=lambda peer, quick: prepare(peer, epochs),
        work=type(once)(flops, once.bytes),
        repeats=repeats,
    )


WORKLOADS = (workload(5, 4.5, 3), workload(20, 15.0, 2))
