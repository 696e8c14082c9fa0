"""Configurations of other versions of Keras brought into the form our classes accept, as data.

What an object is made from stands in `config.py`; which names exist at all, in the registry.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

from graftgrad.errors import ConfigError, expect
from graftgrad.formats import DEFAULT_LIMITS

from .. import registry
from ..registry import found_class
from . import older_fields, reduced
from .functions import with_functions

Config = dict[str, Any]

# What carries code, or another program's bytes, in the place of a configuration.
_CODE = {
    "__lambda__": "Code is never read from files: make the model again from its source and load "
    "the weights alone.",
    "TorchModuleWrapper": "It holds a pickled module: load its weights alone, from PyTorch's file.",
    "TFSMLayer": "It names a folder of TensorFlow's outside the file.",
    "JaxLayer": "It holds a compiled program.",
    "FlaxLayer": "It holds a compiled program.",
}
_OPS = "keras.src.ops"
# Before the names of Keras 2's optimizers, which were registered like a user's.
_PACKAGE = "Custom>"
# Fields that say nothing at these values; at others they are refused by name.
_SILENT: dict[str, tuple[Any, ...]] = {
    "optional": (False,), "ragged": (False,), "sparse": (False,), "renorm": (False,),
    "groups": (1,), "renorm_momentum": (0.99,), "fused": (True, False), "mode": (0,),
    "synchronized": (False,), "rms_scaling": (False,), "mask_zero": (False,),
    "antialias": (False,), "keepdims": (False,),
    "pad_to_aspect_ratio": (False,), "fill_mode": ("constant",), "fill_value": (0.0,),
    "jit_compile": (True, False), "is_legacy_optimizer": (True, False), "decay": (0.0,),
    "autocast": (True,), "use_ema": (False,), "ema_momentum": (0.99,),
    "data_format": ("channels_last",), "time_major": (False,),
    "rng_type": ("stateful", "legacy_stateful"), "value_range": ([0, 255], [0.0, 255.0]),
    "softmax_robust_masking": (False,), "dropout": (0, 0.0), "legacy": (False,),
}  # fmt: skip
# Fields that newer versions of Keras have; at these values they are left out of what is written.
NEWER: dict[str, Any] = {
    "optional": False, "quantization_config": None, "input_axes": None, "output_axes": None,
    "renorm": False, "renorm_clipping": None, "renorm_momentum": 0.99, "lora_rank": None,
    "lora_alpha": None, "rms_scaling": False, "activity_regularizer": None,
}  # fmt: skip
_KINDS: dict[str, registry.Registry] = {
    "initializer": registry.initializers, "regularizer": registry.regularizers,
    "constraint": registry.constraints, "layers": registry.layers, "dtype": registry.policies,
    "rate": registry.schedules,
}  # fmt: skip
# Optimizers that Keras 3 has not, what it has in their place, and their fields that it lacks.
# A file names Keras' class, and ours beside it.
_NEAREST: dict[str, tuple[str, tuple[str, ...]]] = {
    "Keras2Nadam": ("Nadam", ("schedule_decay",)), "Keras2RMSprop": ("RMSprop", ()),
}  # fmt: skip
_OURS = "graftwork"
_SLASHED = re.compile(r"[A-Za-z0-9_]\w*(?:/[A-Za-z0-9_][\w.-]*)+", re.ASCII)
# Fields of every layer that a class of Keras' does not take.
_UNKNOWN: dict[str, tuple[str, ...]] = {
    "SpatialDropout1D": ("trainable",), "SpatialDropout2D": ("trainable",),
    "SpatialDropout3D": ("trainable",),
}  # fmt: skip


def written(value: Any) -> Any:
    """Leave out what versions of Keras 3 do not know, and name classes that they have."""
    if isinstance(value, Mapping):
        kept = {
            key: written(one) for key, one in value.items()
            if not (key in NEWER and (one is None or one == NEWER[key]))
        }  # fmt: skip
        if isinstance(kept.get("config"), dict):
            for key in _UNKNOWN.get(kept.get("class_name", ""), ()):
                kept["config"].pop(key, None)
            if kept.get("class_name") in _NEAREST:
                return _named_for_keras(kept)
        return kept
    return [written(one) for one in value] if isinstance(value, (list, tuple)) else value


def _named_for_keras(entry: Config) -> Config:
    """Name the class that Keras has in the place of one of ours, and ours beside it."""
    nearest, fields = _NEAREST[entry["class_name"]]
    own = {key: entry["config"].pop(key) for key in fields if key in entry["config"]}
    note = {"class_name": entry["class_name"], **own}
    return {**entry, "class_name": nearest, _OURS: note}


def _named_by_us(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an object under the name that stands beside the one for Keras, if there is one."""
    note = entry.get(_OURS)
    name = note.get("class_name") if isinstance(note, Mapping) else None
    nearest, fields = _NEAREST.get(str(name), ("", ()))
    if not isinstance(note, Mapping) or entry["class_name"] != nearest:
        return entry
    if not isinstance(entry["config"], Mapping):
        return entry
    own = {key: note[key] for key in fields if key in note}
    return {**entry, "class_name": name, "config": {**entry["config"], **own}}


