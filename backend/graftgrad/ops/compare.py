"""Comparisons, logic and places of extrema: constant between their steps, so no gradient flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import DTypeError, expect
from ..function import Function, function
from ..spec import Spec, axis_within, bool_, broadcast, int64, is_complex, reduced, same_dtype
from .arithmetic import abs, sub, where
from .operand import cast, together
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Compare(Function):
    """Two operands compared element by element: `relation` is NumPy's name."""

    relation: str

    stacked: ClassVar[str] = "stretched"
    signs: ClassVar[dict[str, str]] = {
        "equal": "==",
        "not_equal": "!=",
        "less": "<",
        "less_equal": "<=",
        "greater": ">",
        "greater_equal": ">=",
        "logical_and": "&&",
        "logical_or": "||",
    }

    @property
    def c(self) -> str:
        """The comparison."""
        return f"a {self.signs[self.relation]} b" if self.relation in self.signs else ""

    @property
    def takes_complex(self) -> bool:  # type: ignore[override]
        """Complex numbers are equal or not; they have no order."""
        return self.relation in ("equal", "not_equal", "logical_and", "logical_or")

    def infer(self, a: Spec, b: Spec) -> Spec:
        same_dtype(self.relation, a=a, b=b)
        return Spec(broadcast(self.relation, a, b), bool_)

    def compute(self, xp: Any, a: Any, b: Any, y: Any) -> None:
        getattr(xp, self.relation)(a, b, out=y)


@function
class Test(Function):
    """One operand tested element by element: `question` is NumPy's name."""

    question: str

    questions: ClassVar[tuple[str, ...]] = (
        "isfinite",
        "isnan",
        "isinf",
        "signbit",
        "logical_not",
    )

    answers: ClassVar[dict[str, str]] = {
        "isfinite": "fabs(x) < INFINITY",
        "isnan": "x != x",
        "isinf": "fabs(x) == INFINITY",
        "logical_not": "!x",
    }
    takes_complex: ClassVar[bool] = True

    @property
    def c(self) -> str:
        """The test."""
        return self.answers.get(self.question, "")

    def infer(self, x: Spec) -> Spec:
        expect(self.question in self.questions, "test", f"must be one of {self.questions}",
               question=self.question)  # fmt: skip
        expect(not (self.question == "signbit" and is_complex(x.dtype)), "signbit",
               "operands must be real numbers", error=DTypeError, x=x,
               advice="Take .real or .imag first.")  # fmt: skip
        return Spec(x.shape, bool_)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        getattr(xp, self.question)(x, out=y)


@function
class ArgExtremum(Function):
    """The place of the largest or smallest element along one axis; the first of several."""

    axis: int
    largest: bool = True

    stacked: ClassVar[str] = "shifted"

    def infer(self, x: Spec) -> Spec:
        expect(x.shape[self.axis] > 0, "argmax", "the axis must not be empty", x=x, axis=self.axis)
        return Spec(reduced(x.shape, (self.axis,), False), int64)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        y[...] = (xp.argmax if self.largest else xp.argmin)(x, axis=self.axis)


def _compare(relation: str, a: Any, b: Any) -> Tensor:
    return Compare(relation)(*together(a, b))  # type: ignore[no-any-return]


def equal(a: Any, b: Any) -> Tensor:
    """Compare: y = (a = b), broadcast."""
    return _compare("equal", a, b)


def not_equal(a: Any, b: Any) -> Tensor:
    """Compare: y = (a ≠ b), broadcast."""
    return _compare("not_equal", a, b)


def less(a: Any, b: Any) -> Tensor:
    """Compare: y = (a < b), broadcast."""
    return _compare("less", a, b)


def less_equal(a: Any, b: Any) -> Tensor:
    """Compare: y = (a ≤ b), broadcast."""
    return _compare("less_equal", a, b)


def greater(a: Any, b: Any) -> Tensor:
    """Compare: y = (a > b), broadcast."""
    return _compare("greater", a, b)


def greater_equal(a: Any, b: Any) -> Tensor:
    """Compare: y = (a ≥ b), broadcast."""
    return _compare("greater_equal", a, b)


def logical_and(a: Any, b: Any) -> Tensor:
    """Tell where both are true."""
    return _compare("logical_and", a, b)


def logical_or(a: Any, b: Any) -> Tensor:
    """Tell where at least one is true."""
    return _compare("logical_or", a, b)


def logical_not(x: Tensor) -> Tensor:
    """Tell where x is false."""
    return Test("logical_not")(x)  # type: ignore[no-any-return]


def isfinite(x: Tensor) -> Tensor:
    """Tell where x is neither infinite nor NaN."""
    return Test("isfinite")(x)  # type: ignore[no-any-return]


def isnan(x: Tensor) -> Tensor:
    """Tell where x is not a number."""
    return Test("isnan")(x)  # type: ignore[no-any-return]


def argmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Find the place of the largest element along an axis; of all elements if None.

    Raises:
        ShapeError: there is nothing to compare.
    """
    return _place("argmax", x, axis, keepdims, True)


def argmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Find the place of the smallest element along an axis; of all elements if None.

    Raises:
        ShapeError: there is nothing to compare.
    """
    return _place("argmin", x, axis, keepdims, False)


def count_nonzero(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Count the elements over `axis` that are not zero (all axes if None)."""
    return cast(x != 0, int64).sum(axis, keepdims)


def logical_xor(a: Any, b: Any) -> Tensor:
    """Tell where exactly one is true."""
    return _compare("logical_xor", a, b)


def isinf(x: Tensor) -> Tensor:
    """Tell where x is infinite."""
    return Test("isinf")(x)  # type: ignore[no-any-return]


def isposinf(x: Tensor) -> Tensor:
    """Tell where x is ∞."""
    return logical_and(isinf(x), x > 0)


def isneginf(x: Tensor) -> Tensor:
    """Tell where x is −∞."""
    return logical_and(isinf(x), x < 0)


def signbit(x: Tensor) -> Tensor:
    """Tell where x has a minus sign, a zero too."""
    return Test("signbit")(x)  # type: ignore[no-any-return]


def isclose(
    a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Tell where a is close to b, broadcast: |a − b| ≤ atol + rtol · |b|; infinities by sign."""
    a, b = together(a, b)
    if a.spec.dtype.kind in "biu":
        a, b = cast(a, "float64"), cast(b, "float64")
    a, b = a.detach(), b.detach()
    finite = logical_and(isfinite(a), isfinite(b))
    gap = abs(sub(where(finite, a, 0), where(finite, b, 0)))
    near = logical_and(finite, gap <= abs(where(finite, b, 0)) * rtol + atol)
    same = logical_or(equal(a, b), near)
    return logical_or(same, logical_and(isnan(a), isnan(b))) if equal_nan else same


def allclose(
    a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Tell whether a is close to b everywhere: |a − b| ≤ atol + rtol · |b|."""
    return bool(isclose(a, b, rtol, atol, equal_nan).all())


def array_equal(a: Any, b: Any) -> bool:
    """Tell whether two tensors have one shape and equal elements."""
    a, b = together(a, b)
    return a.shape == b.shape and bool(equal(a, b).all())


def _place(subject: str, x: Tensor, axis: int | None, keepdims: bool, largest: bool) -> Tensor:
    flat = reshape(x, (-1,)) if axis is None else x
    place = axis_within(subject, axis or 0, flat.ndim)
    y: Tensor = ArgExtremum(place, largest)(flat)
    if not keepdims:
        return y
    sizes = (1,) * x.ndim if axis is None else reduced(x.shape, (place,), True)
    return reshape(y, sizes)
