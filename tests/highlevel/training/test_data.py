"""What fit, evaluate and predict accept as data, and how it is cut into batches."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad.errors import ConfigError, DataError, ShapeError
from graftwork.training.data import source_of, split_validation
from graftwork.training.host import weighted_by_class

X = np.arange(20, dtype="float32").reshape(10, 2)
Y = np.arange(10)


class Table:
    """What pandas and its like have in common."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def to_numpy(self) -> Any:
        return self.values


class Foreign:
    """An array of another library."""

    def __init__(self, values: Any) -> None:
        self.values, self.shape, self.ndim = values, values.shape, values.ndim

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.values


class Loader:
    """Batches that can be walked again and again, as lists, with or without a known number."""

    def __init__(self, size: int = 4) -> None:
        self.size = size
        self.walks = 0

    def __iter__(self) -> Iterator[Any]:
        self.walks += 1
        for i in range(0, 10, self.size):
            yield [Foreign(X[i : i + self.size]), Foreign(Y[i : i + self.size])]


class Indexed:
    """Batches by number, as Keras' PyDataset."""

    def __init__(self) -> None:
        self.ended = 0

    def __len__(self) -> int:
        return 3

    def __getitem__(self, i: int) -> Any:
        return X[i * 4 : i * 4 + 4], Y[i * 4 : i * 4 + 4]

    def on_epoch_end(self) -> None:
        self.ended += 1


def labels(batches: Any) -> list[list[int]]:
    return [y.tolist() for _, y, _ in batches]


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X, Y), (X.tolist(), Y.tolist()), (graftgrad.tensor(X), graftgrad.tensor(Y)),
        (Table(X), Table(Y)),
        (Foreign(X), Foreign(Y)), (X.astype(">f4"), Y.astype("uint16")), (X, list(Y)),
        (X.astype("longdouble"), [np.float64(y) for y in Y]),
    ],
)  # fmt: skip
def test_arrays_of_every_kind_give_the_same_batches(x: Any, y: Any) -> None:
    found = list(source_of("fit", x, y, batch_size=4).epoch(0, None))
    assert labels(found) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    np.testing.assert_array_equal(np.concatenate([batch[0] for batch in found]), X)


@pytest.mark.parametrize(
    "make", [lambda: gw.data.Dataset.from_arrays(X, Y, batch_size=4), Loader, Indexed,
             lambda: iter(Loader()), lambda: gw.data.Dataset.from_generator(lambda: iter(Loader()))]
)  # fmt: skip
def test_what_delivers_batches_is_passed_on(make: Any) -> None:
    found = labels(source_of("fit", make()).epoch(0, None))
    assert found == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_an_order_is_a_function_of_seed_and_pass() -> None:
    first, second = (source_of("fit", X, Y, batch_size=4, seed=7) for _ in range(2))
    passes = [labels(first.epoch(done, None)) for done in (0, 3, 6)]
    assert passes[0] != passes[1] != passes[2]
    assert labels(second.epoch(6, None)) == passes[2]
    assert sorted(y for batch in passes[1] for y in batch) == list(range(10))
    assert labels(source_of("fit", X, Y, batch_size=4, seed=8).epoch(0, None)) != passes[0]


@pytest.mark.parametrize(
    "make", [lambda: (X, Y), lambda: (Loader(),), lambda: (Indexed(),),
             lambda: (gw.data.Dataset.from_arrays(X, Y, batch_size=4),)]
)  # fmt: skip
def test_fewer_steps_than_batches_go_on_where_the_last_epoch_ended(make: Any) -> None:
    source = source_of("fit", *make(), batch_size=4)
    epochs = [labels(source.epoch(done, 2)) for done in (0, 2, 4)]
    assert epochs == [[[0, 1, 2, 3], [4, 5, 6, 7]], [[8, 9], [0, 1, 2, 3]], [[4, 5, 6, 7], [8, 9]]]


def test_a_loader_is_walked_once_per_epoch() -> None:
    loader = Loader()
    source = source_of("fit", loader)
    for done in (0, 3):
        list(source.epoch(done, None))
    assert loader.walks == 2


def test_an_indexed_data_set_hears_of_the_end_and_is_shuffled_by_batches() -> None:
    indexed = Indexed()
    source = source_of("fit", indexed, seed=3)
    found = [labels(source.epoch(done, None)) for done in (0, 3, 6, 9)]
    assert indexed.ended == 4
    assert all(sorted(one) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]] for one in found)
    assert len({str(one) for one in found}) > 1


def test_a_generator_goes_on_and_its_end_is_told() -> None:
    source = source_of("fit", iter(Loader()), steps=2)
    assert labels(source.epoch(0, 2)) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    with pytest.warns(UserWarning, match=r"wanted=2, in_this_epoch=1, in_all=3.*steps_per_epoch"):
        assert labels(source.epoch(2, 2)) == [[8, 9]]
    with pytest.raises(DataError, match=r"wanted=2, in_this_epoch=0, in_all=3.*steps_per_epoch"):
        list(source.epoch(3, 2))


