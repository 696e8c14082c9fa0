"""A module called with other tensors in the place of its own weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import ConfigError, expect
from ..ops.shape import Reshape
from ..tensor import Tensor

_SWAPPED = ("array", "spec", "device", "grad_fn", "output_index", "wants", "counter", "view_of")


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    strict: bool = False,
) -> Any:
    """Call a module as if the given tensors were its weights, and return what it returns.

    Gradients go to the given tensors, and what the module changes in place is changed in them; its
    own weights stay as they are. A layer of graftwork counts as trained where what stands in for
    its weights wants a gradient. While it is called, no other thread may use the module.

    Args:
        module: what can be called and lists its weights: a layer or model of graftwork, which has
            `weights`, each with a `path`; or anything with `named_parameters()`.
        parameter_and_buffer_dicts: tensors by the names of the weights; or several such.
        args: what it is called with; a tuple, or one argument alone.
        kwargs: what it is called with by name.
        strict: refuse to leave a weight as it is.
    Raises:
        ConfigError: there is no such weight, or under `strict` one has no tensor.
        ShapeError: a tensor has not the shape of the weight.
    """
    several = parameter_and_buffer_dicts
    given: dict[str, Tensor] = {}
    for one in (several,) if isinstance(several, Mapping) else several:
        given |= one
    own = _weights(module)
    unknown = [name for name in given if name not in own]
    expect(not unknown, "functional_call", "every name must be that of a weight of the module",
           error=ConfigError, unknown=unknown, weights=list(own))  # fmt: skip
    missing = [name for name in own if name not in given]
    expect(not (strict and missing), "functional_call",
           "under strict every weight needs a tensor", error=ConfigError,
           missing=missing)  # fmt: skip
    for name, x in given.items():
        expect(x.shape == own[name].shape, "functional_call",
               "a tensor must have the shape of the weight that it stands in for", name=name,
               weight=own[name].spec, got=x.spec)  # fmt: skip
    arguments = args if isinstance(args, tuple) else (args,)
    with _standing_in([(own[name], x) for name, x in given.items()]):
        return module(*arguments, **(kwargs or {}))


def _weights(module: Any) -> dict[str, Tensor]:
    if hasattr(module, "named_parameters"):
        return dict(module.named_parameters())
    expect(hasattr(module, "weights"), "functional_call",
           "the module must list its weights, as layers and models of graftwork do",
           error=ConfigError, module=type(module).__name__,
           advice="Give it named_parameters(), which returns names and tensors.")  # fmt: skip
    return {weight.path: weight for weight in module.weights}


@contextmanager
def _standing_in(pairs: Sequence[tuple[Tensor, Tensor]]) -> Iterator[None]:
    """Let weights show other tensors' values and history: the objects stay where layers look."""
    before = [[getattr(own, slot) for slot in _SWAPPED] for own, _ in pairs]
    # a leaf would be told apart from the weight by its identity alone; a view of it has a history
    shown = [Reshape(x.shape)(x) if x.grad_fn is None and x.requires_grad else x for _, x in pairs]
    try:
        for (own, _), x in zip(pairs, shown, strict=True):
            for slot in _SWAPPED:
                setattr(own, slot, getattr(x, slot))
        yield
    finally:
        for (own, _), values in zip(pairs, before, strict=True):
            for slot, value in zip(_SWAPPED, values, strict=True):
                setattr(own, slot, value)
