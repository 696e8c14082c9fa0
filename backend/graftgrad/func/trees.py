"""Structures of tuples, lists and dictionaries, in which arguments and results may lie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import ConfigError, expect


def leaves(tree: Any) -> Iterator[Any]:
    """Run through what lies in a structure, in its order."""
    if isinstance(tree, dict):
        for one in tree.values():
            yield from leaves(one)
    elif isinstance(tree, (tuple, list)):
        for one in tree:
            yield from leaves(one)
    else:
        yield tree


def filled(tree: Any, values: Iterator[Any]) -> Any:
    """Return a structure of the same form with other values, taken in order."""
    if isinstance(tree, dict):
        return type(tree)({name: filled(one, values) for name, one in tree.items()})
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*[filled(one, values) for one in tree])
    if isinstance(tree, (tuple, list)):
        return type(tree)([filled(one, values) for one in tree])
    return next(values)


def spread(subject: str, name: str, axes: Any, tree: Any) -> list[Any]:
    """Return for every leaf of a structure what a coarser one of the same form says of it.

    Raises:
        ConfigError: the forms disagree.
    """
    if isinstance(axes, (tuple, list, dict)):
        fits = (
            isinstance(tree, dict) and axes.keys() == tree.keys()
            if isinstance(axes, dict)
            else isinstance(tree, (tuple, list)) and len(axes) == len(tree)
        )
        got: dict[str, Any] = {name: axes, "form": _form(tree)}
        expect(fits, subject, f"{name} must have the form of what it speaks of",
               error=ConfigError, **got)  # fmt: skip
        pairs = (
            [(axes[key], tree[key]) for key in tree]
            if isinstance(axes, dict)
            else zip(axes, tree, strict=True)
        )
        return [one for axis, part in pairs for one in spread(subject, name, axis, part)]
    expect(axes is None or (isinstance(axes, int) and not isinstance(axes, bool)), subject,
           f"{name} must hold whole numbers, or None for what has no such axis", error=ConfigError,
           **{name: axes})  # fmt: skip
    return [axes for _ in leaves(tree)]


def _form(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name: _form(one) for name, one in tree.items()}
    if isinstance(tree, (tuple, list)):
        return tuple([_form(one) for one in tree])
    return type(tree).__name__
