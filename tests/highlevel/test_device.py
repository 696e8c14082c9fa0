"""Models on another device than the default one: built there, moved there, trained and saved there.

The other device is the stand-in for CuPy of `support.strict`, which is no CPU to anybody here.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad.errors import DataError, DeviceError
from graftwork.training.tracing import overlap
from support.strict import strict
from support.strict_graphs import refused

RNG = np.random.default_rng(7)
X = RNG.normal(size=(48, 6)).astype("float32")
Y = RNG.integers(0, 3, 48)
OPTIMIZERS: dict[str, Any] = {
    "SGD": lambda: gw.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "Adam": lambda: gw.optimizers.Adam(0.01, use_ema=True, clipnorm=1.0),
    "Nadam": lambda: gw.optimizers.Nadam(0.01),
    "decaying": lambda: gw.optimizers.RMSprop(
        gw.optimizers.schedules.ExponentialDecay(0.01, 2, 0.5)
    ),
    "gathering": lambda: gw.optimizers.AdamW(0.01, gradient_accumulation_steps=2),
}  # fmt: skip


def model(optimizer: Any = "sgd") -> Any:
    gw.set_random_seed(11)
    made = gw.Sequential(
        [
            gw.layers.Input((6,)),
            gw.layers.Dense(8, activation="relu"),
            gw.layers.BatchNormalization(),
            gw.layers.Dropout(0.3),
            gw.layers.Dense(3, activation="softmax"),
        ]
    )
    made.seed = 5
    made.compile(optimizer, "sparse_categorical_crossentropy",
                 metrics=["accuracy", gw.metrics.SparseTopKCategoricalAccuracy(2)])  # fmt: skip
    return made


def fitted(made: Any, epochs: int = 2) -> Any:
    return made.fit(X, Y, batch_size=16, epochs=epochs, verbose=0, validation_data=(X, Y)).history


def agree(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-5)


def expect_all_there(made: Any) -> None:
    assert {str(weight.device) for weight in made.weights} == {"strict"}
    assert {str(slot.device) for slot in made.optimizer.variables} <= {"strict", "cpu"}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_model_that_is_built_elsewhere_is_trained_there(name: str) -> None:
    wanted = model(OPTIMIZERS[name]())
    history = fitted(wanted)
    assert len(wanted.metrics) == 2
    with gw.device("strict"):
        made = model(OPTIMIZERS[name]())
    assert graftgrad.device().kind != "strict"
    found = fitted(made)
    expect_all_there(made)
    for log, values in history.items():
        agree(found[log], values)
    agree(made.evaluate(X, Y, verbose=0), wanted.evaluate(X, Y, verbose=0))
    agree(made.predict(X, verbose=0), wanted.predict(X, verbose=0))
    agree(made(X[:3]).detach().cpu().numpy(), wanted(X[:3]).detach().numpy())
    agree(made.train_on_batch(X[:5], Y[:5]), wanted.train_on_batch(X[:5], Y[:5]))
    agree(made.test_on_batch(X[:5], Y[:5]), wanted.test_on_batch(X[:5], Y[:5]))
    agree(made.predict_on_batch(X[:5]), wanted.predict_on_batch(X[:5]))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_model_that_moves_in_between_goes_on_as_if_it_had_not(name: str) -> None:
    wanted, made = model(OPTIMIZERS[name]()), model(OPTIMIZERS[name]())
    for one in (wanted, made):
        fitted(one)
    assert made.to("strict") is made
    expect_there = fitted(made)
    expect_all_there(made)
    there = fitted(wanted)
    agree(expect_there["loss"], there["loss"])
    made.to("cpu")
    agree(fitted(made)["val_loss"], fitted(wanted)["val_loss"])
    for a, b in zip(made.get_weights(), wanted.get_weights(), strict=True):
        agree(a, b)


def test_moving_takes_gradients_along_and_changes_no_value() -> None:
    layer = gw.layers.Dense(2)
    layer(X)
    layer(X).sum().backward()
    before, slope = layer.kernel.numpy(), layer.kernel.grad.numpy()
    assert layer.device.kind == "cpu"
    layer.to(strict)
    assert layer.device is layer.kernel.device is strict
    np.testing.assert_array_equal(layer.kernel.numpy(), before)
    assert layer.kernel.grad.device is strict
    np.testing.assert_array_equal(layer.kernel.grad.cpu().numpy(), slope)
    assert layer.kernel.trainable


def test_saved_there_and_loaded_here(tmp_path: Path) -> None:
    with gw.device("strict"):
        made = model("adam")
        fitted(made, 1)
    made.save(tmp_path / "model.keras")
    made.save_weights(tmp_path / "model.weights.h5")
    here = gw.load_model(tmp_path / "model.keras")
    assert {str(weight.device) for weight in here.weights} == {"cpu"}
    agree(here.predict(X, verbose=0), made.predict(X, verbose=0))
    agree(fitted(here, 1)["loss"], fitted(made, 1)["loss"])
    with gw.device("strict"):
        there = gw.load_model(tmp_path / "model.keras")
    expect_all_there(there)
    fresh = model().to("strict")
    fresh.load_weights(tmp_path / "model.weights.h5")
    agree(fresh.predict(X, verbose=0), there.predict(X, verbose=0))


def test_a_frozen_part_is_computed_once_there_too() -> None:
    def transfer() -> Any:
        gw.set_random_seed(3)
        base = gw.Sequential([gw.layers.Input((6,)), gw.layers.Dense(8, activation="tanh")])
        base.trainable = False
        made = gw.Sequential([base, gw.layers.Dense(3)])
        made.compile("adam", gw.losses.SparseCategoricalCrossentropy(from_logits=True))
        return made

    wanted = fitted(transfer(), 4)
    with gw.device("strict"):
        made = transfer()
    agree(fitted(made, 4)["loss"], wanted["loss"])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, where the scale is too large
def test_sixteen_bit_policies_there() -> None:
    for policy in ("mixed_bfloat16", "mixed_float16"):
        gw.mixed_precision.set_global_policy(policy)
        try:
            made = model("adam").to("strict")
            assert np.isfinite(fitted(made)["loss"]).all()
            expect_all_there(made)
        finally:
            gw.mixed_precision.set_global_policy("float32")


def test_operands_of_two_devices_are_named() -> None:
    layer = gw.layers.Dense(2)
    layer(X)
    layer.to("strict")
    with pytest.raises(DeviceError, match="all operands must be on one device; got operand 0"):
        layer(graftgrad.tensor(X, device="cpu"))


def test_a_device_that_is_not_there() -> None:
    layer = gw.layers.Dense(2)
    layer(X)
    with pytest.raises(DeviceError, match='must be "cpu", "gpu", "gpu:1" and so on'):
        layer.to("tpu")
    assert layer.device.kind == "cpu"


@pytest.mark.parametrize("optimizer", ["adam", "decaying"])
def test_steps_are_recorded_there_without_a_look_at_the_host(optimizer: str) -> None:
    """As CUDA graphs: nothing in them waits for the device, or copies from the host."""

    def convolutional() -> Any:
        gw.set_random_seed(2)
        made = gw.Sequential([
            gw.layers.Input((6, 6, 2)), gw.layers.Conv2D(4, 3, padding="same", use_bias=False),
            gw.layers.BatchNormalization(), gw.layers.ReLU(), gw.layers.MaxPooling2D(),
            gw.layers.Flatten(), gw.layers.Dropout(0.2), gw.layers.LayerNormalization(),
            gw.layers.Dense(3),
        ])  # fmt: skip
        made.seed = 5
        made.compile(OPTIMIZERS.get(optimizer, lambda: "adam")(),
                     gw.losses.SparseCategoricalCrossentropy(from_logits=True),
                     metrics=["accuracy"])  # fmt: skip
        return made

    x = RNG.normal(size=(48, 6, 6, 2)).astype("float32")
    refused.clear()
    wanted = convolutional().fit(x, Y, batch_size=8, epochs=3, verbose=0).history
    with gw.device("graphs"):
        made = convolutional()
    found = made.fit(x, Y, batch_size=8, epochs=3, verbose=0).history
    agree(found["loss"], wanted["loss"])
    assert made.recorded.steps["train_step"].replayed > 10
    assert refused == []
    with pytest.raises(DataError, match="label=3, position=7"):
        made.fit(x, np.append(Y[:-1], 3), batch_size=8, shuffle=False, verbose=0)


def test_weights_in_one_buffer_lie_apart_there_too() -> None:
    whole = graftgrad.zeros(4, 6, device="graphs")
    first, second = whole[:2], whole[2:]
    assert not overlap(first.array, second.array)
    assert not overlap(first.array, graftgrad.zeros(2, 6, device="graphs").array)
    assert overlap(whole.array, second.T.array)
