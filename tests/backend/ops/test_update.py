"""Changes in place and the update rules, against formulas written out naively in NumPy."""

import numpy as np
import pytest

import graftgrad
from graftgrad import modes, ops
from graftgrad.errors import DTypeError, GradientError, ShapeError
from graftgrad.ops import adagrad, adam, optimize, update
from support.case import CaseChecks, between, case, integers, positive

RATE = between((), 0.01, 0.5)
STEP = integers((), 9, 1)
FIRST = np.array(1)


def told(rule, *updates, label="", oracle, **operands):
    """A case of an update rule, whose first operands change and have no gradient."""
    return case(rule, oracle=oracle, gradient=False, updates=updates, label=label, **operands)


class TestUpdate(CaseChecks):
    CASES = (
        told(ops.assign, "target", target=(3, 4), value=(4,),
             oracle=lambda target, value: np.broadcast_to(value, (3, 4))),
        told(ops.accumulate, "target", target=(3, 4), value=(3, 1),
             oracle=lambda target, value: target + value),
        told(ops.scale, "target", target=(3, 4), factor=-0.25,
             oracle=lambda target, factor: target * factor),
        told(ops.ema, "target", target=(3, 4), value=(3, 4), decay=0.9,
             oracle=lambda target, value, decay: 0.9 * target + 0.1 * value),
        told(ops.ema, "target", target=(5,), value=(5,), step=integers((), 9, 2), decay=0.7,
             oracle=lambda target, value, step, decay: 0.7 * target + 0.3 * value),
        told(ops.ema, "target", target=(5,), value=(5,), step=FIRST, decay=0.7,
             oracle=lambda target, value, step, decay: value),
        told(ops.sum_of_squares, x=(3, 5), oracle=lambda x: (x * x).sum()),
        told(ops.sum_of_squares, x=(0,), oracle=lambda x: np.array(0.0)),
        told(ops.clip_norm, "target", target=(6,), norm=between((), 2, 3), limit=0.5,
             oracle=lambda target, norm, limit: target * 0.5 / norm),
        told(ops.clip_norm, "target", target=(6,), norm=between((), 2, 3), limit=5.0,
             oracle=lambda target, norm, limit: target),
        told(ops.clip_norm, "target", target=(6,), norm=np.array(0.0), limit=5.0,
             oracle=lambda target, norm, limit: target),
        told(ops.clip_value, "target", target=(6,), limit=0.3,
             oracle=lambda target, limit: np.clip(target, -0.3, 0.3)),
    )  # fmt: skip


def direction(w, g, weight_decay=0.0, ascend=False):
    return (-g if ascend else g) + weight_decay * w


def descend(weight_decay=0.0, ascend=False):
    return lambda w, g, rate: w - rate * direction(w, g, weight_decay, ascend)


def momentum(mu, dampening=0.0, nesterov=False, weight_decay=0.0, ascend=False):
    def oracle(w, b, g, rate, step):
        g = direction(w, g, weight_decay, ascend)
        b = mu * b + (1 if step == 1 else 1 - dampening) * g
        return w - rate * (g + mu * b if nesterov else b), b

    return oracle


def velocity(mu, nesterov=False):
    def oracle(w, v, g, rate):
        v = mu * v - rate * g
        return w + (mu * v - rate * g if nesterov else v), v

    return oracle


def adam_oracle(b1, b2, epsilon, corrected=False, weight_decay=0.0, ascend=False):
    def oracle(w, m, v, *rest):
        *largest, g, rate, t = rest
        g = direction(w, g, weight_decay, ascend)
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        top = [np.maximum(one, v) for one in largest]
        root = np.sqrt((top or [v])[0] / (1 - b2**t))
        epsilon_now = epsilon if corrected else epsilon / np.sqrt(1 - b2**t)
        return w - rate * m / (1 - b1**t) / (root + epsilon_now), m, v, *top

    return oracle


def rmsprop(rho, epsilon, inner=False, mu=0.0, weight_decay=0.0, ascend=False, centered=False):
    def oracle(w, v, *rest):
        *slots, g, rate = rest
        g = direction(w, g, weight_decay, ascend)
        v = rho * v + (1 - rho) * g**2
        found, under = [], v
        if centered:
            average = rho * slots[-1] + (1 - rho) * g
            under = v - average**2
        move = g / (np.sqrt(under + epsilon) if inner else np.sqrt(under) + epsilon)
        move = move * rate if inner else move
        if mu:
            move = mu * slots[0] + move
            found.append(move)
        if centered:
            found.append(average)
        return w - (move if inner else rate * move), v, *found

    return oracle


