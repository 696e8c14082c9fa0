"""Any bytes give a value or an error of ours: every reader, from edited files of every format."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.mutations import KINDS, NUMBERS, WIDTHS, Edit, edited
from fuzz.targets import Target, every

TARGETS = every()
PLACE = st.integers(0, (1 << 16) - 1)
EDITS = st.lists(
    st.builds(Edit, st.sampled_from(KINDS), PLACE, PLACE, st.sampled_from(NUMBERS),
              st.sampled_from(WIDTHS)),
    min_size=1, max_size=4,
)  # fmt: skip
LEAN = settings(
    max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)


@cache
def seeds(name: str) -> list[bytes]:
    return TARGETS[name].seeds()


def answered(target: Target, content: bytes) -> None:
    try:
        target.read(content)
    except target.refuses as error:
        assert 0 < len(str(error)) < 5000


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_read(name: str) -> None:
    for content in seeds(name):
        TARGETS[name].read(content)


@pytest.mark.parametrize("name", [name for name in TARGETS if not TARGETS[name].library])
@LEAN
@given(st.data())
def test_edited_files_are_read_or_refused(name: str, data: st.DataObject) -> None:
    mine = seeds(name)
    content, other = (mine[data.draw(st.integers(0, len(mine) - 1))] for _ in range(2))
    answered(TARGETS[name], edited(content, data.draw(EDITS), other))


@pytest.mark.parametrize("name", [name for name in TARGETS if not TARGETS[name].library])
@settings(LEAN, max_examples=20)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(name: str, content: bytes) -> None:
    answered(TARGETS[name], content)


def test_edited_files_that_reach_a_c_library(tmp_path: Path) -> None:
    """In a process of its own: should the library crash, the exit code tells."""
    names = [name for name in TARGETS if TARGETS[name].library]
    told = ["--trials", "60", "--seconds", "60", "--keep", str(tmp_path)]
    told += [word for name in names for word in ("--target", name)]
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", *told], capture_output=True, text=True, timeout=240,
        cwd=Path(__file__).parents[1], check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    assert all(f"{name}: 60 trials" in done.stdout for name in names)


def test_a_digit_edit_replaces_a_whole_number() -> None:
    assert edited(b"a 123 b", [Edit("digits", 0, 0, 2**31, 1)]) == b"a 2147483648 b"
    assert edited(b"abc", [Edit("digits", 0, 0, 7, 1)]) == b"abc"
    assert edited(b"abcd", [Edit("cut", 1 << 15, 0, 0, 1)]) == b"ab"
