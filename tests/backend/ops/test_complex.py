import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import DTypeError, ShapeError
from support.case import CaseChecks, case, complex_normal, positive


def as_real(x):
    return np.stack((x.real, x.imag), -1)


class TestRadiusAndAngle(CaseChecks):
    CASES = (
        case(ops.angle, x=complex_normal(2, 3), oracle=np.angle),
        case(ops.angle, x=(2, 3), oracle=np.angle, label="angle_of_real"),
        case(
            ops.polar,
            radius=positive(2, 3),
            phase=(3,),
            single_dtype="complex64",
            oracle=lambda radius, phase: radius * np.exp(1j * phase),
        ),
    )


class TestPairs(CaseChecks):
    CASES = (
        case(ops.view_as_real, x=complex_normal(2, 3), oracle=as_real),
        case(ops.view_as_real, x=complex_normal(), oracle=as_real, label="number"),
        case(
            lambda x: ops.view_as_real(x.T),
            x=complex_normal(2, 3),
            label="turned",
            oracle=lambda x: as_real(x.T),
        ),
        case(
            ops.view_as_complex,
            x=(2, 3, 2),
            single_dtype="complex64",
            oracle=lambda x: x[..., 0] + 1j * x[..., 1],
        ),
    )


def test_both_views_share_memory():
    z = graftgrad.tensor([[1 + 2j, 3 - 1j]])
    pairs = ops.view_as_real(z)
    pairs[0, 1, 0] = 7.0
    assert z.tolist() == [[1 + 2j, 7 - 1j]]
    back = ops.view_as_complex(pairs)
    back[0, 0] = 1j
    assert z.tolist() == [[1j, 7 - 1j]]
    assert z.version == 2


def test_the_gradient_of_an_angle_at_zero_is_zero():
    z = graftgrad.tensor([0, 2j], requires_grad=True)
    ops.angle(z).sum().backward()
    np.testing.assert_array_equal(z.grad.numpy(), [0, -0.5])


def test_what_cannot_be_viewed():
    with pytest.raises(DTypeError, match=r"view_as_real: x must be complex; got x=.*float32"):
        ops.view_as_real(graftgrad.ones(2))
    with pytest.raises(DTypeError, match="view_as_complex: x must be float32 or float64"):
        ops.view_as_complex(graftgrad.ones(2, dtype="int64"))
    with pytest.raises(ShapeError, match=r"last axis must hold two numbers.*got x=\(3,\)"):
        ops.view_as_complex(graftgrad.ones(3))
