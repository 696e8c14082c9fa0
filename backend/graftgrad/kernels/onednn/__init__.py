"""Bodies from oneDNN, Intel's library of kernels for neural networks on processors."""

from . import conv, pool

__all__ = ["conv", "pool"]
