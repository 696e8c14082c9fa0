"""Every Python block in README.md and docs/ runs, and prints what the page says it prints.

The blocks of a page share a namespace and run in order, in a folder of their own that holds small
stand-ins for the pictures and weight files the page speaks of. Two forms are checked:

* a comment behind a `print(...)` at the outermost level is what it prints;
* a ```text block that follows a ```python block is what that block prints.

`…` stands for anything. A block is left out only where `<!-- not run: reason -->` stands above it.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import graftwork as gw
from graftgrad import formats
from graftwork import registry
from graftwork.applications import MobileNet, ResNet18

REPOSITORY = Path(__file__).resolve().parents[2]
EVERY_PAGE = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
PAGES = [page for page in EVERY_PAGE if "```python" in page.read_text(encoding="utf-8")]
BLOCK = re.compile(
    r"(?P<left_out><!-- not run: .+? -->\s*)?^```python\n(?P<code>.*?)^```$"
    r"(\s*^```text\n(?P<printed>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One block of a page: its first line, its code, and what the page says it prints."""

    line: int
    code: str
    printed: str | None


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page that are run."""
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        if not found["left_out"]:
            yield Block(text.count("\n", 0, found.start("code")), found["code"], found["printed"])


def test_every_block_is_seen() -> None:
    assert len(PAGES) > 8
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert len(re.findall(r"^```python$", text, re.MULTILINE)) == len(BLOCK.findall(text)), page
        assert not re.search(r"^[ \t]+```python", text, re.MULTILINE), f"{page}: an indented block"
        for reason in re.findall(r"<!-- not run: (.*?) -->", text):
            assert len(reason.split()) > 2, f"{page}: give a reason for {reason!r}"


# -- stand-ins -----------------------------------------------------------------------------------


def picture_folder(folder: Path, classes: tuple[str, ...], pictures: int, seed: int) -> None:
    """Write pictures of noise, each class with a brightness of its own."""
    draw = np.random.default_rng(seed)
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for i in range(pictures):
            pixels = draw.integers(0, 90, (60, 80, 3)) + 120 * number
            gw.data.save_img(folder / name / f"{i}.jpg", pixels.astype("float32"), scale=False)


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything the pages take from outside."""
    folder = tmp_path_factory.mktemp("stand_ins")
    classes = ("ants", "bees")
    for part, pictures in (("train", 4), ("val", 2)):
        picture_folder(folder / "photos" / part, classes, pictures, len(part))
    base = MobileNet(alpha=0.25, include_top=False, pooling="avg", weights=None)
    base.save(folder / "mobilenet_2_5_224_tf_no_top.h5")
    ResNet18().save_weights(folder / "resnet18.pth")
    formats.write_safetensors(
        folder / "model.safetensors", {"fc.weight": np.zeros((2, 4), "float32")}, {}
    )
    return folder


@pytest.fixture
def workplace(stand_ins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for one page; what is there already is shared, what the page writes is its own."""
    for one in stand_ins.iterdir():
        os.symlink(one, tmp_path / one.name, target_is_directory=one.is_dir())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_custom", dict(registry._custom))
    monkeypatch.setattr(registry, "_counts", {})
    return tmp_path


# -- running -------------------------------------------------------------------------------------


def same(printed: str, told: str) -> bool:
    """Tell whether a text is what the page says, `…` standing for anything."""
    printed, told = (
        "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
        for text in (printed, told)
    )
    pattern = ".*".join(re.escape(part) for part in told.split("…"))
    return re.fullmatch(pattern, printed, re.DOTALL) is not None


def run(block: Block, page: Path, module: types.ModuleType) -> None:
    """Run a block statement by statement, and hold what it prints against the page."""
    lines = block.code.splitlines()
    everything = io.StringIO()
    for statement in ast.parse(block.code).body:
        code = ast.Module([statement], [])
        ast.increment_lineno(code, block.line)
        heard = io.StringIO()
        with contextlib.redirect_stdout(heard):
            exec(compile(code, str(page), "exec", dont_inherit=True), module.__dict__)
        everything.write(heard.getvalue())
        told = re.search(r"  # (.*)$", lines[statement.end_lineno - 1 - block.line])
        if told and ast.unparse(statement).startswith("print("):
            place = f"{page.name}, line {statement.end_lineno}"
            assert same(heard.getvalue(), told[1]), f"{place}: prints {heard.getvalue()!r}"
    if block.printed is not None:
        place = f"{page.name}, line {block.line + 1}"
        assert same(everything.getvalue(), block.printed), (
            f"{place}: prints\n{everything.getvalue()}"
        )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_page(page: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType(f"page_{page.stem}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    gw.set_random_seed(0)
    for block in blocks(page):
        run(block, page, module)
