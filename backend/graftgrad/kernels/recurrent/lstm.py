"""Long short-term memory: products by oneDNN, the cell of each step in machine code of its own.

The gates lie as the op keeps them, time first, so either body can follow the other.
"""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import Any

import numpy as np

from ...errors import LibraryError
from ...kernel import Arrays, Call, Kernel, kernel
from ...ops.lstm import LSTM, LSTMGrad
from ...ops.steps import steps
from ...spec import Spec
from ..native.functions import FUNCTIONS
from ..native.program import Program, Value
from ..onednn.memory import row_major
from .sequence import Lie, Run, Sequence, cell_of, copy, parts, product, sigmoid, sizes_of


def _forward_cell(p: Program, z: Several[Value]) -> dict[int, Value]:
    """From what goes into the gates and the cell before: gates, cell, state."""
    tanh = FUNCTIONS["tanh"]
    i, f, g, o = sigmoid(p, z[0]), sigmoid(p, z[1]), tanh(p, z[2]), sigmoid(p, z[3])
    cell = f * z[4] + i * g
    return dict(enumerate((i, f, g, o, cell, o * tanh(p, cell)), 5))


def _backward_cell(p: Program, v: Several[Value]) -> dict[int, Value]:
    """From gates, cell, the cell before, and slopes of y, h, c: slopes of the gates and of c."""
    i, f, g, o, cell, before, gy, gh, gc = v[:9]
    slope, bent = gh + gy, FUNCTIONS["tanh"](p, cell)
    inner = gc + slope * o * (1.0 - bent * bent)
    return dict(
        enumerate(
            (
                inner * g * (i * (1.0 - i)),
                inner * before * (f * (1.0 - f)),
                inner * i * (1.0 - g * g),
                slope * bent * (o * (1.0 - o)),
                inner * f,
            ),
            9,
        )
    )


@kernel(LSTM, on="cpu")
def lstm(call: Call) -> Kernel | None:
    """Offer the network over sequences without a mask."""
    sizes = sizes_of(call, call.ins[0], call.ins[1])
    if sizes is None or call.ins[6].ndim == 2:
        return None
    try:
        return _lstm(call, *sizes)
    except LibraryError:
        return None


def _lstm(call: Call, n: int, t: int, d: int, u: int) -> Kernel:
    function: Any = call.function
    wide = (n, t, d, 4 * u)
    by_time = Lie((t, n, d), (d, t * d, 1))
    w, r = Lie((1, d, wide[3]), row_major((1, d, wide[3]))), Lie((u, wide[3]), (wide[3], 1))
    gates = Lie((t, n, wide[3]), row_major((t, n, wide[3])))
    of_step, state = Lie((n, wide[3]), (wide[3], 1)), Lie((n, u), (u, 1))
    within_y = Lie((n, u), (t * u, 1))
    project = product(call, by_time, w, gates, biased=True)
    first = product(call, state, r, of_step, accumulate=True)
    later = product(call, within_y, r, of_step, accumulate=True)
    last_h, last_c = copy(call, within_y, state), copy(call, state, state)
    cell = cell_of(call, n, u, 5, 6, _forward_cell)
    order = steps(t, function.reverse)

    def runs(ins: Arrays, outs: Arrays, between: Arrays) -> list[Run]:
        x, h, c, kernel_x, kernel_h, b, _ = ins
        y, hn, cn, kept, cells = outs
        found = [Run(project, (x, kernel_x, b), (kept,))]
        inner = first
        for step in order:
            gate, state_now = parts(kept[step], u), y[:, step]
            found.append(Run(inner, (h, kernel_h), (kept[step],)))
            found.append(Run(cell, (*gate, c), (*gate, cells[step], state_now)))
            h, c, inner = state_now, cells[step], later
        found.append(Run(last_h, (h,), (hn,)))
        found.append(Run(last_c, (c,), (cn,)))
        return found

    return Sequence(call, [project, first, later, last_h, last_c], (), runs)


@kernel(LSTMGrad, on="cpu")
def lstm_grad(call: Call) -> Kernel | None:
    """Offer its gradients over sequences without a mask."""
    sizes = sizes_of(call, call.ins[3], call.ins[4])
    if sizes is None or call.ins[8].ndim == 2:
        return None
    try:
        return _lstm_grad(call, *sizes)
    except LibraryError:
        return None


def _lstm_grad(call: Call, n: int, t: int, d: int, u: int) -> Kernel:
    function: Any = call.function
    width, rows, order = 4 * u, t * n, steps(t, function.reverse)
    all_steps = Lie((rows, width), (width, 1))
    state, of_step = Lie((n, u), (u, 1)), Lie((n, width), (width, 1))
    start, cell = copy(call, state, state), cell_of(call, n, u, 9, 5, _backward_cell)
    r = Lie((u, width), (width, 1))
    back = product(call, of_step, r.turned(), state)
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
        gy, ghn, gcn, x, h, c, kernel_x, kernel_h, _, y, gates, cells = ins
        gx, gh, gc, gw, gr, gb = outs
        slopes, x_by_time, before = between
        found = [Run(start, (ghn,), (gh,)), Run(start, (gcn,), (gc,))]
        for place in range(t - 1, -1, -1):
            step = order[place]
            c_before = cells[order[place - 1]] if place else c
            given = (*parts(gates[step], u), cells[step], c_before, gy[:, step], gh, gc)
            found.append(Run(cell, given, (*parts(slopes[step], u), gc)))
            found.append(Run(back, (slopes[step], kernel_h), (gh,)))
        found.append(Run(inputs, (x,), (x_by_time,)))
        found.append(Run(of_w, (x_by_time, slopes), (gw,)))
        if t > 1:  # the state that each step began with
            early, since = (slice(1, None), before) if function.reverse else (slice(-1), before[1:])
            found.append(Run(states, (y[:, early],), (since,)))
        found.append(Run(start, (h,), (before[order[0]],)))
        found.append(Run(of_r, (before, slopes), (gr,)))
        found.append(Run(of_b, (ones, slopes), (gb,)))
        if function.of_x:
            found.append(Run(of_x, (slopes, kernel_x), (gx,)))
        return found

    between = (Spec((t, n, width)), Spec((t, n, d)), Spec((t, n, u)))
    return Sequence(call, kernels, between, runs)
