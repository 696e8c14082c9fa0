"""The graph under the names of `torch.autograd.graph`: nodes, hooks on several tensors at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from . import modes
from .errors import ConfigError, expect
from .node import Handle, Node
from .saved import save_in, save_on_disk, saved_tensors_hooks

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["Node", "register_multi_grad_hook", "save_in", "save_on_disk", "saved_tensors_hooks"]


class Handles:
    """What a hook on several tensors is removed with; a context manager does it at its end."""

    def __init__(self, handles: Sequence[Handle]) -> None:
        self.handles = handles

    def remove(self) -> None:
        """Take the hook away from all tensors; a second call does nothing."""
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> Handles:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable[[Any], object], *, mode: str = "all"
) -> Handles:
    """Call a function once in every backward that reaches one of several tensors.

    What it returns is not looked at: gradients are replaced by `register_hook`.

    Args:
        tensors: leaves or results that require a gradient.
        fn: takes the gradients of all tensors as a list, None for those that were not reached;
            with mode "any" the gradient that is known first.
        mode: "all" to call it at the end of the backward, "any" as soon as one gradient is known.
    Raises:
        ConfigError: the mode is neither.
        GradientError: no gradient is wanted of a tensor.
    """
    expect(mode in ("all", "any"), "register_multi_grad_hook", 'mode must be "all" or "any"',
           error=ConfigError, mode=mode)  # fmt: skip
    count = len(tensors)
    token = object()

    def arrived(place: int, gradient: Tensor) -> None:
        walk = modes.state.walk
        found = walk.watched.get(token)
        if found is None:
            found = walk.watched[token] = [None] * count
            if mode == "all":
                walk.ending.append(partial(fn, found))
            else:
                fn(gradient)
        found[place] = gradient

    return Handles([x.register_hook(partial(arrived, place)) for place, x in enumerate(tensors)])
