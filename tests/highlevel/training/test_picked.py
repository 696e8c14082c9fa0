"""Samples that are picked where a recorded step reads them: the same training, bit for bit."""

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import DataError
from graftgrad.plan.picking import pick
from graftwork import callbacks, layers, losses
from graftwork.training.data import ArraySource, source_of
from graftwork.training.picked import Picked, PickedSource, picked

RNG = np.random.default_rng(4)
X = RNG.normal(size=(50, 6)).astype("float32")
Y = RNG.integers(0, 3, 50)
WEIGHT = RNG.random(50).astype("float32")
LOGITS = losses.SparseCategoricalCrossentropy(from_logits=True)


def network():
    gw.set_random_seed(7)
    hidden = layers.Dense(8, activation="relu", name="hidden")
    return gw.Sequential([gw.Input((6,)), hidden, layers.Dropout(0.2), layers.Dense(3)])


def trained(eager, x=X, y=Y, model=None, **fit):
    model = network() if model is None else model
    model.compile("adam", LOGITS, metrics=["accuracy"], run_eagerly=eager)
    history = model.fit(x, y, batch_size=16, epochs=6, verbose=0, **fit)
    return model, history.history, [w.numpy() for w in model.variables]


def same(found, wanted):
    assert found[1] == wanted[1]
    for one, other in zip(found[2], wanted[2], strict=True):
        np.testing.assert_array_equal(one, other)


def counted(monkeypatch):
    """Count the batches whose samples were written where a plan reads them."""
    fills = []
    fill = Picked.fill
    monkeypatch.setattr(
        Picked, "fill", lambda one, *to: (fills.append(len(one.numbers)), fill(one, *to))
    )
    return fills


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_batches_are_those_of_the_step_in_python(shuffle, weight, monkeypatch):
    wanted = trained(True, shuffle=shuffle, sample_weight=weight)
    fills = counted(monkeypatch)
    same(trained(False, shuffle=shuffle, sample_weight=weight), wanted)
    assert fills.count(16) > 10
    assert 2 in fills  # the last batch of an epoch has a plan of its own


def test_several_arrays_by_name(monkeypatch):
    def made():
        gw.set_random_seed(3)
        p, q = gw.Input((6,), name="p"), gw.Input((6,), name="q")
        return gw.Model({"q": q, "p": p}, layers.Dense(3)(layers.Concatenate()([p, q])))

    both = {"p": X, "q": X[::-1].copy()}
    wanted = trained(True, both, model=made())
    fills = counted(monkeypatch)
    same(trained(False, both, model=made()), wanted)
    assert len(fills) > 10


@pytest.mark.parametrize("x", [X[:, ::-1], np.asfortranarray(X)])
def test_arrays_of_another_kind_make_batches(x, monkeypatch):
    wanted = trained(True, x)
    fills = counted(monkeypatch)
    same(trained(False, x), wanted)
    assert not fills


def test_weights_of_classes_make_batches(monkeypatch):
    classes = {0: 1.0, 1: 3.0, 2: 0.5}
    wanted = trained(True, class_weight=classes)
    fills = counted(monkeypatch)
    same(trained(False, class_weight=classes), wanted)
    assert not fills


class Freezing(callbacks.Callback):
    """Freezes a layer in the middle of an epoch and thaws it in a later one."""

    def on_train_batch_end(self, batch, logs=None):
        seen = self.model.batches_done()
        if seen in (10, 17):
            self.model.layers[0].trainable = seen == 17


def test_what_is_frozen_in_between_is_seen():
    same(trained(False, callbacks=[Freezing()]), trained(True, callbacks=[Freezing()]))


def test_a_label_out_of_range_is_found_in_its_batch():
    y = Y.copy()
    y[37] = 9
    outcomes = []
    for eager in (True, False):
        model = network()
        model.compile("adam", LOGITS, run_eagerly=eager)
        model.fit(X, Y, batch_size=8, epochs=2, verbose=0, shuffle=False)
        with pytest.raises(DataError, match="label=9, position=5") as error:
            model.fit(X, y, batch_size=8, verbose=0, shuffle=False)
        outcomes.append((str(error.value).splitlines()[0], model.batches_done()))
    assert outcomes[0] == outcomes[1] == (outcomes[0][0], 14 + 4)


def test_a_pass_can_begin_in_the_middle():
    source = source_of("fit", X, Y, batch_size=16, seed=5)
    asked = picked(source)
    assert isinstance(source, ArraySource)
    assert isinstance(asked, PickedSource)
    for start in (0, 2):
        for one, (x, y, weight) in zip(
            asked.pieces(3, start), source.pieces(3, start), strict=True
        ):
            np.testing.assert_array_equal(one.raw()[0], x)
            np.testing.assert_array_equal(one.raw()[1], y)
            assert one.raw()[2] is weight is None
            targets = [np.empty_like(x), np.empty_like(y)]
            one.fill(targets, pick)
            np.testing.assert_array_equal(targets[0], x)
            np.testing.assert_array_equal(targets[1], y)


def test_a_step_that_says_stop_is_the_last_one():
    class Stopping(gw.Sequential):
        def train_step(self, data):
            logs = super().train_step(data)
            if self.batches_done() == 9:
                self.stop_training = True
            return logs

    outcomes = []
    for eager in (True, False):
        gw.set_random_seed(7)
        model = Stopping([gw.Input((6,)), layers.Dense(3)])
        model.compile("adam", LOGITS, run_eagerly=eager)
        model.fit(X, Y, batch_size=8, epochs=3, verbose=0)
        outcomes.append((model.batches_done(), [w.numpy() for w in model.variables]))
    assert outcomes[0][0] == outcomes[1][0]
    for one, other in zip(outcomes[0][1], outcomes[1][1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_rate_from_python_is_asked_in_every_step(monkeypatch):
    asked = []

    def rate():
        asked.append(0.1 / (1 + len(asked)))
        return asked[-1]

    outcomes = []
    for eager in (True, False):
        asked.clear()
        gw.set_random_seed(7)
        model = gw.Sequential([gw.Input((6,)), layers.Dense(3)])
        model.compile(gw.optimizers.SGD(rate), LOGITS, run_eagerly=eager)
        model.fit(X, Y, batch_size=8, epochs=4, verbose=0)
        outcomes.append([*asked, *[w.numpy() for w in model.variables]])
    for one, other in zip(*outcomes, strict=True):
        np.testing.assert_array_equal(one, other)
