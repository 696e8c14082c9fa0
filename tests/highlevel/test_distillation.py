"""A student beside its teacher: losses, training, replay, files, refusals."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad.errors import ConfigError, ShapeError
from graftwork import layers
from graftwork.distillation import (
    DistillationLoss,
    Distiller,
    FeatureDistillation,
    LogitsDistillation,
)
from support.recorded import same_training

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 5)).astype("float32")
Y = (X[:, 0] > 0).astype("int64") + (X[:, 1] > 0)
CROSS = gw.losses.SparseCategoricalCrossentropy(from_logits=True)


def network(name: str, width: int, seed: int = 1) -> Any:
    gw.set_random_seed(seed)
    return gw.Sequential(
        [
            gw.Input((5,)),
            layers.Dense(width, activation="tanh", name=f"{name}_wide"),
            layers.Dense(4, activation="tanh", name=f"{name}_thin"),
            layers.Dense(3, name=f"{name}_out"),
        ],
        name=name,
    )


def distiller(**settings: Any) -> Distiller:
    settings.setdefault("distillation_losses", LogitsDistillation(2.0))
    return Distiller(network("teacher", 16), network("student", 6, 2), **settings)


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_the_formulas() -> None:
    t, s = (RNG.normal(size=(6, 3)).astype("float32") for _ in range(2))
    p, q = softmax(t / 2), softmax(s / 2)
    found = LogitsDistillation(2.0).compute_loss(graftgrad.tensor(t), graftgrad.tensor(s))
    np.testing.assert_allclose(found.item(), 4 * np.mean(np.sum(p * np.log(p / q), -1)), rtol=1e-4)
    found = FeatureDistillation("mae").compute_loss(graftgrad.tensor(t), graftgrad.tensor(s))
    np.testing.assert_allclose(found.item(), np.mean(np.abs(t - s)), rtol=1e-5)
    several = FeatureDistillation(["mse", None])
    found = several.compute_loss([graftgrad.tensor(t)] * 2, [graftgrad.tensor(s)] * 2)
    np.testing.assert_allclose(found.item(), np.mean((t - s) ** 2), rtol=1e-5)


def test_the_student_learns_and_the_teacher_stays() -> None:
    model = distiller(
        distillation_losses=[
            LogitsDistillation(3.0),
            FeatureDistillation("mse", "teacher_thin", "student_thin"),
        ],
        distillation_loss_weights=[1.0, 0.5],
        student_loss_weight=0.3,
    )
    model.compile("adam", CROSS, metrics=["accuracy"])
    before = [w.copy() for w in model.teacher.get_weights()]
    history = model.fit(X, Y, batch_size=8, epochs=30, verbose=0).history
    for a, b in zip(before, model.teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for name in ("student_loss", "distillation_loss", "total_loss"):
        assert history[name][-1] < history[name][0]
    mixed = 0.3 * np.array(history["student_loss"]) + 0.7 * np.array(history["distillation_loss"])
    np.testing.assert_allclose(history["total_loss"], mixed, rtol=1e-5)
    np.testing.assert_allclose(history["loss"], mixed, rtol=1e-5)
    assert set(model.trainable_weights) == set(model.student.trainable_weights)
    np.testing.assert_array_equal(model.predict(X, verbose=0), model.student.predict(X, verbose=0))
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert {"loss", "accuracy", "student_loss", "distillation_loss"} <= set(found)


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_training_is_recorded_with_the_same_bits(weight: float) -> None:
    same_training(
        lambda: distiller(student_loss_weight=weight), X, Y, batch_size=8,
        compile_with={"loss": CROSS},
    )  # fmt: skip


def test_sample_weights_and_penalties_count() -> None:
    plain, weighted = distiller(student_loss_weight=1.0), distiller(student_loss_weight=1.0)
    for model in (plain, weighted):
        model.compile("sgd", CROSS)
    half = np.repeat([0.0, 1.0], 12).astype("float32")
    found = weighted.evaluate(X, Y, sample_weight=half, batch_size=24, verbose=0, return_dict=True)
    wanted = plain.evaluate(X[12:], Y[12:], batch_size=12, verbose=0, return_dict=True)
    np.testing.assert_allclose(found["loss"], wanted["loss"] / 2, rtol=1e-5)


def test_it_is_written_and_read(tmp_path: Path) -> None:
    model = distiller(
        distillation_losses=[LogitsDistillation(2.5), FeatureDistillation("mae", "teacher_thin",
                                                                          "student_thin")],
        distillation_loss_weights=[0.4, 0.6], student_loss_weight=0.25,
    )  # fmt: skip
    model.compile("adam", CROSS)
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.keras")
    again = gw.load_model(tmp_path / "m.keras", compile=False)
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert again.get_config() == model.get_config()
    assert again.teacher.is_frozen()
    assert again.distillation_losses[0].temperature == 2.5


class Norm(DistillationLoss):
    """A loss of a user's own."""

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        return ((teacher_outputs - student_outputs) ** 2).sum()


