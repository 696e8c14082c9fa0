"""Long short-term memory over whole sequences (Hochreiter and Schmidhuber 1997), and its gradient.

The gates come in Keras' order i, f, c, o. What all recurrent ops share stands in `steps`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .. import modes
from ..errors import expect
from ..function import Function, function
from ..spec import Spec
from .exponential import sigmoid, tanh
from .matmul import matmul, swapped
from .operand import cast
from .steps import (
    as_wide,
    by_gate,
    check_steps,
    chosen,
    flat,
    gathered,
    joined,
    of_bias_op,
    of_inputs,
    of_inputs_op,
    of_kernel,
    of_kernel_op,
    over_time,
    parts,
    projected,
    projected_op,
    slope_from,
    states_before,
    steps,
    widened,
)

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class LSTM(Function):
    """iₜ, fₜ, gₜ, oₜ of xₜ · w + hₜ₋₁ · r + b; cₜ = f · cₜ₋₁ + i · g; yₜ = hₜ = o · tanh(cₜ).

    i, f, o are sigmoids, g is a hyperbolic tangent. A step that the mask is false for carries both
    states over. `reverse` walks from the last step to the first; yₜ stays at its xₜ.
    """

    reverse: bool = False

    hidden: ClassVar[tuple[str, ...]] = ("gates", "cells")

    def infer(
        self, x: Spec, h: Spec, c: Spec, w: Spec, r: Spec, b: Spec, mask: Spec
    ) -> tuple[Spec, ...]:
        units = check_steps("lstm", x, {"h": h, "c": c}, w, r, 4, mask)
        expect(b.shape == (4 * units,), "lstm", "the bias must be (4 · U,)", bias=b, kernel=w)
        y = x.shaped(x.shape[0], x.shape[1], units)
        return y, h.like(), c.like(), over_time(x, 4 * units), over_time(x, units)

    def compute(
        self, xp: Any, x: Any, h: Any, c: Any, w: Any, r: Any, b: Any, mask: Any,
        y: Any, hn: Any, cn: Any, gates: Any, cells: Any,
    ) -> None:  # fmt: skip
        units = h.shape[1]
        x, h, c, w, r, b = widened(gates.dtype, x, h, c, w, r, b)
        # σ(z) = (1 + tanh(z / 2)) / 2, so that one tanh serves all gates
        scale = self._columns(xp, gates, (0.5, 0.5, 1.0, 0.5))
        shift = self._columns(xp, gates, (0.5, 0.5, 0.0, 0.5))
        projected(xp, x, w * scale, b * scale, gates)
        r = r * scale
        inner, fresh = xp.empty((len(h), 4 * units), r.dtype), xp.empty(h.shape, r.dtype)
        for t in steps(x.shape[1], self.reverse):
            z, cell = gates[t], cells[t]
            xp.matmul(h, r, out=inner)
            z += inner
            xp.tanh(z, out=z)
            z *= scale
            z += shift
            i, f, g, o = (z[:, k * units : (k + 1) * units] for k in range(4))
            xp.multiply(f, c, out=cell)
            xp.multiply(i, g, out=fresh)
            cell += fresh
            out = xp.tanh(cell)
            out *= o
            if mask.ndim == 2:
                left = ~mask[:, t, None]
                xp.copyto(cell, c, where=left)
                xp.copyto(out, h, where=left)
            y[:, t] = out
            h, c = out, cell
        hn[...] = h
        cn[...] = c

    @staticmethod
    def _columns(xp: Any, like: Any, values: tuple[float, ...]) -> Any:
        return by_gate(xp, values, like.shape[2] // len(values), like.dtype)

    def grads(
        self, gy: Tensor, ghn: Tensor, gcn: Tensor, x: Tensor, h: Tensor, c: Tensor, w: Tensor,
        r: Tensor, b: Tensor, mask: Tensor, y: Tensor, gates: Tensor, cells: Tensor,
        wanted: tuple[bool, ...],
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        if modes.recording():
            return (*differentiable(self.reverse, gy, ghn, gcn, x, h, c, w, r, b, mask), None)
        fused = LSTMGrad(self.reverse, wanted[0])
        return (*fused(gy, ghn, gcn, x, h, c, w, r, mask, y, gates, cells), None)


@function
class LSTMGrad(Function):
    """The gradients of x, h, c, w, r and b, from the last step taken back to the first.

    Those of the kernels and of x are one product each over all steps. Without `of_x` the gradient
    of x is left out, and comes back as (0,).
    """

    reverse: bool = False
    of_x: bool = True

    undefined: ClassVar[str] = "is used where no second order is recorded"

    def infer(
        self, gy: Spec, ghn: Spec, gcn: Spec, x: Spec, h: Spec, c: Spec, w: Spec, r: Spec,
        mask: Spec, y: Spec, gates: Spec, cells: Spec,
    ) -> tuple[Spec, ...]:  # fmt: skip
        gx = x.like() if self.of_x else x.shaped(0)
        return gx, h.like(), c.like(), w.like(), r.like(), w.shaped(w.shape[1])

    def compute(
        self, xp: Any, gy: Any, ghn: Any, gcn: Any, x: Any, h: Any, c: Any, w: Any, r: Any,
        mask: Any, y: Any, gates: Any, cells: Any,
        gx: Any, gh: Any, gc: Any, gw: Any, gr: Any, gb: Any,
    ) -> None:  # fmt: skip
        wide, units = gates.dtype, h.shape[1]
        x, h, c, w, r = widened(wide, x, h, c, w, r)
        dh, dc = xp.array(ghn, wide), xp.array(gcn, wide)
        linear = LSTM._columns(xp, gates, (1.0, 1.0, 0.0, 1.0))
        slopes = xp.empty(gates.shape, wide)
        slope, back = xp.empty(gates.shape[1:], wide), xp.ascontiguousarray(r.T)
        order = steps(x.shape[1], self.reverse)
        for place in range(len(order) - 1, -1, -1):
            t = order[place]
            c_before = cells[order[place - 1]] if place else c
            i, f, g, o = (gates[t][:, k * units : (k + 1) * units] for k in range(4))
            dz = slopes[t]
            dh += gy[:, t]
            if mask.ndim == 2:
                left = ~mask[:, t, None]
                carried_h, carried_c = dh.copy(), dc.copy()
                xp.copyto(dh, 0, where=left)
                xp.copyto(dc, 0, where=left)
            bent = xp.tanh(cells[t])
            xp.multiply(dh, bent, out=dz[:, 3 * units :])
            bent *= bent
            xp.subtract(1, bent, out=bent)
            bent *= o
            bent *= dh
            dc += bent
            xp.multiply(dc, g, out=dz[:, :units])
            xp.multiply(dc, c_before, out=dz[:, units : 2 * units])
            xp.multiply(dc, i, out=dz[:, 2 * units : 3 * units])
            slope_from(gates[t], linear, 1 - linear, slope, xp)
            dz *= slope
            dc *= f
            xp.matmul(dz, back, out=dh)
            if mask.ndim == 2:
                xp.copyto(dh, carried_h, where=left)
                xp.copyto(dc, carried_c, where=left)
        gh[...] = dh
        gc[...] = dc
        of_inputs(xp, slopes, w, gx)
        gw[...] = of_kernel(xp, x.transpose(1, 0, 2), slopes)
        gr[...] = of_kernel(xp, states_before(xp, y, h, self.reverse, wide), slopes)
        gb[...] = slopes.sum((0, 1))


def differentiable(
    reverse: bool, gy: Tensor, ghn: Tensor, gcn: Tensor, x: Tensor, h: Tensor, c: Tensor,
    w: Tensor, r: Tensor, b: Tensor, mask: Tensor,
) -> list[Tensor]:  # fmt: skip
    """Return the gradients of x, h, c, w, r, b in ops that can be differentiated again."""
    dtypes = [one.dtype for one in (x, h, c, w, r, b)]
    gy, dh, dc, x, h, c, w, r, b = as_wide(gy, ghn, gcn, x, h, c, w, r, b)
    units, order = h.shape[1], steps(x.shape[1], reverse)
    inputs = projected_op(x, w, b)
    taken, before = {}, {}
    for t in order:
        i, f, g, o = parts(inputs[:, t] + matmul(h, r), units)
        i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
        cell = f * c + i * g
        bent = tanh(cell)
        taken[t] = (i, f, g, o, c, bent)
        before[t] = h
        h, c = chosen(mask, t, o * bent, h), chosen(mask, t, cell, c)
    slopes: dict[int, Tensor] = {}
    for t in reversed(order):
        i, f, g, o, c_before, bent = taken[t]
        dh = dh + gy[:, t]
        none = dh * 0
        new_h, new_c = chosen(mask, t, dh, none), chosen(mask, t, dc, none)
        new_c = new_c + new_h * o * (1 - bent * bent)
        slopes[t] = joined(
            (
                new_c * g * i * (1 - i),
                new_c * c_before * f * (1 - f),
                new_c * i * (1 - g * g),
                new_h * bent * o * (1 - o),
            )
        )
        dh = chosen(mask, t, matmul(slopes[t], swapped(r)), dh)
        dc = chosen(mask, t, new_c * f, dc)
    rows = gathered(slopes, x, 4 * units)
    found = (
        of_inputs_op(rows, w, x), dh, dc, of_kernel_op(flat(x), rows),
        of_kernel_op(gathered(before, x, units), rows), of_bias_op(rows),
    )  # fmt: skip
    return [cast(one, dtype) for one, dtype in zip(found, dtypes, strict=True)]
