"""Writes events.json: which events Keras tells a callback, in order, and what the logs hold.

Ran with Keras 3.15.1 on jax 0.10.2 (CPU), Python 3.11.
Needs the interop extra and jax: ``python tests/golden/make_events.py``.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np


def events(keras: Any) -> list[list[Any]]:
    """Return [event, number or None, names in the logs] for a fit, an evaluate and a predict."""
    heard: list[list[Any]] = []

    def hearing(event: str) -> Any:
        def hear(self: Any, *args: Any, logs: Any = None) -> None:
            number = args[0] if args and isinstance(args[0], int) else None
            given = logs if len(args) == (number is not None) else args[-1]
            heard.append([event, number, sorted(given or ())])

        return hear

    parts = ("train", "test", "predict", "epoch", "train_batch", "test_batch", "predict_batch")
    names = [f"on_{part}_{end}" for part in parts for end in ("begin", "end")]
    listener = type("Listener", (keras.callbacks.Callback,), {n: hearing(n) for n in names})
    x, y = np.ones((6, 2), "float32"), np.ones((6, 1), "float32")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    model.fit(
        x,
        y,
        batch_size=4,
        epochs=3,
        initial_epoch=1,
        verbose=0,
        validation_data=(x, y),
        validation_freq=2,
        callbacks=[listener()],
    )
    model.evaluate(x, y, batch_size=4, verbose=0, callbacks=[listener()])
    model.predict(x, batch_size=4, verbose=0, callbacks=[listener()])
    return heard


if __name__ == "__main__":
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    lines = ",\n".join(json.dumps(one) for one in events(keras))
    Path(__file__).with_name("events.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
