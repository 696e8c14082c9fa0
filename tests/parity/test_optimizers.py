"""A hundred steps beside Keras' optimizers, eager and through `fit`; schedules; refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork
from graftwork.weight import Weight
from support.optimizer_options import SHAPES, STEPS

from . import compare, optimizers
from .compare import Case
from .keras_jax import jax, keras

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]
NAMES = list(SHAPES)


@pytest.fixture(scope="module", autouse=True)
def forget_programs() -> Iterator[None]:
    """Programs of this file are of no use to another."""
    yield
    jax.clear_caches()


def start(name: str) -> Any:
    seed = np.random.default_rng(len(name))
    return seed.standard_normal(SHAPES[name]).astype("float32")


def gradients() -> list[Any]:
    """Return the gradients of all steps, one array for each weight."""
    draw = np.random.default_rng(5)
    return [draw.standard_normal((STEPS, *shape)).astype("float32") for shape in SHAPES.values()]


def made(package: Any, one: Case, option: str) -> Any:
    settings = one.settings | optimizers.OPTIONS.get(option, {})
    return getattr(package.optimizers, one.name)(**compare.settings_for(package, settings))


def ours(one: Case, option: str) -> list[Any]:
    optimizer = made(graftwork, one, option)
    weights = [Weight(graftgrad.tensor(start(name)), name) for name in NAMES]
    if option == "excluded":
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    every = [graftgrad.tensor(values) for values in gradients()]
    for step in range(STEPS):
        optimizer.apply([values[step] for values in every], weights)
    optimizer.finalize_variable_values(weights)
    return [weight.numpy() for weight in weights]


def theirs(one: Case, option: str) -> list[Any]:
    """Run Keras' own rule in one compiled loop."""
    optimizer = made(keras, one, option)
    weights = [keras.Variable(start(name), name=name) for name in NAMES]
    if option == "excluded":
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    optimizer.build(weights)

    def step(state: Any, grads: Any) -> Any:
        return optimizer.stateless_apply(state[1], grads, state[0]), None

    first = ([w.value for w in weights], [v.value for v in optimizer.variables])
    given = [jax.numpy.asarray(one) for one in gradients()]
    (values, state), _ = jax.jit(lambda a, b: jax.lax.scan(step, a, b))(first, given)
    for variable, value in zip(
        [*weights, *optimizer.variables], [*values, *state], strict=True
    ):  # fmt: skip
        variable.assign(value)
    optimizer.finalize_variable_values(weights)
    return [np.asarray(weight.value) for weight in weights]


@pytest.mark.parametrize(
    ("one", "option"), optimizers.CASES, ids=[f"{a}-{b}" for a, b in optimizers.CASES]
)
def test_a_hundred_steps(one: Case, option: str) -> None:
    for name, a, b in zip(NAMES, ours(one, option), theirs(one, option), strict=True):
        scale = float(np.abs(b).max())
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * scale, err_msg=f"{one} {name}")
    if option != "scheduled":
        mine, other = made(graftwork, one, option), made(keras, one, option)
        compare.same_configuration(mine, other, ("learning_rate",))  # Keras' is rounded to float32
        rates = [made.get_config()["learning_rate"] for made in (mine, other)]
        assert rates[0] == pytest.approx(rates[1], rel=1e-6)


def mapped(package: Any) -> Any:
    module = package.optimizers
    told = {"bias": module.Adam(0.01), "fil.*": module.Lion(0.01)}
    return module.MultiOptimizer(module.OptimizerMap(module.SGD(0.05), told))


def test_a_map_of_optimizers() -> None:
    weights = [Weight(graftgrad.tensor(start(name)), name) for name in NAMES]
    for name, weight in zip(NAMES, weights, strict=True):
        weight.path = name
    others = [keras.Variable(start(name), name=name) for name in NAMES]
    mine, other, every = mapped(graftwork), mapped(keras), gradients()
    for step in range(5):
        mine.apply([graftgrad.tensor(values[step]) for values in every], weights)
        other.apply([jax.numpy.asarray(values[step]) for values in every], others)
    for a, b in zip(weights, others, strict=True):
        compare.close(a, b.value, 1e-5, a.name)