def read(
    config: Any, kind: registry.Registry | None, subject: str = "configuration",
    older: bool = False,
) -> Any:  # fmt: skip
    """Bring a configuration of any version into our form.

    Args:
        config: of an object, a list or a dictionary of them.
        kind: the registry that knows the object, where several have its name.
        subject: who speaks in errors.
        older: whether Keras 1 or 2 wrote it, where that cannot be told from its fields.
    Raises:
        ConfigError: it is too deep or too large, names a class that is not registered or carries
            code.
    """
    return _Reader(subject, older).value(config, kind, 0)


def without_masks(config: Config) -> Config:
    """Leave out what computes masks in a functional model of Keras': here they travel unasked.

    Keras writes the ops of its layers' `compute_mask` as if they were layers, and their results as
    arguments `mask`. An op that feeds anything else is left in, and refused by its name.
    """
    listed = config.get("layers")
    if not isinstance(listed, list):
        return config
    layers = [one for one in listed if isinstance(one, Mapping)]
    names = {one.get("name") for one in layers if str(one.get("module")).startswith(_OPS)}
    if not names:
        return config
    calls = [
        node
        for one in layers
        if one.get("name") not in names
        for node in one.get("inbound_nodes") or ()
        if isinstance(node, Mapping)
    ]
    shorter = {id(node): _without(node, names) for node in calls}
    used = _named([[one for node in shorter.values() for one in node.values()],
                   config.get("output_layers")])  # fmt: skip
    if used & names:
        return config
    kept = []
    for one in listed:
        if isinstance(one, Mapping) and one.get("name") in names:
            continue
        nodes = one.get("inbound_nodes") if isinstance(one, Mapping) else None
        if isinstance(nodes, list):
            one = {**one, "inbound_nodes": [shorter.get(id(node), node) for node in nodes]}
        kept.append(one)
    return {**config, "layers": kept}


def without_slashes(config: Config) -> Config:
    """Give layers of Keras 2 whose names have a "/" names of today: "conv1/conv" is "conv1_conv".

    A name that would lead elsewhere as a path is left, and refused.
    """
    listed = config.get("layers")
    if isinstance(listed, list):
        told = [one.get("config") for one in listed if isinstance(one, Mapping)]
        names = [one.get("name") for one in told if isinstance(one, Mapping)]
        new = {one: one.replace("/", "_") for one in names
               if isinstance(one, str) and _SLASHED.fullmatch(one)}  # fmt: skip
        if new:
            keys = ("layers", "input_layers", "output_layers")
            return {**config, **{key: _respelled(config[key], new) for key in keys
                                 if key in config}}  # fmt: skip
    return config


def _respelled(tree: Any, new: Mapping[str, str]) -> Any:
    """Put new names of layers in the place of old ones."""
    if isinstance(tree, Mapping):
        return {
            key: new.get(one, one) if key == "name" and isinstance(one, str)
            else _respelled(one, new)
            for key, one in tree.items()
        }  # fmt: skip
    if isinstance(tree, (list, tuple)):
        named = len(tree) in (3, 4) and isinstance(tree[0], str) and tree[0] in new
        rest = [_respelled(one, new) for one in tree]
        return [new[tree[0]], *rest[1:]] if named else rest
    return tree


def _without(node: Mapping[str, Any], names: set[Any]) -> Config:
    kwargs = node.get("kwargs") or {}
    left = {key: one for key, one in kwargs.items()
            if not (key.endswith("mask") and _named(one) & names)}  # fmt: skip
    return {**node, "kwargs": left}


def _named(tree: Any) -> set[Any]:
    """Return the names of the layers whose outputs a tree of arguments refers to."""
    if isinstance(tree, Mapping):
        history = tree.get("keras_history")
        if isinstance(history, list) and history:
            return {history[0]} if isinstance(history[0], str) else set()
        return {name for one in tree.values() for name in _named(one)}
    if isinstance(tree, (list, tuple)):
        if len(tree) == 3 and isinstance(tree[0], str):
            return {tree[0]}
        return {name for one in tree for name in _named(one)}
    return set()


