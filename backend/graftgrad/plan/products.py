"""Products with what follows them as one launch: normalisation, bias, addend, activation.

With `loose`, normalisations by fixed statistics are folded into fixed factors, which rounds
differently. Without it a product is joined only where both ways were seen to give the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..function import Function, attributes
from ..kernel import Reference
from ..ops.arithmetic import Add
from ..ops.conv import Conv2D
from ..ops.depthwise import DepthwiseConv2D
from ..ops.fused_products import FusedConv2D, FusedDepthwiseConv2D, FusedLinear, told
from ..ops.matmul import MatMul
from ..ops.norm import BatchNormInference
from ..spec import Shape
from .fixed import Fixed
from .probe import same_bits
from .records import Buffer, Entry, Record, View, launch_over


@dataclass
class Chain:
    """A product and the launches after it that can be part of it, as far as they were followed."""

    product: Record
    numbers: list[int]
    records: list[Record] = field(default_factory=list)
    norm: Record | None = None
    bias: View | None = None
    addend: View | None = None
    activation: Function | None = None

    @property
    def result(self) -> View:
        """Where the last launch writes."""
        return self.records[-1].outs[0]

    def take(self, record: Record, made: View, fixed: Fixed, loose: bool) -> bool:
        """Make a launch that reads the result so far part of this, if it can be."""
        function = record.call.function
        channels = trailing(made.shape, self.product.outs[0].shape[-1])
        if self.activation is not None:
            return False
        if isinstance(function, BatchNormInference):
            held = all(view in fixed for view in (*record.ins[1:], self.product.ins[1]))
            free = self.norm is None and self.bias is None and self.addend is None
            if not (loose and held and free and len(channels) == 1):
                return False
            self.norm = record
            return True
        if isinstance(function, Add):
            other = record.ins[1] if record.ins[0].key == made.key else record.ins[0]
            if other.key == made.key:
                return False
            fits = bool(channels) and other.shape == channels and other.contiguous
            if fits and self.bias is None and self.norm is None:
                self.bias = other
                return self.addend is None
            if other.shape == made.shape and other.contiguous and self.addend is None:
                self.addend = other
                return True
            return False
        if len(record.ins) == 1 and told(function) is not None:
            self.activation = function
            return True
        return False


def joined_products(
    entries: Sequence[Entry], outputs: Sequence[View], fixed: Fixed, loose: bool
) -> list[Entry]:
    """Join products with what follows them, where the library has a body for the whole."""
    readers: dict[int, list[int]] = {}
    writers: dict[int, list[int]] = {}
    for number, entry in enumerate(entries):
        for view in entry.ins:
            readers.setdefault(id(view.buffer), []).append(number)
        for view in entry.outs if isinstance(entry, Record) else ():
            writers.setdefault(id(view.buffer), []).append(number)
    leaving = {id(view.buffer) for view in outputs}
    listed: list[Entry | None] = list(entries)
    for number, entry in enumerate(entries):
        if listed[number] is None or not _is_product(entry):
            continue
        assert isinstance(entry, Record)
        chain = Chain(entry, [number], [entry])
        while _follow(chain, listed, readers, leaving, fixed, loose):
            pass
        made = _record(chain, loose) if len(chain.records) > 1 else None
        if made is None:
            continue
        last = chain.numbers[-1]
        changed = any(  # between where it was read and where the whole is computed
            number < writer < last
            for number, record in zip(chain.numbers, chain.records, strict=True)
            for view in record.ins
            for writer in writers.get(id(view.buffer), ())
        )
        if changed:
            continue
        for n in chain.numbers:
            listed[n] = None
        listed[last] = made
    return [entry for entry in listed if entry is not None]


def _is_product(entry: Entry) -> bool:
    if not isinstance(entry, Record) or entry.outs[0].buffer.origin != "made":
        return False
    function = entry.call.function
    plain = isinstance(function, (Conv2D, DepthwiseConv2D)) or (
        isinstance(function, MatMul) and all(len(view.shape) == 2 for view in entry.ins)
    )
    return plain and entry.outs[0].whole


def _follow(
    chain: Chain,
    listed: Sequence[Entry | None],
    readers: dict[int, list[int]],
    leaving: set[int],
    fixed: Fixed,
    loose: bool,
) -> bool:
    """Take the one launch that reads the result so far, if it is one that can be taken."""
    result = chain.result
    numbers = readers.get(id(result.buffer), [])
    if len(set(numbers)) != 1 or id(result.buffer) in leaving or result.buffer.origin != "made":
        return False
    entry = listed[numbers[0]]
    if not isinstance(entry, Record) or entry.updates or len(entry.outs) != 1:
        return False
    made = next(view for view in entry.ins if view.buffer is result.buffer)
    out = entry.outs[0]
    columns = trailing(made.shape, chain.product.outs[0].shape[-1])
    whole = made.whole and bool(columns) and out.whole
    if not whole or out.buffer.origin != "made" or out.shape != made.shape:
        return False
    before = dict(vars(chain))
    if not chain.take(entry, made, fixed, loose):
        vars(chain).update(before)
        return False
    chain.records.append(entry)
    chain.numbers.append(numbers[0])
    return True


def _record(chain: Chain, loose: bool) -> Record | None:
    """Return the whole chain as one launch, or None where that is no gain or not the same."""
    product = chain.product
    ins = list(product.ins)
    y = product.outs[0]
    out = _reshaped(chain.result, y.shape)
    bias = None if chain.bias is None else _reshaped(chain.bias, y.shape[-1:])
    if chain.norm is not None:
        ins[1], bias = _folded(chain.norm, product)
    more = [view for view in (bias, chain.addend) if view is not None]
    if chain.addend is not None:
        more[-1] = _reshaped(chain.addend, y.shape)
    activation = told(chain.activation) if chain.activation is not None else ("", 0.0, 0.0)
    assert activation is not None
    after: tuple[Any, ...] = (*activation, bias is not None, chain.addend is not None)
    function = product.call.function
    made: Function
    if isinstance(function, Conv2D):
        made = FusedConv2D(*attributes(function), *after)
    elif isinstance(function, DepthwiseConv2D):
        made = FusedDepthwiseConv2D(*attributes(function), *after)
    else:
        made = FusedLinear(*after)
    line = chain.records[-1].line
    joined = launch_over(made, product.call.device, (*ins, *more), (out,), line)
    if isinstance(joined.kernel, Reference):
        return None
    return joined if loose or same_bits(chain.records, [joined], [out]) else None


def trailing(shape: Shape, columns: int) -> Shape:
    """Return the last axes that a product's columns stand for together; none where they do not."""
    size = 1
    for axis in reversed(range(len(shape))):
        size *= shape[axis]
        if size == columns:
            return shape[axis:]
    return ()


