"""Every place of the engine that raises is tested by its text.

A test that names an error by its text holds some of its words in a string. Where no test holds any
three words of a message in a row, the message could change or vanish and nobody would see it.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ENGINE = REPOSITORY / "backend" / "graftgrad"
APART = {
    "kernels": "bodies decline what they cannot do; what they raise is the C library's",
}
FILES = [
    file for file in sorted(ENGINE.rglob("*.py")) if file.relative_to(ENGINE).parts[0] not in APART
]
# Where the rule stands among the arguments, of functions and of methods.
RULE = {"expect": 2, "sentence": 1, "_told": 2, "check": 2, "refuse": 1, "missing": 1}
METHODS = {"check": 1, "refuse": 0}
RUN = 3


def rules(file: Path) -> Iterator[tuple[int, str]]:
    """The line and the rule of every raising place; a rule that is put together counts in parts."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            function, place = node.func, None
            if isinstance(function, ast.Name):
                place = RULE.get(function.id)
            elif isinstance(function, ast.Attribute):
                place = METHODS.get(function.attr)
            if place is not None and len(node.args) > place:
                yield from told(node.lineno, node.args[place])
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            yield from told(node.lineno, node.exc.args[0])


def told(line: int, rule: ast.expr) -> Iterator[tuple[int, str]]:
    text = longest(rule)
    if text:
        yield line, text


def longest(node: ast.expr) -> str:
    """The longest piece of text in an expression, or nothing where it is a name."""
    if isinstance(node, ast.JoinedStr):
        return max((longest(one) for one in node.values), key=len, default="")
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


@cache
def strings() -> str:
    """All strings of the tests, one after the other."""
    found = []
    rooms = (REPOSITORY / "tests" / name for name in ("backend", "highlevel"))
    for file in [file for room in rooms for file in room.rglob("test_*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value.replace("\\", ""))
    return "\n".join(found)


def untested(file: Path) -> list[str]:
    """The raising places of a file of which no test holds three words in a row."""
    found = []
    for line, rule in rules(file):
        words = rule.split()
        runs = [" ".join(words[i : i + RUN]) for i in range(max(1, len(words) - RUN + 1))]
        if not any(run in strings() for run in runs):
            found.append(f"{file.parent.name}/{file.name}, line {line}: {rule}")
    return found


def test_every_message_is_tested_by_its_text() -> None:
    found = [place for file in FILES for place in untested(file)]
    assert not found, "\n".join(["no test names these errors by their text:", *found])


def silent(file: Path) -> list[str]:
    """The raising places of a file that name nothing that was given."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Name):
            raising = function.id in ("expect", "check", "refuse", "missing") and len(node.args) > 1
        else:
            raising = isinstance(function, ast.Attribute) and function.attr == "refuse"
        given = [one.arg for one in node.keywords if one.arg not in ("error", "advice")]
        if raising and not given:
            found.append(f"{file.parent.name}/{file.name}, line {node.lineno}")
    return found


def test_every_message_says_what_was_got() -> None:
    found = [place for file in FILES for place in silent(file)]
    assert not found, "\n".join(["these errors do not say what was got:", *found])


def test_a_message_that_nobody_tests_is_found(tmp_path: Path) -> None:
    file = tmp_path / "room.py"
    file.write_text('expect(x, "add", f"quartz must glow at {n} dawns", got=1)\nother(1, 2, 3)\n')
    assert untested(file) == [f"{tmp_path.name}/room.py, line 1: quartz must glow at "]


def test_a_message_that_says_nothing_of_what_it_got_is_found(tmp_path: Path) -> None:
    file = tmp_path / "room.py"
    file.write_text('expect(x, "add", "must glow")\nself.refuse("must glow", error=ValueError)\n')
    assert silent(file) == [f"{tmp_path.name}/room.py, line {line}" for line in (1, 2)]
