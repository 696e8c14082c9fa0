"""What is switched on in this thread: recording of the graph, tapes, autocast and more.

Each is a thread's own, so a worker thread never turns off the gradients of another. Tensors,
devices and kernels are not known here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, Protocol, TypeVar

from .decorator import inside

P = ParamSpec("P")
R = TypeVar("R")


class Tape(Protocol):
    """What listens at the one door through which every computation passes."""

    def append(self, launch: Any, /) -> None:
        """Take note of one launch."""


class Recorder(Tape, Protocol):
    """A tape that is told everything needed to repeat a step, not only its launches."""

    def made(self, array: Any, /) -> None:
        """Take note of memory that was allocated for a result."""

    def constant(self, array: Any, host: Any, /) -> None:
        """Take note of values that were copied from a host array."""

    def read(self, array: Any, /) -> None:
        """Take note that values were read: what follows may depend on them."""

    def look(self, function: Callable[..., object], arrays: tuple[Any, ...], /) -> None:
        """Take note of a check of values, which is to be repeated."""

    def before(self, function: Callable[[], object], /) -> None:
        """Take note of what is to be called before every repetition."""

    def decide(self, function: Callable[[], object], value: object, /) -> None:
        """Take note of a choice on which the rest of the step depends."""

    def changed(self, counter: Any, /) -> None:
        """Take note that a buffer was changed in place."""

    def operands(self, tensors: Sequence[Any], /) -> None:
        """Take note of tensors that are computed with."""

    def viewed(self, function: Any, array: Any, seen: Any, /) -> None:
        """Take note of a view that a function gives of an array."""

    def depends(self, thing: object, /) -> None:
        """Take note of an object whose settings the step reads."""

    def written(self, array: Any, /) -> None:
        """Take note of memory that is written past the door."""

    def fail(self, reason: str, /) -> None:
        """Take note that the step must not be repeated without Python."""

    def aside(self) -> Recorder:
        """Return what listens while something is done that is repeated before the step."""


class Saving(Protocol):
    """How values that gradients will ask for are kept until then."""

    def pack(self, tensor: Any, /) -> Any:
        """Return what is kept in place of a tensor."""

    def unpack(self, packed: Any, /) -> Any:
        """Return the tensor again."""


class State(threading.local):
    """What is switched on in this thread.

    Attributes:
        recording: whether operations are recorded for differentiation.
        inference: whether they cannot be, whatever is asked for.
        autocast: the element type in which weights are read; None for their own.
        tape: what listens to launches.
        recorder: what records a step so that it can be repeated.
        saving: how values for gradients are kept; None for as they are.
        changing: is called with every tensor before it is changed in place.
        anomaly: what is looked for in values and gradients; None for nothing.
        devices: where tensors are made if no device is named, the innermost last; empty for the
            default.
        origin: which lines of the program led to what is made now; None where it calls itself.
        mapping: the devices of the `vmap` that are being called, the innermost last.
        last: what is called when the step that is being recorded has run.
        walk: the backward pass that is under way, the innermost; None where there is none.
    """

    recording: bool = True
    inference: bool = False
    autocast: Any = None
    tape: Tape | None = None
    recorder: Recorder | None = None
    saving: Saving | None = None
    changing: Callable[[Any], None] | None = None
    anomaly: Any = None
    devices: tuple[Any, ...] = ()
    origin: Any = None
    mapping: tuple[Any, ...] = ()
    last: tuple[Callable[[], object], ...] = ()
    walk: Any = None


_state = state = State()


def recording() -> bool:
    """Tell whether operations of this thread are recorded for differentiation."""
    return _state.recording


def tape() -> Tape | None:
    """Return the tape that listens to this thread's launches, if there is one."""
    return _state.tape


def recorder() -> Recorder | None:
    """Return what records this thread's step so that it can be repeated, if something does."""
    return _state.recorder


class recorded:
    """Let a recorder hear everything that this thread does inside a `with` block."""

    def __init__(self, recorder: Recorder | None) -> None:
        self.recorder = recorder
        self.before = _state.tape, _state.recorder, _state.last

    def __enter__(self) -> Recorder | None:
        self.before = _state.tape, _state.recorder, _state.last
        _state.tape = _state.recorder = self.recorder
        _state.last = ()
        return self.recorder

    def __exit__(self, *exception: object) -> None:
        last = _state.last
        _state.tape, _state.recorder, _state.last = self.before
        for function in last:
            function()


def at_end(function: Callable[[], object]) -> None:
    """Call a function when the step that is being recorded has run; never where none is.

    What it lets go of is not kept beyond the step, which therefore can be repeated.
    """
    if _state.recorder is not None:
        _state.last += (function,)


def each_time(function: Callable[[], R]) -> R:
    """Call a function now, and again before every repetition of the step that is being recorded.

    It writes values that change from step to step into memory that the step reads: a learning rate.
    What it reads and launches itself is no part of the recording.
    """
    recorder = _state.recorder
    if recorder is None:
        return function()
    with recorded(recorder.aside()):
        value = function()
    recorder.before(function)
    return value


