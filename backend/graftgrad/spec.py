"""The description of an array without the array: shape, element type, layout; and their arithmetic.

Broadcasting, promotion, axes and windows are worked out here on descriptions alone. No array is
made.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from .errors import DTypeError, ShapeError, expect

DType = np.dtype[Any]
Shape = tuple[int, ...]
Pair = tuple[int, int]
Pads = tuple[Pair, ...]

float16: DType = np.dtype("float16")
float32: DType = np.dtype("float32")
float64: DType = np.dtype("float64")
bfloat16: DType = np.dtype(ml_dtypes.bfloat16)
int8: DType = np.dtype("int8")
int16: DType = np.dtype("int16")
int32: DType = np.dtype("int32")
int64: DType = np.dtype("int64")
uint8: DType = np.dtype("uint8")
uint16: DType = np.dtype("uint16")
uint32: DType = np.dtype("uint32")
uint64: DType = np.dtype("uint64")
complex64: DType = np.dtype("complex64")
complex128: DType = np.dtype("complex128")
bool_: DType = np.dtype("bool")

_NAMED: dict[str, DType] = {
    str(dtype): dtype
    for dtype in (
        *(float16, float32, float64, bfloat16, bool_),
        *(int8, int16, int32, int64, uint8, uint16, uint32, uint64),
        *(complex64, complex128),
    )
}
_KNOWN: dict[Any, DType] = {**_NAMED, **{dtype: dtype for dtype in _NAMED.values()}}
_FLOATING = frozenset((float16, float32, float64, bfloat16))
_DIFFERENTIABLE = _FLOATING | {complex64, complex128}


def as_dtype(dtype: object) -> DType:
    """Return the element type for a name, a NumPy type or a Python number type.

    Raises:
        DTypeError: it is none that tensors can hold.
    """
    known = _KNOWN.get(dtype) if isinstance(dtype, (str, np.dtype)) else None
    if known is not None:  # printing a NumPy type, as below, costs microseconds
        return known
    try:
        found = str(np.dtype(dtype))  # type: ignore[call-overload]
    except TypeError:
        found = repr(dtype)
    expect(
        found in _NAMED,
        "dtype",
        f"must be one of {', '.join(_NAMED)}",
        error=DTypeError,
        dtype=dtype,
    )
    return _NAMED[found]


def can_cast(given: DType, wanted: DType) -> bool:
    """Tell whether values may be stored as another type: truth < whole < real numbers < complex."""
    order = {"b": 0, "u": 1, "i": 2, "f": 3, "V": 3, "c": 4}
    low, high = order[given.kind], order[wanted.kind]
    return low <= high or (low, high) == (2, 1)


def is_floating(dtype: DType) -> bool:
    """Tell whether elements are real numbers in floating point."""
    return dtype in _FLOATING


def is_complex(dtype: DType) -> bool:
    """Tell whether elements are complex numbers."""
    return dtype.kind == "c"


def is_differentiable(dtype: DType) -> bool:
    """Tell whether elements are real or complex numbers in floating point: gradients exist."""
    return dtype in _DIFFERENTIABLE


def real_dtype(dtype: DType) -> DType:
    """Return the element type of the parts of complex numbers; a real type is its own."""
    return (float32 if dtype.itemsize == 8 else float64) if dtype.kind == "c" else dtype


def complex_dtype(dtype: DType) -> DType:
    """Return the element type of complex numbers with such parts: at least complex64."""
    if dtype.kind == "c":
        return dtype
    return complex128 if dtype == float64 else complex64


class Spec:
    """Shape, element type and layout of an array; hashable, so that choices are made once per Spec.

    `contiguous` says that elements lie in row-major order without gaps.
    """

    __slots__ = ("contiguous", "dtype", "hashed", "shape")

    def __init__(self, shape: Shape, dtype: DType = float32, contiguous: bool = True) -> None:
        self.shape = shape
        self.dtype = dtype
        self.contiguous = contiguous
        self.hashed = hash((shape, dtype.num, contiguous))

    def __hash__(self) -> int:
        return self.hashed

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Spec)
            and self.shape == other.shape
            and self.dtype == other.dtype
            and self.contiguous == other.contiguous
        )

    def __repr__(self) -> str:
        layout = "" if self.contiguous else ", strided"
        return f"{self.shape} {self.dtype}{layout}"

    __str__ = __repr__

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The number of bytes of a contiguous array."""
        return self.size * self.dtype.itemsize

    def shaped(self, *shape: int) -> Spec:
        """Return a contiguous description of the same element type and another shape."""
        return Spec(shape, self.dtype)

    def typed(self, dtype: DType) -> Spec:
        """Return a contiguous description of the same shape and another element type."""
        return Spec(self.shape, dtype)

    def like(self) -> Spec:
        """Return a contiguous description of the same shape and element type."""
        return self if self.contiguous else Spec(self.shape, self.dtype)


def broadcast(subject: str, *specs: Spec) -> Shape:
    """Return the shape to which all operands stretch: axes align at the end, 1 stretches.

    Raises:
        ShapeError: two sizes on one axis differ and neither is 1.
    """
    first = specs[0].shape
    if all(spec.shape == first for spec in specs):
        return first
    try:
        return np.broadcast_shapes(*(spec.shape for spec in specs))
    except ValueError:
        given = {f"operand {i}": spec for i, spec in enumerate(specs)}
        listed = ", ".join(f"{name} {spec}" for name, spec in given.items())
        raise ShapeError(
            f"{subject}: sizes must be equal or 1 on every axis, from the last; got {listed}."
        ) from None


