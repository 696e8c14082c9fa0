"""A decoded checkpoint as plain Python objects: dictionaries, lists, numbers, text and arrays."""

from __future__ import annotations

from collections.abc import Callable

from .base import check
from .foreign_objects import Record
from .numpy_objects import ArrayRecord, DTypeRecord
from .plain_objects import Global
from .torch_objects import TensorRecord

_LEAVES = (str, bytes, int, float, complex, bool, type(None), set)


class ForeignObject:
    """An object in a file whose class is not known here: its name, and what it was made of.

    Attributes:
        name: the full name of the class or function, as text.
    """

    def __init__(self, record: Record, plain: Callable[[object], object]) -> None:
        self.name = record.name
        self._record = record
        self._plain = plain

    @property
    def state(self) -> object:
        """What the object would have been handed, as plain objects; often a dictionary.

        Raises:
            FormatError: it is too large or too deep, or not plain.
        """
        return self._plain(self._record.state)

    @property
    def arguments(self) -> object:
        """What the class or function would have been called with, as a tuple of plain objects.

        Raises:
            FormatError: they are too large or too deep, or not plain.
        """
        return self._plain(self._record.arguments)

    def __repr__(self) -> str:
        return f"ForeignObject({self.name})"


class Plain:
    """Turns decoded trees, whose size was checked, into plain objects.

    Args:
        subject: who speaks in errors.
        open: prepares the state of a foreign object when it is asked for.
    """

    def __init__(self, subject: str, open: Callable[[object], object]) -> None:
        self.subject = subject
        self.open = open
        self.known: dict[Record, ForeignObject] = {}

    def __call__(self, node: object) -> object:
        """Return the plain object.

        Raises:
            FormatError: the tree holds something that is not plain.
        """
        if isinstance(node, dict):
            return {self._key(key): self(value) for key, value in node.items()}
        if isinstance(node, (list, tuple)):
            return type(node)(self(item) for item in node)
        if isinstance(node, TensorRecord):
            return node.array()
        if isinstance(node, ArrayRecord):
            return node.array
        if isinstance(node, Record):
            return self._foreign(node)
        if isinstance(node, set):
            return {self._key(one) for one in node}
        if isinstance(node, Global):
            return node.name
        if isinstance(node, DTypeRecord):
            return str(node.dtype) if node.kept else "text"
        check(isinstance(node, _LEAVES), self.subject, "may only hold plain data",
              type=type(node).__name__)  # fmt: skip
        return node

    def _key(self, key: object) -> object:
        if isinstance(key, Global):
            return key.name
        if isinstance(key, Record):
            return self._foreign(key)
        parts = key if isinstance(key, tuple) else (key,)
        check(all(isinstance(part, _LEAVES) for part in parts), self.subject,
              "keys must be text or numbers", type=type(key).__name__)  # fmt: skip
        return key

    def _foreign(self, record: Record) -> ForeignObject:
        if record not in self.known:
            self.known[record] = ForeignObject(record, self._later)
        return self.known[record]

    def _later(self, node: object) -> object:
        return self(self.open(node))
