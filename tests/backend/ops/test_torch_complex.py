"""Values and gradients of functions of complex numbers, beside PyTorch's."""

import numpy as np
import pytest

import graftgrad
from graftgrad import ops

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.interop

DRAW = np.random.default_rng(3)
Z, W = (DRAW.standard_normal((3, 3)) + 1j * DRAW.standard_normal((3, 3)) for _ in range(2))
X = DRAW.standard_normal((3, 3))

FUNCTIONS = {
    "rules": (lambda z, w, x: (z * w - z / w + x * z, ), None),
    "power": (lambda z, w, x: (z**w, z**3, ), None),
    "real operand": (lambda z, w, x: (x * w, x / w, x - z), None),
    "matmul": (lambda z, w, x: (z @ w, z @ ops.cast(x, "complex128")),
               lambda z, w, x: (z @ w, z @ x.to(torch.complex128))),
    "exponential": (lambda z, w, x: (ops.exp(z), ops.log(w), ops.sqrt(z)),
                    lambda z, w, x: (z.exp(), w.log(), z.sqrt())),
    "circular": (lambda z, w, x: (ops.sin(z), ops.cos(w), ops.tanh(z)),
                 lambda z, w, x: (z.sin(), w.cos(), z.tanh())),
    "parts": (lambda z, w, x: (z.real * z.imag, ops.abs(w), ops.angle(w), z.conj()),
              lambda z, w, x: (z.real * z.imag, w.abs(), w.angle(), z.conj())),
    "making": (lambda z, w, x: (ops.polar(ops.abs(z), x), ops.complex(x, z.real)),
               lambda z, w, x: (torch.polar(z.abs(), x), torch.complex(x, z.real))),
    "views": (lambda z, w, x: (ops.view_as_real(z), ops.sign(w)),
              lambda z, w, x: (torch.view_as_real(z), w.sgn())),
    "reductions": (lambda z, w, x: (z.sum(0), z.mean(1), ops.prod(w, 1), ops.cumsum(z, 0)),
                   lambda z, w, x: (z.sum(0), z.mean(1), w.prod(1), z.cumsum(0))),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients(name):
    ours, theirs = FUNCTIONS[name]
    given = [graftgrad.tensor(a, requires_grad=True) for a in (Z, W, X)]
    peers = [torch.tensor(a, requires_grad=True) for a in (Z, W, X)]
    found, wanted = ours(*given), (theirs or ours)(*peers)
    loss, their_loss = 0, 0
    for y, t in zip(found, wanted, strict=True):
        np.testing.assert_allclose(y.detach().numpy(), t.detach().resolve_conj().numpy(), 1e-10)
        weight = np.linspace(0.5, 1.5, y.size).reshape(y.shape)
        weight = weight * (1 - 0.5j) if y.dtype == "complex128" else weight
        loss = loss + (y * graftgrad.tensor(weight)).sum().real
        their_loss = their_loss + (t * torch.tensor(weight)).sum().real
    loss.backward()
    their_loss.backward()
    for x, t in zip(given, peers, strict=True):
        assert (x.grad is None) == (t.grad is None)
        if x.grad is not None:
            np.testing.assert_allclose(x.grad.numpy(), t.grad.resolve_conj().numpy(), 1e-9, 1e-12)
