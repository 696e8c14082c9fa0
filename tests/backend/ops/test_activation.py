import math
from functools import partial

import numpy as np
import pytest
from numpy.polynomial import chebyshev

import graftgrad
from graftgrad import engine, ops
from graftgrad.errors import ConfigError, DTypeError, GradientError, ShapeError
from graftgrad.ops import activation, exponential
from graftgrad.ops.tiles import TILE
from support.case import CaseChecks, case, distinct, nodes
from support.golden import cases

# Keras' sparsemax adds up sums where the paper takes the last of them: its rows do not sum to 1
GOLDEN = [one for one in cases("layers", "Activation") if one.settings["activation"] != "sparsemax"]
erf = np.vectorize(math.erf)


def expected_gelu(x, approximate=False):
    if approximate:
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def expected_sparsemax(x, axis=-1):
    def project(row):
        ranked = sorted(row, reverse=True)
        for count in range(len(ranked), 0, -1):
            tau = (sum(ranked[:count]) - 1) / count
            if ranked[count - 1] > tau:
                return np.maximum(row - tau, 0)
        raise AssertionError("the largest element is always in the support")

    return np.apply_along_axis(project, axis, x)


def expected_relu(x, negative_slope=0.0, max_value=math.inf, threshold=0.0):
    bounded = np.minimum(x, max_value)
    return np.where(x > threshold, bounded, negative_slope * (x - threshold))


class TestRectifiers(CaseChecks):
    CASES = (
        case(activation.relu, x=distinct(3, 4), oracle=lambda x: np.maximum(x, 0)),
        case(activation.relu, x=distinct(0, 4), oracle=lambda x: np.maximum(x, 0)),
        case(activation.relu, x=distinct(4, 5), negative_slope=0.3, oracle=expected_relu),
        case(activation.relu, x=distinct(4, 5), max_value=0.6, oracle=expected_relu),
        case(activation.relu, x=distinct(4, 5), threshold=0.4, oracle=expected_relu),
        case(activation.relu, x=distinct(6, 6), negative_slope=0.2, max_value=1.0, threshold=0.3,
             oracle=expected_relu),
        case(activation.relu6, x=distinct(12, 13), oracle=lambda x: np.clip(x, 0, 6)),
        case(activation.leaky_relu, x=distinct(3, 4),
             oracle=lambda x: np.where(x > 0, x, 0.2 * x)),
        case(activation.leaky_relu, x=distinct(3, 4), negative_slope=1.5,
             oracle=lambda x, negative_slope: np.where(x > 0, x, negative_slope * x)),
        case(activation.leaky_relu, x=distinct(3, 4), negative_slope=-0.5,
             oracle=lambda x, negative_slope: np.where(x > 0, x, negative_slope * x)),
        case(activation.prelu, x=distinct(3, 4), alpha=(4,),
             oracle=lambda x, alpha: np.where(x > 0, x, alpha * x)),
        case(activation.hard_tanh, x=distinct(5, 6), oracle=lambda x: np.clip(x, -1, 1)),
        case(activation.hard_tanh, x=distinct(3, 4), lower=-0.2, upper=0.3,
             oracle=lambda x, lower, upper: np.clip(x, lower, upper)),
        case(activation.hard_sigmoid, x=distinct(8, 10),
             oracle=lambda x: np.clip(x + 3, 0, 6) / 6),
        case(activation.hard_silu, x=distinct(8, 10),
             oracle=lambda x: x * np.clip(x + 3, 0, 6) / 6),
        case(activation.hard_shrink, x=distinct(4, 5),
             oracle=lambda x: np.where(np.abs(x) > 0.5, x, 0)),
        case(activation.soft_shrink, x=distinct(4, 5), threshold=0.3,
             oracle=lambda x, threshold: np.sign(x) * np.maximum(np.abs(x) - threshold, 0)),
        case(activation.threshold, x=distinct(4, 5), threshold=0.3, default_value=-2.0,
             oracle=lambda x, threshold, default_value: np.where(x > threshold, x, default_value)),
        case(activation.sparse_plus, x=distinct(5, 6),
             oracle=lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x))),
        case(activation.sparse_sigmoid, x=distinct(5, 6),
             oracle=lambda x: np.clip((x + 1) / 2, 0, 1)),
    )  # fmt: skip


