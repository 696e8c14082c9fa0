"""Tensors that move between devices: the values go through the host, gradients come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..device.base import Device
from ..function import Function, function
from ..kernel import Call
from ..spec import Spec

if TYPE_CHECKING:
    from .core import Tensor


@function
class Move(Function):
    """The same values on another device.

    Attributes:
        target: where they go.
        source: where they come from.
    """

    target: Device
    source: Device
    outputs = ("y",)
    takes_complex = True

    def infer(self, x: Spec) -> Spec:
        """Return the description of the values, which lie without gaps afterwards."""
        return x.like()

    def __call__(self, *operands: Tensor) -> Any:
        """Copy the values; the result remembers where they came from."""
        (x,) = operands
        spec = x.spec.like()
        node = self.recorded(Call(self, (x.spec,), (spec,), self.source), (x,))
        if node is not None:
            node.keep(self, (x,), (), ())
        return x.result(moved(x.array, x.spec, self.source, self.target), spec, self.target, node)

    def grad_x(self, gy: Tensor) -> Tensor:
        """Move the gradient back."""
        moved_back: Tensor = Move(self.source, self.target)(gy)
        return moved_back


def moved(array: Any, spec: Spec, source: Device, target: Device) -> Any:
    """Return an array of one device as a new one of another.

    Raises:
        DeviceError: the source has no values, and the target wants some.
    """
    if not target.computes:
        return target.empty(spec.like())
    return target.put(source.fetch(array), spec.dtype)
