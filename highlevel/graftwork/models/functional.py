"""A model of the layers between symbols: the applications that their calls left behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from graftgrad import Tensor
from graftgrad.errors import ConfigError, ShapeError, expect, warn
from graftgrad.spec import DType

from ..layers.core import InputLayer
from ..layers.layer import Layer
from ..layers.operation import Operation
from ..layers.symbol import (
    Application,
    KerasTensor,
    has_shape,
    in_rank,
    leaves,
    mapped,
    symbols,
)
from ..registry import layers
from .model import Model


class Functional(Model):
    """A model of the layers between symbols.

    Args:
        inputs: a symbol, or a list or dictionary of them.
        outputs: what is computed from them.
        name: the name of the model.
        trainable: whether the parameters are trained.
    Raises:
        ConfigError: an output does not come from the inputs, or two layers have one name.
    """

    looking: Any = None  # looks at what comes in, where a network is a pretrained one

    registry = layers

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        name: str | None = None,
        trainable: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        for role, tree in (("inputs", inputs), ("outputs", outputs)):
            found = leaves(tree)
            expect(len(found) > 0 and all(isinstance(one, KerasTensor) for one in found),
                   f'model "{self.name}"', f"{role} must be symbols made by Input and layers",
                   error=ConfigError, **{role: tree})  # fmt: skip
        self.input_tree = inputs
        self.output_tree = outputs
        self.steps, self.ordered = arranged(in_order(inputs), in_order(outputs), self.name)
        self.released: list[set[int]] | None = None
        if not trainable:
            self.trainable = False
        shapes = mapped(lambda symbol: symbol.shape, inputs)
        object.__setattr__(self, "built_shape", shapes)
        object.__setattr__(self, "built", True)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbols at the entrance, those of a dictionary in the order of their keys."""
        return in_order(self.input_tree)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbols at the exit, those of a dictionary in the order of their keys."""
        return in_order(self.output_tree)

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that the outputs come from."""
        return [self._origin(symbol) for symbol in self.outputs]

    def _origin(self, symbol: KerasTensor) -> str:
        return symbol.name if symbol.origin is None else symbol.origin.layer.name

    if not TYPE_CHECKING:

        @property
        def input_shape(self) -> Any:
            """The shape of the input, batch included; of several a list."""
            return _alone([one.shape for one in self.inputs])

        @input_shape.setter
        def input_shape(self, shape: Any) -> None:
            """Layers may be told a shape beforehand; a functional model has its own."""

        @property
        def output_shape(self) -> Any:
            """The shape of the output, batch included; of several a list."""
            return _alone([one.shape for one in self.outputs])

    @property
    def input(self) -> Any:
        """The symbols at the entrance, as they were given."""
        return self.input_tree

    @property
    def output(self) -> Any:
        """The symbols at the exit, as they were given."""
        return self.output_tree

    @property
    def layers(self) -> list[Layer]:
        """The layers from entrance to exit, entrances included, without functions in between."""
        return [one for one in self.ordered if not isinstance(one, Operation)]

    @property
    def operations(self) -> list[Layer]:
        """The layers and functions from entrance to exit, entrances included."""
        return list(self.ordered)

    @property
    def received_dtype(self) -> DType:
        """That of the weights: each layer converts what it receives, as precise as it came."""
        return self.dtype_policy.variable_dtype

    def children(self) -> Iterator[tuple[str, Layer]]:
        """Yield the layers by name."""
        for one in self.ordered:
            yield one.name, one

    def call(self, inputs: Any) -> Any:
        """Run the applications in order.

        Raises:
            ShapeError: the inputs are not as many, or not of the shapes, that the model has.
        """
        values: dict[int, Any] = {}
        for symbol, given in zip(self.inputs, self._given(inputs), strict=True):
            value = in_rank(symbol, given)
            _check_input(self.name, symbol, value)
            values[id(symbol)] = value
        if self.looking is not None:
            self.looking(values[id(self.inputs[0])])
        if self.released is None:
            last = released(self.steps, {id(one) for one in self.outputs})
            object.__setattr__(self, "released", last)
        for step, done in zip(self.steps, self.released or (), strict=True):
            args = mapped(lambda one: values.get(id(one), one), step.args)
            kwargs = mapped(lambda one: values.get(id(one), one), step.kwargs)
            results = leaves(step.layer(*args, **kwargs))
            for symbol, value in zip(leaves(step.outputs), results, strict=True):
                values[id(symbol)] = value
            for key in done:
                del values[key]
        return mapped(lambda symbol: values[id(symbol)], self.output_tree)

    def __getstate__(self) -> dict[str, Any]:
        """Copy the applications first, from the entrance on, so that none leads to many others.

        What is released when is told by identities, which a copy does not share.
        """
        return {"steps": self.steps, **vars(self), "released": None}

    def _given(self, inputs: Any) -> list[Any]:
        """Return what was given for every input, in order, found by key, by place or by name."""
        if isinstance(inputs, dict) and not isinstance(self.input_tree, dict):
            names = [one.name for one in self.inputs]
            _check_names(self.name, names, inputs)
            return [inputs[name] for name in names]
        found: list[Any] = []
        if self._matched(self.input_tree, inputs, found):
            return found
        given = leaves(inputs)
        expect(len(given) == len(self.inputs), f'model "{self.name}"',
               f"there must be {len(self.inputs)} inputs", given=len(given))  # fmt: skip
        return given

    def _matched(self, tree: Any, given: Any, found: list[Any]) -> bool:
        """Walk along the model's inputs and what was given; tell whether their forms agree."""
        if isinstance(tree, dict):
            if not isinstance(given, dict):
                unsorted = isinstance(given, (list, tuple)) and list(tree) != keys_of(tree)
                expect(not unsorted, f'model "{self.name}"',
                       "inputs must be given by their keys, whose order says nothing",
                       keys=list(tree), given=type(given).__name__)  # fmt: skip
                return False
            _check_names(self.name, list(tree), given)
            spare = [key for key in given if key not in tree]
            if spare:
                rule = "is given more than it has inputs; the rest is left out"
                warn(f'model "{self.name}": {rule}: keys {list(tree)}, left out {spare}.')
            return all([self._matched(tree[key], given[key], found) for key in keys_of(tree)])
        if isinstance(tree, (list, tuple)):
            if not isinstance(given, (list, tuple)):
                given = [given]
            pairs = zip(tree, given, strict=False)
            return len(tree) == len(given) and all(
                [self._matched(one, other, found) for one, other in pairs]
            )
        if isinstance(given, (list, tuple)) and len(given) == 1:
            given = given[0]
        found.append(given)
        return not isinstance(given, (list, tuple, dict))


