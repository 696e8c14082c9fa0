"""Learning rates of single weights, and by depth: from the next step on, replayed, saved."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad import modes
from graftgrad.errors import ConfigError, FormatError
from graftwork import callbacks, layers, optimizers
from graftwork.saving.training_state import TrainingState, save_training_state
from graftwork.weight import Weight

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 5)).astype("float32")
Y = RNG.normal(size=(24, 2)).astype("float32")
RULES = {
    "SGD": {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.1, "clipnorm": 0.7},
    "Adam": {"amsgrad": True, "use_ema": True, "ema_momentum": 0.8, "clipvalue": 0.3},
    "AdamW": {},
    "RMSprop": {"momentum": 0.9, "centered": True},
    "Adagrad": {"weight_decay": 0.1},
    "Nadam": {},
    "Adamax": {},
    "Adadelta": {"learning_rate": 1.0},
    "Lion": {},
    "Ftrl": {},
    "Lamb": {"weight_decay": 0.1},
    "Adafactor": {"learning_rate": 0.1},
    "Muon": {"learning_rate": 0.1},
    "ScheduleFreeAdamW": {"weight_decay": 0.1, "warmup_steps": 2},
}  # fmt: skip


def network() -> Any:
    gw.set_random_seed(3)
    return gw.Sequential(
        [gw.Input((5,)), *[layers.Dense(n, "tanh", name=f"d{n}") for n in (6, 4, 3, 2)]]
    )


def made(count: int) -> list[Weight]:
    """Weights with gradients that are the same each time."""
    draw = np.random.default_rng(5)
    found = []
    for i in range(count):
        value = graftgrad.tensor(draw.standard_normal((3, 2)), "float32")
        found.append(Weight(value, f"w{i}"))
        found[-1].path = f"w{i}"
    return found


def stepped(optimizer: Any, held: list[Weight], steps: int = 4, start: int = 0) -> None:
    for step in range(start, start + steps):
        for one in held:
            drawn = np.random.default_rng([step, int(one.name[1:])]).standard_normal((3, 2))
            one.grad = graftgrad.tensor(drawn, "float32") if one.requires_grad else None
        optimizer.step(held)


@pytest.mark.parametrize("rule", RULES)
def test_each_weight_moves_as_by_an_optimizer_of_its_own(rule: str) -> None:
    kind, told = getattr(optimizers, rule), RULES[rule]
    held, apart = made(5), made(5)
    multipliers = (0.1, 0.1, 1.0, 3.0, 0.1)
    for one, multiplier in zip(held, multipliers, strict=True):
        one.learning_rate_multiplier = multiplier
    stepped(kind(**told), held)
    for one, multiplier in zip(apart, multipliers, strict=True):
        own = kind(**told)
        own.learning_rate = float(own.learning_rate) * multiplier
        stepped(own, [one])
    for a, b in zip(held, apart, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_one_launch_updates_one_group() -> None:
    held, adam = made(6), optimizers.Adam()

    def updates() -> int:
        launches: list[Any] = []
        with modes.taped(launches):
            stepped(adam, held, 1)
        return sum(type(one.call.function).__name__ == "Adam" for one in launches)

    assert updates() == 1
    for one, multiplier in zip(held, (0.1, 0.1, 0.3, 0.3, 1.0, 1.0), strict=True):
        one.learning_rate_multiplier = multiplier
    assert updates() == 3
    for one in held:
        one.learning_rate_multiplier = 0.5
    assert updates() == 1  # their counts of steps never parted
    assert {adam.flats.owners[one].steps(one) for one in held} == {3.0}


def test_slots_are_kept_and_what_is_frozen_does_not_move() -> None:
    held, adam = made(3), optimizers.AdamW()
    stepped(adam, held, 2)
    before = {path: value.numpy().copy() for path, value in adam.state().items()}
    held[0].learning_rate_multiplier, held[1].learning_rate_multiplier = 0.1, 2.0
    for path, value in adam.state().items():
        np.testing.assert_array_equal(value.numpy(), before[path])
    held[1].trainable = False
    kept = held[1].numpy()
    stepped(adam, held, 2, start=2)
    np.testing.assert_array_equal(held[1].numpy(), kept)
    for slot in ("momentum", "velocity", "step"):
        np.testing.assert_array_equal(adam.state()[f"w1/{slot}"].numpy(), before[f"w1/{slot}"])
    held[1].trainable = True
    stepped(adam, held, 1, start=4)
    assert float(adam.state()["w1/step"]) == 3
    assert not np.array_equal(held[1].numpy(), kept)


class Changing(callbacks.Callback):
    """Changes multiples and what is frozen between steps."""

    def __init__(self) -> None:
        super().__init__()
        self.step = -1

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.step += 1
        first, second, *_ = self.model.layers
        if self.step == 8:
            first.learning_rate_multiplier = 0.01
        elif self.step == 16:
            second.trainable = False
        elif self.step == 24:
            second.trainable, second.learning_rate_multiplier = True, 5.0
        elif self.step == 32:
            optimizers.by_depth(self.model, 1.0)


def test_replayed_steps_follow_every_change() -> None:
    rate = optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    for kind in (lambda: optimizers.AdamW(0.01), lambda: optimizers.SGD(rate, momentum=0.9)):
        models = []
        for eager in (True, False):
            model = network()
            optimizers.by_depth(model, 0.1)
            model.compile(kind(), "mse", run_eagerly=eager)
            model.fit(X, Y, batch_size=6, epochs=12, shuffle=False, verbose=0,
                      callbacks=[Changing()])  # fmt: skip
            models.append(model)
        for a, b in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert models[1].recorded.steps["train_step"].replayed > 20


def test_a_change_counts_at_the_very_next_step() -> None:
    model = network()
    model.compile(optimizers.SGD(0.5), "mse")
    for _ in range(5):
        model.train_on_batch(X, Y)
    before, copy = model.get_weights(), gw.models.clone_model(model)
    copy.set_weights(before)
    copy.compile(optimizers.SGD(0.5), "mse")
    model.layers[1].learning_rate_multiplier = 0.25
    model.train_on_batch(X, Y)
    copy.train_on_batch(X, Y)
    for i, (old, mine, theirs) in enumerate(
        zip(before, model.get_weights(), copy.get_weights(), strict=True)
    ):
        share = 0.25 if i in (2, 3) else 1.0
        np.testing.assert_allclose(mine - old, share * (theirs - old), atol=2e-7)


def test_layers_below_and_weights_to_come() -> None:
    inner = gw.Sequential([layers.Dense(3, name="one"), layers.Dense(2, name="two")])
    inner.learning_rate_multiplier = 0.2
    inner.layers[1].learning_rate_multiplier = 0.4
    model = gw.Sequential([gw.Input((5,)), inner])
    assert [w.learning_rate_multiplier for w in model.weights] == [0.2, 0.2, 0.4, 0.4]
    assert inner.learning_rate_multiplier is None
    assert inner.layers[1].learning_rate_multiplier == 0.4
    model.learning_rate_multiplier = 1
    assert model.learning_rate_multiplier == 1.0
    assert layers.Flatten().learning_rate_multiplier == 1.0


def test_by_depth() -> None:
    model = network()
    told = optimizers.by_depth(model, 0.001)
    assert [names for _, names in told] == [["d6"], ["d4"], ["d3"], ["d2"]]
    np.testing.assert_allclose([m for m, _ in told], [0.001, 0.01, 0.1, 1.0])
    assert [one.learning_rate_multiplier for one in model.layers] == [m for m, _ in told]
    told = optimizers.by_depth(model, 0.25, 1, groups=3)
    assert [names for _, names in told] == [["d6"], ["d4", "d3"], ["d2"]]
    assert [m for m, _ in told] == [0.25, 0.5, 1.0]
    assert optimizers.by_depth(model, 0.5, groups=1) == [(1.0, ["d6", "d4", "d3", "d2"])]
    told = optimizers.by_depth([model.layers[:2], model.layers[3]], 0.1, 2.0)
    assert told == [(0.1, ["d6", "d4"]), (2.0, ["d2"])]


def test_by_depth_goes_into_models_and_leaves_state_alone() -> None:
    base = gw.Sequential(
        [gw.Input((5,)), layers.Dense(3, name="a"), layers.BatchNormalization(name="n")]
    )
    base.trainable = False
    model = gw.Sequential([base, layers.Dropout(0.1), layers.Dense(2, name="head")])
    told = optimizers.by_depth(model, 0.01)
    assert [names for _, names in told] == [["a"], ["n"], ["head"]]
    assert base.layers[0].learning_rate_multiplier == 0.01
    assert {w.learning_rate_multiplier for w in base.layers[1].weights if w.kind == "state"} == {
        1.0
    }


def test_files_hold_them(tmp_path: Path) -> None:
    model = network()
    model.compile(optimizers.Adam(0.01), "mse")
    optimizers.by_depth(model, 0.1, groups=2)
    model.fit(X, Y, epochs=2, verbose=0)
    model.save(tmp_path / "m.keras")
    again = gw.load_model(tmp_path / "m.keras")
    told = [one.learning_rate_multiplier for one in model.layers]
    assert [one.learning_rate_multiplier for one in again.layers] == told == [0.1, 0.1, 1, 1]
    for one in (model, again):
        one.fit(X, Y, epochs=2, verbose=0, shuffle=False)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    copy = gw.models.clone_model(model)
    assert [one.learning_rate_multiplier for one in copy.layers] == told
    save_training_state(model, tmp_path / "state", {})
    fresh = network()
    fresh.compile(optimizers.Adam(0.01), "mse")
    fresh.layers[3].learning_rate_multiplier = 7.0
    TrainingState(tmp_path / "state").restore(fresh)
    assert [one.learning_rate_multiplier for one in fresh.layers] == told


@pytest.mark.parametrize("told", [[0.1], {"d6/kernel": -1.0}, {"d6/kernel": "fast"}])
def test_a_file_with_unfit_ones_is_refused(tmp_path: Path, told: Any) -> None:
    network().save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as old:
        files = {name: old.read(name) for name in old.namelist()}
    notes = json.loads(files["metadata.json"])
    notes["graftwork"]["learning_rate_multipliers"] = told
    files["metadata.json"] = json.dumps(notes).encode()
    with zipfile.ZipFile(tmp_path / "bad.keras", "w") as new:
        for name, data in files.items():
            new.writestr(name, data)
    with pytest.raises(FormatError, match="learning_rate_multiplier"):
        gw.load_model(tmp_path / "bad.keras")


def test_several_optimizers_and_scaled_losses_follow_them() -> None:
    held, apart = made(2), made(2)
    held[0].learning_rate_multiplier = apart[0].learning_rate_multiplier = 0.1
    choice = optimizers.OptimizerMap(optimizers.SGD(0.1), {"w0": optimizers.SGD(0.1)})
    stepped(optimizers.MultiOptimizer(choice), held)
    stepped(optimizers.SGD(0.1), apart)
    scaled = made(2)
    scaled[0].learning_rate_multiplier = 0.1
    stepped(optimizers.LossScaleOptimizer(optimizers.SGD(0.1), initial_scale=1.0), scaled)
    for a, b, c in zip(held, apart, scaled, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
        np.testing.assert_array_equal(a.numpy(), c.numpy())


def test_what_is_refused() -> None:
    model = network()
    rule = "learning_rate_multiplier must be a positive number; got"
    with pytest.raises(ConfigError, match=f'layer "d6": {rule} learning_rate_multiplier=0'):
        model.layers[0].learning_rate_multiplier = 0
    with pytest.raises(ConfigError, match=f'weight "d6/kernel": {rule}.*To freeze, set trainable'):
        model.layers[0].kernel.learning_rate_multiplier = float("nan")
    with pytest.raises(ConfigError, match=f"by_depth: {rule}"):
        optimizers.by_depth(model, -1.0)
    with pytest.raises(ConfigError, match="by_depth: groups must be a whole number from 1 to 4"):
        optimizers.by_depth(model, 0.1, groups=5)
    with pytest.raises(ConfigError, match="by_depth: the model must be built and have something"):
        optimizers.by_depth(gw.Sequential([layers.Dense(3)]), 0.1)
    with pytest.raises(ConfigError, match="by_depth: a layer must lie in one group; got"):
        optimizers.by_depth([model.layers[0], model], 0.1)
    with pytest.raises(ConfigError, match="by_depth: groups of your own must be some"):
        optimizers.by_depth([], 0.1)
    assert model.learning_rate_multiplier == 1.0
