"""How a model was compiled, as a configuration: optimizer, loss, metrics, told and made again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graftgrad.errors import ConfigError, expect

from .. import registry
from ..registry import Configured, custom_object_scope, encoded, serialize_keras_object
from . import dialects

Config = dict[str, Any]


def compile_config(model: Any) -> Config | None:
    """Return what `compile` was told, as plain values; None if the model is not compiled.

    Raises:
        ConfigError: a loss or metric is a function without a name.
    """
    if not getattr(model, "compiled", False):
        return None
    told = model.compile_settings
    keys = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly",
            "steps_per_execution")  # fmt: skip
    found: Config = dialects.written({key: _compiled(key, told[key]) for key in keys})
    return {key: found.get(key) for key in keys}


def told_by(model: Any) -> Config | None:
    """Return what a model's `get_compile_config` says, as plain values; None if not compiled.

    A class of one's own may return optimizers, losses and functions there, as in Keras.

    Raises:
        ConfigError: something in it cannot be told as plain values, or it is no dictionary.
    """
    found = model.get_compile_config() if getattr(model, "compiled", False) else None
    expect(found is None or isinstance(found, Mapping), f'model "{model.name}"',
           "get_compile_config must return a dictionary", error=ConfigError,
           got=type(found).__name__)  # fmt: skip
    told: Config | None = None if found is None else serialize_keras_object(found)
    return told


def _compiled(key: str, value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_compiled(key, one) for one in value]
    if isinstance(value, Mapping):
        return {name: _compiled(key, one) for name, one in value.items()}
    if callable(value) and not isinstance(value, (Configured, type)):
        name = getattr(value, "__name__", "<lambda>")
        known = any(one.known.get(name) is value for one in (registry.losses, registry.metrics))
        if known:
            return name
        expect(name.isidentifier(), "save",
               f"{key} must be a name, an object or a function with a name", error=ConfigError,
               function=name, advice="Write it with def.")  # fmt: skip
        registered = getattr(value, "registered_name", name)
        return {
            "module": "builtins",
            "class_name": "function",
            "config": name,
            "registered_name": registered,
        }
    return encoded(value)


def compiled(model: Any, config: Any, custom_objects: Mapping[str, Any] | None = None) -> None:
    """Compile a model as a configuration of Keras 3, or a legacy training_config, says.

    Raises:
        ConfigError: an optimizer, loss or metric is not known or not understood.
    """
    expect(isinstance(config, Mapping), "compile_config", "must be a dictionary", error=ConfigError,
           compile_config=type(config).__name__)  # fmt: skip
    with custom_object_scope(custom_objects or {}):
        told = _training(config)
        single = len(getattr(model, "outputs", None) or [None]) == 1
        made = {
            "optimizer": _made(told.get("optimizer"), registry.optimizers),
            "loss": _made(told.get("loss"), registry.losses),
            "loss_weights": told.get("loss_weights"),
            "metrics": _metrics(told.get("metrics"), single),
            "weighted_metrics": _metrics(told.get("weighted_metrics"), single),
            "run_eagerly": bool(told.get("run_eagerly", False)),
            "steps_per_execution": told.get("steps_per_execution") or 1,
        }
        if made["optimizer"] is None:
            del made["optimizer"]
        model.compile(**made)


def _training(config: Mapping[str, Any]) -> Config:
    """Give the training_config of Keras' older files the keys of today."""
    told = dict(config)
    if "optimizer_config" in told:
        told["optimizer"] = told.pop("optimizer_config")
    return told


def _made(value: Any, kind: registry.Registry) -> Any:
    """Make an object of a configuration; names stay names, so that they can be told again."""
    if isinstance(value, list):
        return [_made(one, kind) for one in value]
    if not isinstance(value, Mapping):
        return value
    if "class_name" not in value:
        return {key: _made(one, kind) for key, one in value.items()}
    room = next(
        (one for one in registry.REGISTRIES.values() if one.module == value.get("module")), kind
    )
    return room.get(dialects.read(value, room, "compile_config"))


def _metrics(value: Any, single: bool) -> Any:
    """Make the metrics; Keras 2 wrapped the names in objects and a single output in a list."""
    if single and isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    return _made(_unwrapped(value), registry.metrics)


def _unwrapped(value: Any) -> Any:
    if isinstance(value, list):
        return [_unwrapped(one) for one in value]
    if isinstance(value, Mapping) and value.get("class_name") == "MeanMetricWrapper":
        config = value.get("config")
        told = config if isinstance(config, Mapping) else {}
        return told["name"] if told.get("name") in ("accuracy", "acc") else told.get("fn", value)
    if isinstance(value, Mapping) and "class_name" not in value:
        return {key: _unwrapped(one) for key, one in value.items()}
    return value
