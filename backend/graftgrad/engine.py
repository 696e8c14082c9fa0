"""The walk from the root of the graph to its leaves: order, sums, the undoing of broadcasting.

Nodes are visited latest first, which is an order in which every node comes before those it came
from. What a gradient is stands with each op; here it is only decided when it is asked for and
where it goes.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import anomaly, modes
from .errors import GradientError, expect
from .node import Node
from .ops.arithmetic import add
from .ops.operand import cast, copy, full_like
from .ops.reduce import gradient_for
from .ops.update import accumulate, assign
from .spec import is_complex

if TYPE_CHECKING:
    from .tensor import Tensor


_adding = threading.RLock()  # threads may add to one leaf


class Walk:
    """One backward pass: the gradients on their way, and the places where they are wanted."""

    def __init__(self, targets: Sequence[Tensor] | None) -> None:
        self.waiting: list[tuple[int, int]] = []
        self.nodes: dict[int, Node] = {}
        self.arrived: dict[int, dict[int, Tensor]] = {}
        self.leaves: dict[int, tuple[Tensor, Tensor]] = {}
        self.caught: dict[tuple[int, int], Tensor] = {}
        self.wanted = None if targets is None else {_place(x) for x in targets}
        self.useful: dict[int, bool] = {}
        self.watched: dict[object, list[Tensor | None]] = {}  # of hooks on several tensors
        self.ending: list[Callable[[], object]] = []  # called once all gradients are known

    def finish(self) -> None:
        """Call what waits for all gradients of this pass."""
        for call in self.ending:
            call()

    def send(self, target: Any, index: int, gradient: Tensor) -> None:
        """Deliver a gradient to a node's output or to a leaf; what meets is added."""
        if not isinstance(target, Node):
            known = self.leaves.get(id(target))
            self.leaves[id(target)] = (target, self._together(target, known, gradient))
            return
        if self.wanted is not None and not self.leads(target):
            return
        key = id(target)
        if key not in self.nodes:
            self.nodes[key] = target
            self.arrived[key] = {}
            heapq.heappush(self.waiting, (-target.order, key))
        slots = self.arrived[key]
        slots[index] = add(slots[index], gradient) if index in slots else gradient

    def _together(self, leaf: Tensor, known: tuple[Any, Tensor] | None, gradient: Tensor) -> Tensor:
        """Return all that has arrived at a leaf; in its gradient buffer, where that is free."""
        buffer = leaf.grad_buffer
        free = buffer is not None and leaf._grad is None and not leaf.hooks
        if buffer is None or not free or self.wanted is not None or modes.recording():
            return gradient if known is None else add(known[1], gradient)
        return assign(buffer, gradient) if known is None else accumulate(buffer, gradient)

    def leads(self, root: Node) -> bool:
        """Tell whether a wanted place lies at this node or behind it."""
        assert self.wanted is not None
        stack: list[Node] = [root]
        while stack:
            node = stack[-1]
            if id(node) in self.useful:
                stack.pop()
                continue
            behind = [edge[0] for edge in node.edges if edge is not None]
            unknown = [t for t in behind if isinstance(t, Node) and id(t) not in self.useful]
            if unknown:
                stack.extend(unknown)
                continue
            outputs = len(node.call.outs)
            self.useful[id(node)] = any(
                (id(node), i) in self.wanted for i in range(outputs)
            ) or any(
                self.useful[id(t)] if isinstance(t, Node) else (id(t), -1) in self.wanted
                for t in behind
            )
            stack.pop()
        return self.useful[id(root)]

    def run(self, retain_graph: bool) -> None:
        """Visit every node once, latest first."""
        while self.waiting:
            _, key = heapq.heappop(self.waiting)
            node, slots = self.nodes.pop(key), self.arrived.pop(key)
            if modes.state.anomaly is None:
                self._visit(node, slots, retain_graph)
            else:  # what a gradient leaves in the graph is put down to the forward call
                with modes.Mode("origin", node.origin):
                    self._visit(node, slots, retain_graph)

    def _visit(self, node: Node, slots: dict[int, Tensor], retain_graph: bool) -> None:
        for index, hooks in node.hooks.items():
            if index in slots:
                slots[index] = hooked(hooks, slots[index])
        for index, keeper in node.retained.items():
            tensor = keeper()
            if tensor is not None and index in slots:
                add_to_grad(tensor, slots[index])
        if self.wanted is not None:
            for index, gradient in slots.items():
                if (id(node), index) in self.wanted:
                    self.caught[id(node), index] = gradient
            if not any(self._wants(edge) for edge in node.edges):
                return
        found = _pulled(node, slots) if node.prehooks or node.posthooks else node.pull(slots)
        if modes.state.anomaly is not None:
            anomaly.look_at_gradients(node, found)
        for edge, spec, given in zip(node.edges, node.call.ins, found, strict=True):
            if edge is not None and given is not None:
                self.send(edge[0], edge[1], gradient_for(given, spec))
        if not retain_graph:
            node.free()

    def _wants(self, edge: Any) -> bool:
        if edge is None:
            return False
        target, _ = edge
        if isinstance(target, Node):
            return self.leads(target)
        return self.wanted is None or (id(target), -1) in self.wanted


