"""Functions that rearrange, cut and pick elements, in ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.gather import Gather, OneHot, Take
from ..ops.shape import BroadcastTo, Concatenate, Pad, Reshape, Slice, Transpose
from ..ops.triangle import Triangle
from .graph import Graph, Value, axis_in_planes, rule, to_planes

Values = Sequence[Value]
_END = (1 << 63) - 1  # beyond any axis
_FRONT = -(1 << 63)


@rule(Reshape)
def reshaped(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate another shape of the same elements."""
    x, y = ins[0], outs[0]
    graph.put(y, graph.add("Reshape", graph.plain(x), graph.sizes(y.shapes, free=True)))


@rule(Transpose)
def transposed(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate another order of axes."""
    graph.put(outs[0], graph.add("Transpose", graph.plain(ins[0]), perm=list(function.axes)))


@rule(BroadcastTo)
def stretched(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate axes of size 1 that are stretched; others are asked for as 1, which keeps them."""
    x, y = ins[0], outs[0]
    lead = y.ndim - x.ndim
    shapes: list[tuple[int, ...]] = []
    for mine, wanted in zip(x.shapes, y.shapes, strict=True):
        kept = [1] * lead + [n for n in mine]
        shapes.append(tuple(
            1 if i >= lead and x.shapes[0][i - lead] == y.shapes[0][i]
            and x.shapes[1][i - lead] == y.shapes[1][i] else n
            for i, (n, _) in enumerate(zip(wanted, kept, strict=True))
        ))  # fmt: skip
    graph.put(y, graph.add("Expand", graph.plain(x), graph.sizes((shapes[0], shapes[1]))))


@rule(Slice)
def cut(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate a cut; one along the samples must reach an end or be the same in both runs."""
    x, y = ins[0], outs[0]
    other = graph.other
    starts, stops, axes, steps = [], [], [], []
    for axis, (first, second) in enumerate(zip(function.cuts, other.cuts, strict=True)):
        size = x.shapes[0][axis], x.shapes[1][axis]
        if (first, second) == ((0, size[0], 1), (0, size[1], 1)):
            continue
        steps.append(first[2])
        axes.append(axis)
        starts.append(_end(graph, first[0], second[0], size))
        stop = _end(graph, first[1], second[1], size)
        stops.append(_FRONT if first[2] < 0 and first[1] < 0 else stop)
    if not axes:
        graph.put(y, graph.add("Identity", graph.plain(x)))
        return
    lists = [graph.numbers(*one) for one in (starts, stops, axes, steps)]
    graph.put(y, graph.add("Slice", graph.plain(x), *lists))


def _end(graph: Graph, first: int, second: int, size: tuple[int, int]) -> int:
    """Return a position that is right in both runs, counted from the back where it has to be."""
    if first == second:
        return first
    if (first, second) == size:
        return _END
    graph.expect_alike(first - size[0], second - size[1])
    return first - size[0]


@rule(Pad)
def padded(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate a margin of one value."""
    x, y = ins[0], outs[0]
    pads = list(function.pads)
    planes = x.in_planes
    if planes:
        pads = [pads[axis] for axis in to_planes(x.ndim)]
    margins = graph.numbers(*(a for a, _ in pads), *(b for _, b in pads))
    value = graph.constant(function.value, x.dtype)
    given = graph.planes(x) if planes else graph.plain(x)
    graph.put(y, graph.add("Pad", given, margins, value, mode="constant"), planes)


@rule(Concatenate)
def joined(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate values one after the other."""
    planes = outs[0].ndim > 2 and any(x.in_planes for x in ins)
    names = [graph.planes(x) if planes else graph.plain(x) for x in ins]
    axis = axis_in_planes(function.axis, outs[0].ndim) if planes else function.axis
    graph.put(outs[0], graph.add("Concat", *names, axis=axis), planes)


@rule(Take)
def taken(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate slices picked by their numbers."""
    x, indices = ins
    y = graph.add("Gather", graph.plain(x), graph.plain(indices), axis=function.axis)
    graph.put(outs[0], y)


@rule(Gather)
def gathered(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate elements picked along an axis."""
    x, indices = (graph.plain(one) for one in ins)
    graph.put(outs[0], graph.add("GatherElements", x, indices, axis=function.axis))


@rule(OneHot)
def one_hot(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate labels as rows of 0 and 1."""
    labels = graph.add("Unsqueeze", graph.plain(ins[0]), graph.numbers(-1))
    classes = graph.constant(np.arange(function.classes), ins[0].dtype)
    made = graph.add("Cast", graph.add("Equal", labels, classes), to=outs[0].dtype)
    graph.put(outs[0], made)


@rule(Triangle)
def triangular(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate zeros beyond a diagonal."""
    k = graph.constant(function.k, np.dtype("int64"))
    graph.put(outs[0], graph.add("Trilu", graph.plain(ins[0]), k, upper=int(not function.lower)))
