"""Device names ("cpu", "meta") and the devices they stand for."""

from __future__ import annotations

from ..errors import DeviceError, expect
from .base import Device
from .cpu import CPU
from .meta import Meta

cpu = CPU()
meta = Meta()

_DEVICES: dict[str, Device] = {"cpu": cpu, "meta": meta}


def device(name: str | Device | None = None) -> Device:
    """Return the device of a name; None is the default device.

    Raises:
        DeviceError: there is no such device.
    """
    if isinstance(name, Device):
        return name
    if name is None:
        return cpu
    expect(
        name in _DEVICES,
        "device",
        f"must be one of {', '.join(_DEVICES)}",
        error=DeviceError,
        device=name,
    )
    return _DEVICES[name]
