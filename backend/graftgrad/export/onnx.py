"""A function of tensors as an ONNX model: run twice, with another number of samples, and compared.

What differs between the two runs depends on the number of samples, which stays open in the model;
what does not is a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import creation
from ..data import map_tree
from ..device.base import Array, Device
from ..errors import ConfigError, expect
from ..formats import OnnxModel, OnnxNode, OnnxValue, write_onnx
from ..formats.file import PathLike
from ..function import Function
from ..ops.operand import FullLike
from ..ops.random import Draw, Dropout, Permutation
from ..ops.shape import BroadcastTo, Reshape, Slice
from ..spec import DType
from ..tensor import Tensor
from . import DEFAULT_OPSET, elementwise, products, reducing, sequences, shaping, windows  # noqa: F401
from .graph import BATCHES, RULES, Graph, Value
from .trace import Trace, traced

OPSETS = range(20, 29)
_BY_BATCH = (Reshape, BroadcastTo, Slice)  # whose settings may depend on it
Shape = tuple["int | None", ...]


def export_onnx(
    path: PathLike,
    function: Callable[..., Any],
    inputs: Mapping[str, tuple[Shape, DType]],
    weights: Mapping[str, Tensor] | None = None,
    *,
    name: str = "model",
    opset: int = DEFAULT_OPSET,
) -> None:
    """Write what a function of tensors computes as an ONNX model.

    The function is run on ones, with 2 and with 3 samples. Sizes of None are the number of
    samples and stay open.

    Args:
        path: the file.
        function: takes tensors, and returns a tensor or a structure of them.
        inputs: shape and element type of every argument, by the name it has in the model.
        weights: tensors that are known by a name in the model.
        name: of the graph.
        opset: the version of ONNX' operators, 20 … 28.

    Raises:
        ConfigError: an op has no translation, draws random numbers or depends on values; or a size
            other than that of samples is not known.
        FormatError: the file cannot be written.
    """
    expect(opset in OPSETS, "export", f"opset must be one of {OPSETS.start} … {OPSETS.stop - 1}",
           error=ConfigError, opset=opset)  # fmt: skip
    _run(function, inputs, BATCHES[0])  # what is made at a first call is there afterwards
    runs = [_run(function, inputs, batch) for batch in BATCHES]
    values, results = _aligned(*runs)
    for label, weight in (weights or {}).items():
        number = runs[0][0].number(weight.array)
        if number < len(values):
            values[number].label = label
    graph = Graph(batch=_batch(inputs), reserved=set(inputs))
    for number, label in zip(runs[0][1], inputs, strict=True):
        values[number].constant, values[number].plain = False, label
    for first, second in zip(runs[0][0].steps, runs[1][0].steps, strict=True):
        ins = [values[i] for i in first.ins]
        outs = [values[i] for i in first.outs]
        if all(one.constant for one in ins) and all(_same(one) for one in outs):
            _refuse_random(first.function)
            for one in outs:
                one.constant = True
            continue
        graph.other = second.function
        _translate(graph, first.function, second.function, ins, outs)
    listed = _results(graph, values, results)
    nodes = _needed(graph.nodes, [one.name for one in listed])
    used = {one for node in nodes for one in node.inputs}
    write_onnx(path, OnnxModel(
        name, opset, nodes, [_described(label, *one) for label, one in inputs.items()], listed,
        {key: array for key, array in graph.constants.items() if key in used},
    ))  # fmt: skip


Run = tuple[Trace, list[int], Any]


def _run(
    function: Callable[..., Any], inputs: Mapping[str, tuple[Shape, DType]], batch: int
) -> Run:
    """Run the function on ones: any value is allowed where numbers of classes are looked up."""
    given = [
        creation.ones(tuple(batch if n is None else n for n in sizes), dtype=dtype)
        for sizes, dtype in inputs.values()
    ]
    return traced(function, given)


def _batch(inputs: Mapping[str, tuple[Shape, DType]]) -> tuple[str, int] | None:
    return next(
        ((label, sizes.index(None)) for label, (sizes, _) in inputs.items() if None in sizes), None
    )


def _aligned(one: Run, other: Run) -> tuple[list[Value], list[int]]:
    """Pair the values of two runs, which must have done the same; tell which are the results.

    Raises:
        ConfigError: they have not, or values were computed past the ops.
    """
    steps = [[(type(s.function), s.ins, s.outs) for s in run[0].steps] for run in (one, other)]
    expect(steps[0] == steps[1], "export",
           "a model must do the same for any number of samples", error=ConfigError,
           ops=[len(each) for each in steps])  # fmt: skip
    fetched: dict[int, Array] = {}  # what both runs read is one array on the host, too
    pairs = zip(one[0].arrays, other[0].arrays, strict=False)
    values = [Value(*[_on_host(x, one[0].device, fetched) for x in pair]) for pair in pairs]
    filled = one[0].filled()
    for number, value in enumerate(values):
        value.constant = number not in filled
    reading = [step for step in one[0].steps if not isinstance(step.function, FullLike)]
    read = {number for step in reading for number in step.ins} - filled - {*one[1]}
    for number in read:
        expect(_same(values[number]), "export", "every value must be computed by ops",
               error=ConfigError, shape=values[number].shape,
               advice="Compute with ops of tensors, not on arrays.")  # fmt: skip
    results: list[Tensor] = []
    map_tree(results.append, one[2])
    fit = all(isinstance(x, Tensor) for x in results) and len(results) > 0
    expect(fit, "export", "a model must return tensors", error=ConfigError,
           results=[type(x).__name__ for x in results])  # fmt: skip
    numbers = []
    for x in results:
        number = one[0].number(x.array)
        expect(number < len(values), "export", "every result must be computed by ops",
               error=ConfigError, result=x.shape)  # fmt: skip
        numbers.append(number)
    return values, numbers


def _on_host(array: Array, device: Device | None, fetched: dict[int, Array]) -> Array:
    if id(array) not in fetched:
        fetched[id(array)] = array if device is None else device.fetch(array)
    return fetched[id(array)]


def _same(value: Value) -> bool:
    a, b = value.first, value.second
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return a is b or np.ascontiguousarray(a).tobytes() == np.ascontiguousarray(b).tobytes()


def _refuse_random(function: Function) -> None:
    drawn = isinstance(function, (Draw, Dropout, Permutation))
    expect(not drawn, "export", "a model must draw no random numbers", error=ConfigError,
           op=function.name, advice="Call it with training=False.")  # fmt: skip


def _translate(
    graph: Graph, first: Function, second: Function, ins: Sequence[Value], outs: Sequence[Value]
) -> None:
    _refuse_random(first)
    body = RULES.get(type(first))
    expect(body is not None, "export", "every op must have a translation to ONNX",
           error=ConfigError, op=first.name)  # fmt: skip
    assert body is not None
    expect(first == second or isinstance(first, _BY_BATCH), "export",
           "settings of ops must not depend on the number of samples", error=ConfigError,
           op=repr(first), other=repr(second))  # fmt: skip
    body(graph, first, ins, outs)


def _results(graph: Graph, values: Sequence[Value], results: Sequence[int]) -> list[OnnxValue]:
    """Give the results names of their own, and describe them."""
    listed = []
    for i, number in enumerate(results):
        value = values[number]
        label = "output" if len(results) == 1 else f"output_{i}"
        graph.nodes.append(OnnxNode("Identity", (graph.plain(value),), (label,)))
        sizes = tuple(
            a if a == b else None for a, b in zip(*value.shapes, strict=True)
        )  # fmt: skip
        listed.append(_described(label, sizes, value.dtype))
    return listed


def _described(label: str, sizes: Shape, dtype: DType) -> OnnxValue:
    shown = tuple(n if n is not None else "N" if i == 0 else f"{label}_{i}"
                  for i, n in enumerate(sizes))  # fmt: skip
    return OnnxValue(label, dtype, shown)


def _needed(nodes: Sequence[OnnxNode], wanted: Sequence[str]) -> list[OnnxNode]:
    """Leave out what no result needs."""
    needed, kept = set(wanted), []
    for node in reversed(nodes):
        if needed & set(node.outputs):
            kept.append(node)
            needed |= set(node.inputs)
    return kept[::-1]
