"""The graph: one application of a function is a node, which knows where its operands came from.

What a node keeps is exactly what the wanted gradients ask for. How functions are declared stands in
`function`; in which order nodes are visited, in `engine`.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from . import modes
from .device.base import Array
from .errors import GradientError, sentence
from .kernel import Call
from .spec import Spec

if TYPE_CHECKING:
    from .function import Function
    from .tensor import Tensor

Edge: TypeAlias = "tuple[Node | Tensor, int] | None"
_order = itertools.count()


class Counter:
    """How often a buffer was changed in place; shared by all views of it.

    Attributes:
        value: the number of changes.
        lent: whether a host array shares the memory, so that it can change without being counted.
        views: the tensors that show a part of the buffer and follow its history, weakly held.
    """

    __slots__ = ("lent", "room", "value", "views")

    def __init__(self) -> None:
        self.value = 0
        self.lent = False
        self.views: list[weakref.ref[Tensor]] | None = None
        self.room = 16

    def rise(self) -> None:
        """Count one more change."""
        self.value += 1
        if (recorder := modes.recorder()) is not None:
            recorder.changed(self)

    def seen_by(self, view: Tensor) -> None:
        """Take note of a view; those that are gone are let go of now and then."""
        if self.views is None:
            self.views = []
        elif len(self.views) >= self.room:
            self.views = [one for one in self.views if one() is not None]
            self.room = max(16, 2 * len(self.views))
        self.views.append(weakref.ref(view))


class Kept(NamedTuple):
    """A value that a gradient will ask for, and the state its buffer was in.

    The tensor itself is kept only where it is a leaf that wants a gradient. Any other may be given
    another history by a change in place, and could then lead back to the node that keeps it.

    Attributes:
        tensor: the leaf; None for everything else.
        array: the values.
        spec: their description.
        grad_fn: the node they came from; None for an output of the node that keeps it.
        output: which output of that node.
        own: whether it is an output of the node that keeps it.
        counter: the changes of its buffer.
        version: how many there were.
    """

    tensor: Tensor | None
    array: Array
    spec: Spec
    grad_fn: Node | None
    output: int
    own: bool
    counter: Counter
    version: int


class Node:
    """One application of a Function in the graph: where its operands came from, what it keeps.

    `edges` point from this node towards the leaves; an edge is None where no gradient is wanted.
    """

    __slots__ = (
        "__weakref__",
        "call",
        "edges",
        "freed",
        "function",
        "hooks",
        "kept",
        "order",
        "result",
        "retained",
    )

    def __init__(self, function: Function, call: Call, edges: tuple[Any, ...]) -> None:
        self.function = function
        self.call = call
        self.edges = edges
        self.order = next(_order)
        self.kept: dict[str, Kept | tuple[Kept, ...]] = {}
        self.hooks: dict[int, list[Callable[[Tensor], Tensor | None]]] = {}
        self.retained: dict[int, Any] = {}
        self.freed = False
        self.result: Callable[..., Tensor] | None = None

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.function.name

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes the operands came from, one entry per operand, in PyTorch's form."""
        found: list[tuple[Any, int]] = []
        for edge in self.edges:
            if edge is None:
                found.append((None, 0))
            else:
                target, index = edge
                found.append(
                    (target if isinstance(target, Node) else AccumulateGrad(target), index)
                )
        return tuple(found)

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def asked(self) -> tuple[str, ...]:
        """Return the names that the wanted gradients ask for."""
        kind = type(self.function)
        wanted = tuple([edge is not None for edge in self.edges])
        found = kind.asks.get(wanted)
        if found is None:
            names = [kind.operands[0]] * len(wanted) if kind.variadic else kind.operands
            chosen = [kind.gradients[n] for n, want in zip(names, wanted, strict=True)
                      if want and n in kind.gradients]  # fmt: skip
            found = kind.asks[wanted] = tuple({ask: None for one in chosen for ask in one.asks})
        return found

    def keep(
        self,
        function: Function,
        operands: Sequence[Tensor],
        ys: Sequence[Tensor],
        outs: Sequence[Array],
    ) -> None:
        """Keep exactly what the wanted gradients ask for: operands as they are, outputs bare."""
        self.result = type(operands[0]).result_of
        kind = type(function)
        for name in self.asked():
            if name in kind.operands:
                if kind.variadic:
                    self.kept[name] = tuple([_kept_operand(x) for x in operands])
                else:
                    self.kept[name] = _kept_operand(operands[kind.operands.index(name)])
            elif name in kind.outputs:
                index = kind.outputs.index(name)
                counter = ys[index].counter if index < len(ys) else Counter()
                self.kept[name] = Kept(
                    None, outs[index], self.call.outs[index], None, index, True,
                    counter, counter.value,
                )  # fmt: skip

    def kept_arrays(self) -> list[tuple[str, Array]]:
        """Return the arrays this node holds for its gradients, by name."""
        found: list[tuple[str, Array]] = []
        for name, kept in self.kept.items():
            for one in (kept,) if isinstance(kept, Kept) else kept:
                found.append((name, one.array))
        return found

    def restore(self, name: str) -> Any:
        """Return a kept value as a tensor again, with its place in the graph.

        Raises:
            GradientError: its buffer was changed in place since it was kept.
        """
        kept = self.kept[name]
        if isinstance(kept, Kept):
            return self._restored(name, kept)
        return tuple([self._restored(name, one) for one in kept])

    def _restored(self, name: str, kept: Kept) -> Tensor:
        if kept.counter.value != kept.version:
            raise GradientError(
                sentence(
                    f"backward of {self.name}",
                    f"{name}, which this gradient needs, must not change before backward",
                    {"changes in place": kept.counter.value - kept.version},
                    "Make a new tensor instead of changing this one, or change it after backward.",
                )
            )
        if kept.tensor is not None:
            return kept.tensor
        assert self.result is not None
        node = kept.grad_fn
        if kept.own and kept.output < len(self.call.outs) - len(type(self.function).hidden):
            node = self
        return self.result(kept.array, kept.spec, self.call.device, node, kept.output, kept.counter)

    def differentiate(self, gradients: dict[str, Tensor]) -> list[Tensor | None]:
        """Return one gradient per operand, None where none is wanted.

        Raises:
            GradientError: the function has no gradient, or the graph was freed by an earlier
                backward.
        """
        function, kind = self.function, type(self.function)
        if kind.undefined:
            raise GradientError(
                sentence(f"backward of {self.name}", kind.undefined, {"function": function})
            )
        if self.freed:
            raise GradientError(
                sentence(
                    f"backward of {self.name}",
                    "the graph must not have been freed by an earlier backward",
                    {"node": self},
                    "Pass retain_graph=True to the earlier backward, or compute the result again.",
                )
            )
        wanted = tuple([edge is not None for edge in self.edges])
        given: dict[str, Any] = {}
        for name in self.asked():
            if name in gradients:
                given[name] = gradients[name]
            elif name == "wanted":
                given[name] = wanted
            elif name.endswith("_spec"):
                given[name] = self._described(name[:-5])
            else:
                given[name] = self.restore(name)
        if hasattr(kind, "grads"):
            method = kind.gradients[kind.operands[0]]
            found = function.grads(**{ask: given[ask] for ask in method.asks})
            return [g if want else None for g, want in zip(found, wanted, strict=True)]
        results: list[Tensor | None] = []
        for name, want in zip(kind.operands, wanted, strict=True):
            if not want:
                results.append(None)
                continue
            method = kind.gradients[name]
            results.append(getattr(function, method.method)(**{a: given[a] for a in method.asks}))
        return results

    def _described(self, operand: str) -> Any:
        kind = type(self.function)
        if kind.variadic:
            return self.call.ins
        return self.call.ins[kind.operands.index(operand)]

    def free(self) -> None:
        """Let go of what was kept."""
        self.kept = {}
        self.freed = True


@dataclass(frozen=True)
class AccumulateGrad:
    """The end of the graph at a leaf: what arrives here is added to `variable.grad`."""

    variable: Tensor

    @property
    def name(self) -> str:
        """The name in drawings."""
        return "AccumulateGrad"

    @property
    def next_functions(self) -> tuple[()]:
        """Nothing lies behind a leaf."""
        return ()

    def __repr__(self) -> str:
        return "<AccumulateGrad>"


def _kept_operand(x: Tensor) -> Kept:
    leaf = x if x.grad_fn is None and x.wants else None
    counter = x.counter
    return Kept(leaf, x.array, x.spec, x.grad_fn, x.output_index, False, counter, counter.value)
