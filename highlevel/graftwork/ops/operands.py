"""What an op is given: tensors, host arrays, lists, Python's numbers; how their types meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import graftgrad
from graftgrad import Tensor, modes, ops
from graftgrad.errors import DTypeError
from graftgrad.spec import DType, as_dtype, is_floating

from ..defaults import floatx
from ..layers.symbol import KerasTensor

NUMBERS = (bool, int, float, complex)
_LADDER = ("bool", "int8", "int16", "int32", "int64")
_SHORT = ("float16", "bfloat16")


def as_operand(x: Any, dtype: Any = None) -> Any:
    """Return a tensor of what is given; tensors and symbols as they are.

    Python's whole numbers become int32, others `floatx()`; host arrays keep their element type.
    Lists that hold tensors are stacked.
    """
    if isinstance(x, KerasTensor):
        return x
    if isinstance(x, Tensor):
        y: Tensor = x.autocast() if modes.autocast() is not None else x
        return y if dtype is None else ops.cast(y, standard(dtype))
    if isinstance(x, (list, tuple)) and any(isinstance(one, Tensor) for one in _inside(x)):
        y = ops.stack(meet([as_operand(one) for one in x]), 0)
        return y if dtype is None else ops.cast(y, standard(dtype))
    if dtype is not None:
        return graftgrad.as_tensor(x, standard(dtype))
    if isinstance(x, (*NUMBERS, list, tuple, range)):
        return graftgrad.as_tensor(x, _weak(x))
    return graftgrad.as_tensor(x)


def _inside(x: Any) -> list[Any]:
    if isinstance(x, (list, tuple)):
        return [leaf for one in x for leaf in _inside(one)]
    return [x]


def _weak(x: Any) -> DType | None:
    """Return the element type of Python's numbers; None where arrays are among them."""
    kinds = set()
    for one in _inside(list(x) if isinstance(x, range) else x):
        if hasattr(one, "dtype") or not isinstance(one, NUMBERS):
            return None
        kinds.add(type(one))
    if complex in kinds:
        return as_dtype("complex64")
    if float in kinds or not kinds:
        return as_dtype(floatx())
    return as_dtype("int32" if int in kinds else "bool")


def standard(dtype: Any) -> DType:
    """Return an element type for its name, Python's type or NumPy's; `floatx()` for None.

    Raises:
        DTypeError: there is no such type.
    """
    if dtype is None:
        return as_dtype(floatx())
    if isinstance(dtype, type) and dtype in (bool, int, float):
        return as_dtype({bool: "bool", int: "int32", float: floatx()}[dtype])
    name = getattr(dtype, "name", None)
    return as_dtype(name if isinstance(name, str) else dtype)


def result_type(*dtypes: Any) -> str:
    """Return the element type in which operands of these types meet, by Keras' rules.

    Whole numbers never widen floating ones; float16 and bfloat16 meet in float32. Python's `int`
    and `float` are weak: they say only of which kind a number is.

    Raises:
        DTypeError: the types have nothing in common.
    """
    strong = [str(standard(one)) for one in dtypes if not _is_weak(one)]
    weak = [one for one in dtypes if _is_weak(one)]
    if not strong:
        kinds: list[Any] = weak or [float]
        top = max(kinds, key=(bool, int, float, complex).index)
        return {bool: "bool", int: "int32", float: floatx(), complex: "complex64"}[top]
    found = strong[0]
    for one in strong[1:]:
        found = _meeting(found, one)
    for kind in weak:
        if kind is complex and not found.startswith("complex"):
            found = "complex128" if found == "float64" else "complex64"
        elif kind is float and not found.startswith(("float", "bfloat", "complex")):
            found = floatx()
        elif kind is int and found == "bool":
            found = "int32"
    return found


def _is_weak(one: Any) -> bool:
    return isinstance(one, type) and one in NUMBERS  # NumPy's types equal Python's, so are left out


def _meeting(a: str, b: str) -> str:
    if a == b:
        return a
    if "complex" in a + b:
        double = any(one in ("complex128", "float64") for one in (a, b))
        return "complex128" if double else "complex64"
    floats = [one for one in (a, b) if is_floating(as_dtype(one))]
    if len(floats) == 1:
        return floats[0]
    if len(floats) == 2:
        if a in _SHORT and b in _SHORT:
            return "float32"
        return max(floats, key=lambda one: as_dtype(one).itemsize)
    if "bool" in (a, b):
        return b if a == "bool" else a
    if a in _LADDER and b in _LADDER:
        return max(a, b, key=_LADDER.index)
    sizes = {one: as_dtype(one).itemsize for one in (a, b)}
    if a.startswith("u") and b.startswith("u"):
        return max(sizes, key=sizes.__getitem__)
    unsigned = next(one for one in (a, b) if one.startswith("u"))
    signed = next(one for one in (a, b) if not one.startswith("u"))
    if unsigned == "uint64":
        return floatx()
    return max(signed, f"int{16 * sizes[unsigned]}", key=_LADDER.index)


def meet(xs: Sequence[Any]) -> list[Any]:
    """Bring tensors to the element type in which they meet; numbers stay as they are.

    Raises:
        DTypeError: the types have nothing in common.
    """
    kinds = {x.dtype for x in xs if isinstance(x, Tensor)}
    numbers = [type(x) for x in xs if isinstance(x, NUMBERS)]
    if len(kinds) == 1 and (not numbers or is_floating(next(iter(kinds)))):
        return list(xs)
    wanted = as_dtype(result_type(*kinds, *numbers))
    return [ops.cast(x, wanted) if isinstance(x, Tensor) else x for x in xs]


def operands(given: Sequence[Any]) -> list[Any]:
    """Return tensors of what is given; numbers beside tensors stay numbers, None stays None."""
    held = any(x is not None and not isinstance(x, NUMBERS) for x in given)
    found = []
    for x in given:
        if x is None or (held and isinstance(x, NUMBERS)):
            found.append(x)
        else:
            found.append(as_operand(x))
            held = True
    return found


def real_numbers(x: Tensor) -> Tensor:
    """Return x in floating point: whole numbers become `floatx()`."""
    return x if is_floating(x.dtype) or x.dtype.kind == "c" else ops.cast(x, floatx())


def as_int(x: Any, subject: str, name: str) -> int:
    """Return a whole number.

    Raises:
        DTypeError: it is none.
    """
    if isinstance(x, Tensor) and x.ndim == 0:
        return int(x.item())
    if not hasattr(x, "__index__"):
        raise DTypeError(f"{subject}: {name} must be a whole number; got {x!r}.")
    return int(x)
