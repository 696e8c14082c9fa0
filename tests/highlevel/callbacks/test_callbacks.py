"""Callbacks: the order of events, and what each of them does; beside Keras for the same courses."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError, DataError, FormatError
from graftwork import callbacks, layers

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "callbacks.json"
CASES = json.loads(GOLDEN.read_text(encoding="utf-8"))
X = np.random.default_rng(1).normal(size=(12, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


class Optimizer:
    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate


class FakeModel:
    """What callbacks touch; its only weight is the number of the epoch."""

    def __init__(self) -> None:
        self.optimizer = Optimizer(0.125)
        self.stop_training = False
        self.weights = [-1]
        self.saved: list[str] = []

    def get_weights(self) -> list[int]:
        return list(self.weights)

    def set_weights(self, weights: list[int]) -> None:
        self.weights = list(weights)

    def save(self, path: str, overwrite: bool = True) -> None:
        self.saved.append(path)

    def save_weights(self, path: str, overwrite: bool = True) -> None:
        self.saved.append(path)


def told(callback: Any, losses: Any, name: str = "val_loss") -> FakeModel:
    """Let a callback hear a course of values, one per epoch."""
    model = FakeModel()
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        model.weights = [epoch]
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {name: loss})
        if model.stop_training:
            break
    callback.on_train_end()
    return model


def line(optimizer: Any = "sgd") -> Any:
    gw.set_random_seed(7)
    model = gw.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile(optimizer, "mse")
    return model


@pytest.mark.parametrize(
    "case", CASES, ids=lambda c: f"{c['class_name']}-{c['settings']}-{c['losses'][:2]}"
)
def test_courses_end_as_in_keras(case: Any) -> None:
    model, rates, stopped = FakeModel(), [], None
    callback = getattr(callbacks, case["class_name"])(monitor="val_loss", **case["settings"])
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, loss in enumerate(case["losses"]):
        model.weights = [epoch]
        callback.on_epoch_end(epoch, {"val_loss": loss})
        rates.append(model.optimizer.learning_rate)
        if model.stop_training:
            stopped = epoch
            break
    callback.on_train_end()
    assert (stopped, model.weights[0]) == (case["stopped"], case["restored"])
    np.testing.assert_allclose(rates, case["rates"], rtol=1e-6)


def test_events_come_in_order() -> None:
    heard: list[str] = []
    events = [name for name in dir(callbacks.Callback) if name.startswith("on_")]
    spy = callbacks.LambdaCallback(
        **{name: lambda *_, name=name: heard.append(name) for name in events}
    )
    model = line()
    model.fit(
        X,
        Y,
        batch_size=6,
        validation_data=(X, Y),
        validation_batch_size=12,
        callbacks=spy,
        verbose=0,
    )
    batch = ["on_train_batch_begin", "on_train_batch_end"]
    test = ["on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end"]
    assert heard == [
        "on_train_begin",
        "on_epoch_begin",
        *batch,
        *batch,
        *test,
        "on_epoch_end",
        "on_train_end",
    ]
    heard.clear()
    model.evaluate(X, Y, batch_size=12, callbacks=[spy], verbose=0)
    model.predict(X, batch_size=12, callbacks=[spy], verbose=0)
    predict = [
        "on_predict_begin",
        "on_predict_batch_begin",
        "on_predict_batch_end",
        "on_predict_end",
    ]
    assert heard == test + predict


def test_logs_hold_means_so_far_and_the_older_names_are_heard() -> None:
    seen: list[Any] = []

    class Old(callbacks.Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(
                (batch, dict(logs), {**logs}, logs.get("loss"), "loss" in logs, logs.copy())
            )

    history = line().fit(X, Y, batch_size=4, callbacks=[Old()], verbose=0)
    assert [batch for batch, *_ in seen] == [0, 1, 2]
    for _, first, second, loss, known, third in seen:
        assert first == second == third == {"loss": loss}
        assert known
    assert seen[-1][3] == history.history["loss"][0]


def test_a_training_stops_when_a_callback_says_so() -> None:
    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = batch == 1

    model = line()
    history = model.fit(X, Y, batch_size=2, epochs=5, callbacks=[Stop()], verbose=0)
    assert (history.epoch, int(model.optimizer.iterations)) == ([0], 2)
    assert model.fit(X, Y, epochs=2, verbose=0).epoch == [0, 1]


def test_history_knows_the_learning_rate_and_holds_no_model() -> None:
    model = line()
    history = model.fit(
        X, Y, epochs=2, callbacks=[callbacks.LearningRateScheduler(lambda e: 0.1)], verbose=0
    )
    assert history.history["learning_rate"] == pytest.approx([0.1, 0.1])
    assert model.history is history
    assert history.model is None


# -- stopping ------------------------------------------------------------------------------------


class Worsen(callbacks.Callback):
    """Makes the loss grow from one epoch on."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["loss"] = [3.0, 1.0, 2.0, 2.5, 2.7][epoch]


