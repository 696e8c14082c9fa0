"""Functions of every element, as steps between others; whole ops of this kind stand elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from .library import library
from .recipe import BINARY_ADD, SECOND, Attributes, Eltwise, Recipe
from .work import INFERENCE, RESULT, SOURCE, Slot, Work

SQUARE, SQRT, LINEAR, POWER = 0x23, 0x25, 0x26, 0x30


def mapped(work: Work, source: Slot, target: Slot, operations: Sequence[Eltwise]) -> None:
    """Append a step that writes functions of every element, one after the other."""
    first, *rest = operations
    recipe = Recipe(
        "eltwise_forward", library().engine, INFERENCE, first.algorithm,
        source.description, target.description, first.alpha, first.beta, Attributes(rest),
    )  # fmt: skip
    work.add(recipe, {SOURCE: source, RESULT: target})


def added(work: Work, source: Slot, target: Slot) -> None:
    """Append a step that adds an array to another in its place."""
    recipe = Recipe(
        "binary", library().engine, BINARY_ADD,
        target.description, source.description, target.description, library().attributes,
    )  # fmt: skip
    work.add(recipe, {SOURCE: target, SECOND: source, RESULT: target})
