"""Averages exchanged, logs sent and shown, the learning rate that is looked for."""

import http.server
import json
import sys
import threading
import types
import urllib.parse
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError, LibraryError
from graftwork import callbacks
from support.killed_training import X

Y = X[:, :1] * 2


def linear(optimizer: Any = None) -> Any:
    gw.set_random_seed(4)
    model = gw.Sequential([gw.Input((6,)), gw.layers.Dense(1)])
    model.compile(optimizer or gw.optimizers.SGD(0.1), "mse")
    return model


def test_evaluations_see_the_moving_averages() -> None:
    seen: list[Any] = []

    def look(logs: Any) -> None:
        seen.append(model.get_weights())

    model = linear(gw.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
    swap = callbacks.SwapEMAWeights()
    inside = callbacks.LambdaCallback(on_test_begin=look)
    around = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: look(logs))
    model.fit(X, Y, epochs=2, verbose=0, validation_data=(X, Y), callbacks=[swap, inside, around])
    plain = linear(gw.optimizers.SGD(0.1))
    steps: list[Any] = []
    note = callbacks.LambdaCallback(
        on_train_batch_end=lambda b, logs: steps.append(plain.get_weights())
    )
    plain.fit(X, Y, epochs=2, verbose=0, callbacks=[note])
    average = steps[0][0]
    for one in steps[1:2]:
        average = 0.5 * average + 0.5 * one[0]
    np.testing.assert_allclose(seen[0][0], average, rtol=1e-5)  # inside of the first validation
    np.testing.assert_allclose(seen[1][0], steps[1][0], rtol=1e-5)  # and behind it


def test_averages_stay_in_the_model_behind_epochs_if_asked_for() -> None:
    model = linear(gw.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
    kept: list[Any] = []
    behind = callbacks.LambdaCallback(on_epoch_end=lambda e, logs: kept.append(model.get_weights()))
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[callbacks.SwapEMAWeights(True), behind])
    whole = linear(gw.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
    whole.fit(X, Y, epochs=2, verbose=0)
    for one, two, three in zip(kept[-1], whole.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6)
        np.testing.assert_array_equal(one, three)
    with pytest.raises(ConfigError, match=r"must keep moving averages; got .*use_ema=True"):
        linear().fit(X, Y, verbose=0, validation_data=(X, Y),
                     callbacks=[callbacks.SwapEMAWeights()])  # fmt: skip


@pytest.mark.parametrize("as_json", [True, False])
def test_values_are_sent_to_a_server(as_json: bool) -> None:
    got: list[Any] = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            text = body if as_json else urllib.parse.parse_qs(body)["data"][0]
            got.append((self.path, self.headers["X-Own"], json.loads(text)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    root = f"http://127.0.0.1:{server.server_port}"
    monitor = callbacks.RemoteMonitor(root, headers={"X-Own": "1"}, send_as_json=as_json)
    try:
        history = linear().fit(X, Y, epochs=2, verbose=0, callbacks=[monitor]).history
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    wanted = [("/publish/epoch/end/", "1", {"epoch": i, "loss": history["loss"][i]})
              for i in range(2)]  # fmt: skip
    assert got == wanted
    with pytest.warns(UserWarning, match=r"the server must answer; got .*The values of epoch 1"):
        linear().fit(X, Y, verbose=0, callbacks=[monitor])


def test_tensorboard_gets_keras_names(monkeypatch: pytest.MonkeyPatch) -> None:
    class Writer:
        def __init__(self, folder: str) -> None:
            self.folder = folder

        def add_scalar(self, tag: str, value: float, step: int) -> None:
            told.append((self.folder, tag, step))

        def add_histogram(self, tag: str, values: Any, step: int) -> None:
            told.append((self.folder, tag, step))

        def flush(self) -> None:
            pass

        def close(self) -> None:
            told.append((self.folder, "closed", -1))

    told: list[Any] = []
    library = types.ModuleType("tensorboardX")
    library.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tensorboardX", library)
    board = callbacks.TensorBoard("l", histogram_freq=1, update_freq=2, write_steps_per_second=True)
    model = linear()
    model.fit(X, Y, epochs=1, batch_size=9, verbose=0, validation_data=(X, Y), callbacks=[board])
    path = model.weights[0].path
    assert {(folder, tag, step) for folder, tag, step in told} >= {
        ("l/train", "batch_loss", 2), ("l/train", "batch_loss", 4), ("l/train", "epoch_loss", 0),
        ("l/validation", "epoch_loss", 0), ("l/validation", "evaluation_loss_vs_iterations", 4),
        ("l/train", "epoch_learning_rate", 0), ("l/train", "epoch_steps_per_second", 0),
        ("l/train", path, 0), ("l/train", "closed", -1), ("l/validation", "closed", -1),
    }  # fmt: skip
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(LibraryError, match=r"tensorboardX must be installed; .*graftwork\[tensorb"):
        callbacks.TensorBoard()


def test_unfit_settings_of_tensorboard_are_refused() -> None:
    with pytest.raises(ConfigError, match='update_freq must be "epoch", "batch" or a number'):
        callbacks.TensorBoard(update_freq="often")
    with pytest.raises(ConfigError, match="profile_batch and embeddings_freq must be 0"):
        callbacks.TensorBoard(profile_batch=2)


def test_a_learning_rate_is_found_and_everything_is_as_before() -> None:
    model = linear(gw.optimizers.SGD(0.03, momentum=0.9))
    before = model.get_weights()
    finder = callbacks.LearningRateFinder(1e-5, 10.0, steps=60)
    model.fit(X, Y, epochs=100, batch_size=9, verbose=0, callbacks=[finder])
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert float(model.optimizer.learning_rate) == 0.03
    assert int(model.optimizer.iterations) == 0
    assert 10 < len(finder.rates) < 60  # it exploded before the end
    assert 1e-4 < finder.suggestion < 1
    with pytest.raises(ConfigError, match="start must lie between 0 and end"):
        callbacks.LearningRateFinder(1.0, 0.1)


def test_a_history_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    history = linear().fit(X, Y, epochs=3, verbose=0, validation_data=(X, Y))
    figure = history.plot()
    (axes,) = figure.axes
    assert axes.get_title() == "loss"
    drawn = {line.get_label(): line.get_ydata().tolist() for line in axes.lines}
    wanted = {"training": history.history["loss"], "validation": history.history["val_loss"]}
    assert drawn == wanted
    assert axes.lines[0].get_xdata().tolist() == [1, 2, 3]
    with pytest.raises(ConfigError, match=r"names must be among \['loss'\]; got names=\['mae'\]"):
        history.plot(["mae"])
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(LibraryError, match="matplotlib must be installed"):
        history.plot()


def test_a_bar_for_loops_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    bar = gw.utils.Progbar(4, verbose=2, stateful_metrics=["rate"])
    for i in range(4):
        bar.update(i + 1, [("loss", i), ("rate", i)])
    assert capsys.readouterr().out == "4/4 - loss: 3.0000 - rate: 3.0000\n"
    bar = gw.utils.Progbar(None, verbose=2)
    bar.add(3, [("loss", 2.0)])
    bar.update(4, finalize=True)
    assert capsys.readouterr().out == "4/4 - loss: 2.0000\n"
    linear().fit(X, Y, verbose=0, callbacks=[callbacks.ProgbarLogger()])
    assert "Epoch 1/1" in capsys.readouterr().out