class PerSample(DistillationLoss):
    """One that forgets to take the mean."""

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        return teacher_outputs - student_outputs


def test_losses_of_ones_own() -> None:
    model = distiller(distillation_losses=Norm(), student_loss_weight=0)
    model.compile("sgd", CROSS)
    t, s = (m.predict(X, verbose=0) for m in (model.teacher, model.student))
    found = model.evaluate(X, Y, batch_size=24, verbose=0, return_dict=True)
    np.testing.assert_allclose(found["loss"], np.sum((t - s) ** 2), rtol=1e-5)


def test_losses_of_ones_own_are_made_again_from_custom_objects() -> None:
    class Unheard(DistillationLoss):
        pass

    config = distiller(distillation_losses=Unheard()).get_config()
    again = Distiller.from_config(config, {"Unheard": Unheard})
    assert type(again.distillation_losses[0]) is Unheard
    with pytest.raises(ConfigError, match="must be a known name; got 'Unheard'"):
        Distiller.from_config(config)


def unfit(loss: Any) -> None:
    model = distiller(distillation_losses=loss)
    model.compile("sgd", CROSS)
    model.fit(X, Y, verbose=0)


def narrow() -> Any:
    return gw.Sequential([gw.Input((5,)), layers.Dense(2)])


REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda: LogitsDistillation(0.0), ConfigError, "temperature must be a positive number; got"),
    (lambda: LogitsDistillation(loss=None), ConfigError, "loss must hold one that is not None"),
    (lambda: FeatureDistillation(loss=[None]), ConfigError, "loss must hold one that is not None"),
    (lambda: FeatureDistillation(loss="unheard"), ConfigError, "must be a known name; got"),
    (lambda: distiller(student_loss_weight=1.5), ConfigError,
     "student_loss_weight must lie between 0 and 1; got"),
    (lambda: distiller(distillation_losses=None), ConfigError,
     "distillation_losses must be distillation losses; got"),
    (lambda: distiller(distillation_losses=[Norm()], distillation_loss_weights=[1.0, 2.0]),
     ConfigError, "there must be one weight for each loss; got"),
    (lambda: distiller(distillation_losses=FeatureDistillation("mse", "nowhere", "student_thin")),
     ConfigError, "must have the layer that is asked for; got name='nowhere'"),
    (lambda: Distiller("teacher", narrow(), Norm()), ConfigError, "teacher must be a model; got"),
    (lambda: Distiller(network("a", 3), narrow(), Norm()), ShapeError,
     "teacher and student must have the same outputs; got"),
    (lambda: distiller().compile("adam"), ConfigError, "loss must be given to compile; got"),
    (lambda: distiller().compile("adam", CROSS, metrics="acc"), ConfigError,
     "metrics must be a list; got"),
    (lambda: unfit(PerSample()), ShapeError, "compute_loss must return a number without axes; got"),
    (lambda: unfit(LogitsDistillation(loss=["mse", "mse"])), ConfigError,
     "there must be one loss for each output; got"),
]  # fmt: skip


@pytest.mark.parametrize(("do", "kind", "text"), REFUSED, ids=[t[:40] for _, _, t in REFUSED])
def test_what_is_refused(do: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=re.escape(text)):
        do()


def test_one_named_layer_meets_the_last_output_of_the_other() -> None:
    teacher, student = network("t", 8, 1), network("s", 3, 2)
    loss = FeatureDistillation(loss="mse", student_layer_name="s_wide")
    both = Distiller(teacher, student, loss, student_loss_weight=0.0)
    both.compile("sgd", loss=CROSS)
    wide = gw.Model(student.inputs, student.get_layer("s_wide").output)
    wanted = np.mean((teacher.predict(X, verbose=0) - wide.predict(X, verbose=0)) ** 2)
    found = float(both.compute_loss(X, Y, training=False))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
