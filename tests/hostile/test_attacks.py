"""Every known attack is refused, does nothing and takes little memory; the guide says so."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hostile.attacks import ATTACKS
from hostile.guide import BEGIN, END, PAGE, rule, written

Answers = list[dict[str, Any]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """What a process that watches itself says of every attack, in their order."""
    done = subprocess.run(
        [sys.executable, "-m", "hostile.trial", str(tmp_path_factory.mktemp("attacks"))],
        capture_output=True, text=True, timeout=300, cwd=Path(__file__).parents[1], check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: Answers = json.loads(done.stdout)
    assert len(found) == len(ATTACKS)
    return found


def test_every_attack(answers: Answers) -> None:
    for attack, answer in zip(ATTACKS, answers, strict=True):
        told = f"{attack.flaw}, {attack.does}: {answer}"
        assert answer["kind"] == ("" if attack.reads else "refused"), told
        assert attack.reads or 20 < len(answer["answer"]) < 2000, told
        assert not answer["did"] and not answer["left"], told
        # An instruction of one byte gives a reference of eight, in as many as three lists.
        assert answer["peak"] < (1 << 20) + 32 * answer["size"], told
        assert answer["seconds"] < 30, told


def test_the_guide_says_what_is_said(answers: Answers) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert BEGIN in page and END in page
    assert written(page, answers) == page, "run: PYTHONPATH=tests python -m hostile"


def test_the_watch_sees_what_a_reader_must_not_do(tmp_path: Path) -> None:
    """Else the trials above would pass whatever the readers did."""
    program = """
import os, subprocess, sys
from pathlib import Path
from hostile import trial
from hostile.attacks import Attack
def evil(path):
    os.system("true"); open(path.parent / "other", "w").close(); __import__("wave")
    compile("1", "x", "eval"); open("/etc/hostname").close(); bytearray(1 << 22)
    return path.read_bytes()
def make(folder):
    (folder / "f").write_bytes(b"x")
    return folder / "f"
trial.ASK["evil"] = evil
trial.ATTACKS = (Attack("x", "x", make, "evil"),)
found = trial.tried(0, Path(sys.argv[1]) / "0", trial.Watch())
assert found["kind"] == "" and found["peak"] > 1 << 22, found
assert [Path(one).name for one in found["left"]] == ["other"], found
for event in ("os.system", "import", "compile", "open ('/etc/hostname'", "other"):
    assert any(event in one for one in found["did"]), (event, found["did"])
assert not any("/f'" in one for one in found["did"]), found["did"]
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True,
                   cwd=Path(__file__).parents[1], timeout=120)  # fmt: skip


def test_an_answer_is_shortened_to_its_rule() -> None:
    assert rule("pickle at byte 7: items may only be set in a dict; got type='x'.") == (
        "items may only be set in a dict"
    )
    assert rule("at most max_objects=1000000.") == "at most max_objects=1000000"
