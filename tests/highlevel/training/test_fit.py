"""fit, evaluate, predict and their kin: what they compute, return and promise."""

import gc
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad import Tensor
from graftgrad.errors import ConfigError, DataError, GradientError, ShapeError
from graftwork import layers

DRAWN = np.random.default_rng(5)
X = DRAWN.normal(size=(50, 4)).astype("float32")
Y = (X @ DRAWN.normal(size=4) > 0).astype("int64")
HALVES = DRAWN.normal(size=(50, 2)).astype("float32")


def classifier(optimizer: Any = "adam", metrics: Any = ("accuracy",), dropout: float = 0.0) -> Any:
    gw.set_random_seed(3)
    model = gw.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(6, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(dropout),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=list(metrics))
    return model


def regressor(loss: Any = "mse", **settings: Any) -> Any:
    gw.set_random_seed(4)
    model = gw.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile(gw.optimizers.SGD(0.01), loss, **settings)
    return model


def two_headed(**settings: Any) -> Any:
    gw.set_random_seed(6)
    inputs = [layers.Input((4,), name="left"), layers.Input((2,), name="right")]
    joined = layers.Concatenate()(inputs)
    outputs = [
        layers.Dense(1, activation="sigmoid", name="yes")(joined),
        layers.Dense(2, name="place")(joined),
    ]
    model = gw.Model(inputs, outputs)
    model.compile(optimizer="sgd", **settings)
    return model


def weights(model: Any) -> list[Any]:
    return [np.array(one) for one in model.get_weights()]


