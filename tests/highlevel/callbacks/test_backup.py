"""Trainings that go on from a backup: where, with what, and what is refused."""

import os
import resource
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError, FormatError
from graftwork import callbacks
from support.killed_training import X, Y, network


class Interrupt(callbacks.Callback):
    """Raises after so many batches."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.left = batches

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def fitted(folder: Path | None, batches: int = 0, data: Any = None, **settings: Any) -> Any:
    """Train from seed 8, with a backup in a folder, interrupted after so many batches."""
    gw.set_random_seed(8)
    model = network()
    listeners: list[Any] = [Interrupt(batches)] if batches else []
    if folder is not None:
        listeners.append(callbacks.BackupAndRestore(folder, **settings))
    steps = {"steps_per_epoch": 3} if data == "steps" else {}
    x, y = (X, Y) if data in (None, "steps") else (data, None)
    size = 8 if y is not None else None
    try:
        model.fit(x, y, batch_size=size, epochs=5, verbose=0, callbacks=listeners, **steps)
    except KeyboardInterrupt:
        assert not model.training_completed
        return None
    return model


def same(one: Any, two: Any) -> None:
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.history.history == two.history.history
    assert one.history.epoch == two.history.epoch


def loader() -> Any:
    """Return batches that can be walked again and again and have a length."""
    return [(X[i : i + 8], Y[i : i + 8]) for i in range(0, 36, 8)]


class Walked:
    """A loader."""

    def __iter__(self) -> Any:
        return iter(loader())


@pytest.mark.parametrize(
    ("data", "batches"),
    [("arrays", 1), ("arrays", 5), ("arrays", 6), ("steps", 4), ("dataset", 12), ("walked", 6)],
)
def test_an_interrupted_training_ends_where_the_whole_one_ends(
    tmp_path: Path, data: str, batches: int
) -> None:
    def made() -> Any:
        if data == "dataset":
            return gw.data.Dataset.from_arrays(X, Y, batch_size=8, shuffle=True, seed=1)
        return {"arrays": None, "steps": "steps", "walked": Walked()}[data]

    assert fitted(tmp_path / "b", batches, made(), save_freq=1) is None
    same(fitted(tmp_path / "b", 0, made(), save_freq=1), fitted(None, 0, made()))
    assert not (tmp_path / "b").exists()


def test_a_backup_after_epochs_goes_on_with_the_next_epoch(tmp_path: Path) -> None:
    assert fitted(tmp_path, 8) is None
    heard: list[int] = []
    gw.set_random_seed(8)
    model = network()
    listener = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: heard.append(epoch))
    backup = callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
    model.fit(X, Y, batch_size=8, epochs=5, verbose=0, callbacks=[backup, listener])
    assert heard == [1, 2, 3, 4]
    same(model, fitted(None))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["latest.training"]
    again = network()
    again.fit(X, Y, batch_size=8, epochs=5, verbose=0, callbacks=[backup])  # nothing is left to do
    for one, two in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_what_listeners_remember_and_what_was_frozen_on_the_way_goes_on(tmp_path: Path) -> None:
    class Freezing(callbacks.Callback):
        kept = ("seen",)

        def __init__(self) -> None:
            super().__init__()
            self.seen: list[int] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                self.model.layers[0].trainable = False

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seen.append(batch)

    def run(batches: int, *more: Any) -> Any:
        gw.set_random_seed(8)
        model, freezing = network(), Freezing()
        rate = callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
        listeners = [*more, rate, freezing, *([Interrupt(batches)] if batches else [])]
        try:
            model.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=listeners)
        except KeyboardInterrupt:
            pass
        return model, freezing.seen, float(model.optimizer.learning_rate)

    whole, seen, rate = run(0)
    run(13, callbacks.BackupAndRestore(tmp_path, save_freq=1))
    resumed, seen_again, rate_again = run(0, callbacks.BackupAndRestore(tmp_path, save_freq=1))
    same(resumed, whole)
    assert (seen_again, rate_again) == (seen, rate)
    assert not resumed.layers[0].trainable


def test_a_training_that_was_stopped_is_not_taken_up_again(tmp_path: Path) -> None:
    class Stop(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training = True

    for _ in range(2):
        backup = callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
        model = network()
        model.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=[backup, Stop()])
        assert model.history.epoch == [0]


def test_several_outputs_and_own_metrics_go_on_in_the_middle_of_an_epoch(tmp_path: Path) -> None:
    def run(batches: int, folder: Path | None) -> Any:
        gw.set_random_seed(2)
        inputs = gw.Input((6,))
        one = gw.layers.Dense(1, name="one")(inputs)
        model = gw.Model(inputs, [one, gw.layers.Dense(1, name="two")(inputs)])
        model.compile("adam", "mse", metrics=["mae", "mse"], loss_weights=[1.0, 0.5])
        listeners: list[Any] = [Interrupt(batches)] if batches else []
        if folder is not None:
            listeners.append(callbacks.BackupAndRestore(folder, save_freq=1))
        y = Y[:, None].astype("float32")
        try:
            model.fit(X, [y, -y], batch_size=8, epochs=2, verbose=0, callbacks=listeners)
        except KeyboardInterrupt:
            return None
        return model

    assert run(3, tmp_path) is None
    same(run(0, tmp_path), run(0, None))


def test_the_state_before_is_used_if_the_last_is_damaged(tmp_path: Path) -> None:
    assert fitted(tmp_path, 8, save_freq=1, double_checkpoint=True) is None
    assert {one.name for one in tmp_path.iterdir()} == {"latest.training", "previous.training"}
    whole = (tmp_path / "latest.training").read_bytes()
    (tmp_path / "latest.training").write_bytes(whole[: len(whole) // 2])
    same(fitted(tmp_path, save_freq=1, double_checkpoint=True), fitted(None))


def test_a_damaged_backup_alone_is_refused_and_left_in_its_place(tmp_path: Path) -> None:
    place = tmp_path / "latest.training"
    place.write_bytes(b"no state of a training, but long enough")
    with pytest.raises(FormatError, match=r"latest\.training"):
        fitted(tmp_path)
    model = network()
    model.save_weights(tmp_path / "w.safetensors")
    os.replace(tmp_path / "w.safetensors", place)
    with pytest.raises(FormatError, match="must be the state of a training; got metadata="):
        fitted(tmp_path)
    assert place.exists()


def test_a_backup_of_another_model_is_refused(tmp_path: Path) -> None:
    assert fitted(tmp_path, 8) is None
    backup = callbacks.BackupAndRestore(tmp_path)
    other = gw.Sequential([gw.Input((6,)), gw.layers.Dense(2, activation="softmax")])
    other.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(ConfigError, match=r"must hold the weights of the model; .*or remove the"):
        other.fit(X, Y, verbose=0, callbacks=[backup])
    unlike = network()
    unlike.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ConfigError, match="entries must be those of the weights"):
        unlike.fit(X, Y, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path)])
    assert (tmp_path / "latest.training").exists()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"backup_dir": ""}, "backup_dir must name a folder; got backup_dir=''"),
        ({"backup_dir": "b", "save_freq": 0.5}, 'save_freq must be "epoch", a number of batches'),
    ],
)
def test_unfit_settings_are_refused(settings: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        callbacks.BackupAndRestore(**settings)


def test_a_model_that_is_not_built_is_refused(tmp_path: Path) -> None:
    model = gw.Sequential([gw.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ConfigError, match="the model must be built before fit; got built=False"):
        model.fit(X, Y, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path)])


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FormatError, match=r"backup_dir must be a folder that can be written; got"):
        fitted(tmp_path / "file" / "b")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(FormatError, match=r"must be a folder that can be written.*ermission"):
            fitted(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_no_two_trainings_use_one_folder(tmp_path: Path) -> None:
    def second(epoch: int, logs: Any) -> None:
        with pytest.raises(ConfigError, match=r"no two trainings may use one folder; got .*Wait"):
            fitted(tmp_path)
        seen.append(epoch)

    seen: list[int] = []
    listener = callbacks.LambdaCallback(on_epoch_begin=second)
    backup = callbacks.BackupAndRestore(tmp_path)
    network().fit(X, Y, verbose=0, callbacks=[backup, listener])
    assert seen == [0]


@pytest.mark.parametrize("kind", ["backup", "checkpoint", "weights"])
def test_a_full_disk_is_told_and_leaves_the_last_good_file(tmp_path: Path, kind: str) -> None:
    """A limit on the size of files refuses a write as a full disk does, in the middle of it."""
    path = {"backup": "latest.training", "checkpoint": "m.keras", "weights": "m.weights.h5"}[kind]

    def listener() -> Any:
        if kind == "backup":
            return callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
        weights = kind == "weights"
        return callbacks.ModelCheckpoint(tmp_path / path, save_weights_only=weights)

    model = network()
    model.fit(X, Y, epochs=1, verbose=0, callbacks=[listener()])
    good = (tmp_path / path).read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(good) // 2, hard))
    try:
        with pytest.raises(FormatError, match=r"must be writable; got reason=.*too large"):
            model.fit(X, Y, initial_epoch=1, epochs=3, verbose=0, callbacks=[listener()])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert (tmp_path / path).read_bytes() == good
    assert sorted(one.name for one in tmp_path.iterdir()) == [path]
