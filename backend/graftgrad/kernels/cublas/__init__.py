"""Matrix products on NVIDIA GPUs with cuBLAS, which is looked for when the first call asks.

CuPy's own binding can neither be recorded into a graph nor multiply batches of 16-bit numbers.
"""

from . import bodies, matmul
from .library import told, why_not

__all__ = ["bodies", "matmul", "told", "why_not"]
