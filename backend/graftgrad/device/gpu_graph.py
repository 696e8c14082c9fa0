"""Launches recorded by the driver as one CUDA graph, which a single call repeats.

They are recorded on a stream of their own, so that nothing another thread does at the time gets in
between, and with a pool of memory of their own: temporary arrays of the steps lie in it, and nobody
else is ever given them while the graph lives. What is computed is decided by the addresses and
numbers that the steps have now; what changes must lie in device memory.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Any

from .base import Frozen
from .foreign import in_one_line

_recording = threading.Lock()  # one at a time: libraries keep a state for each stream
_streams: dict[int, Any] = {}


class Graph(Frozen):
    """Steps that are run once as they are, then recorded, and from then on repeated.

    The first run, on the stream of recordings, lets libraries make what they need there: kernels
    are compiled, handles and working space made. Where a step does what cannot be recorded, all are
    run one by one, now and later.

    Args:
        device: the device on which they compute.
        cupy: the module.
        steps: what is repeated.

    Attributes:
        reason: why they are not recorded; empty where they are, or will be.
    """

    def __init__(self, device: Any, cupy: Any, steps: Sequence[Callable[[], object]]) -> None:
        self.device = device
        self.cupy = cupy
        super().__init__(steps)
        self.pool = cupy.cuda.MemoryPool()
        self.rehearsed = False
        self.graph: Any = None

    def __call__(self) -> None:
        """Compute what the steps compute, in order behind everything that was launched before."""
        self.device.enter()
        if self.graph is None and not self.reason:
            with _recording:
                if not self.rehearsed:
                    self._rehearse()
                    return
                self._record()
        if self.graph is not None:
            self.graph.launch(self.device.stream)
        else:
            super().__call__()

    def _stream(self) -> Any:
        index = self.device.index
        if index not in _streams:
            _streams[index] = self.cupy.cuda.Stream(non_blocking=True)
        return _streams[index]

    def _rehearse(self) -> None:
        """Run the steps where they will be recorded; what is launched later waits for them."""
        stream, own = self._stream(), self.device.stream
        stream.wait_event(own.record())
        with self.device.beside(stream), self.cupy.cuda.using_allocator(self.pool.malloc):
            super().__call__()
        own.wait_event(stream.record())
        self.rehearsed = True

    def _record(self) -> None:
        """Record the steps, or take note of why that cannot be; nothing is computed."""
        stream = self._stream()
        with self.device.beside(stream), self.cupy.cuda.using_allocator(self.pool.malloc):
            try:
                stream.begin_capture()
                super().__call__()
                self.graph = stream.end_capture()
                self.nbytes = self.pool.total_bytes()
            except Exception as failure:  # CuPy and the driver refuse in many ways
                with contextlib.suppress(Exception):  # what was recorded so far is let go of
                    stream.end_capture()
                self.reason = in_one_line(failure)
