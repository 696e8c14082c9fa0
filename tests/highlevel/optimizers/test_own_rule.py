"""Rules of a user's own, written weight by weight as Keras documents it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError
from graftwork import layers, ops

X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
Y = X[:, :1] * 2 - X[:, 1:2]


class Momentum(gw.optimizers.Optimizer):
    """v ← m·v − rate·g;  w ← w + v."""

    def __init__(
        self, learning_rate: Any = 0.01, momentum: float = 0.9, name: str = "own", **kwargs: Any
    ) -> None:
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.momentum = momentum

    def build(self, variables: Any) -> None:
        if self.built:
            return
        super().build(variables)
        self.momentums = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        learning_rate = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        m = self.momentums[self._get_variable_index(variable)]
        momentum = ops.cast(self.momentum, variable.dtype)
        self.assign(m, ops.subtract(ops.multiply(m, momentum), gradient * learning_rate))
        self.assign_add(variable, m)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum}


def trained(optimizer: Any, epochs: int = 3, **compiled: Any) -> Any:
    gw.set_random_seed(3)
    model = gw.Sequential([gw.Input((4,)), layers.Dense(5, "tanh"), layers.Dense(1)])
    model.compile(optimizer, "mse", **compiled)
    model.fit(X, Y, epochs=epochs, batch_size=8, verbose=0)
    return model


@pytest.mark.parametrize("eager", [True, False])
@pytest.mark.parametrize(
    "settings",
    [{}, {"weight_decay": 0.1}, {"clipnorm": 0.1}, {"global_clipnorm": 0.1}, {"use_ema": True},
     {"gradient_accumulation_steps": 2}],
    ids=str,
)  # fmt: skip
def test_a_rule_of_ones_own_equals_the_built_in_one(settings: Any, eager: bool) -> None:
    own = trained(Momentum(0.05, 0.8, **settings), run_eagerly=eager)
    wanted = trained(gw.optimizers.SGD(0.05, momentum=0.8, **settings), run_eagerly=eager)
    for one, other in zip(own.get_weights(), wanted.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6)


def test_it_goes_on_where_it_was_saved(tmp_path: Path) -> None:
    whole, half = trained(Momentum(), 4), trained(Momentum(), 2)
    half.save(tmp_path / "m.keras")
    found = gw.saving.load_model(tmp_path / "m.keras", custom_objects={"Momentum": Momentum})
    assert [one.shape for one in found.optimizer.variables[2:]] == [(4, 5), (5,), (5, 1), (1,)]
    found.seed = half.seed
    found.fit(X, Y, epochs=4, initial_epoch=2, batch_size=8, verbose=0)
    for one, other in zip(found.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_a_backup_holds_it(tmp_path: Path) -> None:
    class Stop(gw.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

    def run(*listeners: Any) -> Any:
        gw.set_random_seed(3)
        model = gw.Sequential([gw.Input((4,)), layers.Dense(1)])
        model.compile(Momentum(), "mse")
        backup = gw.callbacks.BackupAndRestore(tmp_path / "b")
        model.fit(X, Y, epochs=4, batch_size=8, verbose=0, callbacks=[*listeners, backup])
        return model

    with pytest.raises(KeyboardInterrupt):
        run(Stop())
    found = run()
    gw.set_random_seed(3)
    whole = gw.Sequential([gw.Input((4,)), layers.Dense(1)])
    whole.compile(Momentum(), "mse")
    whole.fit(X, Y, epochs=4, batch_size=8, verbose=0)
    for one, other in zip(found.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_slots_of_several_names_and_weights_that_are_not_known() -> None:
    rule = Momentum()
    kernel = layers.Dense(2)
    kernel.build((None, 3))
    rule.build(kernel.trainable_variables)
    first, second = rule.add_optimizer_variables(kernel.weights, ["a", "b"], ["zeros", "ones"])
    assert [one.shape for one in first] == [(3, 2), (2,)]
    assert second[1].tolist() == [1.0, 1.0]
    assert len(rule.variables) == 2 + 2 + 4
    other = layers.Dense(2)
    other.build((None, 3))
    with pytest.raises(ConfigError, match="own: must be built with every weight that it updates"):
        rule.apply([ops.ones((3, 2)), ops.ones(2)], other.trainable_variables)
    with pytest.raises(ConfigError, match=r"one initializer for each name; got names=.*, initial"):
        rule.add_optimizer_variables(kernel.weights, ["a", "b"], ["zeros"])


def test_a_rule_that_replaces_a_built_in_one_is_the_one_that_counts() -> None:
    class Signs(gw.optimizers.Adam):
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            variable.assign_sub(ops.sign(gradient) * ops.cast(learning_rate, variable.dtype))

    rule, weight = Signs(0.5), gw.Variable([1.0, -2.0, 3.0])
    rule.apply([np.array([3.0, 0.0, -2.0], "float32")], [weight])
    assert weight.tolist() == [0.5, -2.0, 3.5]
    with pytest.raises(NotImplementedError, match=r"update_step\(gradient, variable, learning_ra"):
        gw.optimizers.Optimizer(0.1).apply([np.zeros(3, "float32")], [weight])
