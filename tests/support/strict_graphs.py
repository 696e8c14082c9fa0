"""The stand-in for CuPy as a device that records steps, as a GPU does.

A stretch of launches is run once, recorded by the second run, and repeated from then on. Whatever a
CUDA graph could not hold, waiting for the device or copying from the host, is refused where a
stretch would be recorded: such a step says why its launches are repeated one by one.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graftgrad import modes
from graftgrad.device import find
from graftgrad.device.base import Frozen
from graftgrad.spec import DType, Shape

from .strict import Strict, StrictArray, copies, reads

refused: list[str] = []  # why stretches could not be recorded, since somebody looked


class Graph(Frozen):
    """Steps as a CUDA graph: what waits or copies in the second run cannot be part of it."""

    def __init__(self, steps: Sequence[Callable[[], object]]) -> None:
        super().__init__(steps)
        self.runs = 0

    def __call__(self) -> None:
        self.runs += 1
        if self.runs != 2:
            super().__call__()
            return
        for step in self.steps:
            before = len(reads), len(copies)
            step()
            told = [*reads[before[0] :], *copies[before[1] :]]
            if told and not self.reason:
                body = getattr(getattr(step, "func", None), "__self__", step)
                self.reason = f"{getattr(body, 'compute', body)}: {', '.join(told)}"
                refused.append(self.reason)


class Recorded(Strict):
    """The device."""

    kind = "graphs"
    recorded = True
    graphs = True
    line = 256

    def put(self, host: Any, dtype: DType) -> Any:
        array = super().put(host, dtype)
        if (recorder := modes.recorder()) is not None:
            recorder.constant(array, host)
        return array

    def empty(self, spec: Any) -> Any:
        array = super().empty(spec)
        if (recorder := modes.recorder()) is not None:
            recorder.made(array)
        return array

    def inspect(self, array: Any) -> Any:
        return array if isinstance(array, np.ndarray) else self.fetch(array)

    def room(self, nbytes: int) -> Any:
        return StrictArray(np.full(nbytes, 255, np.uint8))

    def within(
        self, room: Any, shape: Shape, dtype: DType, offset: int, strides: tuple[int, ...]
    ) -> Any:
        held = room._array
        flat = np.ndarray(held.nbytes, np.uint8, held.reshape(-1).view(np.uint8).data)
        return StrictArray(np.ndarray(shape, dtype, flat.data, offset, strides))

    def copy(self, array: Any) -> Any:
        return StrictArray(np.array(array._array, order="C"))

    def freeze(self, steps: Sequence[Callable[[], object]]) -> Frozen:
        return Graph(steps)


recorded = Recorded()
find._DEVICES.setdefault("graphs", recorded)
