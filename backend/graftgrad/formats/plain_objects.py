"""What the plain names in a pickle stand for: dicts in order, sets, bytes, namespaces.

What PyTorch's and numpy's names mean stands in `torch_objects.py` and `numpy_objects.py`; the
interpreter that asks for them in `pickle_subset.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from .base import check, refuse

Arguments = tuple[object, ...]
_KEYS = (str, bytes, int, float, bool, type(None))
# Python hashes text with a secret, numbers without: numbers beyond 60 bits, and tuples of wide
# ones, can be chosen so that all have one hash, and a dict of them takes quadratic time.
_WIDEST, _WIDEST_PART = 1 << 60, 1 << 15


@dataclass(frozen=True, slots=True)
class Global:
    """A name that a pickle may use.

    Attributes:
        name: its full dotted name.
        call: what applying it to arguments means here; None where it only stands for itself.
    """

    name: str
    call: Callable[[Arguments], object] | None = None


@runtime_checkable
class Buildable(Protocol):
    """An object of ours that takes a state after it was made."""

    def build(self, state: object) -> None:
        """Check the state and take it over."""


class Ordered(dict[object, object]):
    """An ordered dictionary; the attributes a pickle gives it (versions of layers) are let go."""

    def build(self, state: object) -> None:
        """Accept attributes, and forget them."""
        check(isinstance(state, dict), "OrderedDict", "its attributes must be a dict",
              type=type(state).__name__)  # fmt: skip


class Settings(dict[object, object]):
    """What an `argparse.Namespace` held: training scripts save their arguments with the weights."""

    def build(self, state: object) -> None:
        """Take over the attributes."""
        if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
            refuse("Namespace", "its attributes must have names", type=type(state).__name__)
        self.update(state)


def settings(arguments: Arguments) -> Settings:
    """Make an empty namespace."""
    check(not arguments, "argparse.Namespace", "takes no arguments", arguments=len(arguments))
    return Settings()


def check_key(key: object, subject: str) -> None:
    """Allow as keys what is hashed in a time proportional to its bytes, and differently."""
    # Nested tuples that share their parts take exponential time to hash.
    parts, widest = (key, _WIDEST_PART) if isinstance(key, tuple) else ((key,), _WIDEST)
    check(all(isinstance(part, _KEYS) for part in parts), subject, "keys must be text or numbers",
          type=type(key).__name__)  # fmt: skip
    narrow = all(-widest < part < widest for part in parts if isinstance(part, (int, float)))
    check(narrow or isinstance(key, float), subject, "numbers as keys must be small",
          type=type(key).__name__)  # fmt: skip


def ordered(arguments: Arguments) -> Ordered:
    """Make an ordered dictionary, empty or from a list of pairs (as Python 2 wrote them)."""
    result = Ordered()
    pairs = arguments[0] if len(arguments) == 1 else []
    check(len(arguments) <= 1 and isinstance(pairs, list), "OrderedDict", "takes a list of pairs")
    for pair in pairs if isinstance(pairs, list) else []:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            refuse("OrderedDict", "takes a list of pairs", type=type(pair).__name__)
        check_key(pair[0], "OrderedDict")
        result[pair[0]] = pair[1]
    return result


def plain_set(arguments: Arguments) -> set[object]:
    """Make a set of text and numbers."""
    items = arguments[0] if len(arguments) == 1 else None
    if not isinstance(items, (list, tuple)):
        refuse("set", "takes one list", arguments=len(arguments))
    for item in items:
        check_key(item, "set")
    return set(items)


def latin_bytes(arguments: Arguments) -> bytes:
    """Undo how protocol 2 writes bytes: `_codecs.encode(text, "latin1")`."""
    text = arguments[0] if len(arguments) == 2 and arguments[1] == "latin1" else None
    if not isinstance(text, str):
        refuse("_codecs.encode", "takes a text and 'latin1'", arguments=len(arguments))
    try:
        return text.encode("latin1")
    except UnicodeEncodeError:
        refuse("_codecs.encode", "takes a text of bytes", characters=len(text))


PLAIN_GLOBALS: tuple[Global, ...] = (
    Global("collections.OrderedDict", ordered),
    Global("argparse.Namespace", settings),
    Global("__builtin__.set", plain_set),
    Global("builtins.set", plain_set),
    Global("_codecs.encode", latin_bytes),
)


def table(*groups: Iterable[Global]) -> dict[str, Global]:
    """Gather globals by name."""
    return {known.name: known for group in groups for known in group}
