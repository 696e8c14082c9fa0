"""Optimizers around optimizers: a loss scale that finds itself, one optimizer for each weight."""

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad.errors import ConfigError
from graftwork import optimizers
from graftwork.weight import Weight


def weights():
    found = []
    for name, shape in (("dense/kernel", (3, 2)), ("dense/bias", (2,)), ("out/kernel", (4,))):
        values = np.random.default_rng(len(name)).standard_normal(shape)
        found.append(Weight(graftgrad.tensor(values), name.rpartition("/")[2]))
        found[-1].path = name
    return found


def gradients(held, step=0, scale=1.0):
    draw = np.random.default_rng(step)
    return [graftgrad.tensor(draw.standard_normal(one.shape) * scale) for one in held]


def values(held):
    return [one.numpy().copy() for one in held]


class TestLossScale:
    def test_it_halves_and_doubles_and_leaves_steps_out(self) -> None:
        held, plain = weights(), weights()
        optimizer = optimizers.LossScaleOptimizer(
            optimizers.Adam(0.1), initial_scale=8.0, dynamic_growth_steps=2
        )
        inner = optimizers.Adam(0.1)
        scales = []
        for step, broken in enumerate([False, True, False, False, False, True]):
            scale = float(optimizer.dynamic_scale)
            given = gradients(held, step, scale)
            before = values(held)
            if broken:
                given[1] = given[1] * float("inf")
            optimizer.apply(given, held)
            if broken:
                assert all((a == b).all() for a, b in zip(before, values(held), strict=True))
            else:
                inner.apply(gradients(plain, step), plain)
            scales.append(float(optimizer.dynamic_scale))
        assert scales == [8, 4, 4, 8, 8, 4]
        for one, other in zip(held, plain, strict=True):
            np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-14)
        assert int(optimizer.iterations) == 4
        assert optimizer.scale_loss(graftgrad.tensor(2.0)).item() == 8

    def test_variables_are_those_of_keras_and_come_back(self) -> None:
        held = weights()
        optimizer = optimizers.LossScaleOptimizer(optimizers.Adam(0.1), 16.0, 3)
        optimizer.apply(gradients(held, 0, 16.0), held)
        names = [one.name for one in optimizer.variables]
        assert names[:6] == ["iteration", "learning_rate", "step_counter", "dynamic_scale",
                             "iteration", "learning_rate"]  # fmt: skip
        assert len(names) == 6 + 2 * len(held)
        for load in ("variables", "state"):
            again, copies = optimizers.LossScaleOptimizer(optimizers.Adam(0.1), 2.0, 3), weights()
            for one, other in zip(copies, held, strict=True):
                one.assign(other)
            again.build(copies)
            if load == "variables":
                again.set_weights([one.numpy() for one in optimizer.variables])
            else:
                again.load_state({k: v.numpy() for k, v in optimizer.state().items()}, copies)
            assert float(again.dynamic_scale) == 16.0
            assert int(again.step_counter) == 1
            for step in (1, 2):
                again.apply(gradients(copies, step, 16.0), copies)
            assert float(again.dynamic_scale) == 32.0

    def test_settings(self) -> None:
        optimizer = optimizers.LossScaleOptimizer(
            optimizers.SGD(0.5, loss_scale_factor=4.0), name="mine"
        )
        assert optimizer.inner_optimizer.loss_scale_factor is None
        again = optimizers.deserialize(optimizers.serialize(optimizer))
        assert type(again) is optimizers.LossScaleOptimizer
        assert again.get_config() == optimizer.get_config()
        optimizer.learning_rate = 0.25
        assert float(optimizer.inner_optimizer.learning_rate) == 0.25
        with pytest.raises(
            ConfigError, match=r"must be those of the inner optimizer; got settings="
        ):
            optimizers.LossScaleOptimizer(optimizers.SGD(), clipnorm=1.0)
        with pytest.raises(ConfigError, match="inner_optimizer must be an optimizer"):
            optimizers.LossScaleOptimizer("sgd")

    def test_a_model_is_trained_with_it(self) -> None:
        gw.set_random_seed(0)
        model = gw.Sequential([gw.Input((3,)), gw.layers.Dense(2)])
        model.compile(optimizers.LossScaleOptimizer(optimizers.SGD(0.1)), "mse")
        x = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
        losses = model.fit(x, x[:, :2], epochs=6, batch_size=8, verbose=0).history["loss"]
        assert losses[-1] < losses[0] / 2
        assert int(model.optimizer.iterations) == 12


