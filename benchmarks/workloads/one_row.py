"""`model.predict` of a single row: what a service does all day."""

from __future__ import annotations

from typing import Any

from ..peers import Peer
from ..workload import Run, Workload, vocabulary
from .mlp import data, keras_model

TIMES = 200


def prepare(peer: Peer, quick: bool) -> Run:
    k = vocabulary(peer)
    x, _ = data(1)
    times = TIMES // 10 if quick else TIMES
    made: list[Any] = []

    def first() -> None:
        made[:] = [keras_model(k, (128,))]
        made[0].predict(x, verbose=0)

    def repeat() -> None:
        predict = made[0].predict
        for _ in range(times):
            predict(x, verbose=0)

    return Run(first, repeat, times)


WORKLOAD = Workload(
    name="predict-row",
    title="predict of one row, MLP 784-128-10, against Keras",
    unit="prediction",
    target=20.0,
    prepare=prepare,
    families=("graftwork", "keras"),
)
