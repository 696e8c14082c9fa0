"""Compiles CUDA C++ with NVRTC, through CuPy, and launches it on the current stream.

CuPy keeps what is compiled on disk, for each text, option and device. Nothing here allocates memory
on the device or waits for it, so launches can be recorded into a graph once they are compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from ...device.foreign import imported

if TYPE_CHECKING:
    from .launches import Launch

OPTIONS = ("-std=c++17",)
SEPARATE = "--fmad=false"  # a product and a sum are rounded one after the other


@cache
def _cupy() -> Any:
    return imported("cupy")


def told() -> str:
    """Return what compiles the kernels."""
    return "compiled by NVRTC {}.{}".format(*_cupy().cuda.nvrtc.getVersion())


def options(fmad: bool) -> tuple[str, ...]:
    """Return what NVRTC is told."""
    return OPTIONS if fmad else (*OPTIONS, SEPARATE)


@cache
def compiled(source: str, name: str, fmad: bool) -> Any:
    """Return the entry of a text; it is compiled when a device first launches it."""
    return _cupy().RawKernel(source, name, options=options(fmad), backend="nvrtc")


def launch(one: Launch, arrays: Sequence[Any]) -> None:
    """Launch a kernel on the current stream of the current device."""
    compiled(one.source, one.name, one.fmad)(one.grid, one.block, arguments(one, arrays))


def bound(launches: Sequence[Launch], arrays: Sequence[Any]) -> Callable[[], None]:
    """Compile launches now and return a step that makes them with these arrays."""
    steps = []
    for one in launches:
        entry = compiled(one.source, one.name, one.fmad).kernel  # that of the current device
        steps.append(partial(entry, one.grid, one.block, arguments(one, arrays)))
    if len(steps) == 1:
        return steps[0]

    def run() -> None:
        for step in steps:
            step()

    return run


def arguments(one: Launch, arrays: Sequence[Any]) -> tuple[Any, ...]:
    """Return what an entry is called with: arrays in the place of their numbers."""
    return tuple([arrays[part] if type(part) is int else part for part in one.arguments])
