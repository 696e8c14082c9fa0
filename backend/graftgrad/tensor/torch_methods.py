"""Methods that only PyTorch has, of the same name as ops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import expect
from ..ops import arithmetic, arrange, combined, products, select
from ..ops.complex import angle
from ..ops.operand import full_like
from ..ops.shape import moveaxis, sizes_of
from ..spec import Spec, as_dtype

if TYPE_CHECKING:
    from .core import Tensor


class TorchMethods:
    """What PyTorch alone has as methods; each says what it does as the op of its name."""

    __slots__ = ()

    def mm(self: Tensor, other: Any) -> Tensor:
        """Multiply two matrices."""
        return combined.mm(self, other)

    def bmm(self: Tensor, other: Any) -> Tensor:
        """Multiply two batches of matrices."""
        return combined.bmm(self, other)

    def mv(self: Tensor, other: Any) -> Tensor:
        """Multiply this matrix with a vector."""
        return combined.mv(self, other)

    def addmm(self: Tensor, a: Any, b: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """Add a product of matrices to a multiple of this tensor."""
        return combined.addmm(self, a, b, beta=beta, alpha=alpha)

    def addcmul(self: Tensor, a: Any, b: Any, *, value: float = 1) -> Tensor:
        """Add a product, element by element."""
        return combined.addcmul(self, a, b, value=value)

    def addcdiv(self: Tensor, a: Any, b: Any, *, value: float = 1) -> Tensor:
        """Add a quotient, element by element."""
        return combined.addcdiv(self, a, b, value=value)

    def outer(self: Tensor, other: Any) -> Tensor:
        """Multiply every element with every element."""
        return products.outer(self, other)

    def neg(self: Tensor) -> Tensor:
        """Change the sign."""
        return arithmetic.neg(self)

    def angle(self: Tensor) -> Tensor:
        """Return the angles of complex numbers."""
        return angle(self)

    def narrow(self: Tensor, axis: int, start: int, length: int) -> Tensor:
        """Take slices along an axis; a view."""
        return select.narrow(self, axis, start, length)

    def index_fill(self: Tensor, axis: int, indices: Any, value: Any) -> Tensor:
        """Write one value into slices, out of place."""
        return select.index_fill(self, axis, indices, value)

    def index_copy(self: Tensor, axis: int, indices: Any, values: Any) -> Tensor:
        """Write slices, out of place."""
        return select.index_copy(self, axis, indices, values)

    def masked_scatter(self: Tensor, mask: Tensor, source: Any) -> Tensor:
        """Write elements one after the other where a mask is true, out of place."""
        return select.masked_scatter(self, mask, source)

    def repeat_interleave(self: Tensor, repeats: Any, axis: int | None = None) -> Tensor:
        """Repeat each element, or each slice along an axis."""
        return arrange.repeat(self, repeats, axis)

    def movedim(self: Tensor, source: Any, destination: Any) -> Tensor:
        """Move axes to other places."""
        return moveaxis(self, source, destination)

    def t(self: Tensor) -> Tensor:
        """Exchange the axes of a matrix; a vector stays.

        Raises:
            ShapeError: there are more than two axes.
        """
        expect(self.ndim <= 2, "t", "there must be two axes at most", x=self.spec,
               advice="Use .mT for the last two of several.")  # fmt: skip
        return arrange.swapaxes(self, 0, 1) if self.ndim == 2 else self

    def new_zeros(self: Tensor, *size: Any, dtype: object = None) -> Tensor:
        """Return zeros of another shape in the element type and place of this tensor."""
        return self.new_full(sizes_of("new_zeros", size), 0, dtype)

    def new_ones(self: Tensor, *size: Any, dtype: object = None) -> Tensor:
        """Return ones of another shape in the element type and place of this tensor."""
        return self.new_full(sizes_of("new_ones", size), 1, dtype)

    def new_full(self: Tensor, size: Any, value: Any, dtype: object = None) -> Tensor:
        """Return one value in another shape, in the element type and place of this tensor."""
        kind = self.dtype if dtype is None else as_dtype(dtype)
        wanted = Spec(sizes_of("new_full", (size,)), kind)
        return full_like(self.zeros(wanted), value)
