"""Bodies from oneDNN, Intel's library of kernels for neural networks on processors."""

from . import conv, conv3d, matmul, norm, pool, reduce, sample_norm, softmax

__all__ = ["conv", "conv3d", "matmul", "norm", "pool", "reduce", "sample_norm", "softmax"]
