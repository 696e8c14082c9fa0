"""What all of linear algebra asks of a matrix, and what it says where a factorization fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError, DTypeError, expect, sentence
from ..spec import Spec, complex64, complex128, float32, float64
from .arithmetic import div, mul, where
from .compare import equal, logical_and, logical_or, not_equal
from .matmul import swapped
from .operand import cast, full_like
from .parts import conj
from .triangle import identity

if TYPE_CHECKING:
    from ..tensor import Tensor

KINDS = (float32, float64, complex64, complex128)
SINGULAR = "Use pinv() or lstsq(), or add a multiple of the identity."
DIVERGED = "Look for NaN and infinity in it with isfinite()."


def matrix(subject: str, x: Spec) -> Spec:
    """Check that x holds matrices of numbers that can be factored, and return it.

    Raises:
        ShapeError: x has fewer than two axes.
        DTypeError: its elements are neither of single nor of double precision.
    """
    expect(x.ndim >= 2, subject, "a matrix must have at least 2 axes", x=x)
    expect(x.dtype in KINDS, subject, "elements must be of single or double precision",
           error=DTypeError, advice="Convert with .to('float32').", x=x)  # fmt: skip
    return x


def square(subject: str, x: Spec) -> Spec:
    """Check that x holds square matrices, and return it.

    Raises:
        ShapeError: rows and columns differ in number.
    """
    matrix(subject, x)
    expect(x.shape[-1] == x.shape[-2], subject, "the matrix must be square", x=x)
    return x


def attempted(
    subject: str, rule: str, advice: str, factor: Callable[..., Any], *arrays: Any
) -> Any:
    """Return what a function of NumPy's says of matrices.

    Raises:
        DataError: it gave up; the message names the first matrix of the batch that it fails for.
    """
    with np.errstate(all="ignore"):
        try:
            return factor(*arrays)
        except np.linalg.LinAlgError:
            raise DataError(
                sentence(subject, rule, {"x": _Place(arrays[0], factor, arrays[1:])}, advice)
            ) from None


class _Place:
    """Tells of which matrix of a batch a factorization failed."""

    def __init__(self, x: Any, factor: Callable[..., Any], others: tuple[Any, ...]) -> None:
        self.text = f"{x.shape} {x.dtype}"
        lead = x.shape[:-2]
        for place in np.ndindex(lead) if lead else ():
            try:
                factor(x[place], *[one[(0,) * (one.ndim - 2)] for one in others])
            except np.linalg.LinAlgError:
                self.text += f", at {place}"
                break

    def __repr__(self) -> str:
        return self.text


def adjoint(x: Tensor) -> Tensor:
    """Conjugate and transpose: y[…, i, j] = conj(x[…, j, i])."""
    return swapped(conj(x))


def hermitian_part(x: Tensor) -> Tensor:
    """Return (x + xᴴ) / 2."""
    return mul(x + adjoint(x), 0.5)


def over_gaps(x: Tensor, gaps: Tensor) -> Tensor:
    """Divide off-diagonal elements by gaps between values; 0 where there is nothing to divide.

    Where a gap is 0 and x is not, no derivative exists, and the result is infinite.
    """
    nothing = logical_and(equal(gaps, 0), equal(x, 0))
    idle = logical_or(nothing, not_equal(identity(gaps, x.shape[-1]), 0))
    safe = where(idle, full_like(gaps, 1), gaps)
    return where(idle, full_like(x, 0), div(x, cast(safe, x.dtype)))
