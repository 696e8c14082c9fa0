"""What the recurrent ops share: the operands' shapes, the order of steps, products over all steps.

A recurrent op reads x (N, T, D) and keeps what its gradient needs time first, (T, N, …), so that a
step is one block of memory. The cells stand in `lstm`, `gru` and `simple_rnn`; what users call, in
`recurrent`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import expect
from ..spec import Spec, same_dtype
from .arithmetic import where
from .matmul import matmul, swapped
from .operand import cast
from .reduce import sum
from .shape import concatenate, expand_dims, reshape, stack, transpose
from .tiles import accurate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..tensor import Tensor


def check_steps(
    subject: str, x: Spec, states: dict[str, Spec], w: Spec, r: Spec, gates: int, mask: Spec
) -> int:
    """Hold the operands of a recurrent op against each other, and return the number of units.

    Raises:
        ShapeError: x, a state, a kernel or the mask does not fit the others.
        DTypeError: they do not share one element type.
    """
    expect(x.ndim == 3, subject, "x must have 3 axes: batch, time, features", x=x)
    fit = r.ndim == 2 and r.shape[1] == gates * r.shape[0]
    expect(fit, subject, f"the recurrent kernel must be (U, {gates} · U)", recurrent_kernel=r)
    units = r.shape[0]
    expect(units > 0 and x.shape[2] > 0, subject, "there must be features and units",
           x=x, recurrent_kernel=r)  # fmt: skip
    expect(w.shape == (x.shape[2], gates * units), subject,
           f"the kernel must be (D, {gates} · U)", x=x, kernel=w, recurrent_kernel=r)  # fmt: skip
    for name, state in states.items():
        given: dict[str, Any] = {name: state}
        expect(state.shape == (x.shape[0], units), subject, f"{name} must be (N, U)",
               x=x, recurrent_kernel=r, **given)  # fmt: skip
    expect(mask.shape == (0,) or (mask.dtype.kind == "b" and mask.shape == x.shape[:2]), subject,
           "the mask must be (N, T) truth values", x=x, mask=mask)  # fmt: skip
    same_dtype(subject, x=x, kernel=w, recurrent_kernel=r, **states)
    return units


def over_time(x: Spec, width: int) -> Spec:
    """Describe what is kept of all steps, time first, as precise as sums are."""
    return Spec((x.shape[1], x.shape[0], width), accurate(x.dtype))


def steps(count: int, reverse: bool) -> range:
    """Return the steps in the order in which they are taken."""
    return range(count - 1, -1, -1) if reverse else range(count)


def widened(dtype: Any, *arrays: Any) -> list[Any]:
    """Return arrays as precise as sums are; those that are already, as they are."""
    return [array.astype(dtype, copy=False) for array in arrays]


def by_gate(xp: Any, values: Sequence[float], units: int, dtype: Any) -> Any:
    """Return a row that holds one number for each gate, `units` times; made on the device."""
    row = xp.empty(len(values) * units, dtype)
    for gate, value in enumerate(values):
        row[gate * units : (gate + 1) * units] = value
    return row


def projected(xp: Any, x: Any, w: Any, b: Any, out: Any) -> None:
    """Write x · w + b of all steps, time first, as one product."""
    rows = xp.ascontiguousarray(x.transpose(1, 0, 2)).reshape(-1, x.shape[2])
    xp.matmul(rows, w, out=out.reshape(-1, w.shape[1]))
    out += b


def states_before(xp: Any, y: Any, h: Any, reverse: bool, dtype: Any) -> Any:
    """Return the state that each step began with, time first."""
    before = xp.empty((y.shape[1], *h.shape), dtype)
    if len(before):
        late, early = (slice(-1), slice(1, None)) if reverse else (slice(1, None), slice(-1))
        before[late] = y[:, early].transpose(1, 0, 2)
        before[-1 if reverse else 0] = h
    return before


def of_kernel(xp: Any, inputs: Any, slopes: Any) -> Any:
    """Return Σ inputsᵀ · slopes over all steps and samples, both time first, as one product."""
    rows = xp.ascontiguousarray(inputs).reshape(-1, inputs.shape[-1])
    return xp.matmul(rows.T, slopes.reshape(-1, slopes.shape[-1]))


def of_inputs(xp: Any, slopes: Any, w: Any, gx: Any) -> None:
    """Write slopes · wᵀ of all steps into gx, (N, T, D), as one product."""
    if gx.size:
        found = xp.matmul(slopes.reshape(-1, slopes.shape[2]), w.T)
        gx[...] = found.reshape(*slopes.shape[:2], -1).transpose(1, 0, 2)


def slope_from(gates: Any, linear: Any, constant: Any, out: Any, xp: Any) -> None:
    """Write the slopes of sigmoids, a − a², and of hyperbolic tangents, 1 − a², from values a.

    `linear` is 1 and `constant` 0 where a is a sigmoid, else the other way round.
    """
    xp.subtract(linear, gates, out=out)
    xp.multiply(out, gates, out=out)
    xp.add(out, constant, out=out)


# -- the same in ops, for gradients that are themselves recorded ---------------------------------


def projected_op(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """Return x · w + b of all steps, (N, T, G)."""
    flat = matmul(reshape(x, (x.shape[0] * x.shape[1], x.shape[2])), w) + b
    return reshape(flat, (*x.shape[:2], w.shape[1]))


def chosen(mask: Tensor, t: int, new: Tensor, old: Tensor) -> Tensor:
    """Return the new values where a step counts, the old where it does not."""
    return new if mask.ndim == 1 else where(expand_dims(mask[:, t], 1), new, old)


def parts(z: Tensor, units: int) -> list[Tensor]:
    """Cut (N, G · U) into gates, (N, U) each."""
    return [z[:, start : start + units] for start in range(0, z.shape[1], units)]


def joined(slopes: Sequence[Tensor]) -> Tensor:
    """Join gates again."""
    return concatenate(list(slopes), 1)


def gathered(slopes: dict[int, Tensor], like: Tensor, width: int) -> Tensor:
    """Return what was found for each step as rows, (N · T, G)."""
    n, t = like.shape[:2]
    if not slopes:
        return like.zeros(like.spec.shaped(0, width))
    return reshape(stack([slopes[i] for i in range(t)], 1), (n * t, width))


def of_kernel_op(rows: Tensor, slopes: Tensor) -> Tensor:
    """Return rowsᵀ · slopes."""
    return matmul(transpose(rows), slopes)


def of_inputs_op(slopes: Tensor, w: Tensor, x: Tensor) -> Tensor:
    """Return slopes · wᵀ in the shape of x."""
    return reshape(matmul(slopes, swapped(w)), x.shape)


def of_bias_op(slopes: Tensor) -> Tensor:
    """Return Σ slopes over all steps and samples."""
    return sum(slopes, 0)


def flat(x: Tensor) -> Tensor:
    """Return (N, T, D) as rows, (N · T, D)."""
    return reshape(x, (x.shape[0] * x.shape[1], x.shape[2]))


def as_wide(*tensors: Tensor) -> list[Tensor]:
    """Return tensors as precise as sums are."""
    return [cast(x, accurate(x.dtype)) for x in tensors]