@pytest.mark.parametrize("end", ["patience", "by itself", "interrupted"])
def test_the_best_weights_return_however_the_training_ends(end: str) -> None:
    class Keep(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            kept.append(self.model.get_weights())
            if end == "interrupted" and epoch == 2:
                raise KeyboardInterrupt

    kept: list[Any] = []
    stopping = callbacks.EarlyStopping(
        "loss", patience=1 if end == "patience" else 9, restore_best_weights=True
    )
    model = line()
    given = [Worsen(), stopping, Keep()]
    if end == "interrupted":
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, epochs=5, callbacks=given, verbose=0)
    else:
        model.fit(X, Y, epochs=5, callbacks=given, verbose=0)
    assert len(kept) == {"patience": 3, "by itself": 5, "interrupted": 3}[end]
    for found, wanted in zip(model.get_weights(), kept[1], strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert stopping.best_epoch == 1


def test_a_callback_can_be_used_again() -> None:
    stopping = callbacks.EarlyStopping(patience=1)
    for _ in range(2):
        told(stopping, [1, 2, 3, 4])
        assert stopping.stopped_epoch == 1


@pytest.mark.parametrize(
    ("name", "values", "stopped"),
    [("val_accuracy", [0.5, 0.6, 0.7], 0), ("val_accuracy", [0.5, 0.4], 1), ("auc", [0.9, 0.8], 1),
     ("val_mae", [0.5, 0.6], 1), ("loss", [0.5, math.nan, 0.4], 1)],
)  # fmt: skip
def test_auto_knows_what_is_better(name: str, values: list[float], stopped: int) -> None:
    stopping = callbacks.EarlyStopping(monitor=name)
    told(stopping, values, name)
    assert stopping.stopped_epoch == stopped


def test_a_name_that_the_logs_do_not_hold_is_warned_of() -> None:
    for callback in (callbacks.EarlyStopping("val_los"), callbacks.ReduceLROnPlateau("val_los")):
        with pytest.warns(UserWarning, match=r"one of \['val_loss'\]; got monitor='val_los'"):
            told(callback, [1.0])


def test_a_loss_that_is_nan_ends_the_training(capsys: pytest.CaptureFixture[str]) -> None:
    model = line()
    x = X.copy()
    x[5] = np.nan
    model.fit(x, Y, batch_size=2, shuffle=False, callbacks=[callbacks.TerminateOnNaN()], verbose=0)
    assert int(model.optimizer.iterations) == 3
    assert "Batch 2: the loss is nan" in capsys.readouterr().out
    with pytest.raises(DataError, match="loss must be finite; got batch=2, loss=nan"):
        line().fit(
            x, Y, batch_size=2, shuffle=False, callbacks=[callbacks.TerminateOnNaN(True)], verbose=0
        )


# -- files ---------------------------------------------------------------------------------------


def test_the_best_or_every_epoch_is_written(tmp_path: Path) -> None:
    path = str(tmp_path / "new" / "at-{epoch:02d}-{val_loss:.1f}.keras")
    every = told(callbacks.ModelCheckpoint(path), [3, 2, 2.5, 1])
    assert [Path(one).name for one in every.saved] == [
        "at-01-3.0.keras", "at-02-2.0.keras", "at-03-2.5.keras", "at-04-1.0.keras"
    ]  # fmt: skip
    best = told(callbacks.ModelCheckpoint(path, save_best_only=True), [3, 2, 2.5, 1])
    assert [Path(one).name for one in best.saved] == [
        "at-01-3.0.keras",
        "at-02-2.0.keras",
        "at-04-1.0.keras",
    ]
    bound = callbacks.ModelCheckpoint(path, save_best_only=True, initial_value_threshold=2.2)
    assert len(told(bound, [3, 2, 2.5, 1]).saved) == 2
    assert (tmp_path / "new").is_dir()


def test_batches_are_counted_over_epochs(tmp_path: Path) -> None:
    path = str(tmp_path / "e{epoch}b{batch}.weights.h5")
    model = FakeModel()
    checkpoint = callbacks.ModelCheckpoint(path, save_weights_only=True, save_freq=2)
    checkpoint.set_model(model)
    for epoch in range(2):
        checkpoint.on_epoch_begin(epoch)
        for batch in range(3):
            checkpoint.on_train_batch_end(batch, {"loss": 1.0})
        checkpoint.on_epoch_end(epoch, {"loss": 1.0})
    assert [Path(one).name for one in model.saved] == [
        "e1b2.weights.h5",
        "e2b1.weights.h5",
        "e2b3.weights.h5",
    ]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"filepath": "model.pt"}, r'must end in "\.keras".*model\.pt'),
        ({"filepath": "a.keras", "save_weights_only": True}, r'must end in "\.weights\.h5"'),
        ({"filepath": "a.weights.h5"}, r'must end in "\.keras"'),
        ({"filepath": "a.keras", "save_freq": "batch"}, "save_freq='batch'"),
        ({"filepath": "a.keras", "mode": "up"}, "mode='up'"),
    ],
)
def test_paths_and_settings_that_do_not_fit_are_refused(settings: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        callbacks.ModelCheckpoint(**settings)


def test_a_path_may_name_only_what_the_logs_hold(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"may name batch, val_loss, epoch; got .*'accuracy'"):
        told(callbacks.ModelCheckpoint(str(tmp_path / "{accuracy}.keras")), [1.0])


def test_a_checkpoint_of_a_training_can_be_loaded(tmp_path: Path) -> None:
    model = line()
    if not hasattr(model, "save_weights"):
        pytest.skip("models cannot be saved yet")
    path = tmp_path / "best.weights.h5"
    checkpoint = callbacks.ModelCheckpoint(
        path, "loss", save_best_only=True, save_weights_only=True
    )
    model.fit(X, Y, epochs=2, callbacks=[checkpoint], verbose=0)
    other = line()
    other.load_weights(path)
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])


