"""A model as Keras 3's configuration, and a model from one: registered names and plain values.

How functional models are wired stands in `graph.py`, how older versions wrote in `dialects.py`.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

from graftgrad.errors import ConfigError, GraftError, expect
from graftgrad.formats import DEFAULT_LIMITS
from graftgrad.formats.strict_json import parse_object

from .. import registry
from ..layers.layer import Layer
from ..layers.stored import defines
from ..registry import Configured, custom_object_scope, found_class
from . import dialects, graph

Config = dict[str, Any]
_LONGEST_NAME = 512


# -- writing -------------------------------------------------------------------------------------


def model_config(model: Layer) -> Config:
    """Return the configuration of a model, or of a layer, in Keras 3's form.

    Raises:
        ConfigError: something in it cannot be told as plain values, for example a lambda.
    """
    found: Config = dialects.written(_Writer().entry(model))
    return found


def settings_of(model: Layer) -> Config:
    """Return the inner configuration: what `from_config` of the model's class takes."""
    found: Config = model_config(model)["config"]
    return found


class _Writer:
    """Tells layers as configurations; one that is met in two models is told as shared."""

    def __init__(self) -> None:
        self.told: dict[int, Config] = {}

    def entry(self, layer: Layer) -> Config:
        known = self.told.get(id(layer))
        if known is not None:
            known.setdefault("shared_object_id", list(self.told).index(id(layer)) + 1)
            return {key: known[key] for key in known if key not in ("name", "inbound_nodes")}
        module, name, registered = _identity(layer)
        entry: Config = {"module": module, "class_name": name}
        self.told[id(layer)] = entry
        entry["config"] = self.inner(layer)
        entry["registered_name"] = registered
        build = _build_config(layer)
        if build is not None:
            entry["build_config"] = build
        return entry

    def inner(self, layer: Any) -> Config:
        if form_of(type(layer)) == "functional":
            return graph.functional_config(layer, self.entry)
        if form_of(type(layer)) == "sequential":
            entrance = [layer.entrance] if layer.entrance is not None else []
            config: Config = {
                "name": layer.name, "trainable": layer.trainable, "dtype": layer.dtype_policy.name,
                "layers": [self.entry(one) for one in [*entrance, *layer.stack]],
            }  # fmt: skip
            if layer.built and layer.built_shape is not None:
                config["build_input_shape"] = layer.get_build_config()["input_shape"]
            return config
        found: Config = layer.get_config()
        return found


def _identity(layer: Layer) -> tuple[str, str, str | None]:
    kind = type(layer)
    if kind is registry.layers.known.get("Functional"):
        return "keras.src.models.functional", "Functional", "Functional"
    if kind is registry.layers.known.get("Sequential"):
        return "keras", "Sequential", None
    if registry.layers.known.get(kind.__name__) is kind:
        module = vars(kind).get("exported_module", "keras.layers")
        return module, vars(kind).get("exported_name", kind.__name__), None
    module = vars(kind).get("exported_module", kind.__module__)
    return module, kind.__name__, getattr(kind, "registered_name", kind.__name__)


def form_of(kind: type) -> str:
    """Tell how a class is told: as "functional" (calls), "sequential" (a list) or its "own"."""
    functional, sequential = (
        registry.layers.known.get(name) for name in ("Functional", "Sequential")
    )
    if functional is not None and issubclass(kind, functional):
        # one that hands inputs and outputs on in its constructor is made by it again
        return "own" if getattr(kind, "constructed", False) else "functional"
    if sequential is not None and issubclass(kind, sequential):
        own = next(one for one in kind.__mro__ if "__init__" in vars(one))
        return "sequential" if own is sequential else "own"
    return "own"


def _build_config(layer: Any) -> Config | None:
    if form_of(type(layer)) == "functional":
        return {"input_shape": None}
    if defines(layer, "get_build_config") or (layer.built and layer.variables):
        found: Config | None = layer.get_build_config()
        return found
    return None


# -- reading -------------------------------------------------------------------------------------


