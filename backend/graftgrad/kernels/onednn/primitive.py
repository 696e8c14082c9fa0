"""Kernels made of oneDNN's primitives: built once per Call, addresses set per run.

The library chooses the layout of filters; they are brought into it, or back, within the run. What
a convolution or a pooling is stands next door.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from ...errors import LibraryError
from ...kernel import Arrays, Call, Kernel, Reference
from ...spec import float32
from . import library as home
from .library import failure, library
from .memory import LINE, Description, Handle, Memory, Space, address_of

SOURCE, RESULT, WEIGHTS = 1, 17, 33
GRAD_SOURCE, GRAD_RESULT, GRAD_WEIGHTS = 129, 145, 161
WORKSPACE, SCRATCHPAD = 64, 80
REORDER_FROM, REORDER_TO = 1, 17
IMPLEMENTATION, SCRATCHPAD_LAYOUT = 8, 136
LARGEST = 1 << 31  # bytes of an array; beyond, some kernels count in integers that are too short

SMALL = 1 << 20  # products that one thread computes before a second would have woken up

_space = Space()


class Argument(ctypes.Structure):
    """One argument of a primitive: what it stands for, and its memory."""

    _fields_ = (("role", ctypes.c_int), ("memory", ctypes.c_void_p))


class Recipe(Handle):
    """What a primitive is to do, before it is built; it keeps what it refers to."""

    def __init__(self, name: str, *arguments: Any) -> None:
        owner = library()
        given = [one.pointer if isinstance(one, Handle) else one for one in arguments]
        made = owner.create(f"{name}_primitive_desc_create", *given)
        super().__init__(owner, made, "primitive_desc_destroy")
        self.arguments = arguments

    def layout(self, what: int) -> Description:
        """Return the layout that the library has chosen for an argument."""
        owner = library()
        found = ctypes.c_void_p()
        owner.call("primitive_desc_query", self.pointer, what, 0, ctypes.byref(found))
        return Description(owner.create("memory_desc_clone", found))

    def scratchpad(self) -> Description | None:
        """Return the working space that the primitive needs, if any."""
        wanted = self.layout(SCRATCHPAD_LAYOUT)
        return wanted if wanted.bytes else None

    @property
    def implementation(self) -> str:
        """The name of the code that will run."""
        found = ctypes.c_char_p()
        library().call("primitive_desc_query", self.pointer, IMPLEMENTATION, 0, ctypes.byref(found))
        return (found.value or b"").decode()


class Step(Handle):
    """A primitive with its memories."""

    def __init__(self, recipe: Recipe, memories: dict[int, Memory]) -> None:
        owner = library()
        made = owner.create("primitive_create", recipe.pointer)
        super().__init__(owner, made, "primitive_destroy")
        self.kept = recipe, memories
        self.given = (Argument * len(memories))(
            *(Argument(role, memory.pointer) for role, memory in memories.items())
        )
        self.address = ctypes.addressof(self.given)
        self.execute = owner.functions["primitive_execute"]
        self.stream = owner.stream

    def run(self) -> None:
        """Compute."""
        status = self.execute(self.pointer, self.stream, len(self.given), self.address)
        if status:
            raise failure("primitive_execute", status)


class Work:
    """Steps one after the other, over operands, results and memories in the shared space."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.operands: list[tuple[Memory, int]] = []
        self.results: list[tuple[Memory, int]] = []
        self.spare: list[tuple[Memory, int]] = []
        self.size = 0
        self.base = 0
        self.implementation = ""

    def operand(self, index: int, description: Description) -> Memory:
        """Return the memory of an operand of the Call."""
        memory = Memory(description)
        self.operands.append((memory, index))
        return memory

    def result(self, description: Description) -> Memory:
        """Return the memory of the first result of the Call."""
        memory = Memory(description)
        self.results.append((memory, 0))
        return memory

    def between(self, description: Description) -> Memory:
        """Return a memory in the shared space."""
        memory = Memory(description)
        self.spare.append((memory, self.size))
        self.size += -(-description.bytes // LINE) * LINE
        return memory

    def add(self, recipe: Recipe, memories: dict[int, Memory]) -> None:
        """Append a step."""
        wanted = recipe.scratchpad()
        if wanted is not None:
            memories = {**memories, SCRATCHPAD: self.between(wanted)}
        self.steps.append(Step(recipe, memories))

    def reorder(self, source: Memory, target: Memory) -> None:
        """Append a step that brings an array from one layout into another."""
        owner = library()
        made = Recipe(
            "reorder",
            source.description, owner.engine,
            target.description, owner.engine, owner.attributes,
        )  # fmt: skip
        self.add(made, {REORDER_FROM: source, REORDER_TO: target})

    def operand_as(self, index: int, given: Description, wanted: Description) -> Memory:
        """Return the memory of an operand in the layout that a step wants."""
        memory = self.operand(index, given)
        if given.equals(wanted):
            return memory
        brought = self.between(wanted)
        self.reorder(memory, brought)
        return brought

    def main(self, recipe: Recipe, memories: dict[int, Memory]) -> None:
        """Append the step that does the work; code that the library itself calls plain is declined.

        Raises:
            LibraryError: the library has only its slow reference code for this.
        """
        self.implementation = recipe.implementation
        if "ref" in self.implementation:
            raise LibraryError(f"oneDNN: the code must be a fast one; got {self.implementation!r}.")
        self.add(recipe, memories)

    def run(self, ins: Arrays, outs: Arrays) -> None:
        """Set the addresses, then run all steps."""
        for memory, index in self.operands:
            memory.at(address_of(ins[index]))
        for memory, index in self.results:
            memory.at(address_of(outs[index]))
        base = _space.address(self.size) if self.size else self.base
        if base != self.base:
            for memory, offset in self.spare:
                memory.at(base + offset)
            self.base = base
        for step in self.steps:
            step.run()


class Primitive(Kernel):
    """A kernel from the library; in a forked process, without its threads, the reference body.

    Some code divides its work when it is built, so the number of threads belongs to it.
    """

    def __init__(self, call: Call, build: Callable[[Call], Work], products: int) -> None:
        self.reference = Reference(call)
        self.call = call
        self.build = build
        self.library = library()
        self.most = 1 if products < SMALL else None
        with self.library.running(self.most) as self.threads:
            self.work = build(call)

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Compute `outs` from `ins`."""
        if home.forked():
            self.reference.run(ins, outs, scratch)
            return
        with self.library.running(self.most) as threads:
            if threads != self.threads:
                self.work = self.build(self.call)
                self.threads = threads
            self.work.run(ins, outs)


def offer(call: Call, build: Callable[[Call], Work], products: int) -> Primitive | None:
    """Return the library's kernel for a Call, or None where it has none that is fast.

    Args:
        call: what is to be computed.
        build: makes the work for it.
        products: how many multiplications it takes.
    """
    whole = [*call.ins, *call.outs]
    if not all(_fits(spec) for spec in whole) or not home.available():
        return None
    try:
        return Primitive(call, build, products)
    except LibraryError:
        return None


def _fits(spec: Any) -> bool:
    real = spec.dtype == float32 or spec.dtype.kind == "u"
    return bool(real and spec.contiguous and 0 < spec.nbytes < LARGEST)