def same_dtype(subject: str, **specs: Spec) -> DType:
    """Return the one element type of all operands.

    Raises:
        DTypeError: they differ.
    """
    first, *rest = specs.values()
    for spec in rest:
        if spec.dtype != first.dtype:
            expect(False, subject, "operands must share one dtype", error=DTypeError,
                   advice="Convert one with .to(dtype).", **specs)  # fmt: skip
    return first.dtype


def expect_numbers(subject: str, **specs: Spec) -> None:
    """Refuse truth values where numbers are needed.

    Raises:
        DTypeError: an operand is bool.
    """
    for spec in specs.values():
        expect(spec.dtype != bool_, subject, "operands must be numbers, not truth values",
               error=DTypeError, advice="Convert with .to(dtype), or take a logical op.",
               **specs)  # fmt: skip


def rounded(wide: Spec, beside: Spec) -> Spec:
    """Describe a float32 operand as one of the 16-bit real numbers of another, else as it is.

    Bodies round such an operand, so that weights may stay float32.
    """
    short = beside.dtype.itemsize == 2 and is_floating(beside.dtype)
    return wide.typed(beside.dtype) if short and wide.dtype == float32 else wide


def promoted(*dtypes: DType) -> DType:
    """Return the element type that holds all of them, by NumPy's rules."""
    first = dtypes[0]
    if all(dtype == first for dtype in dtypes):
        return first
    try:
        return as_dtype(np.result_type(*dtypes))
    except TypeError as error:
        raise DTypeError(
            f"promotion: dtypes must have a common one; got {', '.join(map(str, dtypes))}. "
            "Convert one with .to(dtype)."
        ) from error


def axis_within(subject: str, axis: int, ndim: int) -> int:
    """Count an axis from the front.

    Raises:
        ShapeError: there is no such axis.
    """
    expect(-ndim <= axis < ndim, subject, f"axis must lie in [{-ndim}, {ndim})", axis=axis)
    return axis % ndim


def axes_within(subject: str, axis: int | Iterable[int] | None, ndim: int) -> tuple[int, ...]:
    """Count axes from the front, ascending; None means all of them.

    Raises:
        ShapeError: there is no such axis, or one is named twice.
    """
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, (int, np.integer)):
        return (axis_within(subject, int(axis), ndim),)
    axes = tuple(sorted(axis_within(subject, one, ndim) for one in axis))
    expect(len(set(axes)) == len(axes), subject, "no axis may be named twice", axis=axis)
    return axes


def reduced(shape: Shape, axes: Sequence[int], keepdims: bool) -> Shape:
    """Return the shape after reducing some axes."""
    if keepdims:
        return tuple(1 if i in axes else size for i, size in enumerate(shape))
    return tuple(size for i, size in enumerate(shape) if i not in axes)


def pair(subject: str, value: int | Sequence[int]) -> Pair:
    """Return (rows, columns) for one number or two.

    Raises:
        ShapeError: it is neither.
    """
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return (int(value), int(value))
    sizes = tuple(value) if isinstance(value, (tuple, list)) else ()
    expect(len(sizes) == 2, subject, "must be one integer or two", value=value)
    return (int(sizes[0]), int(sizes[1]))


def several(subject: str, value: int | Sequence[int], count: int) -> Shape:
    """Return `count` integers for one number or that many.

    Raises:
        ShapeError: it is neither.
    """
    if count == 2:
        return pair(subject, value)
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return (int(value),) * count
    sizes = tuple(value) if isinstance(value, (tuple, list)) else ()
    expect(len(sizes) == count, subject, f"must be one integer or {count}", value=value)
    return tuple(int(size) for size in sizes)


def window_pads(
    padding: str | int | Sequence[Any],
    sizes: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
) -> tuple[Pair, ...]:
    """Return how many zeros stand before and after each axis.

    "same" gives ⌈size / stride⌉ outputs and puts the odd zero after, as TensorFlow does; "valid"
    gives none; a number or pair counts for both ends; pairs of pairs are taken as they are.

    Raises:
        ShapeError: padding is none of these.
    """
    if padding == "valid":
        return tuple((0, 0) for _ in sizes)
    if padding == "same":
        pads = []
        for size, a, s, d in zip(sizes, window, strides, dilation, strict=True):
            total = max((-(-size // s) - 1) * s + (a - 1) * d + 1 - size, 0)
            pads.append((total // 2, total - total // 2))
        return tuple(pads)
    expect(not isinstance(padding, str), "padding", 'must be "valid", "same" or numbers',
           padding=padding)  # fmt: skip
    if isinstance(padding, int):
        return tuple((padding, padding) for _ in sizes)
    each = tuple(padding)
    expect(len(each) == len(sizes), "padding", f"must have {len(sizes)} entries", padding=padding)
    return tuple((p, p) if isinstance(p, int) else (int(p[0]), int(p[1])) for p in each)


def windows_along(
    subject: str,
    sizes: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[Pair],
    dilation: Sequence[int],
) -> Shape:
    """Return how many windows fit on each axis: ⌊(size + pads − dilation·(A − 1) − 1) / s⌋ + 1.

    Raises:
        ShapeError: the window is larger than the padded axis.
    """
    counts = []
    for size, a, s, (before, after), d in zip(sizes, window, strides, pads, dilation, strict=True):
        reach = (a - 1) * d + 1
        padded = size + before + after
        if reach > padded:
            expect(False, subject, "the window must fit into the padded input",
                   sizes=tuple(sizes), window=tuple(window), pads=tuple(pads),
                   dilation=tuple(dilation))  # fmt: skip
        counts.append((padded - reach) // s + 1)
    return tuple(counts)
