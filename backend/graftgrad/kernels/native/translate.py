"""From what an op states to a program: names become operands, fields become numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ...function import Function
from .expression import Tree, parse
from .functions import FUNCTIONS
from .program import DOUBLE, NUMBER, Program, Unsupported, Value

_ARITHMETIC = {"+": "add", "-": "sub", "*": "mul", "/": "div"}
_NAMED = {"INFINITY": math.inf, "NAN": math.nan}

Read = Callable[[str], Value]


def stated(function: Function) -> str:
    """Return the C that a function states of itself, or nothing."""
    found = getattr(function, "c", "")
    return found if isinstance(found, str) else ""


def number_of(function: Function, name: str) -> float:
    """Return a number by its name: a field of the function, or what its class calls so.

    Raises:
        Unsupported: there is none.
    """
    found = _NAMED.get(name, getattr(function, name, None))
    if not isinstance(found, (int, float)):
        raise Unsupported(f"{function.name} speaks of {name}")
    return found


def run(program: Program, function: Function, operands: Mapping[str, Value]) -> dict[str, Value]:
    """Compute what a function states; returns every name that was assigned, "" for a bare value.

    Raises:
        Unsupported: it states nothing, or what is not known here.
    """
    text = stated(function)
    if not text:
        raise Unsupported(f"{function.name} states no expression")
    known: dict[str, Value] = {**operands}
    given: dict[str, Value] = {}

    def read(name: str) -> Value:
        return known[name] if name in known else program.number(number_of(function, name))

    for statement in parse(text):
        x = evaluate(program, statement.tree, read)
        if statement.kind == "float":
            x = program.single(x)
        elif statement.kind == "double" and x.kind not in (NUMBER, DOUBLE):
            x = program.double(x)
        known[statement.name] = x
        if not statement.kind:
            given[statement.name] = x
    return given


def evaluate(program: Program, tree: Tree, read: Read) -> Value:
    """Compute an expression."""
    if tree.op == "number":
        return program.number(tree.number)
    if tree.op == "name":
        return read(tree.name)
    if tree.op == "?":
        condition = evaluate(program, tree.parts[0], read)
        if condition.kind == NUMBER:  # the other branch is not even looked at
            return evaluate(program, tree.parts[1 if condition.number else 2], read)
        return program.choose(
            condition, *[evaluate(program, part, read) for part in tree.parts[1:]]
        )
    parts = [evaluate(program, part, read) for part in tree.parts]
    if tree.op == "call":
        made: Any = FUNCTIONS.get(tree.name)
        if made is None:
            raise Unsupported(f"the function {tree.name}")
        result: Value = made(program, *parts)
        return result
    if tree.op in _ARITHMETIC:
        return program.binary(_ARITHMETIC[tree.op], *parts)
    if tree.op == "negative":
        return program.negative(parts[0])
    if tree.op == "!":
        return program.inverse(parts[0])
    if tree.op == "&&":
        return program.both(*parts)
    if tree.op == "||":
        return program.either(*parts)
    return program.compare(tree.op, *parts)