def adagrad_oracle(epsilon, inner=False, rate_decay=0.0, weight_decay=0.0, ascend=False):
    def oracle(w, a, g, rate, step):
        g = direction(w, g, weight_decay, ascend)
        a = a + g**2
        under = np.sqrt(a + epsilon) if inner else np.sqrt(a) + epsilon
        return w - rate / (1 + (step - 1) * rate_decay) * g / under, a

    return oracle


def nadam(b1, b2, epsilon):
    def oracle(w, m, v, g, rate, step):
        parts = [b1 * (1 - 0.5 * 0.96**k) for k in range(1, int(step) + 2)]
        now, after = np.prod(parts[:-1]), np.prod(parts)
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        mean = parts[-1] * m / (1 - after) + (1 - parts[-2]) * g / (1 - now)
        return w - rate * mean / (np.sqrt(v / (1 - b2**step)) + epsilon), m, v

    return oracle


def adamax(b1, b2, epsilon):
    def oracle(w, m, u, g, rate, step):
        m = b1 * m + (1 - b1) * g
        u = np.maximum(b2 * u, np.abs(g))
        return w - rate * m / ((1 - b1**step) * (u + epsilon)), m, u

    return oracle


def lion(b1, b2):
    return lambda w, m, g, rate: (
        w - rate * np.sign(b1 * m + (1 - b1) * g),
        b2 * m + (1 - b2) * g,
    )


def adadelta(rho, epsilon):
    def oracle(w, a, d, g, rate):
        a = rho * a + (1 - rho) * g**2
        move = np.sqrt(d + epsilon) / np.sqrt(a + epsilon) * g
        return w - rate * move, a, rho * d + (1 - rho) * move**2

    return oracle


def ftrl(p, l1, l2, shrinkage, beta):
    def oracle(w, n, z, g, rate):
        after = n + g**2
        z = z + g + 2 * shrinkage * w - (after**p - n**p) / rate * w
        quadratic = after**p / rate + 2 * (l2 + beta / (2 * rate))
        return (np.clip(z, -l1, l1) - z) / quadratic, after, z

    return oracle


SIZE = (2, 3)
W = {"weights": SIZE}
G = {"gradients": SIZE, "rate": RATE}
T = G | {"step": STEP}


def rule(function, oracle, slots, after):
    """A case of a rule: weights, slots (squares are positive), gradients, numbers."""
    operands = W | {name: positive(SIZE) if name in SQUARES else SIZE for name in slots} | after
    return told(function, "weights", *slots, oracle=oracle, **operands)


SQUARES = ("velocity", "largest", "accumulator", "accumulated", "moved", "norm")


