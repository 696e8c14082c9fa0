"""All cases of all ops, for what holds for every one of them."""

import importlib.util
from functools import cache
from pathlib import Path

import pytest

from support.case import Case, CaseChecks

FOLDER = Path(__file__).resolve().parents[1] / "backend" / "ops"


@cache
def cases() -> tuple[Case, ...]:
    """All cases of all test files of ops; files for peers that are not installed have none."""
    found: list[Case] = []
    for file in sorted(FOLDER.glob("test_*.py")):
        spec = importlib.util.spec_from_file_location(f"counted_{file.stem}", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except pytest.skip.Exception:
            continue
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, CaseChecks):
                found.extend(value.CASES)
    return tuple(found)
