"""What a recorded step is made of: buffers, views of them, and launches over views.

How it is recorded stands in `tape`; how it is made shorter in `passes`; where buffers lie in
`memory`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..device.base import Array, Device
from ..function import Function
from ..kernel import Call, Kernel, choose
from ..spec import DType, Shape, Spec


class Buffer:
    """A stretch of memory that a recorded step uses.

    `array` is the memory itself where it outlives the step: inputs, weights, constants. A buffer
    that the step makes has none until the plan gives it a place.

    Attributes:
        nbytes: its size.
        array: the memory, flat bytes or the owning array; None for what the step makes.
        origin: "made" by the step, "input" of the step, "constant", "restored" (a constant that
            the step changes) or "outer" (weights, state).
        before: what a restored constant is before the step.
    """

    __slots__ = ("array", "before", "nbytes", "origin")

    def __init__(self, nbytes: int, origin: str, array: Array | None = None) -> None:
        self.nbytes = nbytes
        self.origin = origin
        self.array = array
        self.before: Array | None = None

    def __repr__(self) -> str:
        return f"<{self.origin} buffer of {self.nbytes} bytes>"


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A part of a buffer seen as an array.

    Attributes:
        buffer: whose part it is.
        offset: bytes from the buffer's beginning to the first element.
        shape, strides: sizes, and bytes between neighbours, of every axis.
        dtype: the element type.
        array: the array itself, for buffers that outlive the step.
    """

    buffer: Buffer
    offset: int
    shape: Shape
    strides: tuple[int, ...]
    dtype: DType
    array: Array | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells views apart: equal for equal parts of one buffer."""
        return (id(self.buffer), self.offset, self.shape, self.strides, self.dtype)

    @property
    def spec(self) -> Spec:
        """Its description."""
        return Spec(self.shape, self.dtype, self.contiguous)

    @property
    def span(self) -> tuple[int, int]:
        """The first and one past the last byte of the buffer that it can touch."""
        low = high = self.offset
        for size, stride in zip(self.shape, self.strides, strict=True):
            reach = (size - 1) * stride
            low, high = (low + reach, high) if reach < 0 else (low, high + reach)
        return low, high + self.dtype.itemsize

    @property
    def whole(self) -> bool:
        """Whether it covers its buffer without gaps, in row-major order."""
        return self.offset == 0 and self.contiguous and self.nbytes == self.buffer.nbytes

    @property
    def nbytes(self) -> int:
        """The bytes of its elements."""
        return Spec(self.shape, self.dtype).nbytes

    @property
    def contiguous(self) -> bool:
        """Whether its elements lie in row-major order without gaps."""
        step = self.dtype.itemsize
        for size, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if size != 1 and stride != step:
                return False
            step *= size
        return True


@dataclass(slots=True, eq=False)
class Record:
    """One launch of a recorded step.

    Attributes:
        call: function and descriptions.
        kernel: the body that was chosen.
        ins: the operands.
        outs: the results; for a change in place the changed operands.
        line: file and line outside of this project's engine that led to it.
        lane: which of the threads that share a step makes it, alone; −1 where it is not divided.
    """

    call: Call
    kernel: Kernel
    ins: tuple[View, ...]
    outs: tuple[View, ...]
    line: str = ""
    lane: int = -1

    @property
    def updates(self) -> bool:
        """Whether it changes operands in place."""
        return bool(type(self.call.function).updates)


def launch_over(
    function: Function, device: Device, ins: Sequence[View], outs: Sequence[View], line: str
) -> Record:
    """Return a launch of a function over views, with the kernel that fits them."""
    call = Call(function, tuple([v.spec for v in ins]), tuple([v.spec for v in outs]), device)
    return Record(call, choose(call), tuple(ins), tuple(outs), line)


@dataclass(slots=True, eq=False)
class Look:
    """A place in a step where values are looked at and an error may be raised, nothing else.

    Attributes:
        function: takes the arrays; what it returns is dropped.
        ins: the arrays.
    """

    function: Callable[..., object]
    ins: tuple[View, ...]
    line: str = ""

    @property
    def of_arguments(self) -> bool:
        """Whether it looks at arguments of the step alone."""
        return all(view.buffer.origin == "input" for view in self.ins)


Entry = Record | Look


@dataclass(slots=True)
class Recording:
    """A step as it ran once: entries in their order, and what must hold to repeat it.

    Attributes:
        entries: launches and looks.
        inputs: the buffers into which the step's arguments are copied.
        outputs: what the step returned, flat.
        prologue: functions to call before every repetition: they write what changes from step to
            step past the door (rates).
        decisions: functions and what they returned: a repetition is this recording only while they
            return the same.
        counters: the versions that the step counts up.
        renewals: functions to call before a repetition if anything else was computed since the last
            one: memory may not be as that has left it.
        device: where it computed; None where it launched nothing.
        fresh: whether it computed with tensors that the run before did not know.
    """

    entries: list[Entry] = field(default_factory=list)
    inputs: list[View] = field(default_factory=list)
    outputs: list[View] = field(default_factory=list)
    prologue: list[Callable[[], object]] = field(default_factory=list)
    decisions: list[tuple[Callable[[], object], object]] = field(default_factory=list)
    counters: list[Any] = field(default_factory=list)
    renewals: list[Callable[[], object]] = field(default_factory=list)
    device: Device | None = None
    fresh: bool = False

    @property
    def pure(self) -> bool:
        """Whether nothing that outlives the step is changed."""
        return not self.prologue and all(
            isinstance(entry, Look) or all(view.buffer.origin == "made" for view in entry.outs)
            for entry in self.entries
        )
