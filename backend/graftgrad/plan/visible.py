"""What of Python's own state a step can depend on and can be seen: settings, variables, containers.

Values in tensors are memory and never looked at here. What cannot be seen stands in
docs/guides/capture_and_replay.md.
"""

from __future__ import annotations

import random
import sys
import types
from collections import deque
from collections.abc import Hashable, Iterator
from functools import partial
from typing import Any

import numpy as np

from ..tensor import Tensor

MOST_ITEMS = 1_000  # of a container; of a larger one only the length is seen
MOST_SEEN = 20_000  # values; nothing is looked at beyond
MOST_BYTES = 1 << 16  # of a host array; of a larger one only which it is
_PLAIN = (type(None), bool, int, str, bytes, complex)
_FOREIGN = frozenset({"numpy", "builtins", *sys.stdlib_module_names})
_INSTALLED = ("site-packages", "dist-packages")


class Changes:
    """How often a setting of anything declared was set: while it stands still, none was changed."""

    count = 0


changes = Changes()


class Look:
    """Everything that can be seen from some objects, flat, by the path that leads to it.

    Objects that tell of every change of theirs (`settings_now`, and `changes` counts it) are calm;
    what a user wrote, functions and their variables above all, is restless: it is looked at before
    every repetition.

    Attributes:
        found: what was seen, by path.
        held: objects that stand for themselves; kept so that no other takes their identity.
        restless: where the user's own things were met.
    """

    def __init__(self, deep: bool = True) -> None:
        self.deep = deep
        self.found: dict[str, Hashable] = {}
        self.held: list[Any] = []
        self.restless: list[tuple[str, Any]] = []
        self.seen: set[int] = set()
        self.walked: set[int] = set()  # classes
        self.quiet = True

    def at(self, path: str, value: Any) -> None:
        """Look at a value and everything behind it."""
        kind = type(value)
        if kind is float:
            self.found[path] = value.hex()  # tells 0.0 from −0.0, and NaN is itself
        elif kind in _PLAIN:
            self.found[path] = (kind, value)
        elif isinstance(value, Tensor):
            self._itself(path, value)
            settings = getattr(value, "settings_now", None)
            if settings is not None and self.deep and id(value) not in self.seen:
                self.seen.add(id(value))
                for key, one in settings().items():
                    if one is not None:
                        self.at(f"{path}.{key}", one)
        elif id(value) in self.seen:
            self.found[path] = id(value)
        elif len(self.found) < MOST_SEEN:
            self.seen.add(id(value))
            self.held.append(value)
            self._into(path, value)

    def _into(self, path: str, value: Any) -> None:
        if isinstance(value, (list, tuple, deque)):
            self._items(path, value, enumerate(value))
        elif isinstance(value, dict):
            self._items(path, value, ((_key(k), v) for k, v in value.items()))
        elif isinstance(value, (set, frozenset)):
            self.found[path] = frozenset(_key(one) for one in value)
            self.held.extend(value)
        elif isinstance(value, (np.ndarray, np.generic)):
            told = value.tobytes() if value.nbytes <= MOST_BYTES else b""
            self.found[path] = (id(value), value.shape, str(value.dtype), told)
        elif isinstance(value, random.Random):
            self.found[path] = value.getstate()
        elif isinstance(value, np.random.Generator):
            self.at(f"{path}.state", value.bit_generator.state)
        elif isinstance(value, np.random.RandomState):
            self.at(f"{path}.state", value.get_state(legacy=False))
        elif isinstance(value, partial):
            self.at(f"{path}.func", value.func)
            self._items(path, value.args, enumerate(value.args))
            self._items(path, value.keywords, value.keywords.items())
        elif isinstance(value, types.MethodType):
            self.at(path, value.__self__)
            self.at(f"{path}.{value.__name__}", value.__func__)
        elif isinstance(value, types.FunctionType):
            self._function(path, value)
        else:
            self._object(path, value)

    def _itself(self, path: str, value: Any) -> None:
        self.found[path] = id(value)
        self.held.append(value)

    def _items(self, path: str, whole: Any, items: Any) -> None:
        self.found[f"{path}[]"] = (type(whole).__name__, len(whole))
        if len(whole) <= MOST_ITEMS:
            for key, item in items:
                self.at(f"{path}[{key!r}]", item)

    def _object(self, path: str, value: Any) -> None:
        kind = type(value)
        settings = getattr(value, "settings_now", None) if not isinstance(value, type) else None
        if settings is not None:
            users = _users(kind)
            if not users and not self.deep:
                self._itself(path, value)
                return
            self.found[path] = id(value)
            with _Mark(self, users, path, value):
                for key, one in settings().items():
                    self.at(f"{path}.{key}", one)
                self._class(path, kind)
            return
        self._itself(path, value)
        if isinstance(value, type):
            if _users(value):
                with _Mark(self, True, path, value):
                    self._class(path, value)
        elif _users(kind):
            with _Mark(self, True, path, value):
                for key, one in getattr(value, "__dict__", {}).items():
                    self.at(f"{path}.{key}", one)
                self._class(path, kind)

    def _class(self, path: str, kind: type) -> None:
        """Look at what the user's own classes hold: values, and functions with their variables."""
        for one in kind.__mro__:
            if not _users(one) or id(one) in self.walked:
                continue
            self.walked.add(id(one))
            for key, value in list(vars(one).items()):
                if key.startswith("__") and not callable(value):
                    continue
                for part in _accessors(value):
                    if isinstance(part, (*_PLAIN, float, list, dict, tuple, set, np.ndarray,
                                         types.FunctionType)):  # fmt: skip
                        self.at(f"{path}:{key}", part)

    def _function(self, path: str, function: types.FunctionType) -> None:
        self._itself(path, function)
        if function.__module__ is None or not _foreign(function.__module__):
            with _Mark(self, True, path, function):
                for name, value in _variables(function):
                    self.at(f"{path}({name})", value)


