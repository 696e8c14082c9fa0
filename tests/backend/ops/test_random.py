import math
import statistics

import numpy as np
import pytest

import graftgrad
from graftgrad import modes, ops
from graftgrad.errors import ConfigError, DTypeError, ShapeError
from graftgrad.ops import random
from graftgrad.ops.philox import philox, unit, words
from graftgrad.ops.quantile import quantile
from graftgrad.ops.random import Masked
from support.case import CaseChecks, booleans, case

STATE = np.array([7, 3], "uint32")
MANY = 100_000


def state(seed=7, draw=0):
    return graftgrad.tensor([seed, draw], "uint32")


def naive_philox(counter, key):
    """The ten rounds with Python's own integers, as the paper writes them."""
    c, k, low = list(counter), list(key), 2**32 - 1
    for _ in range(10):
        first, second = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [second >> 32 ^ c[1] ^ k[0], second & low, first >> 32 ^ c[3] ^ k[1], first & low]
        k = [k[0] + 0x9E3779B9 & low, k[1] + 0xBB67AE85 & low]
    return c


def naive_words(state, count):
    seed, draw = map(int, state)
    found = []
    for block in range(-(-count // 4)):
        found += naive_philox((block, 0, draw, 0), (seed, 0))
    return found[:count]


def naive_uniform(state, shape, low=0.0, high=1.0, dtype="float32"):
    if dtype == "float64":
        drawn = naive_words(state, 2 * math.prod(shape))
        pairs = zip(drawn[::2], drawn[1::2], strict=True)
        share = [((a >> 5) * 2**26 + (b >> 6)) / 2**53 for a, b in pairs]
    else:
        share = [(word >> 8) / 2**24 for word in naive_words(state, math.prod(shape))]
    return (np.array(share).reshape(shape) * (high - low) + low).astype(dtype)


def naive_dropout(x, state, rate, noise_shape=None):
    shape = x.shape if noise_shape is None else noise_shape
    drawn = np.array(naive_words(state, math.prod(shape))).reshape(shape)
    return np.where(drawn / 2**32 >= rate, x / (1 - rate), 0)


class TestDraws(CaseChecks):
    CASES = (
        case(random.uniform, state=STATE, shape=(3, 5), oracle=naive_uniform),
        case(random.uniform, state=STATE, shape=(3, 5), dtype="float64", oracle=naive_uniform),
        case(random.uniform, state=STATE, shape=(), low=-2.0, high=5.0, oracle=naive_uniform),
        case(random.uniform, state=STATE, shape=(0, 2), oracle=naive_uniform),
        case(random.normal, state=STATE, shape=(3, 5)),
        case(random.normal, state=STATE, shape=(7,), mean=3.0, deviation=0.5, dtype="float64"),
        case(random.truncated_normal, state=STATE, shape=(3, 5)),
        case(random.randint, state=STATE, shape=(4, 4), low=-3, high=4),
        case(random.bernoulli, state=STATE, shape=(4, 4), probability=0.3),
        case(random.permutation, state=STATE, size=10),
        case(
            random.advance,
            state=STATE,
            oracle=lambda state: state + np.array([0, 1], "uint32"),
            updates=["state"],
        ),
    )


class TestDropout(CaseChecks):
    CASES = (
        case(ops.dropout, x=(4, 5), state=STATE, rate=0.3, oracle=naive_dropout),
        case(ops.dropout, x=(4, 5, 2), state=STATE, rate=0.5, noise_shape=(4, 1, 2),
             oracle=naive_dropout),
        case(ops.dropout, x=(4, 5), state=STATE, rate=0.0, oracle=naive_dropout),
        case(ops.dropout, x=(4, 5), state=STATE, rate=1.0, oracle=lambda x, **_: 0 * x),
        case(Masked(2.5), x=(4, 5), mask=booleans(4, 5), oracle=lambda x, mask: 2.5 * x * mask),
    )  # fmt: skip


class TestPhilox:
    @pytest.mark.parametrize(
        ("counter", "key", "answer"),
        [  # the known answers that come with the authors' own library, Random123
            ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
            (
                (0xFFFFFFFF,) * 4,
                (0xFFFFFFFF,) * 2,
                (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
            ),
            (
                (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
                (0xA4093822, 0x299F31D0),
                (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
            ),
        ],
    )
    def test_known_answers(self, counter, key, answer):
        def arrays(numbers):
            return tuple(np.array([n], "uint32") for n in numbers)

        assert tuple(int(w[0]) for w in philox(arrays(counter), arrays(key))) == answer
        assert tuple(naive_philox(counter, key)) == answer

    def test_words_do_not_depend_on_how_many_are_drawn(self):
        many = words(np, STATE, 200_001)
        for count in (0, 1, 5, 65_537):
            np.testing.assert_array_equal(words(np, STATE, count), many[:count])
        np.testing.assert_array_equal(many[:9], naive_words(STATE, 9))

    def test_unit_stays_below_one(self):
        for bits in (8, 11, 24, 32, 53):
            drawn = unit(np, STATE, (MANY,), bits)
            assert drawn.min() >= 0
            assert drawn.max() < 1
            np.testing.assert_array_equal(drawn * 2.0**bits, np.floor(drawn * 2.0**bits))


class TestStates:
    def test_the_same_state_gives_the_same_numbers(self):
        for draw in (random.uniform, random.normal, random.truncated_normal):
            np.testing.assert_array_equal(draw(state(), (9,)).numpy(), draw(state(), (9,)).numpy())

    @pytest.mark.parametrize("other", [(7, 1), (8, 0), (0, 7)])
    def test_another_state_gives_unrelated_numbers(self, other):
        a, b = (random.normal(s, (MANY,)).numpy() for s in (state(), state(*other)))
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.02

    def test_advancing(self):
        s = state(7, 2**32 - 2)
        for draw in (2**32 - 1, 0, 1):
            assert random.advance(s) is s
            assert s.tolist() == [7, draw]

    def test_a_replayed_step_draws_other_numbers(self):
        heard, s, x = [], state(), graftgrad.ones(20)

        def step():
            y = ops.dropout(x, s, 0.5)
            random.advance(s)
            return y

        with modes.taped(heard):
            y = step()
        replayed = [y.tolist()]
        for _ in range(3):
            for one in heard:
                one.kernel.run(one.ins, one.outs, one.call.device.scratch(one.kernel.scratch))
            replayed.append(y.tolist())
        s.copy_(state())
        assert replayed == [step().tolist() for _ in range(4)]
        assert replayed[0] != replayed[1]

    def test_meta(self):
        s = state().to("meta")
        assert random.normal(s, (2, 3)).shape == (2, 3)
        assert ops.dropout(graftgrad.ones(4, device="meta"), s, 0.5).shape == (4,)


def kolmogorov(sample, distribution):
    """The largest distance between the distribution of a sample and the one it should have."""
    ordered = np.sort(sample)
    share = distribution(ordered)
    places = np.arange(len(ordered) + 1) / len(ordered)
    return max(np.abs(share - places[1:]).max(), np.abs(share - places[:-1]).max())


def phi(x):
    return np.array([statistics.NormalDist().cdf(one) for one in x])


class TestDistributions:
    BOUND = 1.95 / math.sqrt(MANY)  # passed by 999 of 1000 right samples

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_uniform(self, dtype):
        drawn = random.uniform(state(), (MANY,), -1, 3, dtype=dtype).numpy()
        assert drawn.min() >= -1
        assert drawn.max() <= 3
        assert kolmogorov(drawn, lambda x: (x + 1) / 4) < self.BOUND
        lagged = np.corrcoef(drawn[1:], drawn[:-1])[0, 1]
        assert abs(lagged) < 0.01

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_normal(self, dtype):
        drawn = random.normal(state(), (MANY,), 2.0, 3.0, dtype=dtype).numpy()
        z = (drawn - 2) / 3
        assert kolmogorov(z, phi) < self.BOUND
        moments = [np.mean(z**n) for n in (1, 2, 3, 4)]
        np.testing.assert_allclose(moments, [0, 1, 0, 3], atol=0.06)
        assert abs(np.corrcoef(drawn[::2], drawn[1::2])[0, 1]) < 0.01  # the two of a pair

    def test_truncated_normal(self):
        z = random.truncated_normal(state(), (MANY,)).numpy().astype("float64")
        assert np.abs(z).max() <= 2
        assert np.abs(z).max() > 1.99
        tail = phi([-2.0])[0]
        assert kolmogorov(z, lambda x: (phi(x) - tail) / (1 - 2 * tail)) < self.BOUND
        np.testing.assert_allclose(z.std(), 0.8796, atol=0.005)
        scaled = random.truncated_normal(state(), (MANY,), 5.0, 0.1).numpy()
        np.testing.assert_allclose(scaled, z * 0.1 + 5, atol=1e-6)

    def test_the_quantile_is_the_inverse_of_the_distribution(self):
        shares = np.linspace(0.001, 0.999, 500)
        wanted = [statistics.NormalDist().inv_cdf(p) for p in shares]
        np.testing.assert_allclose(quantile(np, shares), wanted, rtol=1e-13, atol=1e-15)

    def test_integers(self):
        drawn = random.randint(state(), (MANY,), -2, 5).numpy()
        counts = np.bincount(drawn + 2, minlength=7)
        assert len(counts) == 7
        expected = MANY / 7
        assert ((counts - expected) ** 2 / expected).sum() < 22.5  # χ² of 6, one in 1000
        large = random.randint(state(), (1000,), 0, 2**53).numpy()
        assert large.max() > 2**52
        assert len(np.unique(large & 0xFF)) > 200

    def test_bernoulli(self):
        drawn = random.bernoulli(state(), (MANY,), 0.3, dtype="bool")
        assert drawn.dtype == graftgrad.bool_
        np.testing.assert_allclose(drawn.numpy().mean(), 0.3, atol=0.006)
        assert random.bernoulli(state(), (99,), 0.0).numpy().sum() == 0
        assert random.bernoulli(state(), (99,), 1.0).numpy().sum() == 99

    def test_permutation(self):
        drawn = random.permutation(state(), 1000).numpy()
        np.testing.assert_array_equal(np.sort(drawn), np.arange(1000))
        assert abs(np.corrcoef(drawn, np.arange(1000))[0, 1]) < 0.1
        assert random.permutation(state(), 0).shape == (0,)
        firsts = [random.permutation(state(1, draw), 3).tolist() for draw in range(600)]
        counts = [firsts.count(list(order)) for order in set(map(tuple, firsts))]
        assert len(counts) == 6
        assert min(counts) > 60

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_half_precision(self, dtype):
        drawn = random.uniform(state(), (MANY,), dtype=dtype)
        assert str(drawn.dtype) == dtype
        wide = drawn.numpy().astype("float64")
        assert wide.max() < 1
        np.testing.assert_allclose(wide.mean(), 0.5, atol=0.01)
        y = ops.dropout(graftgrad.ones(MANY, dtype=dtype), state(), 0.5)
        assert set(np.unique(y.numpy().astype("float64"))) == {0.0, 2.0}


class TestDroppedOut:
    def test_the_mean_stays(self):
        y = ops.dropout(graftgrad.ones(MANY), state(), 0.25).numpy()
        np.testing.assert_allclose(y.mean(), 1, atol=0.006)
        np.testing.assert_allclose((y == 0).mean(), 0.25, atol=0.005)

    def test_what_is_dropped_is_zero_whatever_it_was(self):
        x = graftgrad.full((1000,), math.inf, requires_grad=True)
        y = ops.dropout(x, state(), 0.5)
        assert set(y.tolist()) == {0.0, math.inf}
        y.backward(graftgrad.full((1000,), math.inf))
        np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())

    def test_the_mask_alone_is_kept(self):
        y = ops.dropout(graftgrad.ones(4, 5, requires_grad=True), state(), 0.5)
        ((name, array),) = y.grad_fn.kept_arrays()
        assert name == "mask"
        assert array.nbytes == 20


@pytest.mark.parametrize(
    ("wrong", "error", "words_"),
    [
        (
            lambda s: random.uniform(s.to("int64"), (2,)),
            DTypeError,
            "state must be uint32; got state=",
        ),
        (
            lambda s: random.uniform(graftgrad.zeros(3, dtype="uint32"), (2,)),
            ShapeError,
            "two numbers",
        ),
        (lambda s: random.uniform(s, (2,), dtype="int32"), DTypeError, "must hold real numbers"),
        (lambda s: random.uniform(s, (2,), 1.0, 0.0), ConfigError, "low=1.0, high=0.0"),
        (lambda s: random.uniform(s, (2.5,)), ShapeError, "sizes must be integers"),
        (lambda s: random.normal(s, (2,), 0.0, -1.0), ConfigError, "deviation=-1.0"),
        (lambda s: random.truncated_normal(s, (2,), 0.0, -1.0), ConfigError, "not be negative"),
        (lambda s: random.randint(s, (2,), 3, 3), ConfigError, "low=3, high=3"),
        (lambda s: random.randint(s, (2,), 0, 300, "uint8"), DTypeError, "must fit into dtype"),
        (lambda s: random.randint(s, (2,), 0, 3, "float32"), DTypeError, "must fit into dtype"),
        (lambda s: random.bernoulli(s, (2,), 1.5), ConfigError, r"lie in \[0, 1\]; got prob.*1.5"),
        (lambda s: random.permutation(s, -1), ConfigError, "size=-1"),
        (lambda s: ops.dropout(graftgrad.ones(2), s, -0.1), ConfigError, "rate=-0.1"),
        (lambda s: ops.dropout(graftgrad.ones(2), s, math.nan), ConfigError, "rate=nan"),
        (lambda s: ops.dropout(graftgrad.arange(2), s, 0.1), DTypeError, "must hold real numbers"),
        (lambda s: ops.dropout(graftgrad.ones(2, 3), s, 0.1, (2, 2)), ShapeError, "noise_shape"),
        (lambda s: ops.dropout(graftgrad.ones(2, 3), s, 0.1, (3,)), ShapeError, "noise_shape"),
        (lambda s: random.advance(s.to("int32")), DTypeError, "advance: the state must be uint32"),
    ],
)
def test_bad_input(wrong, error, words_):
    with pytest.raises(error, match=words_):
        wrong(state())
