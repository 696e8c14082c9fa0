"""Values and gradients of linear algebra beside PyTorch's."""

import numpy as np
import pytest

import graftgrad
from graftgrad import linalg, ops
from graftgrad.ops.linalg_matrix import adjoint, hermitian_part

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.interop

DRAW = np.random.default_rng(4)
REAL = [DRAW.standard_normal((2, 3, 3)), DRAW.standard_normal((2, 3, 2))]
COMPLEX = [x + 1j * DRAW.standard_normal(x.shape) for x in REAL]


def part(x):
    return (x + x.mH) / 2


def positive(x):
    return x @ x.mH + torch.eye(3, dtype=x.dtype)


def our_positive(x):
    return x @ adjoint(x) + graftgrad.eye(3, dtype=x.dtype)


FUNCTIONS = {
    "inv": (lambda a, b: [linalg.inv(a)], lambda a, b: [torch.linalg.inv(a)]),
    "solve": (lambda a, b: [linalg.solve(a, b)], lambda a, b: [torch.linalg.solve(a, b)]),
    "triangular": (
        lambda a, b: [linalg.solve_triangular(a, b, upper=False)],
        lambda a, b: [torch.linalg.solve_triangular(a, b, upper=False)],
    ),
    "det": (
        lambda a, b: [linalg.det(a), *linalg.slogdet(a)],
        lambda a, b: [torch.linalg.det(a), *torch.linalg.slogdet(a)],
    ),
    "cholesky": (
        lambda a, b: [linalg.cholesky(our_positive(a))],
        lambda a, b: [torch.linalg.cholesky(positive(a))],
    ),
    "qr": (lambda a, b: [*linalg.qr(a), *linalg.qr(b)],
           lambda a, b: [*torch.linalg.qr(a), *torch.linalg.qr(b)]),
    "lu": (lambda a, b: [*linalg.lu(a)[1:], *linalg.lu(b)[1:]],
           lambda a, b: [*torch.linalg.lu(a)[1:], *torch.linalg.lu(b)[1:]]),
    "lu_factor": (
        lambda a, b: [linalg.lu_factor(a)[0], linalg.lu_solve(*linalg.lu_factor(a), b)],
        lambda a, b: [torch.linalg.lu_factor(a)[0],
                      torch.linalg.lu_solve(*torch.linalg.lu_factor(a), b)],
    ),
    "svd": (
        lambda a, b: [ops.abs(x) for x in linalg.svd(b, full_matrices=False)],
        lambda a, b: [x.abs() for x in torch.linalg.svd(b, full_matrices=False)],
    ),
    "eigh": (
        lambda a, b: [ops.abs(x) for x in linalg.eigh(hermitian_part(a))],
        lambda a, b: [x.abs() for x in torch.linalg.eigh(part(a))],
    ),
    "eig": (
        lambda a, b: [ops.abs(linalg.eig(a)[1]).sum(-1), ops.abs(linalg.eigvals(a)).sum(-1)],
        lambda a, b: [torch.linalg.eig(a)[1].abs().sum(-1), torch.linalg.eigvals(a).abs().sum(-1)],
    ),
    "pinv": (lambda a, b: [linalg.pinv(b)], lambda a, b: [torch.linalg.pinv(b)]),
    "lstsq": (lambda a, b: [linalg.lstsq(b, b + 1)[0]],
              lambda a, b: [torch.linalg.lstsq(b, b + 1)[0]]),
    "exp": (lambda a, b: [linalg.matrix_exp(a)], lambda a, b: [torch.linalg.matrix_exp(a)]),
    "norms": (
        lambda a, b: [linalg.matrix_norm(b, ord=p) for p in ("fro", "nuc", 1, 2, np.inf)]
        + [linalg.vector_norm(b, ord=p) for p in (1, 2, 3, np.inf)],
        lambda a, b: [torch.linalg.matrix_norm(b, ord=p) for p in ("fro", "nuc", 1, 2, np.inf)]
        + [torch.linalg.vector_norm(b, ord=p) for p in (1, 2, 3, np.inf)],
    ),
    "cross": (lambda a, b: [linalg.cross(a, a + 1, axis=1)],
              lambda a, b: [torch.linalg.cross(a, a + 1, dim=1)]),
}  # fmt: skip


@pytest.mark.parametrize("arrays", [REAL, COMPLEX], ids=["real", "complex"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients(name, arrays):
    ours, theirs = FUNCTIONS[name]
    given = [graftgrad.tensor(a, requires_grad=True) for a in arrays]
    peers = [torch.tensor(a, requires_grad=True) for a in arrays]
    loss, their_loss = 0, 0
    for y, t in zip(ours(*given), theirs(*peers), strict=True):
        wanted = t.detach().resolve_conj().numpy()
        np.testing.assert_allclose(y.detach().numpy(), wanted, 1e-9, 1e-12)
        if not t.requires_grad:
            continue
        weight = np.linspace(0.5, 1.5, y.size).reshape(y.shape)
        weight = weight * (1 - 0.5j) if y.dtype == "complex128" else weight
        loss = loss + (y * graftgrad.tensor(weight)).sum().real
        their_loss = their_loss + (t * torch.tensor(weight)).sum().real
    loss.backward()
    their_loss.backward()
    for x, t in zip(given, peers, strict=True):
        assert (x.grad is None) == (t.grad is None)
        if x.grad is not None:
            np.testing.assert_allclose(x.grad.numpy(), t.grad.resolve_conj().numpy(), 1e-8, 1e-10)