class TestCurves(CaseChecks):
    CASES = (
        case(activation.elu, x=distinct(3, 4), oracle=lambda x: np.where(x > 0, x, np.expm1(x))),
        case(activation.elu, x=distinct(3, 4), alpha=0.5,
             oracle=lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x))),
        case(activation.elu, x=distinct(3, 4), alpha=-0.5,
             oracle=lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x))),
        case(activation.selu, x=distinct(3, 4),
             oracle=lambda x: 1.0507009873554805
             * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))),
        case(activation.celu, x=distinct(3, 4), alpha=2.0,
             oracle=lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x / alpha))),
        case(activation.celu, x=distinct(3, 4), alpha=-2.0,
             oracle=lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x / alpha))),
        case(activation.gelu, x=(3, 4), oracle=expected_gelu),
        case(activation.gelu, x=(3, 4), approximate=True, oracle=expected_gelu),
        case(activation.silu, x=(3, 4), oracle=lambda x: x / (1 + np.exp(-x))),
        case(activation.mish, x=(3, 4), oracle=lambda x: x * np.tanh(np.log1p(np.exp(x)))),
        case(activation.softplus, x=(3, 4), oracle=lambda x: np.log1p(np.exp(x))),
        case(activation.softplus, x=(3, 4), beta=2.5,
             oracle=lambda x, beta: np.log1p(np.exp(beta * x)) / beta),
        case(activation.squareplus, x=(3, 4), oracle=lambda x: (x + np.sqrt(x**2 + 4)) / 2),
        case(activation.squareplus, x=(3, 4), b=0.5,
             oracle=lambda x, b: (x + np.sqrt(x**2 + b)) / 2),
        case(activation.softsign, x=distinct(3, 4), oracle=lambda x: x / (1 + np.abs(x))),
        case(activation.tanh_shrink, x=(3, 4), oracle=lambda x: x - np.tanh(x)),
        case(activation.log_sigmoid, x=(3, 4), oracle=lambda x: -np.log1p(np.exp(-x))),
        case(activation.exponential, x=(3, 4), oracle=np.exp),
        case(activation.identity, x=(3, 4), oracle=lambda x: x, replay=False),
        case(activation.glu, x=(3, 4), oracle=lambda x: x[:, :2] / (1 + np.exp(-x[:, 2:]))),
        case(activation.glu, x=(4, 3), axis=0, oracle=lambda x, axis: x[:2] / (1 + np.exp(-x[2:]))),
        case(activation.sparsemax, x=distinct(3, 4), oracle=expected_sparsemax),
        case(activation.sparsemax, x=distinct(3, 4, 2), axis=1, oracle=expected_sparsemax),
    )  # fmt: skip