class _Reader:
    def __init__(self, subject: str, older: bool) -> None:
        self.subject = subject
        self.older = older
        self.count = 0

    def value(self, value: Any, kind: registry.Registry | None, depth: int) -> Any:
        self.count += 1
        limits = DEFAULT_LIMITS
        expect(depth <= limits.max_depth and self.count <= limits.max_objects, self.subject,
               f"at most {limits.max_depth} levels and {limits.max_objects} values",
               error=ConfigError, depth=depth, values=self.count)  # fmt: skip
        if isinstance(value, (list, tuple)):
            return [self.value(one, kind, depth + 1) for one in value]
        if not isinstance(value, Mapping):
            return value
        expect(all(isinstance(key, str) for key in value), self.subject, "keys must be text",
               error=ConfigError, keys=list(value)[:5])  # fmt: skip
        if "class_name" in value and "config" in value:
            return self.thing(value, kind, depth)
        return {key: self.value(one, None, depth + 1) for key, one in value.items()}

    def thing(self, entry: Mapping[str, Any], kind: registry.Registry | None, depth: int) -> Config:
        """Bring one object into our form, and everything inside it."""
        entry = _named_by_us(entry)
        name, config = entry["class_name"], entry["config"]
        expect(isinstance(name, str), self.subject, "class_name must be text", error=ConfigError,
               class_name=name)  # fmt: skip
        if name.startswith(_PACKAGE) and kind is not None and name not in kind.known:
            name = name.removeprefix(_PACKAGE)
            entry = {**entry, "class_name": name}
        self.refuse_code(name, config)
        if name.startswith("__") or not isinstance(config, Mapping):
            return {**entry, "config": self.value(config, None, depth + 1)}
        if name in older_fields.CLASSES and name not in registry.layers.known:
            name, config = older_fields.replaced(name, config)
            entry = {**entry, "class_name": name, "config": config}
        found = found_class(entry, kind)
        mine = with_functions(without_masks(without_slashes({**config})))
        if name == "Lambda":
            self.refuse_code_of_lambda(mine)
        if isinstance(found, type):
            mine = _renamed(found, reduced.plain(mine, self.subject), self.older)
            mine = {key: one for key, one in mine.items() if not _silent(found, key, one)}
        inner = {key: self.value(one, _kind(key), depth + 1) for key, one in mine.items()}
        if self.older and name in older_fields.RECURRENT:  # its shapes hold those of the states
            entry = {key: one for key, one in entry.items() if key != "build_config"}
        rest = {key: self.value(one, None, depth + 1) for key, one in entry.items()
                if key in ("build_config", "inbound_nodes")}  # fmt: skip
        module = entry.get("module") or (kind.module if kind is not None else None)
        return {**entry, **rest, "module": module, "config": inner}

    def refuse_code(self, name: str, config: Any) -> None:
        expect(name not in _CODE, self.subject, "must be made of registered layers, not of code",
               error=ConfigError, class_name=name, advice=_CODE.get(name, ""))  # fmt: skip

    def refuse_code_of_lambda(self, config: Config) -> None:
        function = config.get("function")
        if isinstance(function, Mapping) and function.get("class_name") == "function":
            config["function"] = function = function.get("config")
        expect(isinstance(function, str) or callable(function), self.subject,
               "a Lambda layer must name a registered function, not carry code", error=ConfigError,
               layer=config.get("name"), advice=_CODE["__lambda__"])  # fmt: skip


def _kind(field: str) -> registry.Registry | None:
    """Return the registry whose objects a field holds, where its name tells."""
    return _KINDS.get(field.rsplit("_", 1)[-1])


def _bases(kind: type) -> list[str]:
    names = [one.__name__ for one in kind.__mro__]
    where = getattr(kind, "registry", None)
    return [*names, where.kind] if where is not None else names


def _renamed(kind: type, config: Config, older: bool) -> Config:
    """Give fields of Keras 1 and 2 their names of today, and their values the form of today."""
    known = _accepted(kind)
    for base in _bases(kind):
        for old, new in older_fields.RENAMED.get(base, {}).items():
            if old in config and old not in known and (new in known or base != "layer"):
                value = config.pop(old)
                config.setdefault(new, value)
        for old in older_fields.UNUSED.get(base, ()):
            if old in config and old not in known:
                value = config.pop(old)
                if (
                    old == "batch_input_shape"
                    and isinstance(value, (list, tuple))
                    and "input_shape" in known
                ):
                    config["input_shape"] = list(value)[1:]
    for name, change in older_fields.VALUES.items():
        if name in config and (name in known or name == "decay"):
            change(kind, config)
    older_fields.joined(config)
    if older:
        older_fields.meant(kind, config)
    return config


def _silent(kind: type, name: str, value: Any) -> bool:
    """Tell whether a field says nothing: unknown to the class, and None or at a silent value."""
    if name in _accepted(kind) or _open_ended(kind):
        return False
    return value is None or any(value is one or value == one for one in _SILENT.get(name, ()))


def _accepted(kind: type) -> set[str]:
    known = set(inspect.signature(kind.__init__).parameters) - {"self"}  # type: ignore[misc]
    return known | {"layers", "input_layers", "output_layers"} if _is_model(kind) else known


def _open_ended(kind: type) -> bool:
    parameters = inspect.signature(kind.__init__).parameters.values()  # type: ignore[misc]
    return any(one.kind is one.VAR_KEYWORD for one in parameters)


def _is_model(kind: type) -> bool:
    return isinstance(getattr(kind, "layers", None), property)
