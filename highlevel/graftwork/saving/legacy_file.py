"""Writing Keras' older HDF5 of a whole model: layer by layer, configurations without modules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graftgrad import formats
from graftgrad.errors import ConfigError, expect

from .. import registry
from . import compilation, config, names

_SHORT = {
    "mse": "mean_squared_error", "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error", "bce": "binary_crossentropy",
}  # fmt: skip
_LONGEST = 64000  # bytes of an attribute


def write(model: Any, place: Path, optimizer: bool) -> None:
    """Write a sequential or functional model of built-in layers.

    Raises:
        ConfigError: the model is of a kind that this form cannot hold.
    """
    advice = "Save it as .keras."
    expect(names.in_order(model), "save", "an .h5 file holds sequential and functional models",
           error=ConfigError, model=type(model).__name__, advice=advice)  # fmt: skip
    arrays: dict[str, Any] = {}
    lists: dict[str, dict[str, list[str]]] = {"model_weights": {"layer_names": []}}
    seen: set[int] = set()
    for _, layer in model.children():
        inside = [weight for weight in _ordered(layer) if id(weight) not in seen]
        seen.update(id(weight) for weight in inside)
        paths = {
            id(one.weight): f"{one.layer.name}/{one.weight.name}" for one in names.places(layer)
        }
        listed = [paths[id(weight)] for weight in inside]
        group = f"model_weights/{layer.name}"
        expect(len(set(listed)) == len(listed) and layer.name not in (".", ".."), "save",
               "an .h5 file needs a name of its own for every layer", error=ConfigError,
               layer=layer.name, advice=advice)  # fmt: skip
        lists["model_weights"]["layer_names"].append(layer.name)
        lists[group] = {"weight_names": listed}
        arrays |= {
            f"{group}/{name}": weight.numpy() for name, weight in zip(listed, inside, strict=True)
        }
    text = {
        "keras_version": "3.5.0",
        "backend": "numpy",
        "model_config": json.dumps(_plain(config.model_config(model))),
    }
    told = compilation.compile_config(model)
    if told is not None:
        text["training_config"] = json.dumps(_training(told))
        if optimizer:
            variables = model.optimizer.variables_of(model.trainable_weights)
            listed = [f"{model.optimizer.name}/{i}_{one.name}" for i, one in enumerate(variables)]
            lists["optimizer_weights"] = {"weight_names": listed}
            arrays |= {
                f"optimizer_weights/{name}": one.numpy()
                for name, one in zip(listed, variables, strict=True)
            }
    longest = max(
        sum(len(n.encode()) + 16 for n in one) for two in lists.values() for one in two.values()
    )
    expect(longest < _LONGEST, "save", "an .h5 file holds no such long lists of names",
           error=ConfigError, layers=len(lists), advice=advice)  # fmt: skip
    if names.variant_of(model):
        text[formats.FORM_NOTE] = names.variant_of(model)
    attributes: dict[str, Any] = {"": text, **lists}
    formats.write_tree(place, arrays, attributes)


def _ordered(layer: Any) -> list[Any]:
    """Return a layer's weights as Keras flattens them: what is trained first."""
    return sorted(layer.weights, key=lambda weight: not weight.requires_grad)


def _plain(told: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the modules of layers, as the older form has it."""
    inner = dict(told["config"])
    if "layers" in inner:
        inner["layers"] = [_plain(one) for one in inner["layers"]]
    rest = {key: told[key] for key in ("name", "inbound_nodes") if key in told}
    known = told["class_name"] in registry.layers.known
    expect(known and told["class_name"] != "Lambda", "save", "an .h5 file holds built-in layers",
           error=ConfigError, class_name=told["class_name"],
           advice="Save it as .keras.")  # fmt: skip
    return {"class_name": told["class_name"], "config": inner, **rest}


def _training(told: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in told.items() if key != "optimizer"}
    optimizer = told["optimizer"]
    keys = ("class_name", "config", "graftwork")  # the last where Keras has no such class
    found["optimizer_config"] = {key: optimizer[key] for key in keys if key in optimizer}
    found["loss"] = _long(told["loss"])
    return found


def _long(loss: Any) -> Any:
    """Spell losses out: Keras cannot read its own abbreviations back."""
    if isinstance(loss, list):
        return [_long(one) for one in loss]
    if isinstance(loss, dict) and "class_name" not in loss:
        return {key: _long(one) for key, one in loss.items()}
    return _SHORT.get(loss, loss) if isinstance(loss, str) else loss
