"""Changes in place inside a graph: how a tensor keeps its memory and gets another history.

The values are written by `ops.update`, through the one door. Here it is decided whether they may
be written, and which tensors follow: the changed one, what it is a view of, and all other views.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import modes
from .errors import GradientError, expect
from .ops.operand import cast
from .ops.overwrite import CopySlices
from .ops.shape import BroadcastTo, broadcast_to
from .ops.update import assign
from .spec import broadcast

if TYPE_CHECKING:
    from .tensor import Tensor


def rebase(x: Tensor, value: Tensor) -> Tensor:
    """Write a value into a tensor in place, and let it go on with the value's history: x ← value.

    A method such as `x.mul_(w)` is `rebase(x, mul(x.clone(), w))`: the value is computed from the
    old values, out of place, and takes their history along. The clone is needed only where the
    gradient asks for the old values; without it, backward says that they have changed.

    If x is a view, the tensor it is a view of gets the value in that part, and every other view of
    that tensor sees it, in its values and in its gradients.

    Args:
        x: what is changed; a leaf that requires a gradient may be changed in `no_grad` only.
        value: stretches to the shape of x and is converted to its element type.
    Returns:
        x itself.
    Raises:
        ShapeError: the value does not stretch to the shape of x.
        GradientError: x is a leaf that requires a gradient, or a view of one; it shows the same
            element in several places; or it is a view that was made while nothing was recorded.
    """
    if not modes.recording() or not (x.wants or value.wants):
        _write(x, value)
        return x
    root, steps = (x, ()) if x.view_of is None else x.view_of
    _expect_changeable(x, root, steps)
    assert steps is not None
    expect(broadcast("change in place", x.spec, value.spec) == x.shape, "change in place",
           "the value must stretch to the shape of the tensor that is changed",
           x=x.spec, value=value.spec)  # fmt: skip
    value = broadcast_to(cast(value, x.dtype), x.shape)
    if steps:
        node = CopySlices(steps).history(root, value)
        _write(x, value)
        _follow(root, node, 0)
    else:
        _write(x, value)
        _follow(x, value.grad_fn, value.output_index)
    _refresh(root)
    return x


def _expect_changeable(x: Tensor, root: Tensor, steps: object) -> None:
    leaf = next((one for one in (x, root) if one.wants and one.grad_fn is None), None)
    whose = "a leaf" if leaf is x else "a view of a leaf"
    expect(leaf is None, "change in place",
           f"{whose} that requires a gradient must not be changed while the graph is recorded",
           error=GradientError, x=x.spec,
           advice="Change it inside `with no_grad():`, or make a new tensor.")  # fmt: skip
    expect(steps is not None, "change in place",
           "a view that was made while nothing was recorded must not be changed in a graph",
           error=GradientError, x=x.spec, view_of=root.spec,
           advice="Make the view outside of `no_grad`, or change it inside.")  # fmt: skip
    assert isinstance(steps, tuple)
    stretched = any(isinstance(step, BroadcastTo) for step in steps)
    expect(not stretched, "change in place",
           "every element of what is changed must have memory of its own",
           error=GradientError, x=x.spec, view_of=root.spec,
           advice="Call .clone() after .expand() or broadcast_to().")  # fmt: skip


def _write(x: Tensor, value: Tensor) -> None:
    """Write the values alone."""
    bare = x.detach()
    with modes.no_grad():
        assign(bare, value)


def _follow(x: Tensor, node: object, output: int) -> None:
    """Give a tensor another history; a gradient that it was to retain is retained from there."""
    before, place = x.grad_fn, x.output_index
    x.grad_fn = node  # type: ignore[assignment]
    x.output_index = output
    x.wants = node is not None
    if before is None or before is node:
        return
    keeper = before.retained.get(place)
    if keeper is not None and keeper() is x and x.grad_fn is not None:
        del before.retained[place]
        x.grad_fn.retain(output, keeper)


def _refresh(root: Tensor) -> None:
    """Let every view of a tensor follow its new history."""
    views = root.counter.views or []
    made: dict[tuple[object, ...], Tensor] = {(): root}
    for known in list(views):
        view = known()
        if view is None or view.view_of is None or view.view_of[0] is not root:
            continue
        steps = view.view_of[1]
        if steps is None or (view.wants and view.grad_fn is None):  # a leaf of its own by now
            continue
        for end in range(1, len(steps) + 1):
            if steps[:end] not in made:
                made[steps[:end]] = steps[end - 1](made[steps[: end - 1]])
        _follow(view, made[steps].grad_fn, made[steps].output_index)
