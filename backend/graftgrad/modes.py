"""What is switched on in this thread: recording of the graph, the tape of launches, autocast.

Each is a thread's own, so a worker thread never turns off the gradients of another. Tensors,
devices and kernels are not known here.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, Protocol, TypeVar

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

    def depends(self, thing: object, /) -> None:
        """Take note of an object whose settings the step reads."""

    def written(self, array: Any, /) -> None:
        """Take note of memory that is written past the door."""

    def fail(self, reason: str, /) -> None:
        """Take note that the step must not be repeated without Python."""

    def aside(self) -> Recorder:
        """Return what listens while something is done that is repeated before the step."""


class _State(threading.local):
    recording: bool = True
    autocast: Any = None
    tape: Tape | None = None
    recorder: Recorder | None = None


_state = _State()


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
        self.before: tuple[Tape | None, Recorder | None] = (None, None)

    def __enter__(self) -> Recorder | None:
        self.before = _state.tape, _state.recorder
        _state.tape = _state.recorder = self.recorder
        return self.recorder

    def __exit__(self, *exception: object) -> None:
        _state.tape, _state.recorder = self.before


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


class autocasting:
    """Let ops read weights that allow it in an element type, inside a `with` block.

    Args:
        dtype: the element type; None lets every weight be read in its own.
    """

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        self.before: Any = None

    def __enter__(self) -> None:
        self.before, _state.autocast = _state.autocast, self.dtype

    def __exit__(self, *exception: object) -> None:
        _state.autocast = self.before


class _Recording:
    """Switch recording on or off for a `with` block, or for every call of a decorated function."""

    def __init__(self, on: bool) -> None:
        self.on = on
        self.before: list[bool] = []

    def __enter__(self) -> None:
        self.before.append(_state.recording)
        _state.recording = self.on

    def __exit__(self, *exception: object) -> None:
        _state.recording = self.before.pop()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        on = self.on

        @functools.wraps(function)
        def switched(*args: P.args, **kwargs: P.kwargs) -> R:
            with _Recording(on):
                return function(*args, **kwargs)

        return switched


class no_grad(_Recording):
    """Record nothing: results want no gradient. A context manager and a decorator."""

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(_Recording):
    """Record again inside a `no_grad` block. A context manager and a decorator."""

    def __init__(self) -> None:
        super().__init__(True)


class set_grad_enabled(_Recording):
    """Record if `mode` is true. A context manager and a decorator."""

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))


def is_grad_enabled() -> bool:
    """Tell whether operations are recorded for differentiation, under PyTorch's name."""
    return _state.recording


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