def model_from_config(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Make a model, weights fresh, from a configuration of Keras 3, Keras 2 or ours.

    Only registered classes and those in `custom_objects` are made; nothing is imported.

    Raises:
        ConfigError: a name is not known, a setting unfit, or the configuration carries code.
    """
    with custom_object_scope(custom_objects or {}):
        told = _outermost(config)
        older = str(told.pop("keras_version", "")).startswith(("1.", "2."))
        entry = dialects.read(told, registry.layers, "model", older)
        made = _Maker().layer(entry)
    expect(hasattr(made, "save"), "model", "the configuration must be that of a model",
           error=ConfigError, class_name=entry["class_name"])  # fmt: skip
    return made


def from_settings(kind: Any, settings: Mapping[str, Any]) -> Any:
    """Make a functional model of a class from its inner configuration."""
    entry = dialects.read(
        {"class_name": "Functional", "config": settings}, registry.layers, "model"
    )
    return graph.rebuilt(kind, entry["config"], _Maker().layer)


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Make a model, weights fresh, from what `to_json` returned.

    Raises:
        FormatError: it is no JSON, too long or too deep.
        ConfigError: a name is not known, a setting unfit, or the configuration carries code.
    """
    expect(isinstance(json_string, str), "model_from_json", "must be text", error=ConfigError,
           json_string=type(json_string).__name__)  # fmt: skip
    return model_from_config(
        parse_object(json_string.encode(), "model_from_json", DEFAULT_LIMITS), custom_objects
    )


def to_json(model: Layer, **kwargs: Any) -> str:
    """Return the configuration as JSON; `kwargs` go to `json.dumps`."""
    return json.dumps(model_config(model), **kwargs)


def _outermost(config: Any) -> Config:
    expect(isinstance(config, Mapping), "model", "the configuration must be a dictionary",
           error=ConfigError, config=type(config).__name__)  # fmt: skip
    for key in ("class_name", "config"):
        expect(key in config, "model", f"the configuration must have {key}", error=ConfigError,
               keys=list(config)[:6])  # fmt: skip
    inner = config["config"]
    if config["class_name"] == "Sequential" and isinstance(inner, list):  # Keras 2.0
        inner = {"layers": inner}
    return {**config, "config": inner}


class _Maker:
    """Makes the layers of a configuration; what is shared is made once."""

    def __init__(self) -> None:
        self.shared: dict[Any, Layer] = {}

    def layer(self, entry: Any) -> Layer:
        expect(isinstance(entry, Mapping) and "class_name" in entry, "layer",
               "must have a class_name and a config", error=ConfigError, layer=entry)  # fmt: skip
        settings = entry.get("config")
        expect(isinstance(settings, Mapping), "layer", "config must be a dictionary",
               error=ConfigError, class_name=entry["class_name"],
               config=type(settings).__name__)  # fmt: skip
        shared = entry.get("shared_object_id")
        if isinstance(shared, int) and shared in self.shared:
            return self.shared[shared]
        made = self.fresh(found_class(entry, registry.layers), entry, dict(settings or {}))
        if isinstance(shared, int):
            self.shared[shared] = made
        return made

    def fresh(self, kind: Any, entry: Mapping[str, Any], settings: Config) -> Layer:
        expect(isinstance(kind, type) and issubclass(kind, Layer), "layer",
               "class_name must be that of a layer or model", error=ConfigError,
               class_name=entry["class_name"])  # fmt: skip
        name = settings.get("name")
        sound = isinstance(name, str) and name.isprintable() and len(name) <= _LONGEST_NAME
        expect(name is None or sound, "layer",
               f"name must be text of at most {_LONGEST_NAME} printable characters",
               error=ConfigError, class_name=entry["class_name"])  # fmt: skip
        try:
            return self._fresh(kind, entry, settings)
        except GraftError:
            raise
        except (
            TypeError,
            ValueError,
            KeyError,
            AttributeError,
            IndexError,
            OverflowError,
            MemoryError,
        ) as error:
            raise ConfigError(
                f"layer {name!r}: settings must fit {entry['class_name']}; "
                f"got {type(error).__name__}: {str(error)[:200]}."
            ) from error

    def _fresh(self, kind: Any, entry: Mapping[str, Any], settings: Config) -> Layer:
        if form_of(kind) == "functional" or (
            hasattr(kind, "compile") and "input_layers" in settings
        ):
            return graph.rebuilt(kind, settings, self.layer)  # type: ignore[no-any-return]
        if form_of(kind) == "sequential":
            shape = _shape(entry.get("build_config"), "input_shape")
            return self.sequential(kind, settings, shape)
        made = _from_config(kind, settings)
        told = entry.get("build_config")
        if defines(made, "build_from_config") and isinstance(told, Mapping):
            if not made.built:
                made.build_from_config(told)
                object.__setattr__(made, "built", True)
            return made
        shape = _shape(told, "input_shape")
        own_models = hasattr(made, "compile") or any(True for _ in made.children())
        if shape is not None and own_models and not made.built:
            _build(made, shape)
        return made

    def sequential(self, kind: Any, settings: Config, shape: Any) -> Layer:
        entries = settings.get("layers")
        expect(isinstance(entries, list), "Sequential", "config must list layers",
               error=ConfigError, layers=type(entries).__name__)  # fmt: skip
        made = [self.layer(one) for one in entries or ()]
        given = {key: settings[key] for key in ("name", "dtype") if settings.get(key)}
        model = kind(made, **given)
        shape = shape or _shape(settings, "build_input_shape")
        if made and model.entrance is None:
            if shape is not None:
                model.build(shape)
            else:
                for one, entry in zip(made, entries or (), strict=True):
                    alone = _shape(entry.get("build_config"), "input_shape")
                    if alone is not None:
                        _build(one, alone)
        if settings.get("trainable") is False:
            model.trainable = False
        return model  # type: ignore[no-any-return]


def _from_config(kind: Any, settings: Config) -> Layer:
    """Make a layer; name and trainable are set later where its constructor does not take them."""
    parameters = inspect.signature(kind.__init__).parameters
    open_ended = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    owner = next(one for one in kind.__mro__ if "from_config" in vars(one))
    plain = owner is Configured or owner.__name__ == "Saved"  # no from_config of its own
    later = {}
    if plain and not open_ended:
        later = {key: settings.pop(key) for key in ("name", "trainable", "dtype")
                 if key in settings and key not in parameters}  # fmt: skip
    made: Layer = kind.from_config(settings)
    if later.get("name"):
        object.__setattr__(made, "name", later["name"])
    if later.get("trainable", True) is False:
        made.trainable = False
    return made


def _build(layer: Any, shape: Any) -> None:
    if hasattr(layer, "compile"):
        layer.build(shape)
    else:
        layer.build_for(shape)


def _shape(config: Any, key: str) -> Any:
    """Return a shape, or a structure of shapes, from a configuration; None where there is none."""
    value = config.get(key) if isinstance(config, Mapping) else None
    return None if value is None else _tupled(value)


def _tupled(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _tupled(one) for key, one in value.items()}
    expect(isinstance(value, (list, tuple)), "build_config", "input_shape must be a list of sizes",
           error=ConfigError, input_shape=value)  # fmt: skip
    if all(one is None or (isinstance(one, int) and 0 <= one < 2**31) for one in value):
        return tuple(value)
    return [_tupled(one) for one in value]