def in_order(tree: Any) -> list[KerasTensor]:
    """Return the symbols of a structure as Keras numbers them: dictionaries by sorted keys."""
    if isinstance(tree, dict):
        return [one for key in keys_of(tree) for one in in_order(tree[key])]
    if isinstance(tree, (list, tuple)):
        return [found for one in tree for found in in_order(one)]
    return symbols(tree)


def keys_of(tree: dict[Any, Any]) -> list[Any]:
    """Return the keys of a dictionary, sorted where that is possible."""
    try:
        return sorted(tree)
    except TypeError:
        return list(tree)


def _alone(shapes: list[Any]) -> Any:
    return shapes[0] if len(shapes) == 1 else shapes


def arranged(
    inputs: list[KerasTensor], outputs: list[KerasTensor], name: str
) -> tuple[list[Application], list[Layer]]:
    """Return the applications, each after those it needs, and the layers by depth.

    The depth of a layer is its longest way to an output; deeper layers come first and, at one
    depth, those that a walk from the outputs meets first. This is the order in which Keras
    numbers layers in its files.

    Raises:
        ConfigError: an output does not come from the inputs, or two layers have one name.
    """
    entrance = {id(symbol): symbol for symbol in inputs}
    finished: list[Application] = []
    met: dict[int, int] = {}
    done: set[int] = set()
    entered: dict[int, Application] = {
        id(s): s.origin if s.origin is not None and isinstance(s.origin.layer, InputLayer)
        else InputLayer(batch_shape=s.shape, dtype=s.dtype, name=s.name)._applications[0]
        for s in inputs
    }  # fmt: skip

    def origin(symbol: KerasTensor) -> Application:
        if id(symbol) in entrance:
            return entered[id(symbol)]
        expect(symbol.origin is not None and not isinstance(symbol.origin.layer, InputLayer),
               f'model "{name}"', "every output must be computed from the given inputs alone",
               error=ConfigError, found=symbol,
               advice="Add the Input it comes from to inputs.")  # fmt: skip
        assert symbol.origin is not None
        return symbol.origin

    def needs(step: Application) -> list[KerasTensor]:
        return [] if isinstance(step.layer, InputLayer) else step.inputs

    for output in outputs:
        stack: list[tuple[Application, bool]] = [(origin(output), False)]
        while stack:
            step, complete = stack.pop()
            if id(step) in done:
                continue
            if complete:
                done.add(id(step))
                finished.append(step)
                continue
            met.setdefault(id(step.layer), len(met))
            stack.append((step, True))
            stack.extend((origin(symbol), False) for symbol in reversed(needs(step)))

    depth_of_step: dict[int, int] = {}
    depth_of_layer: dict[int, int] = {}
    for step in reversed(finished):
        depth = max(depth_of_step.get(id(step), 0), depth_of_layer.get(id(step.layer), 0))
        depth_of_step[id(step)] = depth_of_layer[id(step.layer)] = depth
        for symbol in needs(step):
            key = id(origin(symbol))
            depth_of_step[key] = max(depth + 1, depth_of_step.get(key, 0))
    unique: dict[int, Layer] = {id(step.layer): step.layer for step in finished}
    for step in entered.values():  # an entrance that no output needs
        unique.setdefault(id(step.layer), step.layer)
    ordered = sorted(
        unique.values(),
        key=lambda layer: (-depth_of_layer.get(id(layer), 0), met.get(id(layer), -1)),
    )
    names = [layer.name for layer in ordered]
    repeated = sorted({one for one in names if names.count(one) > 1})
    expect(not repeated, f'model "{name}"', "every layer must have a name of its own",
           error=ConfigError, repeated=repeated)  # fmt: skip
    steps = [step for step in finished if not isinstance(step.layer, InputLayer)]
    return steps, ordered


