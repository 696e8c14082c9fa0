"""ResNet-18 on one picture, through `predict`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..flops import inference, resnet18
from ..networks import keras_resnet18
from ..peers import Peer
from ..workload import Run, Workload, vocabulary

CLASSES = 1000
TIMES = 20


def prepare(peer: Peer, quick: bool) -> Run:
    x = np.random.default_rng(0).random((1, 224, 224, 3), dtype=np.float32)
    times = TIMES // 4 if quick else TIMES
    made: list[Any] = []

    def repeat() -> None:
        for _ in range(times):
            made[0]()

    if peer.family != "torch":
        k = vocabulary(peer)

        def first() -> None:
            ours = peer.family == "graftwork"
            model = k.applications.ResNet18() if ours else keras_resnet18(k, CLASSES)
            made[:] = [lambda: model.predict(x, verbose=0)]
            made[0]()

        return Run(first, repeat, times)
    import torch

    from ..networks_torch import ResNet18
    from ..torch_loop import model_for, placed

    def torch_first() -> None:
        module = model_for(peer, ResNet18(CLASSES)).eval()
        module = torch.compile(module) if peer.compiled else module
        picture = placed(x, peer.best)

        def predict() -> Any:
            with torch.inference_mode():
                return module(picture).numpy()

        made[:] = [predict]
        predict()

    return Run(torch_first, repeat, times)


WORKLOAD = Workload(
    name="resnet18-predict",
    title="ResNet-18 at 224, inference of one picture, through predict",
    unit="prediction",
    target=1.2,
    prepare=prepare,
    work=inference(resnet18(1, CLASSES), 224 * 224 * 3),
)
