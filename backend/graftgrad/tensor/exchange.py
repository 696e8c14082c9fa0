"""How tensors are copied, pickled and handed to other libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import GradientError, expect

if TYPE_CHECKING:
    from .core import Tensor


class Exchange:
    """Copies, pickles, and memory that is shared with other libraries."""

    __slots__ = ()

    __array_priority__ = 1000  # numpy_array * tensor is ours to compute

    def __reduce_ex__(self: Tensor, protocol: Any) -> Any:
        expect(self.grad_fn is None, "copy", "only leaves can be copied or pickled",
               error=GradientError, grad_fn=self.grad_fn,
               advice="Use .clone() to copy it with its history, .detach() without.")  # fmt: skip
        reduced: tuple[Any, ...] = object.__reduce_ex__(self, protocol)  # type: ignore[assignment]
        make, arguments, state, *rest = reduced
        known, slots = state if isinstance(state, tuple) else (state, {})
        # a copy is no view, and nothing else knows its memory
        alone = {"view_of": None, "counter": type(self.counter)()}
        return make, arguments, (known, {**slots, **alone}), *rest
