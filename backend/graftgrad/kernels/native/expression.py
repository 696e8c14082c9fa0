"""The C expressions in which ops state themselves, read into trees.

Either one expression, "a + b", or assignments one after the other, "double r = sqrt(rate); w = w -
r * g;". Known are numbers, names, calls, + − * /, comparisons, && || !, and the choice c ? a : b.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from .program import Unsupported

_WORDS = re.compile(
    r"\s*(?:(\d+\.?\d*(?:[eE][-+]?\d+)?f?|\.\d+f?)|([A-Za-z_]\w*)|(<=|>=|==|!=|&&|\|\||[-+*/<>!?:(),;=]))"
)
_TYPES = ("double", "float")
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "/"))


class Tree(NamedTuple):
    """An expression: what it is, its parts, and its number or name."""

    op: str
    parts: tuple[Tree, ...] = ()
    number: float = 0.0
    name: str = ""


class Statement(NamedTuple):
    """An assignment: the type it declares, or none; the name; what is assigned."""

    kind: str
    name: str
    tree: Tree


@cache
def parse(text: str) -> tuple[Statement, ...]:
    """Read assignments; a bare expression is one to the name of nothing.

    Raises:
        Unsupported: it is not written in what is known here.
    """
    reader = _Reader(text)
    statements = []
    while reader.word():
        statements.append(reader.statement())
    return tuple(statements)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.words: list[str] = []
        place, end = 0, len(text.rstrip())
        while place < end:
            found = _WORDS.match(text, place)
            if found is None:
                raise Unsupported(f"{text[place:]!r} in {text!r}")
            self.words.append(found.group(0).strip())
            place = found.end()
        self.at = 0

    def word(self, ahead: int = 0) -> str:
        return self.words[self.at + ahead] if self.at + ahead < len(self.words) else ""

    def take(self, wanted: str = "") -> str:
        word = self.word()
        if not word or (wanted and word != wanted):
            raise Unsupported(f"{wanted or 'more'} after {self.words[: self.at]} in {self.text!r}")
        self.at += 1
        return word

    def statement(self) -> Statement:
        kind = self.take() if self.word() in _TYPES else ""
        name = ""
        if kind or self.word(1) == "=":
            name = self.take()
            self.take("=")
        tree = self.choice()
        if name or self.word():
            self.take(";")
        return Statement(kind, name, tree)

    def choice(self) -> Tree:
        condition = self.level(0)
        if self.word() != "?":
            return condition
        self.take()
        yes = self.choice()
        self.take(":")
        return Tree("?", (condition, yes, self.choice()))

    def level(self, at: int) -> Tree:
        if at == len(_LEVELS):
            return self.unary()
        tree = self.level(at + 1)
        while self.word() in _LEVELS[at]:
            op = self.take()
            tree = Tree(op, (tree, self.level(at + 1)))
        return tree

    def unary(self) -> Tree:
        if self.word() in ("-", "!", "+"):
            op = self.take()
            inner = self.unary()
            return inner if op == "+" else Tree("negative" if op == "-" else "!", (inner,))
        word = self.take()
        if word == "(":
            tree = self.choice()
            self.take(")")
            return tree
        if word[0].isdigit() or word[0] == ".":
            return Tree("number", number=float(word.rstrip("f")))
        if not (word[0].isalpha() or word[0] == "_"):
            raise Unsupported(f"{word!r} in {self.text!r}")
        if self.word() != "(":
            return Tree("name", name=word)
        self.take()
        parts = [self.choice()]
        while self.word() == ",":
            self.take()
            parts.append(self.choice())
        self.take(")")
        return Tree("call", tuple(parts), name=word)
