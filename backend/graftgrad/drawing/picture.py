"""What is in a picture: boxes, some with a picture inside, and arrows between them.

Where they stand is decided in `layout`; in which form they are written, in `svg`, `page`, `dot` and
`png`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

KINDS = {
    "leaf": "wants a gradient",
    "frozen": "frozen or constant",
    "function": "function",
    "layer": "layer",
    "group": "repeated",
    "port": "comes in, goes out",
    "output": "result",
}


@dataclass(slots=True)
class Box:
    """One thing in a picture.

    Attributes:
        kind: one of `KINDS`, which decides the colour.
        title: what it is.
        lines: what is known of it: shapes, what is kept.
        note: what a reader sees who asks for more.
        grey: whether nothing in it is trained.
        inside: what is seen when it is opened.
        times: how many alike stand in a row; the first of them is inside.
    """

    kind: str
    title: str
    lines: list[str] = field(default_factory=list)
    note: str = ""
    grey: bool = False
    inside: Picture | None = None
    times: int = 1


@dataclass(slots=True)
class Picture:
    """Boxes by key, in the order in which they came to be, and arrows in the forward direction."""

    title: str = ""
    boxes: dict[str, Box] = field(default_factory=dict)
    arrows: dict[tuple[str, str], None] = field(default_factory=dict)
    caption: str = ""

    def arrow(self, tail: str, head: str) -> None:
        """Add an arrow, once."""
        if tail != head:
            self.arrows[tail, head] = None

    def pictures(self) -> Iterator[Picture]:
        """Yield this picture and all that lie inside its boxes, outer ones first."""
        yield self
        for box in self.boxes.values():
            if box.inside is not None:
                yield from box.inside.pictures()