@pytest.mark.parametrize("golden", GOLDEN, ids=str)
def test_activations_agree_with_keras(golden) -> None:
    name = golden.settings["activation"]
    found = {"linear": "identity"}.get(name, name)
    room = next(room for room in (activation, ops, exponential) if hasattr(room, found))
    function = getattr(room, found)
    x = graftgrad.tensor(golden["input/0"], requires_grad=True)
    y = function(x)
    (gx,) = engine.grad(y, x, graftgrad.tensor(golden["cotangent"]))
    np.testing.assert_allclose(y.detach().numpy(), golden["output"], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(gx.numpy(), golden["gradient/input/0"], rtol=1e-12, atol=1e-13)


FUNCTIONS = (
    activation.relu,
    activation.relu6,
    activation.leaky_relu,
    activation.hard_silu,
    activation.elu,
    activation.selu,
    activation.gelu,
    partial(activation.gelu, approximate="tanh"),
    activation.silu,
    activation.softplus,
)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_large_arrays_are_cut_into_tiles_without_a_seam(function) -> None:
    x = np.random.default_rng(0).standard_normal((3, TILE // 2 + 5)).astype("float32") * 4
    gy = graftgrad.tensor(np.random.default_rng(1).standard_normal(x.shape).astype("float32"))
    whole = graftgrad.tensor(x, requires_grad=True)
    y = function(whole)
    (gx,) = engine.grad(y, whole, gy)
    for row in range(3):
        one = graftgrad.tensor(x[row], requires_grad=True)
        part = function(one)
        (gone,) = engine.grad(part, one, gy[row])
        np.testing.assert_array_equal(y.detach().numpy()[row], part.detach().numpy())
        np.testing.assert_array_equal(gx.numpy()[row], gone.numpy())


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_16_bit_elements_are_computed_in_float32(function, dtype: str) -> None:
    x = graftgrad.tensor(np.linspace(-7, 7, 57), dtype)
    low, high = x.detach().requires_grad_(), x.float().requires_grad_()
    y, reference = function(low), function(high)
    assert str(y.dtype) == dtype
    half = 2.0**-11 if dtype == "float16" else 2.0**-8
    np.testing.assert_allclose(
        y.detach().float().numpy(), reference.detach().numpy(), rtol=half, atol=1e-7
    )
    (g,) = engine.grad(y, low, y.like(np.ones(57)).to(dtype))
    (wanted,) = engine.grad(reference, high, reference.like(np.ones(57)).float())
    assert str(g.dtype) == dtype
    np.testing.assert_allclose(g.float().numpy(), wanted.numpy(), rtol=4 * half, atol=4 * half)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_huge_values_neither_overflow_nor_give_nan(function) -> None:
    x = graftgrad.tensor(np.array([-3e38, -1e4, -90.0, 0.0, 90.0, 1e4, 1e30], "float32"))
    x.requires_grad = True
    y = function(x)
    (gx,) = engine.grad(y, x, y.like(np.ones(7, "float32")))
    assert np.isfinite(y.detach().numpy()).all()
    assert np.isfinite(gx.numpy()).all()


@pytest.mark.parametrize("approximate", [False, True])
def test_gelu_is_exact_to_the_last_digits_of_float32(approximate: bool) -> None:
    x = np.linspace(-9, 9, 4001).astype("float32")
    y = activation.gelu(graftgrad.tensor(x), approximate).numpy()
    wanted = expected_gelu(x.astype("float64"), approximate)
    np.testing.assert_allclose(y, wanted, rtol=3e-7, atol=4e-7)


def test_gelu_tails_keep_their_relative_precision() -> None:
    x = np.linspace(-12, -3, 500)
    y = activation.gelu(graftgrad.tensor(x)).numpy()
    wanted = [v * 0.5 * math.erfc(-v / math.sqrt(2)) for v in x]
    np.testing.assert_allclose(y, wanted, rtol=1e-13)


# ln(erfc(z)/t) + z², t = 1 / (1 + z/2), interpolated at 60 places with 60 digits
TAIL = (
    *(-6.5132685989085472e-1, 6.4196979235649026e-1, 1.9476473204185836e-2),
    *(-9.5615147868086316e-3, -9.4659534448203687e-4, 3.6683949785276145e-4),
    *(4.2523324806907772e-5, -2.0278578112534243e-5, -1.6242900046470255e-6),
    *(1.3036558355805232e-6, 1.5626441722066143e-8, -8.5238095914926543e-8),
    *(6.5290544390988515e-9, 5.0593434955514689e-9, -9.9136415649303309e-10),
    *(-2.2736512229318359e-10, 9.6467911020155268e-11, 2.3940380830391146e-12),
    *(-6.8860275264975532e-12, 8.9448792730907241e-13, 3.1309213993429596e-13),
    *(-1.1270822361367266e-13, 3.8109052551903242e-16, 7.1060976136091542e-15),
    *(-1.5230282014570506e-15, -9.4574945712935034e-17, 1.2102371892241887e-16),
)


@pytest.mark.parametrize(("size", "terms"), [(4, 10), (8, 27)])
def test_gelu_has_the_coefficients_of_its_series(size: int, terms: int) -> None:
    wanted = chebyshev.cheb2poly(TAIL[:terms])
    np.testing.assert_allclose(activation.POWERS[size], wanted, rtol=1e-7, atol=1e-15)


def test_bounded_gelu_has_the_coefficients_of_its_series() -> None:
    series = chebyshev.chebinterpolate(lambda s: np.exp(chebyshev.chebval(s, TAIL)) / 2, 10)
    np.testing.assert_allclose(activation.SCALED, chebyshev.cheb2poly(series), rtol=1e-9)


@pytest.mark.parametrize(
    ("function", "kept"),
    [
        (activation.relu, {"y"}),
        (activation.relu6, {"y"}),
        (activation.leaky_relu, {"y"}),
        (activation.elu, {"y"}),
        (activation.gelu, {"x"}),
        (activation.silu, {"x"}),
        (activation.hard_silu, {"x"}),
        (activation.softplus, {"x"}),
    ],
)
def test_one_array_is_kept_for_the_gradient(function, kept: set[str]) -> None:
    x = graftgrad.tensor([1.0, -2.0], requires_grad=True)
    (node,) = nodes([function(x)])
    assert {name for name, _ in node.kept_arrays()} == kept


@pytest.mark.parametrize("function", [activation.relu, activation.relu6, activation.hard_tanh])
def test_no_gradient_flows_at_a_bound(function) -> None:
    bounds = {activation.relu: [0.0], activation.relu6: [0.0, 6.0]}.get(function, [-1.0, 1.0])
    x = graftgrad.tensor(bounds, requires_grad=True)
    function(x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.zeros(len(bounds)))


def test_a_fused_slope_refuses_to_be_differentiated() -> None:
    x = graftgrad.tensor([0.5], requires_grad=True)
    y = activation.SiluSlope()(x, x)
    with pytest.raises(GradientError, match="second order"):
        y.backward()


def test_softplus_turns_linear_above_a_threshold() -> None:
    x = graftgrad.tensor(np.array([0.5, 1.0, 2.0]))
    y = activation.softplus(x, beta=2.0, threshold=3.0).numpy()
    np.testing.assert_allclose(y, [np.log1p(np.e) / 2, np.log1p(np.e**2) / 2, 2.0], rtol=1e-14)


def test_relu_of_integers_stays_whole() -> None:
    y = activation.relu(graftgrad.tensor([-2, 3]))
    assert str(y.dtype) == "int64"
    assert y.tolist() == [0, 3]


def test_swish_has_both_names() -> None:
    assert activation.swish is activation.silu
    assert activation.hard_swish is activation.hard_silu


def test_bad_settings_are_refused_with_their_value() -> None:
    x = graftgrad.tensor([[1.0, 2.0, 3.0]])
    with pytest.raises(ConfigError, match=r"gelu: approximate must be a truth .*'fast'"):
        activation.gelu(x, "fast")
    with pytest.raises(ConfigError, match=r"softplus: beta must be positive; got beta=0"):
        activation.softplus(x, beta=0)
    with pytest.raises(ConfigError, match=r"celu: alpha must not be 0"):
        activation.celu(x, alpha=0)
    with pytest.raises(ConfigError, match=r"hard_tanh: lower must lie below upper; got lower=1"):
        activation.hard_tanh(x, 1, 0)
    with pytest.raises(ShapeError, match=r"sparsemax: the axis must not be empty; got x=\(1, 0"):
        activation.sparsemax(x[:, :0])
    with pytest.raises(DTypeError, match=r"relu: operands must be numbers, not truth values; got"):
        activation.relu(x > 0)
    with pytest.raises(ShapeError, match=r"glu: the axis must be of even size; got x=\(1, 3\)"):
        activation.glu(x)


@pytest.mark.parametrize("op", [ops.elu, ops.selu, ops.celu, ops.gelu, ops.logsumexp])
def test_numbers_without_axes_are_computed_as_those_of_an_array(op):
    number, column = (graftgrad.tensor(x, requires_grad=True) for x in (0.3, [0.3]))
    found, wanted = op(number), op(column).sum()
    assert found.shape == ()
    assert float(found.detach()) == float(wanted.detach())
    found.backward()
    wanted.backward()
    assert float(number.grad) == float(column.grad)
