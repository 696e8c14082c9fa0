import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import DataError
from graftgrad.kernels.native import pages
from graftgrad.kernels.native.looking import FEW, quick
from graftgrad.plan import Captured

native = pytest.mark.skipif(not pages.available(), reason=pages.why_not())


class Counted:
    """A check that counts how often it is asked."""

    def __init__(self, low, high):
        self.bounds = low, high
        self.asked = 0

    def __call__(self, array):
        self.asked += 1


def asked(array, low, high):
    check = Counted(low, high)
    quick(check, (array,))()
    return check.asked


@native
@pytest.mark.parametrize("dtype", ["i4", "i8", "u1", "f4"])
def test_python_looks_only_where_a_value_lies_outside(dtype):
    rng = np.random.default_rng(3)
    for _ in range(200):
        low, high = sorted(rng.integers(0 if dtype == "u1" else -60, 60, 2).tolist())
        size = int(rng.integers(1, 40))
        values = rng.integers(low, high + 1, size).astype(dtype)  # real ones may equal `high`
        if dtype != "f4":
            values = np.minimum(values, max(high - 1, low)).astype(dtype)
        if high > low:
            assert asked(values, low, high) == 0
            wrong = values.copy()
            places = [high + 1, high + 40] if dtype == "u1" else [low - 1, high + 1, low - 10**6]
            wrong[rng.integers(size)] = places[rng.integers(len(places))]
            assert asked(wrong, low, high) == 1


@native
def test_the_ends_of_the_bounds():
    whole = np.array([-3, 4], "i8")
    assert asked(whole, -3, 5) == 0
    assert asked(whole, -3, 4) == 1
    assert asked(whole, -2, 5) == 1
    assert asked(np.array([np.iinfo("i8").min, np.iinfo("i8").max]), -3, 5) == 1
    real = np.array([0.25, 0.5, np.nan], "f4")
    assert asked(real, 0.25, 0.5) == 0  # what is no number is not looked at here
    assert asked(real, 0.2500001, 0.5) == 1
    assert asked(real, 0.25, 0.4999999) == 1
    assert asked(np.array([np.inf], "f4"), 0.0, 1.0) == 1


def test_what_does_not_fit_is_looked_at_by_the_check():
    for array in (np.arange(FEW + 1, dtype="i4") * 0, np.zeros((4, 6), "i4")[:, ::2],
                  np.zeros(3, "f8"), np.zeros(0, "i4")):  # fmt: skip
        assert asked(array, 0, 5) == 1
    seen = []
    quick(lambda *arrays: seen.append(len(arrays)), (np.zeros(2), np.zeros(2)))()
    assert seen == [2]


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_a_repeated_step_refuses_indices_outside_and_changes_nothing(dtype):
    table = graftgrad.tensor(np.arange(12, dtype="f4").reshape(4, 3), requires_grad=True)

    def step(indices):
        loss = ops.sum(ops.mul(ops.take(table, indices, 0), 0.5))
        loss.backward()
        with graftgrad.no_grad():
            table.sub_(table.grad)
            table.grad.zero_()
        return loss.detach()

    captured = Captured(step)
    for _ in range(4):
        captured(graftgrad.tensor(np.array([0, -1, 2], dtype)))
    assert captured.replayed
    before, repeated = table.detach().numpy().copy(), captured.replayed
    for wrong in (4, -5):
        with pytest.raises(DataError, match=rf"indices must lie in \[-4, 4\).*index={wrong}"):
            captured(graftgrad.tensor(np.array([0, wrong, 2], dtype)))
        np.testing.assert_array_equal(table.detach().numpy(), before)
    captured(graftgrad.tensor(np.array([3, 3, 3], dtype)))
    assert captured.replayed == repeated + 1
