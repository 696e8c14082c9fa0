"""A device that records launches as a GPU does, with the processor's arrays."""

from collections.abc import Callable, Sequence

from graftgrad.device.base import Frozen
from graftgrad.device.cpu import CPU


class Graph(Frozen):
    """Runs once, records once and from then on repeats, as `gpu_graph` does."""

    def __init__(self, steps: Sequence[Callable[[], object]], refuses: bool) -> None:
        super().__init__(steps)
        self.refuses = refuses
        self.runs = 0

    def __call__(self) -> None:
        self.runs += 1
        if self.refuses and self.runs == 2:
            self.reason = "RuntimeError: the stream is capturing"
        super().__call__()


class Recording(CPU):
    """A device that records; nothing but reference bodies computes on it."""

    kind = "recording"
    graphs = True
    line = 256
    refuses = False

    def freeze(self, steps: Sequence[Callable[[], object]]) -> Frozen:
        return Graph(steps, self.refuses)