def same(first: list[Any], second: list[Any]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


# -- what a training is --------------------------------------------------------------------------


def test_training_lowers_the_loss_and_tells_its_history() -> None:
    model = classifier(gw.optimizers.Adam(0.03))
    history = model.fit(X, Y, epochs=15, batch_size=10, validation_split=0.2, verbose=0)
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert history.epoch == list(range(15))
    assert all(len(values) == 15 for values in history.history.values())
    assert history.history["loss"][-1] < 0.8 * history.history["loss"][0]
    assert history.history["accuracy"][-1] > 0.8


def test_the_same_seed_gives_the_same_history_bit_for_bit() -> None:
    runs = [classifier(dropout=0.3).fit(X, Y, epochs=3, batch_size=8, verbose=0) for _ in range(2)]
    assert runs[0].history == runs[1].history
    gw.set_random_seed(3)
    other = classifier(dropout=0.3)
    gw.set_random_seed(99)
    assert other.fit(X, Y, epochs=3, batch_size=8, verbose=0).history != runs[0].history


@pytest.mark.parametrize("data", ["arrays", "dataset"])
def test_every_epoch_visits_all_samples_in_an_order_of_its_own(data: str) -> None:
    class Seen(gw.Sequential):
        def train_step(self, data: Any) -> Any:
            visited.append(data[0].numpy()[:, 0].tolist())
            return super().train_step(data)

    visited: list[list[float]] = []
    model = Seen([layers.Input((4,)), layers.Dense(1)])
    model.compile(gw.optimizers.SGD(0.0), "mse")
    source = gw.data.Dataset.from_arrays(X, HALVES[:, :1], batch_size=50, shuffle=True, seed=1)
    given = {"x": source} if data == "dataset" else {"x": X, "y": HALVES[:, :1], "batch_size": 50}
    for _ in range(2):
        model.fit(**given, epochs=2, verbose=0)
    model.trainable = False
    model.fit(**given, epochs=2, verbose=0)
    assert len({tuple(order) for order in visited}) == 6
    assert len({tuple(sorted(order)) for order in visited}) == 1


@pytest.mark.parametrize("steps", [None, 4])
@pytest.mark.parametrize("data", ["arrays", "dataset"])
def test_two_trainings_of_two_epochs_equal_one_of_four(data: str, steps: int | None) -> None:
    def trained(*epochs: tuple[int, int]) -> tuple[list[Any], list[float]]:
        model = classifier(dropout=0.3)
        source = gw.data.Dataset.from_arrays(X, Y, batch_size=8, shuffle=True, seed=1)
        losses = []
        for first, last in epochs:
            given = {"x": source} if data == "dataset" else {"x": X, "y": Y, "batch_size": 8}
            history = model.fit(
                **given, epochs=last, initial_epoch=first, steps_per_epoch=steps, verbose=0
            )
            losses += history.history["loss"]
        return weights(model), losses

    once, twice, numbered = trained((0, 4)), trained((0, 2), (0, 2)), trained((0, 2), (2, 4))
    assert once[1] == twice[1] == numbered[1]
    assert same(once[0], twice[0])
    assert same(once[0], numbered[0])


def test_the_mean_loss_is_weighted_by_batch_size() -> None:
    model = regressor()
    model.optimizer.learning_rate = 0.0
    y = np.concatenate([np.zeros(48), np.full(2, 100.0)]).astype("float32")[:, None]
    told = model.fit(X, y, batch_size=48, shuffle=False, verbose=0).history["loss"][0]
    whole = np.square(model.predict(X, verbose=0) - y).mean()
    np.testing.assert_allclose(told, whole, rtol=1e-5)
    np.testing.assert_allclose(model.evaluate(X, y, batch_size=48, verbose=0), whole, rtol=1e-5)


def test_one_step_is_a_step_of_gradient_descent() -> None:
    model = regressor()
    kernel, bias = weights(model)
    y = HALVES[:, :1]
    model.fit(X, y, batch_size=50, epochs=1, shuffle=False, verbose=0)
    error = 2 * (X @ kernel + bias - y) / 50
    np.testing.assert_allclose(weights(model)[0], kernel - 0.01 * X.T @ error, rtol=1e-4, atol=1e-6)


def test_sample_weights_scale_the_loss_and_weighted_metrics_alone() -> None:
    model = regressor(metrics=["mae"], weighted_metrics=["mse"])
    weight = np.zeros(50, "float32")
    weight[:25] = 2
    found = model.evaluate(X, HALVES[:, :1], 50, sample_weight=weight, verbose=0, return_dict=True)
    error = model.predict(X, verbose=0) - HALVES[:, :1]
    np.testing.assert_allclose(found["loss"], np.square(error[:25]).mean(), rtol=1e-5)
    np.testing.assert_allclose(found["mse"], np.square(error[:25]).mean(), rtol=1e-5)
    np.testing.assert_allclose(found["mae"], abs(error).mean(), rtol=1e-5)


def test_weights_of_classes_equal_weights_of_samples() -> None:
    by_class = classifier()
    by_class.fit(X, Y, class_weight={0: 1.0, 1: 4.0}, epochs=2, verbose=0)
    by_sample = classifier()
    by_sample.fit(X, Y, sample_weight=np.where(Y == 1, 4.0, 1.0), epochs=2, verbose=0)
    assert same(weights(by_class), weights(by_sample))


def test_targets_without_a_column_fit_one_output_column_and_weights() -> None:
    weight = np.linspace(0, 2, 50).astype("float32")
    found = []
    for y in (HALVES[:, 0], HALVES[:, :1]):
        model = regressor(metrics=["mse"], weighted_metrics=["mse"])
        told = model.fit(X, y, sample_weight=weight, shuffle=False, verbose=0).history
        assert list(told) == ["loss", "mse", "weighted_mse"]
        found.append([value for (value,) in told.values()])
    assert found[0] == found[1]
    error = np.square(model.predict(X, verbose=0) - HALVES[:, :1])[:, 0]
    told = model.evaluate(X, HALVES[:, 0], 50, sample_weight=weight, verbose=0, return_dict=True)
    np.testing.assert_allclose(told["loss"], (error * weight).mean(), rtol=1e-5)
    np.testing.assert_allclose(told["weighted_mse"], np.average(error, weights=weight), rtol=1e-5)


def test_training_records_whatever_stands_around_it() -> None:
    inside, outside = classifier(), classifier()
    with graftgrad.no_grad():
        inside.fit(X, Y, shuffle=False, verbose=0)
    outside.fit(X, Y, shuffle=False, verbose=0)
    assert same(weights(inside), weights(outside))


def test_validation_data_come_in_every_form() -> None:
    dataset = gw.data.Dataset.from_arrays(X, Y, batch_size=7)
    forms: list[Any] = [(X, Y), [X, Y], (X, Y, np.ones(50)), dataset]
    for form in forms:
        model = classifier()
        found = model.fit(X, Y, validation_data=form, epochs=1, verbose=0).history
        told = model.evaluate(X, Y, verbose=0)
        np.testing.assert_allclose(
            [found["val_loss"][0], found["val_accuracy"][0]], told, rtol=1e-5
        )


def test_validation_happens_when_it_is_due() -> None:
    for frequency, wanted in ((2, 2), ([1, 4], 2), (5, 0)):
        model = classifier()
        history = model.fit(
            X, Y, epochs=4, validation_data=(X, Y), validation_freq=frequency, verbose=0
        )
        assert len(history.history.get("val_loss", [])) == wanted
    part = model.fit(
        X, Y, validation_data=(X, Y), validation_steps=1, validation_batch_size=5, verbose=0
    )
    told = model.evaluate(X[:5], Y[:5], verbose=0)
    np.testing.assert_allclose(part.history["val_loss"][0], told[0], rtol=1e-6)


def test_steps_and_first_epoch_are_kept() -> None:
    model = classifier()
    seen: list[tuple[int, int]] = []

    class Count(gw.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.epoch = epoch

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append((self.epoch, batch))

    model.fit(X, Y, epochs=4, initial_epoch=2, steps_per_epoch=3, callbacks=Count(), verbose=0)
    assert seen == [(2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2)]
    assert int(model.optimizer.iterations) == 6


def test_endless_generators_train_for_so_many_steps() -> None:
    def endless() -> Iterator[Any]:
        while True:
            yield X[:10], Y[:10]

    history = classifier().fit(endless(), steps_per_epoch=5, epochs=3, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_all_frozen_trains_nothing_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    model = classifier()
    model.trainable = False
    before = weights(model)
    model.fit(X, Y, verbose=2)
    assert same(before, weights(model))
    assert "Nothing will change" in capsys.readouterr().out


def test_penalties_are_part_of_the_loss() -> None:
    class Pull(layers.Layer):
        def call(self, x: Any) -> Any:
            self.add_loss(2.5)
            return x

    gw.set_random_seed(1)
    model = gw.Sequential(
        [layers.Input((4,)), Pull(), layers.Dense(1, kernel_regularizer=gw.regularizers.L2(0.5))]
    )
    model.compile("sgd", "mse")
    plain = np.square(model.predict(X, verbose=0) - HALVES[:, :1]).mean()
    penalty = 2.5 + 0.5 * np.square(weights(model)[0]).sum()
    np.testing.assert_allclose(
        model.evaluate(X, HALVES[:, :1], verbose=0), plain + penalty, rtol=1e-5
    )
    first = model.train_on_batch(X, HALVES[:, :1])
    np.testing.assert_allclose(first, plain + penalty, rtol=1e-5)


# -- evaluate, predict, single batches -----------------------------------------------------------


def test_evaluate_returns_numbers_a_list_or_a_dictionary() -> None:
    model = classifier(metrics=("accuracy", "sparse_categorical_crossentropy"))
    listed = model.evaluate(X, Y, verbose=0)
    named = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert list(named) == ["loss", "accuracy", "sparse_categorical_crossentropy"]
    assert list(named.values()) == listed
    np.testing.assert_allclose(named["loss"], named["sparse_categorical_crossentropy"], rtol=1e-6)
    assert isinstance(regressor().evaluate(X, HALVES[:, :1], verbose=0), float)


def test_predictions_do_not_depend_on_the_batches_and_share_no_memory() -> None:
    model = classifier(dropout=0.5)
    whole = model.predict(X, batch_size=50, verbose=0)
    np.testing.assert_allclose(
        model.predict(X, batch_size=7, verbose=0), whole, rtol=1e-5, atol=1e-7
    )
    np.testing.assert_array_equal(model.predict_on_batch(X), whole)
    whole[:] = 0
    assert model.predict(X, batch_size=50, verbose=0).any()
    assert model.predict(gw.data.Dataset.from_arrays(X, Y), verbose=0, steps=1).shape == (32, 2)


def test_predictions_keep_the_structure_of_the_outputs() -> None:
    entrance = layers.Input((4,))
    outputs = {"a": layers.Dense(1)(entrance), "b": [layers.Dense(2)(entrance)]}
    found = gw.Model(entrance, outputs).predict(X, batch_size=20, verbose=0)
    assert (found["a"].shape, found["b"][0].shape) == ((50, 1), (50, 2))


def test_single_batches_train_and_their_means_go_on() -> None:
    model, other = classifier(), classifier()
    first = model.train_on_batch(X, Y, return_dict=True)
    assert list(first) == ["loss", "accuracy"]
    other.fit(X, Y, batch_size=50, shuffle=False, verbose=0)
    assert same(weights(model), weights(other))
    second = model.train_on_batch(X, Y)
    np.testing.assert_allclose(second[0], model.mean_loss.result().item())
    model.reset_metrics()
    np.testing.assert_allclose(
        model.test_on_batch(X, Y), model.evaluate(X, Y, batch_size=50, verbose=0)
    )
    weighted = classifier().train_on_batch(X, Y, class_weight={1: 3.0})
    assert weighted[0] != first["loss"]


# -- several inputs and outputs ------------------------------------------------------------------

TARGETS = (Y[:, None].astype("float32"), HALVES)


def test_several_outputs_have_losses_metrics_and_weights_of_their_own() -> None:
    model = two_headed(
        loss={"yes": "binary_crossentropy", "place": "mse"},
        loss_weights={"yes": 2.0, "place": 0.5},
        metrics={"yes": ["accuracy"], "place": ["mae", "mse"]},
    )
    inputs = {"left": X, "right": HALVES}
    told = model.evaluate(
        inputs, {"yes": TARGETS[0], "place": TARGETS[1]}, verbose=0, return_dict=True
    )
    assert list(told) == [
        "loss",
        "yes_loss",
        "place_loss",
        "yes_accuracy",
        "place_mae",
        "place_mse",
    ]
    np.testing.assert_allclose(
        told["loss"], 2 * told["yes_loss"] + 0.5 * told["place_loss"], rtol=1e-5
    )
    np.testing.assert_allclose(told["place_mse"], told["place_loss"], rtol=1e-5)
    history = model.fit([X, HALVES], list(TARGETS), epochs=3, validation_split=0.2, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert list(history.history) == [*told, *(f"val_{name}" for name in told)]


def test_lists_match_outputs_by_place_and_one_name_serves_them_all() -> None:
    by_place = two_headed(loss=["binary_crossentropy", "mse"], metrics=[["accuracy"], ["mae"]])
    told = by_place.evaluate([X, HALVES], TARGETS, verbose=0, return_dict=True)
    assert list(told) == ["loss", "yes_loss", "place_loss", "yes_accuracy", "place_mae"]
    one = two_headed(loss="mse", metrics="mae").evaluate(
        [X, HALVES], TARGETS, verbose=0, return_dict=True
    )
    assert list(one) == ["loss", "yes_loss", "place_loss", "yes_mae", "place_mae"]


def test_an_output_without_a_loss_needs_no_target() -> None:
    model = two_headed(loss={"place": "mse"}, metrics={"place": "mae"})
    model.fit([X, HALVES], {"place": HALVES}, verbose=0)
    told = model.evaluate([X, HALVES], {"place": HALVES}, verbose=0, return_dict=True)
    assert list(told) == ["loss", "place_mae"]


def test_targets_may_be_as_many_as_there_are_losses() -> None:
    model = two_headed(loss=[None, "mse"], metrics=[None, "mae"])
    for given in (HALVES, [HALVES]):
        model.fit([X, HALVES], given, verbose=0)
        told = model.evaluate([X, HALVES], given, verbose=0, return_dict=True)
        assert list(told) == ["loss", "place_mae"]


def test_sample_weights_may_belong_to_one_output() -> None:
    model = two_headed(loss="mse")
    none = {"yes": np.zeros(50, "float32")}
    told = model.evaluate(
        [X, HALVES], dict(zip(("yes", "place"), TARGETS, strict=True)), sample_weight=none,
        verbose=0, return_dict=True,
    )  # fmt: skip
    assert told["yes_loss"] == 0 < told["place_loss"]
    model.fit([X, HALVES], TARGETS, class_weight={"yes": {1: 2.0}}, verbose=0)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"loss": {"yes": "mse", "plaice": "mse"}},
            r"loss: names must be those of the outputs.*plaice",
        ),
        ({"loss": "mse", "metrics": {"what": ["mae"]}}, "metrics: names.*what"),
        ({"loss": "mse", "loss_weights": {"what": 1.0}}, "loss_weights: names.*what"),
    ],
)
def test_names_of_no_output_are_refused_by_compile(settings: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        two_headed(**settings)


def test_targets_that_do_not_match_the_outputs_are_named() -> None:
    model = two_headed(loss="mse")
    with pytest.raises(ConfigError, match=r"targets: .*\['yes', 'place'\].*given=3"):
        model.fit([X, HALVES], [*TARGETS, HALVES], verbose=0)
    with pytest.raises(ConfigError, match=r"targets: names.*\['plaice'\]"):
        model.fit([X, HALVES], {"yes": TARGETS[0], "plaice": HALVES}, verbose=0)


# -- names of metrics ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (["accuracy"], ["accuracy"]),
        (["acc", "ce"], ["acc", "ce"]),
        (["sparse_categorical_accuracy"], ["sparse_categorical_accuracy"]),
        ([gw.metrics.SparseTopKCategoricalAccuracy(k=1, name="top")], ["top"]),
        (["acc", "accuracy", "acc"], ["acc", "accuracy", "acc_1"]),
        ([gw.metrics.SparseCategoricalAccuracy], ["sparse_categorical_accuracy"]),
        ([gw.metrics.sparse_categorical_accuracy], ["sparse_categorical_accuracy"]),
    ],
)
def test_metrics_are_told_by_the_names_they_were_asked_for(asked: Any, names: list[str]) -> None:
    model = classifier(metrics=asked)
    model.fit(X, Y, verbose=0)
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert list(found) == ["loss", *names]
    right = (model.predict(X, verbose=0).argmax(-1) == Y).mean()
    np.testing.assert_allclose(found[names[0]], right, rtol=1e-6)


