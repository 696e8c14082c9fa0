"""Bodies from oneDNN, Intel's library of kernels for neural networks on processors."""

from . import conv, matmul, norm, pool, reduce, sample_norm, softmax

__all__ = ["conv", "matmul", "norm", "pool", "reduce", "sample_norm", "softmax"]
