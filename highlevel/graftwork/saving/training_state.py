"""All that a training goes on from, in one file: what a `.keras` file holds, and the rest.

Weights and states of generators stand by the paths of `.keras` files, which do not depend on names;
optimizers by the name of the attribute that holds them; metrics by their place. What is no array is
JSON in the file's metadata.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from graftgrad import formats
from graftgrad.errors import ConfigError, FormatError, ShapeError, expect

from ..seeds import restore_sources, states_of_sources
from .names import places
from .rates import checked, multipliers, restore

FORMAT = "graftwork training state 1"


def save_training_state(
    model: Any, path: str | os.PathLike[str], progress: Mapping[str, Any]
) -> None:
    """Write everything that the next step of a training depends on.

    These are all weights, what is frozen, optimizers with their slots and counters, metrics, seeds
    and states of all generators, how many batches were trained, and `progress`: plain values and
    host arrays. The file appears whole or not at all.

    Raises:
        FormatError: the folder does not exist or cannot be written.
        ConfigError: two weights share a path.
    """
    arrays: dict[str, Any] = {}
    weights = _weights(model)
    for name, weight in weights.items():
        arrays[f"weight/{name}"] = weight.numpy()
    order = {}
    for name, optimizer in optimizers_of(model).items():
        own = {weight.path: path for path, weight in weights.items()}
        for key, value in optimizer.state().items():
            arrays[f"optimizer/{name}/{_renamed(key, own)}"] = value.numpy().copy()
        order[name] = [own[one.path] for one in optimizer.known if one.path in own]
    for name, group in metrics_of(model).items():
        for number, variable in enumerate(group):
            arrays[f"metric/{name}/{number}"] = variable.numpy()
    told = {
        "format": FORMAT,
        "frozen": [n for n, w in weights.items() if w.kind == "parameter" and not w.requires_grad],
        "learning_rate_multipliers": multipliers(weights),
        "order": order,
        "seed": model.seed,
        "batches": model.batches_trained,
        "sources": states_of_sources(),
        "progress": _parted(dict(progress), "progress", arrays),
    }
    formats.write_safetensors(path, arrays, {"training": json.dumps(told)})


class TrainingState:
    """A file that `save_training_state` wrote, looked at before anything is changed.

    Attributes:
        progress: what was told when it was written.
        seed: of the order in which samples are visited.
    Raises:
        FormatError: the file is damaged, or another kind of file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.subject = str(path)
        file = formats.open_safetensors(path)
        try:
            self.told: dict[str, Any] = json.loads(file.metadata.get("training", "{}"))
        except ValueError:
            self.told = {}
        sound = isinstance(self.told, dict) and self.told.get("format") == FORMAT
        expect(sound, self.subject, "must be the state of a training", error=FormatError,
               metadata=sorted(file.metadata))  # fmt: skip
        self.arrays = {name: np.array(file[name]) for name in file}
        self.seed = self.told["seed"]
        self.progress: dict[str, Any] = _joined(self.told["progress"], self.arrays)

    def restore(self, model: Any) -> None:
        """Bring a built and compiled model back; all of it or nothing.

        Raises:
            ConfigError: the model has other weights or optimizers than the one that was saved.
            ShapeError: a weight has another shape.
        """
        weights = _weights(model)
        saved = self._below("weight/")
        advice = "Make the model as it was made then, or remove the file."
        expect(weights.keys() == saved.keys(), self.subject, "must hold the weights of the model",
               error=ConfigError, missing=sorted(weights.keys() - saved.keys()),
               unknown=sorted(saved.keys() - weights.keys()), advice=advice)  # fmt: skip
        for name, weight in weights.items():
            expect(weight.shape == saved[name].shape, self.subject, f"{name} must keep its shape",
                   error=ShapeError, shape=weight.shape, saved=saved[name].shape,
                   advice=advice)  # fmt: skip
        rates = checked(self.told.get("learning_rate_multipliers", {}), self.subject)
        optimizers, order = optimizers_of(model), self.told["order"]
        expect(optimizers.keys() == order.keys(), self.subject, "must hold the model's optimizers",
               error=ConfigError, saved=sorted(order), model=sorted(optimizers),
               advice=advice)  # fmt: skip
        for name, optimizer in optimizers.items():
            own = {path: weight.path for path, weight in weights.items()}
            state = self._below(f"optimizer/{name}/")
            met = [path for path in order[name] if path in weights]
            rest = [path for path in weights if path not in met]
            optimizer.load_state(
                {_renamed(key, own): value for key, value in state.items()},
                [weights[path] for path in (*met, *rest) if weights[path].kind == "parameter"],
            )
        frozen = set(self.told["frozen"])
        for name, weight in weights.items():
            weight.assign(saved[name])
            if weight.kind == "parameter" and weight.trainable is not (name not in frozen):
                weight.trainable = name not in frozen
        restore(rates, weights)
        self._restore_metrics(model)
        model.seed = self.seed
        object.__setattr__(model, "batches_trained", int(self.told["batches"]))
        restore_sources(self.told["sources"])

    def _restore_metrics(self, model: Any) -> None:
        for name, group in metrics_of(model).items():
            listed = list(group)
            values = list(self._below(f"metric/{name}/").values())
            if listed or name == "own":
                expect(len(listed) == len(values), self.subject, "must hold the model's metrics",
                       error=ConfigError, group=name, saved=len(values), model=len(listed),
                       advice="Metrics must make their state in the constructor.")  # fmt: skip
                for variable, value in zip(listed, values, strict=True):
                    variable.assign(value)
            elif values:
                model.await_metrics(name, values)

    def _below(self, prefix: str) -> dict[str, Any]:
        found = {n.removeprefix(prefix): v for n, v in self.arrays.items() if n.startswith(prefix)}
        if prefix.startswith("metric/"):
            return dict(sorted(found.items(), key=lambda pair: int(pair[0])))
        return found


