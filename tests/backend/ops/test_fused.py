import numpy as np
import pytest

import graftgrad
from graftgrad.errors import GradientError, ShapeError
from graftgrad.ops.activation import Silu
from graftgrad.ops.arithmetic import Add, Mul, Neg
from graftgrad.ops.fused import Fused, fused
from graftgrad.ops.norm import BatchNorm
from graftgrad.ops.rectifier import ReLU
from support.case import CaseChecks, case


def bent_sum(a, b):
    return fused(((Add(), (0, 1)), (ReLU(), (2,)), (Mul(), (3, 0))), (2,), a, b)


def two_results(a, b):
    return fused(((Add(), (0, 1)), (Silu(), (2,)), (Neg(), (3,))), (1, 2), a, b)


def silu(x):
    return x / (1 + np.exp(-x))


class TestFused(CaseChecks):
    CASES = (
        case(bent_sum, a=(2, 3), b=(3,), oracle=lambda a, b: np.maximum(a + b, 0) * a,
             gradient=False),
        case(two_results, a=(4, 3), b=(4, 1), oracle=lambda a, b: (silu(a + b), -silu(a + b)),
             gradient=False),
    )  # fmt: skip


def test_a_result_may_lie_over_an_operand() -> None:
    a = np.arange(4.0)
    steps = ((Neg(), (0,)), (Add(), (0, 1)))
    Fused(steps, (0, 1)).compute(np, a, a, np.empty(4))
    np.testing.assert_array_equal(a, -np.arange(4.0))


@pytest.mark.parametrize(
    ("steps", "kept", "told"),
    [
        (((Neg(), (1,)),), (0,), "a step may read operands and what comes before it"),
        (((Neg(), (0,)),), (), "at least one step must be kept"),
        (((Neg(), (0,)),), (1,), "at least one step must be kept"),
        (((BatchNorm(0.1), (0, 1, 1)),), (0,), "a step must have one result"),
    ],
)
def test_a_run_that_cannot_be(steps, kept, told) -> None:
    x = graftgrad.ones(2, 3)
    with pytest.raises(ShapeError, match=told):
        fused(steps, kept, x) if len(steps[0][1]) == 1 else fused(steps, kept, x, x[0])


def test_no_gradient_flows_back() -> None:
    x = graftgrad.ones(3, requires_grad=True)
    y = fused(((Neg(), (0,)),), (0,), x)
    with pytest.raises(GradientError, match="whose gradients were taken before"):
        y.sum().backward()
