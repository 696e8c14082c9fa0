"""The plain recurrent network over whole sequences (Elman 1990), and its gradient.

What all recurrent ops share stands in `steps`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .. import modes
from ..errors import expect
from ..function import Function, function
from ..spec import Spec
from .arithmetic import sign
from .exponential import tanh
from .matmul import matmul, swapped
from .operand import cast
from .rectifier import relu
from .steps import (
    as_wide,
    check_steps,
    chosen,
    flat,
    gathered,
    of_bias_op,
    of_inputs,
    of_inputs_op,
    of_kernel,
    of_kernel_op,
    over_time,
    projected,
    projected_op,
    states_before,
    steps,
    widened,
)

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class SimpleRNN(Function):
    """yₜ = hₜ = f(xₜ · w + hₜ₋₁ · r + b), where f is "tanh" or "relu".

    A step that the mask is false for carries the state over. `reverse` walks from the last step to
    the first; yₜ stays at its xₜ.
    """

    activation: str = "tanh"
    reverse: bool = False

    hidden: ClassVar[tuple[str, ...]] = ("values",)

    def infer(self, x: Spec, h: Spec, w: Spec, r: Spec, b: Spec, mask: Spec) -> tuple[Spec, ...]:
        units = check_steps("simple_rnn", x, {"h": h}, w, r, 1, mask)
        expect(b.shape == (units,), "simple_rnn", "the bias must be (U,)", bias=b, kernel=w)
        expect(self.activation in ("tanh", "relu"), "simple_rnn",
               "the activation must be 'tanh' or 'relu'", activation=self.activation)  # fmt: skip
        y = x.shaped(x.shape[0], x.shape[1], units)
        return y, h.like(), over_time(x, units)

    def compute(
        self, xp: Any, x: Any, h: Any, w: Any, r: Any, b: Any, mask: Any,
        y: Any, hn: Any, values: Any,
    ) -> None:  # fmt: skip
        x, h, w, r, b = widened(values.dtype, x, h, w, r, b)
        projected(xp, x, w, b, values)
        for t in steps(x.shape[1], self.reverse):
            out = values[t]
            out += h @ r
            if self.activation == "tanh":
                xp.tanh(out, out=out)
            else:
                xp.maximum(out, 0, out=out)
            if mask.ndim == 2:
                xp.copyto(out, h, where=~mask[:, t, None])
            y[:, t] = out
            h = out
        hn[...] = h

    def grads(
        self, gy: Tensor, ghn: Tensor, x: Tensor, h: Tensor, w: Tensor, r: Tensor, b: Tensor,
        mask: Tensor, values: Tensor, wanted: tuple[bool, ...],
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        if modes.recording():
            return (*differentiable(self, gy, ghn, x, h, w, r, b, mask), None)
        fused = SimpleRNNGrad(self.activation, self.reverse, wanted[0])
        return (*fused(gy, ghn, x, h, w, r, mask, values), None)


@function
class SimpleRNNGrad(Function):
    """The gradients of x, h, w, r and b, from the last step taken back to the first.

    Without `of_x` the gradient of x is left out, and comes back as (0,).
    """

    activation: str = "tanh"
    reverse: bool = False
    of_x: bool = True

    undefined: ClassVar[str] = "is used where no second order is recorded"

    def infer(
        self, gy: Spec, ghn: Spec, x: Spec, h: Spec, w: Spec, r: Spec, mask: Spec, values: Spec
    ) -> tuple[Spec, ...]:
        gx = x.like() if self.of_x else x.shaped(0)
        return gx, h.like(), w.like(), r.like(), w.shaped(w.shape[1])

    def compute(
        self, xp: Any, gy: Any, ghn: Any, x: Any, h: Any, w: Any, r: Any, mask: Any, values: Any,
        gx: Any, gh: Any, gw: Any, gr: Any, gb: Any,
    ) -> None:  # fmt: skip
        wide = values.dtype
        x, h, w, r = widened(wide, x, h, w, r)
        dh, slopes = xp.array(ghn, wide), xp.empty(values.shape, wide)
        for t in reversed(steps(x.shape[1], self.reverse)):
            dz, value = slopes[t], values[t]
            dh += gy[:, t]
            xp.multiply(dh, 1 - value * value if self.activation == "tanh" else value > 0, out=dz)
            if mask.ndim == 2:
                left, carried = ~mask[:, t, None], dh.copy()
                xp.copyto(dz, 0, where=left)
            xp.matmul(dz, r.T, out=dh)
            if mask.ndim == 2:
                xp.copyto(dh, carried, where=left)
        gh[...] = dh
        of_inputs(xp, slopes, w, gx)
        gw[...] = of_kernel(xp, x.transpose(1, 0, 2), slopes)
        before = states_before(xp, values.transpose(1, 0, 2), h, self.reverse, wide)
        gr[...] = of_kernel(xp, before, slopes)
        gb[...] = slopes.sum((0, 1))


def differentiable(
    rnn: SimpleRNN, gy: Tensor, ghn: Tensor, x: Tensor, h: Tensor, w: Tensor, r: Tensor,
    b: Tensor, mask: Tensor,
) -> list[Tensor]:  # fmt: skip
    """Return the gradients of x, h, w, r, b in ops that can be differentiated again."""
    dtypes = [one.dtype for one in (x, h, w, r, b)]
    gy, dh, x, h, w, r, b = as_wide(gy, ghn, x, h, w, r, b)
    order, bend = steps(x.shape[1], rnn.reverse), tanh if rnn.activation == "tanh" else relu
    inputs = projected_op(x, w, b)
    values, before = {}, {}
    for t in order:
        before[t], values[t] = h, bend(inputs[:, t] + matmul(h, r))
        h = chosen(mask, t, values[t], h)
    slopes: dict[int, Tensor] = {}
    for t in reversed(order):
        dh = dh + gy[:, t]
        value = values[t]
        slope = 1 - value * value if rnn.activation == "tanh" else sign(value)
        slopes[t] = chosen(mask, t, dh, dh * 0) * slope
        dh = chosen(mask, t, matmul(slopes[t], swapped(r)), dh)
    rows = gathered(slopes, x, h.shape[1])
    found = (
        of_inputs_op(rows, w, x), dh, of_kernel_op(flat(x), rows),
        of_kernel_op(gathered(before, x, h.shape[1]), rows), of_bias_op(rows),
    )  # fmt: skip
    return [cast(one, dtype) for one, dtype in zip(found, dtypes, strict=True)]
