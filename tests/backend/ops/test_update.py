"""Changes in place and the update rules, against formulas written out naively in NumPy."""

import math

import numpy as np
import pytest

import graftgrad
from graftgrad import modes, ops
from graftgrad.errors import DTypeError, GradientError, ShapeError
from graftgrad.ops import adagrad, adam, layerwise, optimize, schedule_free, update
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


def radam(b1, b2, epsilon):
    def oracle(w, m, v, g, rate, step):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        mean = m / (1 - b1**step)
        longest = 2 / (1 - b2) - 1
        rho = longest - 2 * step * b2**step / (1 - b2**step)
        if rho <= 5:
            return w - rate * mean, m, v
        part = (rho - 4) * (rho - 2) * longest / ((longest - 4) * (longest - 2) * rho)
        return w - rate * mean * np.sqrt(part * (1 - b2**step)) / (np.sqrt(v) + epsilon), m, v

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


def lamb(shapes, b1, b2, epsilon):
    def oracle(w, m, v, g, rate, step):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        u = m / (1 - b1**step) / (np.sqrt(v / (1 - b2**step)) + epsilon)
        lengths = [(np.linalg.norm(a), np.linalg.norm(b)) for a, b in zip(
            pieces(w, shapes), pieces(u, shapes), strict=True)]  # fmt: skip
        moves = [rate * (a / b if a and b else 1) * one.reshape(-1) for one, (a, b) in zip(
            pieces(u, shapes), lengths, strict=True)]  # fmt: skip
        return w - np.concatenate(moves), m, v

    return oracle


def pieces(x, shapes):
    bounds = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
    return [one.reshape(s) for one, s in zip(np.split(x, bounds), shapes, strict=True)]


def adafactor(shapes, decay, floor, least, most):
    def oracle(w, r, c, v, g, rate, step):
        after = [np.array(one) for one in (w, r, c, v)]
        part, start = step**decay, 0
        for shape, one, grad in zip(shapes, pieces(w, shapes), pieces(g, shapes), strict=True):
            stop = start + one.size
            if stop == start:
                continue
            squares = grad**2 + floor
            if len(shape) < 2:
                found = (1 - part) * v[start:stop].reshape(shape) + part * squares
            else:
                means = [squares.mean(-1), squares.mean(-2)]
                for slot, old, mean in zip(after[1:3], (r, c), means, strict=True):
                    held = old[start : start + mean.size].reshape(mean.shape)
                    slot[start : start + mean.size] = ((1 - part) * held + part * mean).reshape(-1)
                a, b = (slot[start : start + mean.size].reshape(mean.shape)
                        for slot, mean in zip(after[1:3], means, strict=True))  # fmt: skip
                found = np.einsum("...i,...j->...ij", a / a.mean(-1, keepdims=True), b)
            u = grad / np.sqrt(found)
            u = u / max(1, np.sqrt((u**2).mean()) / most)
            length = max(least, np.sqrt((one**2).mean())) * min(rate, 1 / np.sqrt(step))
            after[0][start:stop] = (one - length * u).reshape(-1)
            after[3][start:stop] = found.reshape(-1)
            start = stop
        return after

    return oracle


def muon(shapes, matrices, mu, nesterov, steps, rms):
    def oracle(w, m, v, g, rate, step):
        after, start = [np.array(one) for one in (w, m, v)], 0
        for shape, matrix in zip(shapes, matrices, strict=True):
            part = slice(start, start + math.prod(shape))
            one, grad = m[part].reshape(shape), g[part].reshape(shape)
            if matrix:
                one = mu * one + grad
                x = grad + mu * one if nesterov else one
                x = x / (np.linalg.norm(x) + 1e-7)
                for _ in range(steps):
                    x = 3.0 * x - 4.0 * x @ x.T @ x + 2.0 * (x @ x.T) @ (x @ x.T) @ x
                move = x * (1.0 if rms is None else rms * np.sqrt(max(shape)))
            else:
                one = 0.9 * one + 0.1 * grad
                square = 0.99 * v[part].reshape(shape) + 0.01 * grad**2
                after[2][part] = square.reshape(-1)
                root = np.sqrt(square / (1 - 0.99**step)) + 1e-3 / np.sqrt(1 - 0.99**step)
                move = 0.5 * one / (1 - 0.9**step) / root
            after[1][part] = one.reshape(-1)
            after[0][part] = w[part] - rate * move.reshape(-1)
            start = part.stop
        return after

    return oracle