def test_steps_cut_arrays_where_nobody_tells_a_batch_size() -> None:
    for steps, sizes in ((2, [5, 5]), (3, [4, 4, 2]), (10, [1] * 10), (None, [10])):
        source = source_of("fit", X, Y, steps=steps)
        assert [len(y) for y in labels(source.epoch(0, steps))] == sizes
    model = gw.Sequential([gw.Input((2,)), gw.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, epochs=2, steps_per_epoch=5, verbose=0)
    assert int(model.optimizer.iterations) == 10
    assert model.predict(X, steps=2, verbose=0).shape == (10, 1)


def test_several_inputs_and_targets_are_cut_together() -> None:
    x, y = {"a": X, "b": [X[:, :1], X]}, (Y, -Y)
    batch = next(source_of("fit", x, y, Y / 10, batch_size=3).epoch(0, None))
    assert batch[0]["b"][0].shape == (3, 1)
    assert [one.tolist() for one in batch[1]] == [[0, 1, 2], [0, -1, -2]]
    assert batch[2].tolist() == [0, 0.1, 0.2]


def test_the_last_part_is_split_off_for_validation() -> None:
    (x, y, weight), (vx, vy, vweight) = split_validation(0.3, X, Y, Y * 2)
    assert (y.tolist(), vy.tolist()) == (list(range(7)), [7, 8, 9])
    assert (len(x), len(vx), len(weight), vweight.tolist()) == (7, 3, 7, [14, 16, 18])


def test_weights_of_classes_become_weights_of_samples() -> None:
    y = np.array([0, 1, 2, 1])
    wanted = [1, 5, 0.5, 5]
    given = {1: 5, np.int64(2): 0.5}
    assert weighted_by_class(given, y, None, None).tolist() == wanted
    assert weighted_by_class(given, y[:, None].astype("float32"), None, None).tolist() == wanted
    assert weighted_by_class(given, np.eye(3)[y], None, None).tolist() == wanted
    assert weighted_by_class(given, y, np.array([[2], [2], [2], [0]]), None).tolist() == [
        2,
        10,
        1,
        0,
    ]


def test_several_outputs_have_weights_of_classes_by_name() -> None:
    y = [np.array([0, 1]), np.array([1, 1])]
    found = weighted_by_class({"b": {1: 3.0}}, y, None, ["a", "b"])
    assert found["a"] is None
    assert found["b"].tolist() == [3, 3]
    with pytest.raises(ConfigError, match=r"by their names, \['a', 'b'\]"):
        weighted_by_class({0: 1.0}, y, None, ["a", "b"])


@pytest.mark.parametrize(
    ("x", "y", "error", "told"),
    [
        (None, None, ConfigError, "fit: x must be arrays.*x=None"),
        (3, None, ConfigError, "x=3"),
        ("train.csv", None, ConfigError, "train.csv"),
        (X[:0], Y[:0], DataError, r"at least one sample; got x=\(0, 2\)"),
        ([], [], DataError, "at least one sample"),
        (X, Y[:9], ShapeError, "x=10, y=9"),
        ([X, X[:3]], Y, ShapeError, r"x\[0\]=10, x\[1\]=3, y=10"),
        (np.array([["a"], ["b"]]), None, DataError, r"x must hold numbers; .*'<U1', .*'a'"),
        (X, np.array(["cat"] * 10), DataError, "y must hold numbers.*'cat'.*Number the classes"),
        (np.array([[1], [None]], object), None, DataError, "x must hold numbers.*object"),
        ([[1, 2], [3]], None, DataError, "rows of equal length"),
        (X, [0, np.nan, *range(8)], DataError, r"NaN; got first at=\(1,\), NaN values='1 of 10'"),
        (X.astype("complex64"), None, DataError, "x must hold numbers.*complex64"),
        (np.float32(3), None, DataError, "first axis"),
        (Loader(), Y, ConfigError, "y and sample_weight must come out of the data set"),
        ({}, None, DataError, "first axis"),
    ],
)  # fmt: skip
def test_data_that_cannot_be_used_are_named(
    x: Any, y: Any, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        source_of("fit", x, y)


def test_batches_that_cannot_be_used_are_named() -> None:
    for batch, told in [
        ((X, Y, Y, Y), r"a batch must be x, \(x, y\) or .*; got parts=4"),
        ((X, np.full(10, np.nan)), "NaN"),
        ((np.array(["a"]), None), "must hold numbers"),
    ]:
        with pytest.raises(DataError, match=told):
            next(source_of("fit", iter([batch])).epoch(0, None))


@pytest.mark.parametrize("fraction", [1.0, -0.1, "half"])
def test_a_fraction_that_is_none_is_refused(fraction: Any) -> None:
    with pytest.raises(ConfigError, match="validation_split must lie between 0 and 1"):
        split_validation(fraction, X, Y, None)


def test_a_split_needs_arrays_and_samples_on_both_sides() -> None:
    with pytest.raises(
        ConfigError, match=r"validation_split needs arrays; got x='Loader'.*validation_data"
    ):
        split_validation(0.5, Loader(), None, None)
    with pytest.raises(DataError, match="samples=1"):
        split_validation(0.5, X[:1], Y[:1], None)