@pytest.mark.parametrize(
    ("activation", "units", "loss", "y"),
    [
        ("sigmoid", 1, "binary_crossentropy", Y),
        ("softmax", 2, "sparse_categorical_crossentropy", Y[:, None]),
        ("softmax", 2, "categorical_crossentropy", np.eye(2, dtype="float32")[Y]),
    ],
)
def test_accuracy_means_what_fits_the_shapes(
    activation: str, units: int, loss: str, y: Any
) -> None:
    model = gw.Sequential([layers.Input((4,)), layers.Dense(units, activation=activation)])
    model.compile("sgd", loss, metrics=["accuracy"])
    p = model.predict(X, verbose=0)
    guess = p.argmax(-1) if units == 2 else (p[:, 0] > 0.5)
    np.testing.assert_allclose(model.evaluate(X, y, verbose=0)[1], (guess == Y).mean(), rtol=1e-6)


def test_a_metric_object_is_not_renamed() -> None:
    metric = gw.metrics.MeanAbsoluteError(name="far")
    for _ in range(2):
        model = two_headed(loss="mse", metrics={"place": [metric]})
        found = model.evaluate([X, HALVES], TARGETS, verbose=0, return_dict=True)
        assert (metric.name, list(found)[-1]) == ("far", "place_far")


