"""Functions with a gradient of one's own, in PyTorch's form: two static methods.

How the operations of this library are declared, with shape rules and bodies for devices, stands in
`function`; this is the short way for whoever uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from . import modes
from .errors import GradientError, expect
from .function import Function as Declared
from .kernel import Call
from .node import Counter, Kept, Node, Packed, kept_operand
from .spec import Spec, is_differentiable
from .tensor import Tensor, as_tensor


class Function:
    """A function with a gradient of its own.

    A subclass has two static methods and is applied by `apply`:

    * ``forward(ctx, *args)`` computes the result, a tensor, an array, or a tuple of those. Nothing
      in it is recorded, and its tensors have no history: ``x.numpy()`` may be called.
    * ``backward(ctx, *gradients)`` gets the gradient of every result and returns one for every
      argument of `forward`: a tensor, an array, or None. It is recorded under ``create_graph``, so
      what it computes with tensors has gradients again.

    `ctx` is a `Context`: what hangs between the two.
    """

    forward: ClassVar[Callable[..., Any]]
    backward: ClassVar[Callable[..., Any]]

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Apply the function; arguments that are no tensors are handed on.

        Raises:
            GradientError: `forward` returns something else than tensors and arrays; in the
                backward pass, if `backward` does not return one gradient for every argument.
        """
        tensors = [x for x in args if isinstance(x, Tensor)]
        expect(len(tensors) > 0, f"{cls.__name__}.apply", "an argument must be a tensor",
               error=GradientError, arguments=[type(x).__name__ for x in args])  # fmt: skip
        wants = [isinstance(x, Tensor) and x.requires_grad for x in args]
        recorded = modes.recording() and any(wants)
        ctx = Context(tuple([recorded and want for want in wants]))
        bare = [x.detach() if isinstance(x, Tensor) else x for x in args]
        ctx.originals = {id(b): x for b, x in zip(bare, args, strict=True) if b is not x}
        with modes.no_grad():
            returned = cls.forward(ctx, *bare)
        several = isinstance(returned, (tuple, list))
        outs = [_own(cls, i, y, bare) for i, y in enumerate(returned if several else [returned])]
        if recorded:
            _record(cls, ctx, args, outs)
        ctx.originals = {}
        return tuple(outs) if several else outs[0]


class Context:
    """What `forward` leaves for `backward`; further attributes may be set as one likes.

    Attributes:
        needs_input_grad: for every argument, whether its gradient is wanted.
    """

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self.originals: dict[int, Any] = {}
        self.saved: tuple[Tensor, ...] = ()
        self.kept: tuple[Kept | Packed, ...] = ()
        self.materialize = True
        self.constant: tuple[int, ...] = ()
        self.node: Callable[[], Node | None] = lambda: None

    def save_for_backward(self, *tensors: Tensor) -> None:
        """Keep arguments, results or other tensors for `backward`.

        Arguments and results keep their place in the graph, so that a gradient of the gradient
        finds its way; and a change in place before `backward` is noticed.
        """
        self.saved = tensors

    @property
    def saved_tensors(self) -> tuple[Tensor, ...]:
        """What was saved.

        Raises:
            GradientError: it was changed in place since, or let go of by an earlier backward.
        """
        node = self.node()
        assert isinstance(node, CustomNode)
        return tuple([node.give_back(i, one) for i, one in enumerate(self.kept)])

    def mark_non_differentiable(self, *results: Tensor) -> None:
        """Say of results that no gradient flows through them."""
        self.constant = tuple([id(y) for y in results])

    def set_materialize_grads(self, value: bool) -> None:
        """Say whether `backward` gets zeros, or else None, for results nobody used."""
        self.materialize = value


@dataclass(frozen=True)
class Opaque(Declared):
    """Stands in the graph for a function that is not declared, by its name.

    Attributes:
        title: the name of the user's class.
    """

    title: str

    @property
    def name(self) -> str:
        """The name under which errors speak of it."""
        return self.title


