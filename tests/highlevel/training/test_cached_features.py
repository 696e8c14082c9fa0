"""Features of frozen parts: computed once, dropped, told; a fit on them equals one without."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError, ShapeError
from graftwork import layers
from graftwork.data import Dataset
from support.frozen import (
    NEAR,
    WEIGHTS,
    Probe,
    X,
    Y,
    at,
    base,
    compiled,
    held_against,
    network,
    own,
    thaw,
    two_inputs,
    values,
    watched,
)

# -- the same result --------------------------------------------------------------------------


DATA: dict[str, Any] = {
    "arrays": (X, Y, {}),
    "in order": (X, Y, {"shuffle": False}),
    "weights": (X, Y, {"sample_weight": WEIGHTS}),
    "classes": (X, Y, {"class_weight": {0: 1.0, 1: 3.0}, "sample_weight": WEIGHTS}),
    "split": (X, Y, {"validation_split": 0.3}),
    "validation": (X, Y, {"validation_data": (X[:9], Y[:9], WEIGHTS[:9])}),
    "steps": (X, Y, {"steps_per_epoch": 3, "epochs": 7}),
    "rest": (X, Y, {"initial_epoch": 1, "epochs": 4}),
    "set": (lambda: Dataset.from_arrays(X, Y, WEIGHTS, batch_size=8), None, {}),
    "shuffled set": (
        lambda: Dataset.from_arrays(X, Y, batch_size=8, shuffle=True, seed=3, drop_remainder=True),
        None,
        {"validation_data": Dataset.from_arrays(X[:9], Y[:9], batch_size=4)},
    ),
    "mapped set": (
        lambda: Dataset.from_arrays(X, Y, batch_size=8, shuffle=True, seed=3).map(
            lambda x, y: (x * 2, y), deterministic=True
        ),
        None,
        {"steps_per_epoch": 3, "epochs": 6},
    ),
}


@pytest.mark.parametrize("name", DATA)
def test_a_fit_on_kept_features_equals_one_without(name: str) -> None:
    x, y, settings = DATA[name]
    batches = {} if callable(x) else {"batch_size": 8}
    held_against(network, x, y, **batches, **settings)


@pytest.mark.parametrize("name", ["in order", "set", "weights"])
def test_it_is_equal_bit_for_bit_where_batches_hold_the_same_samples(name: str) -> None:
    x, y, settings = DATA[name]
    batches = {} if callable(x) else {"batch_size": 37 if name == "weights" else 8}
    held_against(network, x, y, exact=True, **batches, **settings | {"shuffle": False})


def test_several_inputs_and_outputs() -> None:
    x = {"left": X, "right": X[:, :2] * 3}
    y = {"yes": (Y > 0).astype("float32"), "kind": Y}
    held_against(two_inputs, x, y)
    watch = watched(two_inputs(), x, y)
    assert watch.names == [["base"]] * 6


def crossing() -> Any:
    """A nested model that is frozen up to its middle; a skip connection crosses the cut."""
    gw.set_random_seed(4)
    entrance = layers.Input((6,))
    first = layers.Dense(8, activation="tanh", name="first")(entrance)
    second = layers.Dense(8, activation="relu", name="second")(first)
    third = layers.Dense(8, name="third")(second)
    inner = gw.Model(entrance, layers.Add()([first, third]), name="inner")
    for name in ("first", "second"):
        inner.get_layer(name).trainable = False
    model = gw.Sequential([layers.Input((6,)), layers.Rescaling(0.5), inner, layers.Dense(3)])
    model.compile("sgd", gw.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def test_a_skip_connection_across_the_cut_is_kept_too() -> None:
    held_against(crossing, X, Y)
    assert watched(crossing()).names == [["first", "second"]] * 6


# -- once per sample --------------------------------------------------------------------------


def test_every_sample_goes_through_the_frozen_part_once() -> None:
    probe = Probe()
    model = network(lambda: base(probe))
    reads: list[int] = []

    def read(x: Any, y: Any) -> Any:
        reads.append(len(x))
        return x, y

    data = Dataset.from_arrays(X, Y, batch_size=8, shuffle=True, seed=1)
    data = data.map(read, deterministic=True)
    probe.seen.clear()
    model.fit(data, epochs=5, verbose=0, validation_data=(X[:9], Y[:9]))
    found = 2  # samples, with which the prefix is found
    assert sum(probe.seen) == found + len(X) + 9
    assert sum(reads) == found + len(X)
    probe.seen.clear()
    model.run_eagerly = True  # a plan would not ask the probe
    model.fit(data, epochs=5, verbose=0, cache_frozen=False)
    assert sum(probe.seen) == 5 * len(X)


def test_nothing_is_kept_where_every_sample_is_seen_once_or_nothing_is_frozen() -> None:
    for settings in ({"epochs": 1}, {"epochs": 3, "steps_per_epoch": 1, "batch_size": 8}):
        probe = Probe()
        model = network(lambda probe=probe: base(probe))
        probe.seen.clear()
        model.run_eagerly = True  # a plan would not ask the probe
        watch = watched(model, **settings)
        assert set(watch.names) == {None}
        assert sum(probe.seen) == (37 if settings["epochs"] == 1 else 24)
    assert set(watched(network(frozen=False)).names) == {None}


# -- what is frozen changes -------------------------------------------------------------------


def freeze(model: Any) -> None:
    model.layers[0].trainable = False


def thaw_last(model: Any) -> None:
    model.layers[0].layers[-1].trainable = True


def halve(model: Any) -> None:
    model.layers[0].set_weights([one * 0.5 for one in model.layers[0].get_weights()])


def smooth(model: Any) -> None:
    model.layers[0].layers[1].epsilon = 0.5


@pytest.mark.parametrize("moment", [(1, None), (1, 2), (0, 1)])
@pytest.mark.parametrize("act", [thaw, thaw_last, halve, smooth])
def test_changes_take_effect_at_the_next_step(act: Any, moment: Any) -> None:
    held_against(network, X, Y, batch_size=12, epochs=3, listen=at(moment, act), keep="auto")
    held_against(network, X, Y, batch_size=12, epochs=3, listen=at(moment, act))


def test_what_is_frozen_later_is_kept_from_the_next_epoch_on() -> None:
    def make() -> Any:
        return network(frozen=False)

    held_against(make, X, Y, batch_size=8, epochs=4, listen=at((1, 2), freeze), keep="auto")
    model = make()
    watch = watched(model, batch_size=8, epochs=4, callbacks=at((1, 2), freeze)(model))
    assert watch.names == [None] * 10 + [["base"]] * 10


def test_a_longer_prefix_is_found_at_the_next_epoch() -> None:
    model = network(lambda: base(), head=[lambda: layers.Dense(5, name="middle")])
    listen = at((1, 1), lambda one: setattr(one.get_layer("middle"), "trainable", False))(model)
    watch = watched(model, batch_size=8, epochs=4, callbacks=listen)
    assert watch.names == [["base"]] * 10 + [["middle"]] * 10


def test_a_part_may_be_replaced_in_between() -> None:
    def other(model: Any) -> None:
        gw.set_random_seed(77)
        model.below = base(name="other")
        model.below.trainable = False

    held_against(own, X, Y, batch_size=8, listen=at((1, 1), other), keep="auto")
    held_against(own, X, Y, batch_size=8, listen=at((1, None), other), keep="auto")


def test_the_next_fit_sees_other_data() -> None:
    def twice(keep: Any) -> Any:
        model, x = network(), X.copy()
        model.fit(x, Y, epochs=2, verbose=0, cache_frozen=keep)
        x *= -1
        model.fit(x, Y, epochs=4, initial_epoch=2, verbose=0, cache_frozen=keep)
        return values(model)

    for ours, theirs in zip(twice(True), twice(False), strict=True):
        np.testing.assert_allclose(ours, theirs, **NEAR)


# -- refusals ---------------------------------------------------------------------------------


class Steps(gw.Sequential):
    """Trains in its own way."""

    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


class Losses(gw.Sequential):
    """Has a loss of its own."""

    def compute_loss(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        assert tuple(x.shape[1:]) == (6,)
        return super().compute_loss(x, *args, **kwargs)


class Measured(gw.Sequential):
    """Looks at x where it is measured."""

    def test_step(self, data: Any) -> Any:
        assert tuple(data[0].shape[1:]) == (6,)
        return super().test_step(data)


def again(kind: Any) -> Callable[[], Any]:
    def make() -> Any:
        model = kind(network().layers)
        compiled(model)
        return model

    return make


def stream() -> Any:
    return Dataset.from_generator(lambda: iter([(X, Y)]), length=1, deterministic=True)


REFUSED: dict[str, Any] = {
    "train_step of Steps is your own": (again(Steps), X, Y),
    "compute_loss of Losses is your own": (again(Losses), X, Y),
    "does not say which samples a batch holds": (network, stream, None),
    "say map.*deterministic=True": (
        network,
        lambda: Dataset.from_arrays(X, Y, batch_size=8).map(lambda x, y: (x, y)),
        None,
    ),
    "stream or generator": (network, lambda: itertools.repeat((X, Y)), None),
    '"dense_4" .Dense. is trained|is trained': (lambda: network(frozen=False), X, Y),
}


@pytest.mark.parametrize("told_reason", REFUSED)
def test_true_is_refused_with_the_reason_and_auto_goes_on(told_reason: str) -> None:
    make, x, y = REFUSED[told_reason]
    model = make()
    before = values(model)
    with pytest.raises(ConfigError, match=told_reason):
        data = x() if callable(x) else x
        model.fit(data, y, epochs=3, verbose=0, steps_per_epoch=1, cache_frozen=True)
    assert all(np.array_equal(a, b) for a, b in zip(before, values(model), strict=True))
    held_against(make, x, y, exact=True, keep="auto", steps_per_epoch=1)


def test_a_validation_of_ones_own_sees_x() -> None:
    held_against(again(Measured), X, Y, validation_split=0.2)


def test_other_words_are_refused() -> None:
    for word in ("always", 1, None):
        with pytest.raises(ConfigError, match="cache_frozen"):
            network().fit(X, Y, verbose=0, cache_frozen=word)


# -- what is told -----------------------------------------------------------------------------


def test_the_first_lines_say_what_is_kept_and_how_big_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    network().fit(X, Y, epochs=2, verbose=2, validation_data=(X[:9], Y[:9]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Training ")
    assert lines[1] == (
        "Computed once: base. Kept: 5 numbers for each of 37 + 9 samples, 920 B in memory."
    )
    assert lines[2].startswith("Epoch 1/2")
    model = network()
    model.fit(X, Y, epochs=3, verbose=2, callbacks=at((1, None), thaw)(model))
    lines = capsys.readouterr().out.splitlines()
    assert lines.count("The frozen part has changed: its features are dropped.") == 1


def test_data_that_do_not_fit_are_told_as_ever() -> None:
    for keep in (True, "auto", False):
        with pytest.raises(ShapeError, match="must have size 6"):
            network(before=[lambda: layers.Rescaling(2.0)]).fit(
                X[:, :5], Y, epochs=2, verbose=0, cache_frozen=keep
            )


def test_the_frozen_part_is_one_plan_where_nothing_can_be_kept() -> None:
    def stream() -> Any:
        while True:
            yield X[:8], Y[:8]

    losses = []
    for settings in ({}, {"jit_compile": False}):
        model = network()
        model.compile("adam", model.loss, metrics=["accuracy"], **settings)
        watch = watched(model, stream(), None, epochs=2, steps_per_epoch=6)
        assert set(watch.names) == {None}
        kept = [one for one in watch.keepers if one is not None and one.prefix is not None]
        assert bool(kept) is not bool(settings)
        losses.append(model.history.history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
