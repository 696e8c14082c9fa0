"""Losses and metrics as `compile` was given them, matched to the outputs of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graftgrad import Tensor
from graftgrad.errors import ConfigError, expect

from ..layers.symbol import leaves
from ..registry import losses, metrics


class Matched:
    """The outputs of a model, flat, with their names; trees of targets are matched to them."""

    def __init__(self, names: list[str] | None) -> None:
        self.names = names

    def spread(self, subject: str, tree: Any, predictions: Any) -> list[Any]:
        """Return one entry per output: by name from a dictionary, by place from a list.

        Raises:
            ConfigError: the entries do not match the outputs.
        """
        names = self.named(predictions)
        if isinstance(tree, Mapping):
            unknown = [name for name in tree if name not in names]
            expect(not unknown, subject, f"names must be those of the outputs, {names}",
                   error=ConfigError, unknown=unknown)  # fmt: skip
            return [tree.get(name) for name in names]
        if len(names) == 1:
            return [tree[0] if isinstance(tree, (list, tuple)) and len(tree) == 1 else tree]
        if tree is None:
            return [None] * len(names)
        expect(isinstance(tree, (list, tuple)) and len(tree) == len(names), subject,
               f"there must be one entry for each of the {len(names)} outputs {names}",
               error=ConfigError, entries=len(tree) if isinstance(tree, (list, tuple)) else tree)  # fmt: skip
        return list(tree)

    def named(self, predictions: Any) -> list[str]:
        """Return the names of the outputs."""
        if isinstance(predictions, Mapping):
            return list(predictions)
        count = len(leaves(predictions))
        if self.names is not None and len(self.names) == count:
            return self.names
        return [f"output_{i + 1}" for i in range(count)]


class CompiledLoss:
    """The losses of all outputs, weighted and added."""

    def __init__(self, loss: Any, weights: Any, outputs: Matched) -> None:
        self.loss = loss
        self.weights = weights
        self.outputs = outputs
        self.built: list[Any] | None = None
        self.factors: list[float] = []
        if isinstance(loss, (list, tuple)):
            self.checked: Any = [_loss(one) for one in loss]
        elif isinstance(loss, Mapping) and "class_name" not in loss:
            self.checked = {name: _loss(one) for name, one in loss.items()}
        else:
            self.checked = _loss(loss)

    def __call__(self, y: Any, predictions: Any, sample_weight: Any) -> Tensor:
        """Return Σ weight · loss over the outputs, a scalar tensor.

        Raises:
            ConfigError: targets, losses or weights do not match the outputs.
        """
        found = leaves(predictions)
        if self.built is None or len(self.built) != len(found):
            self._build(predictions)
        targets = self.outputs.spread("targets", y, predictions)
        weighting = self.outputs.spread("sample_weight", sample_weight, predictions) if isinstance(
            sample_weight, (dict, list, tuple)
        ) else [sample_weight] * len(found)
        total: Tensor | None = None
        assert self.built is not None
        for loss, factor, target, prediction, weight in zip(
            self.built, self.factors, targets, found, weighting, strict=True
        ):
            if loss is None:
                continue
            expect(target is not None, "fit", "every output that has a loss needs a target",
                   error=ConfigError, y=None)  # fmt: skip
            value = loss(target, prediction, sample_weight=weight)
            value = value if value.ndim == 0 else value.mean()
            value = value if factor == 1 else value * factor
            total = value if total is None else total + value
        expect(total is not None, "compile", "at least one output must have a loss",
               error=ConfigError, loss=self.loss)  # fmt: skip
        assert total is not None
        return total

    def _build(self, predictions: Any) -> None:
        count = len(self.outputs.named(predictions))
        if isinstance(self.checked, (list, tuple, dict)):
            self.built = self.outputs.spread("loss", self.checked, predictions)
        else:
            self.built = [self.checked] * count
        given = self.outputs.spread("loss_weights", self.weights, predictions)
        self.factors = [1.0 if one is None else float(one) for one in given]


class CompiledMetrics:
    """The metrics of all outputs; names such as "accuracy" are settled by the first batch."""

    def __init__(self, given: Any, weighted: Any, outputs: Matched) -> None:
        self.given = given
        self.weighted = weighted
        self.outputs = outputs
        self.built: list[tuple[int, Any, bool]] | None = None
        for tree in (given, weighted):
            for one in _entries(tree):
                if isinstance(one, str) and one not in _BY_SHAPE:
                    metrics.find(one)

    @property
    def all(self) -> list[Any]:
        """The metrics, once they are settled."""
        return [metric for _, metric, _ in self.built or []]

    def update(self, y: Any, predictions: Any, sample_weight: Any) -> None:
        """Let every metric see a batch."""
        found = leaves(predictions)
        targets = self.outputs.spread("targets", y, predictions)
        if self.built is None:
            self._build(targets, predictions)
        assert self.built is not None
        for index, metric, weighted in self.built:
            if targets[index] is not None:
                weight = sample_weight if weighted else None
                metric.update_state(targets[index], found[index], sample_weight=weight)

    def _build(self, targets: list[Any], predictions: Any) -> None:
        found, names = leaves(predictions), self.outputs.named(predictions)
        self.built = []
        for tree, weighted in ((self.given, False), (self.weighted, True)):
            if tree is None:
                continue
            single = len(names) == 1 and not isinstance(tree, Mapping)
            spread = [tree] if single else self.outputs.spread("metrics", tree, predictions)
            for index, entry in enumerate(spread):
                for one in _entries(entry):
                    metric = _metric(one, targets[index], found[index])
                    if len(names) > 1:
                        metric.name = f"{names[index]}_{metric.name}"
                    self.built.append((index, metric, weighted))


def _loss(given: Any) -> Any:
    found = losses.get(given)
    if found is None or hasattr(found, "reduction"):
        return found
    return losses.find("LossFunctionWrapper")(found)


_BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")


def _entries(tree: Any) -> list[Any]:
    if tree is None:
        return []
    if isinstance(tree, Mapping) and "class_name" not in tree:
        return [one for entry in tree.values() for one in _entries(entry)]
    if isinstance(tree, (list, tuple)):
        return [one for entry in tree for one in _entries(entry)]
    return [tree]


def _metric(given: Any, target: Any, prediction: Tensor) -> Any:
    if isinstance(given, str) and given in _BY_SHAPE:
        what = "accuracy" if given in ("accuracy", "acc") else "crossentropy"
        metric = metrics.get(_kind(target, prediction) + what)
        metric.name = given
        return metric
    found = metrics.get(given)
    if hasattr(found, "update_state"):
        return found
    return metrics.find("MeanMetricWrapper")(found, name=getattr(given, "__name__", str(given)))


def _kind(target: Any, prediction: Tensor) -> str:
    """Say which family of metrics fits: one column is binary, whole-number labels are sparse."""
    if prediction.shape[-1] == 1 if prediction.ndim > 1 else True:
        return "binary_"
    if target is None or target.ndim < prediction.ndim or target.shape[-1] == 1:
        return "sparse_categorical_"
    return "categorical_"
