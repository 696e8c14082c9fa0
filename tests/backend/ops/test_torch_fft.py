"""Values and gradients of Fourier transforms beside PyTorch's."""

import numpy as np
import pytest

import graftgrad
from graftgrad import fft

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.interop

DRAW = np.random.default_rng(5)
X, SIGNAL = DRAW.standard_normal((3, 4, 5)), DRAW.standard_normal((2, 50))
Z = X + 1j * DRAW.standard_normal(X.shape)
ROOM = torch.fft
HANN = {"window": fft.hann_window(12, dtype="float64")}
THEIR_HANN = {"window": torch.hann_window(12, dtype=torch.float64)}

FUNCTIONS = {
    "fft": (lambda x: [fft.fft(x, 7), fft.ifft(x, norm="ortho"), fft.fftn(x, norm="forward")],
            lambda x: [ROOM.fft(x, 7), ROOM.ifft(x, norm="ortho"), ROOM.fftn(x, norm="forward")],
            Z),
    "rfft": (lambda x: [fft.rfft(x), fft.rfft2(x, norm="ortho"), fft.rfftn(x), fft.ihfft(x)],
             lambda x: [ROOM.rfft(x), ROOM.rfft2(x, norm="ortho"), ROOM.rfftn(x), ROOM.ihfft(x)],
             X),
    "irfft": (lambda x: [fft.irfft(x), fft.irfft(x, 7), fft.irfft2(x), fft.irfftn(x), fft.hfft(x)],
              lambda x: [ROOM.irfft(x), ROOM.irfft(x, 7), ROOM.irfft2(x), ROOM.irfftn(x),
                         ROOM.hfft(x)],
              Z),
    "shift": (lambda x: [fft.fftshift(x), fft.ifftshift(x, 1)],
              lambda x: [ROOM.fftshift(x), ROOM.ifftshift(x, 1)], Z),
    "stft": (lambda x: [fft.stft(x, 12, 5, **HANN), fft.stft(x, 8, normalized=True)],
             lambda x: [torch.stft(x, 12, 5, **THEIR_HANN, return_complex=True),
                        torch.stft(x, 8, normalized=True, return_complex=True,
                                   window=torch.ones(8, dtype=torch.float64))],
             SIGNAL),
    "istft": (lambda x: [fft.istft(fft.stft(x, 12, 5, **HANN) ** 2, 12, 5, **HANN, length=47)],
              lambda x: [torch.istft(torch.stft(x, 12, 5, **THEIR_HANN, return_complex=True) ** 2,
                                     12, 5, **THEIR_HANN, length=47)],
              SIGNAL),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients(name):
    ours, theirs, values = FUNCTIONS[name]
    x = graftgrad.tensor(values, requires_grad=True)
    peer = torch.tensor(values, requires_grad=True)
    loss, their_loss = 0, 0
    for y, t in zip(ours(x), theirs(peer), strict=True):
        np.testing.assert_allclose(
            y.detach().numpy(), t.detach().resolve_conj().numpy(), 1e-9, 1e-12
        )
        weight = np.linspace(0.5, 1.5, y.size).reshape(y.shape)
        weight = weight * (1 - 0.5j) if y.dtype == "complex128" else weight
        loss = loss + (y * graftgrad.tensor(weight)).sum().real
        their_loss = their_loss + (t * torch.tensor(weight)).sum().real
    loss.backward()
    their_loss.backward()
    np.testing.assert_allclose(x.grad.numpy(), peer.grad.resolve_conj().numpy(), 1e-9, 1e-12)


@pytest.mark.parametrize("periodic", [True, False])
def test_windows(periodic):
    for name in ("hann_window", "hamming_window"):
        found = getattr(fft, name)(9, periodic, dtype="float64").numpy()
        wanted = getattr(torch, name)(9, periodic, dtype=torch.float64).numpy()
        np.testing.assert_allclose(found, wanted, atol=1e-14)
