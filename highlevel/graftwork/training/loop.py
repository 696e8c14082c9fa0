"""fit, evaluate and predict: epochs, batches, events. What a step computes stands in `step`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

import graftgrad
from graftgrad import Tensor
from graftgrad.data import map_tree
from graftgrad.errors import DataError, expect

from ..callbacks.callback import Listeners
from ..layers.symbol import leaves, mapped
from . import step
from .batch import Batch
from .data import Source
from .handing import KeptSource, ran, ran_together
from .host import weighted_by_class
from .logs import LazyLogs, numbers, warned_of
from .picked import PickedSource, picked
from .resuming import Resumption, rest_of

if TYPE_CHECKING:
    from .trainer import Trainer

TOGETHER = 32  # batches that are read on demand and that nobody hears of


def run_epochs(
    model: Trainer,
    source: Source,
    callbacks: Listeners,
    epochs: range,
    steps: int | None,
    class_weight: Any,
    validate: Callable[[int], dict[str, Any]],
) -> None:
    """Train epoch after epoch until the last one, or until somebody says stop."""
    source = picked(source)
    logs: dict[str, Any] = {}
    lost = False
    model.stop_training, model.resumption, model.training_completed = False, None, False
    try:
        callbacks.tell("on_train_begin", {})
        found: Resumption | None = model.resumption
        if found is not None:
            found.restore()
            logs, epochs = found.logs, range(found.epoch, epochs.stop)
        for epoch in epochs:
            passed = found.batch if found is not None and epoch == found.epoch else 0
            if model.stop_training and not passed:
                break
            callbacks_begin(model, callbacks, epoch, found if passed else None)
            own: Any = found.logs if found is not None and passed else {}
            for number, chunk in executions(  # with no name: an interruption closes it
                delivered(source, model.batches_done(), steps, passed),
                _together(model, source, callbacks),
                passed,
            ):
                if model.stop_training:
                    break
                own = train_batches(model, callbacks, number, chunk, class_weight)
            logs = numbers(own)
            logs |= validate(epoch)
            if not lost and not model.stop_training:
                lost = warned_of(logs, epoch)
            callbacks.tell("on_epoch_end", epoch, logs)
        model.optimizer.finalize_variable_values(model.trainable_weights)
        model.training_completed = True
    finally:  # an interruption ends the training too: files are closed, best weights restored
        model.resumption = None
        callbacks.tell("on_train_end", logs)


def callbacks_begin(
    model: Trainer, callbacks: Listeners, epoch: int, found: Resumption | None
) -> None:
    """Begin an epoch, or go on in the middle of one."""
    if found is None:
        model.reset_metrics()
    callbacks.tell("on_epoch_begin", epoch, {})
    if found is not None:
        found.restore()


def executions(
    batches: Iterator[Batch], size: int, first: int = 0
) -> Iterator[tuple[int, list[Batch]]]:
    """Deliver batches in groups that listeners hear of as one, with the number of the first."""
    while group := list(islice(batches, size)):
        yield first, group
        first += len(group)


def train_batches(
    model: Trainer, callbacks: Listeners, number: int, batches: list[Batch], class_weight: Any
) -> Any:
    """Tell, train, tell; return what the last step reports."""
    if callbacks.hears("on_train_batch_begin"):
        callbacks.tell("on_train_batch_begin", number, {})
    logs: Any = {}
    left = batches
    while left:
        done, told = 0, None
        if class_weight is None:
            with graftgrad.enable_grad():
                done, told = ran_together(model, "train_step", left)
        if not done:
            done, told = 1, train_batch(model, left[0], class_weight)
        logs, left = told, left[done:]
        if model.stop_training and len(batches) > model.steps_per_execution:
            break
    if callbacks.hears("on_train_batch_end"):
        callbacks.tell("on_train_batch_end", number + len(batches) - 1, _lazy(logs))
    return logs


def _together(model: Trainer, source: Source, callbacks: Listeners) -> int:
    """Return how many batches are trained before the loop looks up again."""
    heard = any(map(callbacks.hears, ("on_train_batch_begin", "on_train_batch_end")))
    on_demand = isinstance(source, (PickedSource, KeptSource))
    fewest = model.steps_per_execution
    return fewest if heard or not on_demand else max(fewest, TOGETHER)


def train_batch(model: Trainer, batch: Batch, class_weight: Any) -> Any:
    """Train on one batch; return what the step reports."""

    def weighted(batch: Batch) -> Batch:
        x, y, weight = batch
        return x, y, weighted_by_class(class_weight, y, weight, model.targets_by())

    with graftgrad.enable_grad():  # whatever stands around `fit`
        logs = ran(model, "train_step", batch, None if class_weight is None else weighted)
    model.count_batch()
    return logs


def run_evaluation(
    model: Trainer, source: Source, callbacks: Listeners, steps: int | None
) -> dict[str, Any]:
    """Measure all batches once; return loss and metrics."""
    model.reset_metrics()
    model.stop_evaluating = False
    callbacks.tell("on_test_begin", {})
    own: Any = {}
    for number, group in executions(delivered(source, 0, steps), model.steps_per_execution):
        callbacks.tell("on_test_batch_begin", number, {})
        for batch in group:
            own = ran(model, "test_step", batch)
        if callbacks.hears("on_test_batch_end"):
            callbacks.tell("on_test_batch_end", number + len(group) - 1, _lazy(own))
        if model.stop_evaluating:
            break
    result = numbers(own)
    callbacks.tell("on_test_end", result)
    return result


def run_prediction(
    model: Trainer, source: Source, callbacks: Listeners, steps: int | None
) -> list[Any]:
    """Predict all batches; return the results of each, on the host."""
    found = []
    model.stop_predicting = False
    callbacks.tell("on_predict_begin", {})
    for number, group in executions(delivered(source, 0, steps), model.steps_per_execution):
        callbacks.tell("on_predict_batch_begin", number, {})
        parts = [mapped(_fetched, step.ran(model, "predict_step", batch)) for batch in group]
        found.append(parts[0] if len(parts) == 1 else joined(parts))
        last = number + len(group) - 1
        callbacks.tell("on_predict_batch_end", last, {"outputs": found[-1]})
        if model.stop_predicting:
            break
    callbacks.tell("on_predict_end", {})
    return found


def predicted_at_once(model: Trainer, batch: Batch) -> Any:
    """Predict what is a single batch, with nobody listening; results on the host, as copies."""
    return mapped(_copied, step.ran(model, "predict_step", batch))


def delivered(source: Source, done: int, steps: int | None, passed: int = 0) -> Iterator[Batch]:
    """Deliver the batches of an epoch, or those that are left after some were trained.

    Raises:
        DataError: there is not a single one.
    """
    count = passed
    for batch in rest_of(source, done, steps, passed) if passed else source.epoch(done, steps):
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
