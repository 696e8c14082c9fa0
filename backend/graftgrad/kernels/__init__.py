"""Fast bodies of functions, one folder per library; what they compute is told in `ops` alone.

Importing this registers who may offer a body; those for GPUs register when the first call on one
asks. A library is looked for then, too.
"""

from typing import TYPE_CHECKING

from ..deferred import deferred
from ..kernel import provide
from ..ops import adagrad, adam  # noqa: F401  (what is not imported cannot be registered)
from . import attention, native, onednn, recurrent, winograd
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

if TYPE_CHECKING:
    from . import cublas, cuda, cudnn
else:
    __getattr__, __dir__ = deferred(__name__, cublas="", cuda="", cudnn="")

# In this order: what is registered last is asked first.
provide("gpu", f"{__name__}.cublas", f"{__name__}.cuda", f"{__name__}.cudnn")
