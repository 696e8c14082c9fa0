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
from ..native.functions import FUNCTIONS, logistic
from ..native.program import Program, Value
from ..onednn.memory import row_major
from .sequence import Lie, Run, Sequence, cell_of, copy, parts, product, sizes_of
from .walk import Cell, Product, Walked, panels, walk


def _forward(p: Program, z: Several[Value], c: Value) -> tuple[Value, ...]:
    """From what goes into the gates and the cell before: gates, cell, state."""
    tanh = FUNCTIONS["tanh"]
    i, f, g, o = logistic(p, z[0]), logistic(p, z[1]), tanh(p, z[2]), logistic(p, z[3])
    cell = f * c + i * g
    return i, f, g, o, cell, o * tanh(p, cell)


def _forward_cell(p: Program, v: Several[Value]) -> dict[int, Value]:
    return dict(enumerate(_forward(p, v[:4], v[4]), 5))


def _forward_walk(p: Program, v: Several[Value]) -> Several[Value]:
    """From both products, each in four parts, and the cell before: cell and state twice."""
    *gates, cell, state = _forward(p, [v[k] + v[k + 4] for k in range(4)], v[8])
    return *gates, cell, cell, state, state


def _backward(p: Program, v: Several[Value]) -> tuple[Value, ...]:
    """From gates, cell, the cell before, and slopes of y, h, c: slopes of the gates and of c."""
    i, f, g, o, cell, before, gy, gh, gc = v[:9]
    slope, bent = gh + gy, FUNCTIONS["tanh"](p, cell)
    inner = gc + slope * o * (1.0 - bent * bent)
    return (
        inner * g * (i * (1.0 - i)),
        inner * before * (f * (1.0 - f)),
        inner * i * (1.0 - g * g),
        slope * bent * (o * (1.0 - o)),
        inner * f,
    )


def _backward_cell(p: Program, v: Several[Value]) -> dict[int, Value]:
    return dict(enumerate(_backward(p, v), 9))


def _backward_walk(p: Program, v: Several[Value]) -> Several[Value]:
    """From the same and the state before: slopes of the gates twice, of c, and that state."""
    *gates, of_c = _backward(p, v)
    return *gates, *gates, of_c, v[9]


@kernel(LSTM, on="cpu")
def lstm(call: Call) -> Kernel | None:
    """Offer the network over sequences without a mask."""
    sizes = sizes_of(call, call.ins[0], call.ins[1])
    if sizes is None or call.ins[6].ndim == 2:
        return None
    for build in (_lstm_walk, _lstm):
        try:
            return build(call, *sizes)
        except LibraryError:
            continue
    return None


def _lstm_walk(call: Call, n: int, t: int, d: int, u: int) -> Kernel:
    function: Any = call.function
    width, order = 4 * u, steps(t, function.reverse)
    on, begin = order[1] - order[0] if t > 1 else 0, order[0]
    arrays = (
        Walked(t * width, begin * width, on * width),  # the inputs' products
        Walked(width),  # the state's
        Walked(width, begin * n * width, on * n * width),  # gates
        Walked(u),  # c, which becomes the last one
        Walked(u, begin * n * u, on * n * u),  # cells
        Walked(t * u, begin * u, on * u),  # y
        Walked(u),  # h, which becomes the last one
        Walked(0),
    )
    four = [k * u for k in range(4)]
    ins = (*[(0, at) for at in four], *[(1, at) for at in four], (3, 0))
    outs = (*[(2, at) for at in four], (3, 0), (4, 0), (5, 0), (6, 0))
    along = walk(call, "lstm", Cell(_forward_walk, u, ins, outs),
                 Product(6, 7, 1, u, width, True), arrays, n, t)  # fmt: skip
    flat, state = Lie((n * t, width), (width, 1)), Lie((n, u), (u, 1))
    project = product(call, Lie((n * t, d), (d, 1)), Lie((d, width), (width, 1)), flat, biased=True)
    start, pack = copy(call, state, state), panels(call, u, width, turned=False)

    def runs(ins: Arrays, outs: Arrays, between: Arrays) -> list[Run]:
        x, h, c, kernel_x, kernel_h, b, _ = ins
        y, hn, cn, kept, cells = outs
        projected, inner, packed = between
        return [
            Run(project, (x, kernel_x, b), (projected,)),
            Run(pack, (kernel_h,), (packed,)),
            Run(start, (h,), (hn,)),
            Run(start, (c,), (cn,)),
            Run(along, (projected, inner, kept, cn, cells, y, hn, packed), ()),
        ]

    between = (Spec((n, t, width)), Spec((n, width)), Spec((u, width)))
    return Sequence(call, [project, start, pack], between, runs)


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
    for build in (_lstm_grad_walk, _lstm_grad):
        try:
            return build(call, *sizes)
        except LibraryError:
            continue
    return None


