import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import GradientError, ShapeError
from support.case import CaseChecks, case, integers


class TestUpdates(CaseChecks):
    CASES = (
        case(
            ops.assign,
            target=(2, 3),
            value=(3,),
            oracle=lambda target, value: np.broadcast_to(value, target.shape),
            gradient=False,
            updates=["target"],
        ),
        case(
            ops.assign,
            target=(2, 3),
            value=integers((2, 3), 9),
            oracle=lambda target, value: value,
            gradient=False,
            updates=["target"],
        ),
        case(
            ops.accumulate,
            target=(2, 3),
            value=(2, 1),
            oracle=np.add,
            gradient=False,
            updates=["target"],
        ),
    )


def test_the_operand_itself_comes_back_changed():
    x = graftgrad.zeros(3)
    buffer, before = x.numpy(), x.version
    assert ops.assign(x, graftgrad.tensor([1, 2, 3])) is x
    assert ops.accumulate(x, graftgrad.ones(3)) is x
    np.testing.assert_array_equal(buffer, [2, 3, 4])
    assert x.version == before + 2


def test_views_and_detached_tensors_share_the_version():
    x = graftgrad.zeros(2, 3)
    view, detached, before = x[0], x.detach(), x.version
    view.fill_(1)
    detached[1] = 2
    assert x.version == view.version == detached.version == before + 2
    np.testing.assert_array_equal(x.numpy(), [[1, 1, 1], [2, 2, 2]])


@pytest.mark.parametrize("update", [ops.assign, ops.accumulate])
def test_values_that_do_not_stretch(update):
    x = graftgrad.zeros(3)
    before = x.version
    with pytest.raises(ShapeError, match="must stretch to the target's shape|equal or 1"):
        update(x, graftgrad.zeros(2, 3))
    with pytest.raises(ShapeError, match="must stretch to the target's shape|equal or 1"):
        update(x, graftgrad.zeros(2))
    assert x.version == before


def test_part_of_a_graph_is_not_changed():
    x = graftgrad.ones(3, requires_grad=True)
    for change in (x.zero_, lambda: x.copy_(2), lambda: x.add_(1), lambda: x.__setitem__(0, 1)):
        with pytest.raises(GradientError, match="must not be part of a graph"):
            change()
    np.testing.assert_array_equal(x.detach().numpy(), 1)
    with graftgrad.no_grad():
        x[0] = 5
        x.mul_(2)
    np.testing.assert_array_equal(x.detach().numpy(), [10, 2, 2])


def test_methods_that_change_in_place():
    x = graftgrad.tensor([1.0, 2.0])
    assert x.add_(1).sub_(graftgrad.tensor([0.5, 0.5])).mul_(4).div_(2) is x
    np.testing.assert_array_equal(x.numpy(), [3, 5])
    assert x.fill_(7).tolist() == [7, 7]
    assert x.zero_().tolist() == [0, 0]


def test_an_integer_target_takes_no_fractions_by_accumulation():
    x = graftgrad.zeros(2, dtype="int64")
    with pytest.raises(TypeError):
        ops.accumulate(x, graftgrad.ones(2) * 0.5)
