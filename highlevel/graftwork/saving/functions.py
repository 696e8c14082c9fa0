"""Functions in functional models, brought into the form in which Keras 3 writes them in .keras.

Its HDF5 files tell no modules, so that functions look like layers. Keras 2 wrote `x + y` or
`tf.nn.relu(x)` as a layer `TFOpLambda` that names the function, and slices as `SlicingOpLambda`.
Which function of ours each is stands here as data; nothing is looked up in TensorFlow. A function
that is not listed is refused by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graftgrad.errors import ConfigError, expect

from ..registry import layers, operations

Config = dict[str, Any]
KINDS = ("TFOpLambda", "SlicingOpLambda")
_OPERATORS = ("Add", "Subtract", "Multiply", "Maximum", "Minimum", "Average", "Dot")
_CONSTANT = "_CONSTANT_VALUE"
_TENSOR = "__keras_tensor__"
# Of a product whose operands are turned, first and second.
_SUBSCRIPTS = {
    (True, False): "...ji,...jk->...ik", (False, True): "...ij,...kj->...ik",
    (True, True): "...ji,...kj->...ik",
}  # fmt: skip
# Function of TensorFlow -> function of ours; its operands in order; its other arguments -> ours.
# What is not listed of its arguments must be None, or False.
_TWO, _ONE = ("x", "y"), ("x",)
_REDUCED = {"axis": "axis", "keepdims": "keepdims"}
_TABLE: dict[str, tuple[str, tuple[str, ...], dict[str, str]]] = {
    "__operators__.add": ("add", _TWO, {}),
    **{
        f"math.{theirs}": (ours, _TWO, {})
        for theirs, ours in {
            "add": "add", "subtract": "subtract", "multiply": "multiply", "pow": "power",
            "truediv": "true_divide", "divide": "true_divide", "floordiv": "floor_divide",
            "floormod": "mod", "maximum": "maximum", "minimum": "minimum", "equal": "equal",
            "not_equal": "not_equal", "greater": "greater", "greater_equal": "greater_equal",
            "less": "less", "less_equal": "less_equal", "logical_and": "logical_and",
            "logical_or": "logical_or",
        }.items()
    },
    **{
        f"math.{name}": (name, _ONE, {})
        for name in ("negative", "abs", "exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "square",
                     "sin", "cos", "tan", "tanh", "sigmoid", "erf", "floor", "ceil", "sign",
                     "reciprocal", "logical_not", "softplus", "sinh", "cosh")
    },
    **{
        f"nn.{theirs}": (ours, ("features",), {})
        for theirs, ours in {
            "relu": "relu", "relu6": "relu6", "elu": "elu", "selu": "selu", "silu": "silu",
            "swish": "silu", "softsign": "soft_sign", "softplus": "softplus",
        }.items()
    },
    "nn.sigmoid": ("sigmoid", _ONE, {}),
    "nn.tanh": ("tanh", _ONE, {}),
    "nn.gelu": ("gelu", ("features",), {"approximate": "approximate"}),
    "nn.leaky_relu": ("leaky_relu", ("features",), {"alpha": "negative_slope"}),
    "nn.softmax": ("softmax", ("logits",), {"axis": "axis"}),
    "nn.log_softmax": ("log_softmax", ("logits",), {"axis": "axis"}),
    **{
        f"math.reduce_{theirs}": (ours, ("input_tensor",), _REDUCED)
        for theirs, ours in {
            "mean": "mean", "sum": "sum", "max": "max", "min": "min", "prod": "prod",
            "any": "any", "all": "all", "std": "std", "variance": "var",
            "logsumexp": "logsumexp",
        }.items()
    },
    "math.argmax": ("argmax", ("input",), {"axis": "axis"}),
    "math.argmin": ("argmin", ("input",), {"axis": "axis"}),
    "reshape": ("reshape", ("tensor",), {"shape": "newshape"}),
    "transpose": ("transpose", ("a",), {"perm": "axes"}),
    "compat.v1.transpose": ("transpose", ("a",), {"perm": "axes"}),
    "expand_dims": ("expand_dims", ("input",), {"axis": "axis"}),
    "squeeze": ("squeeze", ("input",), {"axis": "axis"}),
    "compat.v1.squeeze": ("squeeze", ("input",), {"axis": "axis"}),
    "concat": ("concatenate", ("values",), {"axis": "axis"}),
    "stack": ("stack", ("values",), {"axis": "axis"}),
    "tile": ("tile", ("input",), {"multiples": "repeats"}),
    "cast": ("cast", _ONE, {"dtype": "dtype"}),
    "clip_by_value": ("clip", ("t",), {"clip_value_min": "x_min", "clip_value_max": "x_max"}),
    "linalg.matmul": ("matmul", ("a", "b"), {}),
    "where": ("where", ("condition", "x", "y"), {}),
    "compat.v1.where": ("where", ("condition", "x", "y"), {}),
    "zeros_like": ("zeros_like", ("input",), {}),
    "ones_like": ("ones_like", ("input",), {}),
}  # fmt: skip


def with_functions(config: Config) -> Config:
    """Return the configuration of a functional model with its functions told from its layers.

    Raises:
        ConfigError: a function is not known here, or is called in a way that ours cannot be.
    """
    listed = config.get("layers")
    if not isinstance(listed, list):
        return config
    names = {one.get("name") for one in listed if isinstance(one, Mapping)}
    return {**config, "layers": [_function(one, names) if _is_function(one) else _operator(one)
                                 for one in listed]}  # fmt: skip


def _operator(entry: Any) -> Any:
    """Return what a file of HDF5 calls like a layer and applies like a function, as a function.

    Keras 3 writes no modules there. Where layer and function have one name, the function `Add` of
    `x + 3.0` differs from the layer `Add` in that it is called on two operands, not on a list.
    """
    nodes = entry.get("inbound_nodes") if isinstance(entry, Mapping) else None
    named = entry.get("module") if nodes else None
    if not isinstance(nodes, list) or not nodes or named not in (None, "keras.layers"):
        return entry
    name = entry.get("class_name")
    args = nodes[0].get("args") if isinstance(nodes[0], Mapping) else None
    if not isinstance(name, str) or not isinstance(args, list):
        return entry
    function = name not in layers.known
    if name in _OPERATORS:
        function = len(args) == 2
    elif name == "Reshape":  # whose layer calls it target_shape
        function = "newshape" in (entry.get("config") or {})
    if function:
        module = next((room for room, known in operations.items() if name in known), None)
        if module is not None:
            return {**entry, "module": module, "registered_name": name}
    return entry


def _is_function(entry: Any) -> bool:
    return isinstance(entry, Mapping) and entry.get("class_name") in KINDS


def _function(entry: Mapping[str, Any], names: set[Any]) -> Config:
    """Return one layer that names a function of TensorFlow, as a function of ours."""
    config = entry.get("config")
    theirs = config.get("function") if isinstance(config, Mapping) else None
    subject = f"layer {str(entry.get('name'))[:100]!r}"
    slices = entry.get("class_name") == KINDS[1] and theirs == "__operators__.getitem"
    known = slices or (isinstance(theirs, str) and theirs in _TABLE)
    expect(known, subject, "must apply a function of TensorFlow that is known here",
           error=ConfigError, function=str(theirs)[:100],
           advice="Make the model again from its source and load the weights alone.")  # fmt: skip
    nodes = entry.get("inbound_nodes")
    expect(isinstance(nodes, list) and len(nodes) == 1, subject,
           "a function of TensorFlow must be called once", error=ConfigError,
           calls=len(nodes) if isinstance(nodes, list) else None)  # fmt: skip
    first, kwargs = _node(nodes[0] if nodes else None, names, subject)
    if slices:
        key = [_slice(one) for one in _listed(kwargs.pop("slice_spec", None))]
        ours, args, others = "get_item", [first, key], {}
    else:
        ours, operands, told = _TABLE[str(theirs)]
        args = [first]
        args += [_operand(kwargs.pop(one, None), names) for one in operands[1:]]
        others = {new: kwargs.pop(old) for old, new in told.items() if old in kwargs}
        if theirs == "linalg.matmul":
            turned = [kwargs.pop(f"transpose_{one}", None) is True for one in "ab"]
            if any(turned):
                ours, others = "einsum", {"subscripts": _SUBSCRIPTS[turned[0], turned[1]]}
    left = {key: one for key, one in kwargs.items() if key != "name" and one not in (None, False)}
    expect(not left, subject, "a function of TensorFlow must be called with arguments known here",
           error=ConfigError, function=theirs, arguments=left)  # fmt: skip
    module, kind = _home(ours)
    return {
        "module": module, "class_name": kind, "registered_name": kind, "name": entry.get("name"),
        "config": {"name": entry.get("name"), **others},
        "inbound_nodes": [{"args": args, "kwargs": {}}],
    }  # fmt: skip


def _home(name: str) -> tuple[str, str]:
    """Return module and class of a function of ours by its name."""
    return next(
        (module, kind)
        for module, known in operations.items()
        for kind, declared in known.items()
        if declared.name == name
    )


def _node(node: Any, names: set[Any], subject: str) -> tuple[Any, Config]:
    """Return the first operand of a call, and its arguments by name."""
    expect(isinstance(node, list) and bool(node), subject, "a call must list its operands",
           error=ConfigError, call=type(node).__name__)  # fmt: skip
    listed = node if isinstance(node[0], list) else [node]
    sound = all(isinstance(one, list) and len(one) in (3, 4) for one in listed)
    expect(sound, subject, "an operand must name layer, call and output", error=ConfigError,
           operands=len(listed))  # fmt: skip
    told = listed[0][3] if len(listed[0]) == 4 else {}
    expect(isinstance(told, Mapping), subject, "arguments of a call must be a dictionary",
           error=ConfigError, arguments=type(told).__name__)  # fmt: skip
    found = [_operand(one[2] if one[0] == _CONSTANT else one[:3], names) for one in listed]
    return (found if isinstance(node[0], list) else found[0]), dict(told)


def _operand(value: Any, names: set[Any]) -> Any:
    """Return an operand in Keras 3's form: an output of a layer, a number, or a tensor."""
    if not isinstance(value, list):
        return value
    if len(value) == 3 and isinstance(value[0], str) and value[0] in names:
        return {"class_name": _TENSOR, "config": {"keras_history": value}}
    return {"class_name": "__tensor__", "config": {"value": value, "dtype": "float32"}}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _slice(value: Any) -> Any:
    """Return one part of a key; what is no slice stays as it is."""
    if isinstance(value, Mapping) and {*value} <= {"start", "stop", "step"}:
        parts = {key: value.get(key) for key in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": parts}
    return value
