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

from . import anomaly, modes
from .device.base import Array
from .errors import GradientError, sentence
from .kernel import Call
from .modes import Saving
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


class Packed(NamedTuple):
    """A value that somebody else keeps until a gradient asks for it.

    Attributes:
        saving: who keeps it.
        packed: what they return it for.
        spec, grad_fn, output, own: as of `Kept`.
    """

    saving: Saving
    packed: Any
    spec: Spec
    grad_fn: Node | None
    output: int
    own: bool


class Handle:
    """What a registered hook is removed with; a context manager does it at its end."""

    def __init__(self, hooks: list[Any], hook: Any) -> None:
        self.hooks = hooks
        self.hook = hook
        self.registered = True

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        if self.registered:
            self.hooks.remove(self.hook)
            self.registered = False

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


_NOTHING: dict[Any, Any] = {}


class Node:
    """One application of a Function in the graph: where its operands came from, what it keeps.

    `edges` point from this node towards the leaves; an edge is None where no gradient is wanted.

    Attributes:
        function: what was applied.
        call: the descriptions of operands and results, and the device.
        order: rises with every node of the program.
        freed: whether backward has let go of what was kept.
        origin: the lines of the program that made it, the innermost first; noted only inside of
            `detect_anomaly`.
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
        "origin",
        "posthooks",
        "prehooks",
        "result",
        "retained",
    )

    def __init__(self, function: Function, call: Call, edges: tuple[Any, ...]) -> None:
        self.function = function
        self.call = call
        self.edges = edges
        self.order = next(_order)
        self.kept: dict[str, Any] = _NOTHING
        self.hooks: dict[int, list[Callable[[Tensor], Tensor | None]]] = _NOTHING
        self.retained: dict[int, Any] = _NOTHING
        self.prehooks: Sequence[Callable[..., Any]] = ()
        self.posthooks: Sequence[Callable[..., Any]] = ()
        self.freed = False
        self.result: Callable[..., Tensor] | None = None
        self.origin: tuple[Any, ...] | None = None
        if modes.state.anomaly is not None:
            self.origin = anomaly.calling_lines()

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

    # -- hooks ---------------------------------------------------------------------------------

    def register_prehook(self, hook: Callable[..., Any]) -> Handle:
        """Call `hook(grad_outputs)` before this node computes gradients.

        It gets a tuple with the gradient of every output, None where none arrived, and may return
        another such tuple.
        """
        hooks = self.prehooks = self.prehooks if isinstance(self.prehooks, list) else []
        hooks.append(hook)
        return Handle(hooks, hook)

    def register_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call `hook(grad_inputs, grad_outputs)` after this node has computed gradients.

        It gets a tuple with the gradient of every operand, None where none is wanted, and one with
        those of the outputs. It may return another tuple in place of the first.
        """
        hooks = self.posthooks = self.posthooks if isinstance(self.posthooks, list) else []
        hooks.append(hook)
        return Handle(hooks, hook)

    def tensor_hooks(self, output: int) -> list[Callable[[Tensor], Tensor | None]]:
        """Return the hooks on the gradient of an output, to add to."""
        if self.hooks is _NOTHING:
            self.hooks = {}
        return self.hooks.setdefault(output, [])

    def retain(self, output: int, keeper: Any) -> None:
        """Let backward fill `.grad` of the tensor that a weak reference leads to."""
        if self.retained is _NOTHING:
            self.retained = {}
        self.retained[output] = keeper

    # -- what is kept --------------------------------------------------------------------------

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
        asked = self.asked()
        self.result = result = operands[0].result
        if not asked:
            return
        kind = type(function)
        saving = modes.state.saving
        found: dict[str, Any] = {}
        for name in asked:
            if name in kind.operands:
                if kind.variadic:
                    found[name] = tuple([kept_operand(x, saving) for x in operands])
                else:
                    found[name] = kept_operand(operands[kind.operands.index(name)], saving)
            elif name in kind.outputs:
                index = kind.outputs.index(name)
                spec = self.call.outs[index]
                counter = ys[index].counter if index < len(ys) else Counter()
                if saving is not None:
                    bare = result(outs[index], spec, self.call.device, None, 0, counter)
                    found[name] = Packed(saving, saving.pack(bare), spec, None, index, True)
                    continue
                found[name] = Kept(
                    None, outs[index], spec, None, index, True, counter, counter.value
                )
        if found:
            self.kept = found

    def kept_arrays(self) -> list[tuple[str, Array]]:
        """Return the arrays this node itself holds for its gradients, by name."""
        found: list[tuple[str, Array]] = []
        for name, kept in self.kept.items():
            for one in (kept,) if isinstance(kept, (Kept, Packed)) else kept:
                if isinstance(one, Kept):
                    found.append((name, one.array))
        return found

    def restore(self, name: str) -> Any:
        """Return a kept value as a tensor again, with its place in the graph.

        Raises:
            GradientError: its buffer was changed in place since it was kept, or a saved-tensor hook
                returned something else than it was given.
        """
        kept = self.kept[name]
        if isinstance(kept, (Kept, Packed)):
            return self.restored(name, kept)
        return tuple([self.restored(name, one) for one in kept])

    def restored(self, name: str, kept: Kept | Packed) -> Tensor:
        """Return one kept value as a tensor again."""
        assert self.result is not None
        node = kept.grad_fn
        if kept.own and kept.output < len(self.call.outs) - len(type(self.function).hidden):
            node = self
        if isinstance(kept, Packed):
            again = unpacked(f"backward of {self.name}", name, kept)
            return self.result(
                again.array, again.spec, self.call.device, node, kept.output, again.counter
            )
        if kept.counter.value != kept.version:
            raise GradientError(
                sentence(
                    f"backward of {self.name}",
                    f"{name}, which this gradient needs, must not change before backward",
                    {
                        name: kept.spec,
                        "kept version": kept.version,
                        "version now": kept.counter.value,
                    },
                    "Make a new tensor instead of changing this one, or change it after backward.",
                )
            )
        if kept.tensor is not None:
            return kept.tensor
        return self.result(kept.array, kept.spec, self.call.device, node, kept.output, kept.counter)

    # -- gradients -----------------------------------------------------------------------------

    def pull(self, slots: dict[int, Tensor]) -> Sequence[Tensor | None]:
        """Return one gradient per operand, None where none is wanted.

        Args:
            slots: the gradients that arrived, by output.
        Raises:
            GradientError: the function has no gradient, or the graph was freed by an earlier
                backward.
        """
        kind = type(self.function)
        if kind.undefined:
            raise GradientError(
                sentence(f"backward of {self.name}", kind.undefined, {"function": self.function})
            )
        self.expect_not_freed()
        return self.differentiate(self._arrived(slots))

    def expect_not_freed(self) -> None:
        """Raise GradientError if an earlier backward let go of what was kept."""
        if self.freed:
            raise GradientError(
                sentence(
                    f"backward of {self.name}",
                    "the graph must not have been freed by an earlier backward",
                    {"node": self},
                    "Pass retain_graph=True to the earlier backward, or compute the result again.",
                )
            )

    def _arrived(self, slots: dict[int, Tensor]) -> dict[str, Tensor]:
        """Return the gradients of the outputs by name; zeros where one is asked for in vain."""
        kind = type(self.function)
        found: dict[str, Tensor] = {}
        for index, name in enumerate(kind.outputs):
            if name in kind.hidden:
                break
            if index in slots:
                found[f"g{name}"] = slots[index]
            elif f"g{name}" in self.asked():
                like = next(iter(slots.values()))
                found[f"g{name}"] = like.zeros(self.call.outs[index])
        return found

    def differentiate(self, gradients: dict[str, Tensor]) -> list[Tensor | None]:
        """Return one gradient per operand from those of the outputs, by name."""
        function, kind = self.function, type(self.function)
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
        self.kept = _NOTHING
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


def kept_operand(x: Tensor, saving: Saving | None) -> Kept | Packed:
    """Return what keeps an operand; a leaf that wants a gradient lives on anyway, as it is."""
    node, counter = x.grad_fn, x.counter
    leaf = x if node is None and x.wants else None
    if saving is not None and leaf is None:
        return Packed(saving, saving.pack(x.detach()), x.spec, node, x.output_index, False)
    return Kept(leaf, x.array, x.spec, node, x.output_index, False, counter, counter.value)


def unpacked(subject: str, name: str, kept: Packed) -> Tensor:
    """Return what a saved-tensor hook returns for a value, once it is known to fit.

    Raises:
        GradientError: it is no tensor, or one of another shape, element type or device.
    """
    again = kept.saving.unpack(kept.packed)
    got = getattr(again, "spec", None)
    if got is None or got.shape != kept.spec.shape or got.dtype != kept.spec.dtype:
        raise GradientError(
            sentence(
                subject,
                f"the unpack hook must return {name} as a tensor like the one that was packed",
                {"packed": kept.spec, "unpacked": type(again).__name__ if got is None else got},
                "Return a tensor of that shape and element type, on the same device.",
            )
        )
    return again  # type: ignore[no-any-return]
