import numpy as np
import pytest

import graftgrad
from graftgrad import fft
from graftgrad.errors import ConfigError, DTypeError, ShapeError
from support.case import CaseChecks, attribute, case, complex_normal

NORMS = ("backward", "ortho", "forward")


class TestComplex(CaseChecks):
    CASES = (
        *[case(fft.fft, a=complex_normal(2, 5), norm=norm, oracle=np.fft.fft) for norm in NORMS],
        *[case(fft.ifft, a=complex_normal(2, 4), norm=norm, oracle=np.fft.ifft) for norm in NORMS],
        case(fft.fft, a=(3, 4), axis=0, oracle=np.fft.fft, single_dtype="complex64"),
        case(fft.fft, a=complex_normal(4), n=6, oracle=np.fft.fft),
        case(fft.ifft, a=complex_normal(4, 2), n=3, axis=0, oracle=np.fft.ifft),
        case(fft.fft2, a=complex_normal(2, 3, 4), oracle=np.fft.fft2),
        case(fft.ifft2, a=complex_normal(3, 4), s=attribute((2, 5)), oracle=np.fft.ifft2),
        case(fft.fftn, a=complex_normal(2, 3, 2), oracle=np.fft.fftn),
        case(fft.ifftn, a=complex_normal(2, 3, 2), axes=attribute((0, 2)), norm="ortho",
             oracle=np.fft.ifftn),
    )  # fmt: skip


class TestReal(CaseChecks):
    CASES = (
        *[case(fft.rfft, a=(2, 5), norm=norm, oracle=np.fft.rfft) for norm in NORMS],
        *[case(fft.irfft, a=complex_normal(2, 4), norm=norm, oracle=np.fft.irfft)
          for norm in NORMS],
        case(fft.rfft, a=(6, 2), n=4, axis=0, oracle=np.fft.rfft),
        case(fft.rfft, a=(1,), oracle=np.fft.rfft),
        case(fft.irfft, a=complex_normal(4), n=5, oracle=np.fft.irfft),
        case(fft.irfft, a=complex_normal(3), n=8, oracle=np.fft.irfft),
        case(fft.irfft, a=complex_normal(3), n=1, oracle=np.fft.irfft),
        case(fft.rfft2, a=(2, 3, 4), oracle=np.fft.rfft2),
        case(fft.irfft2, a=complex_normal(3, 3), oracle=np.fft.irfft2),
        case(fft.rfftn, a=(2, 3, 4), s=attribute((2, 6)), axes=attribute((0, 2)), norm="forward",
             oracle=np.fft.rfftn),
        case(fft.irfftn, a=complex_normal(2, 3, 3), s=attribute((3, 2, 5)),
             axes=attribute((0, 1, 2)), oracle=np.fft.irfftn),
        case(fft.hfft, a=complex_normal(4), oracle=np.fft.hfft),
        case(fft.hfft, a=complex_normal(4), n=5, norm="ortho", oracle=np.fft.hfft),
        case(fft.ihfft, a=(2, 6), norm="forward", oracle=np.fft.ihfft),
    )  # fmt: skip


class TestShift(CaseChecks):
    CASES = (
        case(fft.fftshift, x=(5,), oracle=np.fft.fftshift),
        case(fft.fftshift, x=complex_normal(3, 4), oracle=np.fft.fftshift),
        case(fft.ifftshift, x=(3, 4), axes=attribute((1,)), oracle=np.fft.ifftshift),
        case(fft.ifftshift, x=(5,), oracle=np.fft.ifftshift),
    )


@pytest.mark.parametrize("n", [1, 4, 5])
def test_frequencies(n):
    np.testing.assert_allclose(fft.fftfreq(n, 0.5, "float64").numpy(), np.fft.fftfreq(n, 0.5))
    np.testing.assert_allclose(fft.rfftfreq(n, 0.5, "float64").numpy(), np.fft.rfftfreq(n, 0.5))
    assert fft.fftfreq(n).dtype == "float32"


@pytest.mark.parametrize("kind", ["int64", "float16", "bfloat16", "float32"])
def test_single_precision_is_the_least(kind):
    y = fft.fft(graftgrad.ones(4, dtype=kind))
    assert y.dtype == "complex64"
    assert y.tolist() == [4, 0, 0, 0]


def test_what_does_not_fit():
    x = graftgrad.ones(2, 3)
    with pytest.raises(ConfigError, match=r'fft: norm must be "backward".*; got norm=\'unitary\''):
        fft.fft(x, norm="unitary")
    with pytest.raises(ShapeError, match=r"fft: lengths must be positive; got .*lengths=\(0,\)"):
        fft.fft(x, 0)
    with pytest.raises(ShapeError, match="fft2: no axis may be named twice"):
        fft.fft2(x, axes=(0, -2))
    with pytest.raises(ShapeError, match="rfftn: there must be a length for every axis"):
        fft.rfftn(x, (2,), (0, 1))
    with pytest.raises(ShapeError, match=r"irfft: there must be at least one real .*Give n\."):
        fft.irfft(graftgrad.ones(1))
    with pytest.raises(ShapeError, match="rfftn: there must be at least one axis"):
        fft.rfftn(graftgrad.tensor(1.0))
    with pytest.raises(DTypeError, match="Rfft: operands must be real numbers"):
        fft.rfft(x * 1j)
    with pytest.raises(ConfigError, match="fftfreq: n must be positive; got n=0"):
        fft.fftfreq(0)
