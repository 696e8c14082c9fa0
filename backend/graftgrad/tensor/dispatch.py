"""NumPy's functions on tensors: where there is a function of that name here, it computes.

NEP 13 (universal functions) and NEP 18 (all others). The result is a tensor and has gradients. What
is not there, or asks for what only NumPy has, works on arrays, which a tensor that wants gradients
refuses to become.
"""

from __future__ import annotations

import inspect
from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import ops


def _running(found: Callable[..., Any]) -> Callable[..., Any]:
    """Return sums or products that run through all elements in a row, unless an axis is named."""

    def run(a: Any, axis: int | None = None) -> Any:
        return found(ops.reshape(a, -1), 0) if axis is None else found(a, axis)

    return run


_OTHER_DEFAULTS = {name: _running(getattr(ops, name)) for name in ("cumsum", "cumprod")}
# By NumPy's room, what has the names of NumPy's functions; linalg and fft add themselves.
ROOMS: dict[str, Mapping[str, Any]] = {"numpy": ChainMap(_OTHER_DEFAULTS, vars(ops))}
_ALIASES = {
    "absolute": "abs",
    "amax": "max",
    "amin": "min",
    "conjugate": "conj",
    "degrees": "rad2deg",
    "divide": "div",
    "multiply": "mul",
    "negative": "neg",
    "radians": "deg2rad",
    "subtract": "sub",
}
_SETTINGS = {"a_max": "max", "a_min": "min", "ddof": "correction"}
_UNLIKE = {"copy", "put", "resize", "select", "shape"}  # other things of the same name
_WRITES = {"copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"}
_TOLD = {"array_repr", "array_str", "iscomplexobj", "isrealobj", "ndim", "shape", "size"}


class Dispatched:
    """What NumPy asks a tensor for before it computes with one."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        found = _found("numpy", ufunc.__name__)
        changed = kwargs.get("out", (None,))[0]  # array += tensor makes a tensor, as x += y does
        if found is not None and method == "__call__" and (not kwargs or changed is inputs[0]):
            return found(*inputs)
        if any(isinstance(one, Dispatched) for one in kwargs.get("out", ())):
            return NotImplemented
        return getattr(ufunc, method)(*_as_arrays(inputs), **kwargs)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any
    ) -> Any:
        name = function.__name__
        found = _found(function.__module__, name)
        settings = {_SETTINGS.get(key, key): value for key, value in kwargs.items()}
        if found is not None and _fits(found, function, args, settings):
            return found(*args, **settings)
        if name in _WRITES and args and isinstance(args[0], Dispatched):
            return NotImplemented
        told = name in _TOLD
        return function(*_as_arrays(args, told), **_as_arrays(kwargs, told))


def _found(room: str, name: str) -> Callable[..., Any] | None:
    name = _ALIASES.get(name, name)
    found = None if name in _UNLIKE else ROOMS.get(room, {}).get(name)
    return found if callable(found) else None


def _fits(
    found: Callable[..., Any], function: Callable[..., Any], args: Any, settings: dict[str, Any]
) -> bool:
    """Tell whether a function takes these arguments: `out` and `where` are NumPy's alone.

    A setting without its name must be the same in both: the third of `sort` is not `descending`.
    """
    ours = inspect.signature(found)
    try:
        ours.bind(*args, **settings)
        theirs = inspect.signature(function)
    except TypeError:
        return False
    except ValueError:  # written in C, and NumPy tells nothing of it
        return True
    names = [*ours.parameters, *[""] * len(args)]
    given = zip(names, theirs.parameters.values(), args)  # noqa: B905  (as many as are given)
    return all(
        one.default is one.empty  # an operand: its name tells nothing
        or one.kind is not one.POSITIONAL_OR_KEYWORD
        or name == _SETTINGS.get(one.name, one.name)
        for name, one, _ in given
    )


def _as_arrays(given: Any, told: bool = False) -> Any:
    """Return arguments with arrays in the place of tensors; for a description, without history."""
    if isinstance(given, dict):
        return {name: _as_arrays(one, told) for name, one in given.items()}
    if isinstance(given, (tuple, list)):
        return type(given)([_as_arrays(one, told) for one in given])
    if isinstance(given, Dispatched):
        tensor: Any = given
        return np.asarray(tensor.detach() if told else tensor)
    return given
