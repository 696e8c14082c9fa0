"""Every public callable of Keras that is here takes Keras' arguments."""

from __future__ import annotations

from typing import Any

import pytest

import graftwork

from . import checklist, signatures
from .keras_jax import keras

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]
MODULES = (*checklist.FAMILIES, "ops.linalg", "ops.nn", "ops.numpy")


def pairs(family: str) -> list[tuple[str, Any, Any]]:
    ours = checklist.names(family, graftwork)
    return [
        (name, ours[name], value)
        for name, value in checklist.names(family, keras).items()
        if name in ours and callable(value)
    ]


@pytest.mark.parametrize("family", MODULES, ids=lambda one: one or "keras")
def test_arguments(family: str) -> None:
    accepted = checklist.differing()
    found = {}
    for name, mine, value in pairs(family):
        told = checklist.whole(family, name)
        what = signatures.difference(mine, value)
        if what and told not in accepted:
            found[told] = what
    assert not found, f"{len(found)} signatures differ from Keras': {found}"


def test_nothing_is_accepted_that_does_not_differ() -> None:
    """A row of the page that lost its reason is removed."""
    every = {
        checklist.whole(family, name): (mine, value)
        for family in MODULES
        for name, mine, value in pairs(family)
    }
    listed = {name for name, why in checklist.differing().items() if why.startswith("arguments: ")}
    idle = [name for name in listed if name not in every or not signatures.difference(*every[name])]
    assert not idle, f"these take Keras' arguments by now: {', '.join(sorted(idle))}"


def test_a_difference_is_found() -> None:
    def theirs(x: Any, axis: int = -1, keepdims: bool = False) -> None: ...

    def same(x: Any, axis: int = -1, keepdims: bool = False, more: int = 3) -> None: ...

    def other_default(x: Any, axis: int = 0, keepdims: bool = False) -> None: ...

    def other_order(x: Any, keepdims: bool = False, axis: int = -1) -> None: ...

    def fewer(x: Any, axis: int = -1) -> None: ...

    assert signatures.difference(same, theirs) == ""
    assert signatures.difference(other_default, theirs) == "axis=-1, ours 0"
    assert "axis" in signatures.difference(other_order, theirs)
    assert signatures.difference(fewer, theirs) == "keepdims is missing"
