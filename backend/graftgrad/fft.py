"""Fourier transforms under NumPy's names, with gradients of any order; windows and `stft` too.

`stft`, `istft`, `hann_window` and `hamming_window` mean what they do in PyTorch.
"""

from __future__ import annotations

import numpy as np

from .device.base import Device
from .errors import ConfigError, expect
from .ops.fft import (
    fft,
    fft2,
    fftn,
    fftshift,
    hfft,
    ifft,
    ifft2,
    ifftn,
    ifftshift,
    ihfft,
    irfft,
    irfft2,
    irfftn,
    rfft,
    rfft2,
    rfftn,
)
from .ops.stft import istft, stft
from .spec import float32
from .tensor import Tensor, tensor
from .tensor.dispatch import ROOMS

ROOMS["numpy.fft"] = globals()

__all__ = [
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "hamming_window",
    "hann_window",
    "hfft",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfft2",
    "irfftn",
    "istft",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
    "stft",
]


def fftfreq(
    n: int, d: float = 1.0, dtype: object = float32, device: str | Device | None = None
) -> Tensor:
    """Return the frequency of each element of a transform of length n: k / (n · d), signed.

    Args:
        n: the length.
        d: the time between samples.
        dtype: the element type.
        device: where the result lies.

    Raises:
        ConfigError: the length is not positive.
    """
    expect(n > 0, "fftfreq", "n must be positive", error=ConfigError, n=n)
    return tensor(np.fft.fftfreq(n, d), dtype, device)


def rfftfreq(
    n: int, d: float = 1.0, dtype: object = float32, device: str | Device | None = None
) -> Tensor:
    """Return the frequency of each element of `rfft` of length n; arguments as of `fftfreq`."""
    expect(n > 0, "rfftfreq", "n must be positive", error=ConfigError, n=n)
    return tensor(np.fft.rfftfreq(n, d), dtype, device)


def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    dtype: object = float32,
    device: str | Device | None = None,
) -> Tensor:
    """Return a cosine on a pedestal: w[j] = alpha − beta · cos(2πj / n).

    Args:
        window_length: the number of elements.
        periodic: n is the number of elements, as transforms want it; else one less, so that both
            ends are alike.
        alpha: the pedestal.
        beta: the height of the cosine.
        dtype: the element type.
        device: where the result lies.

    Raises:
        ConfigError: the length is not positive.
    """
    expect(window_length > 0, "window", "window_length must be positive", error=ConfigError,
           window_length=window_length)  # fmt: skip
    if window_length == 1:
        return tensor(np.ones(1), dtype, device)
    n = window_length if periodic else window_length - 1
    angles = 2 * np.pi * np.arange(window_length) / n
    return tensor(alpha - beta * np.cos(angles), dtype, device)


def hann_window(
    window_length: int,
    periodic: bool = True,
    dtype: object = float32,
    device: str | Device | None = None,
) -> Tensor:
    """Return a raised cosine: w[j] = (1 − cos(2πj / n)) / 2; arguments as of `hamming_window`."""
    return hamming_window(window_length, periodic, 0.5, 0.5, dtype, device)
