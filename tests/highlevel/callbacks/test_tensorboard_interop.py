"""TensorBoard's callback with the real tensorboardX: what stands in the event files."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftwork import callbacks, layers

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]
tensorboardX = pytest.importorskip("tensorboardX")

X = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def events(folder: Path) -> Iterator[Any]:
    """Read the records of all event files: length, its checksum, the event, its checksum."""
    from tensorboardX.proto.event_pb2 import Event

    for file in sorted(folder.glob("events.out.tfevents.*")):
        data = file.read_bytes()
        place = 0
        while place < len(data):
            size = struct.unpack_from("<Q", data, place)[0]
            found = Event()
            found.ParseFromString(data[place + 12 : place + 12 + size])
            yield found
            place += size + 16


def values(folder: Path) -> tuple[dict[str, dict[int, float]], dict[str, dict[int, Any]]]:
    """Return scalars and histograms by tag and step."""
    scalars: Any = defaultdict(dict)
    histograms: Any = defaultdict(dict)
    for event in events(folder):
        for one in event.summary.value:
            if one.HasField("histo"):
                histograms[one.tag][event.step] = one.histo
            else:
                scalars[one.tag][event.step] = one.simple_value
    return dict(scalars), dict(histograms)


@pytest.fixture
def trained(tmp_path: Path) -> tuple[Path, Any, dict[str, list[float]]]:
    gw.set_random_seed(0)
    model = gw.Sequential([gw.Input((3,)), layers.Dense(1, name="only")])
    model.compile(gw.optimizers.SGD(0.1), "mse", metrics=["mae"])
    board = callbacks.TensorBoard(tmp_path, histogram_freq=2, update_freq=2,
                                  write_steps_per_second=True)  # fmt: skip
    rate = callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 / (epoch + 1))
    history = model.fit(X, Y, validation_data=(X[:6], Y[:6]), batch_size=8, epochs=4, verbose=0,
                        callbacks=[rate, board])  # fmt: skip
    return tmp_path, model, history.history


def test_values_of_epochs_and_batches_are_read_back(trained: Any) -> None:
    folder, _, history = trained
    scalars, _ = values(folder / "train")
    for name in ("loss", "mae"):
        np.testing.assert_allclose(
            [scalars[f"epoch_{name}"][i] for i in range(4)], history[name], rtol=1e-6
        )
    rates = [scalars["epoch_learning_rate"][i] for i in range(4)]
    np.testing.assert_allclose(rates, [0.1, 0.05, 0.1 / 3, 0.025], rtol=1e-6)
    assert sorted(scalars["batch_loss"]) == [2, 4, 6, 8, 10, 12]
    assert all(value > 0 for value in scalars["epoch_steps_per_second"].values())
    scalars, _ = values(folder / "validation")
    np.testing.assert_allclose(
        [scalars["epoch_loss"][i] for i in range(4)], history["val_loss"], rtol=1e-6
    )
    assert sorted(scalars["evaluation_loss_vs_iterations"]) == [3, 6, 9, 12]


def test_histograms_of_weights_are_read_back(trained: Any) -> None:
    folder, model, _ = trained
    _, histograms = values(folder / "train")
    assert sorted(histograms) == ["only/bias", "only/kernel"]
    assert sorted(histograms["only/kernel"]) == [0, 2]
    for one in histograms["only/kernel"].values():
        assert one.num == model.layers[0].kernel.size
        assert one.min <= one.max
        np.testing.assert_allclose(sum(one.bucket), one.num)


def test_an_evaluation_alone_is_written(trained: Any, tmp_path: Path) -> None:
    _, model, _ = trained
    found = model.evaluate(
        X, Y, verbose=0, return_dict=True, callbacks=[callbacks.TensorBoard(tmp_path / "again")]
    )
    scalars, _ = values(tmp_path / "again" / "validation")
    np.testing.assert_allclose(scalars["evaluation_mae_vs_iterations"][12], found["mae"], rtol=1e-6)
