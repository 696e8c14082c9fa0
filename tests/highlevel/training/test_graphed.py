"""Training on a device that records steps itself: the bits of the same steps run one by one."""

from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from support.recording import Recording

HERE = Recording(78)


def model() -> Any:
    gw.set_random_seed(0)
    made = gw.Sequential([
        gw.Input((8, 8, 3)), gw.layers.Conv2D(8, 3, padding="same"),
        gw.layers.BatchNormalization(), gw.layers.ReLU(), gw.layers.Dropout(0.2),
        gw.layers.GlobalAveragePooling2D(), gw.layers.Dense(4),
    ])  # fmt: skip
    loss = gw.losses.SparseCategoricalCrossentropy(from_logits=True)
    made.compile(gw.optimizers.Adam(1e-2), loss, metrics=["accuracy"])
    return made


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_fit_evaluate_and_predict(policy: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((48, 8, 8, 3)).astype("f4"), rng.integers(0, 4, 48)
    gw.mixed_precision.set_global_policy(policy)
    found: list[Any] = []
    try:
        with graftgrad.device(HERE):
            for eagerly in (True, False):
                one = model()
                one.run_eagerly = eagerly
                told = one.fit(x, y, batch_size=16, epochs=5, verbose=0)
                rest = one.evaluate(x, y, verbose=0), one.predict(x, verbose=0).tolist()
                values = [w.numpy().tolist() for w in one.variables]
                found.append((told.history, *rest, values))
    finally:
        gw.mixed_precision.set_global_policy("float32")
    assert one.variables[0].device is HERE
    assert one.recorded.steps["train_step"].replayed > 8
    assert "launches recorded in" in one.recorded.report(False)
    assert found[0] == found[1]
