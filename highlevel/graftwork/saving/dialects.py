"""Configurations of other versions of Keras brought into the form our classes accept, as data.

What an object is made from stands in `config.py`; which names exist at all, in the registry.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from graftgrad.errors import ConfigError, expect
from graftgrad.formats import DEFAULT_LIMITS

from .. import registry
from ..registry import found_class

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
# Fields that say nothing at these values; at others they are refused by name.
_SILENT: dict[str, tuple[Any, ...]] = {
    "optional": (False,), "ragged": (False,), "sparse": (False,), "renorm": (False,),
    "groups": (1,), "renorm_momentum": (0.99,), "fused": (True, False), "mode": (0,),
    "synchronized": (False,), "rms_scaling": (False,), "mask_zero": (False,),
    "antialias": (False,), "keepdims": (False,),
    "pad_to_aspect_ratio": (False,), "fill_mode": ("constant",), "fill_value": (0.0,),
    "jit_compile": (True, False), "is_legacy_optimizer": (True, False), "decay": (0.0,),
    "autocast": (True,), "use_ema": (False,), "ema_momentum": (0.99,),
    "data_format": ("channels_last",),
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
# Fields of every layer that a class of Keras' does not take.
_UNKNOWN: dict[str, tuple[str, ...]] = {
    "SpatialDropout1D": ("trainable",), "SpatialDropout2D": ("trainable",),
    "SpatialDropout3D": ("trainable",),
}  # fmt: skip
# Class -> name of a field in Keras 2 -> its name today.
_RENAMED: dict[str, dict[str, str]] = {
    "LeakyReLU": {"alpha": "negative_slope"},
    "InputLayer": {"batch_input_shape": "batch_shape", "input_dtype": "dtype"},
    "DepthwiseConv2D": {
        "kernel_initializer": "depthwise_initializer",
        "kernel_regularizer": "depthwise_regularizer",
        "kernel_constraint": "depthwise_constraint",
    },
    "optimizer": {"lr": "learning_rate"},
    "Dropout": {"p": "rate"},
}  # fmt: skip
# Fields that a layer of Keras 2 wrote and never used.
_UNUSED: dict[str, tuple[str, ...]] = {
    "SeparableConv2D": ("kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "DepthwiseConv2D": ("filters",),
    "layer": ("input_dtype", "batch_input_shape"),
}


def written(value: Any) -> Any:
    """Leave out what older versions of Keras 3 do not know and would stumble over."""
    if isinstance(value, Mapping):
        kept = {
            key: written(one) for key, one in value.items()
            if not (key in NEWER and (one is None or one == NEWER[key]))
        }  # fmt: skip
        if isinstance(kept.get("config"), dict):
            for key in _UNKNOWN.get(kept.get("class_name", ""), ()):
                kept["config"].pop(key, None)
        return kept
    return [written(one) for one in value] if isinstance(value, (list, tuple)) else value


def read(config: Any, kind: registry.Registry | None, subject: str = "configuration") -> Any:
    """Bring a configuration of any version into our form.

    Raises:
        ConfigError: it is too deep or too large, names a class that is not registered or carries
            code.
    """
    return _Reader(subject).value(config, kind, 0)


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
    def __init__(self, subject: str) -> None:
        self.subject = subject
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
        name, config = entry["class_name"], entry["config"]
        expect(isinstance(name, str), self.subject, "class_name must be text", error=ConfigError,
               class_name=name)  # fmt: skip
        self.refuse_code(name, config)
        if name.startswith("__") or not isinstance(config, Mapping):
            return {**entry, "config": self.value(config, None, depth + 1)}
        found = found_class(entry, kind)
        mine = without_masks({**config})
        if name == "Lambda":
            self.refuse_code_of_lambda(mine)
        if isinstance(found, type):
            mine = _renamed(found, mine)
            mine = {key: one for key, one in mine.items() if not _silent(found, key, one)}
        inner = {key: self.value(one, _kind(key), depth + 1) for key, one in mine.items()}
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


def _renamed(kind: type, config: Config) -> Config:
    """Give fields of Keras 2 their names of today, and their values the form of today."""
    known = _accepted(kind)
    for base in _bases(kind):
        for old, new in _RENAMED.get(base, {}).items():
            if old in config and old not in known:
                value = config.pop(old)
                config.setdefault(new, value)
        for old in _UNUSED.get(base, ()):
            if old in config and old not in known:
                value = config.pop(old)
                if (
                    old == "batch_input_shape"
                    and isinstance(value, (list, tuple))
                    and "input_shape" in known
                ):
                    config["input_shape"] = list(value)[1:]
    for name, change in _VALUES.items():
        if name in config and (name in known or name == "decay"):
            change(kind, config)
    return config


def _axis(kind: type, config: Config) -> None:
    # Keras 2 listed the one axis of batch normalisation.
    axis = config["axis"]
    if kind.__name__ == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]


def _distribution(kind: type, config: Config) -> None:
    # "normal" was always cut off at two deviations.
    if config["distribution"] == "normal":
        config["distribution"] = "truncated_normal"


def _reduction(kind: type, config: Config) -> None:
    if config["reduction"] in ("auto", "AUTO"):
        config["reduction"] = "sum_over_batch_size"


def _decay(kind: type, config: Config) -> None:
    # rate / (1 + decay · step), which is a schedule today.
    decay, rate = config["decay"], config.get("learning_rate")
    if isinstance(decay, (int, float)) and decay > 0 and isinstance(rate, (int, float)):
        config["learning_rate"] = {
            "module": "keras.optimizers.schedules", "class_name": "InverseTimeDecay",
            "config": {"initial_learning_rate": rate, "decay_steps": 1, "decay_rate": decay},
        }  # fmt: skip
        del config["decay"]


_VALUES: dict[str, Callable[[type, Config], None]] = {
    "axis": _axis, "distribution": _distribution, "reduction": _reduction, "decay": _decay,
}  # fmt: skip


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