def optimizers_of(model: Any) -> dict[str, Any]:
    """Return the optimizers that a model holds, by the attribute."""
    return {
        name: one
        for name, one in vars(model).items()
        if hasattr(one, "load_state") and hasattr(one, "scale_loss")
    }


def metrics_of(model: Any) -> dict[str, list[Any]]:
    """Return the state of a model's metrics: of the mean loss, of outputs, of compile, and own."""
    groups: dict[str, list[Any]] = {"loss": [], "outputs": [], "compiled": [], "own": []}
    settled: dict[int, str] = {}
    if model.compiled:
        settled[id(model.mean_loss)] = "loss"
        settled[id(model.compiled_metrics)] = "compiled"
        groups["loss"] = list(model.mean_loss.variables)
        groups["compiled"] = list(model.compiled_metrics.variables)
        for one in model.compiled_loss.metrics if model.compiled_loss is not None else ():
            settled[id(one)] = "outputs"
            groups["outputs"] += one.variables
    for one in model.metrics:
        if id(one) not in settled:
            groups["own"] += one.variables
    return groups


def _weights(model: Any) -> dict[str, Any]:
    """Return every weight by its place, which is the same in every making of the model."""
    found = {place.keras: place.weight for place in places(model)}
    known = {id(weight) for weight in found.values()}
    others = [weight for weight in model.variables if id(weight) not in known]
    return found | {f"others/{i}": weight for i, weight in enumerate(others)}


def _renamed(key: str, names: Mapping[str, str]) -> str:
    """Return the path of an optimizer's state with its weight under another name."""
    number, path, slot = re.fullmatch(r"(\d+:)?(?:(.*)/)?([^/]*)", key, re.DOTALL).groups()  # type: ignore[union-attr]
    return f"{number or ''}{names[path]}/{slot}" if path in names else key


def _parted(value: Any, path: str, arrays: dict[str, Any]) -> Any:
    """Return plain values; arrays are put aside and stand as references to their names."""
    if isinstance(value, Mapping):
        return {str(key): _parted(one, f"{path}/{key}", arrays) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_parted(one, f"{path}/{i}", arrays) for i, one in enumerate(value)]
    if isinstance(value, np.ndarray):
        arrays[path] = value
        return {"array": path}
    return value.item() if isinstance(value, np.generic) else value


def _joined(value: Any, arrays: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"array"} and value["array"] in arrays:
            return arrays[value["array"]]
        return {key: _joined(one, arrays) for key, one in value.items()}
    return [_joined(one, arrays) for one in value] if isinstance(value, list) else value
