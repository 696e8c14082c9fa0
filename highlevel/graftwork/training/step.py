"""The train, test and predict step: the sentence the library exists for."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import graftgrad
from graftgrad import Tensor
from graftgrad.data import map_tree
from graftgrad.errors import GradientError, expect

from ..tables.strings import is_text
from .batch import Batch, received

if TYPE_CHECKING:
    from .trainer import Trainer


def train(model: Trainer, x: Any, y: Any, sample_weight: Any) -> Any:
    """Update the trained parameters once and return what the metrics report.

    prediction → loss + penalties → gradients → optimizer → metrics

    Shapes: x (N, …), y (N, …), sample_weight (N,).
    """
    if model.built:  # before anything is kept of weights that are about to move
        model.optimizer.flats.hold(model.trainable_weights)
    prediction = model(x, training=True)
    loss = _loss(model, x, y, prediction, sample_weight, True)
    if loss.requires_grad:
        update(model, loss)
    else:
        expect(not model.trainable_weights, "fit", "the loss must depend on the trained parameters",
               error=GradientError, loss=loss,
               advice="Write it with graftgrad.ops, not NumPy, and detach nothing.")  # fmt: skip
    model.count_loss(loss, x)
    return model.compute_metrics(x, y, prediction, sample_weight)


def _loss(model: Trainer, x: Any, y: Any, prediction: Any, weight: Any, training: bool) -> Tensor:
    """Ask for the loss; `training` is told where the method takes it, which an older one does not.

    Scripts written before Keras 3.3 override `compute_loss(x, y, y_pred, sample_weight)`.
    """
    if _told_of_training(type(model)):
        return model.compute_loss(x, y, prediction, weight, training=training)
    return model.compute_loss(x, y, prediction, weight)


def _told_of_training(kind: type[Any]) -> bool:
    told = _told.get(kind)
    if told is None:
        taken = inspect.signature(kind.compute_loss).parameters
        told = "training" in taken or any(one.kind is one.VAR_KEYWORD for one in taken.values())
        _told[kind] = told
    return told


_told: WeakKeyDictionary[type[Any], bool] = WeakKeyDictionary()  # classes may be of a cell's run


def update(model: Trainer, loss: Tensor) -> None:
    """Let the optimizer step along the gradients of a loss; here it is read what is trained."""
    trained = model.trainable_weights
    for weight in trained:
        weight.grad = None  # a gradient that somebody left is not part of this step
    model.optimizer.scale_loss(loss).backward()
    model.optimizer.step(trained)
    for weight in trained:
        weight.grad = None


def test(model: Trainer, x: Any, y: Any, sample_weight: Any) -> Any:
    """Measure once, in inference form, without a graph, and return what the metrics report."""
    with graftgrad.no_grad():
        prediction = model(x, training=False)
        loss = _loss(model, x, y, prediction, sample_weight, False)
        model.count_loss(loss, x)
        return model.compute_metrics(x, y, prediction, sample_weight)


def predict(model: Trainer, x: Any) -> Any:
    """Compute once, in inference form, without a graph."""
    with graftgrad.no_grad():
        return model(x, training=False)


def ran(model: Trainer, step: str, batch: Batch) -> Any:
    """Run a step of a model on a batch of host arrays.

    The step receives tensors: x, (x, y) or (x, y, sample_weight), as they were given.
    Text stays on the host, and a step that receives it is not recorded.
    """
    return model.recorded.run(step, placed(batch))


def placed(batch: Batch) -> Any:
    """Return what a step receives of a batch of host arrays."""
    return map_tree(_placed, received(batch))


def _placed(host: Any) -> Any:
    return host if is_text(host) else graftgrad.as_tensor(host)


def unpacked(data: Any) -> tuple[Any, Any, Any]:
    """Return (x, y, sample_weight) of what a step received; what is not there is None."""
    parts = tuple(data) if isinstance(data, (tuple, list)) else (data,)
    x, y, weight = (*parts, None, None)[:3]
    return x, y, weight
