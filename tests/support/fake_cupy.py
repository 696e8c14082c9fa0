"""What `device.gpu` asks of CuPy, over the host's memory: enough to test the order of what it does.

Nothing is said by it about a real GPU; that is what tests/gpu is for.
"""

from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np


class FakeOutOfMemory(MemoryError):
    """CuPy's own, with the size that was asked for."""

    def __init__(self, size: int) -> None:
        super().__init__(f"out of memory allocating {size} bytes")
        self._size = size


class Event:
    """Done when the stream was synchronized after it was recorded."""

    def __init__(self) -> None:
        self.done = False


class Stream:
    current: Any = None
    stack: ClassVar[list[Any]] = []

    def __init__(self, non_blocking: bool = False) -> None:
        self.non_blocking = non_blocking
        self.events: list[Event] = []

    def use(self) -> None:
        LOG.append("stream.use")
        Stream.current = self

    def __enter__(self) -> None:
        LOG.append("stream.enter")
        Stream.stack.append(self)
        Stream.current = self

    def __exit__(self, *exception: object) -> None:
        """Go back to the stream that was entered before, whatever `use` has said since."""
        Stream.stack.pop()
        Stream.current = Stream.stack[-1] if Stream.stack else None

    def record(self) -> Event:
        self.events.append(Event())
        return self.events[-1]

    def synchronize(self) -> None:
        LOG.append("synchronize")
        for event in self.events:
            event.done = True


class Device:
    compute_capability = "90"

    def __init__(self, index: int) -> None:
        self.index = index

    def __enter__(self) -> None:
        LOG.append(f"device {self.index}")

    def __exit__(self, *exception: object) -> None: ...

    def use(self) -> None:
        LOG.append(f"use {self.index}")


class Pool:
    """Counts what is taken; `limit` is what there is."""

    def __init__(self) -> None:
        self.used = 0
        self.limit = 1 << 20

    def malloc(self, size: int) -> Any:
        if self.used + size > self.limit:
            raise FakeOutOfMemory(size)
        self.used += size
        return bytearray(size)

    def used_bytes(self) -> int:
        return self.used

    def total_bytes(self) -> int:
        return self.used + 512

    def free_all_blocks(self) -> None:
        LOG.append("free_all_blocks")


class Array(np.ndarray):
    """Memory of the host that stands for a device's."""

    def set(self, host: Any, stream: Any = None) -> None:
        LOG.append(f"set {host.nbytes}")
        assert host.dtype == self.dtype and host.shape == self.shape and stream is not None
        np.asarray(self)[...] = host

    def get(self, stream: Any = None, order: str = "C") -> Any:
        LOG.append("get")
        return np.array(self, order=order)  # type: ignore[call-overload]


LOG: list[str] = []


def module() -> Any:
    """Return the stand-in for the module."""
    current: list[Any] = []

    def ndarray(shape: Any, dtype: Any) -> Any:
        current[-1](int(np.prod(shape)) * np.dtype(dtype).itemsize)
        return np.empty(shape, dtype).view(Array)

    runtime = SimpleNamespace(
        getDeviceCount=lambda: 2,
        driverGetVersion=lambda: 13020,
        memGetInfo=lambda: (3 << 20, 8 << 20),
        getDeviceProperties=lambda index: {"name": b"Fake GPU"},
    )
    cuda = SimpleNamespace(
        MemoryPool=Pool, PinnedMemoryPool=Pool, set_allocator=current.append, Device=Device,
        Stream=Stream, get_current_stream=lambda: Stream.current, runtime=runtime, MemoryHook=Hook,
        nvrtc=SimpleNamespace(getVersion=lambda: (13, 2)),
    )  # fmt: skip
    return SimpleNamespace(cuda=cuda, ndarray=ndarray, __version__="0.0 (fake)")


def extension() -> Any:
    """Return the stand-in for `cupyx`."""
    return SimpleNamespace(seterr=lambda linalg: LOG.append(f"linalg={linalg}"))


class Hook:
    def __enter__(self) -> None: ...
