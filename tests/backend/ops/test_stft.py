import numpy as np
import pytest

import graftgrad
from graftgrad import fft
from graftgrad.errors import ConfigError, ShapeError
from support.case import CaseChecks, Values, case, complex_normal


def weights(*shape):
    """A window that is 0 nowhere."""
    return Values(shape, lambda generator, size: generator.uniform(0.5, 1.5, size), "window")


def numpy_stft(x, n_fft, hop_length=None, window=None, center=True, pad_mode="reflect"):
    hop = hop_length or n_fft // 4
    window = np.ones(n_fft) if window is None else window
    window = np.pad(window, ((n_fft - len(window)) // 2, -((len(window) - n_fft) // 2)))
    if center:
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(n_fft // 2, n_fft // 2)], mode=pad_mode)
    starts = range(0, x.shape[-1] - n_fft + 1, hop)
    pieces = np.stack([x[..., i : i + n_fft] * window for i in starts], -1)
    return (np.fft.fft if np.iscomplexobj(x) else np.fft.rfft)(pieces, axis=-2)


def there_and_back(x, **settings):
    extra = {key: settings.pop(key) for key in ("pad_mode",) if key in settings}
    y = fft.stft(x, 8, 2, **settings, **extra)
    whole = x.dtype.kind == "c"
    return fft.istft(y, 8, 2, **settings, length=x.shape[-1], return_complex=whole)


class TestTransform(CaseChecks):
    CASES = (
        case(fft.stft, x=(2, 20), n_fft=8, oracle=numpy_stft, single_dtype="complex64"),
        case(fft.stft, x=(20,), n_fft=8, hop_length=3, window=weights(8), oracle=numpy_stft,
             single_dtype="complex64", label="window"),
        case(fft.stft, x=(11,), n_fft=6, hop_length=5, center=False, oracle=numpy_stft,
             single_dtype="complex64"),
        case(fft.stft, x=complex_normal(9), n_fft=4, pad_mode="constant", oracle=numpy_stft),
        case(lambda x, window: fft.stft(x, 7, 2, 4, window), x=(13,), window=weights(4),
             label="short_window", single_dtype="complex64",
             oracle=lambda x, window: numpy_stft(x, 7, 2, window)),
        case(lambda x: fft.stft(x, 4, normalized=True, onesided=False), x=(6,), label="both_sides",
             single_dtype="complex64", oracle=lambda x: numpy_stft(x + 0j, 4) / 2),
    )  # fmt: skip


class TestBack(CaseChecks):
    CASES = (
        case(there_and_back, x=(2, 21), oracle=lambda x: x),
        case(there_and_back, x=(21,), window=weights(8), label="window",
             oracle=lambda x, window: x),
        case(there_and_back, x=(22,), center=False, label="from_the_edge",
             oracle=lambda x, center: x),
        case(there_and_back, x=(21,), onesided=False, normalized=True, label="both_sides",
             oracle=lambda x, **_: x),
        case(there_and_back, x=complex_normal(21), oracle=lambda x: x),
        case(lambda x: fft.istft(x, 6, 2), x=complex_normal(4, 5), label="any"),
    )  # fmt: skip


def test_what_the_length_asks_for():
    y = fft.stft(graftgrad.ones(12), 4)
    assert y.shape == (3, 13)
    assert fft.istft(y, 4).shape == (12,)
    np.testing.assert_allclose(fft.istft(y, 4, length=5).numpy(), np.ones(5), rtol=1e-6)
    np.testing.assert_allclose(fft.istft(y, 4, length=15).numpy(), [*np.ones(14), 0], rtol=1e-6)


def test_samples_that_no_window_reaches_are_zero():
    window = fft.hann_window(4)
    x = graftgrad.ones(8, requires_grad=True)
    y = fft.istft(fft.stft(x, 4, window=window, center=False), 4, window=window, center=False)
    np.testing.assert_allclose(y.detach().numpy(), [0, 1, 1, 1, 1, 1, 1, 1], rtol=1e-5)
    y.sum().backward()
    assert np.isfinite(x.grad.numpy()).all()


def test_windows():
    for periodic in (True, False):
        n = 5 if periodic else 4
        cosine = np.cos(2 * np.pi * np.arange(5) / n)
        found = fft.hann_window(5, periodic, dtype="float64").numpy()
        np.testing.assert_allclose(found, 0.5 - 0.5 * cosine, atol=1e-15)
        found = fft.hamming_window(5, periodic, dtype="float64").numpy()
        np.testing.assert_allclose(found, 0.54 - 0.46 * cosine, atol=1e-15)
    np.testing.assert_allclose(fft.hann_window(6, False).numpy(), np.hanning(6), atol=1e-7)
    assert fft.hann_window(1).tolist() == [1]


def test_what_does_not_fit():
    x = graftgrad.ones(10)
    for wrong in ({"n_fft": 0}, {"n_fft": 4, "hop_length": 0}, {"n_fft": 4, "win_length": 5}):
        with pytest.raises(ConfigError, match="stft: n_fft and hop_length must be positive, and"):
            fft.stft(x, **wrong)
    with pytest.raises(ShapeError, match=r"the window must have win_length elements; got .*\(3,\)"):
        fft.stft(x, 4, window=graftgrad.ones(3))
    with pytest.raises(ShapeError, match=r"stft: the signal must have an axis; got x=\(\)"):
        fft.stft(x[0], 4)
    with pytest.raises(ShapeError, match=r"istft: x must have an axis of .* windows; got x=\(3, 0"):
        fft.istft(graftgrad.ones(3, 0), 4)
    with pytest.raises(ShapeError, match="at least as long as a window"):
        fft.stft(x, 11, center=False)
    with pytest.raises(ShapeError, match=r"longer than the margin.*pad_mode=\"constant\""):
        fft.stft(x, 20)
    with pytest.raises(ConfigError, match=r"pad_mode must be .*got pad_mode='wrap'"):
        fft.stft(x, 4, pad_mode="wrap")
    with pytest.raises(ConfigError, match="stft: complex signals have no one side"):
        fft.stft(x * 1j, 4, onesided=True)
    with pytest.raises(ConfigError, match="stft: the window must be real"):
        fft.stft(x, 4, window=graftgrad.ones(4) * 1j)
    with pytest.raises(ShapeError, match=r"istft: there must be n_fft // 2 \+ 1 frequencies"):
        fft.istft(graftgrad.ones(4, 2), 4, onesided=True)
    with pytest.raises(ConfigError, match="istft: complex signals have no one side"):
        fft.istft(graftgrad.ones(3, 2), 4, return_complex=True)
    with pytest.raises(ConfigError, match="window: window_length must be positive"):
        fft.hann_window(0)
