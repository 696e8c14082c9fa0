import gc
import weakref

import numpy as np
import pytest

from graftgrad.kernels.native import team
from graftgrad.plan.picking import LEAST, SETTLED, SharedPick, pick

shared = pytest.mark.skipif(not team.available(2), reason="two threads need two processors")


def batches(rng, array, size, count):
    return [rng.integers(0, len(array), size) for _ in range(count)]


@pytest.mark.parametrize(
    ("shape", "size", "dtype", "lanes"),
    [
        ((500, 784), 32, "f4", True),
        ((300, 7, 5, 11), 129, "f4", True),  # an odd number of rows
        ((90, 40_000), 2, "f4", True),
        ((90, 40_000), 1, "f4", True),  # one thread has no row
        ((500, 784), 32, "f8", False),
        ((500, 784), 16, "f4", False),  # too little to meet for
        ((5000,), LEAST, "i4", False),
    ],
)
@shared
def test_rows_are_those_that_numpy_takes(shape, size, dtype, lanes):
    rng = np.random.default_rng(5)
    array = rng.normal(0, 100, shape).astype(dtype)
    shared = SharedPick()
    target = np.empty((size, *shape[1:]), dtype)
    for numbers in batches(rng, array, size, SETTLED + 12):
        shared(array, numbers, target)
        np.testing.assert_array_equal(target, array[numbers])
        target[...] = 0
    (place,) = shared.known.values()
    assert (place.lanes is not None) is lanes


@shared
def test_another_array_is_picked_from_as_such_and_none_is_kept_alive():
    rng = np.random.default_rng(6)
    shared, target = SharedPick(), np.empty((64, 512), "f4")
    for _ in range(3):
        array = rng.normal(size=(200, 512)).astype("f4")
        for numbers in batches(rng, array, 64, SETTLED + 3):
            shared(array, numbers, target)
            np.testing.assert_array_equal(target, array[numbers])
        told = weakref.ref(array)
        del array
        gc.collect()
        assert told() is None
    assert len(shared.known) == 1


@shared
def test_arrays_with_gaps_are_picked_from_as_they_lie():
    rng = np.random.default_rng(7)
    array = rng.normal(size=(200, 1024)).astype("f4")[:, ::2]
    shared, target = SharedPick(), np.empty((64, 512), "f4")
    for numbers in batches(rng, array, 64, SETTLED + 3):
        shared(array, numbers, target)
        np.testing.assert_array_equal(target, array[numbers])


def test_one_thread_picks_alike():
    array, target = np.arange(12.0).reshape(4, 3), np.empty((2, 3))
    pick(array, np.array([3, 0]), target)
    np.testing.assert_array_equal(target, array[[3, 0]])
