"""Optimizers in Keras' vocabulary: its trajectories, its slots in its order, its settings."""

import inspect

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ConfigError, GradientError, ShapeError
from graftwork import optimizers, registry
from graftwork.weight import Weight
from support.golden import GoldenCase, cases

GOLDEN = cases("optimizers")
CLASSES = sorted({case.class_name for case in GOLDEN})


def weight(values, name="kernel", **told):
    return Weight(graftgrad.tensor(np.asarray(values, "float64")), name, **told)


def made(case: GoldenCase):
    settings = dict(case.settings)
    return getattr(optimizers, case.class_name)(**settings)


def trained(case: GoldenCase, steps, optimizer=None, start=0):
    """The weights after some steps of a case, and the optimizer."""
    names = list(case.group("gradient"))
    weights = {name: weight(case[f"weight/{name}"][start], name) for name in names}
    optimizer = made(case) if optimizer is None else optimizer
    for step in steps:
        gradients = [graftgrad.tensor(case[f"gradient/{name}"][step]) for name in names]
        optimizer.apply(gradients, list(weights.values()))
    return weights, optimizer


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_trajectory_is_keras(case: GoldenCase) -> None:
    for last in range(7):
        weights, _ = trained(case, range(last))
        for name, found in weights.items():
            close(found.numpy(), case[f"weight/{name}"][last])


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_variables_are_keras_in_its_order(case: GoldenCase) -> None:
    _, optimizer = trained(case, range(6))
    expected = {path: case[f"slot/{path}"] for path in case.facts["slots"]}
    if case.class_name != "Adafactor":  # Keras names means of rows and columns both as the weight
        assert [one.name for one in optimizer.variables] == list(expected)
    for one, value in zip(optimizer.variables, expected.values(), strict=True):
        close(one.numpy(), value)


@pytest.mark.parametrize("case", [c for c in GOLDEN if c.settings.get("use_ema")], ids=str)
def test_final_values_are_the_averages(case: GoldenCase) -> None:
    weights, optimizer = trained(case, range(6))
    optimizer.finalize_variable_values(weights.values())
    for name, found in weights.items():
        close(found.numpy(), case[f"final/{name}"])


# -- settings ------------------------------------------------------------------------------------

SIGNATURES = {
    "SGD": "learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=None",
    "Adam": "learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07, amsgrad=False, "
    "weight_decay=None",
    "AdamW": "learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999, epsilon=1e-07, "
    "amsgrad=False",
    "Nadam": "learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07, weight_decay=None",
    "Adamax": "learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07, weight_decay=None",
    "Lion": "learning_rate=0.001, beta_1=0.9, beta_2=0.99, weight_decay=None",
    "Lamb": "learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07, weight_decay=None",
    "Adafactor": "learning_rate=0.001, beta_2_decay=-0.8, epsilon_1=1e-30, epsilon_2=0.001, "
    "clip_threshold=1.0, relative_step=True, weight_decay=None",
    "ScheduleFreeAdamW": "learning_rate=0.0025, beta_1=0.9, beta_2=0.999, epsilon=1e-08, "
    "warmup_steps=0, weight_decay=None",
    "RMSprop": "learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-07, centered=False, "
    "weight_decay=None",
    "Adagrad": "learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-07, "
    "weight_decay=None",
    "Adadelta": "learning_rate=0.001, rho=0.95, epsilon=1e-07, weight_decay=None",
    "Ftrl": "learning_rate=0.001, learning_rate_power=-0.5, initial_accumulator_value=0.1, "
    "l1_regularization_strength=0.0, l2_regularization_strength=0.0, "
    "l2_shrinkage_regularization_strength=0.0, beta=0.0, weight_decay=None",
}
SHARED = (
    ", clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, "
    "ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, "
    "name=None"
)


@pytest.mark.parametrize("name", SIGNATURES)
def test_constructors_are_keras(name) -> None:
    found = inspect.signature(getattr(optimizers, name))
    assert str(found) == f"({SIGNATURES[name]}{SHARED})"


