"""Random programs of up to 20 ops: values and gradients are PyTorch's, to float64 rounding."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import graftgrad as gg
from graftgrad import ops

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.interop


@dataclass(frozen=True)
class Step:
    """One op of a program in both libraries; `fits` says of which shapes it can be taken.

    Every function takes the operands and a number that says what else is chosen: an axis, a cut.
    """

    name: str
    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    takes: int = 1
    fits: Callable[..., bool] = lambda *shapes: True

    def __repr__(self):
        return self.name


def same(name, method, takes=1, fits=lambda *shapes: True):
    """A step that is written alike in both."""
    return Step(name, method, method, takes, fits)


def stretches(*shapes):
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


def axes(shape):
    return len(shape) > 0


def two(*shapes):
    return all(len(shape) == 2 for shape in shapes)


def product(a, b):
    return len(a) >= 2 and len(b) >= 2 and a[-1] == b[-1] and stretches(a[:-2], b[:-2])


def axis(x, k):
    return k % len(x.shape)


def cut(x, k):
    """A cut of the first axis, of which something is left."""
    n = x.shape[0]
    start = k % n
    return slice(start, None if k % 3 else start + 1, 1 + k % 2)


def written(x, v, k):
    """A part of a fresh tensor changed in place, seen through a view and in the whole."""
    y = x * 1
    part = y[cut(y, k)]
    other = y[0]
    part.mul_(v.mean())
    y.add_(v.sum())
    part.sub_(other.sum() * 0.1)
    return y * part.sum()


def assigned(x, v, k):
    y = x * 1
    y[cut(y, k)] = v.sum()
    return y + y[0]


# Values are drawn back towards 0 where they grow, so that rounding is all that may differ.
STEPS = (
    Step("tanh", lambda x, k: ops.tanh(x), lambda x, k: torch.tanh(x)),
    Step("sin", lambda x, k: ops.sin(x), lambda x, k: torch.sin(x)),
    Step("exp", lambda x, k: ops.exp(ops.tanh(x)), lambda x, k: torch.exp(torch.tanh(x))),
    Step("log", lambda x, k: ops.log(x * x + 1), lambda x, k: torch.log(x * x + 1)),
    Step("sqrt", lambda x, k: ops.sqrt(x * x + 0.5), lambda x, k: torch.sqrt(x * x + 0.5)),
    Step("erf", lambda x, k: ops.erf(x), lambda x, k: torch.erf(x)),
    Step("gelu", lambda x, k: ops.gelu(x, approximate=False),
         lambda x, k: torch.nn.functional.gelu(x)),
    Step("silu", lambda x, k: ops.silu(x), lambda x, k: torch.nn.functional.silu(x)),
    Step("softplus", lambda x, k: ops.softplus(x), lambda x, k: torch.nn.functional.softplus(x)),
    Step("relu", lambda x, k: ops.relu(x), lambda x, k: torch.relu(x)),
    Step("clip", lambda x, k: x.clip(-0.7, 0.9), lambda x, k: x.clip(-0.7, 0.9)),
    Step("softmax", lambda x, k: ops.softmax(x, axis(x, k)),
         lambda x, k: torch.softmax(x, axis(x, k)), 1, axes),
    Step("log_softmax", lambda x, k: ops.log_softmax(x, axis(x, k)),
         lambda x, k: torch.log_softmax(x, axis(x, k)), 1, axes),
    Step("sum", lambda x, k: ops.sum(x, axis(x, k), bool(k % 2)),
         lambda x, k: x.sum(axis(x, k), bool(k % 2)), 1, axes),
    Step("mean", lambda x, k: ops.mean(x, axis(x, k), bool(k % 2)),
         lambda x, k: x.mean(axis(x, k), bool(k % 2)), 1, axes),
    Step("max", lambda x, k: ops.max(x, axis(x, k), True),
         lambda x, k: x.amax(axis(x, k), True), 1, axes),
    Step("var", lambda x, k: ops.var(x, axis(x, k)),
         lambda x, k: x.var(axis(x, k), correction=0), 1, axes),
    Step("flip", lambda x, k: ops.flip(x, axis(x, k)), lambda x, k: x.flip(axis(x, k)), 1, axes),
    Step("join", lambda x, k: ops.concatenate([x, x * 0.5], axis(x, k)),
         lambda x, k: torch.cat([x, x * 0.5], axis(x, k)), 1, axes),
    Step("turn", lambda x, k: x.T, lambda x, k: x.permute(tuple(reversed(range(x.ndim))))),
    Step("insert", lambda x, k: ops.expand_dims(x, k % (x.ndim + 1)),
         lambda x, k: x.unsqueeze(k % (x.ndim + 1))),
    same("flat", lambda x, k: x.reshape(-1)),
    same("cut", lambda x, k: x[cut(x, k)], 1, axes),
    same("pick", lambda x, k: x[[k % x.shape[0], 0, -1]], 1, axes),
    same("powers", lambda x, k: x**2 - x**3 * 0.1),
    same("scaled", lambda x, k: (k % 5 - 2) * 0.5 - x / (1 + k % 3)),
    same("add", lambda a, b, k: a + b, 2, stretches),
    same("sub", lambda a, b, k: a - 0.5 * b, 2, stretches),
    same("mul", lambda a, b, k: a * b, 2, stretches),
    same("div", lambda a, b, k: a / (b * b + 1), 2, stretches),
    Step("matmul", lambda a, b, k: a @ ops.moveaxis(b * 0.5, -1, -2),
         lambda a, b, k: a @ (b * 0.5).transpose(-1, -2), 2, product),
    Step("maximum", lambda a, b, k: ops.maximum(a, b),
         lambda a, b, k: torch.maximum(a, b), 2, stretches),
    Step("where", lambda a, b, k: ops.where(a > b, a, b * 2),
         lambda a, b, k: torch.where(a > b, a, b * 2), 2, stretches),
    same("written", written, 2, lambda a, b: axes(a)),
    same("assigned", assigned, 2, lambda a, b: axes(a)),
)  # fmt: skip
UNARY = tuple(step for step in STEPS if step.takes == 1)
LARGEST = 500


@st.composite
def programs(draw, longest):
    """The shapes of the inputs, and steps with their operands among inputs and results so far."""
    sizes = st.sampled_from((1, 2, 3))
    first = tuple(draw(st.lists(sizes, min_size=0, max_size=3)))
    shapes = [first, *draw(st.lists(st.lists(sizes, max_size=2).map(tuple), max_size=2))]
    steps = [
        (draw(st.sampled_from(STEPS)), draw(st.integers(0, 11)),
         draw(st.integers(0, 63)), draw(st.integers(0, 63)))
        for _ in range(draw(st.integers(1, longest)))
    ]  # fmt: skip
    return shapes, steps


def run(program, inputs, ours):
    """Return all values that a program makes; a step that does not fit is left out."""
    values = list(inputs)
    for step, k, *places in program[1]:
        given = [values[-1 - place % len(values)] for place in places[: step.takes]]
        shapes = [tuple(x.shape) for x in given]
        size = int(np.prod(np.broadcast_shapes(*shapes))) if stretches(*shapes) else 0
        if not step.fits(*shapes) or size > LARGEST:
            continue
        y = (step.ours if ours else step.theirs)(*given, k)
        values.append((ops.tanh(y) if ours else torch.tanh(y)) * 1.5)
    return values


def arrays_of(shapes, seed):
    generator = np.random.default_rng(seed)
    return [generator.uniform(-1, 1, shape) for shape in shapes]


def both(program, seed):
    arrays = arrays_of(program[0], seed)
    xs = [gg.tensor(a, requires_grad=True) for a in arrays]
    ts = [torch.tensor(a, requires_grad=True) for a in arrays]
    return xs, run(program, xs, True), ts, run(program, ts, False)


def expect_close(found, wanted, rtol=1e-11):
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape
    scale = max(1.0, float(np.abs(wanted).max(initial=0)))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=rtol * scale)


AS_OFTEN = settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@AS_OFTEN
@given(programs(20), st.integers(0, 2**16))
def test_values_and_gradients_are_those_of_pytorch(program, seed):
    xs, ours, ts, theirs = both(program, seed)
    assert len(ours) == len(theirs)
    for y, t in zip(ours, theirs, strict=True):
        expect_close(y.detach().numpy(), t.detach().numpy())
    found = gg.grad(ours[-1].sum(), xs, allow_unused=True)
    wanted = torch.autograd.grad(theirs[-1].sum(), ts, allow_unused=True)
    for g, t in zip(found, wanted, strict=True):
        assert (g is None) == (t is None)
        if g is not None:
            expect_close(g.numpy(), t.numpy(), 1e-10)


@AS_OFTEN
@given(programs(8), st.integers(0, 2**16))
def test_second_gradients_are_those_of_pytorch(program, seed):
    xs, ours, ts, theirs = both(program, seed)
    first = gg.grad((ours[-1] ** 2).sum(), xs, create_graph=True, materialize_grads=True)
    second = gg.grad(sum((g * g).sum() for g in first) + xs[0].sum(), xs, materialize_grads=True)
    first_t = torch.autograd.grad(
        (theirs[-1] ** 2).sum(), ts, create_graph=True, materialize_grads=True
    )
    second_t = torch.autograd.grad(
        sum((g * g).sum() for g in first_t) + ts[0].sum(), ts, materialize_grads=True
    )
    for g, t in zip((*first, *second), (*first_t, *second_t), strict=True):
        expect_close(g.detach().numpy(), t.detach().numpy(), 1e-9)
