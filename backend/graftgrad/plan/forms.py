"""Arguments and results of a recorded step: their structure as a key, their tensors as a list."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from ..data import map_tree
from ..device.find import cpu
from ..spec import Spec
from ..tensor import Tensor
from .tape import Tape

PLAIN = (type(None), bool, int, str, bytes)


@dataclass(frozen=True, slots=True)
class Output:
    """Stands for a tensor in the structure of a result."""

    number: int
    spec: Spec
    device: Any


@dataclass(frozen=True, slots=True)
class Other:
    """Stands for an object in the structure of a result that is made anew every time."""

    kind: type
    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Other) and self.kind is other.kind

    def __hash__(self) -> int:
        return hash(self.kind)


class UnfitError(Exception):
    """An argument is such that no plan can be made for it."""


def form_of(tree: Any, found: list[Tensor]) -> Hashable:
    """Return the structure of arguments as a key, and collect their tensors, each once.

    Raises:
        UnfitError: an argument is no tensor without gradient, and no plain value.
    """
    if isinstance(tree, Tensor):
        if type(tree) is not Tensor or not tree.device.recorded or tree.requires_grad:
            raise UnfitError("an argument is a weight, wants a gradient or has no values")
        for place, one in enumerate(found):
            if one is tree:
                return ("same", place)
        found.append(tree)
        return tree.spec.like() if tree.device is cpu else (tree.spec.like(), tree.device)
    if isinstance(tree, (list, tuple)):
        return (type(tree).__name__, *[form_of(one, found) for one in tree])
    if isinstance(tree, dict):
        if not tree:
            return "none by name"
        return ("dict", *[(key, form_of(one, found)) for key, one in tree.items()])
    if isinstance(tree, float):
        return ("float", tree.hex())
    try:
        hash(tree)
    except TypeError:
        raise UnfitError(f"an argument is a {type(tree).__name__}, not a tensor") from None
    return ("value", type(tree).__name__, tree)


def told_of(result: Any, tape: Tape, again: Callable[[Any], Any] | None) -> Any:
    """Return the structure of a result with its tensors numbered, and note their views."""

    def numbered(one: Any) -> Any:
        if not isinstance(one, Tensor):
            if isinstance(one, (*PLAIN, float)):
                return one
            if again is None or again(one) is one:
                tape.fail(f"a result is a {type(one).__name__}, neither tensor nor plain value")
            return Other(type(one), one)
        if one.requires_grad:
            tape.fail("a result still belongs to the graph")
        number = len(tape.recording.outputs)
        tape.recording.outputs.append(tape.view(one.array))
        return Output(number, one.spec.like(), one.device)

    return map_tree(numbered, result)
