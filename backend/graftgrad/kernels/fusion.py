"""Which functions can be steps of a joined run of element-wise launches, by kind of device."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..function import Function
from ..kernel import Call
from ..spec import Spec
from . import native

Fusible = Callable[[Function, Sequence[Spec], Sequence[Spec]], bool]

KNOWN: dict[str, Fusible] = {"cpu": native.fusible}  # a library for other devices adds its own


def fusible(call: Call) -> bool:
    """Tell whether a call can be a step of a joined run on its device."""
    known = KNOWN.get(call.device.kind)
    return known is not None and known(call.function, call.ins, call.outs)
