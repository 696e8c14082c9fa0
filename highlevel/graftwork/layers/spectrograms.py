"""Layers that show sound as pictures: which frequencies it has when."""

from __future__ import annotations

import math
import warnings
from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, DTypeError, expect
from graftgrad.ops.stft import stft
from graftgrad.spec import is_floating

from ..initializers import STFT
from ..registry import declared, layers, setting
from ..rules import number, one_of, optional, positive_integer
from ..windows import window_of
from .input_spec import InputSpec
from .layer import Layer
from .rules import channel_order

_LEAST = 1e-7  # roots and logarithms are taken of no less
_MEL_FACTOR, _MEL_BREAK = 1127.0, 700.0  # Hz -> mel as the Hidden Markov Model Toolkit has it
_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


@declared(layers)
class STFTSpectrogram(Layer):
    """The frequencies of windows of a signal, by convolutions whose filters can be trained.

    z[n, f, k] = Σ_t w[t] · x[n, f · step + t] · e^(−2πi k t / fft_length)

    Shapes: (N, T, C) -> (N, F, C · K), K = fft_length // 2 + 1; with `expand_dims` (N, F, K, C).
    In mode "stft" K is twice as many: real parts, then imaginary ones. With
    `data_format="channels_first"` (N, C, T) -> (N, C · K, F), with `expand_dims` (N, C, F, K).

    Args:
        mode: "log" of |z|, "magnitude" |z|, "psd" |z|² of both sides, "real", "imag", "angle",
            "stft".
        frame_length: the length of a window.
        frame_step: how far windows are apart; half a window if None.
        fft_length: the period of the lowest frequency; the next power of two if None.
        window: "hann", "hamming", "blackman", "boxcar", or the values themselves, (frame_length,).
        periodic: whether a named window has the period of its length, instead of being symmetric.
        scaling: divide w by √Σ w² ("density"), by Σ |w| ("spectrum"), or None.
        padding: "valid" or "same".
        expand_dims: give channels and frequencies axes of their own.
        data_format: "channels_last" or "channels_first".
    Raises:
        ConfigError: lengths contradict each other.
        DTypeError: the input holds no floating-point numbers.
    """

    mode: str = setting(one_of(*_MODES), default="log")
    frame_length: int = setting(positive_integer, default=256)
    frame_step: Any = setting(optional(positive_integer), default=None)
    fft_length: Any = setting(optional(positive_integer), default=None)
    window: Any = setting(default="hann")
    periodic: bool = setting(default=False)
    scaling: Any = setting(optional(one_of("density", "spectrum")), default="density")
    padding: str = setting(one_of("valid", "same"), default="valid")
    expand_dims: bool = setting(default=False)
    data_format: str = setting(channel_order, default=None)

    input_spec = InputSpec(ndim=3)

    def prepare(self) -> None:
        """Settle step and period."""
        self.prepare_layer()
        expect(self.frame_step is None or self.frame_step <= self.frame_length, "STFTSpectrogram",
               "frame_step must not be greater than frame_length", error=ConfigError,
               frame_step=self.frame_step, frame_length=self.frame_length)  # fmt: skip
        given = self.fft_length
        expect(given is None or given >= self.frame_length, "STFTSpectrogram",
               "fft_length must not be less than frame_length", error=ConfigError,
               fft_length=given, frame_length=self.frame_length)  # fmt: skip
        if given is not None and given & (given - 1):
            warnings.warn(
                f"STFTSpectrogram: fft_length should be a power of two; got {given}.", stacklevel=4
            )
        window_of("STFTSpectrogram", self.window, self.frame_length, self.periodic)
        self.step = self.frame_step or max(self.frame_length // 2, 1)
        self.period = given or 1 << max(self.frame_length - 1, 0).bit_length()

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the filters: cosines, sines, or both."""
        shape = (self.frame_length, 1, self.period // 2 + 1)
        under = (self.window, self.scaling, self.periodic)
        if self.mode != "imag":
            self.real_kernel = self.add_weight(shape, STFT("real", *under), name="real_kernel")
        if self.mode != "real":
            self.imag_kernel = self.add_weight(shape, STFT("imag", *under), name="imag_kernel")

    def call(self, x: Tensor) -> Tensor:
        """Return the spectrogram."""
        expect(is_floating(x.dtype), f'layer "{self.name}"', "the input must hold floating-point "
               "numbers", error=DTypeError, dtype=x.dtype)  # fmt: skip
        signal = ops.swapaxes(x, 1, 2) if self.data_format == "channels_last" else x
        if self.mode in ("real", "imag"):
            return self._laid(self._filtered(signal, getattr(self, f"{self.mode}_kernel")))
        real, imag = (self._filtered(signal, one) for one in (self.real_kernel, self.imag_kernel))
        if self.mode == "angle":
            return self._laid(ops.arctan2(imag, real))
        if self.mode == "stft":
            return self._laid(ops.concatenate([real, imag], -1))
        power = real * real + imag * imag
        if self.mode == "psd":  # all but the first and the last frequency stand for two
            inner = ops.pad(power[..., 1:-1], [(0, 0), (0, 0), (0, 0), (1, 1)])
            return self._laid(power + inner)
        magnitude = self._laid(ops.sqrt(ops.maximum(power, _LEAST)))
        return magnitude if self.mode == "magnitude" else ops.log(ops.maximum(magnitude, _LEAST))

    def _filtered(self, signal: Tensor, kernel: Tensor) -> Tensor:
        """Convolve each channel by itself: (N, C, T) -> (N, C, F, K)."""
        samples, channels, length = signal.shape
        apart = ops.reshape(signal, (samples * channels, length, 1))
        y = ops.conv1d(apart, kernel.to(signal.dtype), strides=self.step, padding=self.padding)
        return ops.reshape(y, (samples, channels, *y.shape[1:]))

    def _laid(self, y: Tensor) -> Tensor:
        """Bring (N, C, F, K) into the order that was asked for."""
        n, c, f, k = y.shape
        if self.data_format == "channels_last":
            if self.expand_dims:
                return ops.transpose(y, (0, 2, 3, 1))
            return ops.reshape(ops.transpose(y, (0, 2, 1, 3)), (n, f, c * k))
        return y if self.expand_dims else ops.reshape(ops.swapaxes(y, 2, 3), (n, c * k, f))


def mel(hertz: Any) -> Any:
    """Bring frequencies to the mel scale: 1127 · ln(1 + hertz / 700)."""
    if isinstance(hertz, Tensor):
        return ops.log(hertz / _MEL_BREAK + 1.0) * _MEL_FACTOR
    return _MEL_FACTOR * math.log(1.0 + hertz / _MEL_BREAK)


def mel_bands(count: int, bins: int, rate: float, low: float, high: float) -> Tensor:
    """Return triangles on the mel scale, (K, M), float64, each 1 at its middle.

    S. Young et al., "The HTK Book": the bands' corners are spread evenly in mel between `low` and
    `high`, and the frequency 0 belongs to none.
    """
    places = mel(graftgrad.linspace(0.0, rate / 2, bins, dtype="float64")[1:]).reshape(-1, 1)
    corners = graftgrad.linspace(mel(low), mel(high), count + 2, dtype="float64").reshape(1, -1)
    left, middle, right = corners[:, :-2], corners[:, 1:-1], corners[:, 2:]
    rising, falling = (places - left) / (middle - left), (right - places) / (right - middle)
    inside = ops.maximum(ops.minimum(rising, falling), 0.0)
    return ops.pad(inside, [(1, 0), (0, 0)])


@declared(layers)
class MelSpectrogram(Layer):
    """The loudness of a signal in bands of the mel scale, by time.

    y[m, f] = 10 · log₁₀ (Σ_k b[k, m] · |z[k, f]|^mag_exp / ref_power), z the transform of window f.

    Shapes: (…, T) -> (…, M, F), F = 1 + ⌊T / sequence_stride⌋.

    Args:
        fft_length: the length of each transform.
        sequence_stride: how far windows are apart.
        sequence_length: the length of a window; `fft_length` if None.
        window: "hann", "hamming", "blackman", "boxcar", the values themselves, or None for ones.
        sampling_rate: samples per second.
        num_mel_bins: how many bands, M.
        min_freq: where they begin, in Hz.
        max_freq: where they end; at half the sampling rate if None.
        power_to_db: tell loudness in decibels; else as it is.
        top_db: how far below the loudest of all the quietest may lie, in decibels.
        mag_exp: 2 for power, 1 for magnitude.
        min_power: logarithms are taken of no less.
        ref_power: what is 0 decibels.
    Raises:
        ConfigError: the window is longer than the transform.
        ShapeError: the signal is too short to be reflected at its ends.
    """

    fft_length: int = setting(positive_integer, default=2048)
    sequence_stride: int = setting(positive_integer, default=512)
    sequence_length: Any = setting(optional(positive_integer), default=None)
    window: Any = setting(default="hann")
    sampling_rate: Any = setting(number, default=16000)
    num_mel_bins: int = setting(positive_integer, default=128)
    min_freq: float = setting(number, default=20.0)
    max_freq: Any = setting(optional(number), default=None)
    power_to_db: bool = setting(default=True)
    top_db: float = setting(number, default=80.0)
    mag_exp: float = setting(number, default=2.0)
    min_power: float = setting(number, default=1e-10)
    ref_power: float = setting(number, default=1.0)

    accepts_integers = False

    def prepare(self) -> None:
        """Settle the window and the bands."""
        self.prepare_layer()
        self.sequence_length = self.sequence_length or self.fft_length
        expect(self.sequence_length <= self.fft_length, "MelSpectrogram", "sequence_length must "
               "not be greater than fft_length", error=ConfigError,
               sequence_length=self.sequence_length, fft_length=self.fft_length)  # fmt: skip
        if self.max_freq is None or self.max_freq == 0:
            self.max_freq = int(self.sampling_rate / 2)
        found = window_of("MelSpectrogram", self.window, self.sequence_length, True)
        self.weights_of_window = graftgrad.tensor(
            [1.0] * self.sequence_length if found is None else found, "float64"
        ).numpy()
        self.bands = mel_bands(
            self.num_mel_bins, self.fft_length // 2 + 1, self.sampling_rate, self.min_freq,
            self.max_freq,
        ).numpy()  # fmt: skip

    def call(self, x: Tensor) -> Tensor:
        """Return the spectrogram."""
        kind = self.compute_dtype if self.compute_dtype == "float64" else "float32"
        x = x.to(kind)
        window = graftgrad.as_tensor(self.weights_of_window, kind, x.device)
        z = stft(x, self.fft_length, self.sequence_stride, self.sequence_length, window)
        size = ops.abs(z)
        power = size if self.mag_exp == 1 else size**self.mag_exp
        bands = graftgrad.as_tensor(self.bands, kind, x.device)
        y = ops.matmul(ops.swapaxes(bands, 0, 1), power)
        if self.power_to_db:
            reference = max(abs(self.ref_power), self.min_power)
            y = ops.log10(ops.maximum(y, self.min_power)) * 10.0 - 10.0 * math.log10(reference)
            y = ops.maximum(y, ops.max(y) - self.top_db)
        return y.to(self.compute_dtype)
