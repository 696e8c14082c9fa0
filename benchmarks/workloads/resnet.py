"""Training of ResNet-18 on pictures of 224 × 224, in float32 and in bfloat16."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..flops import resnet18, training
from ..networks import keras_resnet18
from ..peers import Peer
from ..workload import Run, Workload, fitted, vocabulary

BATCH = 16
STEPS = 2
CLASSES = 1000


def compiled(k: Any, peer: Peer) -> Any:
    """Return ResNet-18 in Keras' vocabulary; ours comes out of graftwork.applications."""
    ours = peer.family == "graftwork"
    model = k.applications.ResNet18() if ours else keras_resnet18(k, CLASSES)
    loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(k.optimizers.SGD(0.01, momentum=0.9), loss)
    return model


def prepare(peer: Peer, quick: bool, bfloat16: bool) -> Run:
    rng = np.random.default_rng(0)
    samples = BATCH * (1 if quick else STEPS)
    x = rng.random((samples, 224, 224, 3), dtype=np.float32)
    y = rng.integers(0, CLASSES, samples).astype(np.int32)
    if peer.family != "torch":
        if bfloat16:
            vocabulary(peer).mixed_precision.set_global_policy("mixed_bfloat16")
        return fitted(peer, lambda k: compiled(k, peer), x, y, BATCH)
    import torch

    from ..networks_torch import ResNet18
    from ..torch_loop import placed, trained

    def sgd(parameters: Any, fused: bool | None) -> Any:
        return torch.optim.SGD(parameters, 0.01, momentum=0.9, fused=fused)

    return trained(
        peer, lambda: ResNet18(CLASSES), sgd, torch.nn.functional.cross_entropy,
        placed(x, peer.best), torch.from_numpy(y).long(), BATCH, bfloat16,
    )  # fmt: skip


def workload(dtype: str, target: float, memory_target: float | None) -> Workload:
    return Workload(
        name=f"resnet18-{dtype}",
        title=f"ResNet-18 at 224, batch {BATCH}, SGD with momentum, {dtype}",
        unit="step",
        target=target,
        prepare=lambda peer, quick: prepare(peer, quick, dtype == "bfloat16"),
        work=training(resnet18(BATCH, CLASSES), BATCH * 224 * 224 * 3, slots=1, dtype=dtype),
        memory_target=memory_target,
    )


WORKLOADS = (workload("float32", 1.15, 0.75), workload("bfloat16", 1.25, None))
