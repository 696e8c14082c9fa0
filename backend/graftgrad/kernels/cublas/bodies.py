"""Reference bodies whose matrix products are computed by our own calls of cuBLAS.

CuPy's products cannot be recorded into a graph, and batches of 16-bit numbers it multiplies without
tensor cores. Faster bodies of the same functions, where there are any, are asked first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...device.base import Array, Device
from ...function import every_function
from ...kernel import Call, Kernel, Reference, decline, kernel
from ...ops import attention, conv, conv3d, gru, layerwise, lstm, simple_rnn
from .gemm import gemms, straight
from .library import handle, why_not
from .matmul import MOST, form_of, lie_of

MODULES = (attention, conv, conv3d, gru, layerwise, lstm, simple_rnn)
Multiply = Callable[[Array, Array, Array], bool]


class Namespace:
    """A NumPy-like namespace with products of its own.

    Args:
        xp: where everything else comes from.
        multiply: writes a · b into an array without gaps, or returns false where it cannot.
    """

    def __init__(self, xp: Any, multiply: Multiply) -> None:
        self.xp = xp
        self.multiply = multiply

    def __getattr__(self, name: str) -> Any:
        return getattr(self.xp, name)

    def matmul(self, a: Array, b: Array, out: Array | None = None) -> Array:
        """Multiply matrices, in batches too."""
        fits = a.ndim > 1 and b.ndim > 1 and a.dtype == b.dtype
        if not fits or (out is not None and out.dtype != a.dtype):
            return self.xp.matmul(a, b) if out is None else self.xp.matmul(a, b, out=out)
        lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        plain = out is not None and out.flags.c_contiguous
        y: Any = out if plain else self.xp.empty((*lead, a.shape[-2], b.shape[-1]), a.dtype)
        if y.size and not a.shape[-1]:
            y[...] = 0
        elif y.size and not self.multiply(a, b, y):
            y[...] = self.xp.matmul(a, b)
        if out is None or plain:
            return y
        out[...] = y
        return out

    def dot(self, a: Array, b: Array) -> Array:
        """Multiply; of vectors it is the sum of products, a number without axes."""
        if a.ndim == b.ndim == 1:
            return self.matmul(a.reshape(1, -1), b.reshape(-1, 1)).reshape(())
        return self.xp.dot(a, b)


def multiply(device: Device, a: Array, b: Array, y: Array) -> bool:
    """Multiply by the library; return whether there is such a product."""
    form = form_of(a.dtype, y.dtype)
    if form is None:
        return False
    factors = [one if straight(lie_of(one)) else device.xp.ascontiguousarray(one) for one in (a, b)]
    calls = gemms(lie_of(factors[0]), lie_of(factors[1]), lie_of(y))
    if len(calls) > MOST:
        return False
    handle(device).run(calls, form, factors[0].data.ptr, factors[1].data.ptr, y.data.ptr)
    return True


class Body(Reference):
    """The reference body over such a namespace."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        xp = Namespace(call.device.xp, partial(multiply, call.device))
        self.compute = partial(call.function.compute, xp)


def body(call: Call) -> Kernel | None:
    """Offer the reference body with our own products."""
    reason = why_not()
    if reason:
        decline(call, reason)
        return None
    return Body(call)


_NAMES = frozenset(module.__name__ for module in MODULES)
for _function in every_function():
    if _function.__module__ in _NAMES and _function.alias is None:
        kernel(_function, on="gpu")(body)
