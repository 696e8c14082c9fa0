"""Arguments of every public name beside Keras': names, order, defaults.

Ours may take more, behind Keras' own. What layers hand to their base (`name`, `dtype`) may be
given by name alone. Other differences are accepted where docs/keras.md gives the reason.
"""

from __future__ import annotations

import inspect
from typing import Any

Told = list[tuple[str, Any]]
_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
BY_NAME = ("name", "dtype", "trainable")  # of layers


def told(thing: Any) -> tuple[Told, bool] | None:
    """Return names and defaults of arguments, and whether further keywords are taken."""
    if isinstance(thing, type) and "__new__" in _own(thing) and hasattr(thing, "settings"):
        thing = thing.__init__
    try:
        parameters = list(inspect.signature(thing).parameters.values())
    except (TypeError, ValueError):
        return None
    free = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters)
    named = [one for one in parameters if one.kind not in _VARIABLE and one.name != "self"]
    return [(one.name, one.default) for one in named], free


def _own(kind: type) -> set[str]:
    return {name for one in kind.__mro__[:-1] for name in vars(one)}


def difference(ours: Any, theirs: Any) -> str:
    """Tell how the arguments of two callables differ; nothing if Keras' all are ours."""
    wanted, found = told(theirs), told(ours)
    if wanted is None or found is None:
        return "" if wanted is None else "no signature"
    asked = [one for one in wanted[0] if not _by_name(one[0], theirs)]
    for place, (name, default) in enumerate(asked):
        if place >= len(found[0]):
            return f"{name} is missing"
        mine, value = found[0][place]
        if mine != name:
            return f"{name} is missing, or stands elsewhere: {mine}"
        if not _same(value, default):
            return f"{name}={default!r}, ours {value!r}"
    here = dict(found[0])
    gone = [name for name, _ in wanted[0] if name not in here]
    return f"{', '.join(gone)} missing" if gone else ""


def _by_name(name: str, theirs: Any) -> bool:
    is_layer = isinstance(theirs, type) and any(one.__name__ == "Layer" for one in theirs.__mro__)
    return is_layer and name in BY_NAME


def _same(a: Any, b: Any) -> bool:
    if inspect.Parameter.empty in (a, b):
        return a is b
    if callable(a) and callable(b):
        return bool(getattr(a, "__name__", a) == getattr(b, "__name__", b))
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return list(a) == list(b)
    return bool(a == b) or str(a) == str(b)
