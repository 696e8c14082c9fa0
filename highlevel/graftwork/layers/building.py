"""What `build` is handed: one shape, or by name one for each argument that it asks for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from .symbol import leaves, shape_of


class NamedShapes(dict[str, Any]):
    """Shapes by the names of the arguments of a `build` that takes several."""


def shapes_for(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the shape of the first input, or several by name where `build` asks for them.

    A `build(query_shape, value_shape)` is handed those of the arguments `query` and `value`, if
    `call` has several arguments that are tensors, as in Keras.
    """
    names = asked_of(type(layer).build)
    if len(names) > 1 and not hasattr(layer, "compile"):
        given = dict(zip(inspect.signature(layer.call).parameters, args, strict=False)) | kwargs
        shapes = {f"{key}_shape": shape_of(one) for key, one in given.items() if _shaped(one)}
        found = NamedShapes((key, shape) for key, shape in shapes.items() if key in names)
        if len(shapes) > 1 and found:
            return found
    first = args[0] if args else next(iter(kwargs.values()), None)
    return shape_of(first)


@lru_cache(maxsize=1024)
def asked_of(build: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of the arguments of a `build`."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    known = list(inspect.signature(build).parameters.values())[1:]
    return tuple([one.name for one in known if one.kind in kinds])


def _shaped(value: Any) -> bool:
    found = leaves(value)
    return bool(found) and all(hasattr(one, "shape") for one in found)