def test_a_loss_scale_that_moves() -> None:
    """Gradients that are not finite are left out and halve the scale, as in Keras."""

    def run(package: Any, given: Any, weights: list[Any]) -> tuple[list[Any], float]:
        inner = package.optimizers.SGD(0.1, momentum=0.9)
        settings = {"initial_scale": 16.0, "dynamic_growth_steps": 3}
        optimizer = package.optimizers.LossScaleOptimizer(inner, **settings)
        scale = 16.0
        for step in range(10):
            scale = float(optimizer.scale_loss(given(np.float32(1.0))))
            factor = np.float32(np.inf) if step == 4 else np.float32(scale)
            optimizer.apply([given(values[step] * factor) for values in gradients()], weights)
        return weights, scale

    mine, scale = run(
        graftwork, graftgrad.tensor, [Weight(graftgrad.tensor(start(name)), name) for name in NAMES]
    )
    with jax.disable_jit():  # its branches assign variables
        others, wanted = run(
            keras, jax.numpy.asarray, [keras.Variable(start(name), name=name) for name in NAMES]
        )
    assert scale == wanted
    for a, b in zip(mine, others, strict=True):
        compare.close(a, b.value, 1e-5, a.name)


FITTED = [
    ("SGD", "clipnorm"), ("Adam", "overwritten"), ("RMSprop", "clipvalue"), ("AdamW", "scheduled"),
    ("Nadam", "accumulated"), ("Lion", "global_clipnorm"), ("Adagrad", "decay"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "option"), FITTED)
def test_fit_reaches_the_same_weights(rule: str, option: str) -> None:
    """Ours is captured in its first steps and replayed in the others."""
    draw = np.random.default_rng(2)
    x = draw.standard_normal((24, 5)).astype("float32")
    y = draw.standard_normal((24, 2)).astype("float32")
    first = [
        draw.standard_normal(shape).astype("float32") * 0.5
        for shape in ((5, 4), (4,), (4, 2), (2,))
    ]
    one = compare.case(rule, **optimizers.RULES[rule][-1])
    found, told = [], []
    for package in (graftwork, keras):
        layers = [package.layers.Dense(4, activation="tanh"), package.layers.Dense(2)]
        model = package.Sequential([package.Input((5,)), *layers])
        model.set_weights(first)
        model.compile(made(package, one, option), "mse")
        history = model.fit(x, y, batch_size=4, epochs=4, shuffle=False, verbose=0).history
        found.append(model.get_weights())
        told.append(history["loss"])
        if package is graftwork:
            assert model.recorded.steps["train_step"].replayed > 0
    compare.close(told[0], told[1], 1e-4, "losses")
    compare.close(found[0], found[1], 1e-4, "weights")


@pytest.mark.parametrize("one", optimizers.BAD, ids=str)
def test_what_is_refused(one: Case) -> None:
    compare.made_refuses("optimizers", one)


@pytest.mark.parametrize("one", optimizers.SCHEDULES, ids=str)
def test_schedules(one: Case) -> None:
    ours, theirs = (
        getattr(p.optimizers.schedules, one.name)(**one.settings) for p in (graftwork, keras)
    )
    steps = [0, 1, 2, 5, 14, 15, 19, 20, 21, 29, 30, 39, 40, 45, 59, 60, 61, 90, 100]
    found = np.array([float(ours(step)) for step in steps])
    wanted = np.array([float(theirs(step)) for step in steps])
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-7)
    compare.same_configuration(ours, theirs)


@pytest.mark.parametrize("one", optimizers.BAD_SCHEDULES, ids=str)
def test_schedules_refuse_what_keras_refuses(one: Case) -> None:
    compare.made_refuses("optimizers.schedules", one)
