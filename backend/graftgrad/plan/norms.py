"""Batch normalisation and the rectifier after it as one launch, and their gradients as one.

The gradient then asks for one bit of each element where it asked for the rectifier's result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..function import Function
from ..kernel import Reference
from ..ops.fused_norm import BatchNormReLU, BatchNormReLUGrad, mask_of
from ..ops.norm import BatchNorm, BatchNormGrad
from ..ops.rectifier import Gate, ReLU
from .probe import same_bits
from .records import Buffer, Entry, Record, View, launch_over


def joined_norms(entries: Sequence[Entry], outputs: Sequence[View]) -> list[Entry]:
    """Join normalisations with rectifiers where the library has a body that gives the same."""
    readers: dict[int, list[int]] = {}
    for number, entry in enumerate(entries):
        for view in entry.ins:
            readers.setdefault(id(view.buffer), []).append(number)
    leaving = {id(view.buffer) for view in outputs}
    listed: list[Entry | None] = list(entries)

    def only_reader(view: View, kind: type[Function]) -> int | None:
        """Return the number of the one launch that reads a result, if it is of a kind."""
        numbers = set(readers.get(id(view.buffer), ()))
        if len(numbers) != 1 or id(view.buffer) in leaving or view.buffer.origin != "made":
            return None
        entry = listed[next(iter(numbers))]
        fits = isinstance(entry, Record) and isinstance(entry.call.function, kind)
        return next(iter(numbers)) if fits else None

    for number, norm in enumerate(entries):
        if not (isinstance(norm, Record) and isinstance(norm.call.function, BatchNorm)):
            continue
        place = only_reader(norm.outs[0], ReLU)
        relu = listed[place] if place is not None else None
        if place is None or not isinstance(relu, Record) or relu.ins[0].key != norm.outs[0].key:
            continue
        gates: dict[int, tuple[int, Record, Record]] = {}
        for n in readers.get(id(relu.outs[0].buffer), ()):
            gate = listed[n]
            if not (isinstance(gate, Record) and gate.call.function == Gate(0.0, math.inf)):
                continue
            after = only_reader(gate.outs[0], BatchNormGrad)
            back = listed[after] if after is not None else None
            if after is None or not isinstance(back, Record):
                continue
            same = (
                gate.ins[1].key == relu.outs[0].key
                and gate.ins[0].shape == relu.outs[0].shape
                and back.ins[0].key == gate.outs[0].key
                and back.ins[1].key == norm.ins[0].key
                and [v.key for v in back.ins[3:]] == [norm.outs[1].key, norm.outs[3].key]
            )
            if same:
                gates[n] = after, gate, back
        made = _joined(norm, relu, [(gate, back) for _, gate, back in gates.values()])
        if made is None:
            continue
        listed[number], listed[place] = made[0], None
        for (n, (after, _, _)), joined in zip(gates.items(), made[1:], strict=True):
            listed[n], listed[after] = None, joined
    return [entry for entry in listed if entry is not None]


def _joined(
    norm: Record, relu: Record, backs: Sequence[tuple[Record, Record]]
) -> list[Record] | None:
    """Return the joined launches, forward first, or None where they are no gain or not the same."""
    function: Any = norm.call.function
    mask = mask_of(norm.call.ins[0])
    bits = View(Buffer(mask.nbytes, "made"), 0, mask.shape, (1,), mask.dtype)
    outs = (relu.outs[0], *norm.outs[1:], bits)
    forward = _record(BatchNormReLU(function.epsilon), norm.ins, outs, relu)
    if forward is None:
        return None
    found = [forward]
    results = [relu.outs[0], *norm.outs[1:]]
    for gate, back in backs:
        ins = (gate.ins[0], *back.ins[1:], bits)
        joined = _record(BatchNormReLUGrad(), ins, back.outs, back)
        if joined is None:
            return None
        found.append(joined)
        results += back.outs
    before = [norm, relu, *[one for pair in backs for one in pair]]
    return found if same_bits(before, found, results) else None


def _record(
    function: Function, ins: Sequence[View], outs: Sequence[View], last: Record
) -> Record | None:
    made = launch_over(function, last.call.device, ins, outs, last.line)
    return None if isinstance(made.kernel, Reference) else made
