import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import DTypeError, ShapeError
from support.case import CaseChecks, booleans, case


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def walked(x, state, step, mask, reverse):
    """Walk over the steps: `step` maps (xₜ, state) to a new state, whose first part comes out."""
    n, t = x.shape[:2]
    y = np.zeros((n, t, state[0].shape[1]))
    for i in range(t)[:: -1 if reverse else 1]:
        new = step(x[:, i], state)
        if mask is not None:
            new = [np.where(mask[:, i, None], a, b) for a, b in zip(new, state, strict=True)]
        y[:, i], state = new[0], new
    return [y, *state]


def zeros(x, r):
    return np.zeros((x.shape[0], r.shape[0]))


def naive_lstm(
    x, kernel, recurrent_kernel, bias=0.0, h=None, c=None, mask=None, reverse=False
):  # fmt: skip
    def step(one, state):
        z = one @ kernel + state[0] @ recurrent_kernel + bias
        i, f, g, o = np.split(z, 4, axis=1)
        cell = sigmoid(f) * state[1] + sigmoid(i) * np.tanh(g)
        return [sigmoid(o) * np.tanh(cell), cell]

    none = zeros(x, recurrent_kernel)
    state = [none if one is None else one for one in (h, c)]
    return walked(x, state, step, mask, reverse)


def naive_gru(
    x, kernel, recurrent_kernel, bias=None, h=None, mask=None, reverse=False, reset_after=True
):
    k, r = (np.split(one, 3, axis=1) for one in (kernel, recurrent_kernel))
    none = np.zeros((2, kernel.shape[1]) if reset_after else kernel.shape[1])
    bias = none if bias is None else bias
    b = np.split(bias[0] if reset_after else bias, 3)
    second = np.split(bias[1], 3) if reset_after else [0.0] * 3

    def step(one, state):
        before = state[0]
        z = sigmoid(one @ k[0] + b[0] + before @ r[0] + second[0])
        s = sigmoid(one @ k[1] + b[1] + before @ r[1] + second[1])
        inner = s * (before @ r[2] + second[2]) if reset_after else (s * before) @ r[2]
        return [z * before + (1 - z) * np.tanh(one @ k[2] + b[2] + inner)]

    return walked(x, [zeros(x, recurrent_kernel) if h is None else h], step, mask, reverse)


def naive_simple(
    x, kernel, recurrent_kernel, bias=0.0, h=None, mask=None, reverse=False, activation="tanh"
):
    bend = np.tanh if activation == "tanh" else lambda z: np.maximum(z, 0)

    def step(one, state):
        return [bend(one @ kernel + state[0] @ recurrent_kernel + bias)]

    return walked(x, [zeros(x, recurrent_kernel) if h is None else h], step, mask, reverse)


class TestLSTM(CaseChecks):
    CASES = (
        case(ops.lstm, x=(2, 4, 3), kernel=(3, 8), recurrent_kernel=(2, 8), bias=(8,),
             oracle=naive_lstm),
        case(ops.lstm, x=(3, 5, 2), kernel=(2, 8), recurrent_kernel=(2, 8), bias=(8,), h=(3, 2),
             c=(3, 2), oracle=naive_lstm),
        case(ops.lstm, x=(3, 4, 2), kernel=(2, 12), recurrent_kernel=(3, 12), h=(3, 3), c=(3, 3),
             mask=booleans(3, 4), oracle=naive_lstm),
        case(ops.lstm, x=(3, 4, 2), kernel=(2, 8), recurrent_kernel=(2, 8), bias=(8,), h=(3, 2),
             mask=booleans(3, 4), reverse=True, oracle=naive_lstm),
        case(ops.lstm, x=(2, 3, 2), kernel=(2, 4), recurrent_kernel=(1, 4), reverse=True,
             oracle=naive_lstm),
        case(ops.lstm, x=(2, 1, 2), kernel=(2, 8), recurrent_kernel=(2, 8), oracle=naive_lstm),
        case(ops.lstm, x=(2, 0, 2), kernel=(2, 8), recurrent_kernel=(2, 8), h=(2, 2), c=(2, 2),
             oracle=naive_lstm),
        case(ops.lstm, x=(0, 3, 2), kernel=(2, 8), recurrent_kernel=(2, 8), oracle=naive_lstm),
    )  # fmt: skip


class TestGRU(CaseChecks):
    CASES = tuple(
        one
        for reset_after, bias in ((True, (2, 6)), (False, (6,)))
        for one in (
            case(ops.gru, x=(2, 4, 3), kernel=(3, 6), recurrent_kernel=(2, 6), bias=bias,
                 reset_after=reset_after, oracle=naive_gru),
            case(ops.gru, x=(3, 4, 2), kernel=(2, 6), recurrent_kernel=(2, 6), bias=bias, h=(3, 2),
                 mask=booleans(3, 4), reset_after=reset_after, oracle=naive_gru),
            case(ops.gru, x=(3, 4, 2), kernel=(2, 6), recurrent_kernel=(2, 6), h=(3, 2),
                 mask=booleans(3, 4), reverse=True, reset_after=reset_after, oracle=naive_gru),
            case(ops.gru, x=(2, 0, 2), kernel=(2, 6), recurrent_kernel=(2, 6), h=(2, 2),
                 reset_after=reset_after, oracle=naive_gru),
        )
    )  # fmt: skip