def rows(path: Path, separator: str = ",") -> list[list[str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file, delimiter=separator))


def test_a_table_has_a_row_per_epoch_and_can_be_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    model = line()
    model.fit(
        X, Y, epochs=2, validation_data=(X, Y), callbacks=[callbacks.CSVLogger(path)], verbose=0
    )
    assert [row[0] for row in rows(path)] == ["epoch", "0", "1"]
    assert rows(path)[0] == ["epoch", "loss", "val_loss"]
    model.fit(
        X,
        Y,
        epochs=4,
        initial_epoch=2,
        callbacks=[callbacks.CSVLogger(path, append=True)],
        verbose=0,
    )
    assert [row[0] for row in rows(path)] == ["epoch", "0", "1", "2", "3"]
    assert rows(path)[4][2] == "NA"
    history = model.fit(X, Y, callbacks=callbacks.CSVLogger(path, separator=";"), verbose=0)
    assert rows(path, ";") == [["epoch", "loss"], ["0", str(history.history["loss"][0])]]


def test_an_interrupted_training_leaves_whole_rows_and_a_closed_file(tmp_path: Path) -> None:
    def interrupt(epoch: int, logs: Any) -> None:
        if epoch == 1:
            raise KeyboardInterrupt

    logger = callbacks.CSVLogger(tmp_path / "log.csv")
    stop = callbacks.LambdaCallback(on_epoch_begin=interrupt)
    with pytest.raises(KeyboardInterrupt):
        line().fit(X, Y, epochs=3, callbacks=[logger, stop], verbose=0)
    assert [row[0] for row in rows(tmp_path / "log.csv")] == ["epoch", "0"]
    assert logger.file is None


def test_a_log_that_cannot_be_written_is_told_when_the_training_begins(tmp_path: Path) -> None:
    logger = callbacks.CSVLogger(tmp_path / "new" / "folder" / "log.csv")
    line().fit(X, Y, callbacks=[logger], verbose=0)
    assert len(rows(tmp_path / "new" / "folder" / "log.csv")) == 2
    with pytest.raises(FormatError, match=r"CSVLogger: filename must be a file .*got filename='"):
        line().fit(X, Y, callbacks=[callbacks.CSVLogger(tmp_path / "new")], verbose=0)


