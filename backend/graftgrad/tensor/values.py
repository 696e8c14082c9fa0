"""What leaves a tensor: its numbers as an array or as Python's, its text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..device.base import HostArray
from ..errors import DTypeError, GradientError, expect
from ..spec import bool_, float32, int64

if TYPE_CHECKING:
    from .core import Tensor


class Values:
    """How the values of a tensor are read."""

    __slots__ = ()

    def numpy(self: Tensor) -> HostArray:
        """Return the values as a NumPy array; on the CPU memory is shared.

        Raises:
            GradientError: gradients are wanted; use `.detach().numpy()`.
        """
        expect(not self.wants, "numpy", "the tensor must not want gradients", error=GradientError,
               advice="Use .detach().numpy().", requires_grad=True)  # fmt: skip
        host = self.device.fetch(self.array)
        self.counter.lent = self.counter.lent or host is self.array
        return host

    def __array__(self: Tensor, dtype: Any = None, copy: bool | None = None) -> HostArray:
        expect(not self.wants, "numpy", "a tensor that wants gradients must not leave the graph",
               error=GradientError, x=self.spec,
               advice="Use functions of graftgrad.ops, or .detach() to cut it off.")  # fmt: skip
        host = self.device.fetch(self.array)
        made = np.array(host, dtype=dtype) if copy else np.asarray(host, dtype=dtype)
        self.counter.lent = self.counter.lent or made is host
        if copy is False and made is not host:
            raise ValueError(f"numpy: {self.dtype} must be copied to be {dtype}; got copy=False.")
        return made

    def item(self: Tensor) -> Any:
        """Return the only element as a Python number.

        Raises:
            ShapeError: there are several elements.
        """
        expect(self.size == 1, "item", "there must be exactly one element", x=self.spec)
        return self.device.fetch(self.array).reshape(()).item()

    def tolist(self: Tensor) -> Any:
        """Return the values as nested lists of Python numbers."""
        return self.device.fetch(self.array).tolist()

    def __float__(self: Tensor) -> float:
        return float(self.item())

    def __complex__(self: Tensor) -> complex:
        return complex(self.item())

    def __int__(self: Tensor) -> int:
        return int(self.item())

    def __bool__(self: Tensor) -> bool:
        expect(self.size == 1, "bool", "only one element is true or false", x=self.spec,
               advice="Use .any() or .all(), or ops.where for each element.")  # fmt: skip
        return bool(self.item())

    def __index__(self: Tensor) -> int:
        expect(
            self.dtype.kind in "iu", "index", "must be an integer", error=DTypeError, x=self.spec
        )
        return int(self.item())

    def __len__(self: Tensor) -> int:
        expect(self.ndim > 0, "len", "there must be at least one axis", x=self.spec)
        return self.shape[0]

    def __iter__(self: Tensor) -> Iterator[Tensor]:
        for i in range(len(self)):
            yield self[i]

    def __format__(self: Tensor, form: str) -> str:
        alone = bool(form) or (self.ndim == 0 and _has_values(self))
        return format(self.item(), form) if alone else str(self)

    def __repr__(self: Tensor) -> str:
        if _has_values(self):
            host = self.device.fetch(self.array)
            values = np.array2string(host, separator=", ", prefix="tensor(", threshold=100)
        else:
            values = f"shape={self.shape}"
        notes = [values]
        if self.dtype not in (float32, int64, bool_):
            notes.append(f"dtype={self.dtype}")
        if self.device.kind != "cpu":
            notes.append(f"device={str(self.device)!r}")
        if self.grad_fn is not None:
            notes.append(f"grad_fn={self.grad_fn!r}")
        elif self.wants:
            notes.append("requires_grad=True")
        return f"tensor({', '.join(notes)})"


def _has_values(x: Tensor) -> bool:
    """Tell whether there are values to show; inside of `vmap` each sample has its own."""
    return x.device.computes and not x.device.maps