def _lstm_grad_walk(call: Call, n: int, t: int, d: int, u: int) -> Kernel:
    function: Any = call.function
    width, rows, order = 4 * u, t * n, steps(t, function.reverse)[::-1]
    on = order[1] - order[0] if t > 1 else 0
    begin, earlier = order[0], order[min(1, t - 1)]
    arrays = (
        Walked(width, begin * n * width, on * n * width),  # gates
        Walked(u, begin * n * u, on * n * u),  # cells
        Walked(u, earlier * n * u, on * n * u, last=8),  # the cells before
        Walked(t * u, begin * u, on * u),  # slopes of y
        Walked(u),  # slopes of h
        Walked(u),  # slopes of c
        Walked(t * width, begin * width, on * width),  # slopes of the gates
        Walked(width),  # those of this step
        Walked(u),
        Walked(t * u, earlier * u, on * u, last=10),  # the states before, read
        Walked(u),
        Walked(t * u, begin * u, on * u),  # and written
        Walked(0),
    )
    four = [k * u for k in range(4)]
    ins = (*[(0, at) for at in four], *[(k, 0) for k in range(1, 6)], (9, 0))
    outs = (*[(6, at) for at in four], *[(7, at) for at in four], (5, 0), (11, 0))
    along = walk(call, "lstm grad", Cell(_backward_walk, u, ins, outs),
                 Product(7, 12, 4, width, u, False), arrays, n, t)  # fmt: skip
    wide, state = Lie((rows, width), (width, 1)), Lie((n, u), (u, 1))
    start, pack = copy(call, state, state), panels(call, width, u, turned=True)
    w = Lie((d, width), (width, 1))
    of_w = product(call, Lie((rows, d), (d, 1)).turned(), wide, w)
    of_r = product(call, Lie((rows, u), (u, 1)).turned(), wide, Lie((u, width), (width, 1)))
    of_b = product(call, Lie((1, rows), (rows, 1)), wide, Lie((1, width), (width, 1)))
    of_x = product(call, wide, w.turned(), Lie((rows, d), (d, 1)))
    ones = np.ones(rows, np.float32)

    def runs(ins: Arrays, outs: Arrays, between: Arrays) -> list[Run]:
        gy, ghn, gcn, x, h, c, kernel_x, kernel_h, _, y, gates, cells = ins
        gx, gh, gc, gw, gr, gb = outs
        slopes, of_step, before, packed = between
        walked = (gates, cells, cells, gy, gh, gc, slopes, of_step, c, y, h, before, packed)
        found = [
            Run(start, (ghn,), (gh,)),
            Run(start, (gcn,), (gc,)),
            Run(pack, (kernel_h,), (packed,)),
            Run(along, walked, ()),
            Run(of_w, (x, slopes), (gw,)),
            Run(of_r, (before, slopes), (gr,)),
            Run(of_b, (ones, slopes), (gb,)),
        ]
        if function.of_x:
            found.append(Run(of_x, (slopes, kernel_x), (gx,)))
        return found

    between = (Spec((n, t, width)), Spec((n, width)), Spec((n, t, u)), Spec((u, width)))
    return Sequence(call, [start, pack, of_w, of_r, of_b, of_x], between, runs)


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
