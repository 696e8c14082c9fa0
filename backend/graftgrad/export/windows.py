"""Convolutions, pooling and scaling of images and volumes, in ONNX: channels second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ConfigError, expect
from ..ops.conv import Conv2D, Conv2DInputGrad
from ..ops.conv3d import Conv3D, Conv3DInputGrad
from ..ops.depthwise import DepthwiseConv2D
from ..ops.pool import AveragePool2D, MaxPool2D
from ..ops.resample import Resample, matrix
from .graph import Graph, Value, rule

Values = Sequence[Value]


def _window(function: Any) -> dict[str, Any]:
    begins, ends = zip(*function.pads, strict=True)
    return {
        "strides": list(function.strides),
        "dilations": list(function.dilation),
        "pads": [*begins, *ends],
    }


def _filters(graph: Graph, w: Value, order: Sequence[int]) -> str:
    """Bring filters into ONNX's order; constant ones in advance."""
    if w.constant:
        label = f"{w.label}.filters" if w.label else ""
        return graph.constant(np.ascontiguousarray(w.first.transpose(order)), label=label)
    return str(graph.add("Transpose", graph.plain(w), perm=list(order)))


@rule(Conv2D, Conv3D)
def convolution(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate a convolution: filters (A, B, C, O) become (O, C, A, B)."""
    x, w = ins
    rank = x.ndim - 2
    filters = _filters(graph, w, [rank + 1, rank, *range(rank)])
    y = graph.add("Conv", graph.planes(x), filters, group=function.groups,
                  kernel_shape=list(w.shape[:rank]), **_window(function))  # fmt: skip
    graph.put(outs[0], y, planes=True)


@rule(DepthwiseConv2D)
def of_channels(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate filters of each channel: (A, B, C, M) become (C · M, 1, A, B)."""
    x, w = ins
    a, b, c, m = w.shape
    if w.constant:
        made = np.ascontiguousarray(w.first.transpose(2, 3, 0, 1)).reshape(c * m, 1, a, b)
        filters = graph.constant(made, label=f"{w.label}.filters" if w.label else "")
    else:
        turned = graph.add("Transpose", graph.plain(w), perm=[2, 3, 0, 1])
        filters = graph.add("Reshape", turned, graph.numbers(c * m, 1, a, b))
    y = graph.add("Conv", graph.planes(x), filters, group=c, kernel_shape=[a, b],
                  **_window(function))  # fmt: skip
    graph.put(outs[0], y, planes=True)


@rule(Conv2DInputGrad, Conv3DInputGrad)
def transposed(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate a transposed convolution: filters (A, B, C, O) become (O, C, A, B)."""
    x, w = ins
    rank = x.ndim - 2
    filters = _filters(graph, w, [rank + 1, rank, *range(rank)])
    window = _window(function)
    begins, ends = window["pads"][:rank], window["pads"][rank:]
    more = []
    for i, size in enumerate(function.sizes):
        reach = (w.shape[i] - 1) * function.dilation[i] + 1
        spare = size - (function.strides[i] * (x.shape[1 + i] - 1) + reach - begins[i] - ends[i])
        if spare < 0:  # cut off what goes beyond
            ends[i], spare = ends[i] - spare, 0
        more.append(spare)
    y = graph.add("ConvTranspose", graph.planes(x), filters, group=function.groups,
                  kernel_shape=list(w.shape[:rank]), output_padding=more,
                  **(window | {"pads": [*begins, *ends]}))  # fmt: skip
    graph.put(outs[0], y, planes=True)


@rule(MaxPool2D)
def max_pool(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate the largest value of every window."""
    y = graph.add("MaxPool", graph.planes(ins[0]), kernel_shape=list(function.window),
                  **_window(function))  # fmt: skip
    graph.put(outs[0], y, planes=True)


@rule(AveragePool2D)
def average_pool(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate the mean of every window."""
    window = _window(function)
    expect(set(function.dilation) == {1}, "export", "windows of means must have no gaps",
           error=ConfigError, dilation=function.dilation)  # fmt: skip
    del window["dilations"]
    y = graph.add("AveragePool", graph.planes(ins[0]), kernel_shape=list(function.window),
                  count_include_pad=int(function.count_include_pad), **window)  # fmt: skip
    graph.put(outs[0], y, planes=True)


@rule(Resample)
def resampled(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate weighted sums along an axis as a product with the matrix of the weights."""
    x, y = ins[0], outs[0]
    weights = matrix(function.sampling)
    weights = np.ascontiguousarray(weights if function.turned else weights.T).astype(x.dtype)
    last = x.ndim - 1
    if function.axis == last:
        graph.put(y, graph.add("MatMul", graph.plain(x), graph.constant(weights)))
        return
    order = list(range(x.ndim))
    order[function.axis], order[last] = last, function.axis
    turned = graph.add("Transpose", graph.plain(x), perm=order)
    made = graph.add("MatMul", turned, graph.constant(weights))
    graph.put(y, graph.add("Transpose", made, perm=order))