class TestMulti:
    def mapped(self):
        told = {"dense/bias": optimizers.Adam(0.1), "out/.*": optimizers.Lion(0.1)}
        return optimizers.MultiOptimizer(optimizers.OptimizerMap(optimizers.SGD(0.1, 0.9), told))

    def test_every_weight_is_updated_by_its_own(self) -> None:
        held, alone = weights(), weights()
        optimizer = self.mapped()
        each = [optimizers.SGD(0.1, 0.9), optimizers.Adam(0.1), optimizers.Lion(0.1)]
        for step in range(4):
            held[1].trainable = step != 2
            given = gradients(held, step)
            optimizer.apply(given, held)
            for i, one in enumerate(each):
                if held[i].trainable:
                    one.apply([given[i]], [alone[i]])
        for one, other in zip(held, alone, strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())
        assert int(optimizer.iterations) == 4
        assert [type(one).__name__ for one in optimizer.optimizers] == ["Adam", "Lion", "SGD"]

    def test_state_comes_back_by_path_and_in_order(self) -> None:
        held = weights()
        optimizer = self.mapped()
        optimizer.apply(gradients(held, 0), held)
        for load in ("variables", "state"):
            again, copies = self.mapped(), weights()
            for one, other in zip(copies, held, strict=True):
                one.assign(other)
            again.build(copies)
            if load == "variables":
                again.set_weights([one.numpy() for one in optimizer.variables])
            else:
                again.load_state({k: v.numpy() for k, v in optimizer.state().items()}, copies)
            for one, other in zip(again.variables, optimizer.variables, strict=True):
                np.testing.assert_array_equal(one.numpy(), other.numpy())
        with pytest.raises(ConfigError, match="one value for each variable"):
            again.set_weights([0.0])

    def test_a_function_may_choose(self) -> None:
        slow, fast = optimizers.SGD(0.1), optimizers.SGD(1.0)
        optimizer = optimizers.MultiOptimizer(
            lambda weight: fast if "out" in weight.path else slow, loss_scale_factor=2.0
        )
        held = weights()
        before = values(held)
        given = gradients(held)
        optimizer.apply([g * 2.0 for g in given], held)
        for one, start, g, rate in zip(held, before, given, (0.1, 0.1, 1.0), strict=True):
            np.testing.assert_allclose(one.numpy(), start - rate * g.numpy(), rtol=1e-12)

    def test_a_model_is_trained_saved_and_loaded(self, tmp_path) -> None:
        gw.set_random_seed(0)
        model = gw.Sequential(
            [gw.Input((3,)), gw.layers.Dense(4, name="first"), gw.layers.Dense(2, name="last")]
        )
        told = optimizers.OptimizerMap(optimizers.SGD(0.05), {".*last/.*": optimizers.Adam(0.05)})
        model.compile(optimizers.MultiOptimizer(told), "mse")
        x = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
        losses = model.fit(x, x[:, :2], epochs=8, batch_size=8, verbose=0).history["loss"]
        assert losses[-1] < losses[0] / 2
        model.save(tmp_path / "model.keras")
        again = gw.load_model(tmp_path / "model.keras")
        ours, theirs = model.optimizer.variables, again.optimizer.variables
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())

    def test_refusals(self) -> None:
        sgd = optimizers.SGD()
        told = optimizers.OptimizerMap(sgd, {"a.*": sgd})
        again = optimizers.OptimizerMap.from_config(told.get_config())
        assert again.get_config() == told.get_config()
        assert (len(told), list(told)) == (1, ["a.*"])
        told[".*b"] = optimizers.Adam()
        with pytest.raises(ConfigError, match=r"only one pattern may fit.*path='ab'"):
            told["ab"]
        with pytest.raises(ConfigError, match="a key must be a new path or pattern"):
            told["a.*"] = sgd
        del told["a.*"]
        assert isinstance(told["ab"], optimizers.Adam)
        with pytest.raises(ConfigError, match="must be an optimizer of its own, no wrapper"):
            told["c"] = optimizers.LossScaleOptimizer(optimizers.SGD())
        with pytest.raises(ConfigError, match="must be an OptimizerMap or a function"):
            optimizers.MultiOptimizer({"a": sgd})
        multi = optimizers.MultiOptimizer(told)
        with pytest.raises(AttributeError, match="must be read from one of its optimizers"):
            _ = multi.learning_rate
        with pytest.raises(AttributeError, match=r"must be set on one.*learning_rate=0\.1"):
            multi.learning_rate = 0.1
