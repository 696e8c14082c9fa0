"""Functions of two operands, element by element, under NumPy's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graftgrad import ops

from .operands import as_operand, meet, operands, real_numbers
from .operation import elementwise, op


def _binary(
    function: Callable[[Any, Any], Any], name: str | None = None
) -> Callable[[Any, Any], Any]:
    def combined(x1: Any, x2: Any) -> Any:
        return function(x1, x2)

    combined.__doc__ = function.__doc__
    combined.__module__ = function.__module__
    return op("numpy", 2, meets=True, alike=elementwise, name=name or function.__name__)(combined)


def _bitwise(
    function: Callable[[Any, Any], Any], name: str | None = None
) -> Callable[[Any, Any], Any]:
    def combined(x: Any, y: Any) -> Any:
        return function(x, y)

    combined.__doc__ = function.__doc__
    combined.__module__ = function.__module__
    return op("numpy", 2, meets=True, alike=elementwise, name=name or function.__name__)(combined)


add = _binary(ops.add)
arctan2 = _binary(ops.arctan2)
bitwise_and = _bitwise(ops.bitwise_and)
bitwise_left_shift = _bitwise(ops.left_shift, "bitwise_left_shift")
bitwise_or = _bitwise(ops.bitwise_or)
bitwise_right_shift = _bitwise(ops.right_shift, "bitwise_right_shift")
bitwise_xor = _bitwise(ops.bitwise_xor)
equal = _binary(ops.equal)
floor_divide = _binary(ops.floor_divide)
fmax = _binary(ops.fmax)
fmin = _binary(ops.fmin)
fmod = _binary(ops.fmod)
gcd = _binary(ops.gcd)
greater = _binary(ops.greater)
greater_equal = _binary(ops.greater_equal)
heaviside = _binary(ops.heaviside)
hypot = _binary(ops.hypot)
lcm = _binary(ops.lcm)
left_shift = _bitwise(ops.left_shift)
less = _binary(ops.less)
less_equal = _binary(ops.less_equal)
logaddexp = _binary(ops.logaddexp)
logaddexp2 = _binary(ops.logaddexp2)
logical_and = _binary(ops.logical_and)
logical_or = _binary(ops.logical_or)
logical_xor = _binary(ops.logical_xor)
maximum = _binary(ops.maximum)
minimum = _binary(ops.minimum)
mod = _binary(ops.remainder, "mod")
multiply = _binary(ops.mul, "multiply")
nextafter = _binary(ops.nextafter)
not_equal = _binary(ops.not_equal)
power = _binary(ops.power)
right_shift = _bitwise(ops.right_shift)
subtract = _binary(ops.sub, "subtract")


@op("numpy", 2, meets=True, alike=elementwise)
def divide(x1: Any, x2: Any) -> Any:
    """Divide element by element: x1 / x2, in floating point."""
    return ops.div(x1, x2)


@op("numpy", 2, meets=True, alike=elementwise)
def true_divide(x1: Any, x2: Any) -> Any:
    """Divide element by element: x1 / x2, in floating point."""
    return ops.div(x1, x2)


@op("numpy", 2, meets=True, alike=elementwise)
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """Divide element by element; where the divisor is 0, so is the result and every gradient."""
    x1, x2 = (real_numbers(as_operand(x)) for x in (x1, x2))
    zero = ops.equal(x2, 0)
    return ops.where(zero, 0.0, ops.div(x1, ops.where(zero, 1.0, x2)))


@op("numpy", 2, alike=elementwise)
def ldexp(x1: Any, x2: Any) -> Any:
    """Multiply by a power of two: x1 · 2^x2."""
    return ops.mul(real_numbers(as_operand(x1)), ops.exp2(as_operand(x2)))


@op("numpy", 2, meets=True, alike=elementwise)
def isclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    """Tell where |x1 − x2| ≤ atol + rtol · |x2|."""
    return ops.isclose(as_operand(x1), x2, rtol, atol, equal_nan)


@op("numpy", 2, meets=True)
def allclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    """Tell whether |x1 − x2| ≤ atol + rtol · |x2| everywhere."""
    return ops.all(ops.isclose(as_operand(x1), x2, rtol, atol, equal_nan))


@op("numpy", 3, alike=elementwise)
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """Take from x1 where a condition holds, from x2 elsewhere; alone: where it holds, by axis."""
    condition = ops.cast(as_operand(condition), "bool")
    if x1 is None and x2 is None:
        return tuple(ops.cast(one, "int32") for one in ops.nonzero(condition))
    return ops.where(condition, *meet(operands([x1, x2])))
