"""Losses and metrics as `compile` was given them, matched to the outputs of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import graftgrad
from graftgrad import Tensor
from graftgrad.errors import ConfigError, DataError, expect

from ..layers.symbol import leaves
from ..losses.loss import LossFunctionWrapper, precise
from ..metrics.metric import Mean, MeanMetricWrapper
from ..registry import losses, metrics


class Matched:
    """The outputs of a model, flat, with their names; trees of targets are matched to them."""

    def __init__(self, names: list[str] | None) -> None:
        self.names = names if names is not None and len(set(names)) == len(names) else None
        self.lossy: list[bool] = []  # which outputs have a loss, once that is known

    def check(self, subject: str, tree: Any) -> None:
        """Refuse names that are those of no output, where the outputs are known.

        Raises:
            ConfigError: a name is unknown.
        """
        if self.names is not None and _by_name(tree):
            unknown = [name for name in tree if name not in self.names]
            expect(not unknown, subject, f"names must be those of the outputs, {self.names}",
                   error=ConfigError, unknown=unknown)  # fmt: skip

    def spread(self, subject: str, tree: Any, predictions: Any) -> list[Any]:
        """Return one entry per output: by name from a dictionary, by place from a list.

        Raises:
            ConfigError: the entries do not match the outputs.
        """
        names = self.named(predictions)
        if _by_name(tree):
            unknown = [name for name in tree if name not in names]
            expect(not unknown, subject, f"names must be those of the outputs, {names}",
                   error=ConfigError, unknown=unknown)  # fmt: skip
            return [tree.get(name) for name in names]
        if tree is None:
            return [None] * len(names)
        if len(names) == 1 and not isinstance(tree, (list, tuple)):
            return [tree]
        expect(isinstance(tree, (list, tuple)) and len(tree) == len(names), subject,
               f"there must be one entry for each of the outputs {names}", error=ConfigError,
               given=len(tree) if isinstance(tree, (list, tuple)) else tree)  # fmt: skip
        return list(tree)

    def targets(self, tree: Any, predictions: Any) -> list[Any]:
        """Return one target per output; they may be as many as there are outputs with a loss.

        Raises:
            ConfigError: the targets do not match the outputs.
        """
        given = list(tree) if isinstance(tree, (list, tuple)) else [tree]
        if not _by_name(tree) and len(given) == sum(self.lossy) < len(self.lossy):
            rest = iter(given)
            return [next(rest) if lossy else None for lossy in self.lossy]
        return self.spread("targets", tree, predictions)

    def named(self, predictions: Any) -> list[str]:
        """Return the names of the outputs."""
        if isinstance(predictions, Mapping):
            return list(predictions)
        count = len(leaves(predictions))
        if self.names is not None and len(self.names) == count:
            return self.names
        return [f"output_{i + 1}" for i in range(count)]


class CompiledLoss:
    """The losses of all outputs, weighted and added; of several outputs each mean is kept."""

    def __init__(self, loss: Any, weights: Any, outputs: Matched) -> None:
        outputs.check("loss", loss)
        outputs.check("loss_weights", weights)
        self.loss = loss
        self.weights = weights
        self.outputs = outputs
        self.built: list[Any] = []
        self.factors: tuple[float, ...] = ()
        self.means: list[Any] = []
        self.awaited: list[Any] = []  # state of the means, saved before they were made here
        if isinstance(loss, (list, tuple)):
            self.checked: Any = [_loss(one) for one in loss]
        elif _by_name(loss):
            self.checked = {name: _loss(one) for name, one in loss.items()}
        else:
            self.checked = _loss(loss)

    def __call__(self, y: Any, predictions: Any, sample_weight: Any) -> Tensor:
        """Return Σ weight · loss over the outputs, a scalar tensor.

        Raises:
            ConfigError: targets, losses or weights do not match the outputs.
            DataError: an output that has a loss has no target.
        """
        found = leaves(predictions)
        if len(self.built) != len(found):
            self._build(predictions)
        targets = self.outputs.targets(y, predictions)
        weighting: list[Any] = [sample_weight] * len(found)
        if isinstance(sample_weight, (Mapping, list, tuple)):
            weighting = self.outputs.spread("sample_weight", sample_weight, predictions)
        terms = [
            self._term(i, targets[i], found[i], weighting[i])
            for i, loss in enumerate(self.built)
            if loss is not None
        ]
        expect(len(terms) > 0, "compile", "at least one output must have a loss", error=ConfigError,
               loss=self.loss)  # fmt: skip
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total

    def _term(self, index: int, target: Any, prediction: Tensor, weight: Any) -> Tensor:
        expect(target is not None, "targets", "every output that has a loss must have a target",
               error=DataError, output=index, y=None,
               advice="Pass y, or let the data set deliver (x, y).")  # fmt: skip
        value: Tensor = self.built[index](target, prediction, sample_weight=weight)
        value = value if value.ndim == 0 else value.mean()
        if self.means:
            self.means[index].update_state(value.detach(), sample_weight=prediction.shape[0])
        return value if self.factors[index] == 1 else value * self.factors[index]

    def _build(self, predictions: Any) -> None:
        names = self.outputs.named(predictions)
        if isinstance(self.checked, (list, tuple, dict)):
            self.built = self.outputs.spread("loss", self.checked, predictions)
        else:
            self.built = [self.checked] * len(names)
        self.outputs.lossy = [one is not None for one in self.built]
        given = self.outputs.spread("loss_weights", self.weights, predictions)
        self.factors = tuple([1.0 if one is None else float(one) for one in given])
        if sum(one is not None for one in self.built) > 1:
            self.means = [Mean(name=f"{name}_loss") for name in names]
            self.awaited = _brought_back(self.metrics, self.awaited)

    @property
    def metrics(self) -> list[Any]:
        """The mean loss of every output that has one, where there are several outputs."""
        return [
            mean for mean, loss in zip(self.means, self.built, strict=False) if loss is not None
        ]


@dataclass(slots=True)
class Entry:
    """A metric, the output it looks at, its name in logs, and whether it sees sample weights."""

    output: int
    name: str
    metric: Any
    weighted: bool


class CompiledMetrics:
    """The metrics of all outputs as one; "accuracy" and its like are settled by the first batch."""

    name = "compile_metrics"

    def __init__(self, given: Any, weighted: Any, outputs: Matched) -> None:
        self.given = {"metrics": given, "weighted_metrics": weighted}
        self.device: Any = None  # where training has brought them, and the optimizer
        self.outputs = outputs
        self.entries: list[Entry] = []
        self.awaited: list[Any] = []  # state of the metrics, saved before they were settled here
        for subject, tree in self.given.items():
            outputs.check(subject, tree)
            for one in _entries(tree):
                if isinstance(one, str):
                    _ = one in _BY_SHAPE or metrics.find(one)
                else:
                    known = (
                        hasattr(one, "update_state") or callable(one) or isinstance(one, Mapping)
                    )
                    expect(known, subject,
                           "must be names, Metrics or functions of (y_true, y_pred)",
                           error=ConfigError, metric=one)  # fmt: skip

    @property
    def metrics(self) -> list[Any]:
        """The metrics, once they are settled."""
        return [entry.metric for entry in self.entries]

    @property
    def variables(self) -> list[Any]:
        """The state of all metrics."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Let every metric see a batch; predictions of 16 bits as float32."""
        found = [precise(one) for one in leaves(y_pred)]
        targets = self.outputs.targets(y_true, y_pred)
        if not self.entries:
            self._build(targets, y_pred)
        weighting: list[Any] = [sample_weight] * len(found)
        if isinstance(sample_weight, (Mapping, list, tuple)):
            weighting = self.outputs.spread("sample_weight", sample_weight, y_pred)
        for entry in self.entries:
            i = entry.output
            if targets[i] is not None:
                weight = weighting[i] if entry.weighted else None
                entry.metric.update_state(targets[i], found[i], sample_weight=weight)

    def result(self) -> dict[str, Any]:
        """Return the values by name."""
        return {entry.name: entry.metric.result() for entry in self.entries}

    def reset_state(self) -> None:
        """Forget what the metrics have seen."""
        for metric in self.metrics:
            metric.reset_state()

    def _build(self, targets: list[Any], predictions: Any) -> None:
        names = self.outputs.named(predictions)
        for subject, tree in self.given.items():
            for i, one in self._placed(subject, tree, predictions):
                metric, name = _metric(one, targets[i], leaves(predictions)[i])
                prefix = "" if len(names) == 1 else f"{names[i]}_"
                taken = {entry.name for entry in self.entries}
                if subject == "weighted_metrics" and prefix + name in taken:
                    name = f"weighted_{name}"
                name = prefix + name
                number = next(n for n in range(len(taken) + 1) if _numbered(name, n) not in taken)
                entry = Entry(i, _numbered(name, number), metric, subject == "weighted_metrics")
                self.entries.append(entry)
        for variable in self.variables:
            variable.move(leaves(predictions)[0].device)
        self.awaited = _brought_back(self.metrics, self.awaited)

    def _placed(self, subject: str, tree: Any, predictions: Any) -> Iterator[tuple[int, Any]]:
        count = len(leaves(predictions))
        if isinstance(tree, str):
            spread: list[Any] = [tree] * count  # one name stands for a metric of every output
        elif count == 1 and not _by_name(tree):
            spread = [tree]
        else:
            spread = self.outputs.spread(subject, tree, predictions)
        for i, entry in enumerate(spread):
            for one in _entries(entry):
                yield i, one


