"""Products and sums named by letters, as Einstein wrote them: transposes, reshapes and products."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..errors import expect
from .matmul import matmul
from .operand import together
from .reduce import sum
from .shape import reshape, transpose

if TYPE_CHECKING:
    from ..tensor import Tensor


def einsum(equation: str, *operands: Any) -> Tensor:
    """Multiply operands and sum over the letters that the result does not have.

    einsum("nij,njk->nik", a, b)[n, i, k] = Σⱼ a[n, i, j] · b[n, j, k]

    A letter names an axis; `...` stands for axes that are not named. Without `->` the result has
    the letters that occur once, in alphabetical order. Operands are taken from left to right.

    Args:
        equation: the letters of each operand, and those of the result.
        operands: tensors with as many axes as they have letters.

    Raises:
        ShapeError: the equation does not fit the operands, or a letter has two sizes.
    """
    xs = list(together(*operands))
    inputs, output = _letters(equation, [x.ndim for x in xs])
    sizes: dict[str, int] = {}
    for letters, x in zip(inputs, xs, strict=True):
        for letter, size in zip(letters, x.shape, strict=True):
            expect(sizes.setdefault(letter, size) == size, "einsum",
                   f"axis {letter!r} must have one size", equation=equation,
                   shapes=[one.shape for one in xs])  # fmt: skip
    expect(set(output) <= set(sizes) and len(set(output)) == len(output), "einsum",
           "the result's letters must be among the operands', each once",
           equation=equation)  # fmt: skip
    pairs = [_diagonal(x, letters) for x, letters in zip(xs, inputs, strict=True)]
    x, letters = pairs[0]
    for i, (other, theirs) in enumerate(pairs[1:], 1):
        later = set(output).union(*(one for _, one in pairs[i + 1 :]))
        x, letters = _product(x, letters, other, theirs, later)
    x, letters = _summed(x, letters, set(output))
    order = [letters.index(letter) for letter in output]
    return x if order == list(range(x.ndim)) else transpose(x, order)


def _letters(equation: str, ndims: list[int]) -> tuple[list[str], str]:
    """Return the letters of the operands and of the result; `...` becomes capital letters."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    inputs = left.split(",")
    expect(len(inputs) == len(ndims), "einsum", "there must be letters for every operand",
           equation=equation, operands=len(ndims))  # fmt: skip
    names = [chr(code) for code in range(0x3B1, 0x3B1 + 32)]  # Greek, so that none is taken
    widest = 0
    for i, (letters, ndim) in enumerate(zip(inputs, ndims, strict=True)):
        hidden = ndim - len(letters.replace("...", ""))
        fits = hidden == 0 or ("..." in letters and hidden > 0)
        expect(fits, "einsum", "every axis of an operand must have a letter",
               equation=equation, letters=letters, axes=ndim)  # fmt: skip
        widest = max(widest, hidden)
        inputs[i] = letters.replace("...", "".join(names[32 - hidden :]) if hidden else "")
    if not arrow:
        every = "".join(inputs)
        right = "..." + "".join(sorted(c for c in set(every) - set(names) if every.count(c) == 1))
    return inputs, right.replace("...", "".join(names[32 - widest :]) if widest else "")


def _diagonal(x: Tensor, letters: str) -> tuple[Tensor, str]:
    """Keep of axes with one letter the places that are equal on both."""
    for letter in dict.fromkeys(letters):
        while letters.count(letter) > 1:
            first = letters.index(letter)
            second = letters.index(letter, first + 1)
            rest = [i for i in range(x.ndim) if i not in (first, second)]
            size = x.shape[first]
            joined = transpose(x, [*rest, first, second])
            flat = reshape(joined, (*joined.shape[:-2], size * size))
            x = flat[..., :: size + 1]
            letters = "".join(letters[i] for i in rest) + letter
    return x, letters


def _summed(x: Tensor, letters: str, kept: set[str]) -> tuple[Tensor, str]:
    gone = tuple(i for i, letter in enumerate(letters) if letter not in kept)
    if not gone:
        return x, letters
    return sum(x, gone), "".join(letter for letter in letters if letter in kept)


def _product(
    a: Tensor, of_a: str, b: Tensor, of_b: str, later: set[str]
) -> tuple[Tensor, str]:  # fmt: skip
    """Multiply two operands as one batch of matrix products; `later` are the letters that stay."""
    a, of_a = _summed(a, of_a, later | set(of_b))
    b, of_b = _summed(b, of_b, later | set(of_a))
    shared = [c for c in of_a if c in of_b]
    batch = [c for c in shared if c in later]
    inner = [c for c in shared if c not in later]
    rows, columns = [c for c in of_a if c not in of_b], [c for c in of_b if c not in of_a]
    size = {**dict(zip(of_a, a.shape, strict=True)), **dict(zip(of_b, b.shape, strict=True))}

    def grouped(x: Tensor, letters: str, *groups: list[str]) -> Tensor:
        order = [letters.index(c) for group in groups for c in group]
        turned = x if order == list(range(x.ndim)) else transpose(x, order)
        lead = [size[c] for c in groups[0]]
        return reshape(turned, (*lead, *(math.prod(size[c] for c in g) for g in groups[1:])))

    y = matmul(grouped(a, of_a, batch, rows, inner), grouped(b, of_b, batch, inner, columns))
    found = [*batch, *rows, *columns]
    return reshape(y, tuple(size[c] for c in found)), "".join(found)
