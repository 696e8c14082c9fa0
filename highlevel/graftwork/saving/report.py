"""What became of every weight when a file was loaded, told as a table and in one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A weight whose shape is not that of the file."""

    path: str
    name: str
    shape: Shape
    given: Shape

    def __str__(self) -> str:
        return f'weight "{self.path}" {self.shape} but "{self.name}" {self.given} in the file'


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What `load_weights` did.

    Attributes:
        source: the file.
        loaded: our path of every weight that was filled -> its name in the file.
        missing: weights that the file does not hold; they kept their values.
        unexpected: names in the file that no weight took.
        mismatched: weights of another shape than the file's; they kept their values.
        transposed: weights among the loaded whose axes stand in another order in the file.
    """

    source: str
    loaded: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    mismatched: list[Mismatch] = field(default_factory=list)
    transposed: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """Say it in one line."""
        total = len(self.loaded) + len(self.missing) + len(self.mismatched)
        line = f"{self.source}: {len(self.loaded)} of {total} weights loaded"
        for count, word in (
            (len(self.missing), "missing in the file"),
            (len(self.mismatched), "of another shape"),
            (len(self.unexpected), "left over in the file"),
        ):
            line += f", {count} {word}" if count else ""
        return line + "."

    def __str__(self) -> str:
        turned = set(self.transposed)
        rows = [
            ("transposed" if path in turned else "loaded", path, name)
            for path, name in self.loaded.items()
        ]
        rows += [("missing", path, "") for path in self.missing]
        rows += [
            ("mismatched", f"{one.path} {one.shape}", f"{one.name} {one.given}")
            for one in self.mismatched
        ]
        rows += [("left over", "", name) for name in self.unexpected]
        return "\n".join([self.summary, *_table(("", "weight", "in the file"), rows)])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]
