"""Every public name of both packages says in a sentence what it is."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import graftgrad
import graftwork
from graftgrad.function import Function


def names(package: ModuleType) -> list[str]:
    """The package and every module below it."""
    found = [package.__name__]
    for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        found.append(one.name)
    return found


def undocumented(module: ModuleType) -> Iterator[str]:
    """The public names of a module, defined there, that say nothing."""
    if not module.__doc__:
        yield module.__name__
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(value) and not value.__doc__:
            yield f"{module.__name__}.{name}"
        if inspect.isclass(value):
            yield from _undocumented_class(value)


def _undocumented_class(kind: type) -> Iterator[str]:
    name = f"{kind.__module__}.{kind.__qualname__}"
    if not kind.__doc__ or kind.__doc__.startswith(f"{kind.__name__}("):  # a dataclass' signature
        yield name
    for member, value in vars(kind).items():
        if member.startswith("_") or (issubclass(kind, Function) and _of_declaration(member)):
            continue
        called: Any = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
        documented = inspect.isfunction(called) or isinstance(called, property)
        if documented and not inspect.getdoc(getattr(kind, member)):
            yield f"{name}.{member}"


def _of_declaration(member: str) -> bool:
    return member in ("infer", "compute", "alias", "mapped", "grads") or member.startswith("grad_")


@pytest.mark.parametrize("name", [*names(graftgrad), *names(graftwork)])
def test_public_names_have_docstrings(name: str) -> None:
    assert [*undocumented(importlib.import_module(name))] == []
