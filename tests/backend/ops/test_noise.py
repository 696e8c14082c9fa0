"""Functions that draw on the way: what they do on average, the same draws again, errors."""

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ConfigError, DTypeError, ShapeError
from support.case import CaseChecks, case, distinct

STATE = np.array([7, 3], "uint32")


class TestNoise(CaseChecks):
    CASES = (
        case(ops.dropout2d, x=(2, 3, 2, 4), state=STATE, rate=0.4),
        case(ops.alpha_dropout, x=(3, 5), state=STATE, rate=0.3),
        case(ops.feature_alpha_dropout, x=(2, 3, 4), state=STATE, rate=0.3),
        case(ops.rrelu, x=distinct(4, 5), state=STATE),
        case(ops.rrelu, x=distinct(4, 5), lower=0.1, upper=0.3,
             oracle=lambda x, **_: np.where(x >= 0, x, 0.2 * x)),
        case(ops.gumbel_softmax, logits=(3, 4), state=STATE, tau=0.7, single_tolerance=5e-3),
        case(ops.logit, x=np.array([0.2, 0.5, 0.9]), oracle=lambda x: np.log(x / (1 - x))),
        case(ops.softmin, x=(3, 4), oracle=lambda x:
             np.exp(-x) / np.exp(-x).sum(-1, keepdims=True)),
    )  # fmt: skip


def state(draw=0):
    return graftgrad.tensor([11, draw], "uint32")


@pytest.mark.parametrize(
    ("drop", "shape"),
    [(ops.dropout1d, (50, 4, 40)), (ops.dropout2d, (50, 2, 2, 40)),
     (ops.dropout3d, (50, 2, 1, 2, 40))],
)  # fmt: skip
def test_channels_are_dropped_as_a_whole(drop, shape) -> None:
    y = drop(graftgrad.ones(*shape), state(), 0.25).numpy()
    inner = tuple(range(1, len(shape) - 1))
    channels = y.mean(axis=inner)
    np.testing.assert_allclose(np.ptp(y, axis=inner), 0)
    np.testing.assert_allclose(np.unique(channels), [0, 4 / 3], rtol=1e-6)
    assert abs((channels == 0).mean() - 0.25) < 0.03


@pytest.mark.parametrize("drop", [ops.alpha_dropout, ops.feature_alpha_dropout])
def test_alpha_dropout_keeps_mean_and_variance(drop) -> None:
    x = graftgrad.tensor(np.random.default_rng(0).standard_normal((300, 2, 300)).astype("float32"))
    y = drop(x, state(), 0.2).numpy()
    assert abs(y.mean()) < 0.02
    assert abs(y.var() - 1) < 0.03
    lowest = np.isclose(y, np.sort(np.unique(y.round(4), return_counts=True)[0])[0], atol=1e-3)
    assert not lowest.all()
    assert not drop(x, state(), 1.0).numpy().any()
    np.testing.assert_array_equal(drop(x, state(), 0.0).numpy(), x.numpy())
    np.testing.assert_array_equal(drop(x, state(), 0.2).numpy(), y)


def test_random_slopes_lie_within_their_bounds() -> None:
    x = -graftgrad.ones(10_000)
    slopes = -ops.rrelu(x, state()).numpy()
    assert slopes.min() >= 1 / 8
    assert slopes.max() <= 1 / 3
    assert abs(slopes.mean() - 11 / 48) < 2e-3
    assert (-ops.rrelu(x).numpy() == np.float32(11 / 48)).all()


def test_gumbel_draws_classes_by_their_probabilities() -> None:
    shares = np.array([0.1, 0.2, 0.7], "float32")
    x = graftgrad.tensor(np.tile(np.log(shares), (20_000, 1)), requires_grad=True)
    y = ops.gumbel_softmax(x, state(), hard=True)
    found = y.detach().numpy()
    np.testing.assert_allclose(found.max(-1), 1, atol=1e-6)
    np.testing.assert_allclose(found.mean(0), shares, atol=0.015)
    soft = ops.gumbel_softmax(x, state(), tau=0.1).detach().numpy()
    assert (soft.argmax(-1) == found.argmax(-1)).all()
    (y * y.detach()).sum().backward()
    assert x.grad is not None
    assert np.abs(x.grad.numpy()).max() > 0.01
    columns = ops.gumbel_softmax(x.detach().transpose(1, 0), state(1), axis=0, hard=True)
    np.testing.assert_allclose(columns.numpy().sum(0), 1, atol=1e-5)


def test_logit_is_kept_within_bounds() -> None:
    x = graftgrad.tensor([0.0, 0.5, 1.0], "float64")
    np.testing.assert_allclose(ops.logit(x, 0.1).numpy(), [-np.log(9), 0, np.log(9)], atol=1e-15)
    assert ops.logit(x[1:2]).tolist() == [0]


def test_names_that_pytorch_writes_together() -> None:
    for name, other in {"hardswish": "hard_silu", "hardsigmoid": "hard_sigmoid",
                        "hardtanh": "hard_tanh", "hardshrink": "hard_shrink",
                        "softshrink": "soft_shrink", "tanhshrink": "tanh_shrink",
                        "logsigmoid": "log_sigmoid", "swish": "silu"}.items():  # fmt: skip
        assert getattr(ops, name) is getattr(ops, other)


ONE = graftgrad.ones(2, 3)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ops.dropout2d(ONE, state(), 0.5), ShapeError,
         "dropout2d: x must have 4 axes, channels last"),
        (lambda: ops.alpha_dropout(ONE, state(), 1.5), ConfigError, r"rate must lie in \[0, 1\]"),
        (lambda: ops.alpha_dropout(ONE.to("int64"), state(), 0.5), DTypeError,
         "x must hold real numbers"),
        (lambda: ops.alpha_dropout(ONE, state(), 0.5, (3, 3)), ShapeError,
         "sizes of noise_shape must be those of x, or 1"),
        (lambda: ops.feature_alpha_dropout(ONE[0], state(), 0.5), ShapeError,
         r"x must be \(N, …, C\)"),
        (lambda: ops.rrelu(ONE, lower=0.5), ConfigError, "lower must not be larger than upper"),
        (lambda: ops.gumbel_softmax(ONE, state(), tau=0.0), ConfigError, "tau must be positive"),
        (lambda: ops.gumbel_softmax(ONE, graftgrad.ones(2)), DTypeError, "state must be uint32"),
    ],
)  # fmt: skip
def test_errors(call, error, text) -> None:
    with pytest.raises(error, match=text):
        call()