class CustomNode(Node):
    """One application of a user's function in the graph."""

    __slots__ = ("backward", "ctx")

    backward: Callable[..., Any]
    ctx: Context | None

    def pull(self, slots: dict[int, Tensor]) -> Sequence[Tensor | None]:
        """Return one gradient per argument, as the user's `backward` says."""
        ctx = self.ctx
        if ctx is None:
            self.expect_not_freed()
            return ()
        like = next(iter(slots.values()))
        given = [slots.get(i) for i in range(len(self.call.outs))]
        if ctx.materialize:
            given = [like.zeros(spec) if g is None else g
                     for g, spec in zip(given, self.call.outs, strict=True)]  # fmt: skip
        token = _Current(self)
        ctx.node = token
        try:
            returned = self.backward(ctx, *given)
        finally:
            token.node = None
        found = list(returned) if isinstance(returned, (tuple, list)) else [returned]
        while len(found) > len(self.edges) and found[-1] is None:
            found.pop()
        subject = f"{self.name}.backward"
        expect(len(found) == len(self.edges), subject,
               "must return one gradient for every argument of forward, None where there is none",
               error=GradientError, arguments=len(self.edges), returned=len(found))  # fmt: skip
        return [
            None if g is None or edge is None else _fitting(subject, i, g, like, spec)
            for i, (g, edge, spec) in enumerate(zip(found, self.edges, self.call.ins, strict=True))
        ]

    def give_back(self, place: int, kept: Kept | Packed) -> Tensor:
        """Return a saved tensor with its place in the graph."""
        return self.restored(f"saved tensor {place}", kept)

    def kept_arrays(self) -> list[tuple[str, Any]]:
        """Return the arrays that were saved."""
        kept = self.ctx.kept if self.ctx is not None else ()
        return [(f"saved {i}", one.array) for i, one in enumerate(kept) if isinstance(one, Kept)]

    def free(self) -> None:
        """Let go of what was saved."""
        super().free()
        self.ctx = None


class _Current:
    """The node whose backward runs, and only as long as it does: a cycle would keep both."""

    def __init__(self, node: Node) -> None:
        self.node: Node | None = node

    def __call__(self) -> Node | None:
        return self.node


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `backward` that computes with arrays: it has no gradient of its own, and says so.

    Its tensors have no history, so `.numpy()` may be called; a gradient of the gradient raises.
    """

    def once(ctx: Context, *gradients: Tensor | None) -> Any:
        wanted = modes.recording() and any(g is not None and g.requires_grad for g in gradients)
        saved = modes.recording() and any(
            isinstance(one, Packed) or one.tensor is not None or one.grad_fn is not None
            for one in ctx.kept
        )
        expect(not (wanted or saved), "once_differentiable",
               "this backward has no gradient of its own", error=GradientError,
               function=backward.__qualname__,
               advice="Write it with operations on tensors, or without create_graph.")  # fmt: skip
        with modes.no_grad():
            return backward(ctx, *[None if g is None else g.detach() for g in gradients])

    return once


def _own(cls: type, place: int, y: Any, bare: Sequence[Any]) -> Tensor:
    """Return a result as a tensor object of its own."""
    if not isinstance(y, Tensor):
        expect(isinstance(y, (np.ndarray, np.generic)), f"{cls.__name__}.forward",
               "must return tensors or arrays", error=GradientError, place=place,
               got=type(y).__name__)  # fmt: skip
        device = next(x.device for x in bare if isinstance(x, Tensor))
        return as_tensor(np.asarray(y), device=device)
    return y.detach() if any(y is x for x in bare) else y


def _record(cls: Any, ctx: Context, args: Sequence[Any], outs: Sequence[Tensor]) -> None:
    """Put an application into the graph: its node, its edges, what it saved."""
    specs = tuple([x.spec if isinstance(x, Tensor) else Spec(()) for x in args])
    edges = tuple([(x if x.grad_fn is None else x.grad_fn, x.output_index) if want else None
                   for x, want in zip(args, ctx.needs_input_grad, strict=True)])  # fmt: skip
    call = Call(Opaque(cls.__name__), specs, tuple([y.spec for y in outs]), outs[0].device)
    node = CustomNode(call.function, call, edges)
    node.backward = cls.backward
    node.result = Tensor.result_of
    node.ctx = ctx
    saving = modes.state.saving
    kept: list[Kept | Packed] = []
    for one in ctx.saved:
        expect(isinstance(one, Tensor), f"{cls.__name__}.forward",
               "save_for_backward takes tensors", error=GradientError, got=type(one).__name__,
               advice="Set anything else as an attribute of ctx.")  # fmt: skip
        place = next((i for i, y in enumerate(outs) if y is one), None)
        if place is None:
            kept.append(kept_operand(ctx.originals.get(id(one), one), saving))
        elif saving is not None:
            kept.append(Packed(saving, saving.pack(one.detach()), one.spec, None, place, True))
        else:
            counter: Counter = one.counter
            kept.append(Kept(None, one.array, one.spec, None, place, True, counter, counter.value))
    ctx.saved, ctx.kept = (), tuple(kept)
    for i, y in enumerate(outs):
        if id(y) not in ctx.constant and is_differentiable(y.dtype):
            y.grad_fn, y.output_index, y.wants = node, i, True


def _fitting(subject: str, place: int, g: Any, like: Tensor, spec: Spec) -> Tensor:
    given: Tensor = g if isinstance(g, Tensor) else as_tensor(np.asarray(g), device=like.device)
    expect(given.shape == spec.shape, subject,
           "a gradient must have the shape of its argument", error=GradientError,
           place=place, argument=spec, gradient=given.spec)  # fmt: skip
    return given
