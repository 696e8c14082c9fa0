"""Names of devices ("cpu", "gpu", "gpu:1", "meta") and the devices they stand for; the default one.

Nothing is opened at import. CuPy is imported when the first tensor is made, and only where it is
installed and the driver of a GPU is there.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import sys
from functools import cache

from .. import modes
from ..errors import DeviceError, expect, sentence
from .base import Device
from .cpu import CPU
from .foreign import imported, in_one_line
from .gpu import GPU
from .meta import Meta

VARIABLE = "GRAFTWORK_DEVICE"
INSTALL = "pip install 'graftwork[gpu]'"

cpu = CPU()
meta = Meta()

_DEVICES: dict[str, Device] = {"cpu": cpu, "cpu:0": cpu, "meta": meta}
_ON_GPU = re.compile(r"(?:gpu|cuda)(?::(\d+))?", re.IGNORECASE)


def device(name: str | Device | None = None) -> Device:
    """Return the device of a name; None is the default device.

    The names are "cpu", "meta" (shapes without values), "gpu" and, where there are several,
    "gpu:0", "gpu:1", …; "cuda" says the same as "gpu". What is returned is a context manager too:

        with device("gpu:1"):
            ...  # tensors are made there, if no device is named

    The default is the innermost of these; outside of them, the device that the environment variable
    GRAFTWORK_DEVICE names, else the first GPU if there is one, else the CPU.

    Raises:
        DeviceError: there is no such device.
    """
    if name is None:
        devices = modes.state.devices
        return devices[-1] if devices else _default or default_device()
    if isinstance(name, Device):
        return name
    return _DEVICES.get(name) or _named(name)


def is_name(target: object) -> bool:
    """Tell whether something is the name of a device, there or not: no element type has one."""
    return isinstance(target, str) and (target in _DEVICES or bool(_ON_GPU.fullmatch(target)))


_default: Device | None = None


def default_device() -> Device:
    """Return the device where tensors are made outside of every `with`; it is found once."""
    global _default
    if _default is None:
        told = os.environ.get(VARIABLE, "").strip()
        if told:
            _default = _DEVICES.get(told) or _named(told, f"{VARIABLE}={told}: ")
        else:
            _default = _named("gpu") if gpu_count() else cpu
    return _default


def _named(name: str, told: str = "") -> Device:
    """Return the device of a name that was not asked for before."""
    found = _ON_GPU.fullmatch(name) if isinstance(name, str) else None
    subject = f"{told}device"
    expect(found is not None, subject,
           'must be "cpu", "gpu", "gpu:1" and so on, or "meta"; "cuda" says the same as "gpu"',
           error=DeviceError, device=name)  # fmt: skip
    assert found is not None
    absent = missing()
    if absent:
        raise DeviceError(
            sentence(
                subject,
                "there must be an NVIDIA GPU with its driver, and CuPy",
                {"device": name, "found": absent},
                f"Install CuPy with {INSTALL} (with a driver for CUDA 12: [gpu12]), "
                "or compute on device 'cpu'.",
            )
        )
    index, count = int(found[1] or 0), gpu_count()
    expect(index < count, subject, "the number must be that of a GPU, counted from 0",
           error=DeviceError, device=name, gpus=count)  # fmt: skip
    made = _DEVICES.setdefault(f"gpu:{index}", GPU(index))
    _DEVICES[name] = made
    return made


def gpu_count() -> int:
    """Count the GPUs that can be computed with."""
    return _search()[0]


def opened_gpus() -> list[GPU]:
    """Return the GPUs that this program has asked for, each once."""
    return [one for name, one in _DEVICES.items() if isinstance(one, GPU) and name == str(one)]


def missing() -> str:
    """Say why there is no GPU to compute with; an empty string where there is one."""
    return _search()[1]


@cache
def _search() -> tuple[int, str]:
    """Count GPUs; look for what is cheap to find first, so that CuPy is not imported in vain."""
    if importlib.util.find_spec("cupy") is None:
        return 0, "no CuPy"
    if not _driver():
        return 0, "no driver of an NVIDIA GPU"
    try:
        count = int(imported("cupy").cuda.runtime.getDeviceCount())
    except Exception as failure:  # a driver that is too old shows itself in many ways
        return 0, f"no GPU that CuPy can use ({in_one_line(failure)})"
    return count, "" if count else "no GPU"


def _driver() -> bool:
    """Tell whether the driver's library is there."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
