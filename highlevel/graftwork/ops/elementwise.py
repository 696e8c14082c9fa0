"""Functions of one operand, element by element, under NumPy's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graftgrad import Tensor, ops

from .operands import NUMBERS, as_operand, real_numbers
from .operation import elementwise, op


def _unary(function: Callable[..., Any], name: str | None = None) -> Callable[..., Any]:
    return op("numpy", alike=elementwise, name=name)(function)


abs = _unary(ops.abs)
absolute = _unary(ops.abs, "absolute")
fabs = _unary(ops.abs, "fabs")
angle = _unary(ops.angle)
arccos = _unary(ops.arccos)
arccosh = _unary(ops.arccosh)
arcsin = _unary(ops.arcsin)
arcsinh = _unary(ops.arcsinh)
arctan = _unary(ops.arctan)
arctanh = _unary(ops.arctanh)
bitwise_invert = _unary(ops.invert, "bitwise_invert")
bitwise_not = _unary(ops.invert, "bitwise_not")
cbrt = _unary(ops.cbrt)
conj = _unary(ops.conj)
conjugate = _unary(ops.conj, "conjugate")
copy = _unary(ops.copy)
cos = _unary(ops.cos)
cosh = _unary(ops.cosh)
deg2rad = _unary(ops.deg2rad)
exp = _unary(ops.exp)
exp2 = _unary(ops.exp2)
expm1 = _unary(ops.expm1)
i0 = _unary(ops.i0)
imag = _unary(ops.imag)
isfinite = _unary(ops.isfinite)
isinf = _unary(ops.isinf)
isnan = _unary(ops.isnan)
isneginf = _unary(ops.isneginf)
isposinf = _unary(ops.isposinf)
log = _unary(ops.log)
log10 = _unary(ops.log10)
log1p = _unary(ops.log1p)
log2 = _unary(ops.log2)
logical_not = _unary(ops.logical_not)
negative = _unary(ops.neg, "negative")
rad2deg = _unary(ops.rad2deg)
real = _unary(ops.real)
sign = _unary(ops.sign)
signbit = _unary(ops.signbit)
sin = _unary(ops.sin)
sinc = _unary(ops.sinc)
sinh = _unary(ops.sinh)
sqrt = _unary(ops.sqrt)
square = _unary(ops.square)
tan = _unary(ops.tan)
tanh = _unary(ops.tanh)
trunc = _unary(ops.trunc)


@op("numpy", alike=elementwise)
def ceil(x: Any) -> Any:
    """Round up: ⌈x⌉; whole numbers become floating ones."""
    return ops.ceil(real_numbers(x))


@op("numpy", alike=elementwise)
def floor(x: Any) -> Any:
    """Round down: ⌊x⌋; whole numbers become floating ones."""
    return ops.floor(real_numbers(x))


@op("numpy", alike=elementwise)
def reciprocal(x: Any) -> Any:
    """Divide 1 by x, in floating point."""
    return ops.reciprocal(real_numbers(x))


@op("numpy", alike=elementwise)
def isreal(x: Any) -> Any:
    """Tell where x has no imaginary part."""
    return ops.equal(ops.imag(x), 0) if x.dtype.kind == "c" else ops.equal(x, x) | ops.isnan(x)


@op("numpy", alike=elementwise)
def round(x: Any, decimals: int = 0) -> Any:
    """Round to a number of decimals; halves go to the even neighbour."""
    return ops.round(x, decimals)


@op("numpy", alike=elementwise)
def nan_to_num(
    x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Any:
    """Put numbers in place of what is none; infinities become the largest numbers."""
    return ops.nan_to_num(x, nan, posinf, neginf)


@op("numpy", alike=elementwise)
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """Bring x into [x_min, x_max]; the bounds are numbers or tensors."""
    if isinstance(x_min, NUMBERS) and isinstance(x_max, NUMBERS):
        if x.dtype.kind in "iub" and (isinstance(x_min, float) or isinstance(x_max, float)):
            x = real_numbers(x)
        return ops.clip(x, x_min, x_max)
    return ops.minimum(ops.maximum(x, _bound(x, x_min)), _bound(x, x_max))


def _bound(x: Tensor, bound: Any) -> Any:
    return bound if isinstance(bound, (*NUMBERS, Tensor)) else ops.cast(as_operand(bound), x.dtype)
