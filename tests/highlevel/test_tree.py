"""Structures of lists, tuples and dictionaries."""

from __future__ import annotations

from collections import namedtuple

import pytest

from graftwork import tree

Pair = namedtuple("Pair", ["x", "y"])
NESTED = {"b": [1, (2, None)], "a": Pair(3, {"k": 4})}


def test_leaves_and_paths() -> None:
    assert tree.flatten(NESTED) == [3, 4, 1, 2, None]
    assert tree.flatten_with_path([{"foo": 42}]) == [((0, "foo"), 42)]
    assert tree.flatten(7) == [7]
    assert tree.is_nested(()) is True
    assert tree.is_nested("text") is False


def test_structures_are_mapped_and_packed() -> None:
    doubled = tree.map_structure(lambda n: n and n * 2, NESTED)
    assert doubled == {"b": [2, (4, None)], "a": Pair(6, {"k": 8})}
    assert list(doubled) == ["b", "a"]
    assert isinstance(doubled["a"], Pair)
    assert tree.map_structure(lambda a, b: a * b, [[1], 2], [[3], 4]) == [[3], 8]
    assert tree.map_structure(str, [None, 1], none_is_leaf=False) == [None, "1"]
    assert tree.map_structure_up_to([None, [None]], str, [[1, 1], [2]]) == ["[1, 1]", ["2"]]
    assert tree.pack_sequence_as({"b": 0, "a": (0,)}, [1, 2]) == {"b": 2, "a": (1,)}
    assert tree.lists_to_tuples([1, {"a": [2]}]) == (1, {"a": (2,)})
    assert tree.map_shape_structure(len, [(2, None), {"a": [1, 2, 3]}]) == [2, {"a": 3}]


def test_parts_are_replaced_on_the_way() -> None:
    seen: list[object] = []
    tree.traverse(seen.append, [(1, 2), {"a": 4}])
    assert seen == [[(1, 2), {"a": 4}], (1, 2), 1, 2, {"a": 4}, 4]
    seen.clear()
    tree.traverse(seen.append, [(1, 2)], top_down=False)
    assert seen == [1, 2, (1, 2), [(1, 2)]]
    gone = tree.traverse(lambda n: tree.MAP_TO_NONE if n == 1 else None, [1, (1, 2)])
    assert gone == [None, (None, 2)]


def test_what_differs_is_told() -> None:
    tree.assert_same_structure({"a": [1]}, {"a": [2]})
    tree.assert_same_paths([0, 1], (2, 3))
    for run, word in (
        (lambda: tree.assert_same_structure([1], 1), "one form"),
        (lambda: tree.assert_same_structure([1], (1,)), "same kinds"),
        (lambda: tree.assert_same_structure([1], [1, 2]), "same keys"),
        (lambda: tree.assert_same_paths([1], [1, 2]), "same paths"),
        (lambda: tree.pack_sequence_as([1], [1, 2]), "a leaf for each place"),
        (lambda: tree.map_structure(len), "there must be a structure"),
        (lambda: tree.map_structure_up_to([1, 2], len, [1]), "as deep and as wide"),
    ):
        with pytest.raises(ValueError, match=word):
            run()
    for run in (lambda: tree.map_structure(1, []), lambda: tree.pack_sequence_as([1], 1)):
        with pytest.raises(TypeError, match="must be a"):
            run()