def backward(
    tensors: Tensor | Sequence[Tensor],
    gradients: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Sequence[Tensor] | None = None,
) -> None:
    """Add the gradients of `tensors` to the `.grad` of the leaves they were computed from.

    Args:
        tensors: the roots.
        gradients: what is multiplied from the left, one per root; 1 for a root of one element.
        retain_graph: keep the graph for another backward; as `create_graph` if None.
        create_graph: record the gradients themselves, for higher derivatives.
        inputs: the only leaves to add to; all of them if None.
    Raises:
        GradientError: a root has no history, or has several elements and no gradient was given.
    """
    roots = _listed(tensors)
    walk = Walk(inputs)
    with modes.Mode("walk", walk):
        _walk(walk, roots, gradients, retain_graph, create_graph)
        with modes.recording_is(create_graph):
            for leaf, gradient in walk.leaves.values():
                if walk.wanted is None or (id(leaf), -1) in walk.wanted:
                    add_to_grad(leaf, hooked(leaf.hooks, gradient))
                    for hook in leaf.accumulated_hooks:
                        modes.beyond("a hook is called with a gradient")
                        hook(leaf)
            for tensor in inputs or ():
                if tensor.grad_fn is not None and _place(tensor) in walk.caught:
                    add_to_grad(tensor, walk.caught[_place(tensor)])
            walk.finish()


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """Return the gradients of `outputs` with respect to `inputs`, and change no `.grad`.

    gᵢ = Σⱼ (∂outputsⱼ / ∂inputsᵢ)ᵀ · grad_outputsⱼ

    Args:
        outputs: the roots.
        inputs: leaves or intermediate results.
        grad_outputs: what is multiplied from the left, one per root; 1 for a root of one element.
        retain_graph: keep the graph for another backward; as `create_graph` if None.
        create_graph: record the gradients themselves, for higher derivatives.
        allow_unused: return None for an input that the outputs do not depend on, instead of
            raising; as `materialize_grads` if None.
        materialize_grads: return zeros in place of None.
    Raises:
        GradientError: an input wants no gradient, or the outputs do not depend on it.
    """
    targets = _listed(inputs)
    expect(not (materialize_grads and allow_unused is False), "grad",
           "an unused input must be allowed where zeros are to stand for its gradient",
           error=GradientError, materialize_grads=True, allow_unused=False,
           advice="Leave allow_unused out.")  # fmt: skip
    allowed = materialize_grads if allow_unused is None else allow_unused
    for i, x in enumerate(targets):
        expect(x.requires_grad, "grad", "every input must require a gradient", error=GradientError,
               advice="Set requires_grad=True before computing the outputs.",
               index=i, input=x.spec)  # fmt: skip
    walk = Walk(targets)
    found: list[Tensor | None] = []
    with modes.Mode("walk", walk):
        _walk(walk, _listed(outputs), grad_outputs, retain_graph, create_graph)
        with modes.recording_is(create_graph):
            for i, x in enumerate(targets):
                if x.grad_fn is None and id(x) in walk.leaves:
                    gradient: Tensor | None = hooked(x.hooks, walk.leaves[id(x)][1])
                else:
                    gradient = walk.caught.get(_place(x))
                if gradient is None and materialize_grads:
                    gradient = x.zeros(x.spec.like())
                expect(gradient is not None or allowed, "grad",
                       "the outputs must depend on every input", error=GradientError,
                       advice="Pass allow_unused=True to get None for it, or "
                              "materialize_grads=True for zeros.",
                       index=i, input=x.spec)  # fmt: skip
                found.append(gradient)
            walk.finish()
    return tuple(found)


def add_to_grad(tensor: Tensor, gradient: Tensor) -> None:
    """Add to `.grad`; the first contribution goes into the gradient buffer, if there is one."""
    with _adding:
        if modes.recording():
            tensor._grad = gradient if tensor._grad is None else add(tensor._grad, gradient)
        elif tensor._grad is not None:
            accumulate(tensor._grad, gradient)
        elif gradient is tensor.grad_buffer:
            tensor._grad = gradient  # it was written there as it arrived
        elif tensor.grad_buffer is not None:
            tensor._grad = assign(tensor.grad_buffer, gradient)
        else:
            tensor._grad = copy(gradient)