# -- promises ------------------------------------------------------------------------------------


def test_metrics_are_read_once_per_epoch_while_nobody_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = classifier()
    reads: list[str] = []
    whole = gw.metrics.Mean.result

    def result(self: Any) -> Tensor:
        reads.append(self.name)
        return whole(self)

    monkeypatch.setattr(gw.metrics.Mean, "result", result)
    model.fit(X, Y, batch_size=5, epochs=2, verbose=0)
    assert len(reads) == 2 * 2
    reads.clear()
    model.evaluate(X, Y, batch_size=5, verbose=0)
    assert len(reads) == 2


@pytest.mark.parametrize("several", [False, True])
def test_memory_does_not_grow_over_many_trainings(several: bool) -> None:
    model = two_headed(loss="mse", metrics="mae") if several else classifier()
    x, y = ([X, HALVES], TARGETS) if several else (X, Y)

    def rounds(count: int) -> None:
        for _ in range(count):
            model.fit(x, y, batch_size=50, validation_split=0.2, verbose=0)
            model.predict(x, batch_size=50, verbose=0)

    rounds(5)
    gc.collect()
    gc.disable()
    try:
        before = sys.getallocatedblocks()
        rounds(20)
        in_circles = gc.collect()  # what only a collector frees stays where there is none
        grown = sys.getallocatedblocks() - before
    finally:
        gc.enable()
    assert in_circles == 0
    assert grown < 20 * 10


