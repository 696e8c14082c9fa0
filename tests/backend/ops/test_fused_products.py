"""Fused products are their parts one after the other."""

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ConfigError, GradientError, ShapeError
from graftgrad.ops.fused_products import (
    ACTIVATIONS,
    FusedConv2D,
    FusedDepthwiseConv2D,
    FusedLinear,
    told,
)
from support.case import CaseChecks, case, normal

PADS = ((1, 1), (1, 0))
ALPHA = {"leaky": 0.1, "elu": 0.7, "clip": -0.5}
AFTER = {
    "relu": ops.relu,
    "leaky": lambda x: ops.leaky_relu(x, 0.1),
    "clip": lambda x: ops.clip(x, -0.5, 2.0),
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "exp": ops.exp,
    "elu": lambda x: ops.elu(x, 0.7),
    "gelu_erf": ops.gelu,
    "gelu_tanh": lambda x: ops.gelu(x, approximate=True),
    "swish": ops.silu,
    "softplus": ops.softplus,
    "hard_swish": ops.hard_silu,
}


def linear(x, w, b, addend):
    return np.maximum(x @ w + b + addend, 0)


def fused(kind, *where, **after):
    """A function of named operands, as cases want it."""
    made = kind(*where, **after)

    def call(x, w, b=None, addend=None):
        return made(*[one for one in (x, w, b, addend) if one is not None])

    call.__name__ = repr(made)
    return call


class TestFused(CaseChecks):
    CASES = (
        case(fused(FusedLinear, "relu", biased=True, added=True), oracle=linear, gradient=False,
             x=(4, 5), w=(5, 3), b=normal(3), addend=normal(4, 3)),
        case(fused(FusedConv2D, (2, 1), PADS, (1, 1), 2, activation="tanh", biased=True),
             gradient=False, x=(2, 5, 6, 4), w=(3, 2, 2, 6), b=normal(6)),
        case(fused(FusedDepthwiseConv2D, (1, 1), PADS, activation="sigmoid", biased=True),
             gradient=False, x=(2, 5, 6, 4), w=(3, 2, 4, 2), b=normal(8)),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["", *ACTIVATIONS])
@pytest.mark.parametrize("kind", [FusedLinear, FusedConv2D, FusedDepthwiseConv2D])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_fused_product_is_its_parts(kind, name, dtype):
    random = np.random.default_rng(0)

    def tensor(*shape):
        return graftgrad.tensor(random.standard_normal(shape), dtype=dtype)

    if kind is FusedLinear:
        x, w, where = tensor(6, 5), tensor(5, 4), ()
        y = x @ w
    elif kind is FusedConv2D:
        x, w, where = tensor(2, 5, 5, 3), tensor(3, 3, 3, 4), ((1, 1), ((1, 1), (1, 1)))
        y = ops.conv2d(x, w, padding=1)
    else:
        x, w, where = tensor(2, 5, 5, 4), tensor(3, 3, 4, 1), ((1, 1), ((1, 1), (1, 1)))
        y = ops.depthwise_conv2d(x, w, padding=1)
    b, addend = tensor(4), tensor(*y.shape)
    whole = y + b + addend
    wanted = AFTER[name](whole) if name else whole
    after = {"activation": name, "alpha": ALPHA.get(name, 0.0), "beta": 2.0}
    found = kind(*where, **after, biased=True, added=True)(x, w, b, addend)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_tells_its_name(name):
    alpha, beta = ALPHA.get(name, 0.0), 2.0 if name == "clip" else 0.0
    assert told(ACTIVATIONS[name](alpha, beta)) == (name, alpha, beta)


def test_other_functions_have_no_name():
    assert told(FusedLinear()) is None


def test_what_is_not_a_number_passes_the_rectifier():
    x = np.ones((4, 8), np.float32)
    x[2, 3] = np.nan
    y = FusedLinear("relu")(graftgrad.tensor(x), graftgrad.ones((8, 8))).numpy()
    assert np.isnan(y[2]).all()
    assert (np.delete(y, 2, axis=0) == 8).all()


def test_gradients_are_refused():
    x = graftgrad.ones((2, 3)).requires_grad_()
    y = FusedLinear("relu")(x, graftgrad.ones((3, 4)))
    with pytest.raises(GradientError, match="recorded steps only"):
        y.sum().backward()


@pytest.mark.parametrize(
    ("made", "shapes", "error", "match"),
    [
        (FusedLinear("bent"), ((2, 3), (3, 4)), ConfigError, "activation must be one of relu"),
        (FusedLinear(biased=True), ((2, 3), (3, 4)), ShapeError, "there must be a bias"),
        (FusedLinear(biased=True), ((2, 3), (3, 4), (3,)), ShapeError, "one bias per column"),
        (FusedLinear(added=True), ((2, 3), (3, 4), (4,)), ShapeError, "the shape of y"),
        (FusedLinear(), ((2, 3), (4, 4)), ShapeError, "features of x must be rows of w"),
        (FusedConv2D(), ((1, 4, 4, 2), (3, 3, 3, 2)), ShapeError, "channels of x"),
    ],
)
def test_what_does_not_fit_is_refused(made, shapes, error, match):
    with pytest.raises(error, match=match):
        made(*[graftgrad.ones(shape) for shape in shapes])
