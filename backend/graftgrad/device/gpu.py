"""An NVIDIA GPU, computed with by CuPy, which is imported by the first one that is used.

All work of a device runs in order on one stream of its own, in every thread. How memory is counted
stands in `gpu_memory`; whether there is a GPU at all, in `find`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Any

import numpy as np

from .. import modes
from ..errors import OutOfMemoryError, sentence
from ..spec import DType, Shape, Spec
from .base import Array, Device, Frozen, HostArray
from .foreign import imported
from .gpu_graph import Graph
from .gpu_memory import Usage, readable, watching
from .gpu_staging import Staging


class Opened:
    """CuPy with a pool of memory of our own, which holds one part for each device.

    Attributes:
        cupy, cupyx: the modules.
        pool: what all arrays and temporary arrays are taken from.
        pinned: the same for host memory from which a GPU copies by itself.
    """

    def __init__(self) -> None:
        self.cupy: Any = imported("cupy")
        self.cupyx: Any = imported("cupyx")
        self.pool = self.cupy.cuda.MemoryPool()
        self.pinned = self.cupy.cuda.PinnedMemoryPool()
        self.cupy.cuda.set_allocator(self.pool.malloc)
        self._watch: Any = None

    def watch(self) -> Any:
        """Return what counts the bytes that arrays hold; it counts from now on."""
        if self._watch is None:
            self._watch = watching(self.cupy.cuda.MemoryHook)()
            self._watch.__enter__()  # for good
        return self._watch


@cache
def opened() -> Opened:
    """Open CuPy, once."""
    return Opened()


class _Here(threading.local):
    """The device that is current in a thread, and the devices whose streams it has entered."""

    def __init__(self) -> None:
        self.device: GPU | None = None
        self.entered: set[int] = set()


_here = _Here()


class GPU(Device):
    """A graphics processor; its arrays are CuPy's."""

    kind = "gpu"
    entered = True
    graphs = True
    line = 256  # what libraries want of their working space

    @property
    def xp(self) -> Any:
        """CuPy."""
        return opened().cupy

    @cached_property
    def stream(self) -> Any:
        """The stream on which everything runs; it does not wait for the default stream."""
        cuda = opened().cupy.cuda
        with cuda.Device(self.index):
            return cuda.Stream(non_blocking=True)

    @cached_property
    def staging(self) -> Staging:
        """What copies from the host; it is made when this device is current."""
        return Staging(self, opened().cupy, opened().pinned)

    def enter(self) -> None:
        """Make this device and its stream current in this thread, if another one is."""
        if _here.device is self:
            return
        if _here.device is None:  # else a singular matrix would go unnoticed
            opened().cupyx.seterr(linalg="raise")
        opened().cupy.cuda.Device(self.index).use()
        if self.index in _here.entered:
            self.stream.use()
        else:  # for good: whatever CuPy does inside of `with stream` leads back to it then,
            self.stream.__enter__()  # not to the default stream, as it would behind `use`
            _here.entered.add(self.index)
        _here.device = self

    @contextmanager
    def beside(self, stream: Any) -> Iterator[None]:
        """Compute on another stream of this device inside of a `with` block, in this thread."""
        self.enter()
        with stream:
            yield

    # -- arrays --------------------------------------------------------------------------------

    def empty(self, spec: Spec) -> Array:
        """Allocate an array without setting its values.

        Raises:
            OutOfMemoryError: there is not enough memory.
        """
        self.enter()
        try:
            array = opened().cupy.ndarray(spec.shape, spec.dtype)
        except MemoryError as error:
            raise self.exhausted(error, f"an array {spec}", spec.nbytes) from error
        if (recorder := modes.recorder()) is not None:
            recorder.made(array)
        return array

    def put(self, host: HostArray, dtype: DType) -> Array:
        """Copy a host array onto this device as elements of `dtype`, in row-major order.

        The host array may change at once; nobody waits for the copy.

        Raises:
            OutOfMemoryError: there is not enough memory.
        """
        self.enter()
        try:
            array = opened().cupy.ndarray(host.shape, dtype)
        except MemoryError as error:
            asked = host.size * dtype.itemsize
            raise self.exhausted(error, f"an array {Spec(host.shape, dtype)}", asked) from error
        self.staging.copy(host, array)
        if (recorder := modes.recorder()) is not None:
            recorder.constant(array, host)
        return array

    def write(self, array: Array, host: Any) -> None:
        """Copy values of the host into an array that is there; nobody waits for the copy."""
        self.enter()
        values = np.broadcast_to(np.asarray(host), array.shape)
        if array.flags.c_contiguous:
            self.staging.copy(values, array)
        else:
            aside = opened().cupy.ndarray(array.shape, array.dtype)
            self.staging.copy(values, aside)
            array[...] = aside

    def fetch(self, array: Array) -> HostArray:
        """Return the values on the host, once everything that they depend on has been computed."""
        if (recorder := modes.recorder()) is not None:
            recorder.read(array)
        self.enter()
        host: HostArray = array.get(stream=self.stream, order="C")
        return host

    def inspect(self, array: Array) -> HostArray:
        """Return the values for a check; of what is on the host already, that."""
        return array if isinstance(array, np.ndarray) else self.fetch(array)

    def writable(self, array: Array) -> bool:
        """Tell whether every element has memory of its own."""
        sizes = zip(array.shape, array.strides, strict=True)
        return all(size < 2 or stride for size, stride in sizes)

    # -- recorded steps ------------------------------------------------------------------------

    def room(self, nbytes: int) -> Array:
        """Return bytes whose first one lies on a line; the pool's blocks do."""
        self.enter()
        try:
            return opened().cupy.ndarray(nbytes, np.uint8)
        except MemoryError as error:
            raise self.exhausted(error, "a recorded step", nbytes) from error

    def within(
        self, room: Array, shape: Shape, dtype: DType, offset: int, strides: tuple[int, ...]
    ) -> Array:
        """Return an array that lies in bytes of this device, `offset` bytes behind their first."""
        return opened().cupy.ndarray(shape, dtype, room.data + offset, strides)

    def copy(self, array: Array) -> Array:
        """Return a copy in row-major order."""
        self.enter()
        return opened().cupy.array(array, order="C", copy=True)

    def freeze(self, steps: Sequence[Callable[[], object]]) -> Frozen:
        """Return what repeats steps at each call: by one CUDA graph, where they can be recorded."""
        return Graph(self, opened().cupy, steps)

    # -- order and memory ----------------------------------------------------------------------

    def synchronize(self) -> None:
        """Wait until everything that was launched has been computed."""
        self.enter()
        self.stream.synchronize()

    def trim(self) -> None:
        """Give memory that is held in reserve back to the driver.

        Memory of a recorded graph lies in a pool of its own and stays.
        """
        self.synchronize()
        self.staging.settle()
        opened().pool.free_all_blocks()
        opened().pinned.free_all_blocks()

    def usage(self) -> Usage:
        """Return how the memory of this device is used."""
        self.enter()
        pool = opened().pool
        free, total = opened().cupy.cuda.runtime.memGetInfo()
        return Usage(pool.used_bytes(), pool.total_bytes(), free, total)

    def peak(self, reset: bool = False) -> int:
        """Return how many bytes arrays held at most since counting began; begin anew if asked."""
        self.enter()
        watch = opened().watch()
        if reset or self.index not in watch.now:
            watch.now[self.index] = watch.most[self.index] = opened().pool.used_bytes()
        most: int = watch.most[self.index]
        return most

    @cached_property
    def title(self) -> str:
        """What the maker calls it."""
        properties = opened().cupy.cuda.runtime.getDeviceProperties(self.index)
        name = properties["name"]
        return name.decode() if isinstance(name, bytes) else str(name)

    @cached_property
    def capability(self) -> tuple[int, int]:
        """The compute capability: (9, 0) is Hopper's."""
        digits = str(opened().cupy.cuda.Device(self.index).compute_capability)
        return int(digits[:-1]), int(digits[-1])

    @cached_property
    def driver(self) -> tuple[int, int]:
        """The newest CUDA for which the driver was made: (13, 0)."""
        number = opened().cupy.cuda.runtime.driverGetVersion()
        return number // 1000, number % 1000 // 10

    @property
    def version(self) -> str:
        """The version of CuPy."""
        return str(self.xp.__version__)

    def exhausted(self, error: MemoryError, what: str, asked: int | None = None) -> Exception:
        """Return the error that tells what was asked for, what is free and what holds the rest."""
        known = getattr(error, "_size", None) if asked is None else asked
        usage = self.usage()
        got: dict[str, object] = {} if known is None else {"asked": readable(known)}
        return OutOfMemoryError(
            sentence(
                str(self),
                f"there must be memory for {what}",
                got | usage.told(),
                "Take a smaller batch, compute segments again with checkpoint(), keep values in "
                "bfloat16, or let go of tensors; graftgrad.cuda.memory_summary() says more.",
            )
        )

    def __str__(self) -> str:
        return f"{self.kind}:{self.index}"
