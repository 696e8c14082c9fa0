"""Bodies from oneDNN, Intel's library of kernels for neural networks on processors."""

from . import conv, matmul, pool

__all__ = ["conv", "matmul", "pool"]