def test_an_interruption_ends_the_training_in_order() -> None:
    heard: list[str] = []

    class Interrupt(gw.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 1:
                raise KeyboardInterrupt

        def on_train_end(self, logs: Any = None) -> None:
            heard.append("on_train_end")

    model = classifier()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, callbacks=[Interrupt()], verbose=0)
    assert heard == ["on_train_end"]
    model.fit(X, Y, verbose=0)


# -- errors --------------------------------------------------------------------------------------


def test_a_model_must_be_compiled_first() -> None:
    model = gw.Sequential([layers.Dense(1)], name="fresh")
    for call in (model.fit, model.evaluate, model.train_on_batch, model.test_on_batch):
        with pytest.raises(ConfigError, match=r"compiled first; got model='fresh'.*model\.compile"):
            call(X, Y)
    assert model.predict(X, verbose=0).shape == (50, 1)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"loss": "sparse_categorical_crossentropi"},
            "loss: .*Did you mean sparse_categorical_crossentropy",
        ),
        ({"loss": "mse", "metrics": ["acuracy"]}, "metric: must be a known name; got 'acuracy'"),
        ({"optimizer": "adm", "loss": "mse"}, "optimizer: .*Did you mean adam"),
        ({"optimizer": 3, "loss": "mse"}, "optimizer=3"),
        ({"loss": 3}, "loss=3"),
        ({"loss": "mse", "metrics": [3]}, "metric=3"),
    ],
)
def test_unknown_names_are_answered_with_near_ones(settings: Any, told: str) -> None:
    model = gw.Sequential([layers.Dense(1)])
    with pytest.raises(ConfigError, match=told):
        model.compile(**settings)
    assert not model.compiled


