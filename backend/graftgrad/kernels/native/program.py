"""A straight run of vector operations as a graph of values; what is computed twice is shared.

Values are of four kinds: a `number` is known when code is made, a `double` is one number per call,
in double precision; a `float` is one float32 for each element, a `mask` all bits or none for each
element, as comparisons make them. Values that are the same for all elements are `uniform`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...spec import bfloat16, bool_

NUMBER, DOUBLE, FLOAT, MASK, WHOLE = "number", "double", "float", "mask", "whole"
# relation -> code of the comparison; NaN differs from everything
RELATIONS = {"<": 0x11, "<=": 0x12, ">": 0x1E, ">=": 0x1D, "==": 0x00, "!=": 0x04}
_HELD: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
_FOLDED: dict[str, Callable[[float, float], float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
}


class Unsupported(Exception):
    """What is asked for cannot be expressed here; the caller declines."""


class Node(NamedTuple):
    """One value: the operation, the values it is made of, and a number it needs."""

    op: str
    args: tuple[int, ...] = ()
    data: Any = None


class Value:
    """A value of a program, with the operators of arithmetic."""

    __slots__ = ("id", "kind", "program", "uniform")

    def __init__(self, program: Program, place: int, kind: str, uniform: bool) -> None:
        self.program = program
        self.id = place
        self.kind = kind
        self.uniform = uniform

    @property
    def number(self) -> float:
        """What it is, if that is known."""
        found: float = self.program.nodes[self.id].data
        return found

    def __add__(self, other: Any) -> Value:
        return self.program.binary("add", self, other)

    def __radd__(self, other: Any) -> Value:
        return self.program.binary("add", other, self)

    def __sub__(self, other: Any) -> Value:
        return self.program.binary("sub", self, other)

    def __rsub__(self, other: Any) -> Value:
        return self.program.binary("sub", other, self)

    def __mul__(self, other: Any) -> Value:
        return self.program.binary("mul", self, other)

    def __rmul__(self, other: Any) -> Value:
        return self.program.binary("mul", other, self)

    def __truediv__(self, other: Any) -> Value:
        return self.program.binary("div", self, other)

    def __rtruediv__(self, other: Any) -> Value:
        return self.program.binary("div", other, self)

    def __neg__(self) -> Value:
        return self.program.negative(self)


class Program:
    """Values in the order in which they are computed, and what is written where."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.values: list[Value] = []
        self.known: dict[tuple[Any, ...], Value] = {}
        self.stores: list[tuple[int, int]] = []

    def make(
        self, op: str, args: tuple[Value, ...], kind: str, data: Any = None, uniform: bool = True
    ) -> Value:
        """Return a value, the same one where it was made before."""
        places = tuple([x.id for x in args])
        key = (op, places, data if data == data else "nan", str(data))
        found = self.known.get(key)
        if found is None:
            same = uniform and all(x.uniform for x in args)
            found = self.known[key] = Value(self, len(self.nodes), kind, same)
            self.nodes.append(Node(op, places, data))
            self.values.append(found)
        return found

    def load(self, slot: int, kind: str, uniform: bool) -> Value:
        """Return the elements of an operand."""
        return self.make("load", (), kind, slot, uniform)

    def store(self, slot: int, x: Value) -> None:
        """Write a value into an operand."""
        self.stores.append((slot, x.id))

    def number(self, x: float) -> Value:
        """Return a number that is known."""
        return self.make("number", (), NUMBER, float(x))

    def bits(self, word: int) -> Value:
        """Return the same 32 bits in each element."""
        return self.make("bits", (), WHOLE, word & 0xFFFFFFFF)

    def value(self, x: Any) -> Value:
        """Return a value as it is, a number as one."""
        return x if isinstance(x, Value) else self.number(x)

    def single(self, x: Any) -> Value:
        """Return a value as float32 for each element."""
        given: Value = self.value(x)
        if given.kind == NUMBER:
            with np.errstate(over="ignore"):
                single = np.float32(given.number)
            return self.make("constant", (), FLOAT, int(single.view(np.uint32)))
        if given.kind == DOUBLE:
            return self.make("single", (self.double(given),), FLOAT)
        if given.kind == MASK:
            return self.make("and", (given, self.single(1.0)), FLOAT)
        return given

    def double(self, x: Any) -> Value:
        """Return a value as one double."""
        given: Value = self.value(x)
        if given.kind == NUMBER:
            return self.make("d.number", (), DOUBLE, given.number)
        if given.kind == DOUBLE:
            if self.nodes[given.id].op != "d.compare":
                return given
            return self.make("d.choose", (given, self.double(1.0), self.double(0.0)), DOUBLE)
        if given.kind == FLOAT and given.uniform and self.nodes[given.id].op == "load":
            return self.make("d.widen", (), DOUBLE, self.nodes[given.id].data)
        raise Unsupported("only numbers are computed in double precision")

    def truth(self, x: Any) -> Value:
        """Return a value as a mask: true where it is not 0."""
        given: Value = self.value(x)
        if given.kind == MASK:
            return given
        if given.kind == NUMBER:
            return self.bits(-1 if given.number else 0)
        if given.kind == WHOLE:
            return given
        return self.compare("!=", given, 0.0)

    def binary(self, op: str, a: Any, b: Any) -> Value:
        """Return a sum, difference, product or quotient."""
        a, b = self.value(a), self.value(b)
        if a.kind == NUMBER and b.kind == NUMBER:
            if op == "div" and b.number == 0:
                return self.number(math.nan if not a.number else math.copysign(math.inf, a.number))
            return self.number(_FOLDED[op](a.number, b.number))
        if b.kind == NUMBER and b.number == 1 and op in ("mul", "div"):
            return self.double(a) if a.kind == DOUBLE else self.single(a)
        if a.kind == NUMBER and a.number == 1 and op == "mul":
            return self.double(b) if b.kind == DOUBLE else self.single(b)
        if DOUBLE in (a.kind, b.kind) and {a.kind, b.kind} <= {NUMBER, DOUBLE}:
            return self.make(f"d.{op}", (self.double(a), self.double(b)), DOUBLE)
        return self.make(op, (self.single(a), self.single(b)), FLOAT)

    def negative(self, x: Any) -> Value:
        """Return −x."""
        x = self.value(x)
        if x.kind == NUMBER:
            return self.number(-x.number)
        if x.kind == DOUBLE:
            return self.make("d.sub", (self.double(-0.0), self.double(x)), DOUBLE)
        return self.make("xor", (self.single(x), self.bits(0x80000000)), FLOAT)

    def magnitude(self, x: Any) -> Value:
        """Return |x|."""
        x = self.value(x)
        if x.kind == NUMBER:
            return self.number(abs(x.number))
        if x.kind == DOUBLE:
            return self.make("d.fabs", (self.double(x),), DOUBLE)
        return self.make("and", (self.single(x), self.bits(0x7FFFFFFF)), FLOAT)

    def compare(self, relation: str, a: Any, b: Any) -> Value:
        """Return where a relation holds."""
        a, b = self.value(a), self.value(b)
        if a.kind == NUMBER and b.kind == NUMBER:
            return self.number(float(_HELD[relation](a.number, b.number)))
        if DOUBLE in (a.kind, b.kind) and {a.kind, b.kind} <= {NUMBER, DOUBLE}:
            args = self.double(a), self.double(b)
            return self.make("d.compare", args, DOUBLE, RELATIONS[relation])
        return self.make("compare", (self.single(a), self.single(b)), MASK, RELATIONS[relation])

    def choose(self, condition: Any, a: Any, b: Any) -> Value:
        """Return a where the condition holds, else b."""
        condition, a, b = self.value(condition), self.value(a), self.value(b)
        if condition.kind == NUMBER:
            chosen: Value = a if condition.number else b
            return chosen
        if condition.kind == DOUBLE:
            if self.nodes[condition.id].op != "d.compare":
                condition = self.compare("!=", condition, 0.0)
            args = condition, self.double(a), self.double(b)
            return self.make("d.choose", args, DOUBLE)
        mask = self.truth(condition)
        if a.kind == MASK and b.kind == MASK:
            return self.make("blend", (b, a, mask), MASK)
        if b.kind == NUMBER and self._is_zero(b):
            return self.make("and", (mask, self.single(a)), FLOAT)
        if a.kind == NUMBER and self._is_zero(a):
            return self.make("andn", (mask, self.single(b)), FLOAT)
        return self.make("blend", (self.single(b), self.single(a), mask), FLOAT)

    def both(self, a: Any, b: Any) -> Value:
        """Return a and b."""
        return self.make("and", (self.truth(a), self.truth(b)), MASK)

    def either(self, a: Any, b: Any) -> Value:
        """Return a or b."""
        return self.make("or", (self.truth(a), self.truth(b)), MASK)

    def inverse(self, x: Any) -> Value:
        """Return not x."""
        x = self.value(x)
        if x.kind == NUMBER:
            return self.number(float(not x.number))
        return self.make("xor", (self.truth(x), self.bits(-1)), MASK)

    def fma(self, a: Any, b: Any, c: Any) -> Value:
        """Return a · b + c, rounded once."""
        return self.make("fma", (self.single(a), self.single(b), self.single(c)), FLOAT)

    def least(self, a: Any, b: Any) -> Value:
        """Return the smaller; the second where one is NaN."""
        return self.make("min", (self.single(a), self.single(b)), FLOAT)

    def greatest(self, a: Any, b: Any) -> Value:
        """Return the larger; the second where one is NaN."""
        return self.make("max", (self.single(a), self.single(b)), FLOAT)

    def root(self, x: Any) -> Value:
        """Return √x."""
        x = self.value(x)
        if x.kind == NUMBER:
            return self.number(math.sqrt(x.number) if x.number >= 0 else math.nan)
        if x.kind == DOUBLE:
            return self.make("d.sqrt", (self.double(x),), DOUBLE)
        return self.make("sqrt", (self.single(x),), FLOAT)

    def nearest(self, x: Any) -> Value:
        """Return x rounded to a whole number, halves to even."""
        return self.make("round", (self.single(x),), FLOAT, 8)

    def rounded(self, x: Value, dtype: Any) -> Value:
        """Return a value as it reads after it was written as elements of `dtype`."""
        if dtype == bool_:
            return self.truth(x)
        x = self.single(x)
        if dtype != bfloat16:
            return x
        odd = self.make("and", (self.whole("shift_down", x, data=16), self.bits(1)), WHOLE)
        moved = self.whole("add_whole", self.whole("add_whole", x, self.bits(0x7FFF)), odd)
        cut = self.make("and", (moved, self.bits(0xFFFF0000)), FLOAT)
        return self.choose(self.compare("!=", x, x), math.nan, cut)

    def whole(self, op: str, *args: Value, data: Any = None, kind: str = WHOLE) -> Value:
        """Return what an operation on whole numbers makes of bits."""
        return self.make(op, args, kind, data)

    def _is_zero(self, x: Value) -> bool:
        return x.number == 0 and math.copysign(1.0, x.number) > 0
