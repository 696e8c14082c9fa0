"""Sound in WAV files: bytes -> samples, and samples at another rate."""

from __future__ import annotations

import math
import struct

import numpy as np
from numpy.typing import NDArray

from graftgrad.errors import DataError, expect

Samples = NDArray[np.float32]
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_MOST_CHANNELS = 64
_REACH = 24  # zero crossings of the filter on each side
_TAKEN = 1 << 21  # products that are held at once


def decode_wav(data: bytes, subject: str = "decode_wav") -> tuple[Samples, int]:
    """Return the samples of a WAV file, (T, C) from −1 to 1, and how many there are a second.

    Whole numbers of 8, 16, 24 and 32 bits and real numbers of 32 and 64 are known.

    Args:
        data: the whole file.
        subject: whose file it is, for errors.
    Raises:
        DataError: it is no WAV file, is cut off, or holds another kind of samples.
    """
    expect(len(data) >= 12 and data[:4] == b"RIFF" and data[8:12] == b"WAVE", subject,
           "the file must be WAV", error=DataError, begins_with=data[:12])  # fmt: skip
    form: tuple[int, int, int, int] | None = None
    place = 12
    while place + 8 <= len(data):
        name, size = data[place : place + 4], struct.unpack_from("<I", data, place + 4)[0]
        place += 8
        if name == b"fmt ":
            form = _form(data[place : place + size], subject)
        elif name == b"data":
            expect(form is not None, subject, "the form of samples must stand before them",
                   error=DataError, chunk=name)  # fmt: skip
            assert form is not None
            return _samples(data[place : place + size], form, subject), form[2]
        place += size + size % 2
    expect(False, subject, "the file must hold samples", error=DataError, bytes=len(data))
    raise AssertionError


def _form(chunk: bytes, subject: str) -> tuple[int, int, int, int]:
    """Return kind, channels, rate and bits of samples."""
    expect(len(chunk) >= 16, subject, "the form of samples must be whole", error=DataError,
           bytes=len(chunk))  # fmt: skip
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if kind == _EXTENSIBLE and len(chunk) >= 26:
        kind = struct.unpack_from("<H", chunk, 24)[0]
    known = (kind == _PCM and bits in (8, 16, 24, 32)) or (kind == _FLOAT and bits in (32, 64))
    expect(known, subject, "samples must be whole numbers of 8, 16, 24 or 32 bits or real numbers "
           "of 32 or 64", error=DataError, kind=kind, bits=bits)  # fmt: skip
    expect(1 <= channels <= _MOST_CHANNELS and rate > 0, subject,
           f"there must be 1 to {_MOST_CHANNELS} channels and a rate", error=DataError,
           channels=channels, rate=rate)  # fmt: skip
    return kind, channels, rate, bits


def _samples(raw: bytes, form: tuple[int, int, int, int], subject: str) -> Samples:
    kind, channels, _, bits = form
    width = bits // 8
    whole = len(raw) // (width * channels) * (width * channels)
    flat = np.frombuffer(raw, "u1", whole)
    found: NDArray[np.float32]
    if kind == _FLOAT:
        found = flat.view(f"<f{width}").astype(np.float32)
        expect(bool(np.isfinite(found).all()), subject, "samples must be finite", error=DataError,
               bits=bits)  # fmt: skip
    elif bits == 8:
        found = (flat.astype(np.float32) - np.float32(128)) / np.float32(128)
    elif bits == 24:
        wide = np.zeros((whole // 3, 4), "u1")
        wide[:, 1:] = flat.reshape(-1, 3)
        found = (wide.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
    else:
        found = (flat.view(f"<i{width}") / 2.0 ** (bits - 1)).astype(np.float32)
    return found.reshape(-1, channels)


def resampled(samples: Samples, rate: int, wanted: int) -> Samples:
    """Return sound at another rate, (T', C), T' = ⌈T · wanted / rate⌉.

    y[t] = Σ x[k] · c · sinc(c · d) · w(d), d = t · rate / wanted − k, c = min(1, wanted / rate), w
    a Kaiser window: what the new rate cannot hold is left out. Smith, Digital Audio Resampling.

    Args:
        samples: (T, C).
        rate: samples a second now.
        wanted: samples a second in the result.
    """
    if rate == wanted or not len(samples):
        return samples
    share = math.gcd(rate, wanted)
    up, down = wanted // share, rate // share
    count = -(-len(samples) * up // down)
    cut = min(1.0, up / down)
    reach = math.ceil(_REACH / cut)
    padded = np.pad(samples.astype(np.float64), ((reach, reach), (0, 0)))
    near = np.arange(-reach + 1, reach + 1)
    found = np.empty((count, samples.shape[1]), np.float32)
    step = max(1, _TAKEN // len(near))
    for start in range(0, count, step):
        at = np.arange(start, min(start + step, count), dtype=np.int64) * down
        first, rest = at // up, (at % up) / up
        away = rest[:, None] - near
        bell = np.i0(9.0 * np.sqrt(np.clip(1 - (away / reach) ** 2, 0, 1))) / np.i0(9.0)
        weights = cut * np.sinc(cut * away) * bell
        taken = padded[first[:, None] + near + reach]
        found[start : start + len(at)] = np.einsum("tk,tkc->tc", weights, taken)
    return found
