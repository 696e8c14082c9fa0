"""Writes callbacks.json: what Keras' callbacks do when they hear a course of losses.

Ran with Keras 3.15.1 on jax 0.10.2 (CPU), Python 3.11.
Needs the interop extra and jax: ``python tests/golden/make_callbacks.py``.

A case: ``class_name``, ``settings``, ``losses`` (val_loss of each epoch); and after each epoch
``rates`` (the learning rate), ``stopped`` (the epoch after which training stopped, or null),
``restored`` (the epoch whose weights are there in the end).
"""

import json
import os
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"
import keras

COURSES = {
    "falling": [5, 4, 3, 2, 1, 0.5, 0.25],
    "flat": [3, 3, 3, 3, 3, 3, 3, 3],
    "rising": [1, 2, 3, 4, 5, 6],
    "late": [5, 4, 4.5, 4.2, 3.9, 4.1, 4.3, 4.4, 3.99, 3.85, 3.95, 3.96],
    "small": [1, 0.99995, 0.9999, 0.99985, 0.9, 0.9, 0.9],
}
STOPPING: list[dict[str, Any]] = [
    {"patience": 0},
    {"patience": 2, "restore_best_weights": True},
    {"patience": 1, "min_delta": 0.15, "restore_best_weights": True},
    {"patience": 2, "baseline": 3.95, "restore_best_weights": True},
    {"patience": 1, "start_from_epoch": 3, "restore_best_weights": True},
    {"patience": 3, "mode": "max", "restore_best_weights": True},
]
REDUCING: list[dict[str, Any]] = [
    {"patience": 1},
    {"patience": 2, "factor": 0.5, "cooldown": 2},
    {"patience": 0, "factor": 0.2, "min_lr": 0.004},
    {"patience": 1, "min_delta": 0.2, "mode": "max"},
]


class FakeModel:
    """What the callbacks touch; its only weight is the number of the epoch."""

    def __init__(self) -> None:
        self.optimizer = keras.optimizers.SGD(0.125)
        self.metrics: list[Any] = []
        self.stop_training = False
        self.weights = [-1]

    def get_weights(self) -> list[int]:
        return list(self.weights)

    def set_weights(self, weights: list[int]) -> None:
        self.weights = list(weights)


def run(class_name: str, settings: dict[str, Any], losses: list[float]) -> dict[str, Any]:
    model, rates, stopped = FakeModel(), [], None
    callback = getattr(keras.callbacks, class_name)(monitor="val_loss", **settings)
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        model.weights = [epoch]
        callback.on_epoch_end(epoch, {"val_loss": loss})
        rates.append(float(model.optimizer.learning_rate))
        if model.stop_training:
            stopped = epoch
            break
    callback.on_train_end()
    return {"class_name": class_name, "settings": settings, "losses": losses, "rates": rates,
            "stopped": stopped, "restored": model.weights[0]}  # fmt: skip


def main() -> None:
    cases = [
        run(class_name, settings, losses)
        for class_name, all_settings in (
            ("EarlyStopping", STOPPING),
            ("ReduceLROnPlateau", REDUCING),
        )
        for settings in all_settings
        for losses in COURSES.values()
    ]
    lines = ",\n".join(json.dumps(case) for case in cases)
    Path(__file__).with_name("callbacks.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
