"""The registry of bodies and the one door through which every computation passes.

A *Call* is a description (function, operand and result descriptions, device); a *Kernel* is one
way to run that Call, built once; the reference body, which every function has, is the last
choice. What the functions compute is told in `ops`; where arrays live in `device`.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from . import modes
from .device.base import Array, Device
from .errors import OutOfMemoryError
from .spec import Spec

if TYPE_CHECKING:
    from .function import Function

Arrays = tuple[Array, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """What is to be computed, on what, where: hashable, so it is decided once how."""

    function: Function
    ins: tuple[Spec, ...]
    outs: tuple[Spec, ...]
    device: Device
    hashed: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hashed", hash((self.function, self.ins, self.outs, self.device)))

    def __hash__(self) -> int:
        return self.hashed


class NativeCall(NamedTuple):
    """A C function with its arguments fixed: what a recorded step calls without Python.

    Attributes:
        function: the address of a C function of up to six integers or pointers.
        arguments: what it is called with.
        threads: how many threads of the pool it may use; 0 where it never asks for any.
        status: whether it returns an integer that is 0 for success and else a failure.
        keeps: whatever must live as long as the call may be made.
    """

    function: int
    arguments: tuple[int, ...]
    threads: int = 0
    status: bool = False
    keeps: object = None


class Kernel:
    """One way to run a Call. It writes into the arrays it is handed and never returns one."""

    scratch: tuple[Spec, ...] = ()

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Compute `outs` from `ins`, with `scratch` as working space."""
        raise NotImplementedError

    def bind(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> Callable[[], None]:
        """Return a step that needs no arguments: the kernel with its buffers fixed."""
        return partial(self.run, ins, outs, scratch)

    def native(
        self, ins: Arrays, outs: Arrays, scratch: Arrays, fixed: frozenset[int] = frozenset()
    ) -> list[NativeCall] | None:
        """Return the run as C calls with these buffers fixed, or None where it needs Python.

        Args:
            ins: the operands; their addresses stay.
            outs: the results; their addresses stay.
            scratch: working space as declared; others use it before and after the calls.
            fixed: the operands whose values stay too, so that they may be prepared here once.
        """
        return None

    def condition(self) -> tuple[int, Callable[[Array], object]] | None:
        """Return which operand must be looked at before the C calls, and what looks; or None.

        What looks raises an error where the values are not such that the calls may be made.
        """
        return None


class Reference(Kernel):
    """The body that stands in the function's own class."""

    def __init__(self, call: Call) -> None:
        self.compute = call.function.body(call.device.xp, call.ins)
        self.inplace = bool(call.function.updates)

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Call the reference body; one that updates its operands is handed no outputs."""
        if self.inplace:
            self.compute(*ins)
        else:
            self.compute(*ins, *outs)


@dataclass(frozen=True, slots=True)
class Launch:
    """One computation that took place: the call, the kernel that ran and the arrays."""

    call: Call
    kernel: Kernel
    ins: Arrays
    outs: Arrays


Build = Callable[[Call], "Kernel | None"]

_builders: dict[tuple[type[Function], str], list[Build]] = defaultdict(list)
_provided: dict[str, list[str]] = defaultdict(list)
_awaited: set[str] = set()  # kinds of device whose modules are not imported yet
_chosen: dict[Call, Kernel] = {}
_reasons: dict[Call, list[str]] = {}
_reference_only = False
_generation = 0
_launched = 0
_MOST_CALLS = 20_000


def kernel(function: type[Function], *, on: str) -> Callable[[Build], Build]:
    """Register a builder of fast bodies for a function on a device; the newest is asked first.

    Those of modules that `provide` names count as registered in its order, before all others.
    """

    def register(build: Build) -> Build:
        global _generation
        _generation += 1
        known, own = _builders[function, on], _rank(build, on)
        place = next((i for i, one in enumerate(known) if _rank(one, on) <= own), len(known))
        known.insert(place, build)
        _chosen.clear()
        return build

    return register


def provide(kind: str, *modules: str) -> None:
    """Name modules that register builders for a kind of device, when its first call asks.

    Builders of the last one are asked first, whichever somebody imports before that.
    """
    _provided[kind] += modules
    _awaited.add(kind)


def _rank(build: Build, kind: str) -> int:
    """Return the place of a builder's module among those provided; behind them if it is none."""
    modules, own = _provided.get(kind, ()), f"{build.__module__}."
    found = (i for i, module in enumerate(modules) if own.startswith(f"{module}."))
    return next(found, len(modules))


def _load(kind: str) -> None:
    """Import what is provided for a kind of device; what fails is tried again by the next call."""
    if kind in _awaited:
        for module in _provided[kind]:
            try:
                import_module(module)
            except BaseException:
                _drop_halves(module)
                raise
        _awaited.discard(kind)


def _drop_halves(module: str) -> None:
    """Forget the builders of modules that broke off: the next import registers them again."""
    for builds in _builders.values():
        builds[:] = [
            build
            for build in builds
            if not f"{build.__module__}.".startswith(f"{module}.")
            or build.__module__ in sys.modules
        ]


def builders() -> dict[tuple[type[Function], str], list[Build]]:
    """Return all builders by function and kind of device."""
    for kind in list(_awaited):
        _load(kind)
    return dict(_builders)


def generation() -> int:
    """Return what rises whenever other bodies may be chosen than before."""
    return _generation


def launched() -> int:
    """Return how many launches there were so far; a repeated step counts as one."""
    return _launched


def repeated() -> int:
    """Count a step that is repeated, and return the same."""
    global _launched
    _launched += 1
    return _launched


def forget() -> None:
    """Let all bodies be chosen anew: a setting on which builders depend was changed."""
    global _generation
    _generation += 1
    _chosen.clear()
    _reasons.clear()


def decline(call: Call, reason: str) -> None:
    """Offer no body for a call, and say why; `why_not` tells it."""
    if len(_reasons) >= _MOST_CALLS:
        _reasons.clear()
    told = _reasons.setdefault(call, [])
    if reason not in told:
        told.append(reason)


def why_not(call: Call) -> str:
    """Return why libraries offered no body for a call, where they said so."""
    return "; ".join(_reasons.get(call, ()))


def choose(call: Call) -> Kernel:
    """Return the kernel for a call, decided once: the first offer, or the reference body."""
    chosen = _chosen.get(call)
    if chosen is None:
        if _awaited:
            _load(call.device.kind)
        builds = (
            () if _reference_only else _builders.get((type(call.function), call.device.kind), ())
        )
        offers = (build(call) for build in builds)
        chosen = next((offer for offer in offers if offer is not None), None) or Reference(call)
        if len(_chosen) >= _MOST_CALLS:  # attributes such as slices may never repeat
            _chosen.clear()
        _chosen[call] = chosen
    return chosen


@contextmanager
def only_reference() -> Iterator[None]:
    """Let reference bodies alone compute, inside a `with` block, for comparison."""
    global _reference_only, _generation
    before = _reference_only
    _reference_only = True
    _generation += 1
    _chosen.clear()
    try:
        yield
    finally:
        _reference_only = before
        _generation += 1
        _chosen.clear()


def launch(call: Call, ins: Arrays, outs: Arrays) -> None:
    """Compute: the one door. A tape that listens here misses nothing."""
    global _launched
    device = call.device
    if not device.computes:
        return
    _launched += 1
    if device.entered:
        device.enter()
    chosen = choose(call)
    try:
        chosen.run(ins, outs, device.scratch(chosen.scratch) if chosen.scratch else ())
    except MemoryError as error:
        if isinstance(error, OutOfMemoryError):
            raise
        raise device.exhausted(error, f"what {call.function.name} computes with") from error
    tape = modes.tape()
    if tape is not None:
        tape.append(Launch(call, chosen, ins, outs))


def describe(launched: Any) -> str:
    """Print a launch in one line: function and shapes."""
    call = launched.call
    ins = " ".join(str(spec.shape) for spec in call.ins)
    outs = " ".join(str(spec.shape) for spec in call.outs)
    return f"{call.function!r}: {ins} -> {outs}"
