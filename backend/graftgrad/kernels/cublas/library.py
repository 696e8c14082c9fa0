"""cuBLAS by ctypes: found where CuPy finds it, one handle with a workspace for each stream.

A handle that has its workspace allocates nothing, so its calls can be recorded into a graph.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from ctypes import c_int, c_longlong, c_size_t, c_void_p
from functools import cache
from typing import Any

from ...device.base import Device
from ...device.foreign import imported, in_one_line
from ...errors import LibraryError, expect
from .gemm import Gemm

WORKSPACE = 32 << 20  # bytes; what NVIDIA recommends for Hopper
NO_SHORT_SUMS = 16  # CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION
DEFAULT_ALGORITHM = -1
ONE, ZERO = 1.0, 0.0


class Library:
    """The library and the functions that are used."""

    def __init__(self, path: str) -> None:
        self.path = path
        found = ctypes.CDLL(path)
        self.create = _prototype(found.cublasCreate_v2, [c_void_p])
        self.set_stream = _prototype(found.cublasSetStream_v2, [c_void_p, c_void_p])
        self.set_workspace = _prototype(found.cublasSetWorkspace_v2, [c_void_p, c_void_p, c_size_t])
        self.set_mode = _prototype(found.cublasSetMathMode, [c_void_p, c_int])
        self.gemm = _prototype(
            found.cublasGemmStridedBatchedEx,
            [c_void_p, *[c_int] * 5, c_void_p]
            + [c_void_p, c_int, c_int, c_longlong] * 2
            + [c_void_p, c_void_p, c_int, c_int, c_longlong]
            + [c_int, c_int, c_int],
        )
        number = _prototype(found.cublasGetProperty, [c_int, c_void_p])
        parts = [c_int() for _ in range(3)]
        for place, part in enumerate(parts):
            checked(number(place, ctypes.addressof(part)))
        self.version = ".".join(str(part.value) for part in parts)


def _prototype(function: Any, arguments: list[Any]) -> Any:
    function.argtypes, function.restype = arguments, c_int
    return function


def checked(status: int) -> None:
    """Raise where the library reports a failure.

    Raises:
        LibraryError: it does.
    """
    expect(status == 0, "cuBLAS", "a call must succeed", error=LibraryError, status=status)


@cache
def _found() -> tuple[Library | None, str]:
    try:
        path = imported("cuda.pathfinder").load_nvidia_dynamic_lib("cublas").abs_path
        return Library(path), ""
    except Exception as failure:  # whoever looks for libraries fails in many ways
        return None, f"no cuBLAS ({in_one_line(failure)})"


def library() -> Library:
    """Return the library.

    Raises:
        LibraryError: there is none.
    """
    found, reason = _found()
    expect(found is not None, "cuBLAS", "the library must be found", error=LibraryError,
           found=reason, advice="Install nvidia-cublas.")  # fmt: skip
    assert found is not None
    return found


def why_not() -> str:
    """Say why the library cannot be used; an empty string where it can."""
    return _found()[1]


def told() -> str:
    """Return its version and where it was found, or why it is not used."""
    reason = why_not()
    return f"not used: {reason}" if reason else f"{library().version} from {library().path}"


class Handle:
    """The library's state for one stream of a device."""

    def __init__(self, device: Device, stream: int) -> None:
        owner = library()
        self.call = owner.gemm
        self.lock = threading.Lock()
        place = c_void_p()
        checked(owner.create(ctypes.addressof(place)))
        self.value = place.value
        self.room = device.xp.empty(WORKSPACE, "uint8")
        checked(owner.set_stream(self.value, stream))  # resets the workspace, so it comes first
        checked(owner.set_workspace(self.value, self.room.data.ptr, WORKSPACE))
        checked(owner.set_mode(self.value, NO_SHORT_SUMS))

    def run(self, calls: Sequence[Gemm], form: Form, a: int, b: int, y: int) -> None:
        """Multiply the matrices at a and b, the user's factors, into those at y.

        Raises:
            LibraryError: a call fails.
        """
        size, wide = form.itemsize, form.result_itemsize
        with self.lock:
            for one in calls:
                first, second, third = one.offsets
                checked(
                    self.call(
                        self.value, *one.turned, *one.sizes, form.one,
                        b + first * size, form.kind, one.leading[0], one.strides[0],
                        a + second * size, form.kind, one.leading[1], one.strides[1],
                        form.zero,
                        y + third * wide, form.result_kind, one.leading[2], one.strides[2],
                        one.batch, form.computed, DEFAULT_ALGORITHM,
                    )
                )  # fmt: skip


class Form:
    """In which element types a product is computed, in the library's numbers.

    Args:
        kind: the number of the element type of the factors.
        result_kind: that of the result.
        computed: how products are added up.
        sizes: bytes of an element of the factors, and of the result.
        number: the type of the factor 1 and the summand 0: as wide as sums are.
    """

    def __init__(
        self, kind: int, result_kind: int, computed: int, sizes: tuple[int, int], number: Any
    ) -> None:
        self.kind, self.result_kind, self.computed = kind, result_kind, computed
        self.itemsize, self.result_itemsize = sizes
        self.numbers = number(ONE), number(ZERO)
        self.one, self.zero = (ctypes.addressof(one) for one in self.numbers)


_handles: dict[tuple[Device, int], Handle] = {}
_making = threading.Lock()


def handle(device: Device) -> Handle:
    """Return the handle of the stream on which this thread computes now, made once.

    That is the device's own, or the one on which a graph is being recorded.
    """
    stream: int = device.xp.cuda.get_current_stream().ptr
    known = _handles.get((device, stream))
    if known is None:
        with _making:
            known = _handles.get((device, stream))
            if known is None:
                known = _handles[device, stream] = Handle(device, stream)
    return known
