"""Gated recurrent units over whole sequences (Cho et al. 2014), and their gradient.

The gates come in Keras' order z, r, h. `reset_after` is the form that applies the reset gate to the
product with the recurrent kernel, not to the state. What all recurrent ops share stands in `steps`.
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
from .shape import concatenate, stack
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
    states_before,
    steps,
    widened,
)

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class GRU(Function):
    """hₜ = z · hₜ₋₁ + (1 − z) · g, with z and r sigmoids of xₜ · w + hₜ₋₁ · r + b.

    With `reset_after`, g = tanh(xₜ · w + b₀ + r · (hₜ₋₁ · r + b₁)), else
    g = tanh(xₜ · w + b + (r · hₜ₋₁) · r), each with its part of the kernels. A step that the mask
    is false for carries the state over. `reverse` walks from the last step to the first; yₜ stays
    at its xₜ.
    """

    reset_after: bool = True
    reverse: bool = False

    hidden: ClassVar[tuple[str, ...]] = ("gates", "inner")

    def infer(self, x: Spec, h: Spec, w: Spec, r: Spec, b: Spec, mask: Spec) -> tuple[Spec, ...]:
        units = check_steps("gru", x, {"h": h}, w, r, 3, mask)
        shape = (2, 3 * units) if self.reset_after else (3 * units,)
        expect(b.shape == shape, "gru", f"the bias must be {shape}", bias=b, kernel=w,
               reset_after=self.reset_after)  # fmt: skip
        y = x.shaped(x.shape[0], x.shape[1], units)
        return y, h.like(), over_time(x, 3 * units), over_time(x, units)

    def compute(
        self, xp: Any, x: Any, h: Any, w: Any, r: Any, b: Any, mask: Any,
        y: Any, hn: Any, gates: Any, inner: Any,
    ) -> None:  # fmt: skip
        units = h.shape[1]
        x, h, w, r, b = widened(gates.dtype, x, h, w, r, b)
        # σ(z) = (1 + tanh(z / 2)) / 2, so that one tanh serves both gates
        scale = by_gate(xp, (0.5, 0.5, 1.0), units, gates.dtype)
        projected(xp, x, w * scale, (b[0] if self.reset_after else b) * scale, gates)
        r, added = r * scale, b[1] * scale if self.reset_after else None
        both = xp.empty((len(h), (3 if self.reset_after else 2) * units), r.dtype)
        for t in steps(x.shape[1], self.reverse):
            pair, g, kept = gates[t][:, : 2 * units], gates[t][:, 2 * units :], inner[t]
            xp.matmul(h, r[:, : both.shape[1]], out=both)
            if self.reset_after:
                both += added
                kept[...] = both[:, 2 * units :]
            pair += both[:, : 2 * units]
            xp.tanh(pair, out=pair)
            pair += 1
            pair *= 0.5
            update, reset = pair[:, :units], pair[:, units:]
            if self.reset_after:
                g += reset * kept
            else:
                xp.multiply(reset, h, out=kept)
                g += kept @ r[:, 2 * units :]
            xp.tanh(g, out=g)
            out = h - g
            out *= update
            out += g
            if mask.ndim == 2:
                xp.copyto(out, h, where=~mask[:, t, None])
            y[:, t] = out
            h = out
        hn[...] = h

    def grads(
        self, gy: Tensor, ghn: Tensor, x: Tensor, h: Tensor, w: Tensor, r: Tensor, b: Tensor,
        mask: Tensor, y: Tensor, gates: Tensor, inner: Tensor, wanted: tuple[bool, ...],
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        if modes.recording():
            return (*differentiable(self, gy, ghn, x, h, w, r, b, mask), None)
        fused = GRUGrad(self.reset_after, self.reverse, wanted[0])
        return (*fused(gy, ghn, x, h, w, r, mask, y, gates, inner), None)


@function
class GRUGrad(Function):
    """The gradients of x, h, w, r and b, from the last step taken back to the first.

    Those of the kernels and of x are one product each over all steps. Without `of_x` the gradient
    of x is left out, and comes back as (0,).
    """

    reset_after: bool = True
    reverse: bool = False
    of_x: bool = True

    undefined: ClassVar[str] = "is used where no second order is recorded"

    def infer(
        self, gy: Spec, ghn: Spec, x: Spec, h: Spec, w: Spec, r: Spec, mask: Spec, y: Spec,
        gates: Spec, inner: Spec,
    ) -> tuple[Spec, ...]:  # fmt: skip
        gx = x.like() if self.of_x else x.shaped(0)
        bias = (2, w.shape[1]) if self.reset_after else (w.shape[1],)
        return gx, h.like(), w.like(), r.like(), w.shaped(*bias)

    def compute(
        self, xp: Any, gy: Any, ghn: Any, x: Any, h: Any, w: Any, r: Any, mask: Any, y: Any,
        gates: Any, inner: Any, gx: Any, gh: Any, gw: Any, gr: Any, gb: Any,
    ) -> None:  # fmt: skip
        wide, units, two = gates.dtype, h.shape[1], 2 * h.shape[1]
        x, h, w, r = widened(wide, x, h, w, r)
        before = states_before(xp, y, h, self.reverse, wide)
        dh = xp.array(ghn, wide)
        slopes, through = xp.empty(gates.shape, wide), xp.empty(inner.shape, wide)
        for t in reversed(steps(x.shape[1], self.reverse)):
            update, reset, g = (gates[t][:, k * units : (k + 1) * units] for k in range(3))
            dz, pair, dg = slopes[t], slopes[t][:, :two], slopes[t][:, two:]
            dh += gy[:, t]
            if mask.ndim == 2:
                left, carried = ~mask[:, t, None], dh.copy()
                xp.copyto(dh, 0, where=left)
            xp.subtract(before[t], g, out=dz[:, :units])
            dz[:, :units] *= dh
            xp.subtract(1, g * g, out=dg)
            dg *= 1 - update
            dg *= dh
            dh *= update
            if self.reset_after:
                xp.multiply(dg, inner[t], out=dz[:, units:two])
                xp.multiply(dg, reset, out=through[t])
                pair *= gates[t][:, :two] * (1 - gates[t][:, :two])
                dh += pair @ r[:, :two].T
                dh += through[t] @ r[:, two:].T
            else:
                of_product = dg @ r[:, two:].T
                xp.multiply(of_product, before[t], out=dz[:, units:two])
                pair *= gates[t][:, :two] * (1 - gates[t][:, :two])
                dh += pair @ r[:, :two].T
                of_product *= reset
                dh += of_product
            if mask.ndim == 2:
                xp.copyto(dh, carried, where=left)
        gh[...] = dh
        of_inputs(xp, slopes, w, gx)
        gw[...] = of_kernel(xp, x.transpose(1, 0, 2), slopes)
        gr[:, :two] = of_kernel(xp, before, slopes[..., :two])
        total = slopes.sum((0, 1))
        if self.reset_after:
            gr[:, two:] = of_kernel(xp, before, through)
            gb[0] = total
            gb[1, :two] = total[:two]
            gb[1, two:] = through.sum((0, 1))
        else:
            gr[:, two:] = of_kernel(xp, inner, slopes[..., two:])
            gb[...] = total


def differentiable(
    gru: GRU, gy: Tensor, ghn: Tensor, x: Tensor, h: Tensor, w: Tensor, r: Tensor, b: Tensor,
    mask: Tensor,
) -> list[Tensor]:  # fmt: skip
    """Return the gradients of x, h, w, r, b in ops that can be differentiated again."""
    dtypes = [one.dtype for one in (x, h, w, r, b)]
    gy, dh, x, h, w, r, b = as_wide(gy, ghn, x, h, w, r, b)
    units, order = h.shape[1], steps(x.shape[1], gru.reverse)
    two = 2 * units
    inputs = projected_op(x, w, b[0] if gru.reset_after else b)
    r_pair, r_last = r[:, :two], r[:, two:]
    taken, before, products = {}, {}, {}
    for t in order:
        z, s, g = parts(inputs[:, t], units)
        p, q = parts(matmul(h, r_pair) + (b[1, :two] if gru.reset_after else 0), units)
        z, s = sigmoid(z + p), sigmoid(s + q)
        inner = matmul(h, r_last) + b[1, two:] if gru.reset_after else s * h
        g = tanh(g + (s * inner if gru.reset_after else matmul(inner, r_last)))
        taken[t], before[t], products[t] = (z, s, g, inner), h, inner
        h = chosen(mask, t, z * h + (1 - z) * g, h)
    slopes: dict[int, Tensor] = {}
    through: dict[int, Tensor] = {}
    for t in reversed(order):
        z, s, g, inner = taken[t]
        dh = dh + gy[:, t]
        new = chosen(mask, t, dh, dh * 0)
        dz = new * (before[t] - g) * z * (1 - z)
        dg = new * (1 - z) * (1 - g * g)
        if gru.reset_after:
            ds, through[t] = dg * inner * s * (1 - s), dg * s
            back = matmul(through[t], swapped(r_last))
        else:
            of_product = matmul(dg, swapped(r_last))
            ds, through[t] = of_product * before[t] * s * (1 - s), dg
            back = of_product * s
        slopes[t] = joined((dz, ds, dg))
        dh = chosen(mask, t, new * z + back + matmul(joined((dz, ds)), swapped(r_pair)), dh)
    rows, last = gathered(slopes, x, 3 * units), gathered(through, x, units)
    earlier = gathered(before, x, units)
    gr_last = of_kernel_op(earlier if gru.reset_after else gathered(products, x, units), last)
    gr = concatenate([of_kernel_op(earlier, rows[:, :two]), gr_last], 1)
    gb = of_bias_op(rows)
    if gru.reset_after:
        gb = stack([gb, concatenate([gb[:two], of_bias_op(last)], 0)], 0)
    found = (of_inputs_op(rows, w, x), dh, of_kernel_op(flat(x), rows), gr, gb)
    return [cast(one, dtype) for one, dtype in zip(found, dtypes, strict=True)]
