"""Training that is recorded and replayed, held against the same in plain Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def same_training(make: Callable[[], Any], x: Any, y: Any, **settings: Any) -> Any:
    """Train twice, with and without `run_eagerly`: bits are equal, and plans took part.

    Returns the model whose steps were replayed.
    """
    compile_with = {"optimizer": "adam", "loss": "mse", **settings.pop("compile_with", {})}
    models, histories = [], []
    for eager in (True, False):
        model = make()
        model.compile(**compile_with, run_eagerly=eager)
        fit = {"epochs": 6, "batch_size": 3, "shuffle": False, **settings}
        histories.append(model.fit(x, y, verbose=0, **fit).history)
        models.append(model)
    assert histories[0] == histories[1]
    for a, b in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert models[1].recorded.steps["train_step"].replayed > 0
    return models[1]
