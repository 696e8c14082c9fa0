"""Copies of models with fresh weights: of the same layers, or of what a function makes of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from graftgrad.errors import ConfigError, expect

from ..layers.core import Input, InputLayer
from ..layers.layer import Layer
from ..layers.operation import Operation
from ..layers.symbol import KerasTensor, leaves, mapped
from ..registry import layers
from ..saving import archive
from .functional import Functional, in_order
from .sequential import Sequential


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
    *,
    custom_objects: Mapping[str, Any] | None = None,
) -> Any:
    """Return a model of the same layers with fresh weights, compiled where this one is.

    Without functions and symbols it is frozen where this one is.

    Args:
        model: the model.
        input_tensors: symbols that the copy begins with, in the structure of the model's.
        clone_function: makes a layer of each layer but the entrances; a copy with fresh weights if
            None. A layer that is used twice is asked for once.
        call_function: called with a new layer and its arguments in place of the layer itself; only
            for functional models.
        recursive: also hand it the layers of models inside, in place of these models.
        custom_objects: name -> class or function of the user's own.
    Raises:
        ConfigError: something in the model cannot be told as plain values; or functions or symbols
            are given for a model that is neither Sequential nor functional.
    """
    if input_tensors is None and clone_function is None and call_function is None:
        made = archive.clone_model(model, {**_own_classes(model), **(custom_objects or {})})
    else:
        made = _Cloning(clone_function, call_function, recursive).of(model, input_tensors)
    if getattr(model, "compiled", False):
        told = dict(model.compile_settings)
        told["optimizer"] = type(model.optimizer).from_config(model.optimizer.get_config())
        for name in ("metrics", "weighted_metrics"):
            told[name] = copy.deepcopy(told[name])
        made.compile(**told)
    return made


def _own_classes(model: Any) -> dict[str, Any]:
    kinds = {type(one).__name__: type(one) for one in model.flattened()}
    return {name: kind for name, kind in kinds.items() if layers.known.get(name) is None}


class _Cloning:
    """One copy: what has been made of each layer."""

    def __init__(
        self,
        clone: Callable[[Any], Any] | None,
        call: Callable[..., Any] | None,
        recursive: bool,
    ) -> None:
        self.clone, self.call, self.recursive = clone, call, recursive
        self.made: dict[int, Any] = {}

    def of(self, model: Any, symbols: Any = None) -> Any:
        """Copy a Sequential or functional model."""
        if isinstance(model, Sequential):
            expect(self.call is None, "clone_model", "call_function is for functional models",
                   error=ConfigError, model=type(model).__name__)  # fmt: skip
            return self._sequential(model, symbols)
        expect(isinstance(model, Functional), "clone_model",
               "functions and symbols are for Sequential and functional models", error=ConfigError,
               model=type(model).__name__)  # fmt: skip
        return self._functional(model, symbols)

    def layer(self, layer: Any) -> Any:
        """Return what was made of a layer."""
        if isinstance(layer, Operation):
            return layer  # a function has no weights
        if id(layer) not in self.made:
            if self.recursive and isinstance(layer, Sequential):
                self.made[id(layer)] = self._sequential(layer, None)
            elif self.recursive and isinstance(layer, Functional):
                self.made[id(layer)] = self._functional(layer, None)
            elif self.clone is not None:
                self.made[id(layer)] = self.clone(layer)
            else:
                self.made[id(layer)] = type(layer).from_config(layer.get_config())
        return self.made[id(layer)]

    def _sequential(self, model: Sequential, symbols: Any) -> Any:
        first = leaves(symbols) if symbols is not None else []
        expect(len(first) <= 1, "clone_model", "a Sequential model begins with one symbol",
               error=ConfigError, given=len(first))  # fmt: skip
        if not first and model.entrance is not None:
            first = [_entrance(model.entrance.output)]
        return Sequential([*first, *map(self.layer, model.layers)], name=model.name)

    def _functional(self, model: Functional, symbols: Any) -> Any:
        given = mapped(_entrance, model.input) if symbols is None else symbols
        values = dict(zip(map(id, model.inputs), in_order(given), strict=True))

        def put(one: Any) -> Any:
            return values.get(id(one), one) if isinstance(one, KerasTensor) else one

        for step in model.steps:
            layer: Layer = self.layer(step.layer)
            args, kwargs = mapped(put, step.args), mapped(put, step.kwargs)
            plain = self.call is None or isinstance(layer, Operation)
            found = layer(*args, **kwargs) if plain else self.call(layer, *args, **kwargs)  # type: ignore[misc]
            pairs = zip(leaves(step.outputs), leaves(found), strict=True)
            values |= {id(symbol): value for symbol, value in pairs}
        return Functional(given, mapped(put, model.output), name=model.name)


def _entrance(symbol: KerasTensor) -> Any:
    """Return a new Input like an old one."""
    known = symbol.origin is not None and isinstance(symbol.origin.layer, InputLayer)
    name = symbol.origin.layer.name if known and symbol.origin is not None else symbol.name
    return Input(batch_shape=symbol.shape, dtype=symbol.dtype, name=name)
