"""The table of attacks as it stands in the guide, from what the readers really answered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from .attacks import ATTACKS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "security.md"
BEGIN, END = "<!-- attacks: written by tests/hostile -->\n", "<!-- end of attacks -->\n"


def rule(answer: str) -> str:
    """Shorten an answer to the rule that was broken."""
    text = re.split(r"; got |\. ", answer)[0].rstrip(".")
    text = re.sub(r"^pickle at byte \d+: ", "", text)
    return "must be one of the known formats" if "must be one of PyTorch" in text else text


def table(answers: Sequence[dict[str, Any]]) -> str:
    """Write the rows; a flaw that several files use is named once."""
    lines = ["| known as | what the file does | what is said |", "|---|---|---|"]
    rows = zip(ATTACKS, answers, strict=True)
    for flaw, same in groupby(rows, key=lambda one: one[0].flaw):
        for number, (attack, answer) in enumerate(same):
            said = attack.told or rule(answer["answer"])
            lines.append(f"| {'' if number else flaw} | {attack.does} | {said} |")
    return "\n".join(lines) + "\n"


def written(page: str, answers: Sequence[dict[str, Any]]) -> str:
    """Put the table into the page."""
    head, _, rest = page.partition(BEGIN)
    return head + BEGIN + table(answers) + END + rest.partition(END)[2]
