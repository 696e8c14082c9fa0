"""Attention and recurrent layers, in ONNX: the time comes first there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ConfigError, expect
from ..ops.attention import Attention
from ..ops.gru import GRU
from ..ops.lstm import LSTM
from ..ops.simple_rnn import SimpleRNN
from .graph import Graph, Value, rule

Values = Sequence[Value]
_TO_HEADS = [0, 2, 1, 3]


@rule(Attention)
def attended(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate softmax(scale · q · kᵀ + mask) · v; where nothing may be seen, 0."""
    q, k, v, mask = ins
    dtype = q.dtype
    queries, keys, values = (
        graph.add("Transpose", graph.plain(x), perm=_TO_HEADS) for x in (q, k, v)
    )
    heads, groups = q.shape[2], k.shape[2]
    if heads != groups:
        chosen = graph.numbers(*(i * groups // heads for i in range(heads)))
        keys, values = (graph.add("Gather", x, chosen, axis=1) for x in (keys, values))
    scaled = graph.add("Mul", queries, graph.constant(function.scale, dtype))
    scores = graph.add("MatMul", scaled, graph.add("Transpose", keys, perm=[0, 1, 3, 2]))
    nothing = graph.constant(-np.inf, dtype)
    open_ended = False
    if mask.shape != (0,):
        if mask.dtype == np.dtype(bool):
            scores = graph.add("Where", graph.plain(mask), scores, nothing)
        else:
            scores = graph.add("Add", scores, graph.plain(mask))
        open_ended = True
    if function.causal:
        seen = np.tril(np.ones((q.shape[1], k.shape[1]), bool))
        scores = graph.add("Where", graph.constant(seen), scores, nothing)
    shares = graph.add("Softmax", scores, axis=-1)
    if open_ended:
        shares = graph.add("Where", graph.add("IsNaN", shares), graph.constant(0, dtype), shares)
    found = graph.add("MatMul", shares, values)
    graph.put(outs[0], graph.add("Transpose", found, perm=_TO_HEADS))


@rule(LSTM, GRU, SimpleRNN)
def recurrent(graph: Graph, function: Any, ins: Values, outs: Values) -> None:
    """Translate a recurrent layer; its kernels, side by side here, lie one above the other."""
    x, *states, w, r, b, mask = ins
    expect(mask.ndim < 2, "export", "recurrent layers must have no mask", error=ConfigError,
           mask=mask.shape, advice="Export the model without mask_zero=True.")  # fmt: skip
    kind = type(function).__name__
    fixed = w.constant and r.constant and b.constant
    expect(
        fixed,
        "export",
        "kernels of recurrent layers must be constant",
        error=ConfigError,
        constant=fixed,
    )
    units = r.shape[0]
    order = {"LSTM": (0, 3, 1, 2), "GRU": (0, 1, 2), "SimpleRNN": (0,)}[kind]
    settings: dict[str, Any] = {"hidden_size": units}
    if function.reverse:
        settings["direction"] = "reverse"
    biases = b.first
    if kind == "GRU":
        settings["linear_before_reset"] = int(function.reset_after)
    if kind == "SimpleRNN":
        settings["activations"] = ["Relu" if function.activation == "relu" else "Tanh"]
    second = biases[1] if biases.ndim == 2 else np.zeros_like(biases)
    first = biases[0] if biases.ndim == 2 else biases
    both = np.concatenate([_parts(first, order, units), _parts(second, order, units)])
    weights = [
        graph.constant(_parts(one.first.T, order, units)[None], label=_label(one))
        for one in (w, r)
    ]  # fmt: skip
    given = graph.add("Transpose", graph.plain(x), perm=[1, 0, 2])
    begins = [graph.add("Unsqueeze", graph.plain(one), graph.numbers(0)) for one in states]
    operator = "RNN" if kind == "SimpleRNN" else kind
    names = graph.add(operator, given, *weights, graph.constant(both[None]), "", *begins,
                      outputs=1 + len(states), **settings)  # fmt: skip
    steps = graph.add("Squeeze", names[0], graph.numbers(1))
    graph.put(outs[0], graph.add("Transpose", steps, perm=[1, 0, 2]))
    for y, name in zip(outs[1:], names[1:], strict=False):
        graph.put(y, graph.add("Squeeze", name, graph.numbers(0)))


def _parts(rows: Any, order: Sequence[int], units: int) -> Any:
    """Bring the parts of kernels or biases, `units` rows each, into ONNX's order."""
    return np.concatenate([rows[k * units : (k + 1) * units] for k in order])


def _label(value: Value) -> str:
    return f"{value.label}.rows" if value.label else ""
