import math

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ConfigError, DTypeError
from graftgrad.ops import distributions
from graftgrad.spec import as_dtype
from support.case import CaseChecks, case

STATE = np.array([7, 3], "uint32")
F64 = as_dtype("float64")


def drawn(op, **given):
    return case(op, state=STATE, gradient=False, **given)


class TestDraws(CaseChecks):
    CASES = (
        drawn(distributions.Exponential((4, 3), F64, 2.0)),
        drawn(distributions.Gamma((4, 3), F64, 2.5)),
        drawn(distributions.Gamma((0,), F64, 0.5)),
    )


def state(seed=0):
    return graftgrad.tensor([seed, 0], "uint32")


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_waiting_times(scale):
    y = distributions.exponential(state(), (20_000,), scale, "float64").numpy()
    assert (y >= 0).all()
    np.testing.assert_allclose(y.mean(), scale, rtol=0.03)
    np.testing.assert_allclose((y > scale).mean(), math.exp(-1), rtol=0.03)


@pytest.mark.parametrize("alpha", [0.3, 1.0, 2.5, 40.0])
def test_gamma_variables_have_their_moments(alpha):
    y = distributions.gamma(state(1), (20_000,), alpha, 2.0, "float64").numpy()
    assert (y > 0).all()
    np.testing.assert_allclose(y.mean(), 2 * alpha, rtol=0.05)
    np.testing.assert_allclose(y.var(), 4 * alpha, rtol=0.1)


def test_gamma_of_one_is_a_waiting_time():
    y = distributions.gamma(state(2), (20_000,), 1.0).numpy()
    np.testing.assert_allclose((y > 1).mean(), math.exp(-1), rtol=0.04)


def test_classes_come_as_often_as_they_should():
    logits = graftgrad.tensor(np.log([[0.1, 0.2, 0.7], [0.5, 0.5, 1e-30]]))
    y = distributions.categorical(state(3), logits, 5000)
    assert y.shape == (2, 5000)
    counts = np.stack([np.bincount(row, minlength=3) for row in y.numpy()]) / 5000
    np.testing.assert_allclose(counts, [[0.1, 0.2, 0.7], [0.5, 0.5, 0]], atol=0.02)
    assert distributions.categorical(state(4), logits).shape == (2,)


def test_weights_need_not_add_up_to_one():
    weights = graftgrad.tensor([0.0, 2.0, 6.0])
    y = distributions.multinomial(state(5), weights, 5000, replacement=True).numpy()
    np.testing.assert_allclose(np.bincount(y, minlength=3) / 5000, [0, 0.25, 0.75], atol=0.02)
    once = distributions.multinomial(state(6), graftgrad.ones(4, 6), 6)
    np.testing.assert_array_equal(np.sort(once.numpy(), 1), np.tile(np.arange(6), (4, 1)))
    firsts = [int(distributions.multinomial(state(i), weights, 2)[0]) for i in range(300)]
    np.testing.assert_allclose(np.mean(np.array(firsts) == 2), 0.75, atol=0.08)


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda: distributions.exponential(state(), (2,), -1.0), ConfigError, "scale must not be"),
        (lambda: distributions.gamma(state(), (2,), 0.0), ConfigError, "alpha must be positive"),
        (lambda: distributions.gamma(state(), (2,), 1.0, dtype="int64"), DTypeError, "real num"),
        (lambda: distributions.multinomial(state(), graftgrad.ones(2), 3), ConfigError,
         "no more can be drawn without replacement than there are"),
    ],
)  # fmt: skip
def test_bad_settings(wrong, error, words):
    with pytest.raises(error, match=words):
        wrong()


class TestGenerator:
    def test_every_kind_of_number(self):
        draw = graftgrad.Generator(5)
        assert draw.uniform(2.0, 3.0, (4, 2)).shape == (4, 2)
        assert draw.normal(size=3).shape == (3,)
        assert draw.normal().shape == ()
        assert abs(draw.truncated_normal(1.0, 0.1, 100).numpy() - 1).max() <= 0.2
        assert set(draw.integers(2, 4, 50).tolist()) == {2, 3}
        assert draw.integers(1).item() == 0
        assert set(draw.bernoulli(0.5, 50).tolist()) == {0, 1}
        assert (draw.exponential(size=9).numpy() > 0).all()
        assert (draw.gamma(2.0, size=9, dtype="float64").dtype) == graftgrad.float64
        assert sorted(draw.permutation(5).tolist()) == [0, 1, 2, 3, 4]
        rows = draw.permutation(graftgrad.arange(6).reshape(3, 2))
        assert sorted(rows.tolist()) == [[0, 1], [2, 3], [4, 5]]
        assert draw.categorical(graftgrad.zeros(3, 4), 2).shape == (3, 2)
        assert draw.multinomial(graftgrad.ones(4), 4).sum().item() == 6

    def test_numbers_are_repeatable(self):
        first, second = graftgrad.Generator(9), graftgrad.Generator(9)
        for name in ("uniform", "normal", "exponential"):
            a, b = (getattr(draw, name)(size=4).tolist() for draw in (first, second))
            assert a == b
        assert first.normal(size=4).tolist() != second.uniform(size=4).tolist()

    def test_functions_draw_from_the_default(self):
        graftgrad.manual_seed(1)
        a = [graftgrad.randint(10, size=5), graftgrad.randperm(5)]
        graftgrad.manual_seed(1)
        b = [graftgrad.randint(0, 10, 5), graftgrad.randperm(5)]
        assert [x.tolist() for x in a] == [x.tolist() for x in b]
        x = graftgrad.zeros(2, 3, dtype="float64")
        for like in (graftgrad.rand_like(x), graftgrad.randn_like(x)):
            assert (like.shape, like.dtype) == (x.shape, x.dtype)
        assert ops.std(graftgrad.randn(1000)).item() == pytest.approx(1, abs=0.1)
