"""Products of matrices, in batches too, and the dense layer's product with its bias."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import expect
from ..function import Function, function
from ..spec import DType, Spec, broadcast, rounded, same_dtype
from .operand import cast, together
from .parts import conj
from .shape import reshape, transpose
from .window import single

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class MatMul(Function):
    """Matrix products over the last two axes; axes before them are batches and broadcast.

    Products are of the element type of `a` or of `dtype`, to which they are not rounded before.
    """

    dtype: DType | None = None

    rounded: ClassVar[tuple[str, ...]] = ("b",)
    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "stretched"

    def infer(self, a: Spec, b: Spec) -> Spec:
        expect(a.ndim >= 2 and b.ndim >= 2 and a.shape[-1] == b.shape[-2], "matmul",
               "columns of a must be rows of b", a=a, b=b)  # fmt: skip
        lead = broadcast("matmul", a.shaped(*a.shape[:-2]), b.shaped(*b.shape[:-2]))
        kind = same_dtype("matmul", a=a, b=rounded(b, a))
        return Spec((*lead, a.shape[-2], b.shape[-1]), self.dtype or kind)

    @single
    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            xp.matmul(a, b, out=y)

    def grad_a(self, gy: Tensor, b: Tensor, a_spec: Spec) -> Tensor:
        return MatMul()(cast(gy, a_spec.dtype), swapped(conj(b)))  # type: ignore[no-any-return]

    def grad_b(self, gy: Tensor, a: Tensor, b_spec: Spec) -> Tensor:
        gy, a = cast(gy, a.dtype), conj(a)
        product = MatMul(None if a.dtype == b_spec.dtype else b_spec.dtype)
        if b_spec.ndim == 2 and a.ndim > 2:  # one product instead of a batch that is summed
            count = math.prod(a.shape[:-1])
            rows = reshape(a, (count, a.shape[-1]))
            return product(transpose(rows), reshape(gy, (count, gy.shape[-1])))  # type: ignore[no-any-return]
        return product(swapped(a), gy)  # type: ignore[no-any-return]


def swapped(x: Tensor) -> Tensor:
    """Transpose the last two axes, without a copy."""
    return transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def matmul(a: Any, b: Any) -> Tensor:
    """Multiply matrices: y[…, i, j] = Σₖ a[…, i, k] · b[…, k, j].

    Shapes: a (…, I, K), b (…, K, J) -> (…, I, J); a vector counts as one row of a or column of b.

    Raises:
        ShapeError: columns of a are not rows of b, or the leading axes do not broadcast.
    """
    a, b = together(a, b)
    expect(a.ndim > 0 and b.ndim > 0, "matmul", "both must have axes", a=a.spec, b=b.spec)
    if a.ndim >= 2 and b.ndim >= 2:
        return MatMul()(a, b)  # type: ignore[no-any-return]
    rows = reshape(a, (1, -1)) if a.ndim == 1 else a
    columns = reshape(b, (-1, 1)) if b.ndim == 1 else b
    y = MatMul()(rows, columns)
    shape = y.shape[:-1] if b.ndim == 1 else y.shape
    if a.ndim == 1:
        shape = shape[:-2] + shape[-1:] if b.ndim > 1 else shape[:-1]
    return reshape(y, shape)


def linear(x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    """Multiply by weights and add a bias: y[…, o] = Σ_d x[…, d] · w[d, o] + b[o].

    Shapes: x (…, D), w (D, O), b (O,) -> (…, O).

    Raises:
        ShapeError: features of x are not rows of w.
    """
    expect(x.ndim >= 1 and w.ndim == 2 and x.shape[-1] == w.shape[0], "linear",
           "features of x must be rows of w", x=x.spec, w=w.spec)  # fmt: skip
    if rounded(w.spec, x.spec).dtype != x.dtype:
        x, w = together(x, w)
    y: Tensor = MatMul()(reshape(x, (-1, x.shape[-1])), w)
    if x.ndim != 2:
        y = reshape(y, (*x.shape[:-1], w.shape[1]))
    return y if b is None else y + b
