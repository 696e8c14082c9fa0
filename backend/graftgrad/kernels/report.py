"""What computes here, printed: versions, and which libraries of fast bodies are used or why not."""

from __future__ import annotations

import platform

import numpy as np

from .onednn.library import library, why_not
from .threads import get_num_threads


def show_config() -> None:
    """Print the versions in use, where oneDNN was found or why it is not used, and its threads."""
    print(f"python   {platform.python_version()} on {platform.system()} {platform.machine()}")
    print(f"numpy    {np.__version__}")
    print(f"onednn   {_onednn()}")
    print(f"threads  {get_num_threads()}")


def _onednn() -> str:
    reason = why_not()
    if reason:
        return f"not used: {reason}"
    found = library()
    return f"{found.version} from {found.path}"
