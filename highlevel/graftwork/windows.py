"""Windows: weights under which a piece of a signal begins and ends softly."""

from __future__ import annotations

import math
from typing import Any

from graftgrad.errors import ConfigError, expect

# The coefficients of cosines; F. J. Harris, "On the use of windows for harmonic analysis", 1978.
_WINDOWS = {
    "hann": (0.5, -0.5),
    "hamming": (0.54, -0.46),
    "blackman": (0.42, -0.5, 0.08),
    "boxcar": (1.0,),
}


def window_of(subject: str, window: Any, length: int, periodic: bool) -> list[float] | None:
    """Return the values of a window: by name, as they are given, or None for none.

    w[n] = Σⱼ cⱼ cos(2π j n / p), with p the length, or one less where it is symmetric.

    Raises:
        ConfigError: the name is not known, or there is not one value for each sample.
    """
    if window is None:
        return None
    if isinstance(window, str):
        expect(window in _WINDOWS, subject, f"window must be one of {list(_WINDOWS)} or values",
               error=ConfigError, window=window)  # fmt: skip
        if length == 1:
            return [1.0]
        turn = 2 * math.pi / (length if periodic else length - 1)
        terms = list(enumerate(_WINDOWS[window]))
        return [sum(c * math.cos(j * turn * n) for j, c in terms) for n in range(length)]
    values = window.tolist() if hasattr(window, "tolist") else list(window)
    fit = len(values) == length and all(isinstance(one, (int, float)) for one in values)
    expect(fit, subject, "window must hold one number for each sample of a frame",
           error=ConfigError, values=len(values), length=length)  # fmt: skip
    return [float(one) for one in values]
