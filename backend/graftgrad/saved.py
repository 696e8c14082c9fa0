"""How values that gradients will ask for are kept until backward: elsewhere, smaller, or as told.

What a node keeps stands in `node`; what is not kept but computed again, in `checkpoint`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np

from . import modes
from .errors import DTypeError, GradientError, expect
from .ops.operand import cast
from .spec import DType, as_dtype, is_floating
from .tensor import Tensor, tensor

T = TypeVar("T")


class saved_tensors_hooks(modes.Mode, Generic[T]):
    """Keep what `pack` returns in place of every value that a gradient will ask for.

    A context manager and a decorator: it holds for the nodes that are made inside. `unpack` gets
    what `pack` returned and gives a tensor of the same shape and element type back, once for every
    backward. Leaves that require a gradient are kept as they are: they live on anyway. Inside the
    two functions nothing is recorded. A step that calls them is not repeated as a plan.

    Args:
        pack: of a tensor without a history, which it must not change.
        unpack: of what `pack` returned.
    Raises:
        GradientError: in backward, if `unpack` returns something that does not fit.
    """

    replayable = False

    def __init__(self, pack: Callable[[Tensor], T], unpack: Callable[[T], Tensor]) -> None:
        super().__init__("saving", None)
        self._pack = pack
        self._unpack = unpack

    def __enter__(self) -> None:
        self.before.append(modes.state.saving)
        modes.state.saving = self

    def again(self) -> modes.Mode:
        """Return the same for one run of a decorated function."""
        return modes.Mode("saving", self)

    def pack(self, x: Tensor, /) -> T:
        """Return what is kept in place of a tensor."""
        packed: T = self._called(self._pack, x)
        return packed

    def unpack(self, packed: T, /) -> Tensor:
        """Return the tensor again."""
        again: Tensor = self._called(self._unpack, packed)
        return again

    def _called(self, function: Callable[[Any], Any], given: Any) -> Any:
        if not self.replayable:
            modes.beyond("a saved-tensor hook is called")
        with modes.no_grad(), modes.Mode("saving", None):
            return function(given)


class save_in(saved_tensors_hooks[Any]):
    """Keep floating values for gradients in another element type, for example bfloat16.

    Half the memory for half the digits: gradients are those of rounded values. What is wider than
    the type is converted and converted back; everything else is kept as it is.

    Args:
        dtype: a floating element type.
    Raises:
        DTypeError: it is none.
    """

    replayable = True

    def __init__(self, dtype: object = "bfloat16") -> None:
        kept = as_dtype(dtype)
        expect(is_floating(kept), "save_in", "the element type must be a floating one",
               error=DTypeError, dtype=str(kept), advice='For example "bfloat16".')  # fmt: skip

        def pack(x: Tensor) -> tuple[Tensor, DType, int]:
            smaller = is_floating(x.dtype) and kept.itemsize < x.dtype.itemsize
            held = cast(x, kept) if smaller else x
            return held, x.dtype, held.version

        def unpack(packed: tuple[Tensor, DType, int]) -> Tensor:
            held, dtype, version = packed
            expect(held.version == version, "save_in",
                   "what a gradient needs must not change before backward", error=GradientError,
                   kept=held.spec, changes=held.version - version)  # fmt: skip
            return cast(held, dtype)

        super().__init__(pack, unpack)


class save_on_disk(saved_tensors_hooks[Any]):
    """Keep values for gradients in files, which are removed as the graph is let go of.

    Args:
        folder: where; the system's folder for temporary files if None.
        smallest: values of fewer bytes stay in memory.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None, smallest: int = 4096) -> None:
        self.folder = folder

        def pack(x: Tensor) -> Any:
            return x.clone() if x.nbytes < smallest else _File(x, folder)

        def unpack(packed: Any) -> Tensor:
            return packed.read() if isinstance(packed, _File) else packed

        super().__init__(pack, unpack)


class _File:
    """The values of a tensor in a file of their own, as long as this object lives."""

    def __init__(self, x: Tensor, folder: str | os.PathLike[str] | None) -> None:
        import tempfile  # here: slow to import

        self.dtype, self.shape, self.device = x.dtype, x.shape, x.device
        number, self.path = tempfile.mkstemp(".saved", "graftgrad-", folder)
        with open(number, "wb") as file:
            file.write(np.ascontiguousarray(x.device.fetch(x.array)).tobytes())

    def read(self) -> Tensor:
        """Return the values in memory again."""
        with open(self.path, "rb") as file:
            values = np.frombuffer(file.read(), self.dtype).reshape(self.shape)
        return tensor(values, self.dtype, self.device)

    def __del__(self) -> None:
        path = getattr(self, "path", None)
        if path is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
