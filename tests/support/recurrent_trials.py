"""Recurrent networks at random, on which bodies are compared."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graftgrad.function import Function
from graftgrad.kernel import Reference
from graftgrad.ops.gru import GRU, GRUGrad
from graftgrad.ops.lstm import LSTM, LSTMGrad
from support.kernels import Random, Trial, call_of, integer, normal, ran


def sizes(random: Random) -> list[int]:
    """Samples, steps, features and units, every other time as one walk takes them."""
    n, t, d, u = (integer(random, 1, most) for most in (5, 6, 9, 20))
    return [n, t, d, u] if random.random() < 0.5 else [3 * n, t, d, 16 * -(-u // 7)]


def lstm(random: Random) -> Trial:
    """Sequences, both states, kernels and bias; sometimes a mask."""
    n, t, d, u = sizes(random)
    masked = random.random() < 0.2
    mask = random.random((n, t)) < 0.7 if masked else np.zeros(0, bool)
    ins = (
        *(normal(random, n, t, d), normal(random, n, u), normal(random, n, u)),
        *(normal(random, d, 4 * u) / 2, normal(random, u, 4 * u) / 2, normal(random, 4 * u), mask),
    )
    return LSTM(bool(random.random() < 0.5)), ins


def lstm_grad(random: Random) -> Trial:
    made, ins = lstm(random)
    x, h, c, w, r, _, mask = ins
    call = call_of(made, ins)
    y, hn, cn, gates, cells = ran(Reference(call), call, ins)
    slopes = [normal(random, *a.shape) for a in (y, hn, cn)]
    of_x = bool(random.random() < 0.7)
    return LSTMGrad(made.reverse, of_x), (*slopes, x, h, c, w, r, mask, y, gates, cells)


def gru(random: Random) -> Trial:
    """Sequences, the state, kernels and bias; sometimes a mask, or the other form."""
    n, t, d, u = (integer(random, 1, most) for most in (5, 6, 9, 20))
    masked, reset_after = random.random() < 0.2, bool(random.random() < 0.8)
    mask = random.random((n, t)) < 0.7 if masked else np.zeros(0, bool)
    bias = normal(random, 2, 3 * u) if reset_after else normal(random, 3 * u)
    w, r = normal(random, d, 3 * u) / 2, normal(random, u, 3 * u) / 2
    made = GRU(reset_after, bool(random.random() < 0.5))
    return made, (normal(random, n, t, d), normal(random, n, u), w, r, bias, mask)


def gru_grad(random: Random) -> Trial:
    made, ins = gru(random)
    x, h, w, r, _, mask = ins
    call = call_of(made, ins)
    y, hn, gates, inner = ran(Reference(call), call, ins)
    gradient = GRUGrad(made.reset_after, made.reverse, bool(random.random() < 0.7))
    slopes = normal(random, *y.shape), normal(random, *hn.shape)
    return gradient, (*slopes, x, h, w, r, mask, y, gates, inner)


RECURRENT: dict[type[Function], Callable[[Random], Trial]] = {
    LSTM: lstm,
    LSTMGrad: lstm_grad,
    GRU: gru,
    GRUGrad: gru_grad,
}
