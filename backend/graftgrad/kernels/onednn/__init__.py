"""Bodies from oneDNN, Intel's library of kernels for neural networks on processors."""

from . import conv, matmul, norm, pool

__all__ = ["conv", "matmul", "norm", "pool"]
