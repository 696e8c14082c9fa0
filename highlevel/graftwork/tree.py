"""Structures of lists, tuples and dictionaries: walked along, mapped, taken apart, put together.

Leaves are whatever is no list, tuple, named tuple or dictionary. Dictionaries are walked along in
the order of their keys, if these can be sorted. None is a leaf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from graftgrad.errors import ConfigError, DTypeError, expect


class MAP_TO_NONE:
    """What a function handed to `traverse` returns to put None in a place."""


def is_nested(structure: Any) -> bool:
    """Tell whether something is a list, a tuple or a dictionary."""
    return isinstance(structure, (list, tuple, Mapping))


def _children(structure: Any) -> Iterator[tuple[Any, Any]]:
    """Yield what lies directly inside, with its key or place."""
    if isinstance(structure, Mapping):
        keys = list(structure)
        try:
            keys = sorted(keys)
        except TypeError:
            keys = list(structure)
        for key in keys:
            yield key, structure[key]
    else:
        yield from enumerate(structure)


def _like(structure: Any, inside: Sequence[Any]) -> Any:
    """Return a structure of the same kind with other things inside."""
    if isinstance(structure, Mapping):
        found = dict(zip([key for key, _ in _children(structure)], inside, strict=True))
        ordered = {key: found[key] for key in structure}
        return ordered if type(structure) is dict else type(structure)(ordered)  # type: ignore[call-arg]
    if hasattr(structure, "_fields"):
        return type(structure)(*inside)
    return type(structure)(inside)


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """Walk along every part of a structure; what a function returns takes the place of the part.

    Where the function returns None the part stays, and, from the top down, is entered.

    Args:
        func: of a part; `MAP_TO_NONE` puts None in its place.
        structure: what is walked along.
        top_down: whether a part comes before what lies inside it.
    Raises:
        DTypeError: `func` cannot be called.
    """
    _callable("traverse", func)
    if top_down:
        found = func(structure)
        if found is not None:
            return None if found is MAP_TO_NONE else found
    if is_nested(structure):
        structure = _like(
            structure, [traverse(func, one, top_down) for _, one in _children(structure)]
        )
    if not top_down:
        found = func(structure)
        if found is not None:
            return None if found is MAP_TO_NONE else found
    return structure


def flatten(structure: Any) -> list[Any]:
    """Return the leaves in order."""
    return [leaf for _, leaf in flatten_with_path(structure)]


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """Return the leaves in order, each behind its path of keys and places."""
    if not is_nested(structure):
        return [((), structure)]
    return [
        ((key, *path), leaf)
        for key, one in _children(structure)
        for path, leaf in flatten_with_path(one)
    ]


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """Apply a function to the leaves of structures of one form, and return that form.

    Args:
        func: of one leaf of each structure.
        structures: at least one.
        none_is_leaf: whether the function is called on None; else None stays.
    Raises:
        DTypeError: `func` cannot be called.
        ConfigError: there is no structure, or the forms differ.
    """
    _callable("map_structure", func)
    expect(len(structures) > 0, "map_structure", "there must be a structure", error=ConfigError,
           structures=0)  # fmt: skip
    first, *others = structures
    for other in others:
        assert_same_structure(first, other)
    return _mapped(func, first, others, none_is_leaf)


def _mapped(func: Callable[..., Any], first: Any, others: Sequence[Any], none_is_leaf: bool) -> Any:
    if not is_nested(first):
        gone = not none_is_leaf and first is None and all(one is None for one in others)
        return None if gone else func(first, *others)
    inside = zip(_children(first), *[_children(one) for one in others], strict=True)
    return _like(
        first, [_mapped(func, one[1], [o[1] for o in rest], none_is_leaf) for one, *rest in inside]
    )


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """Apply a function to what lies, in structures, where a shallower one has its leaves.

    Raises:
        DTypeError: `func` cannot be called.
        ConfigError: there is no structure, or one is not as deep.
    """
    _callable("map_structure_up_to", func)
    expect(len(structures) > 0, "map_structure_up_to", "there must be a structure",
           error=ConfigError, structures=0)  # fmt: skip
    return _up_to(func, shallow_structure, structures)


def _up_to(func: Callable[..., Any], shallow: Any, structures: Sequence[Any]) -> Any:
    if not is_nested(shallow):
        return func(*structures)
    wanted = [key for key, _ in _children(shallow)]
    for one in structures:
        keys = [key for key, _ in _children(one)] if is_nested(one) else None
        expect(keys == wanted, "map_structure_up_to", "structures must be as deep and as wide",
               error=ConfigError, wanted=wanted, got=keys)  # fmt: skip
    parts = [[inside for _, inside in _children(one)] for one in structures]
    return _like(
        shallow,
        [_up_to(func, one, [p[i] for p in parts]) for i, (_, one) in enumerate(_children(shallow))],
    )


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """Raise unless two structures have one form: the same kinds, keys and lengths.

    Raises:
        ConfigError: they have not.
    """
    expect(is_nested(a) == is_nested(b), "assert_same_structure", "structures must have one form",
           error=ConfigError, a=a, b=b)  # fmt: skip
    if not is_nested(a):
        return
    dictionaries = isinstance(a, Mapping) and isinstance(b, Mapping)
    expect(dictionaries or type(a) is type(b), "assert_same_structure",
           "structures must be of the same kinds", error=ConfigError, a=type(a).__name__,
           b=type(b).__name__)  # fmt: skip
    keys = [[key for key, _ in _children(one)] for one in (a, b)]
    expect(keys[0] == keys[1], "assert_same_structure", "structures must have the same keys",
           error=ConfigError, a=keys[0], b=keys[1])  # fmt: skip
    for (_, one), (_, other) in zip(_children(a), _children(b), strict=True):
        assert_same_structure(one, other)


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise unless the leaves of two structures have the same paths, whatever holds them.

    Raises:
        ConfigError: they have not.
    """
    paths = [[path for path, _ in flatten_with_path(one)] for one in (a, b)]
    differing = sorted(set(paths[0]) ^ set(paths[1]), key=str)
    expect(not differing, "assert_same_paths", "leaves must have the same paths",
           error=ConfigError, differing=differing)  # fmt: skip


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """Put leaves, in order, into the form of a structure.

    Raises:
        DTypeError: the leaves are no list.
        ConfigError: there are too many or too few.
    """
    expect(isinstance(flat_sequence, (list, tuple)), "pack_sequence_as", "leaves must be a list",
           error=DTypeError, flat_sequence=type(flat_sequence).__name__)  # fmt: skip
    places = len(flatten(structure))
    expect(places == len(flat_sequence), "pack_sequence_as", "there must be a leaf for each place",
           error=ConfigError, places=places, leaves=len(flat_sequence))  # fmt: skip
    left = iter(flat_sequence)
    return _mapped(lambda _: next(left), structure, (), True)


def lists_to_tuples(structure: Any) -> Any:
    """Return the structure with tuples in place of lists."""
    if not is_nested(structure):
        return structure
    inside = [lists_to_tuples(one) for _, one in _children(structure)]
    return tuple(inside) if isinstance(structure, list) else _like(structure, inside)


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """Apply a function to every shape: a list or tuple of sizes, None where not known.

    Raises:
        DTypeError: `func` cannot be called.
    """
    _callable("map_shape_structure", func)
    if isinstance(structure, (list, tuple)) and all(
        one is None or isinstance(one, int) for one in structure
    ):
        return func(structure)
    if not is_nested(structure):
        return func(structure)
    return _like(structure, [map_shape_structure(func, one) for _, one in _children(structure)])


def _callable(subject: str, func: Any) -> None:
    expect(callable(func), subject, "func must be a function", error=DTypeError, func=func)
