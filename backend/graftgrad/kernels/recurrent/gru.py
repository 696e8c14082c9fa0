"""Gated recurrent units: products by oneDNN, the cell of each step in machine code of its own.

The form that resets before the product stays with the reference body.
"""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import Any

import numpy as np

from ...errors import LibraryError
from ...kernel import Arrays, Call, Kernel, kernel
from ...ops.gru import GRU, GRUGrad
from ...ops.steps import steps
from ...spec import Spec
from ..native.functions import FUNCTIONS, logistic
from ..native.program import Program, Value
from ..onednn.memory import row_major
from .sequence import Lie, Run, Sequence, cell_of, copy, parts, product, sizes_of


def _forward_cell(p: Program, v: Several[Value]) -> dict[int, Value]:
    """From both products, each in three parts, and the state before: gates, inner, state."""
    z, s, inner, before = logistic(p, v[0] + v[3]), logistic(p, v[1] + v[4]), v[5], v[6]
    g = FUNCTIONS["tanh"](p, v[2] + s * inner)
    return dict(enumerate((z, s, g, inner, (before - g) * z + g), 7))


def _backward_cell(p: Program, v: Several[Value]) -> dict[int, Value]:
    """From gates, inner, the state before, slopes of y and h: slopes of both products, and of h."""
    z, s, g, inner, before, gy, gh = v[:7]
    slope = gh + gy
    of_z = (before - g) * slope * (z * (1.0 - z))
    of_g = (1.0 - g * g) * (1.0 - z) * slope
    of_s = of_g * inner * (s * (1.0 - s))
    return dict(enumerate((of_z, of_s, of_g, of_z, of_s, of_g * s, slope * z), 7))


@kernel(GRU, on="cpu")
def gru(call: Call) -> Kernel | None:
    """Offer the network over sequences without a mask."""
    sizes = sizes_of(call, call.ins[0], call.ins[1])
    function: Any = call.function
    if sizes is None or call.ins[5].ndim == 2 or not function.reset_after:
        return None
    try:
        return _gru(call, *sizes)
    except LibraryError:
        return None


def _gru(call: Call, n: int, t: int, d: int, u: int) -> Kernel:
    function: Any = call.function
    width, order = 3 * u, steps(t, function.reverse)
    by_time = Lie((t, n, d), (d, t * d, 1))
    w, r = Lie((1, d, width), row_major((1, d, width))), Lie((u, width), (width, 1))
    of_step, state = Lie((n, width), (width, 1)), Lie((n, u), (u, 1))
    within_y = Lie((n, u), (t * u, 1))
    all_steps = Lie((t, n, width), row_major((t, n, width)))
    project = product(call, by_time, w, all_steps, biased=True)
    first = product(call, state, r, of_step, biased=True)
    later = product(call, within_y, r, of_step, biased=True)
    last = copy(call, within_y, state)
    cell = cell_of(call, n, u, 7, 5, _forward_cell)

    def runs(ins: Arrays, outs: Arrays, between: Arrays) -> list[Run]:
        x, h, kernel_x, kernel_h, b, _ = ins
        y, hn, gates, inner = outs
        (both,) = between
        found, following = [Run(project, (x, kernel_x, b[0]), (gates,))], first
        for step in order:
            gate, state_now = parts(gates[step], u), y[:, step]
            found.append(Run(following, (h, kernel_h, b[1]), (both,)))
            found.append(Run(cell, (*gate, *parts(both, u), h), (*gate, inner[step], state_now)))
            h, following = state_now, later
        found.append(Run(last, (h,), (hn,)))
        return found

    return Sequence(call, [project, first, later, last], (Spec((n, width)),), runs)


@kernel(GRUGrad, on="cpu")
def gru_grad(call: Call) -> Kernel | None:
    """Offer its gradients over sequences without a mask."""
    sizes = sizes_of(call, call.ins[2], call.ins[3])
    function: Any = call.function
    if sizes is None or call.ins[6].ndim == 2 or not function.reset_after:
        return None
    try:
        return _gru_grad(call, *sizes)
    except LibraryError:
        return None


def _gru_grad(call: Call, n: int, t: int, d: int, u: int) -> Kernel:
    function: Any = call.function
    width, rows, order = 3 * u, t * n, steps(t, function.reverse)
    all_steps = Lie((rows, width), (width, 1))
    state, of_step = Lie((n, u), (u, 1)), Lie((n, width), (width, 1))
    start, cell = copy(call, state, state), cell_of(call, n, u, 7, 7, _backward_cell)
    r = Lie((u, width), (width, 1))
    back = product(call, of_step, r.turned(), state, accumulate=True)
    inputs = copy(call, Lie((t, n, d), (d, t * d, 1)), Lie((t, n, d), row_major((t, n, d))))
    of_w = product(call, Lie((rows, d), (d, 1)).turned(), all_steps, Lie((d, width), (width, 1)))
    of_r = product(call, Lie((rows, u), (u, 1)).turned(), all_steps, r)
    of_b = product(call, Lie((1, rows), (rows, 1)), all_steps, Lie((1, width), (width, 1)))
    kernels: list[Kernel] = [start, back, inputs, of_w, of_r, of_b]
    if function.of_x:
        w = Lie((1, d, width), row_major((1, d, width))).turned()
        by_time = Lie((t, n, d), (d, t * d, 1))
        of_x = product(call, Lie((t, n, width), row_major((t, n, width))), w, by_time)
        kernels.append(of_x)
    if t > 1:
        late = (t - 1, n, u)
        states = copy(call, Lie(late, (u, t * u, 1)), Lie(late, row_major(late)))
        kernels.append(states)
    ones = np.ones(rows, np.float32)

    def runs(ins: Arrays, outs: Arrays, between: Arrays) -> list[Run]:
        gy, ghn, x, h, kernel_x, kernel_h, _, y, gates, inner = ins
        gx, gh, gw, gr, gb = outs
        slopes, pulled, x_by_time, before = between
        found = [Run(start, (ghn,), (gh,))]
        for place in range(t - 1, -1, -1):
            step = order[place]
            state_before = y[:, order[place - 1]] if place else h
            given = (*parts(gates[step], u), inner[step], state_before, gy[:, step], gh)
            of_both = (*parts(slopes[step], u), *parts(pulled[step], u))
            found.append(Run(cell, given, (*of_both, gh)))
            found.append(Run(back, (pulled[step], kernel_h), (gh,)))
        found.append(Run(inputs, (x,), (x_by_time,)))
        found.append(Run(of_w, (x_by_time, slopes), (gw,)))
        if t > 1:  # the state that each step began with
            early, since = (slice(1, None), before) if function.reverse else (slice(-1), before[1:])
            found.append(Run(states, (y[:, early],), (since,)))
        found.append(Run(start, (h,), (before[order[0]],)))
        found.append(Run(of_r, (before, pulled), (gr,)))
        found.append(Run(of_b, (ones, slopes), (gb[0],)))
        found.append(Run(of_b, (ones, pulled), (gb[1],)))
        if function.of_x:
            found.append(Run(of_x, (slopes, kernel_x), (gx,)))
        return found

    wide = Spec((t, n, width))
    return Sequence(call, kernels, (wide, wide, Spec((t, n, d)), Spec((t, n, u))), runs)
