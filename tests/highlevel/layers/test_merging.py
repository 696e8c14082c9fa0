"""Layers with several inputs, and the operators of symbols."""

import numpy as np
import pytest

import graftwork.layers as known
from graftgrad.errors import ConfigError, ShapeError
from graftwork.layers import (
    Add,
    Average,
    Concatenate,
    Dot,
    Input,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)  # fmt: skip
from graftwork.models.functional import Functional
from support.golden import GoldenCase, cases
from support.layer_checks import check_golden, check_layer, normal

NAMES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")


@pytest.mark.parametrize("case", cases("layers", *NAMES), ids=str)
def test_as_keras(case: GoldenCase) -> None:
    check_golden(case)


@pytest.mark.parametrize("name", NAMES)
def test_every_promise(name: str) -> None:
    check_layer(getattr(known, name), (2, 3, 4), (2, 3, 4))


def test_every_promise_of_dot() -> None:
    check_layer(lambda: Dot((2, 1)), (2, 3, 4), (2, 4, 5))
    check_layer(lambda: Dot(1, normalize=True), (2, 3), (2, 3))


def test_dot_is_a_product_of_each_sample() -> None:
    a, b = normal(2, 3, 4), normal(2, 5, 4, 6)
    layer = Dot((2, 2), dtype="float64")
    found = layer([a, b]).numpy()
    np.testing.assert_allclose(found, np.einsum("nik,njkl->nijl", a, b), rtol=1e-12)
    vectors = normal(2, 4, 3)
    cosine = Dot(-1, normalize=True, dtype="float64")([vectors[0], vectors[1]]).numpy()
    lengths = np.linalg.norm(vectors, axis=-1)
    wanted = (vectors[0] * vectors[1]).sum(1) / lengths[0] / lengths[1]
    np.testing.assert_allclose(cosine, wanted[:, None], rtol=1e-12)


def test_missing_axes_follow_the_batch() -> None:
    a, b = normal(2, 3, 4).astype("float32"), normal(2, 4).astype("float32")
    np.testing.assert_allclose(Add()([a, b]).numpy(), a + b[:, None])


def test_lower_case_forms() -> None:
    a, b = np.array([[1.0, 5.0]], "float32"), np.array([[4.0, 2.0]], "float32")
    for form, wanted in (
        (add, [[5, 7]]), (subtract, [[-3, 3]]), (multiply, [[4, 10]]), (average, [[2.5, 3.5]]),
        (maximum, [[4, 5]]), (minimum, [[1, 2]]), (concatenate, [[1, 5, 4, 2]]), (dot, [[14]]),
    ):  # fmt: skip
        np.testing.assert_array_equal(form([a, b]).numpy(), wanted)
    assert add([Input((3,)), Input((3,))], name="sum").origin.layer.name == "sum"


def test_symbols_take_operators() -> None:
    a, b = Input((3,)), Input((3,))
    expressions = [a + b, a - b, a * b, a + 2, 2 + a, a - 2, 2 - a, a * 3, 3 * a, a / 4, -a]
    model = Functional([a, b], expressions)
    x, y = normal(2, 5, 3).astype("float32")
    wanted = [x + y, x - y, x * y, x + 2, 2 + x, x - 2, 2 - x, x * 3, 3 * x, x / 4, -x]
    for found, one in zip(model([x, y]), wanted, strict=True):
        np.testing.assert_allclose(found.numpy(), one, rtol=1e-6)


def test_text_is_no_operand_of_a_symbol() -> None:
    with pytest.raises(TypeError, match="elements must be numbers"):
        Input((3,)) + "b"


def test_what_does_not_fit() -> None:
    x = np.zeros((2, 3), "float32")
    with pytest.raises(
        ShapeError, match=r"must be called on a list of inputs.*Add\(\)\(\[a, b\]\)"
    ):
        Add()(x)
    with pytest.raises(ShapeError, match="exactly 2 inputs; got inputs=3"):
        Subtract()([x, x, x])
    with pytest.raises(ShapeError, match=r"equal or 1 on every axis; got \(2, 3\), \(2, 4\)"):
        Multiply()([x, np.zeros((2, 4), "float32")])
    with pytest.raises(ShapeError, match="all axes but the joined one must agree"):
        Concatenate(axis=1)([x, np.zeros((3, 3), "float32")])
    with pytest.raises(ShapeError, match="two axes must have one size"):
        Dot(1)([x, np.zeros((2, 4), "float32")])
    with pytest.raises(ConfigError, match="not the batch; got axes=0"):
        Dot(0)
    with pytest.raises(ShapeError, match="within the inputs, behind the batch"):
        Dot(2)([x, x])


def test_averages_do_not_depend_on_the_order_of_three() -> None:
    xs = [np.full((1, 2), float(n), "float32") for n in (1, 2, 6)]
    np.testing.assert_array_equal(Average()(xs).numpy(), [[3, 3]])
    np.testing.assert_array_equal(Maximum()(xs).numpy(), [[6, 6]])
    np.testing.assert_array_equal(Minimum()(xs).numpy(), [[1, 1]])
