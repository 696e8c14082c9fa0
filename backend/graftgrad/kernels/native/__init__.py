"""Machine code made here, in Python: elementwise ops, fused runs of them, updates, reductions.

Importing this registers who may offer a body. Nothing is compiled before the first call.
"""

from ...function import every_function
from ...kernel import kernel
from ...ops.fused import Fused
from . import elementwise, fused, gather, philox, scalar, softmax, sums
from .fused import fusible

__all__ = ["fusible", "gather", "philox", "scalar", "softmax", "sums"]

for _function in every_function():
    if hasattr(_function, "c"):
        kernel(_function, on="cpu")(elementwise.build)
kernel(Fused, on="cpu")(fused.build)