def _reshaped(view: View, shape: Shape) -> View:
    """Return a view without gaps in another shape of as many elements."""
    steps, strides = view.dtype.itemsize, []
    for size in reversed(shape):
        strides.append(steps)
        steps *= size
    array = None if view.array is None else view.array.reshape(shape)
    return replace(view, shape=shape, strides=tuple(reversed(strides)), array=array)


def _folded(norm: Record, product: Record) -> tuple[View, View]:
    """Return the filters with a normalisation's factors in them, and its summands as a bias.

    w ← w · gamma / √(variance + epsilon); b = beta − mean · gamma / √(variance + epsilon).
    """
    function: Any = norm.call.function
    mean, variance, gamma, beta = (np.asarray(view.array, np.float64) for view in norm.ins[1:])
    scale = gamma / np.sqrt(variance + function.epsilon)
    w = product.ins[1]
    by_channel = isinstance(product.call.function, DepthwiseConv2D)
    factors = scale.reshape(w.shape[-2:]) if by_channel else scale
    kernel = (np.asarray(w.array, np.float64) * factors).astype(w.dtype)
    return _constant(kernel), _constant((beta - mean * scale).astype(w.dtype))


def _constant(array: Any) -> View:
    held = np.ascontiguousarray(array)
    buffer = Buffer(held.nbytes, "constant", held)
    return View(buffer, 0, held.shape, held.strides, held.dtype, held)
