"""One recording and the plan that is made of it, made anew when fixed values have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from ..device.find import cpu
from ..errors import LibraryError
from ..kernels.native import team
from ..kernels.threads import get_num_threads
from ..tensor import Tensor
from .dividing import divided, undivided
from .fixed import Fixed
from .graphed import Graphed
from .guards import Guards, Settings
from .passes import settled, shortened
from .plan import Plan
from .records import Recording
from .tables import touched

HASTY = 4  # a plan that is outdated before so many repetitions was not worth preparing
PATIENCE = 2  # so many in a row, and nothing is taken for fixed any more
SHARING = 2  # threads that share a step; with more it was not measured
LONG = 64  # repetitions after which it is tried again


class Kept:
    """A recording, its plan, and the structure of its result.

    Args:
        recording: what was recorded.
        told: the structure of the result.
        tensors: returns the tensors whose values may be taken for fixed while they do not change.
        loose: make passes that round differently, too.
    """

    def __init__(
        self,
        recording: Recording,
        told: Any,
        tensors: Callable[[], Iterable[Tensor]],
        loose: bool,
    ) -> None:
        self.recording = recording
        self.told = told
        self.tensors = tensors
        self.loose = loose
        self.guards = Guards((), Settings())
        self.repeated = 0
        self.hasty = 0
        self.plan: Plan | Graphed = self._made()

    def ready(self) -> Plan | Graphed:
        """Return the plan, made anew where values that it took for fixed have changed."""
        outdated = not self.plan.fixed.holds()
        if outdated:
            self.hasty = self.hasty + 1 if self.repeated < HASTY else 0
        elif self.hasty >= PATIENCE and self.repeated >= LONG:
            self.hasty, outdated = 0, True
        if outdated:
            self.plan = self._made()
            self.repeated = 0
        self.repeated += 1
        return self.plan

    def _made(self) -> Plan | Graphed:
        entries = self.recording.entries
        fixed = Fixed(self.tensors() if self.hasty < PATIENCE else (), entries)
        device = self.recording.device
        if device is not None and device.graphs:
            device.enter()
            return Graphed(settled(self.recording, fixed), fixed, device)
        cpu.trim()  # what the steps in Python left: the plan has an arena of its own
        short = shortened(self.recording, fixed, self.loose)
        cpu.trim()  # and what the passes tried
        shared = self._shared(short, fixed)
        return shared or Plan(touched(replace(short, entries=undivided(short.entries))), fixed)

    def _shared(self, short: Recording, fixed: Fixed) -> Plan | None:
        """Return a plan that threads share, each with launches of its own, where it is one."""
        threads = min(get_num_threads(), SHARING)
        if threads < 2 or not team.available(threads):
            return None
        entries = divided(short.entries, threads)
        if entries is None:
            return None
        try:
            plan = Plan(replace(short, entries=entries), fixed)
        except LibraryError:  # there is no further thread to be had
            return None
        return None if plan.mixed else plan
