"""Transforms of short pieces of a signal, one after the other, and the signal back from them.

Meaning and argument names are those of PyTorch's functions of the same names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import ConfigError, expect
from ..function import Function, function
from ..spec import Spec, is_complex, real_dtype
from .arithmetic import div, mul, where
from .fft import fft, ifft, irfft, rfft
from .matmul import swapped
from .operand import cast, floating, full_like
from .parts import real
from .shape import broadcast_to, concatenate, flip, pad, sliced

if TYPE_CHECKING:
    from ..tensor import Tensor

_NOTHING = 1e-11  # what PyTorch, too, takes for no window at all


@function
class Frames(Function):
    """Pieces of the last axis, `hop` apart, that may overlap: (…, F, size)."""

    size: int
    hop: int

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        count = (x.shape[-1] - self.size) // self.hop + 1
        return x.shaped(*x.shape[:-1], count, self.size)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        every = xp.lib.stride_tricks.sliding_window_view(x, self.size, -1)
        y[...] = every[..., :: self.hop, :]

    def grad_x(self, gy: Tensor, x_spec: Spec) -> Tensor:
        return OverlapAdd(self.hop, x_spec.shape[-1])(gy)  # type: ignore[no-any-return]


@function
class OverlapAdd(Function):
    """Pieces put back to where they were taken, `hop` apart; what overlaps is added up."""

    hop: int
    length: int

    takes_complex: ClassVar[bool] = True
    stacked: ClassVar[str] = "leading"

    def infer(self, x: Spec) -> Spec:
        return x.shaped(*x.shape[:-2], self.length)

    def compute(self, xp: Any, x: Any, y: Any) -> None:
        y[...] = 0
        for i in range(x.shape[-2]):
            start = i * self.hop
            y[..., start : start + x.shape[-1]] += x[..., i, :]

    def grad_x(self, gy: Tensor, x_spec: Spec) -> Tensor:
        return Frames(x_spec.shape[-1], self.hop)(gy)  # type: ignore[no-any-return]


def stft(
    x: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
) -> Tensor:
    """Transform windows of a signal: y[…, k, f] = Σⱼ w[j] · x[…, f · hop + j] e^(−2πi jk/n_fft).

    Shapes: x (…, T) -> (…, K, F), complex, with K = n_fft // 2 + 1 (n_fft if not `onesided`) and
    F = 1 + ⌊T / hop⌋, or 1 + ⌊(T − n_fft) / hop⌋ if not `center`.

    Args:
        x: the signal.
        n_fft: the length of each transform.
        hop_length: how far windows are apart; n_fft // 4 if None.
        win_length: the length of the window, which stands in the middle; n_fft if None.
        window: (win_length,); ones if None.
        center: fill x up on both sides, so that window f has its middle at f · hop.
        pad_mode: how it is filled up: "reflect" or "constant", with zeros.
        normalized: divide by √n_fft.
        onesided: keep the first half of the frequencies; if None, where signal and window are real.

    Raises:
        ShapeError: the signal is too short, or the window does not fit.
        ConfigError: a length is not positive, or there is no such pad mode.
    """
    x = floating(x)
    hop, shape = _lengths("stft", n_fft, hop_length, win_length, window)
    expect(x.ndim >= 1, "stft", "the signal must have an axis", x=x.spec)
    if center:
        x = _margin(x, n_fft // 2, pad_mode)
    expect(x.shape[-1] >= n_fft, "stft", "the signal must be at least as long as a window",
           x=x.spec, n_fft=n_fft)  # fmt: skip
    pieces: Tensor = Frames(n_fft, hop)(x)
    if window is not None or shape < n_fft:
        pieces = mul(pieces, _window(x, window, shape, n_fft))
    whole = is_complex(pieces.dtype)
    half = not whole if onesided is None else onesided
    expect(not (half and whole), "stft", "complex signals have no one side",
           error=ConfigError, onesided=onesided, x=x.spec)  # fmt: skip
    norm = "ortho" if normalized else "backward"
    return swapped(rfft(pieces, norm=norm) if half else fft(pieces, norm=norm))


def istft(
    x: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """Put a signal together of transformed windows, so that it undoes `stft`.

    y[t] = Σ_f w[t − f · hop] · z[f, t − f · hop] / Σ_f w[t − f · hop]², z the transforms back: the
    signal whose transforms are nearest in the sense of least squares (D. Griffin, J. Lim, "Signal
    estimation from modified short-time Fourier transform", 1984). Samples that no window reaches
    are 0.

    Shapes: x (…, K, F) -> (…, T).

    Args:
        x: the transforms.
        n_fft: the length of each.
        hop_length: how far windows are apart; n_fft // 4 if None.
        win_length: the length of the window, which stands in the middle; n_fft if None.
        window: (win_length,); ones if None.
        center: leave out what `stft` filled up.
        normalized: the transforms were divided by √n_fft.
        onesided: x holds the first half of the frequencies; if None, where K differs from n_fft.
        length: how many samples are returned: cut, or filled up with zeros.
        return_complex: the signal is complex.

    Raises:
        ShapeError: K does not fit n_fft, or the window does not fit.
        ConfigError: a length is not positive, or a one-sided signal is to be complex.
    """
    hop, shape = _lengths("istft", n_fft, hop_length, win_length, window)
    expect(x.ndim >= 2 and x.shape[-1] > 0, "istft",
           "x must have an axis of frequencies and one of windows", x=x.spec)  # fmt: skip
    half = x.shape[-2] != n_fft if onesided is None else onesided
    expect(x.shape[-2] == (n_fft // 2 + 1 if half else n_fft), "istft",
           "there must be n_fft // 2 + 1 frequencies, or n_fft of both sides",
           x=x.spec, n_fft=n_fft, onesided=onesided)  # fmt: skip
    expect(not (half and return_complex), "istft", "complex signals have no one side",
           error=ConfigError, onesided=onesided, return_complex=return_complex)  # fmt: skip
    norm = "ortho" if normalized else "backward"
    turned = swapped(x)
    pieces = irfft(turned, n_fft, norm=norm) if half else ifft(turned, norm=norm)
    pieces = pieces if half or return_complex else real(pieces)
    weights = _window(pieces, window, shape, n_fft)
    total = n_fft + hop * (x.shape[-1] - 1)
    signal: Tensor = OverlapAdd(hop, total)(mul(pieces, weights))
    squares = broadcast_to(mul(weights, weights), (x.shape[-1], n_fft))
    reached: Tensor = OverlapAdd(hop, total)(squares)
    there = reached > _NOTHING
    signal = where(there, div(signal, where(there, reached, full_like(reached, 1))), 0)
    start = n_fft // 2 if center else 0
    stop = total - start if length is None else min(start + length, total)
    signal = sliced(signal, -1, start, stop)
    missing = 0 if length is None else length - signal.shape[-1]
    return pad(signal, [(0, 0)] * (signal.ndim - 1) + [(0, missing)]) if missing else signal


def _lengths(
    subject: str, n_fft: int, hop: int | None, win: int | None, window: Tensor | None
) -> tuple[int, int]:  # fmt: skip
    """Return how far windows are apart and how long they are."""
    apart = n_fft // 4 if hop is None else hop
    long = n_fft if win is None else win
    expect(n_fft > 0 and apart > 0 and 0 < long <= n_fft, subject,
           "n_fft and hop_length must be positive, and win_length at most n_fft",
           error=ConfigError, n_fft=n_fft, hop_length=hop, win_length=win)  # fmt: skip
    if window is not None:
        expect(window.shape == (long,), subject, "the window must have win_length elements",
               window=window.spec, win_length=long)  # fmt: skip
        expect(not is_complex(window.dtype), subject, "the window must be real",
               error=ConfigError, window=window.spec)  # fmt: skip
    return apart, long


def _window(x: Tensor, window: Tensor | None, size: int, n_fft: int) -> Tensor:
    """Return the window in the middle of n_fft elements, of the precision of x."""
    kind = real_dtype(x.dtype)
    made = cast(x.like(np.ones(size)), kind) if window is None else cast(window, kind)
    before = (n_fft - size) // 2
    return pad(made, ((before, n_fft - size - before),)) if size < n_fft else made


def _margin(x: Tensor, size: int, mode: str) -> Tensor:
    """Fill the last axis up on both sides."""
    expect(mode in ("reflect", "constant"), "stft", 'pad_mode must be "reflect" or "constant"',
           error=ConfigError, pad_mode=mode)  # fmt: skip
    if mode == "constant":
        return pad(x, [(0, 0)] * (x.ndim - 1) + [(size, size)])
    last = x.shape[-1]
    expect(last > size, "stft", "the signal must be longer than the margin that mirrors it",
           advice='Take pad_mode="constant" or center=False.', x=x.spec, margin=size)  # fmt: skip
    before = flip(sliced(x, -1, 1, size + 1), -1)
    after = flip(sliced(x, -1, last - size - 1, last - 1), -1)
    return concatenate((before, x, after), -1)
