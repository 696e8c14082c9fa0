"""Convolutions with 3 × 3 filters by fewer products: passes of our own and products by oneDNN."""

from . import convolution

__all__ = ["convolution"]
