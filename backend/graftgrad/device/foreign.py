"""How libraries of others are treated where a GPU is asked for: what they warn of is no error."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def unwarned() -> Iterator[None]:
    """Let nothing inside of a `with` block fail for a warning, whatever the program asked for.

    A library whose import or plan breaks off for a warning would count as absent.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def imported(name: str) -> Any:
    """Import a module of others."""
    with unwarned():
        return importlib.import_module(name)


def in_one_line(failure: BaseException) -> str:
    """Return an exception of others in one line: its class, and what it says first.

    Of an import that failed that is the error behind it, where CuPy tells it.
    """
    text = str(failure).rpartition("Original error:")[2]
    lines = [line.strip() for line in text.splitlines()]
    said = next((line for line in lines if any(map(str.isalnum, line))), "")
    return f"{type(failure).__name__}: {said}" if said else type(failure).__name__
