"""The page on the house shows the floors that tests/architecture holds the imports against."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TABLE = r"\| floor of {package}, from the ground up \|.*?\n\|---\|---\|\n((?:\|.*\n)+)"


def floors() -> Any:
    """Return the floors of both packages as the test of imports knows them."""
    file = REPOSITORY / "tests" / "architecture" / "test_imports.py"
    spec = importlib.util.spec_from_file_location("floors_of_the_house", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FLOORS


@pytest.mark.parametrize(
    ("package", "source"), [("graftgrad", "backend"), ("graftwork", "highlevel")]
)
def test_the_page_shows_the_floors(package: str, source: str) -> None:
    page = (REPOSITORY / "docs" / "design" / "house.md").read_text(encoding="utf-8")
    table = re.search(TABLE.format(package=package), page)
    assert table is not None
    shown = [set(row.split("|")[1].strip().split(", ")) for row in table[1].splitlines()]
    rooms = REPOSITORY / source / package
    there = {file.relative_to(rooms).parts[0].removesuffix(".py") for file in rooms.rglob("*.py")}
    held = [floor & there for floor in floors()[package]]
    assert shown == [floor for floor in held if floor]
