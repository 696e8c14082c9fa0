"""How tensors are copied, pickled and handed to other libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import DTypeError, GradientError, expect
from ..spec import bfloat16

if TYPE_CHECKING:
    from .core import Tensor


class Exchange:
    """Copies, pickles, and memory that is shared with other libraries."""

    __slots__ = ()

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

    def __dlpack__(
        self: Tensor,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[Any, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        expect(not self.requires_grad, "dlpack",
               "a tensor that wants gradients must not leave the graph", error=GradientError,
               x=self.spec, advice="Use .detach() to cut it off.")  # fmt: skip
        expect(self.dtype != bfloat16, "dlpack", "NumPy must know the element type",
               error=DTypeError, x=self.spec, advice="Convert it with .to('float32').")  # fmt: skip
        host = self.numpy()
        if max_version is None and dl_device is None and copy is None:
            return host.__dlpack__(stream=stream)
        named: Any = {"max_version": max_version, "dl_device": dl_device, "copy": copy}
        return host.__dlpack__(stream=stream, **named)

    def __dlpack_device__(self: Tensor) -> tuple[int, int]:
        kind, index = self.detach().numpy().__dlpack_device__()
        return int(kind), int(index)