@pytest.mark.parametrize(
    ("x", "y", "settings", "error", "told"),
    [
        (X, None, {}, DataError, "every output that has a loss must have a target.*y=None"),
        (X, Y[:9], {}, ShapeError, "x=50, y=9"),
        (X[:, :3], Y, {}, ShapeError, "4"),
        (X, Y + 1, {}, DataError, r"labels must lie in \[0, 2\)"),
        (X, Y.astype("float32") * np.nan, {}, DataError, "y must not hold NaN"),
        (X[:0], Y[:0], {}, DataError, "at least one sample"),
        (X, Y, {"epochs": -1}, ConfigError, "epochs=-1"),
        (X, Y, {"batch_size": 0}, ConfigError, "batch_size=0"),
        (X, Y, {"verbose": "loud"}, ConfigError, "verbose='loud'"),
        (X, Y, {"steps_per_epoch": 0}, ConfigError, "steps=0"),
        (X, Y, {"callbacks": [print]}, ConfigError, "every entry must be a Callback"),
        (X, Y, {"class_weight": [1, 2]}, ConfigError, "class_weight must be a dictionary"),
        (X, Y, {"class_weight": {0: 1.0, 1: np.nan}}, ConfigError, "finite .*; got class 1=nan"),
        (X, Y, {"class_weight": {0: "much"}}, ConfigError, "class 0='much'"),
        (X, Y, {"sample_weight": np.ones(9)}, ShapeError, "sample_weight=9"),
        (X, Y, {"sample_weight": Y * np.nan}, DataError, "sample_weight must not hold NaN"),
        ({}, Y, {}, ShapeError, r"there must be one input; got given=\[\]"),
        ({"a": X, "b": X}, Y, {}, ShapeError, r"one input; got given=\['a', 'b'\]"),
        (X, Y, {"validation_data": (X, Y[:3])}, ShapeError, "validation_data: .*y=3"),
        (X, Y, {"validation_data": (X, Y), "validation_freq": 0}, ConfigError, "validation_freq=0"),
        (X.astype(str), Y, {}, DataError, "x must hold numbers"),
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit_are_named(
    x: Any, y: Any, settings: Any, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        classifier().fit(x, y, **({"verbose": 0} | settings))


def test_a_loss_that_leaves_the_graph_is_refused() -> None:
    model = gw.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", lambda t, p: ((t - p.detach()) ** 2).mean(-1))
    with pytest.raises(GradientError, match="the loss must depend on the trained parameters"):
        model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
    model.compile("sgd", lambda t, p: np.square(t - np.asarray(p)))
    with pytest.raises(GradientError, match="must not leave the graph"):
        model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)


def test_an_optimizer_of_the_engine_is_refused_with_advice() -> None:
    model = gw.Sequential([layers.Input((3,)), layers.Dense(1)])
    with pytest.raises(ConfigError, match=r"one of graftwork\.optimizers.*loops of your own"):
        model.compile(graftgrad.optim.SGD(model.parameters(), lr=0.1), "mse")


@pytest.mark.parametrize("rows", [1, 3])
def test_an_interrupted_training_leaves_no_thread_behind(rows: int) -> None:
    def interrupt(batch: int, logs: Any) -> None:
        raise KeyboardInterrupt

    made = gw.Sequential([gw.Input((3,)), gw.layers.Dense(1)])
    made.compile("sgd", "mse")
    x = np.zeros((12, 3), "float32")
    data = gw.data.Dataset.from_arrays(x, x[:, :1], batch_size=rows).prefetch(2)
    stop = gw.callbacks.LambdaCallback(on_train_batch_end=interrupt)
    try:
        made.fit(data, verbose=0, callbacks=[stop])
    except KeyboardInterrupt as caught:  # its traceback still holds the frames of the loop
        assert caught.__traceback__ is not None
        assert [one for one in threading.enumerate() if "prefetch" in one.name] == []
    else:
        raise AssertionError("the interruption did not arrive")


def test_a_loss_that_is_lost_is_told_once() -> None:
    model = gw.Sequential([gw.Input((1,)), layers.Dense(1)])
    model.compile(gw.optimizers.SGD(1e20), "mse")
    told = (
        "^fit: the loss must stay a finite number; got loss=(inf|nan), epoch=1. Look for NaN and "
        "infinity in the data, or take a lower learning rate and begin anew"
    )
    with pytest.warns(RuntimeWarning, match=told) as warned:
        model.fit(np.ones((8, 1), "float32"), np.zeros((8, 1)), batch_size=1, epochs=3, verbose=0)
    assert len(warned) == 1


def test_whoever_stops_at_nan_is_not_told_again() -> None:
    model = gw.Sequential([gw.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(
        np.full((4, 1), np.nan, "float32"), np.zeros((4, 1)), epochs=2, verbose=0,
        callbacks=[gw.callbacks.TerminateOnNaN()],
    )  # fmt: skip
    assert len(history.epoch) == 1


def test_what_is_nearly_right_is_named_with_what_to_write() -> None:
    model = gw.Sequential([gw.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x = np.zeros((6, 4), "float32")

    def batches() -> Any:
        yield x, np.zeros(6)

    with pytest.raises(ConfigError, match=r"Call it: batches\(\), or pass Dataset"):
        model.fit(batches, verbose=0)
    with pytest.raises(ConfigError, match=r"make an object of it: EarlyStopping\(…\)"):
        model.fit(x, np.zeros(6), callbacks=[gw.callbacks.EarlyStopping])
    with pytest.raises(DataError, match="Labels count from 0, and the last layer needs"):
        model.fit(x, np.full(6, 3), verbose=0)
    with pytest.raises(DataError, match=r"label=0\.5, labels with a fraction='6 of 6'"):
        model.fit(x, np.full(6, 0.5), verbose=0)
    with pytest.raises(ShapeError, match=r"needs an axis for the batch: x\[None\]"):
        model.predict(x[0], verbose=0)
    one = gw.Sequential([gw.Input((4,)), layers.Dense(1, activation="sigmoid")])
    one.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(DataError, match="between 0 and 1 wants binary_crossentropy"):
        one.fit(x, np.ones(6), verbose=0)
