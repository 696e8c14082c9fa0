"""Activations as layers, against Keras' values and slopes."""

import numpy as np
import pytest

import graftgrad
import graftwork.layers as known
from graftgrad.errors import ConfigError, ShapeError
from graftwork.layers import ELU, Activation, Input, LeakyReLU, PReLU, ReLU, Softmax
from graftwork.registry import register_keras_serializable
from support.golden import GoldenCase, cases
from support.layer_checks import check_golden, check_layer, normal

NAMES = ("Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax")


# Keras 3.15 adds up the sums it should pick one of, so that its rows do not sum to 1.
GOLDEN = [
    case for case in cases("layers", *NAMES) if case.settings.get("activation") != "sparsemax"
]


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_as_keras(case: GoldenCase) -> None:
    check_golden(case)


def test_sparsemax_lies_on_the_simplex_and_nearest_to_its_input() -> None:
    (case,) = (c for c in cases("layers", "Activation") if c.settings["activation"] == "sparsemax")
    x = case["input/0"]
    y = Activation("sparsemax", dtype="float64")(x).numpy()
    np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-12)
    gap = x - y
    for row, one in zip(
        gap, y, strict=True
    ):  # the gap is one number wherever y > 0, and less elsewhere
        np.testing.assert_allclose(row[one > 0], row.max(), rtol=1e-12)


def test_every_promise() -> None:
    check_layer(lambda: Activation("gelu"), (2, 5))
    check_layer(lambda: ReLU(6.0, negative_slope=0.1, threshold=0.5), (2, 5))
    check_layer(LeakyReLU, (2, 5))
    check_layer(lambda: ELU(0.5), (2, 5))
    check_layer(lambda: PReLU("ones", shared_axes=[1]), (4, 5, 3))
    check_layer(lambda: Softmax(axis=[1, 2]), (2, 3, 4))


def test_defaults_are_keras() -> None:
    x = np.array([[-1.0, 2.0]], "float32")
    np.testing.assert_allclose(LeakyReLU()(x).numpy(), [[-0.3, 2]], rtol=1e-6)
    np.testing.assert_allclose(ReLU()(x).numpy(), [[0, 2]])
    np.testing.assert_allclose(PReLU()(x).detach().numpy(), [[0, 2]])
    np.testing.assert_array_equal(Activation(None)(x).numpy(), x)


def test_a_mask_silences_entries() -> None:
    x = normal(2, 4).astype("float32")
    mask = np.array([[True, False, True, True]] * 2)
    found = Softmax()(x, mask=graftgrad.tensor(mask)).numpy()
    assert (found[:, 1] == 0).all()
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)


def test_prelu_shares_slopes_along_named_axes() -> None:
    layer = PReLU(shared_axes=[1, 2])
    layer(np.zeros((2, 4, 5, 3), "float32"))
    assert layer.alpha.shape == (1, 1, 3)
    open_ended = PReLU(shared_axes=[1])
    open_ended(Input((None, 3)))
    assert open_ended.alpha.shape == (1, 3)
    with pytest.raises(ShapeError, match="sizes of the named axes must be known"):
        PReLU()(Input((None, 3)))


def test_functions_of_ones_own_are_saved_once_registered() -> None:
    layer = Activation(lambda x: x * 2)
    with pytest.raises(ConfigError, match="must be registered"):
        layer.get_config()

    @register_keras_serializable("tests", "doubled_for_test")
    def doubled(x: graftgrad.Tensor) -> graftgrad.Tensor:
        return x * 2

    again = Activation.from_config(Activation(doubled).get_config())
    np.testing.assert_array_equal(again(np.ones((1, 2), "float32")).numpy(), [[2, 2]])


def test_whole_numbers_are_computed_as_real_ones() -> None:
    for name in NAMES[1:]:
        assert str(getattr(known, name)()(np.arange(6).reshape(2, 3)).dtype) == "float32"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Activation("relo"), "relo.*Did you mean relu"),
        (lambda: Activation(3), "must be a known name or a function; got activation=3"),
        (lambda: ReLU(-1), "max_value must not be negative"),
        (lambda: LeakyReLU(None), "negative_slope must be a finite number"),
        (lambda: Softmax(axis="x"), "axis must be an axis or several"),
    ],
)
def test_what_cannot_be_made(make: object, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()  # type: ignore[operator]


def test_an_activation_can_be_taken_away() -> None:
    dense = known.Dense(2, activation="softmax", kernel_initializer="ones")
    x = np.ones((1, 3), "float32")
    assert dense(x).detach().numpy().tolist() == [[0.5, 0.5]]
    dense.activation = None
    assert dense(x).detach().numpy().tolist() == [[3.0, 3.0]]
    assert dense.get_config()["activation"] == "linear"


def test_softmax_of_a_single_output_is_pointed_out() -> None:
    told = r'^layer "lone": softmax must have two outputs or more, .* Take activation=\'sigmoid\'.$'
    with pytest.warns(UserWarning, match=told):
        known.Dense(1, activation="softmax", name="lone").build((None, 4))
    known.Dense(2, activation="softmax").build((None, 4))
