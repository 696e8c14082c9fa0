"""What a primitive of oneDNN is to do, before it is built; and what it may do to its results."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, NamedTuple

from .library import library
from .memory import Description, Handle

IMPLEMENTATION = 8
WORKSPACE_LAYOUT, SCRATCHPAD_LAYOUT = 135, 136
OWN_SCRATCHPAD = 1  # we bring the space
BINARY_ADD = 0x1FFF0
POST_OP = 1 << 15  # times one more than its place: the arguments of a post-op
SECOND, WEIGHTS = 2, 33


class Eltwise(NamedTuple):
    """A function of every element, with up to two numbers."""

    algorithm: int
    alpha: float = 0.0
    beta: float = 0.0


class Add(NamedTuple):
    """An array that is added."""

    description: Description


class Accumulate(NamedTuple):
    """What the result held before, which is added."""


class Rectify(NamedTuple):
    """max(x, 0) as x times 0 where x is not positive, so that NaN stays, and −∞ becomes NaN."""


PostOp = Eltwise | Add | Accumulate | Rectify


class Attributes(Handle):
    """What happens to results before they are stored, in this order."""

    def __init__(self, operations: Sequence[PostOp]) -> None:
        owner = library()
        super().__init__(owner, owner.create("primitive_attr_create"), "primitive_attr_destroy")
        owner.call("primitive_attr_set_scratchpad_mode", self.pointer, OWN_SCRATCHPAD)
        chain = Handle(owner, owner.create("post_ops_create"), "post_ops_destroy")
        for one in operations:
            if isinstance(one, Eltwise):
                owner.call("post_ops_append_eltwise", chain.pointer, *one)
            elif isinstance(one, Add):
                owner.call(
                    "post_ops_append_binary", chain.pointer, BINARY_ADD, one.description.pointer
                )
            elif isinstance(one, Accumulate):
                owner.call("post_ops_append_sum", chain.pointer, 1.0, 0, 0)
            else:
                owner.call("post_ops_append_prelu", chain.pointer, 0)
        owner.call("primitive_attr_set_post_ops", self.pointer, chain.pointer)


def role_of(place: int, operation: PostOp) -> int:
    """Return which argument a post-op reads, by its place."""
    return POST_OP * (place + 1) | (WEIGHTS if isinstance(operation, Rectify) else SECOND)


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
