"""Names of a package whose modules are imported when somebody first asks for one (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def deferred(
    package: str, elsewhere: Mapping[str, str] | None = None, /, **modules: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` of a package, which import and list what comes late.

    Type checkers read the same names in imports that do not run:

        if TYPE_CHECKING:
            from . import tables
            from .page import Page, written
        else:
            __getattr__, __dir__ = deferred(__name__, tables="", page="Page written")

    Args:
        package: its name.
        elsewhere: names that other libraries have in such a package, and what to write here.
        modules: for each module the names that it brings, separated by spaces; none if the module
            itself is the name.
    """
    where = {name: module for module, names in modules.items() for name in names.split()}
    where |= {module: "" for module, names in modules.items() if not names}

    def __getattr__(name: str) -> Any:
        if name not in where:
            advice = f". {elsewhere[name]}" if elsewhere and name in elsewhere else ""
            advice = advice or _near(name, __dir__())
            text = f"module {package!r} has no attribute {name!r}{advice}"
            raise AttributeError(text, name=name, obj=None)  # else Python adds another guess
        module = import_module(f"{package}.{where[name] or name}")
        found = getattr(module, name) if where[name] else module
        setattr(sys.modules[package], name, found)  # it is asked for once
        return found

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[package]), *where})

    return __getattr__, __dir__


def _near(name: str, known: list[str]) -> str:
    """Ask for the name that may have been meant; systems look for names with underscores."""
    if name.startswith("_"):
        return ""
    import difflib  # here: a failure alone needs it

    known = sorted(known, key=lambda one: one[:1].isupper())  # a class rather than its module
    small = {one.lower(): one for one in known if not one.startswith("_")}
    found = difflib.get_close_matches(name.lower(), small, 1, 0.75)
    return f". Did you mean {small[found[0]]!r}?" if found else ""
