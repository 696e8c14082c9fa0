"""Fast bodies of functions, one folder per library; what they compute is told in `ops` alone.

Importing this registers who may offer a body. A library is looked for when the first call asks.
"""

from ..ops import adagrad, adam  # noqa: F401  (what is not imported cannot be registered)
from . import attention, cublas, cuda, cudnn, native, onednn, recurrent, winograd
from .report import show_config
from .threads import get_num_threads, set_num_threads

__all__ = [
    "attention",
    "cublas",
    "cuda",
    "cudnn",
    "get_num_threads",
    "native",
    "onednn",
    "recurrent",
    "set_num_threads",
    "show_config",
    "winograd",
]
