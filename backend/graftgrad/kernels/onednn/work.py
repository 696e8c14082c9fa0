"""Steps of oneDNN's primitives one after the other: first what they are, then bound to addresses.

The library chooses the layout of filters; they are brought into it, or back, by steps of their
own. When steps are bound for good, operands whose values stay are brought into it once.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ...errors import LibraryError
from ...kernel import Arrays, Call, NativeCall
from ...spec import Shape
from .library import failure, library
from .memory import (
    Description,
    Handle,
    Memory,
    View,
    address_of,
    as_it_is,
    described,
    lines,
    space,
    strided,
)
from .recipe import Recipe

SOURCE, RESULT, WEIGHTS, BIAS = 1, 17, 33, 41
GRAD_SOURCE, GRAD_RESULT, GRAD_WEIGHTS = 129, 145, 161
WORKSPACE, SCRATCHPAD = 64, 80
TRAINING, INFERENCE = 64, 96

OF_OPERAND, OF_RESULT, OF_SPACE, CONSTANT = range(4)


class Argument(ctypes.Structure):
    """One argument of a primitive: what it stands for, and its memory."""

    _fields_ = (("role", ctypes.c_int), ("memory", ctypes.c_void_p))


@dataclass(eq=False, slots=True)
class Slot:
    """An array that steps use: its layout, and which operand, result or part of the space it is."""

    description: Description
    origin: int
    place: int
    array: Any = None


@dataclass(eq=False, slots=True)
class Step:
    """A primitive and what it works on."""

    recipe: Recipe
    arguments: dict[int, Slot]
    brings: bool = False
    primitive: Handle = field(init=False)

    def __post_init__(self) -> None:
        owner = library()
        made = owner.create("primitive_create", self.recipe.pointer)
        self.primitive = Handle(owner, made, "primitive_destroy")


class Work:
    """What is to be done for a Call, in steps.

    Args:
        call: what is to be computed.
        strides: those of operands with gaps, in elements.
        fixed: the operands whose values stay, so that a layout for them costs nothing.
    """

    def __init__(
        self, call: Call, strides: Sequence[Shape | None], fixed: frozenset[int] = frozenset()
    ) -> None:
        self.call = call
        self.strides = strides
        self.fixed = fixed
        self.slots: list[Slot] = []
        self.steps: list[Step] = []
        self.size = 0
        self.implementation = ""

    def operand(self, index: int, view: View = as_it_is) -> Slot:
        """Return an operand without gaps: one that has some is copied first."""
        if self.strides[index] is None:
            return self.raw(index, view)
        spec = self.call.ins[index]
        copy = self.brought(self.raw(index), described(spec, as_it_is))
        return self.again(copy, described(spec, view))

    def operand_as(self, index: int, view: View, wanted: Description) -> Slot:
        """Return an operand in the layout that a step wants."""
        return self.brought(self.raw(index, view), wanted)

    def raw(self, index: int, view: View = as_it_is) -> Slot:
        """Return an operand as it lies."""
        description = described(self.call.ins[index], view, self.strides[index])
        return self._slot(description, OF_OPERAND, index)

    def seen(self, index: int, description: Description) -> Slot:
        """Return an operand under a description of it."""
        return self._slot(description, OF_OPERAND, index)

    def made(self, index: int, description: Description) -> Slot:
        """Return a result under a description of it."""
        return self._slot(description, OF_RESULT, index)

    def again(self, slot: Slot, description: Description) -> Slot:
        """Return the same place, or its beginning, under another description."""
        same = self._slot(description, slot.origin, slot.place)
        same.array = slot.array
        return same

    def result(self, index: int = 0, view: View = as_it_is) -> Slot:
        """Return a result."""
        return self._slot(described(self.call.outs[index], view), OF_RESULT, index)

    def between(self, description: Description) -> Slot:
        """Return a part of the working space."""
        slot = self._slot(description, OF_SPACE, self.size)
        self.size += lines(description.bytes)
        return slot

    def constant(self, array: Any, sizes: Shape | None = None) -> Slot:
        """Return an array of numbers that never change."""
        shape = array.shape if sizes is None else sizes
        steps = tuple([1] * len(shape)) if array.size == 1 else (1,)
        slot = self._slot(strided(shape, steps, array.dtype), CONSTANT, 0)
        slot.array = array
        return slot

    def _slot(self, description: Description, origin: int, place: int) -> Slot:
        slot = Slot(description, origin, place)
        self.slots.append(slot)
        return slot

    def brought(self, source: Slot, wanted: Description) -> Slot:
        """Return an array in another layout; a step of its own brings it there if it is not."""
        if source.description.equals(wanted):
            return source
        target = self.between(wanted)
        self.reorder(source, target)
        return target

    def reorder(self, source: Slot, target: Slot) -> None:
        """Append a step that brings an array from one layout into another."""
        owner = library()
        made = Recipe(
            "reorder",
            source.description, owner.engine,
            target.description, owner.engine, owner.attributes,
        )  # fmt: skip
        self.add(made, {SOURCE: source, RESULT: target}, brings=True)

    def main(self, recipe: Recipe, arguments: dict[int, Slot]) -> None:
        """Append the step that does the work; code that the library itself calls plain is declined.

        Raises:
            LibraryError: the library has only its slow reference code for this.
        """
        self.implementation = recipe.implementation
        if "ref" in self.implementation:
            raise LibraryError(f"oneDNN: the code must be a fast one; got {self.implementation!r}.")
        self.add(recipe, arguments)

    def add(self, recipe: Recipe, arguments: dict[int, Slot], brings: bool = False) -> None:
        """Append a step."""
        wanted = recipe.scratchpad()
        if wanted is not None:
            arguments = {**arguments, SCRATCHPAD: self.between(wanted)}
        self.steps.append(Step(recipe, arguments, brings))


class Bound:
    """Steps with memories of their own, whose addresses are set for every run or once for all."""

    def __init__(self, work: Work) -> None:
        owner = library()
        self.work = work
        self.execute = owner.functions["primitive_execute"]
        self.move = owner.functions["memory_set_data_handle"]
        self.memories = {
            slot: Memory(
                slot.description, address_of(slot.array) if slot.origin == CONSTANT else None
            )
            for slot in work.slots
        }
        self.operands = self._of(OF_OPERAND)
        self.results = self._of(OF_RESULT)
        self.spaces = self._of(OF_SPACE)
        self.base = 0
        self.last = [0] * len(work.slots)
        self.kept: list[Any] = []
        self.tables = [self._table(step) for step in work.steps]
        self.runs = [
            (step.primitive.pointer, owner.stream, len(table), ctypes.addressof(table))
            for step, table in zip(work.steps, self.tables, strict=True)
        ]

    def _of(self, origin: int) -> list[tuple[Any, int, int]]:
        return [
            (self.memories[slot].pointer, slot.place, i)
            for i, slot in enumerate(self.work.slots)
            if slot.origin == origin
        ]

    def _table(self, step: Step) -> ctypes.Array[Argument]:
        given = [Argument(r, self.memories[s].pointer) for r, s in step.arguments.items()]
        return (Argument * len(given))(*given)

    def place(self, ins: Arrays, outs: Arrays, base: int) -> None:
        """Set where operands, results and the working space lie."""
        move, last = self.move, self.last
        for pointer, index, key in self.operands:
            address = address_of(ins[index])
            if last[key] != address:  # weights, for one, lie where they lay
                last[key] = address
                move(pointer, address)
        for pointer, index, key in self.results:
            address = address_of(outs[index])
            if last[key] != address:
                last[key] = address
                move(pointer, address)
        if base != self.base:
            for pointer, offset, _ in self.spaces:
                move(pointer, base + offset)
            self.base = base

    def run(self) -> None:
        """Compute.

        Raises:
            LibraryError: a step failed.
        """
        for one in self.runs:
            status = self.execute(*one)
            if status:
                raise failure("primitive_execute", status)

    def settled(self) -> list[int]:
        """Bring operands whose values stay into their layout now; return the steps that remain."""
        remaining = []
        for i, step in enumerate(self.work.steps):
            if not self._stays(step):
                remaining.append(i)
                continue
            target = step.arguments[RESULT]
            self.kept.append(space(target.description.bytes))
            for slot, memory in self.memories.items():
                if (slot.origin, slot.place) == (OF_SPACE, target.place):
                    self.move(memory.pointer, address_of(self.kept[-1]))
            status = self.execute(*self.runs[i])
            if status:
                raise failure("primitive_execute", status)
        return remaining

    def _stays(self, step: Step) -> bool:
        source = step.arguments.get(SOURCE)
        if not step.brings or source is None or source.origin != OF_OPERAND:
            return False
        return source.place in self.work.fixed

    def calls(self, remaining: Sequence[int], threads: int, *keeps: Any) -> list[NativeCall]:
        """Return these steps as C calls."""
        owner = library()
        made = []
        for i in remaining:
            primitive, stream, count, table = self.runs[i]
            arguments = (primitive.value or 0, stream.value or 0, count, table)
            made.append(NativeCall(owner.execute, arguments, threads, True, (self, *keeps)))
        return made
