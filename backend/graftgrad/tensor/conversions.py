"""What PyTorch's tensors are asked for: other element types, and what they are like."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from ..ops import operand, shape
from ..spec import DType, bfloat16, bool_, float16, float64, int32, int64, is_complex, is_floating

if TYPE_CHECKING:
    from .core import Tensor


class Conversions:
    """Element types by the names of C, and descriptions as methods."""

    __slots__ = ()

    def double(self: Tensor) -> Tensor:
        """Convert to float64."""
        return operand.cast(self, float64)

    def half(self: Tensor) -> Tensor:
        """Convert to float16."""
        return operand.cast(self, float16)

    def bfloat16(self: Tensor) -> Tensor:
        """Convert to bfloat16."""
        return operand.cast(self, bfloat16)

    def long(self: Tensor) -> Tensor:
        """Convert to int64, towards 0."""
        return operand.cast(self, int64)

    def int(self: Tensor) -> Tensor:
        """Convert to int32, towards 0."""
        return operand.cast(self, int32)

    def bool(self: Tensor) -> Tensor:
        """Tell which elements are not 0."""
        return operand.cast(self, bool_)

    def type_as(self: Tensor, other: Tensor) -> Tensor:
        """Convert to the element type of another tensor."""
        return operand.cast(self, other.dtype)

    def view_as(self: Tensor, other: Tensor) -> Tensor:
        """Give the shape of another tensor of as many elements."""
        return shape.reshape(self, *other.shape)

    def expand_as(self: Tensor, other: Tensor) -> Tensor:
        """Stretch to the shape of another tensor, without a copy."""
        return shape.broadcast_to(self, other.shape)

    def dim(self: Tensor) -> builtins.int:
        """Return the number of axes."""
        return self.ndim

    def numel(self: Tensor) -> builtins.int:
        """Return the number of elements."""
        return self.size

    def element_size(self: Tensor) -> builtins.int:
        """Return the number of bytes of an element."""
        kind: DType = self.dtype
        return kind.itemsize

    def is_contiguous(self: Tensor) -> builtins.bool:
        """Tell whether elements lie in row-major order without gaps."""
        return self.spec.contiguous

    def is_floating_point(self: Tensor) -> builtins.bool:
        """Tell whether elements are real numbers in floating point."""
        return is_floating(self.dtype)

    def is_complex(self: Tensor) -> builtins.bool:
        """Tell whether elements are complex numbers."""
        return is_complex(self.dtype)