def decided(function: Callable[[], R]) -> R:
    """Return what a function returns, on which the step that is being recorded depends.

    The recording is repeated only while the function returns the same.
    """
    recorder = _state.recorder
    if recorder is None:
        return function()
    with recorded(recorder.aside()):
        value = function()
    recorder.decide(function, value)
    return value


def look(function: Callable[..., object], *arrays: Any) -> None:
    """Let a function look at arrays, which raises where they are not as they must be.

    In a step that is being recorded it looks again at every repetition, at the same place.
    """
    recorder = _state.recorder
    if recorder is None:
        function(*arrays)
        return
    with recorded(None):
        function(*arrays)
    recorder.look(function, arrays)


def glance(function: Callable[..., object], *arrays: Any) -> None:
    """Let a function look at arrays now; in a repetition of the step it does not look again."""
    with recorded(None):
        function(*arrays)


def depends(thing: object) -> None:
    """Say that what is computed now depends on the settings of an object."""
    if (recorder := _state.recorder) is not None:
        recorder.depends(thing)


def beyond(reason: str) -> None:
    """Say that the step that is being recorded does what a repetition could not do."""
    if (recorder := _state.recorder) is not None:
        recorder.fail(reason)


def autocast() -> Any:
    """Return the element type in which this thread computes with weights; None for their own."""
    return _state.autocast


class Mode:
    """Sets one thing of this thread for a `with` block, or while a decorated function runs.

    Generators and coroutines keep the mode to themselves: it is on while they run, and off while
    their caller does.
    """

    def __init__(self, name: str, value: Any) -> None:
        self.name = name
        self.value = value
        self.before: list[Any] = []

    def __enter__(self) -> None:
        self.before.append(getattr(_state, self.name))
        setattr(_state, self.name, self.value)

    def __exit__(self, *exception: object) -> None:
        setattr(_state, self.name, self.before.pop())

    def again(self) -> Mode:
        """Return a mode of the same kind, for one run of a decorated function."""
        return Mode(self.name, self.value)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function."""
        return inside(self.again, function)


class recording_is(Mode):
    """Switch the recording of the graph on or off."""

    def __init__(self, on: bool) -> None:
        super().__init__("recording", on)

    def __enter__(self) -> None:
        self.before.append(_state.recording)
        _state.recording = self.value and not _state.inference


class no_grad(recording_is):
    """Record nothing: results want no gradient. A context manager and a decorator."""

    def __new__(cls, function: Any = None) -> Any:
        """Make a mode, or decorate at once: `@no_grad` is `@no_grad()`."""
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(recording_is):
    """Record again inside a `no_grad` block. A context manager and a decorator."""

    def __new__(cls, function: Any = None) -> Any:
        """Make a mode, or decorate at once: `@enable_grad` is `@enable_grad()`."""
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self) -> None:
        super().__init__(True)


class set_grad_enabled(recording_is):
    """Record if `mode` is true: from now on, or in a `with` block, or in a decorated function."""

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self.set_before = _state.recording
        _state.recording = self.value and not _state.inference

    def __enter__(self) -> None:
        """Go on as was set at once."""

    def __exit__(self, *exception: object) -> None:
        _state.recording = self.set_before

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function; nothing is set then."""
        self.__exit__()
        return inside(lambda: recording_is(self.value), function)


class inference_mode(Mode):
    """Record nothing, whatever is asked for inside. A context manager and a decorator.

    As `no_grad`, but `enable_grad` inside has no effect. With `mode=False` it has none itself.
    """

    def __new__(cls, mode: Any = True) -> Any:
        """Make a mode, or decorate at once: `@inference_mode` is `@inference_mode()`."""
        return cls()(mode) if callable(mode) else super().__new__(cls)

    def __init__(self, mode: bool = True) -> None:
        super().__init__("inference", bool(mode))

    def __enter__(self) -> None:
        self.before.append((_state.inference, _state.recording))
        if self.value:
            _state.inference, _state.recording = True, False

    def __exit__(self, *exception: object) -> None:
        _state.inference, _state.recording = self.before.pop()

    def again(self) -> Mode:
        """Return the same again."""
        return inference_mode(self.value)


def is_inference_mode_enabled() -> bool:
    """Tell whether this thread is inside of `inference_mode`."""
    return _state.inference


def is_grad_enabled() -> bool:
    """Tell whether operations are recorded for differentiation, under PyTorch's name."""
    return _state.recording


class autocasting(Mode):
    """Let ops read weights that allow it in an element type, inside a `with` block.

    Args:
        dtype: the element type; None lets every weight be read in its own.
    """

    def __init__(self, dtype: Any) -> None:
        super().__init__("autocast", dtype)


class taped:
    """Let a tape hear every launch of this thread inside a `with` block."""

    def __init__(self, tape: Tape | None) -> None:
        self.tape = tape
        self.before: Tape | None = None

    def __enter__(self) -> Tape | None:
        self.before, _state.tape = _state.tape, self.tape
        return self.tape

    def __exit__(self, *exception: object) -> None:
        _state.tape = self.before
