import numpy as np
import pytest

import graftgrad
from graftgrad import linalg, ops
from graftgrad.errors import DataError, GradientError, ShapeError
from graftgrad.ops.linalg_matrix import adjoint
from support.case import CaseChecks, Values, case, complex_normal


def svd(a, full_matrices=True):
    return tuple(np.linalg.svd(a, full_matrices))


def values(a):
    return np.linalg.svd(a, compute_uv=False)


def without_phase(a):
    """What does not depend on the signs of vectors, or on their phases."""
    u, s, vh = linalg.svd(a, full_matrices=False)
    scaled = u * ops.expand_dims(ops.sin(s), -2)
    return scaled @ vh, ops.abs(u), ops.real(adjoint(vh) @ vh), s


def numpy_without_phase(a):
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return (u * np.sin(s)[..., None, :]) @ vh, np.abs(u), (vh.conj().swapaxes(-1, -2) @ vh).real, s


def of_rank_two(*shape):
    def draw(generator, size):
        left = generator.standard_normal((*size[:-1], 2))
        return left @ generator.standard_normal((*size[:-2], 2, size[-1]))

    return Values(shape, draw, "rank_two")


def lstsq(a, b):
    y, _, rank, s = np.linalg.lstsq(a, b)
    return y, np.sum((b - a @ y) ** 2, 0), np.asarray(rank), s


class TestSvd(CaseChecks):
    CASES = (
        case(linalg.svd, a=(3, 3), oracle=svd),
        case(linalg.svd, a=(2, 4, 3), full_matrices=False, oracle=svd),
        case(linalg.svd, a=(2, 4), full_matrices=False, oracle=svd),
        case(linalg.svd, a=(2, 4), oracle=svd, gradient=False),
        case(without_phase, a=complex_normal(3, 3), oracle=numpy_without_phase),
        case(without_phase, a=complex_normal(4, 2), oracle=numpy_without_phase),
        case(without_phase, a=complex_normal(2, 4), oracle=numpy_without_phase),
        case(linalg.svdvals, a=(2, 3, 4), oracle=values),
        case(linalg.svdvals, a=complex_normal(4, 3), oracle=values),
        case(
            linalg.svd,
            a=(4, 3),
            compute_uv=False,
            label="values",
            oracle=lambda a, compute_uv: values(a),
        ),
    )


class TestPseudoInverse(CaseChecks):
    CASES = (
        case(linalg.pinv, a=(4, 3), oracle=np.linalg.pinv),
        case(linalg.pinv, a=(2, 3, 4), oracle=np.linalg.pinv),
        case(linalg.pinv, a=complex_normal(3, 2), oracle=np.linalg.pinv),
        case(
            linalg.pinv,
            a=of_rank_two(4, 3),
            rcond=1e-3,
            gradient=False,
            oracle=lambda a, rcond: np.linalg.pinv(a, rcond),
        ),
        case(linalg.lstsq, a=(4, 3), b=(4, 2), oracle=lstsq),
        case(linalg.lstsq, a=(3, 4), b=(3, 2), label="wide", oracle=lstsq),
        case(linalg.lstsq, a=(4, 3), b=(4,), oracle=lstsq),
        case(linalg.lstsq, a=(2, 4, 3), b=(2, 4, 1)),
        case(linalg.matrix_rank, a=(2, 4, 3), oracle=np.linalg.matrix_rank, gradient=False),
        case(
            linalg.matrix_rank,
            a=of_rank_two(4, 3),
            rtol=1e-4,
            gradient=False,
            oracle=lambda a, rtol: np.linalg.matrix_rank(a, rtol=rtol),
        ),
        case(
            linalg.matrix_rank,
            a=complex_normal(3, 3),
            tol=1.0,
            gradient=False,
            oracle=lambda a, tol: np.linalg.matrix_rank(a, tol),
        ),
    )


def test_the_gradient_of_a_pseudo_inverse_along_matrices_of_one_rank():
    draw = np.random.default_rng(0)
    left, right = (graftgrad.tensor(draw.standard_normal(s), requires_grad=True)
                   for s in ((4, 2), (2, 3)))  # fmt: skip
    assert graftgrad.gradcheck(lambda a, b: linalg.pinv(a @ b, 1e-6), (left, right))


def test_values_that_coincide_have_a_gradient():
    x = graftgrad.eye(2, dtype="float64").requires_grad_()
    u, s, vh = linalg.svd(x)
    s.sum().backward(retain_graph=True)
    np.testing.assert_allclose(x.grad.numpy(), np.eye(2))
    (g,) = graftgrad.grad(u[0, 0] * vh[0, 1], x)
    assert not np.isfinite(g.numpy()).all()


def test_added_vectors_have_no_gradient():
    u, _, _ = linalg.svd(graftgrad.ones(3, 2, requires_grad=True))
    with pytest.raises(GradientError, match="full_matrices=True have no derivative; take"):
        u.sum().backward()


def test_what_does_not_converge():
    x = graftgrad.full((2, 2), np.nan)
    for op in (linalg.svd, linalg.svdvals, linalg.pinv, linalg.matrix_rank):
        with pytest.raises(DataError, match=r"singular values must converge; got .*NaN"):
            op(x)
    with pytest.raises(ShapeError, match="svd: a matrix must have at least 2 axes"):
        linalg.svdvals(graftgrad.ones(2))
