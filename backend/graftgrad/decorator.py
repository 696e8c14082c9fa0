"""Functions, generators and coroutines that run inside of a mode: what decorators are made of.

Which modes there are stands in `modes`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def inside(mode: Callable[[], Any], function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that runs inside of a mode, of which every run makes one of its own."""
    made: Any
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def made(*args: Any, **kwargs: Any) -> Any:
            return await _Driven(mode, function(*args, **kwargs))

    elif inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def made(*args: Any, **kwargs: Any) -> Any:
            source = function(*args, **kwargs)
            sent = None
            try:
                while True:
                    sent = yield await _Driven(mode, source.asend(sent))
            except StopAsyncIteration:
                return
            finally:
                await source.aclose()

    elif inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def made(*args: Any, **kwargs: Any) -> Any:
            return (yield from _Driven(mode, function(*args, **kwargs)))

    else:

        @functools.wraps(function)
        def made(*args: Any, **kwargs: Any) -> Any:
            with mode():
                return function(*args, **kwargs)

    return made  # type: ignore[no-any-return]


class _Driven:
    """A generator or coroutine, every step of which is made inside of a mode."""

    def __init__(self, mode: Callable[[], Any], source: Any) -> None:
        self.mode = mode
        self.source = source if hasattr(source, "send") else source.__await__()

    def __iter__(self) -> Generator[Any, Any, Any]:
        step: Any = self.source.send
        given: tuple[Any] = (None,)
        while True:
            try:
                with self.mode():
                    yielded = step(*given)
            except StopIteration as end:
                return end.value
            try:
                step, given = self.source.send, ((yield yielded),)
            except GeneratorExit:
                with self.mode():
                    self.source.close()
                raise
            except BaseException as error:
                step, given = self.source.throw, (error,)

    __await__ = __iter__
