"""Vocabularies: tokens and their numbers, learned by counting or given, kept in files of lines."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from graftgrad.errors import ConfigError, DataError, FormatError, expect

from .hashing import buckets
from .strings import Strings, as_strings

Token = Any  # a string or a whole number


class Tokens:
    """Tokens that were given, in order; told as a list, and searched by no one."""

    def __init__(self, listed: Sequence[Token]) -> None:
        self.listed = tuple(listed)

    def tolist(self) -> list[Token]:
        """Return them as a list."""
        return list(self.listed)


class Special:
    """The places before the first token: the mask's and those of unknown tokens.

    Attributes:
        mask: the token that stands for nothing, or None.
        unknown: the token that stands for any unknown one.
        masks: how many places the mask takes, 0 or 1.
        count: how many unknown tokens take.
    """

    def __init__(self, mask: Token, unknown: Token, count: int, numbered: bool) -> None:
        self.mask = mask
        self.unknown = unknown
        self.masks = 1 if mask is not None and numbered else 0
        self.count = count

    @property
    def start(self) -> int:
        """The number of the first token."""
        return self.masks + self.count

    def listed(self) -> list[Token]:
        """Return them in order."""
        return [self.mask] * self.masks + [self.unknown] * self.count


class Vocabulary:
    """Tokens and their numbers, behind the special places."""

    def __init__(self, tokens: Sequence[Token], special: Special) -> None:
        self.tokens = list(tokens)
        self.special = special
        self.numbers = {token: i for i, token in enumerate(self.tokens, special.start)}

    def __len__(self) -> int:
        return self.special.start + len(self.tokens)

    def listed(self, with_special: bool = True) -> list[Token]:
        """Return the tokens in the order of their numbers."""
        return [*(self.special.listed() if with_special else ()), *self.tokens]

    def numbered(
        self, subject: str, given: Sequence[str], dropped: int, salt: Sequence[int] | None
    ) -> list[int]:
        """Return the number of every string; the mask gets 0, or `dropped` where it has no place.

        Raises:
            DataError: a string is unknown and there is no place for unknown ones.
        """
        special, known = self.special, self.numbers
        mask, place = special.mask, 0 if special.masks else dropped
        if special.count == 1:
            other = special.masks
            return [place if one == mask else known.get(one, other) for one in given]
        unknown = list(dict.fromkeys(one for one in given if one not in known and one != mask))
        expect(special.count > 0 or not unknown, subject, "every input must be in the vocabulary "
               "while num_oov_indices is 0", error=DataError, unknown=unknown[:5])  # fmt: skip
        shared: dict[str, int] = {}
        if unknown:
            places = buckets(unknown, special.count, salt)
            shared = {one: special.masks + at for one, at in zip(unknown, places, strict=True)}
        return [place if one == mask else known[one] if one in known else shared[one]
                for one in given]  # fmt: skip

    def named(self, numbers: Iterable[int]) -> list[Token]:
        """Return the token of every number; any that stands for no token is unknown."""
        special, tokens, start, last = self.special, self.tokens, self.special.start, len(self)
        return [
            special.mask if i == 0 and special.mask is not None
            else tokens[i - start] if start <= i < last else special.unknown
            for i in numbers
        ]  # fmt: skip


def without_special(
    subject: str, given: Sequence[Token], special: Special, most: int | None, inverse: bool
) -> tuple[list[Token], bool]:
    """Return the tokens behind the special ones, and whether those stood in front.

    Raises:
        ConfigError: there is none, one stands twice, or a special one at the wrong place.
    """
    expect(len(given) > 0, subject, "the vocabulary must not be empty", error=ConfigError, tokens=0)
    front = special.listed()
    found = list(given[: special.start]) == front
    tokens = list(given[special.start :] if found else given)
    repeated = [token for token, n in Counter(tokens).items() if n > 1]
    expect(not repeated, subject, "no token may stand twice in the vocabulary", error=ConfigError,
           repeated=repeated[:5])  # fmt: skip
    reserved = [("mask_token", special.mask)]
    if inverse:
        reserved.append(("oov_token", special.unknown))
    for name, token in reserved:
        expect(token is None or token not in tokens, subject, f"{name} must stand in front of the "
               "vocabulary or not in it", error=ConfigError, front=front,
               advice="Leave all special tokens out, or begin with exactly these.",
               **{name: token})  # fmt: skip
    size = special.start + len(tokens)
    expect(most is None or size <= most, subject, "the vocabulary must not be larger than "
           "max_tokens", error=ConfigError, tokens=size, max_tokens=most)  # fmt: skip
    return tokens, found


class Counts:
    """How often tokens were seen, and in how many documents."""

    def __init__(self) -> None:
        self.seen: Counter[Token] = Counter()
        self.within: Counter[Token] = Counter()
        self.documents = 0

    def add(self, documents: Iterable[Sequence[Token]], apart: bool) -> None:
        """Count tokens; where `apart`, also the documents that hold them."""
        for one in documents:
            self.seen.update(one)
            if apart:
                self.within.update(set(one))
                self.documents += 1

    def frequent(self, special: Special, most: int | None) -> list[Token]:
        """Return tokens, the most frequent first; of equally many the last in the alphabet."""
        kept = [(n, one) for one, n in self.seen.items() if one not in (special.mask,
                special.unknown)]  # fmt: skip

        def order(pair: tuple[int, Token]) -> Any:
            token = pair[1]
            return pair[0], token.encode() if isinstance(token, str) else token

        kept.sort(key=order, reverse=True)
        room = None if most is None else max(most - special.start, 0)
        return [one for _, one in kept[:room]]

    def rarity(self, tokens: Sequence[Token]) -> list[float]:
        """Return log(1 + documents / (1 + documents with the token)) for every token."""
        return [math.log(1 + self.documents / (1 + self.within[one])) for one in tokens]


def weights_in_front(
    subject: str, given: Any, listed: int, special: Special, found: bool, most: int | None
) -> list[float]:
    """Return one weight for every number: the special ones' in front, the mean of all others.

    `found` tells whether the special ones have weights among those given; with `most`, zeros
    follow up to so many.

    Raises:
        ConfigError: there is not one weight for every token.
    """
    plain = given.tolist() if hasattr(given, "tolist") else list(given)
    fit = len(plain) == listed and all(isinstance(one, (int, float)) for one in plain)
    expect(fit, subject, "idf_weights must be one number for each token of the vocabulary",
           error=ConfigError, weights=len(plain), tokens=listed)  # fmt: skip
    front = [] if found else [sum(plain) / max(len(plain), 1)] * special.start
    whole = [*front, *map(float, plain)]
    return whole + [0.0] * (0 if most is None else most - len(whole))


def given_tokens(subject: str, value: Any, text: bool, encoding: str = "utf-8") -> list[Token]:
    """Return the tokens of a list, a tuple, an array or a tensor.

    Raises:
        ConfigError: it is not one row of strings, or of whole numbers.
    """
    value = value.numpy() if hasattr(value, "grad_fn") else value
    value = value.tolist() if isinstance(value, Tokens) else value
    if text:
        found: Strings = as_strings(subject, value, encoding)
        expect(len(found.shape) == 1, subject, "the vocabulary must be one row of tokens",
               error=ConfigError, shape=found.shape)  # fmt: skip
        return list(found.flat)
    plain = value.tolist() if hasattr(value, "tolist") else list(value)
    fit = all(isinstance(one, int) or hasattr(one, "__index__") for one in plain)
    expect(fit, subject, "the vocabulary must hold whole numbers", error=ConfigError,
           vocabulary=plain[:5])  # fmt: skip
    return [int(one) for one in plain]


def from_file(subject: str, path: str | os.PathLike[str], text: bool) -> list[Token]:
    """Read tokens from a file, one on each line.

    Raises:
        ConfigError: there is no such file, or a line is no whole number where one is wanted.
    """
    expect(os.path.isfile(path), subject, "the file of the vocabulary must exist",
           error=ConfigError, vocabulary=str(path))  # fmt: skip
    with open(path, "rb") as file:
        return from_lines(subject, file.read(), text)


def from_lines(subject: str, content: bytes, text: bool) -> list[Token]:
    """Return the tokens of lines; empty ones at the end do not count.

    Raises:
        ConfigError: it is no text, or a line is no whole number where one is wanted.
    """
    try:
        lines = content.decode().replace("\r\n", "\n").split("\n")
        while lines and lines[-1] == "":
            lines.pop()
        return list(lines) if text else [int(line) for line in lines]
    except ValueError as error:
        kind = "text in UTF-8" if text else "whole numbers"
        raise ConfigError(
            f"{subject}: the lines of a vocabulary must be {kind}; got {error}."
        ) from None


def as_lines(subject: str, tokens: Sequence[Token]) -> bytes:
    """Write tokens as lines.

    Raises:
        FormatError: a token holds the end of a line.
    """
    broken = [one for one in tokens if isinstance(one, str) and "\n" in one]
    expect(not broken, subject, "a token must not hold the end of a line where the vocabulary is "
           "written into a file", error=FormatError, tokens=broken[:3],
           advice="Pass vocabulary= as a list: it is kept in the configuration.")  # fmt: skip
    return "\n".join(map(str, tokens)).encode()
