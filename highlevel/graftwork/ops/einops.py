"""Axes taken apart, reordered and joined by a pattern of names. Rogozhnikov 2022."""

from __future__ import annotations

import math
import re
from typing import Any

from graftgrad import ops
from graftgrad.errors import ConfigError, ShapeError, expect

from .operation import op

_WORD = re.compile(r"\(|\)|\.\.\.|[A-Za-z_]\w*|1")


@op("einops")
def rearrange(tensor: Any, pattern: str, **axes_lengths: Any) -> Any:
    """Reorder axes: "b (h w) c -> b c h w" splits the second axis and brings c forward.

    Args:
        tensor: of any shape.
        pattern: the axes before and after an arrow; brackets hold axes that are one.
        axes_lengths: sizes of axes inside brackets; one of each bracket may be left out.
    Raises:
        ConfigError: the pattern cannot be read, or names differ on both sides.
        ShapeError: the pattern does not fit the shape.
    """
    sides = pattern.split("->")
    expect(len(sides) == 2, "rearrange", "the pattern must have one arrow", error=ConfigError,
           pattern=pattern)  # fmt: skip
    left, right = (_groups(side, pattern) for side in sides)
    left, right = _without_dots(left, right, tensor.ndim, pattern)
    expect(len(left) == tensor.ndim, "rearrange", "the pattern must have an entry for each axis",
           pattern=pattern, shape=tensor.shape)  # fmt: skip
    sizes = {key: int(n) for key, n in axes_lengths.items()}
    for group, n in zip(left, tensor.shape, strict=True):
        _solve(group, n, sizes, pattern)
    names = [name for group in left for name in group]
    wanted = [name for group in right for name in group]
    expect(sorted(names) == sorted(wanted) and len(set(names)) == len(names), "rearrange",
           "every name must stand once on each side", error=ConfigError,
           pattern=pattern)  # fmt: skip
    parts = ops.reshape(tensor, tuple(sizes[name] for name in names)) if names else tensor
    turned = ops.transpose(parts, tuple(names.index(name) for name in wanted)) if names else parts
    return ops.reshape(turned, tuple(math.prod(sizes[name] for name in group) for group in right))


def _groups(side: str, pattern: str) -> list[list[str]]:
    """Return the names of each axis of a side."""
    found: list[list[str]] = []
    inside = False
    left = _WORD.sub("", side).strip()
    expect(left == "", "rearrange", "the pattern must be made of names, brackets and ...",
           error=ConfigError, pattern=pattern, left=left)  # fmt: skip
    for word in _WORD.findall(side):
        if word in "()":
            sound = (word == "(") is not inside
            expect(sound, "rearrange", "brackets must close and not nest", error=ConfigError,
                   pattern=pattern)  # fmt: skip
            inside = word == "("
            if inside:
                found.append([])
        elif inside:
            found[-1] += [word] if word != "1" else []
        else:
            found.append([word] if word != "1" else [])
    expect(not inside, "rearrange", "brackets must close and not nest", error=ConfigError,
           pattern=pattern)  # fmt: skip
    return found


def _without_dots(
    left: list[list[str]], right: list[list[str]], rank: int, pattern: str
) -> tuple[list[list[str]], list[list[str]]]:
    """Put names in place of dots: one for each axis that has none."""
    count = rank - (len(left) - 1)
    names = [f"...{i}" for i in range(max(count, 0))]
    done = []
    for side in (left, right):
        wide: list[list[str]] = []
        for group in side:
            if group == ["..."]:
                wide += [[name] for name in names]
            else:
                wide.append([n for word in group for n in (names if word == "..." else [word])])
        done.append(wide)
    return done[0], done[1]


def _solve(group: list[str], size: int, sizes: dict[str, int], pattern: str) -> None:
    """Find the sizes of the names that make up an axis."""
    open_names = [name for name in group if name not in sizes]
    known = math.prod(sizes[name] for name in group if name in sizes)
    expect(len(open_names) <= 1, "rearrange", "sizes of all but one name of an axis must be given",
           error=ConfigError, pattern=pattern, names=open_names)  # fmt: skip
    if open_names:
        expect(known > 0 and size % known == 0, "rearrange", "an axis must divide into its parts",
               error=ShapeError, pattern=pattern, size=size, known=known)  # fmt: skip
        sizes[open_names[0]] = size // known
    else:
        expect(known == size, "rearrange", "an axis must be the product of its parts",
               error=ShapeError, pattern=pattern, size=size, parts=known)  # fmt: skip
