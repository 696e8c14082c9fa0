"""fit, evaluate and predict: epochs, batches, events. What a step computes stands in `step`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

import graftgrad
from graftgrad import Tensor
from graftgrad.data import map_tree
from graftgrad.errors import DataError, expect

from ..callbacks.callback import CallbackList
from ..layers.symbol import leaves, mapped
from . import step
from .data import Batch, Source
from .handing import ran
from .host import weighted_by_class
from .logs import LazyLogs, numbers

if TYPE_CHECKING:
    from .trainer import Trainer


def run_epochs(
    model: Trainer,
    source: Source,
    callbacks: CallbackList,
    epochs: range,
    steps: int | None,
    class_weight: Any,
    validate: Callable[[int], dict[str, Any]],
) -> None:
    """Train epoch after epoch until the last one, or until somebody says stop."""
    logs: dict[str, Any] = {}
    model.stop_training = False
    try:
        callbacks.tell("on_train_begin", {})
        for epoch in epochs:
            model.reset_metrics()
            callbacks.tell("on_epoch_begin", epoch, {})
            own: Any = {}
            for number, batch in enumerate(delivered(source, model.batches_done(), steps)):
                own = train_batch(model, callbacks, number, batch, class_weight)
                if model.stop_training:
                    break
            logs = numbers(own)
            logs |= validate(epoch)
            callbacks.tell("on_epoch_end", epoch, logs)
            if model.stop_training:
                break
        model.optimizer.finalize_variable_values(model.trainable_weights)
    finally:  # an interruption ends the training too: files are closed, best weights restored
        callbacks.tell("on_train_end", logs)


def train_batch(
    model: Trainer, callbacks: CallbackList, number: int, batch: Batch, class_weight: Any
) -> Any:
    """Tell, train, tell; return what the step reports."""
    if callbacks.hears("on_train_batch_begin"):
        callbacks.tell("on_train_batch_begin", number, {})

    def weighted(batch: Batch) -> Batch:
        x, y, weight = batch
        return x, y, weighted_by_class(class_weight, y, weight, model.output_names())

    with graftgrad.enable_grad():  # whatever stands around `fit`
        logs = ran(model, "train_step", batch, None if class_weight is None else weighted)
    model.count_batch()
    if callbacks.hears("on_train_batch_end"):
        callbacks.tell("on_train_batch_end", number, _lazy(logs))
    return logs


def run_evaluation(
    model: Trainer, source: Source, callbacks: CallbackList, steps: int | None
) -> dict[str, Any]:
    """Measure all batches once; return loss and metrics."""
    model.reset_metrics()
    callbacks.tell("on_test_begin", {})
    own: Any = {}
    for number, batch in enumerate(delivered(source, 0, steps)):
        callbacks.tell("on_test_batch_begin", number, {})
        own = ran(model, "test_step", batch)
        if callbacks.hears("on_test_batch_end"):
            callbacks.tell("on_test_batch_end", number, _lazy(own))
    result = numbers(own)
    callbacks.tell("on_test_end", result)
    return result


def run_prediction(
    model: Trainer, source: Source, callbacks: CallbackList, steps: int | None
) -> list[Any]:
    """Predict all batches; return the results of each, on the host."""
    found = []
    callbacks.tell("on_predict_begin", {})
    for number, batch in enumerate(delivered(source, 0, steps)):
        callbacks.tell("on_predict_batch_begin", number, {})
        found.append(mapped(_fetched, step.ran(model, "predict_step", batch)))
        callbacks.tell("on_predict_batch_end", number, {"outputs": found[-1]})
    callbacks.tell("on_predict_end", {})
    return found


def predicted_at_once(model: Trainer, batch: Batch) -> Any:
    """Predict what is a single batch, with nobody listening; results on the host, as copies."""
    return mapped(_copied, step.ran(model, "predict_step", batch))


def delivered(source: Source, done: int, steps: int | None) -> Iterator[Batch]:
    """Deliver the batches of an epoch.

    Raises:
        DataError: there is not a single one.
    """
    count = 0
    for batch in source.epoch(done, steps):
        count += 1
        yield batch
    expect(count > 0, source.subject, "the data must deliver at least one batch", error=DataError,
           batches=0)  # fmt: skip


def joined(parts: list[Any]) -> Any:
    """Join the results of all batches along the samples: (n₁, …), (n₂, …), … -> (N, …)."""
    columns = zip(*[leaves(part) for part in parts], strict=True)
    whole = iter([np.concatenate(column) for column in columns])
    return map_tree(lambda _: next(whole), parts[0])


def _fetched(y: Any) -> Any:
    return y.detach().numpy() if isinstance(y, Tensor) else np.asarray(y)


def _copied(y: Any) -> Any:
    return _fetched(y).copy()  # what a step returned may be overwritten by the next


def _lazy(logs: Any) -> LazyLogs:
    return logs if isinstance(logs, LazyLogs) else LazyLogs(lambda: logs)
