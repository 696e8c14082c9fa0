"""Attention as a sequence of products by oneDNN and passes in machine code of its own.

The weights of all heads are held at once, where they are few enough; else, with masks and with
shared heads, the reference body computes them block by block.
"""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import Any

import numpy as np

from ...errors import LibraryError
from ...kernel import Arrays, Call, Kernel, choose, kernel
from ...ops.attention import Attention, AttentionGrad
from ...ops.reduce import Sum
from ...ops.softmax import LogSumExp
from ...spec import Shape, Spec, float32
from ..native.elementwise import Write, offer
from ..native.functions import FUNCTIONS
from ..native.program import Program, Value
from ..native.vectors import SINGLE
from ..onednn.library import available
from ..onednn.memory import row_major
from ..recurrent.sequence import Lie, Run, Sequence, product

MOST = 1 << 25  # bytes of all weights at once


class Sizes:
    """Samples, queries, keys, heads, features of keys and of values, and how arrays lie."""

    def __init__(self, q: Spec, k: Spec, v: Spec) -> None:
        self.n, self.t, self.s, self.d = q.shape
        self.u, self.e = k.shape[1], v.shape[3]
        self.whole = (self.n, self.s, self.t, self.u)
        self.weights = Lie(self.whole, row_major(self.whole))

    def heads(self, steps: int, features: int) -> Lie:
        """Return (N, T, S, D) as (N, S, T, D)."""
        width = self.s * features
        return Lie((self.n, self.s, steps, features), (steps * width, features, width, 1))


def _sizes(call: Call, q: Spec, k: Spec, v: Spec, mask: Spec) -> Sizes | None:
    """Return the sizes, or None where the call does not fit."""
    real = [spec for spec in (*call.ins, *call.outs) if spec is not mask]
    plain = all(spec.dtype == float32 and spec.contiguous and spec.size for spec in real)
    if not plain or mask.shape != (0,) or q.shape[2] != k.shape[2] or not available():
        return None
    found = Sizes(q, k, v)
    return found if Spec(found.whole).nbytes <= MOST else None


def _pass(call: Call, ins: Several[Shape], out: Shape, write: Write) -> Kernel:
    """Return a pass over arrays that stretch to one shape.

    Raises:
        LibraryError: machine code cannot be made here.
    """
    specs = tuple([Spec(shape, float32, False) for shape in ins])
    asked = Call(call.function, specs, (Spec(out, float32, False),), call.device)
    made = offer(asked, [SINGLE] * (len(ins) + 1), write)
    if made is None:
        raise LibraryError("attention: machine code must be possible; got none.")
    return made


def _hidden(function: Any, sizes: Sizes) -> Any:
    """Return what is added to the scores, (T, U): −∞ where a query must not look."""
    late = np.arange(sizes.t)[:, None] < np.arange(sizes.u)
    return np.where(late & function.causal, -np.inf, 0).astype(np.float32)


@kernel(Attention, on="cpu")
def attention(call: Call) -> Kernel | None:
    """Offer attention without a mask, of as many heads of keys as of queries."""
    sizes = _sizes(call, *call.ins)
    try:
        return None if sizes is None else _attention(call, sizes)
    except LibraryError:
        return None


def _attention(call: Call, z: Sizes) -> Kernel:
    function: Any = call.function
    q, k, v = z.heads(z.t, z.d), z.heads(z.u, z.d), z.heads(z.u, z.e)
    scores = product(call, q, k.turned(), z.weights)
    means = product(call, z.weights, v, z.heads(z.t, z.e))
    row = (*z.whole[:3], 1)

    def scaled(p: Program, x: Several[Value]) -> dict[int, Value]:
        return {2: x[0] * function.scale + x[1]}

    def weighed(p: Program, x: Several[Value]) -> dict[int, Value]:
        return {2: FUNCTIONS["exp"](p, x[0] - x[1])}

    scale = _pass(call, (z.whole, z.whole[2:]), z.whole, scaled)
    weigh = _pass(call, (z.whole, row), z.whole, weighed)
    whole = Spec(z.whole)
    level_of = choose(Call(LogSumExp((3,), True), (whole,), (Spec(row),), call.device))
    hidden = _hidden(function, z)

    def runs(ins: Arrays, outs: Arrays, between: Arrays) -> list[Run]:
        (y, level), (p, r) = outs, between
        rows = level.reshape(row)
        return [
            Run(scores, ins[:2], (p,)),
            Run(scale, (p, hidden), (r,)),
            Run(level_of, (r,), (rows,)),
            Run(weigh, (r, rows), (p,)),
            Run(means, (p, ins[2]), (y,)),
        ]

    return Sequence(call, [scores, means, level_of], (whole, whole), runs)


@kernel(AttentionGrad, on="cpu")
def attention_grad(call: Call) -> Kernel | None:
    """Offer its gradients."""
    sizes = _sizes(call, *call.ins[1:5])
    try:
        return None if sizes is None else _attention_grad(call, sizes)
    except LibraryError:
        return None


def _attention_grad(call: Call, z: Sizes) -> Kernel:
    function: Any = call.function
    q, k, v = z.heads(z.t, z.d), z.heads(z.u, z.d), z.heads(z.u, z.e)
    y, p = z.heads(z.t, z.e), z.weights
    scores, to_v = product(call, q, k.turned(), p), product(call, p.turned(), y, v)
    pulls = product(call, y, v.turned(), p)
    to_q, to_k = product(call, p, k, q), product(call, p.turned(), q, k)
    row, like_y = (*z.whole[:3], 1), (z.n, z.t, z.s, z.e)

    def weighed(p: Program, x: Several[Value]) -> dict[int, Value]:
        return {3: FUNCTIONS["exp"](p, x[0] * function.scale + x[1] - x[2])}

    def times(p: Program, x: Several[Value]) -> dict[int, Value]:
        return {2: x[0] * x[1]}

    def sloped(p: Program, x: Several[Value]) -> dict[int, Value]:
        return {3: (x[0] - x[1]) * x[2] * function.scale}

    weigh = _pass(call, (z.whole, z.whole[2:], row), z.whole, weighed)
    along = _pass(call, (like_y, like_y), like_y, times)
    slope = _pass(call, (z.whole, row, z.whole), z.whole, sloped)
    flat = choose(Call(Sum((3,)), (Spec(like_y),), (Spec(like_y[:3]),), call.device))
    hidden = _hidden(function, z)

    def runs(ins: Arrays, outs: Arrays, between: Arrays) -> list[Run]:
        gy, one, other, values, _, found, level = ins
        gq, gk, gv = outs
        first, second, beside, totals = between
        rows, means = level.reshape(row), totals.transpose(0, 2, 1)[..., None]
        return [
            Run(scores, (one, other), (second,)),
            Run(weigh, (second, hidden, rows), (first,)),
            Run(to_v, (first, gy), (gv,)),
            Run(along, (gy, found), (beside,)),
            Run(flat, (beside,), (totals,)),
            Run(pulls, (gy, values), (second,)),
            Run(slope, (second, means, first), (first,)),
            Run(to_q, (first, other), (gq,)),
            Run(to_k, (first, one), (gk,)),
        ]

    whole = Spec(z.whole)
    between = (whole, whole, Spec(like_y), Spec(like_y[:3]))
    return Sequence(call, [scores, to_v, pulls, to_q, to_k, flat], between, runs)
