import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ShapeError
from graftgrad.ops.rounding import Round
from support.case import CaseChecks, between, case, integers

HALVES = np.array([[-2.5, -1.5, -0.5], [0.5, 1.5, 2.5]])


def flat(op, oracle, **given):
    return case(op, oracle=oracle, gradient=False, **given)


class TestRounding(CaseChecks):
    CASES = (
        *[
            flat(getattr(ops, name), getattr(np, name), x=x)
            for name in ("floor", "ceil", "trunc", "rint", "round")
            for x in (between((3, 4), -9, 9), HALVES)
        ],
        flat(ops.round, np.round, x=between((5,), -9, 9), decimals=2),
        flat(ops.round, np.round, x=between((5,), -999, 999), decimals=-2),
        flat(ops.round, np.round, x=np.array([15, 25, -15, 149, 151]), decimals=-1),
        flat(ops.floor, np.floor, x=integers((3,), 9)),
    )


class TestRemainders(CaseChecks):
    CASES = (
        case(ops.fmod, a=np.array([7.5, -7.5, 3.2]), b=np.array([2.0, 2.0, -1.5]), oracle=np.fmod),
        case(ops.fmod, a=integers((2, 3), 20, -20), b=integers((3,), 5, 1), oracle=np.fmod),
        case(
            ops.divmod,
            a=np.array([7.5, -7.5, 3.2]),
            b=np.array([2.0, 2.0, -1.5]),
            oracle=np.divmod,
        ),
        case(ops.modf, x=np.array([1.25, -1.25, 3.5]), oracle=np.modf),
    )


def test_a_way_that_does_not_exist():
    with pytest.raises(ShapeError, match=r"round: must be one of .*got way='up'"):
        Round("up")(graftgrad.ones(2))