class _Mark:
    """Note where the restless begins; what lies below belongs to it."""

    def __init__(self, look: Look, restless: bool, path: str, value: Any) -> None:
        self.look, self.before = look, look.quiet
        if restless and look.quiet:
            look.restless.append((path, value))
        look.quiet = not restless

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        self.look.quiet = self.before


def _key(key: Any) -> Hashable:
    return key if isinstance(key, (*_PLAIN, float)) else id(key)


def _foreign(module: str) -> bool:
    """Tell whether a module is Python's, installed, or this project's: not the user's own."""
    root = module.partition(".")[0]
    known = _roots.get(root)
    if known is None:
        file = str(getattr(sys.modules.get(root), "__file__", None) or "")
        known = _roots[root] = root in _FOREIGN or any(one in file for one in _INSTALLED)
    return known


_roots: dict[str, bool] = {"graftgrad": True, "graftwork": True, "__main__": False}


def _users(kind: type) -> bool:
    """Tell whether a class is the user's own."""
    return not _foreign(kind.__module__)


def _accessors(value: Any) -> Iterator[Any]:
    if isinstance(value, property):
        yield from (one for one in (value.fget, value.fset) if one is not None)
    elif isinstance(value, (staticmethod, classmethod)):
        yield value.__func__
    else:
        yield value


def _variables(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what a function's names stand for outside of it: cells, defaults, globals."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not bound yet
            yield name, None
    yield "defaults", function.__defaults__
    yield "keywords", function.__kwdefaults__
    names = _names(function.__code__)
    for name in names:
        if name not in function.__globals__:
            continue
        value = function.__globals__[name]
        if not isinstance(value, types.ModuleType):
            yield name, value
        elif not _foreign(value.__name__):
            for inner in names:
                held = vars(value).get(inner)
                if isinstance(held, (*_PLAIN, float, list, dict, tuple, set, types.FunctionType)):
                    yield f"{name}.{inner}", held


_known_names: dict[types.CodeType, tuple[str, ...]] = {}


def _names(code: types.CodeType) -> tuple[str, ...]:
    """Return every name that a function or one inside of it looks up."""
    found = _known_names.get(code)
    if found is None:
        names = dict.fromkeys(code.co_names)
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                names |= dict.fromkeys(_names(constant))
        if len(_known_names) > 10_000:
            _known_names.clear()
        found = _known_names[code] = tuple(names)
    return found
