"""How the operands of an op are brought together: numbers become tensors, element types meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import modes
from ..function import Function, function
from ..spec import DType, Spec, as_dtype, complex_dtype, is_differentiable, promoted

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Cast(Function):
    """Convert elements to another type; of complex numbers, a real type takes the real part."""

    dtype: DType

    converts: ClassVar[bool] = True
    exact: ClassVar[bool] = True
    takes_complex: ClassVar[bool] = True

    @property
    def c(self) -> str:
        """The conversion; what is not 0 is true."""
        return "x != 0" if self.dtype.kind == "b" else "x"

    def infer(self, x: Spec) -> Spec:
        return x.typed(self.dtype)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        if x.dtype.kind == "c" and self.dtype.kind not in "cb":
            x = x.real
        y[...] = x.astype(self.dtype) if self.dtype.kind != "b" else x != 0

    def grad_x(self, gy: Tensor, x_spec: Spec) -> Tensor:
        return cast(gy, x_spec.dtype)


@function
class FullLike(Function):
    """One value everywhere, in the shape of the operand."""

    value: complex

    c: ClassVar[str] = "value"
    takes_complex: ClassVar[bool] = True

    def infer(self, x: Spec) -> Spec:
        return x.like()

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        y[...] = self.value


@function
class Copy(Function):
    """The same values in memory of their own, in row-major order."""

    c: ClassVar[str] = "x"
    takes_complex: ClassVar[bool] = True

    def infer(self, x: Spec) -> Spec:
        return x.like()

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        y[...] = x

    def grad_x(self, gy: Tensor) -> Tensor:
        return gy


def cast(x: Tensor, dtype: object) -> Tensor:
    """Convert elements to another type; the same tensor comes back where nothing changes.

    Of complex numbers, a real type takes the real part.

    Raises:
        DTypeError: there is no such type.
    """
    wanted = as_dtype(dtype)
    return x if x.spec.dtype == wanted else Cast(wanted)(x)


def full_like(x: Tensor, value: complex) -> Tensor:
    """Return `value` in the shape, element type and place of x; no gradient flows."""
    return FullLike(value)(x)  # type: ignore[no-any-return]


def copy(x: Tensor) -> Tensor:
    """Return the same values in memory of their own, in row-major order."""
    return Copy()(x)  # type: ignore[no-any-return]


def contiguous(x: Tensor) -> Tensor:
    """Return x itself where it lies in row-major order, else a copy that does."""
    return x if x.spec.contiguous else copy(x)


def together(*operands: Any) -> tuple[Tensor, ...]:
    """Return all operands as tensors of one element type, on the device of the first tensor.

    Python numbers are weak: they take the type of the tensors, and become real numbers only beside
    integers. Arrays and tensors meet at the type that holds both, by NumPy's rules.

    Raises:
        TypeError: there is no tensor among them.
        DTypeError: the types have nothing in common.
    """
    if modes.autocast() is not None:
        operands = tuple([x.autocast() if hasattr(x, "grad_fn") else x for x in operands])
    first = next((x for x in operands if hasattr(x, "grad_fn")), None)
    if first is not None and first is operands[0]:  # the common case: nothing to bring together
        dtype = first.spec.dtype
        for x in operands:
            if not hasattr(x, "grad_fn") or x.spec.dtype is not dtype:
                break
        else:
            return operands
    if first is None:
        raise TypeError(f"op: at least one operand must be a tensor; got {operands!r}.")
    tensors = [x if hasattr(x, "grad_fn") or _is_number(x) else first.like(x) for x in operands]
    dtype = promoted(*[x.spec.dtype for x in tensors if not _is_number(x)])
    for x in tensors:
        if _is_number(x):
            dtype = _beside(dtype, x)
    return tuple([first.constant(x, dtype) if _is_number(x) else cast(x, dtype) for x in tensors])


def counted(x: Tensor) -> Tensor:
    """Return x as sums of it are taken: truth values and short whole numbers become 64 bits long.

    NumPy's rule: what is signed becomes int64, what is not, uint64.
    """
    dtype = x.spec.dtype
    if dtype.kind not in "biu" or dtype.itemsize == 8:
        return x
    return cast(x, "uint64" if dtype.kind == "u" else "int64")


def result_type(*operands: Any) -> DType:
    """Return the element type in which tensors, arrays, types and numbers meet.

    NumPy's rules; Python's numbers are weak: beside tensors they count only if they are of a wider
    kind, and then with the shortest type of that kind that is a default: float32, int64.

    Raises:
        DTypeError: the types have nothing in common.
    """
    numbers = [x for x in operands if _is_number(x)]
    strong = [
        x.dtype if hasattr(x, "dtype") else as_dtype(x) for x in operands if not _is_number(x)
    ]
    dtype = promoted(*[as_dtype(one) for one in strong]) if strong else as_dtype("bool")
    for number in numbers:
        dtype = _beside(dtype, number)
    return dtype


def floating(x: Tensor) -> Tensor:
    """Return x in floating point: integers become the default floating type."""
    return x if is_differentiable(x.spec.dtype) else cast(x, "float32")


def _is_number(x: object) -> bool:
    return isinstance(x, (bool, int, float, complex)) and not isinstance(x, np.generic)


def _beside(dtype: DType, number: object) -> DType:
    if isinstance(number, complex):
        return complex_dtype(dtype)
    if isinstance(number, float) and not is_differentiable(dtype):
        return as_dtype("float32")
    if not isinstance(number, bool) and dtype.kind == "b":
        return as_dtype("int64")
    return dtype
