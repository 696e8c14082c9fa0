"""Matrix products and normalisation, in ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.matmul import MatMul
from ..ops.norm import BatchNormInference, GroupNorm
from ..ops.sample_norm import LayerNorm
from .graph import Graph, Value, rule

Values = Sequence[Value]


@rule(MatMul)
def product(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate a matrix product."""
    a, b = (graph.plain(x) for x in ins)
    y = graph.add("MatMul", a, b)
    if outs[0].dtype != ins[0].dtype:
        y = graph.add("Cast", y, to=outs[0].dtype)
    graph.put(outs[0], y)


@rule(BatchNormInference)
def batch_norm(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate a normalisation by known statistics of the channels."""
    x, mean, variance, gamma, beta = ins
    learned = [graph.plain(one) for one in (gamma, beta, mean, variance)]
    if x.ndim <= 2:
        given = graph.plain(x) if x.ndim == 2 else graph.planes(x)
        y = graph.add("BatchNormalization", given, *learned, epsilon=float(function.epsilon))
        graph.put(outs[0], y)
        return
    y = graph.add("BatchNormalization", graph.planes(x), *learned, epsilon=float(function.epsilon))
    graph.put(outs[0], y, planes=True)


@rule(GroupNorm)
def group_norm(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate statistics of each sample and group as those of instances."""
    x, gamma, beta = ins
    y = graph.add("Reshape", graph.planes(x), graph.numbers(0, function.groups, -1))
    one, zero = (graph.constant(np.full(function.groups, n, gamma.dtype)) for n in (1, 0))
    y = graph.add("InstanceNormalization", y, one, zero, epsilon=float(function.epsilon))
    y = graph.add("Reshape", y, graph.numbers(0, x.shape[-1], *x.shape[1:-1]))
    along = graph.numbers(x.shape[-1], *[1] * (x.ndim - 2))
    y = graph.add("Mul", y, graph.add("Reshape", graph.plain(gamma), along))
    y = graph.add("Add", y, graph.add("Reshape", graph.plain(beta), along))
    graph.put(outs[0], y, planes=True)


@rule(LayerNorm)
def layer_norm(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate statistics over the last axes."""
    x, gamma, beta = ins
    given = graph.plain(x)
    if function.centred:
        y = graph.add("LayerNormalization", given, graph.plain(gamma), graph.plain(beta),
                      axis=-function.last, epsilon=float(function.epsilon))  # fmt: skip
        graph.put(outs[0], y)
        return
    axes = graph.numbers(*range(-function.last, 0))
    squares = graph.add("ReduceMean", graph.add("Mul", given, given), axes, keepdims=1)
    epsilon = graph.constant(function.epsilon, x.dtype)
    scale = graph.add("Sqrt", graph.add("Add", squares, epsilon))
    y = graph.add("Mul", graph.add("Div", given, scale), graph.plain(gamma))
    graph.put(outs[0], y)
