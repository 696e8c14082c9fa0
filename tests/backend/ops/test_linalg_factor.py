import numpy as np
import pytest

import graftgrad
from graftgrad import linalg
from graftgrad.errors import ConfigError, DataError, GradientError, ShapeError
from graftgrad.ops.linalg_matrix import adjoint
from graftgrad.ops.triangle import identity
from support.case import CaseChecks, case, complex_normal


def positive(x):
    return x @ adjoint(x) + identity(x, x.shape[-1])


def cholesky(x, upper=False):
    return linalg.cholesky(positive(x), upper=upper)


def numpy_cholesky(x, upper=False):
    lower = np.linalg.cholesky(x @ x.conj().swapaxes(-1, -2) + np.eye(x.shape[-1]))
    return lower.conj().swapaxes(-1, -2) if upper else lower


def qr(a, mode="reduced"):
    return tuple(np.linalg.qr(a, mode)) if mode != "r" else np.linalg.qr(a, mode)


class TestCholesky(CaseChecks):
    CASES = (
        case(cholesky, x=(3, 3), oracle=numpy_cholesky),
        case(cholesky, x=(2, 2, 2), upper=True, oracle=numpy_cholesky),
        case(cholesky, x=complex_normal(3, 3), oracle=numpy_cholesky),
    )


class TestQr(CaseChecks):
    CASES = (
        case(linalg.qr, a=(4, 3), oracle=qr),
        case(linalg.qr, a=(2, 3, 3), oracle=qr),
        case(linalg.qr, a=(2, 4), oracle=qr),
        case(linalg.qr, a=(4, 2), mode="r", oracle=qr),
        case(linalg.qr, a=(2, 4), mode="complete", oracle=qr),
        case(linalg.qr, a=(4, 2), mode="complete", oracle=qr, gradient=False),
        case(linalg.qr, a=complex_normal(3, 2), oracle=qr),
        case(linalg.qr, a=complex_normal(2, 3), oracle=qr),
    )


def product(a):
    p, lower, upper = linalg.lu(a)
    return p @ lower @ upper


def parts(a):
    return linalg.lu(a)[1:]


class TestLu(CaseChecks):
    CASES = (
        case(product, a=(4, 4), oracle=lambda a: a),
        case(parts, a=(2, 3, 3)),
        case(parts, a=(3, 4)),
        case(parts, a=(4, 3)),
        case(parts, a=complex_normal(3, 3)),
        case(product, a=complex_normal(2, 4, 3), oracle=lambda a: a),
    )


def test_pivots_are_the_largest():
    a = np.random.default_rng(1).standard_normal((3, 5, 5))
    p, lower, upper = (x.numpy() for x in linalg.lu(graftgrad.tensor(a)))
    np.testing.assert_allclose(p @ lower @ upper, a, atol=1e-12)
    assert np.abs(lower).max() == 1
    np.testing.assert_array_equal(np.triu(lower, 1), 0)
    np.testing.assert_array_equal(np.tril(upper, -1), 0)
    np.testing.assert_array_equal(p.sum(-1), 1)


def test_a_singular_square_has_factors():
    p, lower, upper = linalg.lu(graftgrad.ones(3, 3))
    assert (p @ lower @ upper).tolist() == np.ones((3, 3)).tolist()


def test_one_triangle_is_read_and_the_gradient_is_symmetric():
    x = graftgrad.tensor([[2.0, 9.0], [1.0, 3.0]], requires_grad=True)
    y = linalg.cholesky(x)
    np.testing.assert_allclose(y.detach().numpy(), np.linalg.cholesky([[2, 1], [1, 3]]), rtol=1e-6)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), x.grad.numpy().T)


def test_what_is_not_positive_definite():
    x = graftgrad.tensor([[[1.0, 0], [0, 1]], [[1, 2], [2, 1]]])
    with pytest.raises(DataError) as caught:
        linalg.cholesky(x)
    assert str(caught.value) == (
        "cholesky: every matrix must be positive definite; got x=(2, 2, 2) float32, at (1,). "
        "Make it symmetric, and add a small multiple of the identity."
    )


def test_added_columns_have_no_gradient():
    x = graftgrad.ones(3, 2, requires_grad=True)
    q, _ = linalg.qr(x, mode="complete")
    assert q.shape == (3, 3)
    with pytest.raises(GradientError, match=r"mode=\"complete\" have no derivative; take"):
        q.sum().backward()


def test_unknown_modes_and_shapes():
    with pytest.raises(ConfigError, match=r"qr: mode must be .*; got mode='raw'"):
        linalg.qr(graftgrad.ones(2, 2), mode="raw")
    with pytest.raises(ShapeError, match="qr: a matrix must have at least 2 axes"):
        linalg.qr(graftgrad.ones(2))
    with pytest.raises(DataError, match="solve_triangular: no element of the diagonal may be 0"):
        linalg.lu(graftgrad.ones(3, 2))
