"""fit, evaluate and predict: epochs, batches, events. What a step computes stands in `step`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from graftgrad.data import map_tree
from graftgrad.errors import DataError, expect

from ..callbacks.callback import CallbackList
from ..layers.symbol import leaves, mapped
from .data import Batch, Source, check_labels, weighted_by_class

if TYPE_CHECKING:
    from .trainer import Trainer


def run_epochs(
    model: Trainer,
    source: Source,
    callbacks: CallbackList,
    epochs: range,
    steps: int | None,
    class_weight: Any,
    validate: Any,
) -> dict[str, float]:
    """Train epoch after epoch until the last one, or until somebody says stop; return the last logs."""
    logs: dict[str, float] = {}
    model.stop_training = False
    callbacks.tell("on_train_begin", {})
    try:
        for epoch in epochs:
            model.reset_metrics()
            callbacks.tell("on_epoch_begin", epoch, {})
            key = int(model.optimizer.iterations)
            own: dict[str, Any] | None = None
            for number, batch in enumerate(limited(source.epoch(key), steps, source)):
                own = train_batch(model, callbacks, number, batch, class_weight)
                if model.stop_training:
                    break
            logs = model.get_metrics_result() if own is None else _numbers(own)
            logs |= validate(epoch)
            callbacks.tell("on_epoch_end", epoch, logs)
            if model.stop_training:
                break
    finally:
        callbacks.tell("on_train_end", logs)
    return logs


def train_batch(
    model: Trainer, callbacks: CallbackList, number: int, batch: Batch, class_weight: Any
) -> dict[str, Any] | None:
    """Tell, train, tell; return the logs of a step that a subclass has replaced."""
    x, y, weight = batch
    check_labels("fit", y)
    if class_weight is not None:
        weight = weighted_by_class(class_weight, y, weight)
    callbacks.tell("on_train_batch_begin", number, {})
    logs = model.train_step((x, y, weight))
    if callbacks.hears("on_train_batch_end"):
        callbacks.tell("on_train_batch_end", number, LazyLogs(model, logs))
    return logs


def run_evaluation(
    model: Trainer, source: Source, callbacks: CallbackList, steps: int | None
) -> dict[str, float]:
    """Measure all batches once; return loss and metrics."""
    model.reset_metrics()
    callbacks.tell("on_test_begin", {})
    own: dict[str, Any] | None = None
    for number, batch in enumerate(limited(source.epoch(0), steps, source)):
        check_labels("evaluate", batch[1])
        callbacks.tell("on_test_batch_begin", number, {})
        own = model.test_step(batch)
        callbacks.tell("on_test_batch_end", number, LazyLogs(model, own))
    result = model.get_metrics_result() if own is None else _numbers(own)
    callbacks.tell("on_test_end", result)
    return result


def run_prediction(
    model: Trainer, source: Source, callbacks: CallbackList, steps: int | None
) -> list[Any]:
    """Predict all batches; return the results of each, on the host."""
    found = []
    callbacks.tell("on_predict_begin", {})
    for number, batch in enumerate(limited(source.epoch(0), steps, source)):
        callbacks.tell("on_predict_batch_begin", number, {})
        found.append(mapped(lambda y: y.detach().numpy(), model.predict_step(batch)))
        callbacks.tell("on_predict_batch_end", number, {"outputs": found[-1]})
    callbacks.tell("on_predict_end", {})
    return found


def limited(batches: Iterator[Batch], steps: int | None, source: Source) -> Iterator[Batch]:
    """Deliver at most `steps` batches.

    Raises:
        DataError: there is not a single batch.
    """
    count = 0
    for batch in islice(batches, steps):
        count += 1
        yield batch
    expect(count > 0, "data set", "must deliver at least one batch", error=DataError, batches=0,
           source=type(source).__name__)  # fmt: skip


class LazyLogs(dict[str, Any]):
    """The logs of a batch: metrics are read from the device only if a listener looks."""

    def __init__(self, model: Trainer, logs: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.read = lambda: logs if logs is not None else model.get_metrics_result()
        self.filled = False

    def fill(self) -> LazyLogs:
        """Read the values once."""
        if not self.filled:
            self.filled = True
            self.update({name: float(value) for name, value in self.read().items()})
        return self

    def __getitem__(self, name: str) -> Any:
        self.fill()
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return one value."""
        self.fill()
        return super().get(name, default)

    def items(self) -> Any:
        """Return names and values."""
        self.fill()
        return super().items()

    def keys(self) -> Any:
        """Return the names."""
        self.fill()
        return super().keys()

    def values(self) -> Any:
        """Return the values."""
        self.fill()
        return super().values()

    def __iter__(self) -> Iterator[str]:
        self.fill()
        return super().__iter__()

    def __contains__(self, name: object) -> bool:
        self.fill()
        return super().__contains__(name)

    def __len__(self) -> int:
        self.fill()
        return super().__len__()

    def __bool__(self) -> bool:
        return True


def _numbers(logs: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in logs.items()}


def joined(parts: list[Any]) -> Any:
    """Join the results of all batches along the samples."""
    columns = [leaves(part) for part in parts]
    whole = iter([_concatenated(column) for column in zip(*columns, strict=True)])
    return map_tree(lambda _: next(whole), parts[0])


def _concatenated(column: tuple[Any, ...]) -> Any:
    return column[0].copy() if len(column) == 1 else np.concatenate(column)
