"""Products and what is made of them, under NumPy's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graftgrad import Tensor, linalg, ops
from graftgrad.errors import ConfigError, expect

from .operands import as_operand, meet, real_numbers
from .operation import op


@op("numpy", 2, meets=True)
def matmul(x1: Any, x2: Any) -> Any:
    """Multiply matrices: y[…, i, k] = Σⱼ x1[…, i, j] · x2[…, j, k]."""
    return ops.matmul(x1, x2)


@op("numpy", 2, meets=True)
def dot(x1: Any, x2: Any) -> Any:
    """Sum products over the last axis of x1 and the last but one of x2."""
    if not isinstance(x1, Tensor) or not isinstance(x2, Tensor) or 0 in (x1.ndim, x2.ndim):
        return ops.mul(x1, x2)
    return ops.dot(x1, x2)


@op("numpy", 2, meets=True)
def inner(x1: Any, x2: Any) -> Any:
    """Sum products over the last axes."""
    if not isinstance(x1, Tensor) or not isinstance(x2, Tensor) or 0 in (x1.ndim, x2.ndim):
        return ops.mul(x1, x2)
    return ops.inner(x1, x2)


@op("numpy", 2, meets=True)
def outer(x1: Any, x2: Any) -> Any:
    """Multiply every element of x1 with every one of x2: (I) and (J) give (I, J)."""
    return ops.outer(as_operand(x1), as_operand(x2))


@op("numpy", 2, meets=True)
def vdot(x1: Any, x2: Any) -> Any:
    """Sum the products of all elements; those of x1 conjugated."""
    return ops.vdot(as_operand(x1), as_operand(x2))


@op("numpy", 2, meets=True)
def kron(x1: Any, x2: Any) -> Any:
    """Put x2, multiplied, in place of every element of x1."""
    return ops.kron(as_operand(x1), as_operand(x2))


@op("numpy", 2, meets=True)
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """Sum products over several axes: the last of x1 and the first of x2, or those listed."""
    listed = (
        tuple(tuple(a) if isinstance(a, list) else a for a in axes)
        if isinstance(axes, (list, tuple))
        else axes
    )
    return ops.tensordot(x1, x2, listed)


@op("numpy", 2, meets=True)
def cross(
    x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    """Return vectors that stand upright on two others: x1 × x2, of 2 or 3 parts.

    Raises:
        ConfigError: the vectors have other numbers of parts.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = ops.moveaxis(x1, axisa, -1), ops.moveaxis(x2, axisb, -1)
    parts = (a.shape[-1], b.shape[-1])
    expect(all(n in (2, 3) for n in parts), "cross", "vectors must have 2 or 3 parts",
           error=ConfigError, parts=parts)  # fmt: skip
    if parts == (2, 2):
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    a, b = (_three(one) for one in (a, b))
    i, j, k = (a[..., n] for n in range(3))
    u, v, w = (b[..., n] for n in range(3))
    return ops.moveaxis(ops.stack([j * w - k * v, k * u - i * w, i * v - j * u], -1), -1, axisc)


def _three(x: Tensor) -> Tensor:
    if x.shape[-1] == 3:
        return x
    return ops.concatenate([x, ops.full_like(ops.contiguous(x[..., :1]), 0)], -1)


@op("numpy")
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Sum products as letters say: "ij,jk->ik" multiplies matrices.

    Raises:
        ConfigError: an option is unknown.
    """
    expect(not set(kwargs) - {"optimize", "precision"}, "einsum", "options must be known",
           error=ConfigError, options=sorted(kwargs))  # fmt: skip
    return ops.einsum(subscripts, *meet(operands))


@op("numpy")
def corrcoef(x: Any) -> Any:
    """Return the correlations of the rows."""
    return ops.corrcoef(real_numbers(x))


@op("numpy", 2, meets=True)
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """Slide x2 along x1 and sum the products: y[k] = Σₙ x1[n + k] · x2[n].

    Raises:
        ConfigError: the mode is not "valid", "same" or "full".
    """
    expect(mode in ("valid", "same", "full"), "correlate", "mode must be valid, same or full",
           error=ConfigError, mode=mode)  # fmt: skip
    a, b = real_numbers(x1), real_numbers(x2)
    swapped = b.shape[0] > a.shape[0]
    if swapped:
        a, b = b, a
    longer, shorter = a.shape[0], b.shape[0]
    before = {"valid": 0, "same": shorter // 2, "full": shorter - 1}[mode]
    after = {"valid": 0, "same": shorter - 1 - shorter // 2, "full": shorter - 1}[mode]
    signal = ops.reshape(ops.pad(a, ((before, after),)), (1, before + longer + after, 1))
    y = ops.reshape(ops.conv1d(signal, ops.reshape(b, (shorter, 1, 1))), (-1,))
    return ops.flip(y, 0) if swapped else y


@op("numpy", 1)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integrate along an axis by straight lines: Σ (y[i] + y[i+1]) / 2 · (x[i+1] − x[i])."""
    y = ops.moveaxis(real_numbers(y), axis, -1)
    width: Any = dx
    if x is not None:
        at = as_operand(x)
        width = ops.diff(at if at.ndim == 1 else ops.moveaxis(at, axis, -1), 1, -1)
    return ops.sum((y[..., 1:] + y[..., :-1]) * width, -1) / 2


@op("numpy")
def slogdet(x: Any) -> Any:
    """Return the sign of the determinant and the logarithm of its size."""
    return tuple(linalg.slogdet(x))


def vectorize(
    pyfunc: Callable[..., Any], *, excluded: Any = None, signature: str | None = None
) -> Callable[..., Any]:
    """Return a function that maps a function over the leading axes of its arguments.

    Args:
        pyfunc: of elements, or of the parts that the signature names.
        excluded: numbers or names of arguments that are handed on as they are.
        signature: the axes of arguments and results, such as "(i,j),(j)->(i)"; scalars if None.
    """
    kept = set(excluded or ())

    def mapped(*args: Any, **kwargs: Any) -> Any:
        cores = _cores(signature, len(args))
        held = {i: as_operand(one) for i, one in enumerate(args) if i not in kept}
        lead = [x.shape[: x.ndim - cores[i]] for i, x in held.items()]
        shape = _stretched(lead)
        flat = {
            i: ops.reshape(ops.broadcast_to(x, (*shape, *x.shape[x.ndim - cores[i] :])),
                           (-1, *x.shape[x.ndim - cores[i] :]))
            for i, x in held.items()
        }  # fmt: skip
        count = next(iter(flat.values())).shape[0] if flat else 1
        rows = [
            pyfunc(*[flat[i][n] if i in flat else one for i, one in enumerate(args)], **kwargs)
            for n in range(count)
        ]
        several = isinstance(rows[0], (tuple, list))
        columns = list(zip(*rows, strict=True)) if several else [rows]
        done = []
        for column in columns:
            y = ops.stack(meet([as_operand(one) for one in column]), 0)
            done.append(ops.reshape(y, (*shape, *y.shape[1:])))
        return tuple(done) if several else done[0]

    return mapped


def _cores(signature: str | None, count: int) -> list[int]:
    """Return how many axes of each argument belong to one call."""
    if signature is None:
        return [0] * count
    left = signature.replace(" ", "").split("->")[0]
    parts = left.strip("()").split("),(")
    return [len([one for one in part.split(",") if one]) for part in parts]


def _stretched(shapes: list[Any]) -> tuple[int, ...]:
    rank = max((len(one) for one in shapes), default=0)
    wide = [(1,) * (rank - len(one)) + tuple(one) for one in shapes]
    return tuple(max(sizes) for sizes in zip(*wide, strict=True))
