"""From a tensor to a picture of how it came to be: leaves, functions, what they keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..device.base import owner_of
from ..node import Kept, Node, Packed
from ..spec import Spec
from .picture import Box, Picture

if TYPE_CHECKING:
    from ..tensor import Tensor


def size(count: float) -> str:
    """Write a number of bytes for people."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def described(spec: Spec) -> str:
    """Write shape and element type."""
    return f"{spec.shape} {spec.dtype}"


def picture_of(roots: Iterable[Tensor], names: Mapping[str, Tensor], saved: bool = True) -> Picture:
    """Return the picture of the graph behind tensors.

    Args:
        roots: the results.
        names: what leaves and results are called.
        saved: whether it is shown what functions keep for their gradients.
    """
    known = {id(tensor): name for name, tensor in names.items()}
    memory = {(id(owner_of(one.array)), one.shape): name for name, one in names.items()}
    return _Reader(known, memory, saved).read(list(roots))


def name_of(tensor: Any, known: Mapping[int, str]) -> str:
    """Return what a tensor is called: by the caller, or by the layer that owns it."""
    return known.get(id(tensor)) or str(getattr(tensor, "path", None) or "")


class _Reader:
    """One reading of a graph, from the roots to the leaves."""

    def __init__(
        self, known: Mapping[int, str], memory: Mapping[tuple[int, Any], str], saved: bool
    ) -> None:
        self.known = known
        self.memory = memory  # the same values may have been handed on as another tensor
        self.saved = saved
        self.picture = Picture("graph")
        self.held: dict[int, int] = {}  # arrays that are kept, and their sizes
        self.leaves: dict[int, Any] = {}

    def read(self, roots: list[Tensor]) -> Picture:
        nodes = sorted(_nodes(roots), key=lambda node: node.order)
        for node in nodes:
            self._operands(node)
        for i, root in enumerate(roots):
            self._result(root, i)
        trained = sum(leaf.size for leaf in self.leaves.values())
        self.picture.caption = (
            f"{len(nodes)} functions; gradients for {trained:,} numbers in {len(self.leaves)} "
            f"leaves; {size(sum(self.held.values()))} kept for them"
        )
        return self.picture

    def _operands(self, node: Node) -> None:
        kind, key = type(node.function), f"n{node.order}"
        arrows: list[str] = []
        for i, (edge, spec) in enumerate(zip(node.edges, node.call.ins, strict=True)):
            name = kind.operands[0] if kind.variadic else kind.operands[i]
            if edge is None:
                arrows += self._constant(node, key, name, i, spec)
            elif isinstance(edge[0], Node):
                arrows.append(f"n{edge[0].order}")
            else:
                arrows.append(self._leaf(edge[0]))
        seen = len(node.call.outs) - len(kind.hidden)
        first, *rest = node.call.outs[:seen]
        lines = [described(first)]
        if rest:
            lines.append("and " + ", ".join(str(spec.shape) for spec in rest))
        self.picture.boxes[key] = Box(
            "function", node.name, lines + self._kept(node), repr(node.function)
        )
        for tail in arrows:
            self.picture.arrow(tail, key)

    def _kept(self, node: Node) -> list[str]:
        lines: list[str] = []
        for name, array in node.kept_arrays():
            self.held[id(array)] = array.nbytes
            if self.saved:
                lines.append(f"keeps {name} {tuple(array.shape)}, {size(array.nbytes)}")
        if node.freed:
            lines.append("freed by backward")
        return lines

    def _leaf(self, tensor: Any) -> str:
        key = f"t{id(tensor)}"
        if key not in self.picture.boxes:
            self.leaves[id(tensor)] = tensor
            title = name_of(tensor, self.known) or "leaf"
            self.picture.boxes[key] = Box("leaf", title, [described(tensor.spec)])
        return key

    def _constant(self, node: Node, key: str, name: str, place: int, spec: Spec) -> list[str]:
        kept = node.kept.get(name)
        one = kept if kept is None or isinstance(kept, (Kept, Packed)) else kept[place]
        tensor = one.tensor if isinstance(one, Kept) else None
        title = name_of(tensor, self.known)
        if isinstance(one, Kept) and not title:
            title = self.memory.get((id(owner_of(one.array)), spec.shape), "")
        if not spec.shape and not title:
            return []  # a number in a formula
        box = f"{key}.{place}"
        if isinstance(one, Kept):
            box = f"t{id(tensor)}" if tensor is not None else f"a{id(one.array)}"
        if box not in self.picture.boxes:
            self.picture.boxes[box] = Box("frozen", title or name, [described(spec)], grey=True)
        return [box]

    def _result(self, root: Tensor, place: int) -> None:
        title = name_of(root, self.known) or "result"
        lines = [described(root.spec)]
        if root.ndim == 0 and root.device.computes:
            lines.append(f"{float(root.detach().numpy()):.6g}")
        tail = None
        if root.grad_fn is not None:
            tail = f"n{root.grad_fn.order}"
        elif root.requires_grad:
            tail = self._leaf(root)
        key = f"r{place}"
        self.picture.boxes[key] = Box("output", title, lines, grey=not root.requires_grad)
        if tail is not None:
            self.picture.arrow(tail, key)


def _nodes(roots: Iterable[Tensor]) -> list[Node]:
    found: dict[int, Node] = {}
    waiting = [root.grad_fn for root in roots if root.grad_fn is not None]
    while waiting:
        node = waiting.pop()
        if id(node) in found:
            continue
        found[id(node)] = node
        waiting += [edge[0] for edge in node.edges if edge and isinstance(edge[0], Node)]
    return list(found.values())
