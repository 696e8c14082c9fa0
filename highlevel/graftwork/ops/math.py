"""Transforms, special functions, segments and distances, under Keras' names."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops
from graftgrad import fft as transforms
from graftgrad.errors import ConfigError, DTypeError, expect

from .operands import as_operand, real_numbers
from .operation import elementwise, op


@op("math", alike=elementwise)
def erf(x: Any) -> Any:
    """Return the error function: 2/√π ∫₀ˣ e^(−t²) dt."""
    return ops.erf(real_numbers(x))


@op("math", alike=elementwise)
def erfc(x: Any) -> Any:
    """Return 1 − erf(x), exact for large x too."""
    return ops.erfc(real_numbers(x))


@op("math", alike=elementwise)
def erfinv(x: Any) -> Any:
    """Return y with erf(y) = x."""
    return ops.erfinv(real_numbers(x))


@op("math", alike=elementwise)
def rsqrt(x: Any) -> Any:
    """Return 1 / √x."""
    return ops.rsqrt(real_numbers(x))


@op("math", 2)
def cdist(x: Any, y: Any) -> Any:
    """Return Euclidean distances between all rows of two matrices, (I, D) and (J, D): (I, J)."""
    return ops.cdist(real_numbers(x), real_numbers(y))


@op("math")
def view_as_complex(x: Any) -> Any:
    """Read the last axis, of size 2, as real and imaginary parts."""
    return ops.view_as_complex(x)


@op("math")
def view_as_real(x: Any) -> Any:
    """Lay real and imaginary parts along a new last axis."""
    return ops.view_as_real(x)


# -- segments ------------------------------------------------------------------------------------


def _segments(subject: str, data: Any, ids: Any, count: Any) -> tuple[Tensor, Tensor, int]:
    ids = ops.cast(as_operand(ids), "int64")
    if count is None:
        count = int(ops.max(ids).item()) + 1
    return data, ids, int(count)


@op("math", 2)
def segment_sum(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    """Add up the rows of each segment; ids outside [0, num_segments) are left out.

    Args:
        data: (N, …).
        segment_ids: which segment a row belongs to, (N).
        num_segments: how many segments there are; one more than the largest id if None.
        sorted: kept for Keras' signature.
    """
    return ops.segment_sum(*_segments("segment_sum", data, segment_ids, num_segments))


@op("math", 2)
def segment_max(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    """Take the largest row elements of each segment; of an empty one, the smallest number."""
    return ops.segment_max(*_segments("segment_max", data, segment_ids, num_segments))


@op("math", 2)
def segment_min(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    """Take the smallest row elements of each segment; of an empty one, the largest number."""
    return ops.segment_min(*_segments("segment_min", data, segment_ids, num_segments))


@op("math", 2)
def segment_prod(
    data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False
) -> Any:
    """Multiply the rows of each segment; an empty one gives 1."""
    return ops.segment_prod(*_segments("segment_prod", data, segment_ids, num_segments))


# -- transforms ----------------------------------------------------------------------------------


def _complex(subject: str, x: Any) -> Tensor:
    expect(isinstance(x, (tuple, list)) and len(x) == 2, subject,
           "x must be real and imaginary parts, two tensors", error=ConfigError,
           x=type(x).__name__)  # fmt: skip
    re, im = (real_numbers(as_operand(one)) for one in x)
    return ops.complex(re, im)


def _parts(y: Tensor) -> tuple[Tensor, Tensor]:
    return ops.real(y), ops.imag(y)


@op("math", listed=True)
def fft(x: Any) -> Any:
    """Transform along the last axis; real and imaginary parts go in and come out."""
    return _parts(transforms.fft(_complex("fft", x)))


@op("math", listed=True)
def fft2(x: Any) -> Any:
    """Transform along the last two axes; real and imaginary parts go in and come out."""
    return _parts(transforms.fft2(_complex("fft2", x)))


@op("math", listed=True)
def ifft2(x: Any) -> Any:
    """Transform back along the last two axes; real and imaginary parts go in and come out."""
    return _parts(transforms.ifft2(_complex("ifft2", x)))


@op("math")
def rfft(x: Any, fft_length: int | None = None) -> Any:
    """Transform a real signal along the last axis: the parts of its first half of frequencies."""
    return _parts(transforms.rfft(real_numbers(x), fft_length))


@op("math", listed=True)
def irfft(x: Any, fft_length: int | None = None) -> Any:
    """Transform the first half of frequencies, given by its parts, back to a real signal."""
    return transforms.irfft(_complex("irfft", x), fft_length)


def _window(subject: str, window: Any, length: int, dtype: Any) -> Tensor | None:
    if window is None:
        return None
    if isinstance(window, str):
        known: dict[str, Any] = {}
        known["hann"], known["hamming"] = transforms.hann_window, transforms.hamming_window
        expect(window in known, subject, "window must be hann, hamming or values",
               error=ConfigError, window=window)  # fmt: skip
        made: Tensor = known[window](length, dtype=dtype)
        return made
    return as_operand(window, dtype)  # type: ignore[no-any-return]


@op("math")
def stft(
    x: Any, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann",
    center: bool = True,
) -> Any:  # fmt: skip
    """Transform windows of a signal: real and imaginary parts, (…, windows, frequencies).

    Raises:
        ConfigError: the transform is shorter than the window, or the window not known.
        DTypeError: the signal is not float32 or float64.
    """
    expect(str(x.dtype) in ("float32", "float64"), "stft", "x must be float32 or float64",
           error=DTypeError, dtype=x.dtype)  # fmt: skip
    expect(fft_length >= sequence_length, "stft", "fft_length must not be below sequence_length",
           error=ConfigError, fft_length=fft_length, sequence_length=sequence_length)  # fmt: skip
    length = fft_length if window is None else sequence_length
    win = _window("stft", window, length, x.dtype)
    y = transforms.stft(x, fft_length, sequence_stride, length, win, center)
    return _parts(ops.swapaxes(y, -1, -2))


@op("math", listed=True)
def istft(
    x: Any, sequence_length: int, sequence_stride: int, fft_length: int, length: int | None = None,
    window: Any = "hann", center: bool = True,
) -> Any:  # fmt: skip
    """Put a signal together from the transforms of its windows, given by their parts.

    Raises:
        ConfigError: the window is not known.
    """
    y = _complex("istft", x)
    wide = fft_length if window is None else sequence_length
    win = _window("istft", window, wide, ops.real(y).dtype)
    return transforms.istft(ops.swapaxes(y, -1, -2), fft_length, sequence_stride, wide,
                            win, center, length=length)  # fmt: skip
