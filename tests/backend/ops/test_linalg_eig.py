import numpy as np
import pytest

import graftgrad
from graftgrad import linalg, ops
from graftgrad.errors import ConfigError, DataError
from graftgrad.ops.linalg_matrix import adjoint, hermitian_part
from support.case import CaseChecks, case, complex_normal


def symmetric(x):
    return (x + x.conj().swapaxes(-1, -2)) / 2


def eigh(x, UPLO="L"):
    return linalg.eigh(hermitian_part(x), UPLO)


def numpy_eigh(x, UPLO="L"):
    return tuple(np.linalg.eigh(symmetric(x), UPLO))


def eigvalsh(x, UPLO="L"):
    return linalg.eigvalsh(hermitian_part(x), UPLO)


def without_phase(x):
    w, v = eigh(x)
    return w, (v * ops.expand_dims(ops.sin(w), -2)) @ adjoint(v), ops.abs(v)


def numpy_without_phase(x):
    w, v = numpy_eigh(x)
    return w, (v * np.sin(w)[..., None, :]) @ v.conj().swapaxes(-1, -2), np.abs(v)


def moments(x):
    """Functions of all eigenvalues and vectors that depend neither on their order nor phase."""
    w, v = linalg.eig(x)
    cubes = ops.power(ops.abs(v), 3.0)
    return (
        ops.abs(w).sum(-1),
        ops.prod(ops.sin(w), -1),
        (ops.expand_dims(ops.abs(w), -2) * cubes).sum(-1),
    )


def numpy_moments(x):
    w, v = np.linalg.eig(x)
    return (
        np.abs(w).sum(-1),
        np.prod(np.sin(w), -1),
        (np.abs(w)[..., None, :] * np.abs(v) ** 3).sum(-1),
    )


class TestHermitian(CaseChecks):
    CASES = (
        case(eigh, x=(3, 3), oracle=numpy_eigh),
        case(eigh, x=(2, 4, 4), UPLO="U", oracle=numpy_eigh),
        case(without_phase, x=complex_normal(3, 3), oracle=numpy_without_phase),
        case(eigvalsh, x=(2, 3, 3), oracle=lambda x: numpy_eigh(x)[0]),
        case(eigvalsh, x=complex_normal(3, 3), UPLO="U", oracle=lambda x, UPLO: numpy_eigh(x)[0]),
    )


class TestGeneral(CaseChecks):
    CASES = (
        case(moments, x=(3, 3), oracle=numpy_moments),
        case(moments, x=complex_normal(2, 3, 3), oracle=numpy_moments),
        case(
            lambda x: ops.prod(linalg.eigvals(x), -1),
            label="product_of_values",
            x=(4, 4),
            oracle=lambda x: np.linalg.det(x) + 0j,
        ),
    )


def test_eigenvalues_of_real_matrices_are_complex():
    w, v = linalg.eig(graftgrad.tensor([[2.0, 0], [0, 3]]))
    assert w.dtype == v.dtype == "complex64"
    assert w.tolist() == [2, 3]


def test_values_that_coincide_have_a_gradient():
    x = graftgrad.eye(2, dtype="float64").requires_grad_()
    w, v = linalg.eigh(x)
    w.sum().backward(retain_graph=True)
    np.testing.assert_allclose(x.grad.numpy(), np.eye(2))
    (g,) = graftgrad.grad((v[0] * v[1] * graftgrad.tensor([1.0, 2.0])).sum(), x)
    assert not np.isfinite(g.numpy()).all()


def test_one_triangle_is_read_and_the_gradient_is_symmetric():
    x = graftgrad.tensor([[2.0, 9.0], [1.0, 3.0]], requires_grad=True)
    _, v = linalg.eigh(x)
    v.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), x.grad.numpy().T)
    assert not np.allclose(linalg.eigvalsh(x, "U").tolist(), linalg.eigvalsh(x).tolist())


def test_what_cannot_be_had():
    with pytest.raises(ConfigError, match=r"eigh: UPLO must be \"L\" or \"U\"; got UPLO='lower'"):
        linalg.eigh(graftgrad.eye(2), "lower")
    with pytest.raises(DataError, match=r"eig: eigenvalues must converge; got .*NaN"):
        linalg.eig(graftgrad.full((2, 2), np.nan))