class TestSimpleRNN(CaseChecks):
    CASES = (
        case(ops.simple_rnn, x=(2, 4, 3), kernel=(3, 2), recurrent_kernel=(2, 2), bias=(2,),
             oracle=naive_simple),
        case(ops.simple_rnn, x=(3, 4, 2), kernel=(2, 3), recurrent_kernel=(3, 3), h=(3, 3),
             mask=booleans(3, 4), oracle=naive_simple),
        case(ops.simple_rnn, x=(3, 4, 2), kernel=(2, 3), recurrent_kernel=(3, 3), h=(3, 3),
             bias=(3,), mask=booleans(3, 4), reverse=True, activation="relu", oracle=naive_simple),
        case(ops.simple_rnn, x=(2, 0, 2), kernel=(2, 3), recurrent_kernel=(3, 3), h=(2, 3),
             oracle=naive_simple),
    )  # fmt: skip


def test_gates_that_are_far_from_zero_do_not_overflow():
    x = np.array([[[1e4], [-1e4]]], "float32")
    ones = [np.ones((1, 4), "float32"), np.ones((1, 4), "float32")]
    y, _, c = ops.lstm(*(graftgrad.tensor(one) for one in (x, *ones)))
    wanted = naive_lstm(np.clip(x, -50, 50).astype("float64"), *ones)
    np.testing.assert_allclose(y.numpy(), wanted[0], atol=1e-6)
    np.testing.assert_allclose(c.numpy(), wanted[2], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_elements_of_16_bits_are_computed_in_float32(dtype):
    draw = np.random.default_rng(0)
    arrays = [draw.normal(0, 0.5, shape) for shape in ((2, 6, 3), (3, 8), (2, 8), (8,))]
    given = [graftgrad.tensor(a, dtype, requires_grad=True) for a in arrays]
    wide = [one.detach().to("float32").requires_grad_() for one in given]
    y, reference = ops.lstm(*given)[0], ops.lstm(*wide)[0]
    assert str(y.dtype) == dtype
    step = {"float16": 2e-3, "bfloat16": 1e-2}[dtype]
    np.testing.assert_allclose(y.to("float32").detach().numpy(), reference.detach().numpy(),
                               atol=step)  # fmt: skip
    y.to("float32").sum().backward()
    reference.sum().backward()
    for low, high in zip(given, wide, strict=True):
        assert low.grad.dtype == low.dtype
        found = low.grad.to("float32").numpy()
        np.testing.assert_allclose(found, high.grad.numpy(), rtol=step, atol=4 * step)


def test_the_gradient_of_a_sequence_that_wants_none_is_not_computed():
    x = graftgrad.zeros((2, 3, 4))
    kernel = graftgrad.ones((4, 8)).requires_grad_()
    ops.lstm(x, kernel, graftgrad.ones((2, 8)))[0].sum().backward()
    assert kernel.grad.shape == (4, 8)
    assert x.grad is None


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (((2, 3), (3, 8), (2, 8)), "x must have 3 axes: batch, time, features"),
        (((2, 3, 0), (0, 8), (2, 8)), "lstm: there must be features and units; got x="),
        (((2, 3, 4), (3, 8), (2, 8)), r"the kernel must be \(D, 4 · U\)"),
        (((2, 3, 4), (4, 8), (2, 6)), r"the recurrent kernel must be \(U, 4 · U\)"),
        (((2, 3, 4), (4, 8), (2, 8), (2,)), r"the bias must be \(4 · U,\)"),
        (((2, 3, 4), (4, 8), (2, 8), (8,), (3, 2)), r"h must be \(N, U\)"),
        (((2, 3, 4), (4, 8), (8,)), "the recurrent kernel must have 2 axes"),
    ],
)
def test_operands_that_do_not_fit(shapes, words):
    with pytest.raises(ShapeError, match=words):
        ops.lstm(*(graftgrad.zeros(shape) for shape in shapes))


def test_masks_biases_activations_and_types_that_do_not_fit():
    x, kernel, recurrent = (graftgrad.zeros(s) for s in ((2, 3, 4), (4, 6), (2, 6)))
    with pytest.raises(ShapeError, match=r"the mask must be \(N, T\) truth values"):
        ops.gru(x, kernel, recurrent, mask=graftgrad.zeros((2, 4)))
    with pytest.raises(ShapeError, match=r"the bias must be \(2, 6\)"):
        ops.gru(x, kernel, recurrent, graftgrad.zeros(6))
    with pytest.raises(ShapeError, match="the activation must be 'tanh' or 'relu'"):
        ops.simple_rnn(x, kernel[:, :2], recurrent[:, :2], activation="sigmoid")
    with pytest.raises(DTypeError, match="must share one dtype"):
        ops.gru(x, kernel.to("float64"), recurrent)
