"""Comparisons with the installed Keras, one for every declared case."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork

from . import augmentation, boxes, checklist, compare, layers, losses
from .compare import Case
from .keras_jax import jax, keras

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("one", layers.CASES, ids=str)
def test_layers(one: Case) -> None:
    compare.layer_agrees(one)


@pytest.mark.parametrize("one", layers.BAD, ids=str)
def test_layers_refuse_what_keras_refuses(one: Case) -> None:
    given = compare.arrays(one.inputs)
    compare.both_refuse(
        lambda: getattr(graftwork.layers, one.name)(**one.settings)(
            compare.packed(compare.tensors(given))
        ),
        lambda: getattr(keras.layers, one.name)(**one.settings)(
            compare.packed(compare.jaxed(given))
        ),
        str(one),
    )


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("reduction", losses.REDUCTIONS)
@pytest.mark.parametrize("one", losses.CASES, ids=str)
def test_losses(one: Case, reduction: str, weighted: bool) -> None:
    settings = one.settings | {"reduction": reduction}
    ours = getattr(graftwork.losses, one.name)(**settings)
    theirs = getattr(keras.losses, one.name)(**settings)
    truth, guess = one.inputs
    weights = {"sample_weight": losses.WEIGHTS} if weighted else {}
    wanted = theirs(compare.jaxed(truth), compare.jaxed(guess), **compare.jaxed(weights))
    mine = compare.tensors(guess, True)
    found = ours(compare.tensors(truth), mine, **compare.tensors(weights))
    compare.close(found, wanted, one.rtol, f"{one}: value")

    def scalar(guess: Any) -> Any:
        return theirs(compare.jaxed(truth), guess, **compare.jaxed(weights)).sum()

    found.sum().backward()
    gradient = jax.grad(scalar)(compare.jaxed(guess))
    compare.close(mine.grad, gradient, 5 * one.rtol, f"{one}: gradient")
    compare.same_configuration(ours, theirs)


@pytest.mark.parametrize("name", ["add", "average", "concatenate", "dot", "maximum", "minimum",
                                  "multiply", "subtract"])  # fmt: skip
def test_merging_functions(name: str) -> None:
    given = compare.arrays([(2, 3), (2, 3)])
    settings = {"axes": 1} if name == "dot" else {}
    ours, theirs = compare.both(f"layers.{name}")
    found = ours(compare.tensors(given), **settings)
    compare.close(found, theirs(compare.jaxed(given), **settings), 2e-5, name)


@pytest.mark.parametrize("one", losses.FUNCTIONS, ids=str)
def test_functions_of_targets_and_predictions(one: Case) -> None:
    """The gradient is that of the predictions."""
    truth, guess = one.inputs
    ours, theirs = (
        partial(getattr(package.losses, one.name), given(truth), **one.settings)
        for package, given in ((graftwork, compare.tensors), (keras, compare.jaxed))
    )
    compare.function_agrees(ours, theirs, compare.case(one.name, guess, rtol=one.rtol))


@pytest.mark.parametrize("one", losses.BAD, ids=str)
def test_losses_refuse_what_keras_refuses(one: Case) -> None:
    compare.made_refuses("losses", one)


def test_every_missing_name_has_a_reason() -> None:
    """A name of Keras is here, or docs/keras.md says why it is not."""
    bare = [name for family in checklist.FAMILIES for name in checklist.bare(family, keras)]
    assert not bare, f"{len(bare)} names of Keras are missing without a reason: {', '.join(bare)}"


def test_every_layer_has_a_case() -> None:
    """What is here under Keras' name is compared, aliases once."""
    cases = [*layers.CASES, *augmentation.CASES, *boxes.LAYERS]
    covered = {getattr(keras.layers, one.name) for one in cases}
    bare = []
    for name, value in checklist.names("layers", keras).items():
        abstract = name in layers.WITHOUT_CASE
        if isinstance(value, type) and hasattr(graftwork.layers, name) and not abstract:
            if value not in covered:
                bare.append(name)
    assert not bare, f"layers without a case in tests/parity/layers.py: {', '.join(bare)}"


DIFFERENT = {
    "a number": (np.float32([1.0]), np.float32([1.001])),
    "a small number beside a large one": (np.float32([1.0, 0.0]), np.float32([1.0, 1e-3])),
    "a shape": (graftgrad.zeros(2), np.zeros((2, 1))),
    "a count": ([np.zeros(2)], [np.zeros(2), np.zeros(2)]),
    "a key": ({"a": np.zeros(2)}, {"b": np.zeros(2)}),
    "a truth value": (np.array([True]), np.array([False])),
    "nothing": (np.zeros(2), None),
    "no number": (np.float32([np.nan]), np.float32([0.0])),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_the_comparison_fails_where_something_differs(what: str) -> None:
    found, wanted = DIFFERENT[what]
    with pytest.raises(AssertionError):
        compare.close(found, wanted, 2e-5, what)
    compare.close(wanted, wanted, 2e-5, what)


def test_numbers_are_compared_to_rounding() -> None:
    compare.close(np.float32([1.0, 1e-7]), np.float32([1.00001, 0.0]), 2e-5, "rounding")
