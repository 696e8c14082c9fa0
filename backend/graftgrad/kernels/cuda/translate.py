"""From what an op states of itself to statements of CUDA C++.

The expressions are those that `kernels.native` compiles for the processor. What is a number of the
function is folded in double precision and rounded once; elements of 16 bits are computed with as
float; whole numbers stay whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...function import Function
from ...spec import DType, bool_, float64, is_floating
from ..native.expression import Tree, parse
from ..native.program import Unsupported
from ..native.translate import number_of, stated
from .prelude import TYPES, real_of

NUMBER, TRUTH, WHOLE, REAL, DOUBLE = "number", "truth", "whole", "real", "double"

_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: _quotient(a, b),
}
_RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_FUNCTIONS: dict[str, tuple[int, Callable[..., float] | None]] = {
    "exp": (1, math.exp),
    "expm1": (1, math.expm1),
    "log": (1, None),
    "log1p": (1, None),
    "tanh": (1, math.tanh),
    "erf": (1, math.erf),
    "sqrt": (1, None),
    "rsqrt": (1, None),
    "sin": (1, math.sin),
    "cos": (1, math.cos),
    "floor": (1, None),
    "fabs": (1, abs),
    "copysign": (2, math.copysign),
    "pow": (2, None),
    "fma": (3, None),
}


@dataclass(frozen=True)
class Value:
    """A value in a kernel's text: its kind, how it is written, and its number where it is one."""

    kind: str
    text: str = ""
    number: float = 0


def operand(text: str, dtype: DType, real: str) -> Value:
    """Return an operand that stands in the text as a variable of the type it is widened to."""
    if dtype == bool_:
        return Value(TRUTH, text)
    if not is_floating(dtype):
        return Value(WHOLE, text)
    return Value(DOUBLE if dtype == float64 and real != "double" else REAL, text)


