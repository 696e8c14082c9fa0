"""GPUs under the names of `torch.cuda`: whether there are any, what they are, who holds memory.

Whatever takes a device takes an index, a name or a device; None is the default GPU: the innermost
`with device(…)`, else the first.
"""

from __future__ import annotations

from dataclasses import asdict

from . import modes
from .device import find
from .device.base import Device
from .device.gpu import GPU
from .device.gpu_memory import Usage, readable
from .errors import DeviceError, OutOfMemoryError, expect
from .kernels.tf32 import allow as allow_tf32
from .kernels.tf32 import allowed as is_tf32_allowed

__all__ = [
    "OutOfMemoryError",
    "allow_tf32",
    "current_device",
    "device_count",
    "empty_cache",
    "get_device_capability",
    "get_device_name",
    "is_available",
    "is_tf32_allowed",
    "max_memory_allocated",
    "mem_get_info",
    "memory_allocated",
    "memory_reserved",
    "memory_stats",
    "memory_summary",
    "reset_peak_memory_stats",
    "synchronize",
]

Place = int | str | Device | None


def is_available() -> bool:
    """Tell whether there is a GPU on which tensors can live."""
    return find.gpu_count() > 0


def device_count() -> int:
    """Count the GPUs on which tensors can live."""
    return find.gpu_count()


def current_device() -> int:
    """Return the index of the default GPU.

    Raises:
        DeviceError: there is none.
    """
    return _gpu(None).index


def get_device_name(device: Place = None) -> str:
    """Return what the maker calls a GPU.

    Raises:
        DeviceError: there is no such GPU.
    """
    return _gpu(device).title


def get_device_capability(device: Place = None) -> tuple[int, int]:
    """Return the compute capability of a GPU, for example (9, 0).

    Raises:
        DeviceError: there is no such GPU.
    """
    return _gpu(device).capability


def synchronize(device: Place = None) -> None:
    """Wait until everything that was launched on a GPU has been computed.

    Raises:
        DeviceError: there is no such GPU.
    """
    _gpu(device).synchronize()


def empty_cache() -> None:
    """Give memory that is held in reserve back to the driver; nothing where no GPU is used."""
    for place in find.opened_gpus():
        place.trim()


def memory_allocated(device: Place = None) -> int:
    """Count the bytes that arrays of this program hold on a GPU; 0 where it uses none."""
    return _usage(device).allocated


def memory_reserved(device: Place = None) -> int:
    """Count the bytes taken from the driver, for arrays and in reserve; 0 where none are."""
    return _usage(device).reserved


def max_memory_allocated(device: Place = None) -> int:
    """Count the bytes that arrays held at most since `reset_peak_memory_stats`.

    Counting costs a little at every allocation, so it begins with the first call of either.

    Raises:
        DeviceError: there is no such GPU.
    """
    return _gpu(device).peak()


def reset_peak_memory_stats(device: Place = None) -> None:
    """Begin to count anew what `max_memory_allocated` tells.

    Raises:
        DeviceError: there is no such GPU.
    """
    _gpu(device).peak(reset=True)


def mem_get_info(device: Place = None) -> tuple[int, int]:
    """Return the bytes that are free on a GPU, and all it has.

    Raises:
        DeviceError: there is no such GPU.
    """
    usage = _gpu(device).usage()
    return usage.free, usage.total


def memory_stats(device: Place = None) -> dict[str, int]:
    """Return how the memory of a GPU is used, in bytes: allocated, reserved, free, total.

    Raises:
        DeviceError: there is no such GPU.
    """
    return asdict(_gpu(device).usage())


def memory_summary(device: Place = None) -> str:
    """Return how the memory of a GPU is used, as lines to be printed.

    Raises:
        DeviceError: there is no such GPU.
    """
    place = _gpu(device)
    usage = place.usage()
    rows = {"total": readable(usage.total), **usage.told()}  # all there is comes first
    lines = [f"  {name:36}  {size}" for name, size in rows.items()]
    return "\n".join([f"{place} {place.title}", *lines])


def _usage(device: Place) -> Usage:
    """Return how memory is used; nothing is where there is no GPU, as PyTorch says."""
    if device is None and not find.opened_gpus():
        return Usage(0, 0, 0, 0)
    return _gpu(device).usage()


def _gpu(device: Place) -> GPU:
    if device is None:
        inner = [one for one in modes.state.devices if isinstance(one, GPU)]
        device = inner[-1] if inner else "gpu"
    index = isinstance(device, int) and not isinstance(device, bool)
    place = find.device(f"gpu:{device}" if index else device)  # type: ignore[arg-type]
    expect(isinstance(place, GPU), "cuda", "the device must be a GPU", error=DeviceError,
           device=str(place))  # fmt: skip
    assert isinstance(place, GPU)
    return place
