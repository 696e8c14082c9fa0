"""Convolutions, batch normalisation and attention on NVIDIA GPUs with cuDNN 9.

Importing this registers who may offer a body. Its frontend is looked for when the first call
asks; without it products of patches (`cublas`) and the kernels of `cuda` compute.
"""

from . import attention, conv, norm
from .frontend import told, why_not

__all__ = ["attention", "conv", "norm", "told", "why_not"]
