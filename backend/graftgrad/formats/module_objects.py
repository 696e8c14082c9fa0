"""Networks that were pickled whole: the dictionary of dotted names that `state_dict()` would give.

A record (see `foreign_objects.py`) is a module where it holds what PyTorch's modules hold:
`_parameters`, `_buffers` and `_modules`. Records that are dictionaries or lists become those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from .base import Limits, check, refuse
from .foreign_objects import Record
from .plain_objects import Arguments
from .torch_objects import TensorRecord

LONGEST_NAME = 1000  # characters of a dotted name
# A traced module of torch.fx is made again from its dictionary, which is the first argument.
_REMADE = "torch.fx.graph_module.reduce_graph_module"

Items = Mapping[object, object]


class Parts(NamedTuple):
    """What a module holds under which names, and what of it is no part of its state."""

    parameters: Items
    buffers: Items
    modules: Items
    passing: frozenset[object] | set[object] = frozenset()


Look = Callable[[Record], Parts | None]


def pickled_parts(record: Record) -> Parts | None:
    """Find what a module holds in its state; None where the record is no module."""
    state = record.arguments[:1] if record.name == _REMADE else (record.state,)
    held = state[0] if state else None
    if not isinstance(held, dict):
        return None
    found = [held.get(name) for name in ("_parameters", "_buffers", "_modules")]
    parameters, buffers, modules = found
    if not isinstance(parameters, dict) or not isinstance(modules, dict):
        return None
    passing = held.get("_non_persistent_buffers_set")  # none before PyTorch 1.5
    return Parts(
        parameters, buffers if isinstance(buffers, dict) else {}, modules,
        passing if isinstance(passing, set) else frozenset(),
    )  # fmt: skip


class Opener:
    """Puts in the place of every module of a decoded tree its dictionary of tensors.

    Args:
        subject: who speaks in errors.
        limits: tensors of all modules together, how deep they are nested.
        look: finds what a module holds.
    """

    def __init__(self, subject: str, limits: Limits, look: Look = pickled_parts) -> None:
        self.subject = subject
        self.limits = limits
        self.look = look
        self.tensors = self.modules = 0
        self.known: dict[Record, object] = {}
        self.counts: dict[Record, tuple[int, int] | None] = {}

    def opened(self, node: object) -> object:
        """Return a tree, whose size was checked, without modules and classes of dictionaries.

        Raises:
            FormatError: a module holds itself, or what is no tensor; or there are too many.
        """
        if isinstance(node, Record):
            if node not in self.known:
                self.known[node] = self._record(node)
            return self.known[node]
        if isinstance(node, dict):
            return {key: self.opened(value) for key, value in node.items()}
        if type(node) in (list, tuple):
            items: Arguments = tuple(node)  # type: ignore[arg-type]
            made = [self.opened(one) for one in items]
            return made if isinstance(node, list) else tuple(made)
        return node

    def _record(self, record: Record) -> object:
        if self.look(record) is not None:
            self._allow(record)
            state: dict[str, TensorRecord] = {}
            for name, tensor in self._tensors(record, ""):
                check(name not in state, self.subject, "no two tensors may have one name",
                      name=name)  # fmt: skip
                state[name] = tensor
            return state
        if record.items is not None:
            return self.opened(record.items)
        if record.elements is not None:
            return self.opened(record.elements)
        return record

    def _allow(self, record: Record) -> None:
        """Hold the modules and tensors under a module against the limits before one is named."""
        tensors, modules = self._count(record, 0)
        self.tensors += tensors
        self.modules += modules
        most, many = self.limits.max_tensors, self.limits.max_objects
        check(self.tensors <= most, self.subject, f"at most max_tensors={most} tensors of modules",
              "Raise Limits.max_tensors if the file is honest.", tensors=self.tensors)  # fmt: skip
        check(self.modules <= many, self.subject, f"at most max_objects={many} modules",
              modules=self.modules)  # fmt: skip

    def _count(self, record: Record, depth: int) -> tuple[int, int]:
        """Count the tensors and modules under a module, as often as they will be named.

        Each module is looked at once: modules that share their parts, which share theirs, stand
        for more than could ever be walked.
        """
        deepest = self.limits.max_depth
        check(
            depth < deepest,
            self.subject,
            f"at most max_depth={deepest} levels of modules",
            levels=depth + 1,
        )
        if record in self.counts:
            known = self.counts[record]
            check(known is not None, self.subject, "a module must not hold itself",
                  type=record.name)  # fmt: skip
            return known or (0, 0)
        self.counts[record] = None  # being counted
        parts = self._parts(record)
        tensors, modules = len(parts.parameters) + len(parts.buffers), 1
        for name, value in parts.modules.items():
            if isinstance(value, Record):
                inner = self._count(value, depth + 1)
                tensors, modules = tensors + inner[0], modules + inner[1]
            else:
                check(value is None, self.subject, "modules may only hold modules", name=name,
                      type=type(value).__name__)  # fmt: skip
        self.counts[record] = tensors, modules
        return tensors, modules

    def _parts(self, record: Record) -> Parts:
        parts = self.look(record)
        if parts is None:
            refuse(self.subject, "modules may only hold modules", type=record.name)
        return parts

    def _tensors(self, record: Record, prefix: str) -> Iterator[tuple[str, TensorRecord]]:
        """Walk parameters, lasting buffers, then modules: the order of PyTorch."""
        parts = self._parts(record)
        lasting = {
            name: value for name, value in parts.buffers.items() if name not in parts.passing
        }
        for name, value in (*parts.parameters.items(), *lasting.items()):
            if value is not None:
                yield self._tensor(self._name(prefix, name), value)
        for name, value in parts.modules.items():
            if isinstance(value, Record):
                yield from self._tensors(value, self._name(prefix, name))

    def _tensor(self, name: str, value: object) -> tuple[str, TensorRecord]:
        if not isinstance(value, TensorRecord):
            kind = value.name if isinstance(value, Record) else type(value).__name__
            refuse(self.subject, "modules may only hold plain tensors",
                   "Save the model's state_dict() with PyTorch and read that.", name=name,
                   type=kind)  # fmt: skip
        return name, value

    def _name(self, prefix: str, name: object) -> str:
        if not isinstance(name, str):
            refuse(self.subject, "what a module holds must have names", type=type(name).__name__)
        full = f"{prefix}.{name}" if prefix else name
        check(len(full) <= LONGEST_NAME, self.subject,
              f"a tensor's name has at most {LONGEST_NAME} characters",
              characters=len(full))  # fmt: skip
        return full
