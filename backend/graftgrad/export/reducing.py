"""Sums, extrema, softmax and whatever else makes axes fewer, in ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.compare import ArgExtremum
from ..ops.order import CumSum
from ..ops.reduce import Extremum, Product, Sum, Truth
from ..ops.softmax import LogSoftmax, LogSumExp, Softmax
from .graph import Graph, Value, axis_in_planes, rule

Values = Sequence[Value]


@rule(Sum, Product, Extremum)
def reduced(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate a reduction; where an image becomes a row of channels, in the order it has."""
    x, y = ins[0], outs[0]
    operator = {Sum: "ReduceSum", Product: "ReduceProd"}.get(
        type(function), "ReduceMax" if getattr(function, "largest", False) else "ReduceMin"
    )
    keepdims = int(function.keepdims)
    inner = set(range(1, x.ndim - 1))
    if x.in_planes and (function.keepdims or set(function.axes) == inner):
        axes = sorted(axis_in_planes(axis, x.ndim) for axis in function.axes)
        made = graph.add(operator, graph.planes(x), graph.numbers(*axes), keepdims=keepdims)
        graph.put(y, made, planes=bool(function.keepdims))
        return
    if not function.axes:
        graph.put(y, graph.add("Identity", graph.plain(x)))
        return
    axes = sorted(function.axes)
    graph.put(y, graph.add(operator, graph.plain(x), graph.numbers(*axes), keepdims=keepdims))


@rule(Truth)
def truth(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate whether all or any are true, as the least or largest of 0 and 1."""
    flag = graph.add("Cast", graph.plain(ins[0]), to=np.dtype(bool))
    counted = graph.add("Cast", flag, to=np.dtype("int32"))
    operator = "ReduceMin" if function.every else "ReduceMax"
    axes = graph.numbers(*function.axes)
    made = graph.add(operator, counted, axes, keepdims=int(function.keepdims))
    graph.put(outs[0], graph.add("Cast", made, to=np.dtype(bool)))


@rule(ArgExtremum)
def place(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate the place of the largest or smallest."""
    operator = "ArgMax" if function.largest else "ArgMin"
    x = graph.plain(ins[0])
    graph.put(outs[0], graph.add(operator, x, axis=function.axis, keepdims=0))


@rule(Softmax, LogSoftmax)
def shares(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate softmax; over several axes by its formula."""
    x = graph.plain(ins[0])
    logarithm = isinstance(function, LogSoftmax)
    if len(function.axes) == 1:
        operator = "LogSoftmax" if logarithm else "Softmax"
        graph.put(outs[0], graph.add(operator, x, axis=function.axes[0]))
        return
    axes = graph.numbers(*function.axes)
    shifted = graph.add("Sub", x, graph.add("ReduceLogSumExp", x, axes, keepdims=1))
    graph.put(outs[0], shifted if logarithm else graph.add("Exp", shifted))


@rule(LogSumExp)
def log_sum_exp(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate ln Σ eˣ."""
    axes = graph.numbers(*function.axes)
    keepdims = int(function.keepdims)
    y = graph.add("ReduceLogSumExp", graph.plain(ins[0]), axes, keepdims=keepdims)
    graph.put(outs[0], y)


@rule(CumSum)
def running_sum(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate sums of all before."""
    axis = graph.constant(function.axis, np.dtype("int64"))
    y = graph.add("CumSum", graph.plain(ins[0]), axis,
                  reverse=int(function.backward))  # fmt: skip
    graph.put(outs[0], y)