def test_the_constructor_of_muon_is_keras() -> None:
    first = (
        "learning_rate=0.001, adam_beta_1=0.9, adam_beta_2=0.999, adam_weight_decay=0.004, "
        "epsilon=1e-07, weight_decay=0.004"
    )
    last = (
        "exclude_layers=None, exclude_embeddings=True, muon_a=3.4445, muon_b=-4.775, "
        "muon_c=2.0315, adam_lr_ratio=1, momentum=0.95, ns_steps=5, nesterov=True, rms_rate=0.2"
    )
    assert str(inspect.signature(optimizers.Muon)) == f"({first}{SHARED}, {last})"


@pytest.mark.parametrize("case", [c for c in GOLDEN if c.name.endswith(("-1", "-3"))], ids=str)
def test_a_configuration_makes_an_equal_optimizer(case: GoldenCase) -> None:
    optimizer = made(case)
    config = optimizers.serialize(optimizer)
    assert config["module"] == "keras.optimizers"
    for again in (optimizers.deserialize(config), type(optimizer).from_config(config["config"])):
        assert type(again) is type(optimizer)
        assert again.get_config() == optimizer.get_config()


def test_optimizers_are_known_by_name() -> None:
    for name in SIGNATURES:
        assert type(optimizers.get(name)) is type(optimizers.get(name.lower()))
    assert float(optimizers.get("sgd").learning_rate) == 0.01
    assert registry.optimizers.get(optimizers.SGD).get_config()["momentum"] == 0.0
    assert optimizers.SGD(0.5, 0.9, True, name="mine").name == "mine"
    assert repr(optimizers.SGD(0.5, name="x")) == "SGD(learning_rate=0.5, name='x')"
    with pytest.raises(ConfigError, match="must be a known name; got 'adamm'"):
        optimizers.get("adamm")
    older = {"name": "Adam", "learning_rate": 0.5, "decay": 0.0, "is_legacy_optimizer": False}
    assert float(optimizers.Adam.from_config(older).learning_rate) == 0.5


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: optimizers.SGD(clipnorm=1.0, clipvalue=1.0), "only one way of clipping"),
        (lambda: optimizers.SGD(learning_rate="fast"), "could not|finite number"),
        (lambda: optimizers.SGD(momentum=1.5), "momentum must lie between 0 and 1"),
        (lambda: optimizers.SGD(gradient_accumulation_steps=1), "must be at least 2"),
        (lambda: optimizers.SGD(use_ema=True, ema_momentum=2.0), "ema_momentum must lie"),
        (lambda: optimizers.SGD(ema_overwrite_frequency=0), "must be a positive integer"),
        (lambda: optimizers.SGD(speed=1.0), "speed"),
        (lambda: optimizers.Adam(beta_1=1.0), "beta_1 must be at least 0 and less than 1"),
        (lambda: optimizers.AdamW(weight_decay=None), "weight_decay must be a finite number"),
        (lambda: optimizers.Adagrad(initial_accumulator_value=-1.0), "must not be negative"),
        (lambda: optimizers.Ftrl(learning_rate_power=0.5), "must not be positive"),
        (lambda: optimizers.ScheduleFreeAdamW(beta_1=0.0), "beta_1 must be greater than 0"),
        (lambda: optimizers.ScheduleFreeAdamW(warmup_steps=-1), "whole number of at least 0"),
        (lambda: optimizers.Muon(ns_steps=0), "ns_steps must be a positive integer"),
        (lambda: optimizers.Lamb(beta_2=1.0), "beta_2 must be at least 0 and less than 1"),
        (lambda: optimizers.Adafactor(clip_threshold="no"), "clip_threshold must be a finite"),
    ],
)
def test_unfit_settings_are_refused(make, text) -> None:
    with pytest.raises(ConfigError, match=text):
        make()


# -- rate, counter, calls ------------------------------------------------------------------------


