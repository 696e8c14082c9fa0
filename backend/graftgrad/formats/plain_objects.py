"""What Python's own names in a pickle stand for: dicts in order, sets, bytes, namespaces, paths.

What PyTorch's and numpy's names mean stands in `torch_objects.py` and `numpy_objects.py`, those of
other libraries in `settings_objects.py`; the interpreter that asks for them in `pickle_subset.py`.
Nothing here is the class of the name: a path is text, a date its digits.
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
    check(not arguments, "Namespace", "takes no arguments", arguments=len(arguments))
    return Settings()


def check_key(key: object, subject: str) -> None:
    """Allow as keys what is hashed in a time proportional to its bytes, and differently."""
    # Classes that stand for themselves are hashed by name; objects of ours by where they lie.
    if isinstance(key, Global) or type(key).__hash__ is object.__hash__:
        return
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
    check(
        len(arguments) <= 1 and isinstance(pairs, list),
        "OrderedDict",
        "takes a list of pairs",
        arguments=len(arguments),
    )
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


def with_default(arguments: Arguments) -> Ordered:
    """Make a `defaultdict`, whose default is let go."""
    factory = arguments[0] if len(arguments) == 1 else None
    known = factory is None or isinstance(factory, Global)
    check(len(arguments) <= 1 and known, "defaultdict", "takes a class that is known",
          arguments=len(arguments))  # fmt: skip
    return Ordered()


def counted(arguments: Arguments) -> Ordered:
    """Make a `Counter` of the dictionary it takes."""
    counts = arguments[0] if len(arguments) == 1 else {}
    if len(arguments) > 1 or not isinstance(counts, dict):
        refuse("Counter", "takes a dict", arguments=len(arguments))
    result = Ordered()
    result.update(counts)
    return result


def queue(arguments: Arguments) -> list[object]:
    """Make a list of a `deque`, whose longest length is let go."""
    items = arguments[0] if arguments else []
    if len(arguments) > 2 or not isinstance(items, (list, tuple)):
        refuse("deque", "takes a list and a length", arguments=len(arguments))
    return list(items)


def path(arguments: Arguments) -> str:
    """Put the parts of a path together; it is only ever text."""
    parts = [part for part in arguments if isinstance(part, str)]
    check(
        len(parts) == len(arguments),
        "pathlib",
        "the parts of a path must be text",
        parts=len(arguments),
        texts=len(parts),
    )
    return "/".join(parts).replace("//", "/", 1)


def date(arguments: Arguments) -> str:
    """Write the bytes of a date, or of a date and time, as digits."""
    raw = arguments[0] if arguments else None
    if not isinstance(raw, bytes) or len(raw) not in (4, 10):
        refuse("datetime", "takes 4 or 10 bytes", arguments=len(arguments))
    day = f"{raw[0] << 8 | raw[1]:04}-{raw[2] & 0x7F:02}-{raw[3]:02}"
    return day if len(raw) == 4 else f"{day}T{raw[4]:02}:{raw[5]:02}:{raw[6]:02}"


def number_parts(arguments: Arguments) -> tuple[object, ...]:
    """Keep what a slice, a range or a span of time is made of; nothing is counted out."""
    plain = all(one is None or isinstance(one, (int, float)) for one in arguments)
    check(plain and len(arguments) <= 3, "slice, range or timedelta", "takes up to three numbers",
          arguments=len(arguments))  # fmt: skip
    return arguments


def complex_number(arguments: Arguments) -> complex:
    """Make a complex number of its parts."""
    first, second = arguments if len(arguments) == 2 else (None, None)
    if not isinstance(first, (int, float)) or not isinstance(second, (int, float)):
        refuse("complex", "takes two numbers", arguments=len(arguments))
    narrow = all(isinstance(one, float) or abs(one) < 1 << 60 for one in (first, second))
    check(
        narrow,
        "complex",
        "its parts must be small",
        types=[type(one).__name__ for one in (first, second)],
    )
    return complex(first, second)


def plain_bytes(arguments: Arguments) -> bytes:
    """Make bytes of a `bytearray`, from bytes or from the text of protocol 2."""
    if len(arguments) == 1 and isinstance(arguments[0], bytes):
        return arguments[0]
    if len(arguments) == 2 and arguments[1] == "latin-1":
        return latin_bytes((arguments[0], "latin1"))
    check(not arguments, "bytearray", "takes bytes", arguments=len(arguments))
    return b""


def nothing(arguments: Arguments) -> None:
    """Let an object without any attributes go: programs keep one as a mark."""
    check(not arguments, "object", "takes no arguments", arguments=len(arguments))


_CALLS: dict[str, Callable[[Arguments], object]] = {
    "collections.OrderedDict": ordered,
    "collections.defaultdict": with_default,
    "collections.Counter": counted,
    "collections.deque": queue,
    "argparse.Namespace": settings,
    "types.SimpleNamespace": settings,
    "_codecs.encode": latin_bytes,
    "datetime.date": date,
    "datetime.datetime": date,
    "datetime.timedelta": number_parts,
}
_BUILTINS: dict[str, Callable[[Arguments], object] | None] = {
    "set": plain_set, "frozenset": plain_set, "bytearray": plain_bytes, "complex": complex_number,
    "slice": number_parts, "range": number_parts, "xrange": number_parts,
    # classes that stand for themselves: the defaults of dictionaries, the types of arguments
    **dict.fromkeys(("int", "long", "float", "str", "unicode", "bool", "list", "dict", "tuple",
                     "bytes", "NoneType", "type", "Ellipsis", "NotImplemented")),
    "object": nothing,
}  # fmt: skip
_PATHS = ("Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath")

PLAIN_GLOBALS: tuple[Global, ...] = (
    *(Global(name, call) for name, call in _CALLS.items()),
    *(
        Global(f"{room}.{name}", call)
        for room in ("builtins", "__builtin__")
        for name, call in _BUILTINS.items()
    ),
    *(Global(f"{room}.{name}", path) for room in ("pathlib", "pathlib._local") for name in _PATHS),
    Global("typing.Any"),
)


def table(*groups: Iterable[Global]) -> dict[str, Global]:
    """Gather globals by name."""
    return {known.name: known for group in groups for known in group}