def free_of_schedules(b1, b2, epsilon, warmup):
    def oracle(w, z, v, g, rate, step):
        x = (w - (1 - b1) * z) / b1
        v = b2 * v + (1 - b2) * g**2
        now = rate * (min(step / warmup, 1) if warmup else 1)
        z = z - now * g / (np.sqrt(v / (1 - b2**step)) + epsilon)
        x = (1 - 1 / step) * x + z / step
        return (1 - b1) * z + b1 * x, z, v

    return oracle


SIZE = (2, 3)
W = {"weights": SIZE}
G = {"gradients": SIZE, "rate": RATE}
T = G | {"step": STEP}


def rule(function, oracle, slots, after):
    """A case of a rule: weights, slots (squares are positive), gradients, numbers."""
    operands = W | {name: positive(SIZE) if name in SQUARES else SIZE for name in slots} | after
    return told(function, "weights", *slots, oracle=oracle, **operands)


def layered(function, oracle, slots, size):
    """A case of a rule that knows the shapes of the weights in a flat run."""
    operands = {"weights": (size,)} | {
        name: positive(size) if name in ("velocity", "rows", "columns") else (size,)
        for name in slots
    }
    operands |= {"gradients": (size,), "rate": RATE, "step": STEP}
    return told(function, "weights", *slots, oracle=oracle, **operands)


MIXED = ((2, 3), (4,), (2, 2, 2), (0, 3), ())
BOTH = ((3, 2), (4,), (2, 3))
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
        rule(adam.RAdam(0.9, 0.99, 1e-3), radam(0.9, 0.99, 1e-3), ("momentum", "velocity"),
             T | {"step": FIRST}),
        rule(adam.RAdam(0.9, 0.99, 1e-3), radam(0.9, 0.99, 1e-3), ("momentum", "velocity"),
             T | {"step": np.array(40)}),
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
        layered(layerwise.Lamb(MIXED, 0.9, 0.99, 1e-3), lamb(MIXED, 0.9, 0.99, 1e-3),
                ("momentum", "velocity"), 19),
        layered(layerwise.Adafactor(MIXED, -0.8, 1e-30, 1e-3, 1.0),
                adafactor(MIXED, -0.8, 1e-30, 1e-3, 1.0), ("rows", "columns", "velocity"), 19),
        layered(layerwise.Muon(BOTH, (True, False, True), 0.9, True, 3, 3.0, -4.0, 2.0, 0.2, 0.9,
                               0.99, 1e-3, 0.5),
                muon(BOTH, (True, False, True), 0.9, True, 3, 0.2), ("momentum", "velocity"), 16),
        layered(layerwise.Muon(BOTH, (True, False, False), 0.9, False, 2, 3.0, -4.0, 2.0, None, 0.9,
                               0.99, 1e-3, 0.5),
                muon(BOTH, (True, False, False), 0.9, False, 2, None), ("momentum", "velocity"),
                16),
        rule(schedule_free.ScheduleFree(0.9, 0.99, 1e-3), free_of_schedules(0.9, 0.99, 1e-3, 0),
             ("momentum", "velocity"), T),
        rule(schedule_free.ScheduleFree(0.8, 0.99, 1e-3, 9), free_of_schedules(0.8, 0.99, 1e-3, 9),
             ("momentum", "velocity"), T),
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


def test_whole_numbers_are_neither_scaled_nor_averaged() -> None:
    whole, real = graftgrad.zeros(3, dtype="int64"), graftgrad.zeros(3)
    for wrong in (
        lambda: update.scale(whole, 0.5),
        lambda: update.ema(whole, real, 0.9),
        lambda: update.clip_value(whole, 0.5),
    ):
        with pytest.raises(DTypeError, match="the target must have a floating dtype; got target="):
            wrong()
    with pytest.raises(DTypeError, match="a target of whole numbers takes values of its own elem"):
        update.accumulate(whole, real)


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


def test_shapes_of_whole_weights_are_checked() -> None:
    w, number = graftgrad.zeros(6), graftgrad.tensor(1.0)
    with pytest.raises(
        ShapeError, match=r"Lamb: shapes must fill the flat weights; got weights=\(6,"
    ):
        layerwise.Lamb(((2, 2),), 0.9, 0.99, 1e-3)(w, w, w, w, number, number)
    with pytest.raises(ShapeError, match=r"Muon: matrices must have two axes; got shape=\(6,\)"):
        layerwise.Muon(((6,),), (True,), 0.9, True, 3, 3.0, -4.0, 2.0, 0.2, 0.9, 0.99, 1e-3, 1.0)(
            w, w, w, w, number, number
        )