def released(steps: list[Application], wanted: set[int]) -> list[list[int]]:
    """Return, for every application, the values that nothing after it needs."""
    seen = set(wanted)
    found: list[list[int]] = []
    for step in reversed(steps):
        last = {id(one) for one in (*step.inputs, *symbols(step.outputs))} - seen
        seen |= last
        found.append(list(last))
    return found[::-1]


def _check_names(name: str, names: list[str], given: dict[str, Any]) -> None:
    missing = [one for one in names if one not in given]
    expect(not missing, f'model "{name}"', "every input must be given by name", missing=missing,
           given=list(given))  # fmt: skip


def _check_input(name: str, symbol: KerasTensor, value: Any) -> None:
    if not isinstance(value, Tensor):
        return
    if not has_shape(value.shape, symbol.shape):
        expect(False, f'model "{name}"', f'input "{symbol.name}" must have shape {symbol.shape}',
               error=ShapeError, given=value.shape,
               advice=_advice(symbol.shape, value.shape))  # fmt: skip


def _advice(wanted: tuple[int | None, ...], given: tuple[int, ...]) -> str:
    """Say what may bring values of a shape to the one that is wanted."""
    if len(given) < len(wanted):
        return "One sample needs a batch axis too: x[None]."
    if len(wanted) != 4 or len(given) != 4:
        return ""
    if given[1] == wanted[3] != given[3]:
        return "Channels come last here; these seem to come first: x.transpose(0, 2, 3, 1)."
    if given[3] == wanted[3]:
        return f"Bring the pictures to one size: image_size={wanted[1:3]} where they are read."
    return "Read the pictures with color_mode='grayscale', 'rgb' or 'rgba': 1, 3 or 4 channels."


layers.register(Functional, "Model")
Model.functional = Functional
