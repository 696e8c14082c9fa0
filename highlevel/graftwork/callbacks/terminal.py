"""Lines and bars in the terminal. tqdm is imported by the first of them, since that takes long."""

from __future__ import annotations

import warnings
from typing import Any


def write(text: str, file: Any = None) -> None:
    """Write a line above the bars that are being drawn, to standard output if no file is named."""
    from tqdm import tqdm

    tqdm.write(text, file=file)


def opened_bar(**settings: Any) -> Any:
    """Open tqdm's bar, in a notebook its own kind; the settings are tqdm's."""
    with warnings.catch_warnings():  # without widgets a notebook shows the bar of a terminal
        warnings.filterwarnings("ignore", "IProgress not found")
        from tqdm.auto import tqdm

    return tqdm(**settings)
