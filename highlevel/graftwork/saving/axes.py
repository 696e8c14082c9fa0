"""Two orders of the axes of one array: ours, and that of a file."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

_TOKENS = re.compile(r"\([A-Z]+\)|[A-Z1]")


@dataclass(frozen=True, slots=True)
class Axes:
    """Two orders of the same axes, by letter: "A B C M" here is "(CM) 1 A B" there.

    Letters in brackets are one axis, the first letter slowest; 1 is an axis of size 1.
    """

    ours: str
    theirs: str

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Tell whether our shape has these axes."""
        tokens = _TOKENS.findall(self.ours)
        return len(tokens) == len(shape) and all(
            size == 1 for token, size in zip(tokens, shape, strict=True) if token == "1"
        )

    def outside(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the file for our shape."""
        sizes = self._sizes(shape)
        return tuple(
            math.prod(sizes[letter] for letter in token.strip("()"))
            for token in _TOKENS.findall(self.theirs)
        )

    def accepts(self, shape: tuple[int, ...], theirs: tuple[int, ...]) -> bool:
        """Tell whether an array of the file fits our shape; axes of size 1 at its end may differ.

        A 1×1 convolution is a dense layer elsewhere, and the other way round.
        """
        return _trimmed(self.outside(shape)) == _trimmed(theirs)

    def inward(self, array: Any, shape: tuple[int, ...]) -> Any:
        """Bring a host array from the order of the file into ours."""
        sizes, ours, theirs = self._sizes(shape), _letters(self.ours), _letters(self.theirs)
        spread = array.reshape([sizes[letter] for letter in theirs])
        return spread.transpose([theirs.index(letter) for letter in ours]).reshape(shape)

    def outward(self, array: Any) -> Any:
        """Bring a host array from our order into that of the file."""
        sizes, ours, theirs = self._sizes(array.shape), _letters(self.ours), _letters(self.theirs)
        spread = array.reshape([sizes[letter] for letter in ours])
        return spread.transpose([ours.index(letter) for letter in theirs]).reshape(
            self.outside(array.shape)
        )

    def _sizes(self, shape: tuple[int, ...]) -> dict[str, int]:
        return {"1": 1, **dict(zip(_TOKENS.findall(self.ours), shape, strict=True))}


def _letters(text: str) -> str:
    return re.sub(r"[^A-Z]", "", text)


def _trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    while len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    return shape
