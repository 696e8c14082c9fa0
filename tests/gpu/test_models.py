"""Layers and models on the GPU: what Keras computed, and what they learn on the CPU."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from support.golden import GoldenCase, cases
from support.layer_checks import check_golden

pytestmark = pytest.mark.gpu
# Keras' sparsemax is another function, see tests/highlevel/layers/test_activation.py
GOLDEN = [one for one in cases("layers") if one.settings.get("activation") != "sparsemax"]
X = np.random.default_rng(0).normal(size=(96, 12, 12, 8)).astype("float32")
Y = np.random.default_rng(1).integers(0, 4, 96)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case.name)
def test_layers_compute_what_keras_computed(case: GoldenCase) -> None:
    with gw.device("gpu"):
        check_golden(case)


def convolutional() -> Any:
    gw.set_random_seed(3)
    made = gw.Sequential(
        [
            gw.layers.Input(X.shape[1:]),
            gw.layers.Conv2D(16, 3, padding="same", use_bias=False),
            gw.layers.BatchNormalization(),
            gw.layers.ReLU(),
            gw.layers.MaxPooling2D(),
            gw.layers.Dropout(0.1),
            gw.layers.Conv2D(16, 3, strides=2),
            gw.layers.GlobalAveragePooling2D(),
            gw.layers.Dense(4),
        ]
    )
    made.seed = 5
    made.compile(gw.optimizers.SGD(0.05, momentum=0.9),
                 gw.losses.SparseCategoricalCrossentropy(from_logits=True),
                 metrics=["accuracy"])  # fmt: skip
    return made


def test_training_is_that_of_the_cpu() -> None:
    with gw.device("cpu"):
        here = convolutional()
    there = convolutional().to("gpu")
    logs = [one.fit(X, Y, batch_size=32, epochs=4, verbose=0).history for one in (here, there)]
    np.testing.assert_allclose(logs[1]["loss"], logs[0]["loss"], rtol=5e-3)
    np.testing.assert_allclose(there.predict(X, verbose=0), here.predict(X, verbose=0),
                               rtol=2e-2, atol=2e-2)  # fmt: skip
    assert {str(weight.device) for weight in there.weights} == {"gpu:0"}


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_sixteen_bit_policies_learn(policy: str) -> None:
    gw.mixed_precision.set_global_policy(policy)
    try:
        with gw.device("gpu"):
            losses = convolutional().fit(X, Y, batch_size=32, epochs=8, verbose=0).history["loss"]
    finally:
        gw.mixed_precision.set_global_policy("float32")
    assert losses[-1] < losses[0]


def test_saved_there_and_loaded_here(tmp_path: Path) -> None:
    there = convolutional().to("gpu")
    there.fit(X, Y, batch_size=32, epochs=1, verbose=0)
    there.save(tmp_path / "model.keras")
    with gw.device("cpu"):
        here = gw.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(here.predict(X, verbose=0), there.predict(X, verbose=0),
                               rtol=1e-3, atol=1e-3)  # fmt: skip


def test_the_pages_run_with_the_device_switched(repository: Path) -> None:
    """README's and the pages' blocks, with nothing changed but the default device."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "tests/docs/test_code_blocks.py", "-k", "README or quickstart"],
        cwd=repository, env={**os.environ, "GRAFTWORK_DEVICE": "gpu"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
