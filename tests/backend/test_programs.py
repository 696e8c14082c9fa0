"""Random programs of ops: their values against NumPy, their gradients against differences."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import graftgrad
from graftgrad import modes, ops
from graftgrad.gradcheck import gradcheck, gradgradcheck


@dataclass(frozen=True)
class Step:
    """One op of a program: ours, NumPy's, and how many values it takes."""

    name: str
    ours: Callable[..., Any]
    numpy: Callable[..., Any]
    takes: int = 1

    def __repr__(self):
        return self.name


def same(name, method, takes=1):
    """A step that is written alike for tensors and arrays."""
    return Step(name, method, method, takes)


# Values stay near 1 and away from kinks and poles, so that differences are worth something.
STEPS = (
    Step("tanh", ops.tanh, np.tanh),
    Step("sin", ops.sin, np.sin),
    Step("sigmoid", ops.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    Step("exp", lambda x: ops.exp(ops.tanh(x)), lambda x: np.exp(np.tanh(x))),
    Step("log", lambda x: ops.log(x * x + 1), lambda x: np.log(x * x + 1)),
    Step("rsqrt", lambda x: ops.rsqrt(x * x + 0.5), lambda x: (x * x + 0.5) ** -0.5),
    Step("softmax", lambda x: _softmax(x, ops.exp), lambda x: _softmax(x, np.exp)),
    Step("max", lambda x: ops.max(x, -1, True) + x, lambda x: x.max(-1, keepdims=True) + x),
    Step("flip", lambda x: ops.flip(x, 0), lambda x: x[::-1]),
    Step("roll", lambda x: ops.concatenate([x[:, 1:], x[:, :1]], 1), lambda x: np.roll(x, -1, 1)),
    Step(
        "pad",
        lambda x: ops.pad(x[:-1], ((1, 0), (0, 0))),
        lambda x: np.pad(x[:-1], ((1, 0), (0, 0))),
    ),
    same("mean", lambda x: x - x.mean(axis=0, keepdims=True)),
    same("turn", lambda x: x.T @ x * 0.3 if x.shape[0] == x.shape[1] else x * 0.5),
    same("outer", lambda x: x[:, :1] * x[:1, :]),
    same("reshape", lambda x: x.T.reshape(x.shape)),
    same("add", lambda a, b: a + b, 2),
    same("sub", lambda a, b: 1.5 - a - b, 2),
    same("mul", lambda a, b: a * b, 2),
    same("div", lambda a, b: a / (b * b + 1), 2),
    same("matmul", lambda a, b: (a @ b.T @ a) * 0.2, 2),
    same("column", lambda a, b: a + b.sum(axis=1, keepdims=True), 2),
    same("row", lambda a, b: a * b[0], 2),
    Step("maximum", ops.maximum, np.maximum, 2),
    Step(
        "where", lambda a, b: ops.where(a > b, a, b * 2), lambda a, b: np.where(a > b, a, b * 2), 2
    ),
)


def _softmax(x, exp):
    powers = exp(x)
    return powers / powers.sum(axis=-1, keepdims=True)


@st.composite
def programs(draw):
    """Steps with the places of their operands among the inputs and the results so far."""
    count = draw(st.integers(1, 3))
    written = []
    for n in range(draw(st.integers(1, 8))):
        step = draw(st.sampled_from(STEPS))
        places = st.integers(0, count + n - 1)
        written.append((step, tuple(draw(places) for _ in range(step.takes))))
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    return count, shape, written


def run(written, inputs, ours):
    values = list(inputs)
    for step, places in written:
        values.append((step.ours if ours else step.numpy)(*[values[p] for p in places]))
    return values[-1]


def arrays_of(count, shape, seed):
    generator = np.random.default_rng(seed)
    return [generator.uniform(-1, 1, shape) for _ in range(count)]


AS_OFTEN = settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@AS_OFTEN
@given(programs(), st.integers(0, 2**16))
def test_values_are_those_of_numpy(program, seed):
    count, shape, written = program
    arrays = arrays_of(count, shape, seed)
    found = run(written, [graftgrad.tensor(a) for a in arrays], ours=True)
    np.testing.assert_allclose(
        found.numpy(), run(written, arrays, ours=False), rtol=1e-9, atol=1e-9
    )


@AS_OFTEN
@given(programs(), st.integers(0, 2**16), st.integers(1, 7))
def test_gradients_are_those_of_differences(program, seed, wanted):
    count, shape, written = program
    inputs = [graftgrad.tensor(a) for a in arrays_of(count, shape, seed)]
    for i, x in enumerate(inputs):
        x.requires_grad = bool(wanted >> i & 1)
    if not any(x.requires_grad for x in inputs):
        inputs[0].requires_grad = True

    def function(*inputs):
        return run(written, inputs, ours=True)

    gradcheck(function, inputs, atol=1e-5, rtol=1e-4, fast_mode=True)
    if function(*inputs).requires_grad:
        gradgradcheck(function, inputs, atol=1e-4, rtol=1e-3, fast_mode=True)


@AS_OFTEN
@given(programs(), st.integers(0, 2**16))
def test_replay_equals_eager_bit_for_bit(program, seed):
    count, shape, written = program
    inputs = [graftgrad.tensor(a, requires_grad=True) for a in arrays_of(count, shape, seed)]

    def step(inputs):
        y = run(written, inputs, ours=True)
        if not y.requires_grad:
            return [y]
        return [y, *graftgrad.grad(y.sum(), inputs, allow_unused=True)]

    heard = []
    with modes.taped(heard):
        replayed = step(inputs)
    others = arrays_of(count, shape, seed + 1)
    for x, array in zip(inputs, others, strict=True):
        x.array[...] = array
    for one in heard:
        one.kernel.run(one.ins, one.outs, one.call.device.scratch(one.kernel.scratch))
    eager = step([graftgrad.tensor(a, requires_grad=True) for a in others])
    for found, wanted in zip(replayed, eager, strict=True):
        assert (found is None) == (wanted is None)
        if wanted is not None:
            np.testing.assert_array_equal(found.detach().numpy(), wanted.detach().numpy())
