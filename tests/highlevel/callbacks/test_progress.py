"""What a terminal shows while a model is trained, and what a log file receives instead."""

import contextlib
import io
import os
import re
import struct
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftwork import layers
from graftwork.callbacks import lines, progress

X = np.zeros((40, 3), "float32")
Y = np.ones((40, 1), "float32")


class Terminal(io.StringIO):
    """A terminal that knows what is on its lines."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        """What each line shows in the end: what came after the last return of the carriage."""
        shown = [line.split("\r")[-1] for line in self.getvalue().split("\n")]
        return [line.rstrip() for line in shown if line.strip()]


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """Put a terminal in place, in the test itself: before it pytest puts its own files there."""

    def put() -> Terminal:
        made = Terminal()
        monkeypatch.setattr(sys, "stderr", made)
        monkeypatch.setattr(progress.ProgressBar, "redraw_seconds", 0.0)
        return made

    return put


def model() -> Any:
    gw.set_random_seed(1)
    made = gw.Sequential([layers.Input((3,)), layers.Dense(1)])
    made.compile(gw.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return made


def test_every_epoch_leaves_a_bar_with_all_values(watch: Callable[[], Terminal]) -> None:
    terminal = watch()
    model().fit(X, Y, batch_size=10, epochs=10, validation_data=(X, Y))
    first, *epochs = terminal.lines()
    assert first == "Training all 4 parameters."
    assert len(epochs) == 10
    assert re.fullmatch(
        r"Epoch  1/10: 100%\|█{10}\| 4/4 \[\d\d:\d\d, +[\d.]+(batch/s|s/batch), "
        r"loss=0\.5779, mae=0\.7380, "
        r"val_loss=0\.1678, val_mae=0\.4096\]",
        epochs[0],
    ), epochs[0]  # fmt: skip
    assert epochs[9].startswith("Epoch 10/10: 100%")


def shown_in(columns: int, run: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a real terminal of a width shows on its lines in the end."""
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    screen, device = os.openpty()
    fcntl.ioctl(device, termios.TIOCSWINSZ, struct.pack("HHHH", 20, columns, 0, 0))
    seen: list[bytes] = []

    def read() -> None:
        """Read to the end: a terminal holds a few thousand bytes, then its writer waits."""
        with contextlib.suppress(OSError):  # Linux says the end of a terminal as an error
            while part := os.read(screen, 4096):
                seen.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(device, "w", encoding="utf-8") as file, monkeypatch.context() as here:
        here.setattr(sys, "stderr", file)
        run()
    reader.join(10)
    os.close(screen)
    return Terminal(b"".join(seen).decode().replace("\r\n", "\n")).lines()


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (120, r"Epoch 1/2: 100%\|█+\| 4/4 \[.*, loss=0\.5779, mae=0\.7380, val_loss=0\.1678, "
              r"val_mae=0\.4096\]"),
        (90, r"Epoch 1/2: 4/4 \[T, loss=0\.5779, mae=0\.7380, val_loss=0\.1678, val_mae=0\.4096\]"),
        (80, r"Epoch 1/2: 4/4 \[T, loss=0\.5779 val=0\.1678, mae=0\.7380 val=0\.4096\]"),
        (60, r"Epoch 1/2 \[T, loss=0\.578 val=0\.168, mae=0\.738 val=0\.41\]"),
        (54, r"Epoch 1/2 \[T, loss=0\.578/0\.168, mae=0\.738/0\.41\]"),
        (40, r"Epoch 1/2 \[T, loss=0\.578/0\.168, \+1\]"),
        (20, r"Epoch 1/2"),
    ],
)  # fmt: skip
def test_an_epoch_leaves_one_line_however_narrow_the_terminal_is(
    columns: int, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run() -> None:
        model().fit(X, Y, batch_size=10, epochs=2, validation_data=(X, Y))

    _, *shown = shown_in(columns, run, monkeypatch)
    assert len(shown) == 2
    assert re.fullmatch(line.replace("T", r"\d\d:\d\d"), shown[0]), shown[0]
    assert max(map(len, shown)) <= columns


def test_long_names_are_shortened_as_far_as_they_stay_different() -> None:
    logs = dict.fromkeys(("accuracy", "val_accuracy", "digit_mean_absolute_error", "loss"), 0.5)
    short = {"acc": 0.5, "val_acc": 0.5, "digit_mae": 0.5, "loss": 0.5}
    assert lines.abbreviated(logs) == short
    assert [*lines.abbreviated({"accuracy": 0.5, "binary_accuracy": 0.25})] == [
        "accuracy", "binary_accuracy",
    ]  # fmt: skip
    assert [*lines.abbreviated({"a_name_of_my_own_making": 1.0})] == ["a_name_of_my_~"]


def test_the_bar_tells_that_an_epoch_is_validated(watch: Callable[[], Terminal]) -> None:
    terminal = watch()
    model().fit(X, Y, batch_size=10, validation_data=(X, Y))
    drawn = terminal.getvalue()
    assert "validating batch 4" in drawn
    assert "validating" not in terminal.lines()[-1]


def test_where_nobody_knows_the_number_of_batches_it_is_counted_once(
    watch: Callable[[], Terminal],
) -> None:
    terminal = watch()
    data = gw.data.Dataset.from_generator(lambda: ((X[:8], Y[:8]) for _ in range(3)))
    model().fit(data, epochs=2)
    drawn = terminal.getvalue()
    assert "Epoch 1/2: 0 batches" in drawn
    assert "Epoch 2/2:   0%" in drawn
    assert "3/3" in terminal.lines()[1]


def test_evaluation_and_prediction_have_bars_of_their_own(watch: Callable[[], Terminal]) -> None:
    terminal = watch()
    made = model()
    made.evaluate(X, Y, batch_size=10)
    made.predict(X, batch_size=10)
    made.predict(X[:3])
    evaluated, predicted = terminal.lines()
    assert re.fullmatch(r"Evaluate: 100%\|█+\| 4/4 \[.*, loss=1\.0000, mae=1\.0000\]", evaluated)
    assert re.fullmatch(
        r"Predict: 100%\|█+\| 4/4 \[\d\d:\d\d, +[\d.]+(batch/s|s/batch)\]", predicted
    )


def test_an_interruption_closes_the_bar(watch: Callable[[], Terminal]) -> None:
    terminal = watch()

    def interrupt(batch: int, logs: Any) -> None:
        if batch == 2:
            raise KeyboardInterrupt

    stop = gw.callbacks.LambdaCallback(on_train_batch_end=interrupt)
    with pytest.raises(KeyboardInterrupt):
        model().fit(X, Y, batch_size=10, callbacks=[stop])
    assert terminal.getvalue().endswith("\n")
    assert "2/4" in terminal.lines()[-1]


@pytest.mark.parametrize("what", ["evaluate", "predict"])
def test_an_interruption_of_what_is_no_training_closes_the_bar_too(
    watch: Callable[[], Terminal], what: str
) -> None:
    terminal = watch()

    def interrupt(batch: int, logs: Any) -> None:
        if batch == 2:
            raise KeyboardInterrupt

    stop = gw.callbacks.LambdaCallback(
        on_test_batch_end=interrupt, on_predict_batch_end=interrupt
    )  # fmt: skip
    data = (X, Y) if what == "evaluate" else (X,)
    with pytest.raises(KeyboardInterrupt):
        getattr(model(), what)(*data, batch_size=10, callbacks=[stop])
    assert terminal.getvalue().endswith("\n")
    assert "2/4" in terminal.lines()[-1]


def test_a_log_file_gets_one_line_per_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    made = model()
    made.fit(X, Y, batch_size=10, epochs=2, validation_data=(X, Y), verbose=1)
    made.evaluate(X, Y, batch_size=10)
    made.predict(X, batch_size=10)
    told = capsys.readouterr()
    first, *rest = told.out.splitlines()
    assert (first, told.err) == ("Training all 4 parameters.", "")
    assert "\r" not in told.out
    values = r"loss: 0\.5779 - mae: 0\.7380 - val_loss: 0\.1678 - val_mae: 0\.4096"
    pattern = rf"Epoch 1/2 - 4 batches - [\d.]+s - {values}"
    assert re.fullmatch(pattern, rest[0]), rest[0]
    assert rest[1].startswith("Epoch 2/2 - 4 batches")
    assert re.fullmatch(r"Evaluate - 4 batches - [\d.]+s - loss: .* - mae: .*", rest[2])
    assert len(rest) == 3


def test_two_asks_for_lines_and_zero_for_silence(
    watch: Callable[[], Terminal], capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = watch()
    model().fit(X, Y, verbose=2)
    assert capsys.readouterr().out.splitlines()[1].startswith("Epoch 1/1 - 2 batches")
    model().fit(X, Y, verbose=0)
    assert (terminal.getvalue(), capsys.readouterr().out) == ("", "")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0000"),
        (0.12345, "0.1235"),
        (0.00012, "1.200e-04"),
        (123456.0, "1.235e+05"),
        ([1, 2], "[1, 2]"),
    ],
)
def test_values_are_written_with_four_digits(value: Any, text: str) -> None:
    assert lines.shown(value) == text


def test_a_notebook_keeps_lines_where_bars_were(
    watch: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    terminal = watch()
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    trained = model()
    trained.fit(X, Y, batch_size=10, epochs=2)
    trained.predict(X)
    first, *epochs = capsys.readouterr().out.splitlines()
    assert first == "Training all 4 parameters."
    assert [line[:22] for line in epochs] == ["Epoch 1/2 - 4 batches ", "Epoch 2/2 - 4 batches "]
    assert all("loss: " in line and "mae: " in line for line in epochs)
    assert "Epoch 1/2:" in terminal.getvalue()  # the bars, while they ran
    assert terminal.lines() == []
