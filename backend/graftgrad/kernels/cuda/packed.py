"""Kernels that read rows: operands that lie with gaps are first copied into working space."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

from ...kernel import Call
from ...spec import Spec, is_floating
from ..native.geometry import row_major as row_major_steps
from .elementwise import body, launch
from .geometry import collapsed, elements, stretched
from .launches import Launch, Launched, Lie, int64, row_major
from .prelude import SUMS, TEXT, TYPES, type_of
from .translate import Value, Writer


class Packed(Launched):
    """A body whose launches want every array in row-major order."""

    def __init__(self, call: Call, scratch: Sequence[Spec] = ()) -> None:
        super().__init__(call)
        self.loose = [i for i, spec in enumerate(call.ins) if not spec.contiguous]
        self.own = tuple(scratch)
        self.scratch = (*scratch, *[call.ins[i].like() for i in self.loose])
        self.first = len(call.ins) + (0 if call.function.updates else len(call.outs))

    def rows(self, places: Sequence[int]) -> list[Launch]:
        """Return the launches; `places` are the numbers of the operands' arrays, then the rest."""
        raise NotImplementedError

    def made(self, places: Sequence[int], lie: Sequence[Lie]) -> list[Launch]:
        """Return the launches; `lie` tells how operands and results lay before any copy."""
        return self.rows(places)

    def listed(self, lie: Sequence[Lie]) -> list[Launch] | None:
        """Return the copies that are needed and then the launches."""
        places = list(range(self.first + len(self.own)))
        copies = []
        for k, i in enumerate(self.loose):
            spec = self.call.ins[i]
            if row_major(lie[i], spec):
                continue
            places[i] = self.first + len(self.own) + k
            made = copy(spec, lie[i], i, places[i])
            if made is None:
                return None
            copies.append(made)
        outs = () if self.call.function.updates else self.call.outs
        for i, spec in enumerate(outs, len(self.call.ins)):
            if not row_major(lie[i], spec):
                return None
        return [*copies, *self.made(places, lie)]


def copy(spec: Spec, lie: Lie, source: int, target: int) -> Launch | None:
    """Return the launch that copies an array into row-major order."""
    own = elements(lie.strides, spec.dtype.itemsize)
    found = None if own is None else stretched(spec.shape, own, spec.shape)
    if found is None:
        return None
    walk = collapsed(spec.shape, (found, row_major_steps(spec.shape, 1)))
    specs = (spec, spec.like())
    text = body(specs, 1, (1,), _same)
    return launch(text, specs, (1,), walk, (lie.aligned, True), (source, target))


def _same(writer: Writer, operands: Sequence[Value]) -> dict[int, Value]:
    return {1: operands[0]}


def entry(name: str, parameters: str, text: str, threads: int = 0) -> tuple[str, str]:
    """Return the name and the whole source of a kernel whose body is given.

    With more than 256 `threads` of a block the compiler must be told, or it takes more registers
    for each than there are.
    """
    bound = f"__launch_bounds__({threads}) " if threads > 256 else ""
    code = hashlib.sha256(f"{bound}{parameters}{text}".encode()).hexdigest()[:16]
    whole = f"{name}_{code}"
    signature = ", ".join(part.strip() for part in parameters.split(","))
    head = f'extern "C" __global__ void {bound}{whole}({signature})'
    return whole, f"{TEXT}{SUMS}\n{head} {{{text}}}\n"


def fits(call: Call) -> bool:
    """Tell whether all element types are known and there is something to compute."""
    return all(spec.dtype in TYPES and spec.size for spec in (*call.ins, *call.outs))


def pointers(specs: Sequence[Spec], names: Sequence[str], inputs: int) -> str:
    """Return the parameters of arrays, of which the first `inputs` are only read."""
    return ", ".join(
        f"{'const ' if i < inputs else ''}{type_of(spec.dtype)}* {name}"
        for i, (spec, name) in enumerate(zip(specs, names, strict=True))
    )


def nothing(spec: Spec) -> str:
    """Return NaN as an element of an array, 0 among whole numbers."""
    return f"narrow<{type_of(spec.dtype)}>({'(float)NAN' if is_floating(spec.dtype) else '0'})"


def trailing(axes: Sequence[int], x: Spec) -> int:
    """Return how many elements some axes hold where they are the last ones, else 0."""
    live = [i for i, size in enumerate(x.shape) if size > 1]
    wanted = [i for i in axes if x.shape[i] > 1]
    if wanted != live[len(live) - len(wanted) :]:
        return 0
    return math.prod(x.shape[i] for i in axes)


def longs(*values: int) -> list[Any]:
    """Return numbers as kernels' `long long` take them."""
    return [int64(value) for value in values]
