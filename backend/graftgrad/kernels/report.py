"""What computes here, printed: versions, and which libraries of fast bodies are used or why not."""

from __future__ import annotations

import platform
from importlib import import_module

import numpy as np

from ..device import find
from ..device.gpu import GPU
from .native import pages
from .onednn.library import library, why_not
from .threads import get_num_threads

ON_GPUS = ("cublas", "cudnn", "cuda")  # rooms that are not imported before a GPU is asked for


def show_config() -> None:
    """Print versions, what fast bodies come from or why they are not used, and how many threads.

    Where there is a GPU: what it is called, for which CUDA its driver was made, and the libraries
    that compute on it.
    """
    print(f"python   {platform.python_version()} on {platform.system()} {platform.machine()}")
    print(f"numpy    {np.__version__}")
    print(f"onednn   {_onednn()}")
    print(f"native   {_native()}")
    print(f"gpu      {_gpu()}")
    if not find.missing():
        for name in ON_GPUS:
            told: str = import_module(f"{__package__}.{name}").told()
            print(f"{name:9}{told}")
    print(f"threads  {get_num_threads()}")


def _native() -> str:
    reason = pages.why_not()
    return f"not used: {reason}" if reason else "AVX2 and FMA"


def _gpu() -> str:
    absent = find.missing()
    if absent:
        return f"not used: {absent}"
    first = find.device("gpu")
    assert isinstance(first, GPU)
    more = f", {find.gpu_count()} in all" if find.gpu_count() > 1 else ""
    capability, driver = (".".join(map(str, one)) for one in (first.capability, first.driver))
    return f"{first.title} ({capability}){more}, driver for CUDA {driver}, CuPy {first.version}"


def _onednn() -> str:
    reason = why_not()
    if reason:
        return f"not used: {reason}"
    found = library()
    return f"{found.version} from {found.path}"
