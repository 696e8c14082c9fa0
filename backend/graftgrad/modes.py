"""What is switched on in this thread: recording of the graph, the tape of launches.

Each is a thread's own, so a worker thread never turns off the gradients of another. Tensors,
devices and kernels are not known here.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Tape(Protocol):
    """What listens at the one door through which every computation passes."""

    def append(self, launch: Any, /) -> None:
        """Take note of one launch."""


class _State(threading.local):
    recording: bool = True
    tape: Tape | None = None


_state = _State()


def recording() -> bool:
    """Tell whether operations of this thread are recorded for differentiation."""
    return _state.recording


def tape() -> Tape | None:
    """Return the tape that listens to this thread's launches, if there is one."""
    return _state.tape


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