def ones(*weights):
    return [graftgrad.ones(*one.shape, dtype="float64") for one in weights]


def test_rate_and_counter_are_read_and_assigned() -> None:
    w = weight([1.0])
    optimizer = optimizers.SGD(0.5)
    assert optimizer.apply_gradients([(ones(w)[0], w)]) == 1
    optimizer.learning_rate = 0.25
    optimizer.apply(ones(w), [w])
    optimizer.learning_rate.assign(0.125)
    optimizer.apply(ones(w))
    assert w.numpy() == 0.125
    assert float(optimizer.learning_rate) == 0.125
    assert int(optimizer.iterations) == 3
    optimizer.iterations = 7
    assert int(optimizer.iterations) == 7
    optimizer.learning_rate = lambda: 1.0
    assert float(optimizer.learning_rate) == 1.0


def test_a_schedule_sets_the_rate_and_cannot_be_overwritten() -> None:
    w = weight([0.0])
    schedule = optimizers.schedules.PiecewiseConstantDecay([0, 1], [1.0, 0.5, 0.25])
    optimizer = optimizers.SGD(schedule)
    for rate in (1.0, 0.5, 0.25, 0.25):
        assert float(optimizer.learning_rate) == rate
        optimizer.apply(ones(w), [w])
    assert w.numpy() == -2.0
    assert optimizer.get_config()["learning_rate"]["class_name"] == "PiecewiseConstantDecay"
    with pytest.raises(ConfigError, match="follows a schedule cannot be assigned"):
        optimizer.learning_rate = 0.1


def test_unfit_calls_are_refused() -> None:
    w, b = weight([1.0]), weight([2.0], "bias")
    optimizer = optimizers.SGD(0.5)
    optimizer.apply([])
    with pytest.raises(ConfigError, match="one gradient per weight; got gradients=1, weights=2"):
        optimizer.apply(ones(w), [w, b])
    with pytest.raises(GradientError, match="at least one weight must have a gradient"):
        optimizer.apply([None, None], [w, b])
    with pytest.raises(ShapeError, match="must have the shape of its weight"):
        optimizer.apply([graftgrad.ones(2, dtype="float64")], [w])
    assert (w.numpy(), b.numpy(), int(optimizer.iterations)) == (1.0, 2.0, 0)
    optimizer.apply([None, *ones(b)], [w, b])
    assert (w.numpy(), b.numpy()) == (1.0, 1.5)


def test_gradients_of_the_user_stay_as_they_are() -> None:
    w = weight([1.0, 1.0])
    optimizer = optimizers.SGD(1.0, clipvalue=0.25)
    (3 * w).sum().backward()
    optimizer.step([w])
    w.grad = None
    (3 * w).sum().backward()
    mine = graftgrad.tensor([5.0, 5.0], "float64")
    optimizer.apply([mine], [w])
    np.testing.assert_array_equal(w.grad.numpy(), [3.0, 3.0])
    np.testing.assert_array_equal(mine.numpy(), [5.0, 5.0])
    np.testing.assert_array_equal(w.numpy(), [0.5, 0.5])


def test_loss_scale_decay_and_constraints() -> None:
    w, b = weight([2.0]), weight([2.0], "bias")
    w.constraint = lambda x: x.clip(0.0, 1.0)
    optimizer = optimizers.SGD(0.5, weight_decay=0.5, loss_scale_factor=8.0)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    loss = optimizer.scale_loss((w + b).sum())
    loss.backward()
    optimizer.step([w, b])
    assert b.numpy() == 1.5  # 2 − 0.5
    assert w.numpy() == 1.0  # 2 · 0.75 − 0.5, and then 1 at most
    optimizer.exclude_from_weight_decay(var_list=[w])
    w.grad = b.grad = None
    (w + b).sum().backward()
    w.grad, b.grad = w.grad * 0.0, b.grad * 0.0
    optimizer.step([w, b])
    assert (w.numpy(), b.numpy()) == (1.0, 1.125)
