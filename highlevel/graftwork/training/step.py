"""The train, test and predict step: the sentence the library exists for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import graftgrad
from graftgrad import Tensor
from graftgrad.data import map_tree

from ..layers.layer import phase

if TYPE_CHECKING:
    from .trainer import Trainer


def tensors(batch: Any) -> Any:
    """Return a batch of host arrays as tensors; memory is shared where it can be."""
    return map_tree(graftgrad.as_tensor, batch)


def train(model: Trainer, x: Any, y: Any, sample_weight: Any) -> Tensor:
    """Update the trained parameters once.

    prediction → loss + penalties → gradients → optimizer → constraints → metrics

    Shapes: x (N, …), y (N, …), sample_weight (N,). Returns the loss, a scalar tensor.
    """
    before, phase.penalties = phase.penalties, []
    try:
        prediction = model(x, training=True)
        loss = model.compute_loss(x, y, prediction, sample_weight)
    finally:
        phase.penalties = before
    if loss.requires_grad:
        loss.backward()
        trained = model.trainable_weights
        model.optimizer.step(trained)
        for weight in trained:
            weight.grad = None
            if weight.constraint is not None:
                weight.assign(weight.constraint(weight.detach()))
    model.count_loss(loss, x)
    model.compute_metrics(x, y, prediction, sample_weight)
    return loss


def test(model: Trainer, x: Any, y: Any, sample_weight: Any) -> Tensor:
    """Measure once, in inference form, without a graph."""
    with graftgrad.no_grad():
        prediction = model(x, training=False)
        loss = model.compute_loss(x, y, prediction, sample_weight, training=False)
        model.count_loss(loss, x)
        model.compute_metrics(x, y, prediction, sample_weight)
    return loss


def predict(model: Trainer, x: Any) -> Any:
    """Compute once, in inference form, without a graph."""
    with graftgrad.no_grad():
        return model(x, training=False)
