"""Where features of frozen parts lie, and when they are gone."""

import gc
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad import ops
from graftgrad.errors import ConfigError
from graftwork import layers
from graftwork.data import Dataset
from graftwork.data.dataset import IndexedDataset
from graftwork.training.features import Kept, Unkept, available, budget, told
from support.frozen import (
    DRAWN,
    WEIGHTS,
    X,
    Y,
    at,
    held_against,
    network,
    two_inputs,
    watched,
)

# -- where it is kept -------------------------------------------------------------------------


def test_beyond_the_budget_features_lie_in_a_file_that_vanishes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GRAFTWORK_FEATURE_BYTES", "0")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    held_against(network, X, Y, validation_split=0.2)
    watch = watched(network())
    assert all(watch.in_file)
    assert watch.in_file
    assert watch.notes[0] == (
        "Computed once: base. Kept: 5 numbers for each of 37 samples, 740 B in a temporary file."
    )
    assert list(tmp_path.iterdir()) == []


def test_memory_is_used_first_and_the_rest_of_it_for_validation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GRAFTWORK_FEATURE_BYTES", "800")
    watch = watched(network(), validation_data=(X[:9], Y[:9]))
    assert watch.in_file[:2] == [False, True]
    assert "37 + 9 samples, 740 B in memory and 180 B in a temporary file" in watch.notes[0]


def test_an_interruption_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GRAFTWORK_FEATURE_BYTES", "0")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    model = network()

    def stop(one: Any) -> None:
        assert one.feature_keeper.prefix is not None
        raise KeyboardInterrupt

    gc.collect()  # what other tests left open
    before = _open_files()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, epochs=3, batch_size=8, verbose=0, callbacks=at((1, 1), stop)(model))
    assert model.feature_keeper is None
    gc.collect()
    assert list(tmp_path.iterdir()) == []
    assert _open_files() == before
    assert model.predict(X, verbose=0).shape == (37, 3)  # calls go their usual way again


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def test_what_fits_nowhere_is_computed_in_every_step(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GRAFTWORK_FEATURE_BYTES", "0")
    monkeypatch.setattr("graftwork.training.features.DISK", 10**18)
    watch = watched(network())
    assert set(watch.names) == {None}
    assert "would fill 740 B, more than 0 B of memory and 0 B of" in watch.notes[0]
    with pytest.raises(ConfigError, match="would fill"):
        network().fit(X, Y, epochs=2, verbose=0, cache_frozen=True)


def test_a_file_is_used_where_computing_costs_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFTWORK_FEATURE_BYTES", "0")

    def wide() -> Any:
        return gw.Sequential([layers.Input((6,)), layers.Dense(6, use_bias=False)], name="wide")

    watch = watched(network(wide))
    assert set(watch.names) == {None}
    assert "do not fit into memory, and a file would be no faster" in watch.notes[0]
    assert watched(network(wide), cache_frozen=True).names == [["wide"]] * 6


def test_targets_of_a_data_set_are_kept_with_the_features() -> None:
    watch = watched(network(), Dataset.from_arrays(X, Y, WEIGHTS, batch_size=8), None)
    assert "37 samples, 1.2 kB in memory" in watch.notes[0]  # 37 · (5 · 4 + 8 + 4) bytes


def test_two_inputs_may_be_views_of_one_array() -> None:
    both = np.concatenate([X, X[:, :2] * 3], axis=1)
    x = {"left": both[:, :6], "right": both[:, 6:]}
    data = Dataset.from_arrays(x, {"yes": (Y > 0).astype("float32"), "kind": Y}, batch_size=8)
    watch = watched(two_inputs(), data, None)
    assert watch.names == [["base"]] * 15


@pytest.mark.parametrize("given", ["much", "-1", "inf", "nan"])
def test_a_budget_that_is_none_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFTWORK_FEATURE_BYTES", given)
    with pytest.raises(ConfigError, match="GRAFTWORK_FEATURE_BYTES"):
        budget()


def test_the_budget_is_a_quarter_of_what_is_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAFTWORK_FEATURE_BYTES", raising=False)
    assert available() > 0
    monkeypatch.setattr("graftwork.training.features.available", lambda: 4000)
    assert budget() == 1000
    monkeypatch.setenv("GRAFTWORK_FEATURE_BYTES", "2e9")
    assert budget() == 2_000_000_000


def test_kept_samples_come_back_by_number_and_must_be_alike() -> None:
    spec = graftgrad.tensor(np.zeros((2, 3), "float32")).spec
    kept = Kept(6, [spec], 10**6, (np.zeros(2, int), None))
    some = np.array([4, 0, 5])
    rows = DRAWN.normal(size=(3, 3)).astype("float32")
    kept.put(some, (rows,), (np.array([1, 2, 3]), None))
    assert kept.has(np.array([0, 4]))
    assert not kept.has(np.array([0, 1]))
    features, (y, weight) = kept.take(np.array([5, 4]))
    assert np.array_equal(features[0], rows[[2, 0]])
    assert y.tolist() == [3, 1]
    assert weight is None
    neighbours, _ = kept.take(np.array([4, 5]))
    assert np.shares_memory(neighbours[0], kept.features[0])
    with pytest.raises(Unkept, match="differ"):
        kept.put(some, (rows,), (np.array([1.0, 2.0, 3.0]), None))
    assert [told(n) for n in (12, 1500, 2_500_000, 3e9)] == ["12 B", "1.5 kB", "2.5 MB", "3.0 GB"]


def test_samples_that_differ_in_size_are_computed_in_every_step() -> None:
    class Ragged:
        """Labels of another size in the last samples."""

        def __len__(self) -> int:
            return 8

        def read(self, indices: Any) -> Any:
            width = 2 if indices.max() < 4 else 3
            return X[indices], np.zeros((len(indices), width), "float32")

    class Sums(gw.losses.Loss):
        """Looks at the mean of the targets alone."""

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return ops.mean(y_pred, axis=-1) - ops.mean(y_true, axis=-1)

    def make() -> Any:
        model = network()
        model.compile("sgd", Sums())
        return model

    def data() -> Any:
        return IndexedDataset(Ragged(), 4)

    held_against(make, data, keep="auto")
    watch = watched(make(), data(), None)
    assert watch.names == [["base"]] + [None] * 5
    assert "differ in shape" in watch.notes[-1]
