"""The logs of every epoch, written to a file."""

from __future__ import annotations

import csv
import os
from typing import Any

from graftgrad.errors import FormatError, sentence

from .callback import Callback, Logs


class CSVLogger(Callback):
    """Writes one row per epoch: its number and all values.

    Args:
        filename: where to.
        separator: what stands between the values.
        append: go on with a file that is there.

    Raises:
        FormatError: when the training begins: the file cannot be written.
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append
        self.names: list[str] | None = None
        self.file: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the file; one that is gone on with keeps its columns."""
        self.names = None
        if self.append and os.path.exists(self.filename):
            with open(self.filename, newline="", encoding="utf-8") as file:
                first = next(csv.reader(file, delimiter=self.separator), None)
                self.names = first[1:] if first else None
        try:
            os.makedirs(os.path.dirname(os.path.abspath(self.filename)), exist_ok=True)
            mode = "a" if self.append else "w"
            self.file = open(self.filename, mode, newline="", encoding="utf-8")
        except OSError as error:
            got: dict[str, object] = {"filename": self.filename, "reason": error.strerror}
            rule = "filename must be a file that can be written"
            raise FormatError(sentence("CSVLogger", rule, got)) from error

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write a row."""
        values = logs or {}
        writer = csv.writer(self.file, delimiter=self.separator, lineterminator="\n")
        if self.names is None:
            self.names = sorted(values)
            writer.writerow(["epoch", *self.names])
        writer.writerow([epoch, *(values.get(name, "NA") for name in self.names)])
        self.file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the file."""
        if self.file is not None:
            self.file.close()
            self.file = None
