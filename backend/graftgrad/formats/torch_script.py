"""TorchScript programs: the weights they hold; the program is text that nobody runs.

Which attributes of a class are parameters and buffers stands in the program as two lists of names.
Those two lines are looked for; nothing else of the text is read. The container is read in
`torch.py`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .base import check
from .foreign_objects import Record
from .module_objects import Parts
from .torch_objects import TensorRecord
from .zip import ZipArchive

_ROOM = "__torch__."
_HEAD = re.compile(
    r"^class (\w+)(\(Module\))?[^\n]*:\n"
    r"(?:  __parameters__ = \[([^\]\n]*)\]\n)?(?:  __buffers__ = \[([^\]\n]*)\]\n)?",
    re.MULTILINE,
)
_QUOTED = re.compile(r'"([^"\\\n]*)"')


class ScriptClass(NamedTuple):
    """What the program says of a class; None where it does not say it."""

    module: bool
    parameters: list[str] | None
    buffers: list[str] | None


class ScriptClasses:
    """The classes of a program, looked up one source file at a time.

    Args:
        archive: the container.
        folder: where in it the program lies, with a "/" at its end.
    """

    def __init__(self, archive: ZipArchive, folder: str) -> None:
        self.archive = archive
        self.folder = folder
        self.files: dict[str, dict[str, ScriptClass]] = {}

    def parts(self, record: Record) -> Parts | None:
        """Find what a module of the program holds; None where the record is no module."""
        state = record.state
        if not record.name.startswith(_ROOM) or not isinstance(state, dict):
            return None
        told = self.told(record.name)
        if told is not None and not told.module:
            return None
        tensors: dict[object, object] = {
            name: one for name, one in state.items() if isinstance(one, TensorRecord)
        }
        modules = {name: one for name, one in state.items() if self.is_module(one)}
        if told is None or told.parameters is None or told.buffers is None:
            return Parts(tensors, {}, modules)
        named: list[dict[object, object]] = [
            {name: tensors[name] for name in names if name in tensors}
            for names in (told.parameters, told.buffers)
        ]
        return Parts(named[0], named[1], modules)

    def is_module(self, value: object) -> bool:
        """Tell whether an attribute is a module rather than an object of another class."""
        if not isinstance(value, Record) or not value.name.startswith(_ROOM):
            return False
        told = self.told(value.name)
        return isinstance(value.state, dict) and (told is None or told.module)

    def told(self, name: str) -> ScriptClass | None:
        """Look up `__torch__.room.Class`, which stands in `code/__torch__/room.py`."""
        room, _, short = name.rpartition(".")
        place = f"{self.folder}code/{room.replace('.', '/')}.py"
        if place not in self.files:
            self.files[place] = self._classes(place) if place in self.archive else {}
        return self.files[place].get(short)

    def _classes(self, place: str) -> dict[str, ScriptClass]:
        code = self.archive.read(place, self.archive.limits.max_header)
        text = bytes(code).decode("utf-8", "replace")
        return {
            found[1]: ScriptClass(found[2] is not None, _names(found[3]), _names(found[4]))
            for found in _HEAD.finditer(text)
        }


def _names(listed: str | None) -> list[str] | None:
    return None if listed is None else _QUOTED.findall(listed)


def constants(tree: object, subject: str) -> dict[str, TensorRecord]:
    """Name the tensors of a frozen program as it does itself, "CONSTANTS.c0"."""
    check(isinstance(tree, tuple), subject, "the constants of a program must be a tuple",
          type=type(tree).__name__)  # fmt: skip
    values = tree if isinstance(tree, tuple) else ()
    return {
        f"CONSTANTS.c{number}": value
        for number, value in enumerate(values)
        if isinstance(value, TensorRecord)
    }
