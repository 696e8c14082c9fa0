"""Data that other libraries made: sparse matrices, tensors handed over through DLPack."""

from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError
from graftwork import layers

X = np.random.default_rng(0).normal(size=(20, 6)).astype("float32")
X[X < 0.5] = 0
Y = X.sum(1, keepdims=True)


class Sparse:
    """What SciPy's matrices can do, as far as it is asked for; counts what is written out."""

    written = 0

    def __init__(self, dense: Any) -> None:
        self.dense = dense
        self.shape, self.dtype = dense.shape, dense.dtype

    def tocsr(self) -> "Sparse":
        return self

    def toarray(self) -> Any:
        Sparse.written = max(Sparse.written, len(self.dense))
        return self.dense.copy()

    def __getitem__(self, rows: Any) -> "Sparse":
        return Sparse(self.dense[rows])


class Handed:
    """A tensor that can be had through DLPack alone."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.shape = array.shape

    def __dlpack__(self, **how: Any) -> Any:
        return self.array.__dlpack__(**how)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


def trained(x: Any, y: Any) -> Any:
    gw.set_random_seed(1)
    model = gw.Sequential([gw.Input((6,)), layers.Dense(4), layers.Dense(1)])
    model.compile("adam", "mse")
    history = model.fit(x, y, epochs=2, batch_size=8, verbose=0, validation_data=(x, y)).history
    return history, model.evaluate(x, y, batch_size=8, verbose=0), model.predict(x, 8, verbose=0)


def test_a_sparse_matrix_trains_as_the_dense_one_and_is_written_out_by_batches() -> None:
    Sparse.written = 0
    history, loss, found = trained(Sparse(X), Y)
    assert Sparse.written == 8
    wanted = trained(X, Y)
    assert (history, loss) == wanted[:2]
    np.testing.assert_array_equal(found, wanted[2])


def test_sparse_targets_and_dictionaries_with_sparse_parts() -> None:
    assert trained(X, Sparse(Y))[0] == trained(X, Y)[0]
    one, two = gw.Input((6,), name="one"), gw.Input((6,), name="two")
    model = gw.Model({"one": one, "two": two}, layers.Dense(1)(layers.Add()([one, two])))
    model.compile("sgd", "mse")
    dense, mixed = {"one": X, "two": X}, {"one": Sparse(X), "two": X}
    wanted = model.predict(dense, batch_size=8, verbose=0)
    np.testing.assert_array_equal(model.predict(mixed, batch_size=8, verbose=0), wanted)
    np.testing.assert_array_equal(model.predict_on_batch(mixed), model.predict_on_batch(dense))


def test_tensors_through_dlpack_train_as_the_arrays() -> None:
    assert trained(Handed(X), Handed(Y))[:2] == trained(X, Y)[:2]


def test_listeners_hear_of_several_batches_as_one() -> None:
    heard: list[tuple[str, int]] = []

    def hearing(event: str) -> Any:
        return lambda batch, logs=None: heard.append((event, batch))

    names = [f"on_{k}_batch_{e}" for k in ("train", "test", "predict") for e in ("begin", "end")]
    events = {event: hearing(event) for event in names}
    model = gw.Sequential([gw.Input((6,)), layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=2)
    listener = gw.callbacks.LambdaCallback(**events)
    model.fit(X, Y, batch_size=4, verbose=0, callbacks=[listener])
    model.evaluate(X, Y, batch_size=4, verbose=0, callbacks=[listener])
    assert model.predict(X, batch_size=4, verbose=0, callbacks=[listener]).shape == (20, 1)
    pairs = [("begin", 0), ("end", 1), ("begin", 2), ("end", 3), ("begin", 4), ("end", 4)]
    assert heard == [(f"on_{k}_batch_{e}", n) for k in ("train", "test", "predict")
                     for e, n in pairs]  # fmt: skip
    with pytest.raises(ConfigError, match="steps_per_execution must be a positive integer; got "):
        model.compile("sgd", "mse", steps_per_execution=0)
