"""Edits of a valid file: bytes flipped, cut, doubled, moved, and numbers of it replaced."""

from __future__ import annotations

import random
from typing import NamedTuple

# Sizes at which widths end, signs turn and products overflow.
NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1,
           2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1)  # fmt: skip
WIDTHS = (1, 2, 4, 8)
KINDS = ("flip", "number", "cut", "drop", "double", "splice", "insert", "digits")


class Edit(NamedTuple):
    """One change: what, where (as parts of the whole in 2**16), and with which number."""

    kind: str
    at: int
    to: int
    number: int
    width: int


def random_edits(chance: random.Random) -> list[Edit]:
    """Draw one to four edits."""
    return [
        Edit(
            chance.choice(KINDS), chance.randrange(1 << 16), chance.randrange(1 << 16),
            chance.choice(NUMBERS), chance.choice(WIDTHS),
        )
        for _ in range(chance.choice((1, 1, 1, 2, 4)))
    ]  # fmt: skip


def edited(content: bytes, edits: list[Edit], other: bytes = b"") -> bytes:
    """Apply edits in turn; `other` is the file that splices come from."""
    data = bytearray(content)
    for kind, at, to, number, width in edits:
        start, end = (at * len(data)) >> 16, (to * len(data)) >> 16
        first, last = min(start, end), min(max(start, end), min(start, end) + 64)
        raw = number.to_bytes(8, "little")[:width]
        if kind == "flip" and data:
            data[start] ^= 1 << (number % 8)
        elif kind == "number":
            data[start : start + width] = raw
        elif kind == "cut":
            del data[start:]
        elif kind == "drop":
            del data[first:last]
        elif kind == "double":
            data[end:end] = data[first:last]
        elif kind == "splice":
            source = other or content
            place = (to * len(source)) >> 16
            data[start : start + 64] = source[place : place + 64]
        elif kind == "insert":
            data[start:start] = raw
        elif kind == "digits":
            _digits(data, start, number)
    return bytes(data)


def _digits(data: bytearray, start: int, number: int) -> None:
    """Replace the next number written in digits, as headers in text have them."""
    while start < len(data) and not 48 <= data[start] <= 57:
        start += 1
    end = start
    while end < len(data) and 48 <= data[end] <= 57:
        end += 1
    if end > start:
        data[start:end] = str(number).encode()
