"""Kernels written here for NVIDIA GPUs, in CUDA C++ that is compiled when it is first launched.

Importing this registers who may offer a body. Nothing is compiled, and CuPy is not imported, before
the first call on a GPU.
"""

from ...function import every_function
from ...kernel import kernel
from ...ops.fused import Fused
from ..fusion import KNOWN
from . import conv, elementwise, fused, gather, labels, lstm, norm, pool, random, reduce, softmax
from .fused import fusible
from .library import told

__all__ = [
    "conv",
    "fusible",
    "gather",
    "labels",
    "lstm",
    "norm",
    "pool",
    "random",
    "reduce",
    "softmax",
    "told",
]

for _function in every_function():
    if hasattr(_function, "c"):
        kernel(_function, on="gpu")(elementwise.build)
kernel(Fused, on="gpu")(fused.build)
KNOWN["gpu"] = fusible