class TestRules(CaseChecks):
    CASES = (
        told(optimize.Decay(0.3), "weights", weights=SIZE, rate=RATE,
             oracle=lambda w, rate: w * (1 - rate * 0.3)),
        rule(optimize.Descend(), descend(), (), G),
        rule(optimize.Descend(0.1, True), descend(0.1, True), (), G),
        rule(optimize.Momentum(0.9), momentum(0.9), ("buffer",), T),
        rule(optimize.Momentum(0.9, 0.5), momentum(0.9, 0.5), ("buffer",), T),
        rule(optimize.Momentum(0.9, 0.5), momentum(0.9, 0.5), ("buffer",), T | {"step": FIRST}),
        rule(optimize.Momentum(0.9, 0.0, True, 0.1, True), momentum(0.9, 0.0, True, 0.1, True),
             ("buffer",), T),
        told(optimize.Velocity(0.9), "weights", "velocity", weights=SIZE, velocity=SIZE, **G,
             oracle=velocity(0.9)),
        told(optimize.Velocity(0.9, True), "weights", "velocity", weights=SIZE, velocity=SIZE, **G,
             oracle=velocity(0.9, True)),
        rule(adam.Adam(0.9, 0.99, 1e-3), adam_oracle(0.9, 0.99, 1e-3), ("momentum", "velocity"), T),
        rule(adam.Adam(0.9, 0.99, 1e-3, True, 0.1, True),
             adam_oracle(0.9, 0.99, 1e-3, True, 0.1, True), ("momentum", "velocity"), T),
        rule(adam.AMSGrad(0.9, 0.99, 1e-3, True), adam_oracle(0.9, 0.99, 1e-3, True),
             ("momentum", "velocity", "largest"), T),
        rule(adam.Nadam(0.9, 0.99, 1e-3), nadam(0.9, 0.99, 1e-3), ("momentum", "velocity"), T),
        rule(adam.Adamax(0.9, 0.99, 1e-3), adamax(0.9, 0.99, 1e-3), ("momentum", "norm"), T),
        rule(adam.Lion(0.9, 0.99), lion(0.9, 0.99), ("momentum",), G),
        rule(adagrad.RMSprop(0.9, 1e-3), rmsprop(0.9, 1e-3), ("velocity",), G),
        rule(adagrad.RMSprop(0.9, 1e-3, True, 0.0, 0.1, True),
             rmsprop(0.9, 1e-3, True, 0.0, 0.1, True), ("velocity",), G),
        *(
            case_
            for inner in (False, True)
            for case_ in (
                rule(adagrad.RMSpropMomentum(0.9, 1e-3, inner, 0.8), rmsprop(0.9, 1e-3, inner, 0.8),
                     ("velocity", "buffer"), G),
                told(adagrad.CenteredRMSprop(0.9, 1e-3, inner), "weights", "velocity", "average",
                     weights=SIZE, velocity=between(SIZE, 2, 3), average=between(SIZE, -1, 1), **G,
                     oracle=rmsprop(0.9, 1e-3, inner, centered=True)),
                told(adagrad.CenteredRMSpropMomentum(0.9, 1e-3, inner, 0.8), "weights", "velocity",
                     "buffer", "average", weights=SIZE, velocity=between(SIZE, 2, 3), buffer=SIZE,
                     average=between(SIZE, -1, 1), **G,
                     oracle=rmsprop(0.9, 1e-3, inner, 0.8, centered=True)),
            )
        ),
        rule(adagrad.Adagrad(1e-3), adagrad_oracle(1e-3), ("accumulator",), T),
        rule(adagrad.Adagrad(1e-3, True, 0.2, 0.1, True),
             adagrad_oracle(1e-3, True, 0.2, 0.1, True), ("accumulator",), T),
        rule(adagrad.Adadelta(0.9, 1e-3), adadelta(0.9, 1e-3), ("accumulated", "moved"), G),
        rule(adagrad.Ftrl(0.5), ftrl(0.5, 0, 0, 0, 0), ("accumulator", "linear"), G),
        rule(adagrad.Ftrl(0.3, 0.1, 0.2, 0.05, 0.4), ftrl(0.3, 0.1, 0.2, 0.05, 0.4),
             ("accumulator", "linear"), G),
    )  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [optimize.BLOCK - 1, optimize.BLOCK, 2 * optimize.BLOCK + 7])
def test_blocks_change_nothing(size: int, dtype: str) -> None:
    """Arrays longer than a block give bit for bit what their parts give."""
    draw = np.random.default_rng(size)
    whole = [graftgrad.tensor(draw.uniform(0.5, 2, size), dtype) for _ in range(4)]
    parts = [[x[:9].clone() for x in whole], [x[9:].clone() for x in whole]]
    rate, step = graftgrad.tensor(0.1, "float64"), graftgrad.tensor(3.0, "float64")
    function = adam.Adam(0.9, 0.999, 1e-8, True, 0.01)
    function(*whole, rate, step)
    for part in parts:
        function(*part, rate, step)
    for x, first, last in zip(whole, *parts, strict=True):
        np.testing.assert_array_equal(x.numpy(), np.concatenate([first.numpy(), last.numpy()]))


def test_rules_refuse_what_is_unlike() -> None:
    w, g = graftgrad.zeros(3), graftgrad.zeros(4)
    rate = graftgrad.tensor(0.1, "float64")
    with pytest.raises(ShapeError, match=r"one shape; got shapes=\[\(3,\), \(4,\)\]"):
        optimize.Descend()(w, g, rate)
    with pytest.raises(DTypeError, match="float32"):
        optimize.Descend()(w, graftgrad.zeros(3, dtype="float64"), rate)
    with pytest.raises(ShapeError, match="must be numbers"):
        optimize.Descend()(w, w.clone(), graftgrad.zeros(1, dtype="float64"))


def test_weights_of_a_graph_are_refused_while_it_is_recorded() -> None:
    w = graftgrad.zeros(3).requires_grad_()
    with pytest.raises(GradientError, match="weights must not be part of a graph"):
        optimize.Decay(0.1)(w, graftgrad.tensor(0.1))
    before = w.version
    with modes.no_grad():
        optimize.Decay(0.1)(w, graftgrad.tensor(0.1))
    assert w.version == before + 1


def test_half_precision_is_summed_in_single() -> None:
    x = graftgrad.full((4096,), 4.0, "float16")
    found = update.sum_of_squares(x)
    assert found.dtype == np.float32
    assert float(found) == 65536.0


def test_overflow_shows_in_the_values_and_does_not_warn() -> None:
    w = graftgrad.full((3,), 3e38)
    optimize.Descend()(w, graftgrad.full((3,), -3e38), graftgrad.tensor(5.0))
    assert np.isinf(w.numpy()).all()
