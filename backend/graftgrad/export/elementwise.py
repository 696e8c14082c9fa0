"""Functions that work element by element, in ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..function import Function
from ..ops.activation import Elu, Gelu, Silu, Softplus
from ..ops.arithmetic import (
    Abs,
    Add,
    Div,
    EqualMask,
    FloorDivide,
    Log,
    Maximum,
    Minimum,
    Mul,
    Neg,
    Pow,
    Remainder,
    Sign,
    Sub,
    Where,
)
from ..ops.bitwise import Invert
from ..ops.compare import Compare, Test
from ..ops.exponential import Cos, Erf, Exp, Expm1, Log1p, Rsqrt, Sigmoid, Sin, Sqrt, Tanh
from ..ops.operand import Cast, Copy, FullLike
from ..ops.random import Masked
from ..ops.rectifier import HardSilu, HardTanh, LeakyReLU, ReLU
from ..ops.rounding import Round
from ..ops.special import Erfc, Exp2, Log2, Log10
from ..ops.trigonometry import Arccos, Arccosh, Arcsin, Arcsinh, Arctan, Arctanh, Cosh, Sinh, Tan
from ..ops.update import Assign
from .graph import RULES, Graph, Value, rule

Values = Sequence[Value]
Body = Callable[[Graph, Any, Callable[[float], str], str], str]

_ALIKE: dict[type[Function], str] = {
    Neg: "Neg", Abs: "Abs", Sign: "Sign", Log: "Log",
    Exp: "Exp", Sqrt: "Sqrt", Sin: "Sin",
    Cos: "Cos", Tanh: "Tanh", Sigmoid: "Sigmoid",
    Erf: "Erf", ReLU: "Relu", Tan: "Tan",
    Arcsin: "Asin", Arccos: "Acos", Arctan: "Atan",
    Sinh: "Sinh", Cosh: "Cosh", Arcsinh: "Asinh",
    Arccosh: "Acosh", Arctanh: "Atanh",
    Copy: "Identity",
}  # fmt: skip
_BINARY: dict[type[Function], str] = {
    Add: "Add", Sub: "Sub", Mul: "Mul", Pow: "Pow",
    Maximum: "Max", Minimum: "Min",
}  # fmt: skip
_RELATIONS = {
    "equal": "Equal", "less": "Less", "less_equal": "LessOrEqual", "greater": "Greater",
    "greater_equal": "GreaterOrEqual", "logical_and": "And", "logical_or": "Or",
}  # fmt: skip
_TESTS = {"isnan": "IsNaN", "isinf": "IsInf", "logical_not": "Not"}
_ROUNDING = {"floor": "Floor", "ceil": "Ceil", "rint": "Round"}


@rule(*_ALIKE)
def alike(graph: Graph, function: Function, ins: Values, outs: Values) -> None:
    """Translate what ONNX has under another name."""
    (x,), planes = graph.like(outs[0], ins[0])
    graph.put(outs[0], graph.add(_ALIKE[type(function)], x), planes)


@rule(*_BINARY)
def binary(graph: Graph, function: Function, ins: Values, outs: Values) -> None:
    """Translate what ONNX has for two operands."""
    (a, b), planes = graph.like(outs[0], *ins)
    graph.put(outs[0], graph.add(_BINARY[type(function)], a, b), planes)


def composite(*kinds: type[Function]) -> Callable[[Body], Body]:
    """Register a body that gets the function, what makes numbers of x's type, and the name of x."""

    def register(body: Body) -> Body:
        def translated(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
            names, planes = graph.like(outs[0], *ins)

            def number(value: float) -> str:
                return graph.constant(value, ins[0].dtype)

            graph.put(outs[0], body(graph, function, number, names[0]), planes)

        for kind in kinds:
            RULES[kind] = translated
        return body

    return register


@composite(Elu)
def _elu(graph: Graph, f: Any, number: Callable[[float], str], x: str) -> str:
    if f.scale == f.rate == 1:
        return str(graph.add("Elu", x, alpha=float(f.depth)))
    low = graph.add("Exp", graph.add("Mul", graph.add("Min", x, number(0)), number(f.rate)))
    low = graph.add("Mul", graph.add("Sub", low, number(1)), number(f.depth))
    return str(graph.add("Add", graph.add("Mul", graph.add("Relu", x), number(f.scale)), low))


@composite(Gelu)
def _gelu(graph: Graph, f: Any, number: Callable[[float], str], x: str) -> str:
    return str(graph.add("Gelu", x, approximate="tanh" if f.approximate else "none"))


@composite(Silu)
def _silu(graph: Graph, f: Any, number: Callable[[float], str], x: str) -> str:
    return str(graph.add("Mul", x, graph.add("Sigmoid", x)))


@composite(Softplus)
def _softplus(graph: Graph, f: Any, number: Callable[[float], str], x: str) -> str:
    if f.beta == 1:
        return str(graph.add("Softplus", x))
    y = graph.add("Softplus", graph.add("Mul", x, number(f.beta)))
    return str(graph.add("Div", y, number(f.beta)))


@composite(HardTanh)
def _clip(graph: Graph, f: Any, number: Callable[[float], str], x: str) -> str:
    return str(graph.add("Clip", x, number(f.lower), number(f.upper)))


@composite(LeakyReLU)
def _leaky(graph: Graph, f: Any, number: Callable[[float], str], x: str) -> str:
    return str(graph.add("LeakyRelu", x, alpha=float(f.slope)))


@composite(HardSilu)
def _hard_silu(graph: Graph, f: Any, number: Callable[[float], str], x: str) -> str:
    return str(graph.add("HardSwish", x))


@composite(Rsqrt)
def _rsqrt(graph: Graph, f: Any, number: Callable[[float], str], x: str) -> str:
    return str(graph.add("Reciprocal", graph.add("Sqrt", x)))


@composite(Expm1)
def _expm1(graph: Graph, f: Any, number: Callable[[float], str], x: str) -> str:
    return str(graph.add("Sub", graph.add("Exp", x), number(1)))


@composite(Log1p)
def _log1p(graph: Graph, f: Any, number: Callable[[float], str], x: str) -> str:
    return str(graph.add("Log", graph.add("Add", x, number(1))))


@composite(Exp2)
def _exp2(graph: Graph, f: Any, number: Callable[[float], str], x: str) -> str:
    return str(graph.add("Pow", number(2), x))


@composite(Log2, Log10)
def _log_to_a_base(graph: Graph, f: Any, number: Callable[[float], str], x: str) -> str:
    base = 2 if isinstance(f, Log2) else 10
    return str(graph.add("Mul", graph.add("Log", x), number(1 / np.log(base))))


@composite(Erfc)
def _erfc(graph: Graph, f: Any, number: Callable[[float], str], x: str) -> str:
    return str(graph.add("Sub", number(1), graph.add("Erf", x)))


@composite(Round)
def _round(graph: Graph, f: Any, number: Callable[[float], str], x: str) -> str:
    if f.way == "trunc":
        return str(graph.add("Mul", graph.add("Sign", x), graph.add("Floor", graph.add("Abs", x))))
    return str(graph.add(_ROUNDING[f.way], x))


@composite(Cast)
def _cast(graph: Graph, f: Any, number: Callable[[float], str], x: str) -> str:
    return str(graph.add("Cast", x, to=f.dtype))


@rule(Masked)
def masked(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate scale · x where a mask holds."""
    x, mask = ins
    zero, scale = (graph.constant(n, x.dtype) for n in (0, function.scale))
    y = graph.add("Mul", graph.plain(x), scale)
    graph.put(outs[0], graph.add("Where", graph.plain(mask), y, zero))


@rule(Test)
def test(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate a question to every element."""
    (x,), planes = graph.like(outs[0], ins[0])
    if function.question == "isfinite":
        y = graph.add("Not", graph.add("Or", graph.add("IsNaN", x), graph.add("IsInf", x)))
    elif function.question == "signbit":
        y = graph.add("Less", x, graph.constant(0, ins[0].dtype))
    elif function.question == "logical_not" and ins[0].dtype != np.dtype(bool):
        y = graph.add("Equal", x, graph.constant(0, ins[0].dtype))
    else:
        y = graph.add(_TESTS[function.question], x)
    graph.put(outs[0], y, planes)


@rule(Invert)
def invert(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate a negation of truth values, or of bits."""
    (x,), planes = graph.like(outs[0], ins[0])
    truth = ins[0].dtype == np.dtype(bool)
    graph.put(outs[0], graph.add("Not" if truth else "BitwiseNot", x), planes)


@rule(Compare)
def compared(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate a comparison."""
    (a, b), planes = graph.like(outs[0], *ins)
    if function.relation.startswith("logical") and ins[0].dtype != np.dtype(bool):
        a, b = (graph.add("Cast", x, to=np.dtype(bool)) for x in (a, b))
    if function.relation == "not_equal":
        y = graph.add("Not", graph.add("Equal", a, b))
    else:
        y = graph.add(_RELATIONS[function.relation], a, b)
    graph.put(outs[0], y, planes)


@rule(EqualMask)
def equal_mask(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate 1 where two are equal."""
    (a, b), planes = graph.like(outs[0], *ins)
    y = graph.add("Cast", graph.add("Equal", a, b), to=outs[0].dtype)
    graph.put(outs[0], y, planes)


@rule(Where)
def where(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate a choice."""
    names, planes = graph.like(outs[0], *ins)
    graph.put(outs[0], graph.add("Where", *names), planes)


@rule(Div, FloorDivide, Remainder)
def divided(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate quotients; ONNX rounds those of whole numbers towards 0, NumPy down."""
    (a, b), planes = graph.like(outs[0], *ins)
    whole = ins[0].dtype.kind in "iu"
    if isinstance(function, Div):
        y = graph.add("Div", a, b)
    elif whole and isinstance(function, Remainder):
        y = graph.add("Mod", a, b)
    elif whole:
        y = graph.add("Div", graph.add("Sub", a, graph.add("Mod", a, b)), b)
    else:
        y = graph.add("Floor", graph.add("Div", a, b))
        if isinstance(function, Remainder):
            y = graph.add("Sub", a, graph.add("Mul", y, b))
    graph.put(outs[0], y, planes)


@rule(FullLike)
def full_like(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate one value everywhere."""
    value = graph.constant(function.value, outs[0].dtype)
    graph.put(outs[0], graph.add("Expand", value, graph.sizes(outs[0].shapes)))


@rule(Assign)
def assigned(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate values that fill memory: stretched, and of its element type."""
    x, y = ins[0], outs[0]
    made = graph.plain(x)
    if x.dtype != y.dtype:
        made = graph.add("Cast", made, to=y.dtype)
    if x.shapes != y.shapes:
        made = graph.add("Expand", made, graph.sizes(y.shapes))
    graph.put(y, made)
