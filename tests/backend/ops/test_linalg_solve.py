import numpy as np
import pytest

import graftgrad
from graftgrad import linalg
from graftgrad.errors import DataError, DTypeError, ShapeError
from graftgrad.ops.operand import cast
from support.case import CaseChecks, Values, case, complex_normal


def regular(*shape, complex_=False):
    """Matrices well away from singular ones."""

    def draw(generator, size):
        x = generator.uniform(-1, 1, size)
        x = x + 1j * generator.uniform(-1, 1, size) if complex_ else x
        return x + 3 * np.eye(size[-1])

    return Values(shape, draw, "complex_regular" if complex_ else "regular")


def triangular(a, b, upper, left=True, unitriangular=False):
    a = np.triu(a) if upper else np.tril(a)
    if unitriangular:
        a = a - np.eye(len(a)) * a + np.eye(len(a))
    return np.linalg.solve(a, b) if left else b @ np.linalg.inv(a)


class TestInverse(CaseChecks):
    CASES = (
        case(linalg.inv, a=regular(3, 3), oracle=np.linalg.inv),
        case(linalg.inv, a=regular(2, 3, 3), oracle=np.linalg.inv),
        case(linalg.inv, a=regular(2, 2, complex_=True), oracle=np.linalg.inv),
        case(linalg.inv, a=regular(0, 2, 2), oracle=np.linalg.inv),
    )


class TestSolve(CaseChecks):
    CASES = (
        case(linalg.solve, a=regular(3, 3), b=(3, 2), oracle=np.linalg.solve),
        case(linalg.solve, a=regular(3, 3), b=(3,), oracle=np.linalg.solve),
        case(linalg.solve, a=regular(2, 1, 3, 3), b=(4, 3, 2), oracle=np.linalg.solve),
        case(linalg.solve, a=regular(2, 3, 3), b=(3,), oracle=np.linalg.solve, label="one_side"),
        case(linalg.solve, a=regular(2, 2, complex_=True), b=(2, 1), oracle=np.linalg.solve),
        case(linalg.solve, a=regular(2, 2), b=complex_normal(2, 1), oracle=np.linalg.solve),
    )


class TestSolveTriangular(CaseChecks):
    CASES = (
        case(linalg.solve_triangular, a=regular(3, 3), b=(3, 2), upper=True, oracle=triangular),
        case(linalg.solve_triangular, a=regular(3, 3), b=(3, 2), upper=False, oracle=triangular),
        case(
            linalg.solve_triangular,
            a=regular(3, 3),
            b=(3, 2),
            upper=False,
            oracle=triangular,
            unitriangular=True,
        ),
        case(
            linalg.solve_triangular,
            a=regular(3, 3),
            b=(2, 3),
            upper=True,
            oracle=triangular,
            left=False,
        ),
        case(
            linalg.solve_triangular,
            a=regular(3, 3, complex_=True),
            b=complex_normal(3, 2),
            upper=True,
            oracle=triangular,
        ),
    )


@pytest.mark.parametrize("upper", [False, True])
def test_blocks_of_a_large_triangle(upper):
    draw = np.random.default_rng(0)
    a = draw.uniform(-0.1, 0.1, (2, 150, 150)) + 2 * np.eye(150)
    b = draw.standard_normal((2, 150, 3))
    y = linalg.solve_triangular(graftgrad.tensor(a), graftgrad.tensor(b), upper=upper)
    np.testing.assert_allclose((np.triu(a) if upper else np.tril(a)) @ y.numpy(), b, atol=1e-12)


@pytest.mark.parametrize("name", ["inv", "solve"])
def test_a_singular_matrix_is_told_with_its_place(name):
    x = np.stack([np.eye(2), np.ones((2, 2))])
    with pytest.raises(DataError) as caught:
        linalg.inv(graftgrad.tensor(x)) if name == "inv" else linalg.solve(
            graftgrad.tensor(x), graftgrad.ones(2, 1, dtype="float64")
        )
    assert str(caught.value) == (
        f"{name}: every matrix must be invertible; got x=(2, 2, 2) float64, at (1,). "
        "Use pinv() or lstsq(), or add a multiple of the identity."
    )
    assert not isinstance(caught.value, np.linalg.LinAlgError)


def test_a_zero_on_the_diagonal():
    with pytest.raises(DataError, match="solve_triangular: no element of the diagonal may be 0"):
        linalg.solve_triangular(graftgrad.zeros(2, 2), graftgrad.ones(2, 1), upper=True)


def test_what_does_not_fit():
    with pytest.raises(ShapeError, match=r"inv: the matrix must be square; got x=\(2, 3\)"):
        linalg.inv(graftgrad.ones(2, 3))
    with pytest.raises(ShapeError, match="inv: a matrix must have at least 2 axes"):
        linalg.inv(graftgrad.ones(2))
    with pytest.raises(ShapeError, match=r"solve: rows of b must be columns of a; got a=\(2, 2\)"):
        linalg.solve(graftgrad.eye(2), graftgrad.ones(3, 1))
    with pytest.raises(DTypeError, match=r"inv: elements .*single or double.*to\('float32'\)"):
        linalg.inv(cast(graftgrad.eye(2), "float16"))


def test_whole_numbers_become_real():
    y = linalg.inv(graftgrad.tensor([[2, 0], [0, 4]]))
    assert y.dtype == "float32"
    assert y.tolist() == [[0.5, 0], [0, 0.25]]
