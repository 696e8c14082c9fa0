"""Distillation beside Keras': losses, configurations, a training, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graftwork

from . import compare
from .keras_jax import keras

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]
DRAW = np.random.default_rng(0)
T, S = (DRAW.standard_normal((6, 4)).astype("float32") for _ in range(2))
X = DRAW.standard_normal((16, 5)).astype("float32")
Y = DRAW.integers(0, 3, 16)
LOSSES: list[tuple[str, dict[str, Any]]] = [
    ("LogitsDistillation", {"temperature": 2.0, "loss": "mse"}),
    ("LogitsDistillation", {"temperature": 4, "loss": compare.make("losses.KLDivergence")}),
    # Keras' default is a function of logits as they are: its own words mean the loss
    ("LogitsDistillation", {"loss": compare.make("losses.KLDivergence")}),
    ("LogitsDistillation", {"loss": compare.make("losses.CategoricalCrossentropy",
                                                 from_logits=True)}),
    ("FeatureDistillation", {}),
    ("FeatureDistillation", {"loss": "cosine_similarity"}),
    ("FeatureDistillation", {"loss": "mae", "teacher_layer_name": "a", "student_layer_name": "b"}),
]  # fmt: skip


def pair(name: str, settings: dict[str, Any]) -> tuple[Any, Any]:
    """Make a loss of ours, and Keras' own."""
    return (
        getattr(graftwork.distillation, name)(**compare.settings_for(graftwork, settings)),
        getattr(keras.distillation, name)(**compare.settings_for(keras, settings)),
    )


@pytest.mark.parametrize(("name", "settings"), LOSSES, ids=str)
def test_losses(name: str, settings: dict[str, Any]) -> None:
    ours, theirs = pair(name, settings)
    wanted = theirs.compute_loss(compare.jaxed(T), compare.jaxed(S))
    compare.close(ours.compute_loss(compare.tensors(T), compare.tensors(S)), wanted, 3e-5, name)


@pytest.mark.parametrize(("name", "settings"), LOSSES, ids=str)
def test_configurations(name: str, settings: dict[str, Any]) -> None:
    ours, theirs = pair(name, settings)
    told, wanted = ours.get_config(), theirs.get_config()
    assert sorted(told) == sorted(wanted)
    assert {k: v for k, v in told.items() if k != "loss"} == {
        k: v for k, v in wanted.items() if k != "loss"
    }
    again = type(ours).from_config(told)
    assert again.get_config() == told
    a, b = (one.compute_loss(compare.tensors(T), compare.tensors(S)) for one in (ours, again))
    np.testing.assert_array_equal(a.numpy(), b.numpy())


def distiller(package: Any, weights: Any = None) -> Any:
    """Make a distiller, with given weights."""

    def network(name: str, width: int) -> Any:
        made = package.Sequential([
            package.Input((5,)),
            package.layers.Dense(width, activation="tanh", name=f"{name}_a"),
            package.layers.Dense(4, name=f"{name}_b"),
            package.layers.Dense(3, name=f"{name}_c"),
        ])  # fmt: skip
        if weights is not None:
            made.set_weights(weights[name])
        return made

    kinds = package.distillation
    return kinds.Distiller(
        network("teacher", 9), network("student", 5),
        [kinds.LogitsDistillation(2.0, package.losses.KLDivergence()),
         kinds.FeatureDistillation("mse", "teacher_b", "student_b")],
        [1.0, 0.5], 0.4,
    )  # fmt: skip


def test_a_training_goes_the_same_way() -> None:
    theirs = distiller(keras)
    held = {"teacher": theirs.teacher.get_weights(), "student": theirs.student.get_weights()}
    ours = distiller(graftwork, held)
    histories = []
    for package, model in ((graftwork, ours), (keras, theirs)):
        loss = package.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(package.optimizers.SGD(0.1), loss)
        fit = model.fit(X, Y, batch_size=4, epochs=3, shuffle=False, verbose=0)
        histories.append(fit.history)
    for name in ("student_loss", "distillation_loss", "total_loss"):
        np.testing.assert_allclose(histories[0][name], histories[1][name], rtol=1e-4)
    for a, b in zip(ours.student.get_weights(), theirs.student.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_what_is_refused() -> None:
    for make in (
        lambda package: package.distillation.LogitsDistillation(temperature=-1.0),
        lambda package: package.distillation.LogitsDistillation(loss=None),
        lambda package: package.distillation.FeatureDistillation(loss=[None, None]),
        lambda package: package.distillation.FeatureDistillation(loss="unheard"),
        lambda package: distiller(package).compile("sgd"),
    ):
        compare.both_refuse(
            lambda make=make: make(graftwork), lambda make=make: make(keras), "distillation"
        )
