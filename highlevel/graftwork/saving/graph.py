"""The wiring of functional models in Keras' form: which call of which layer feeds which argument.

Layers themselves are told and made in `config.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graftgrad import Tensor, tensor
from graftgrad.errors import ConfigError, GraftError, expect

from ..layers.core import InputLayer
from ..layers.layer import Layer
from ..layers.merging import Merge
from ..layers.symbol import Application, KerasTensor, leaves, mapped
from ..registry import encoded
from .names import in_order
from .older_fields import RECURRENT

Config = dict[str, Any]
Reference = tuple[str, int]
_TENSOR = "__keras_tensor__"
OURS = "graftwork"  # what only we read beside a node: Keras cannot tell a default from a wish


def functional_config(model: Any, entry_of: Callable[[Layer], Config]) -> Config:
    """Return name, layers with their calls, inputs and outputs of a functional model."""
    calls = _calls(model)
    where: dict[int, list[Any]] = {}
    for symbol in model.inputs:
        where[id(symbol)] = [_entrance(model, symbol), 0, 0]
    for layer in model.operations:
        for number, call in enumerate(calls.get(id(layer), ())):
            for symbol in leaves(call.outputs):
                where[id(symbol)] = [layer.name, number, symbol.index]
    listed = []
    for layer in model.operations:
        nodes = [_node(call, where) for call in calls.get(id(layer), ())]
        entry = entry_of(layer)
        entry |= {"name": layer.name, "inbound_nodes": nodes}
        listed.append(entry)
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": listed,
        "input_layers": mapped(lambda symbol: where[id(symbol)], _listed(model.input_tree)),
        "output_layers": mapped(lambda symbol: where[id(symbol)], _listed(model.output_tree)),
    }


def _calls(model: Any) -> dict[int, list[Application]]:
    """Return the calls of each layer inside the model, in the order in which they were made."""
    found: dict[int, list[Application]] = {}
    for call in sorted(model.steps, key=lambda step: step.order):
        found.setdefault(id(call.layer), []).append(call)
    return found


def _entrance(model: Any, symbol: KerasTensor) -> str:
    """Name the input layer of a symbol; one from within another model got one of its own name."""
    origin = symbol.origin.layer if symbol.origin is not None else None
    return origin.name if isinstance(origin, InputLayer) else symbol.name


def _listed(tree: Any) -> Any:
    if isinstance(tree, (tuple, list)):
        return [_listed(one) for one in tree]
    return {key: _listed(one) for key, one in tree.items()} if isinstance(tree, dict) else tree


def _node(call: Application, where: dict[int, list[Any]]) -> Config:
    def told(one: Any) -> Any:
        if not isinstance(one, KerasTensor):
            return _constant(one)
        config = {
            "shape": list(one.shape),
            "dtype": str(one.dtype),
            "keras_history": where[id(one)],
        }
        return {"class_name": _TENSOR, "config": config}

    node: Config = {
        "args": [mapped(told, _listed(one)) for one in call.args],
        "kwargs": {key: mapped(told, _listed(one)) for key, one in call.kwargs.items()},
    }
    if "training" in call.kwargs:
        node[OURS] = {"training": call.kwargs["training"]}
    return node


def _constant(one: Any) -> Any:
    """Return an argument that is no symbol as Keras writes it: slices, tensors by their parts."""
    if isinstance(one, slice):
        parts = {"start": one.start, "stop": one.stop, "step": one.step}
        return {"class_name": "__slice__", "config": parts}
    if one is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if hasattr(one, "dtype") and hasattr(one, "tolist"):
        value = one.detach() if isinstance(one, Tensor) else one
        return {
            "class_name": "__tensor__",
            "config": {"value": value.tolist(), "dtype": str(one.dtype)},
        }
    return encoded(one)


# -- reading -------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Call:
    layer: str
    number: int
    args: Any
    kwargs: Config
    needs: list[Reference] = field(default_factory=list)
    older: bool = False


def rebuilt(kind: Any, config: Mapping[str, Any], make: Callable[[Any], Layer]) -> Any:
    """Make the layers of a functional model, call them as they were called, and return the model.

    Raises:
        ConfigError: a layer is missing or named twice, or the calls wait for each other.
    """
    subject = f"model {config.get('name')!r}"
    entries = config.get("layers")
    expect(isinstance(entries, list) and bool(entries), subject, "must list its layers",
           error=ConfigError, layers=type(entries).__name__)  # fmt: skip
    made: dict[str, Layer] = {}
    calls: list[_Call] = []
    for entry in entries or ():
        layer, name = _made(entry, make, subject)
        expect(name not in made, subject, "every layer must have a name of its own",
               error=ConfigError, name=name)  # fmt: skip
        made[name] = layer
        nodes = entry.get("inbound_nodes") or []
        expect(isinstance(nodes, list), subject, "inbound_nodes must be a list", error=ConfigError,
               layer=name)  # fmt: skip
        calls += [_call(subject, name, number, node) for number, node in enumerate(nodes)]
    trees = [
        _references(subject, config.get(key), key) for key in ("input_layers", "output_layers")
    ]
    if any(
        isinstance(node, list)
        for entry in entries or ()
        for node in entry.get("inbound_nodes") or ()
    ):
        # Keras 2 wrote a list also where there was one input or output.
        trees = [tree[0] if isinstance(tree, list) and len(tree) == 1 else tree for tree in trees]
    shifts = _shifts(made, calls, trees)
    outputs = _run(subject, made, calls, shifts)

    def symbol(place: Any) -> Any:
        return _output(subject, outputs, place, shifts)

    inputs, results = (_placed(symbol, tree) for tree in trees)
    given = {"name": config["name"]} if config.get("name") else {}
    model = kind(inputs, results, **given)
    if config.get("trainable") is False:
        model.trainable = False
    return model


def _made(entry: Any, make: Callable[[Any], Layer], subject: str) -> tuple[Layer, str]:
    expect(isinstance(entry, Mapping) and isinstance(entry.get("config"), Mapping), subject,
           "every layer must have a configuration", error=ConfigError, layer=entry)  # fmt: skip
    config = dict(entry["config"])
    name: Any = entry.get("name") or config.get("name")
    named = isinstance(name, str)
    expect(named, subject, "every layer must have a name", error=ConfigError, name=name)
    config.setdefault("name", name)
    return make({**entry, "config": config}), name


def _call(subject: str, layer: str, number: int, node: Any) -> _Call:
    if isinstance(node, list):  # Keras 2: a list of [layer, call, output, kwargs]
        given = [_place(subject, one[:3] if isinstance(one, list) else one) for one in node]
        extra = [one[3] for one in node if len(one) > 3]
        kwargs = extra[0] if extra else {}
        if isinstance(kwargs, Mapping):
            kwargs = {key: _referred(subject, one) for key, one in kwargs.items()}
        call = _Call(layer, number, [given[0] if len(given) == 1 else given], kwargs, older=True)
    else:
        sound = isinstance(node, Mapping) and isinstance(node.get("args"), list)
        expect(sound and isinstance(node.get("kwargs", {}), Mapping), subject,
               "a call must have args and kwargs", error=ConfigError, layer=layer)  # fmt: skip
        args = [_unpacked(subject, one) for one in node["args"]]
        kwargs = {key: _unpacked(subject, one) for key, one in node.get("kwargs", {}).items()}
        call = _Call(layer, number, args, kwargs)
        told = node.get(OURS)
        if isinstance(told, Mapping) and "training" in told:
            kwargs["training"] = told["training"]
        elif kwargs.get("training") is False:  # Keras writes it whether it was asked for or not
            del kwargs["training"]
    expect(isinstance(call.kwargs, Mapping), subject, "kwargs of a call must be a dictionary",
           error=ConfigError, layer=layer)  # fmt: skip
    call.kwargs = {key: one for key, one in call.kwargs.items() if one is not None}
    call.needs = [place[:2] for place in _places((call.args, call.kwargs))]
    return call


def _referred(subject: str, value: Any) -> Any:
    """Return an argument that Keras 2 gave by name: an output of a layer, or as it is."""
    if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str):
        if all(type(one) is int for one in value[1:]):
            return _place(subject, value)
    return value


class _Place(tuple[str, int, int]):
    """Layer, call, output."""


def _place(subject: str, history: Any) -> _Place:
    sound = (
        isinstance(history, list)
        and len(history) == 3
        and isinstance(history[0], str)
        and all(isinstance(one, int) and one >= 0 for one in history[1:])
    )
    expect(sound, subject, "an argument must name layer, call and output", error=ConfigError,
           argument=history)  # fmt: skip
    return _Place(history)


def _unpacked(subject: str, tree: Any) -> Any:
    if isinstance(tree, list):
        return [_unpacked(subject, one) for one in tree]
    if not isinstance(tree, Mapping):
        return tree
    name = tree.get("class_name")
    if name is None:
        return {key: _unpacked(subject, one) for key, one in tree.items()}
    config: Any = tree.get("config")
    if name == "__ellipsis__":
        return Ellipsis
    if name in ("__slice__", "__tensor__") and isinstance(config, Mapping):
        return _made_constant(subject, name, config)
    expect(name == _TENSOR and isinstance(config, Mapping), subject,
           "arguments of a call must be outputs of layers or plain values", error=ConfigError,
           class_name=name)  # fmt: skip
    return _place(subject, config["keras_history"] if "keras_history" in config else None)


def _made_constant(subject: str, name: str, config: Mapping[str, Any]) -> Any:
    """Make a slice or a tensor of its parts."""
    if name == "__slice__":
        ends = [config.get(key) for key in ("start", "stop", "step")]
        expect(all(one is None or isinstance(one, int) for one in ends), subject,
               "a slice must be made of whole numbers", error=ConfigError, slice=ends)  # fmt: skip
        return slice(*ends)
    dtype = config.get("dtype")
    expect("value" in config and isinstance(dtype, str), subject,
           "a tensor must have value and dtype", error=ConfigError, dtype=dtype)  # fmt: skip
    try:
        return tensor(config["value"], dtype)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{subject}: a tensor must be made of numbers; got {error}.") from error


def _places(tree: Any) -> list[Any]:
    """Return the places in a tree of arguments."""
    if isinstance(tree, _Place):
        return [tree]
    inside = tree.values() if isinstance(tree, Mapping) else tree
    return (
        [p for one in inside for p in _places(one)]
        if isinstance(tree, (list, tuple, Mapping))
        else []
    )


def _placed(function: Callable[[_Place], Any], tree: Any) -> Any:
    """Put something in place of every place."""
    if isinstance(tree, _Place):
        return function(tree)
    if isinstance(tree, Mapping):
        return {key: _placed(function, one) for key, one in tree.items()}
    return [_placed(function, one) for one in tree] if isinstance(tree, (list, tuple)) else tree


def _references(subject: str, tree: Any, key: str) -> Any:
    """Read input_layers or output_layers: one place, or a list or dictionary of places."""
    if isinstance(tree, Mapping):
        return {name: _references(subject, one, key) for name, one in tree.items()}
    expect(isinstance(tree, list) and bool(tree), subject, f"{key} must name layers",
           error=ConfigError, **{key: tree})  # fmt: skip
    if isinstance(tree[0], str):
        return _place(subject, tree)
    return [_references(subject, one, key) for one in tree]


def _shifts(made: dict[str, Layer], calls: list[_Call], trees: list[Any]) -> dict[str, int]:
    """Return for nested models how far their calls are counted too high.

    Keras 2 counted the graph inside a model as its first call.
    """
    counts: dict[str, int] = {}
    for call in calls:
        counts[call.layer] = counts.get(call.layer, 0) + 1
    highest: dict[str, int] = {}
    named = [place for call in calls for place in _places((call.args, call.kwargs))]
    for place in [*named, *(place for tree in trees for place in _places(tree))]:
        highest[place[0]] = max(place[1], highest.get(place[0], 0))
    return {
        name: 1 for name, high in highest.items()
        if name in made and in_order(made[name]) and high == counts.get(name, 0)
    }  # fmt: skip


def _run(
    subject: str, made: dict[str, Layer], calls: list[_Call], shifts: dict[str, int]
) -> dict[Reference, list[Any]]:
    """Make every call as soon as what it needs is there; return the outputs by layer and call."""
    outputs: dict[Reference, list[Any]] = {
        (name, 0): [layer.output] for name, layer in made.items() if isinstance(layer, InputLayer)
    }
    blocked: dict[Reference, list[_Call]] = {}
    ready = deque(calls)
    left = len(calls)
    while ready:
        call = ready.popleft()
        missing = next((one for one in _needed(call, shifts) if one not in outputs), None)
        if missing is not None:
            expect(missing[0] in made, subject, "arguments must come from layers of the model",
                   error=ConfigError, layer=call.layer, argument=missing[0])  # fmt: skip
            blocked.setdefault(missing, []).append(call)
            continue
        outputs[call.layer, call.number] = _called(subject, made[call.layer], call, outputs, shifts)
        left -= 1
        ready.extend(blocked.pop((call.layer, call.number), ()))
    stuck = sorted({call.layer for waiting in blocked.values() for call in waiting})
    expect(left == 0, subject, "calls must not wait for each other", error=ConfigError,
           layers=stuck[:6])  # fmt: skip
    return outputs


def _needed(call: _Call, shifts: dict[str, int]) -> Iterator[Reference]:
    """Yield what a call waits for: its arguments, and the call before of its own layer."""
    for name, number in call.needs:
        yield name, number - shifts.get(name, 0)
    if call.number > 0:
        yield call.layer, call.number - 1


def _output(
    subject: str, outputs: dict[Reference, list[Any]], place: _Place, shifts: dict[str, int]
) -> Any:
    name, number, index = place
    found = outputs.get((name, number - shifts.get(name, 0)), [])
    expect(index < len(found), subject, "every output must come from a call of a layer",
           error=ConfigError, layer=name, call=number, output=index)  # fmt: skip
    return found[index]


def _called(
    subject: str,
    layer: Layer,
    call: _Call,
    outputs: dict[Reference, list[Any]],
    shifts: dict[str, int],
) -> list[Any]:
    def symbol(place: _Place) -> Any:
        return _output(subject, outputs, place, shifts)

    args, kwargs = _placed(symbol, call.args), _placed(symbol, call.kwargs)
    if isinstance(layer, Merge) and len(args) == 1 and isinstance(args[0], KerasTensor):
        args = [[args[0]]]  # Keras 2 wrote a list of one as the one
    if call.older and type(layer).__name__ in RECURRENT and isinstance(args[0], list):
        kwargs = {**kwargs, "initial_state": args[0][1:]}  # Keras 2 listed it behind the input
        args = [args[0][0]]
    try:
        return leaves(layer(*args, **kwargs))
    except GraftError:
        raise
    except TypeError as error:
        raise ConfigError(
            f'{subject}: layer "{layer.name}" must be called with arguments that it takes; '
            f"got {error}."
        ) from error
