"""Text -> words: standardized, split, joined into n-grams; rows of words -> arrays of numbers."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graftgrad.errors import DataError, expect

from .strings import Strings, as_strings

STANDARDS = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
SPLITS = ("whitespace", "character")

# Letters of ASCII alone: that is what the models that others trained have seen.
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_NONE = str.maketrans("", "", string.punctuation)
_BLANKS = re.compile(r"[^ \t\n\v\f\r]+")


class Rows:
    """Rows of words of any lengths, in the order of an array: shape (*outer, words)."""

    def __init__(self, outer: Sequence[int], rows: list[list[str]]) -> None:
        self.outer = tuple(outer)
        self.rows = rows


def standardized(subject: str, text: Strings, how: str | Callable[[Any], Any] | None) -> Strings:
    """Return text in small letters, without punctuation, or as a function makes it.

    Raises:
        ShapeError: the function returns more or fewer strings.
    """
    if how is None:
        return text
    if not isinstance(how, str):
        made = as_strings(subject, how(text.array()))
        expect(made.shape == text.shape, subject,
               "the function standardize must return as many strings as it was given",
               given=text.shape, returned=made.shape)  # fmt: skip
        return made
    flat = text.flat
    if how != "strip_punctuation":
        flat = [one.translate(_LOWER) for one in flat]
    if how != "lower":
        flat = [one.translate(_NONE) for one in flat]
    return Strings(text.shape, flat)


def split(subject: str, text: Strings, how: str | Callable[[Any], Any] | None) -> Rows:
    """Cut every string into words, or take the last axis as words that were cut before.

    Raises:
        ShapeError: strings stand in rows of more than one.
        DataError: a function of the user's own returns no rows of strings.
    """
    if how is None:
        if len(text.shape) < 2:
            return Rows((), [text.flat])
        size, outer = text.shape[-1], text.shape[:-1]
        count = int(np.prod(outer))
        return Rows(outer, [text.flat[i * size : (i + 1) * size] for i in range(count)])
    outer = text.shape
    if len(outer) > 1:
        expect(outer[-1] == 1, subject, "strings to be split must stand in one axis, or in a "
               "column of one", input=outer,
               advice="Pass split=None where rows hold words already.")  # fmt: skip
        outer = outer[:-1]
    if how == "whitespace":
        return Rows(outer, [_BLANKS.findall(one) for one in text.flat])
    if how == "character":
        return Rows(outer, [list(one) for one in text.flat])
    assert callable(how)
    made = how(Strings(outer, text.flat).array())
    if hasattr(made, "to_list"):
        made = made.to_list()
    rows = [list(row) for row in (made.tolist() if hasattr(made, "tolist") else made)]
    fit = len(rows) == len(text.flat) and all(isinstance(one, str) for row in rows for one in row)
    expect(fit, subject, "the function split must return one row of strings for each string",
           error=DataError, given=len(text.flat), returned=len(rows))  # fmt: skip
    return Rows(outer, rows)


def ngrams(words: Rows, widths: Sequence[int]) -> Rows:
    """Join neighbours: all runs of the first width, then those of the next, with blanks between."""

    def joined(row: list[str]) -> list[str]:
        return [
            " ".join(row[i : i + width]) for width in widths for i in range(len(row) - width + 1)
        ]

    return Rows(words.outer, [joined(row) for row in words.rows])


def padded(rows: Sequence[Sequence[int]], outer: Sequence[int], length: int | None) -> Any:
    """Return rows of numbers as an array, (*outer, T): cut off, or filled up with 0."""
    width = max((len(row) for row in rows), default=0) if length is None else length
    made: NDArray[np.int64] = np.zeros((len(rows), width), np.int64)
    for place, row in enumerate(rows):
        kept = row[:width]
        made[place, : len(kept)] = kept
    return made.reshape((*outer, width))


def counted(rows: Sequence[Sequence[int]], outer: Sequence[int], depth: int) -> Any:
    """Count how often each number from 0 to depth − 1 occurs in a row; others are left out.

    Shapes: rows (*outer, …) -> (*outer, depth), float32.
    """
    lengths = np.fromiter((len(row) for row in rows), np.int64, len(rows))
    places = np.repeat(np.arange(len(rows)), lengths)
    values = np.fromiter((one for row in rows for one in row), np.int64, int(lengths.sum()))
    known = (values >= 0) & (values < depth)
    found = np.bincount(places[known] * depth + values[known], minlength=len(rows) * depth)
    return found.astype(np.float32).reshape((*outer, depth))
