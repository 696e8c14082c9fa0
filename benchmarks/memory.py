"""How much memory this process holds and has held at most, as Linux counts it."""

from __future__ import annotations

from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
PEAK_ONLY = "5"  # what the kernel resets: the highest resident size, nothing else


def _field(name: str) -> int | None:
    try:
        lines = STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return None


def resident() -> int | None:
    """Return the bytes in memory now; None where there is no /proc."""
    return _field("VmRSS")


def peak() -> int | None:
    """Return the most bytes since `forget_peak`; None where there is no /proc."""
    return _field("VmHWM")


def forget_peak() -> bool:
    """Begin to look for the peak anew; tell whether the kernel allows it."""
    try:
        CLEAR.write_text(PEAK_ONLY, encoding="ascii")
    except OSError:
        return False
    return True
