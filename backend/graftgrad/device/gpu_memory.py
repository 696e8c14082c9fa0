"""How the memory of a GPU is used, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Usage:
    """How the memory of a device is used, in bytes.

    Attributes:
        allocated: held by arrays of this program.
        reserved: taken from the driver by this program, for arrays and in reserve.
        free: not taken by anybody.
        total: all there is.
    """

    allocated: int
    reserved: int
    free: int
    total: int

    @property
    def spare(self) -> int:
        """What is held in reserve for further arrays."""
        return self.reserved - self.allocated

    @property
    def others(self) -> int:
        """What libraries, the driver and other programs hold."""
        return max(0, self.total - self.free - self.reserved)

    def told(self) -> dict[str, object]:
        """Return who holds what, in words."""
        return {
            "free": readable(self.free),
            "total": readable(self.total),
            "held by arrays": readable(self.allocated),
            "held in reserve": readable(self.spare),
            "held by libraries and other programs": readable(self.others),
        }


class Quantity(str):
    """A number of bytes as it is printed: without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def readable(size: int) -> Quantity:
    """Return a number of bytes in the unit in which it has one to four digits."""
    number, unit = float(size), "bytes"
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if number < 1024 or unit == "TiB":
            break
        number /= 1024
    return Quantity(f"{size} bytes" if unit == "bytes" else f"{number:.2f} {unit}")


def watching(hook: Any) -> Any:
    """Return the class that counts what arrays hold, per device, as a hook of CuPy's pools.

    Args:
        hook: CuPy's class of hooks. They are a thread's own: allocations of others are not seen.
    """

    class Watch(hook):  # type: ignore[misc]
        name = "graftgrad"

        def __init__(self) -> None:
            self.now: dict[int, int] = {}
            self.most: dict[int, int] = {}

        def malloc_postprocess(self, **told: Any) -> None:
            if not told["mem_ptr"]:
                return  # there was not enough
            place = told["device_id"]
            self.now[place] = self.now.get(place, 0) + told["mem_size"]
            self.most[place] = max(self.most.get(place, 0), self.now[place])

        def free_postprocess(self, **told: Any) -> None:
            place = told["device_id"]
            self.now[place] = self.now.get(place, 0) - told["mem_size"]

    return Watch
