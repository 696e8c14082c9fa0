"""Methods of the same name as ops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ops import arithmetic, compare, exponential, parts, reduce, shape

if TYPE_CHECKING:
    from .core import Tensor


class Methods:
    """What NumPy and PyTorch have as methods; each says what it does as the op of its name."""

    __slots__ = ()

    @property
    def T(self: Tensor) -> Tensor:
        """The axes in reverse order."""
        return shape.transpose(self)

    def reshape(self: Tensor, *sizes: Any) -> Tensor:
        """Give another shape of as many elements; one size may be −1."""
        return shape.reshape(self, *sizes)

    def transpose(self: Tensor, *axes: Any) -> Tensor:
        """Put axes into another order; none given turns their order round."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return shape.transpose(self, order or None)

    permute = transpose

    def flatten(self: Tensor, start_axis: int = 0, end_axis: int = -1) -> Tensor:
        """Join axes into one."""
        return shape.flatten(self, start_axis, end_axis)

    def squeeze(self: Tensor, axis: Any = None) -> Tensor:
        """Drop axes of size 1."""
        return shape.squeeze(self, axis)

    def unsqueeze(self: Tensor, axis: int) -> Tensor:
        """Insert an axis of size 1."""
        return shape.expand_dims(self, axis)

    def expand(self: Tensor, *sizes: Any) -> Tensor:
        """Stretch axes of size 1."""
        wanted = sizes[0] if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
        return shape.broadcast_to(self, tuple(wanted))

    @property
    def real(self: Tensor) -> Tensor:
        """The real part, a view; itself where numbers are real."""
        return parts.real(self)

    @property
    def imag(self: Tensor) -> Tensor:
        """The imaginary part, a view; zeros where numbers are real."""
        return parts.imag(self)

    def conj(self: Tensor) -> Tensor:
        """Conjugate; itself where numbers are real."""
        return parts.conj(self)

    def sum(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Add elements over axes."""
        return reduce.sum(self, axis, keepdims)

    def mean(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Average elements over axes."""
        return reduce.mean(self, axis, keepdims)

    def var(self: Tensor, axis: Any = None, keepdims: bool = False, correction: int = 0) -> Tensor:
        """Spread around the mean over axes."""
        return reduce.var(self, axis, keepdims, correction)

    def max(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Largest element over axes."""
        return reduce.max(self, axis, keepdims)

    def min(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Smallest element over axes."""
        return reduce.min(self, axis, keepdims)

    def prod(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Product of elements over axes."""
        return reduce.prod(self, axis, keepdims)

    def all(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Whether every element over axes is true."""
        return reduce.all(self, axis, keepdims)

    def any(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Whether at least one element over axes is true."""
        return reduce.any(self, axis, keepdims)

    def argmax(self: Tensor, axis: int | None = None) -> Tensor:
        """Place of the largest element."""
        return compare.argmax(self, axis)

    def argmin(self: Tensor, axis: int | None = None) -> Tensor:
        """Place of the smallest element."""
        return compare.argmin(self, axis)

    def exp(self: Tensor) -> Tensor:
        """Exponential."""
        return exponential.exp(self)

    def log(self: Tensor) -> Tensor:
        """Natural logarithm."""
        return exponential.log(self)

    def sqrt(self: Tensor) -> Tensor:
        """Square root."""
        return exponential.sqrt(self)

    def tanh(self: Tensor) -> Tensor:
        """Hyperbolic tangent."""
        return exponential.tanh(self)

    def sigmoid(self: Tensor) -> Tensor:
        """Logistic function."""
        return exponential.sigmoid(self)

    def abs(self: Tensor) -> Tensor:
        """Drop the sign."""
        return arithmetic.abs(self)

    def clip(self: Tensor, lower: Any = None, upper: Any = None) -> Tensor:
        """Keep within bounds."""
        return arithmetic.clip(self, lower, upper)