def hooked(hooks: Sequence[Callable[[Tensor], Tensor | None]], gradient: Tensor) -> Tensor:
    """Let hooks see a gradient, and replace it by what they return."""
    for hook in tuple(hooks):
        modes.beyond("a hook is called with a gradient")
        replaced = hook(gradient)
        if replaced is not None:
            expect(hasattr(replaced, "grad_fn") and replaced.shape == gradient.shape, "hook",
                   "must return None or a gradient of the shape that it was given",
                   error=GradientError, given=gradient.spec,
                   returned=getattr(replaced, "spec", type(replaced).__name__))  # fmt: skip
            gradient = replaced
    return gradient


def _walk(
    walk: Walk,
    roots: Sequence[Tensor],
    gradients: Any,
    retain_graph: bool | None,
    create_graph: bool,
) -> None:
    given = _listed(gradients) if gradients is not None else [None] * len(roots)
    expect(len(given) == len(roots), "backward", "there must be one gradient for every root",
           roots=len(roots), gradients=len(given))  # fmt: skip
    started = [_start(root, gradient) for root, gradient in zip(roots, given, strict=True)]
    with modes.recording_is(create_graph), modes.autocasting(None):
        for root, gradient in zip(roots, started, strict=True):
            walk.send(root if root.grad_fn is None else root.grad_fn, root.output_index, gradient)
        walk.run(create_graph if retain_graph is None else retain_graph)


def _start(root: Tensor, gradient: Any) -> Tensor:
    expect(
        root.requires_grad,
        "backward",
        "the root must require a gradient",
        error=GradientError,
        root=root.spec,
        advice="Nothing it was computed from has requires_grad=True, or recording was off.",
    )
    if gradient is None:
        expect(root.spec.size == 1, "backward", "a root of several elements needs a gradient",
               error=GradientError, root=root.spec,
               advice="Call .sum() or .mean() first, or pass gradient=.")  # fmt: skip
        expect(not is_complex(root.dtype), "backward",
               "a complex root needs a gradient: only a real number has a direction of ascent",
               error=GradientError, root=root.spec,
               advice="Take .real, .imag or .abs() first, or pass gradient=.")  # fmt: skip
        with modes.no_grad():
            return full_like(root, 1)
    given: Tensor = gradient if hasattr(gradient, "grad_fn") else root.like(gradient)
    expect(given.shape == root.shape, "backward", "the gradient must have the root's shape",
           root=root.spec, gradient=given.spec)  # fmt: skip
    return cast(given, root.dtype) if is_complex(root.dtype) else given


def _pulled(node: Node, slots: dict[int, Tensor]) -> Sequence[Tensor | None]:
    """Return the gradients of a node's operands, and let its hooks see and replace them."""
    seen = len(node.call.outs) - len(type(node.function).hidden)
    arrived: tuple[Tensor | None, ...] = tuple([slots.get(i) for i in range(seen)])
    for hook in tuple(node.prehooks):
        modes.beyond("a hook is called with a gradient")
        arrived = _replaced("register_prehook", node, arrived, hook(arrived))
    found = tuple(node.pull({i: g for i, g in enumerate(arrived) if g is not None}))
    found = tuple([None if g is None else gradient_for(g, spec)
                   for g, spec in zip(found, node.call.ins, strict=True)])  # fmt: skip
    for hook in tuple(node.posthooks):
        modes.beyond("a hook is called with a gradient")
        found = _replaced("register_hook", node, found, hook(found, arrived))
    return found


def _replaced(
    subject: str, node: Node, before: tuple[Tensor | None, ...], after: Any
) -> tuple[Tensor | None, ...]:
    """Return what a node's hook returned in place of gradients, once it is known to fit."""
    if after is None:
        return before
    listed = tuple(_listed(after))
    expect(len(listed) == len(before), f"{subject} of {node.name}",
           "a hook must return one gradient for each that it was given, or None",
           error=GradientError, given=len(before), returned=len(listed))  # fmt: skip
    for i, (old, new) in enumerate(zip(before, listed, strict=True)):
        expect(new is None or (hasattr(new, "grad_fn") and (old is None or new.shape == old.shape)),
               f"{subject} of {node.name}",
               "a hook must return tensors of the shapes that it was given",
               error=GradientError, index=i, given=None if old is None else old.spec,
               returned=getattr(new, "spec", type(new).__name__))  # fmt: skip
    return listed


def _place(x: Tensor) -> tuple[int, int]:
    return (id(x), -1) if x.grad_fn is None else (id(x.grad_fn), x.output_index)


def _listed(tensors: Any) -> list[Any]:
    return list(tensors) if isinstance(tensors, (list, tuple)) else [tensors]