def _brought_back(metrics: list[Any], values: list[Any]) -> list[Any]:
    variables = [variable for metric in metrics for variable in metric.variables]
    for variable, value in zip(variables, values, strict=bool(values)):
        variable.assign(value)
    return []


_BY_SHAPE = {
    "accuracy": "accuracy",
    "acc": "accuracy",
    "crossentropy": "crossentropy",
    "ce": "crossentropy",
}
metrics.also = tuple(_BY_SHAPE)


def _by_name(tree: Any) -> bool:
    return isinstance(tree, Mapping) and "class_name" not in tree


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name


def _loss(given: Any) -> Any:
    found = losses.get(given)
    if found is None or hasattr(found, "reduction"):
        return found
    return LossFunctionWrapper(found)


def _entries(tree: Any) -> list[Any]:
    if tree is None:
        return []
    if _by_name(tree):
        return [one for entry in tree.values() for one in _entries(entry)]
    if isinstance(tree, (list, tuple)):
        return [one for entry in tree for one in _entries(entry)]
    return [tree]


def _metric(given: Any, target: Any, prediction: Tensor) -> tuple[Any, str]:
    """Return a metric and its name in logs: a name stays the name under which it was asked for."""
    known = given
    if isinstance(given, str) and given in _BY_SHAPE:
        known = _kind(target, prediction) + _BY_SHAPE[given]
    found = metrics.get(known)
    found = found if hasattr(found, "update_state") else MeanMetricWrapper(found)
    named = given if isinstance(given, str) else found.name
    return found, "lambda" if named == "<lambda>" else named


def _kind(target: Any, prediction: Tensor) -> str:
    """Say which family of metrics fits: one column is binary, whole-number labels are sparse."""
    if prediction.ndim < 2 or prediction.shape[-1] == 1:
        return "binary_"
    shape = graftgrad.as_tensor(target).shape
    if len(shape) < prediction.ndim or shape[-1] == 1:
        return "sparse_categorical_"
    return "categorical_"