class Writer:
    """Writes what functions state; `real` is the type that elements are computed in.

    `whole` is the type of whole numbers in the result, where it holds such.
    """

    def __init__(self, real: str, whole: str = "long long") -> None:
        self.real = real
        self.whole = whole
        self.lines: list[str] = []
        self.count = 0

    def named(self, kind: str, text: str) -> Value:
        """Give a value a name of its own, so that it is computed once."""
        types = {TRUTH: "bool", REAL: self.real, DOUBLE: "double", WHOLE: "auto"}
        self.count += 1
        name = f"t{self.count}"
        self.lines.append(f"const {types[kind]} {name} = {text};")
        return Value(kind, name)

    def run(self, function: Function, operands: Mapping[str, Value]) -> dict[str, Value]:
        """Write a function's statements; returns every result by its name, "" for a bare value.

        Raises:
            Unsupported: it states nothing, or what is not known here.
        """
        text = stated(function)
        if not text:
            raise Unsupported(f"{function.name} states no expression")
        known = dict(operands)
        given: dict[str, Value] = {}

        def read(name: str) -> Value:
            if name in known:
                return known[name]
            return Value(NUMBER, number=number_of(function, name))

        for statement in parse(text):
            x = self.evaluate(statement.tree, read)
            if statement.kind == "float":
                x = self.as_real(x)
            elif statement.kind == "double" and x.kind != NUMBER:
                x = self.as_double(x)
            if x.kind != NUMBER and x.text:
                x = self.named(x.kind, x.text)
            known[statement.name] = x
            if not statement.kind:
                given[statement.name] = x
        return given

    def evaluate(self, tree: Tree, read: Callable[[str], Value]) -> Value:
        """Write an expression."""
        if tree.op == "number":
            return Value(NUMBER, number=tree.number)
        if tree.op == "name":
            return read(tree.name)
        if tree.op == "?":
            return self._choice(tree, read)
        parts = [self.evaluate(part, read) for part in tree.parts]
        if tree.op == "call":
            return self._called(tree.name, parts)
        if tree.op in _ARITHMETIC:
            return self._binary(tree.op, *parts)
        if tree.op in _RELATIONS:
            return self._compared(tree.op, *parts)
        if tree.op == "negative":
            (x,) = parts
            if x.kind == NUMBER:
                return Value(NUMBER, number=-x.number)
            x = self.as_real(x) if x.kind == TRUTH else x
            return Value(x.kind, f"(-{x.text})")
        truths = [self.as_truth(x) for x in parts]
        if tree.op == "!":
            return Value(TRUTH, f"(!{truths[0].text})")
        return Value(TRUTH, f"({truths[0].text} {tree.op} {truths[1].text})")

    def _choice(self, tree: Tree, read: Callable[[str], Value]) -> Value:
        condition = self.evaluate(tree.parts[0], read)
        if condition.kind == NUMBER:  # the other branch is not even looked at
            return self.evaluate(tree.parts[1 if condition.number else 2], read)
        a, b = [self.evaluate(part, read) for part in tree.parts[1:]]
        a, b = (a, b) if a.kind == b.kind == TRUTH else self._alike(a, b)
        return Value(a.kind, f"({self.as_truth(condition).text} ? {a.text} : {b.text})")

    def _called(self, name: str, parts: list[Value]) -> Value:
        if name not in _FUNCTIONS or len(parts) != _FUNCTIONS[name][0]:
            raise Unsupported(f"the function {name}")
        folded = _FUNCTIONS[name][1]
        if folded is not None and all(x.kind == NUMBER for x in parts):
            return Value(NUMBER, number=folded(*[x.number for x in parts]))
        if name == "fabs" and parts[0].kind == WHOLE:
            return Value(WHOLE, f"f_fabs({parts[0].text})")
        if name == "pow" and parts[1].kind == NUMBER and parts[1].number in (1, 2, 0.5, -0.5):
            return self._power(parts[0], parts[1].number)
        kinds = {x.kind for x in parts}
        wide = DOUBLE in kinds and kinds <= {DOUBLE, NUMBER}
        parts = [self.as_double(x) if wide else self.as_real(x) for x in parts]
        return Value(parts[0].kind, f"f_{name}({', '.join(x.text for x in parts)})")

    def _power(self, x: Value, exponent: float) -> Value:
        x = x if x.kind == DOUBLE else self.as_real(x)
        x = self.named(x.kind, x.text)
        text = {1: x.text, 2: f"({x.text} * {x.text})", 0.5: f"f_sqrt({x.text})",
                -0.5: f"f_rsqrt({x.text})"}[exponent]  # fmt: skip
        return Value(x.kind, text)

    def _binary(self, op: str, a: Value, b: Value) -> Value:
        if a.kind == NUMBER and b.kind == NUMBER:
            return Value(NUMBER, number=_ARITHMETIC[op](a.number, b.number))
        a, b = self._alike(a, b)
        return Value(a.kind, f"({a.text} {op} {b.text})")

    def _compared(self, op: str, a: Value, b: Value) -> Value:
        if a.kind == NUMBER and b.kind == NUMBER:
            return Value(NUMBER, number=int(_RELATIONS[op](a.number, b.number)))
        a, b = self._alike(a, b)
        return Value(TRUTH, f"({a.text} {op} {b.text})")

    def _alike(self, a: Value, b: Value) -> tuple[Value, Value]:
        """Bring two values to the kind in which they meet."""
        kinds = {a.kind, b.kind}
        if DOUBLE in kinds and kinds <= {DOUBLE, NUMBER}:
            return self.as_double(a), self.as_double(b)
        if kinds & {REAL, DOUBLE}:
            return self.as_real(a), self.as_real(b)
        numbers = [x.number for x in (a, b) if x.kind == NUMBER]
        truths = kinds <= {TRUTH, NUMBER} and self.whole == "long long"
        if truths or not self._are_whole(numbers):
            return self.as_real(a), self.as_real(b)
        return self.as_whole(a), self.as_whole(b)

    @staticmethod
    def _are_whole(numbers: list[float]) -> bool:
        return all(math.isfinite(x) and x == int(x) for x in numbers)

    def as_real(self, x: Value) -> Value:
        """Return a value in the type that elements are computed in."""
        if x.kind == REAL:
            return x
        return Value(REAL, literal(x.number, self.real) if x.kind == NUMBER
                     else f"({self.real}){x.text}")  # fmt: skip

    def as_double(self, x: Value) -> Value:
        """Return a value in double precision."""
        if x.kind == DOUBLE:
            return x
        return Value(DOUBLE, literal(x.number, "double") if x.kind == NUMBER
                     else f"(double){x.text}")  # fmt: skip

    def as_whole(self, x: Value) -> Value:
        """Return a value as a whole number."""
        if x.kind == WHOLE:
            return x
        text = f"{int(x.number)}LL" if x.kind == NUMBER else x.text
        return Value(WHOLE, f"({self.whole})({text})")

    def as_truth(self, x: Value) -> Value:
        """Return a value as true where it is not 0."""
        if x.kind == TRUTH:
            return x
        if x.kind == NUMBER:
            return Value(TRUTH, "true" if x.number else "false")
        return Value(TRUTH, f"({x.text} != 0)")

    def as_result(self, x: Value, dtype: DType) -> str:
        """Return the text of a value as an element of a result, before it is narrowed."""
        if x.kind == NUMBER:
            if is_floating(dtype):
                return literal(x.number, real_of(dtype))
            if not self._are_whole([x.number]):
                raise Unsupported(f"{x.number} as {dtype}")
            return f"({TYPES[dtype]})({int(x.number)}LL)"
        return x.text


def literal(x: float, real: str) -> str:
    """Write a number to its last bit."""
    x = float(x)
    if math.isnan(x):
        return f"({real})NAN"
    if math.isinf(x):
        return f"({real}){'-' if x < 0 else ''}INFINITY"
    if real == "float":
        return f"((float){x.hex()})"
    return f"({x.hex()})"


def _quotient(a: float, b: float) -> float:
    if b == 0:
        return math.nan if a == 0 or a != a else math.copysign(math.inf, a)
    return a / b