# -- learning rates ------------------------------------------------------------------------------


def test_a_function_sets_the_learning_rate_of_every_epoch(
    capsys: pytest.CaptureFixture[str],
) -> None:
    by_epoch = callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1), verbose=1)
    by_rate = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    model = line(gw.optimizers.SGD(0.8))
    assert model.fit(X, Y, epochs=3, callbacks=[by_epoch], verbose=0).history["learning_rate"] == (
        pytest.approx([0.1, 0.05, 0.1 / 3])
    )
    assert "Epoch 2: learning rate 0.05" in capsys.readouterr().out
    model = line(gw.optimizers.SGD(0.8))
    assert model.fit(X, Y, epochs=3, callbacks=[by_rate], verbose=0).history["learning_rate"] == (
        pytest.approx([0.4, 0.2, 0.1])
    )


def test_rates_that_are_none_and_optimizers_with_a_schedule_are_refused() -> None:
    with pytest.raises(ConfigError, match="schedule must return a number; got returned='high'"):
        told(callbacks.LearningRateScheduler(lambda epoch: "high"), [1.0])  # type: ignore[arg-type, return-value]
    with pytest.raises(ConfigError, match="schedule must be a function"):
        callbacks.LearningRateScheduler(0.1)  # type: ignore[arg-type]
    scheduled = line(gw.optimizers.SGD(gw.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)))
    with pytest.raises(ConfigError, match="follows a schedule"):
        scheduled.fit(X, Y, callbacks=[callbacks.LearningRateScheduler(lambda e: 0.1)], verbose=0)
    with pytest.raises(ConfigError, match="factor=1"):
        callbacks.ReduceLROnPlateau(factor=1.0)


def test_an_event_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="event='on_epoch_ends'"):
        callbacks.LambdaCallback(on_epoch_ends=print)


def test_who_listens_is_looked_up_once_and_under_both_names() -> None:
    told: list[tuple[str, int]] = []

    class Older(callbacks.Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            told.append(("older", batch))

    quiet = callbacks.Callback()
    given = callbacks.LambdaCallback(on_train_batch_end=lambda i, logs: told.append(("given", i)))
    everybody = callbacks.CallbackList([quiet, Older(), given])
    everybody.tell("on_train_batch_end", 3, {})
    assert told == [("older", 3), ("given", 3)]
    assert everybody.hears("on_train_batch_end")
    assert not everybody.hears("on_train_batch_begin")
    assert everybody.listeners("on_train_batch_end") is everybody.listeners("on_train_batch_end")


def test_a_history_tells_its_last_epoch_and_shows_its_curves_by_itself() -> None:
    history = gw.callbacks.History()
    assert repr(history) == "<History of 0 epochs>"
    for epoch, loss in enumerate((0.5, 0.25)):
        history.on_epoch_end(epoch, {"loss": loss, "note": "x"})
    assert repr(history) == "<History of 2 epochs; last: loss=0.25, note>"
    pytest.importorskip("matplotlib")
    figure = history.plot(["loss"])  # pyplot, which would teach a notebook, is not imported by it
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_a_list_tells_the_events_of_a_loop_of_ones_own() -> None:
    heard: list[Any] = []

    class Ear(callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            heard.append(("begin", epoch, logs))

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            heard.append((batch, logs["loss"]))

        def on_train_end(self, logs: Any = None) -> None:
            heard.append(("end", logs, self.params["epochs"], self.model.name))

    model = gw.Sequential([gw.Input((2,)), layers.Dense(1)], name="m")
    told = callbacks.CallbackList(Ear(), add_history=True, model=model, epochs=1, verbose=0)
    told.on_train_begin()
    told.on_epoch_begin(0)
    told.on_train_batch_begin(0)
    told.on_train_batch_end(0, {"loss": 2.0})
    told.on_epoch_end(0, logs={"loss": 2.0})
    told.on_train_end({"loss": 2.0})
    assert heard == [("begin", 0, {}), (0, 2.0), ("end", {"loss": 2.0}, 1, "m")]
    assert model.history.history == {"loss": [2.0]}
    model.compile("sgd", "mse")
    again = model.fit(np.ones((2, 2)), np.ones(2), callbacks=told, verbose=0)
    assert again.epoch == [0] and heard[-1][0] == "end"
