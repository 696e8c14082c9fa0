"""Batches over host arrays and the thread that works ahead."""

import gc
import threading
import traceback
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftgrad.data import Batches, leaves, map_tree, prefetch, rows
from graftgrad.errors import ConfigError, DataError, ShapeError

sizes = st.integers(1, 60)


def prefetching() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "graftgrad-prefetch"]


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    yield
    assert prefetching() == []


# Batches


@given(sizes, sizes, st.none() | st.integers(0, 2**40) | st.tuples(st.integers(0, 9)))
def test_every_sample_comes_exactly_once_per_epoch(samples, batch_size, shuffle):
    batches = Batches(np.arange(samples), batch_size, shuffle=shuffle)
    for _ in range(3):
        pieces = list(batches)
        assert len(pieces) == len(batches)
        assert sorted(np.concatenate(pieces)) == list(range(samples))
        assert all(len(piece) == batch_size for piece in pieces[:-1])
        assert len(pieces[-1]) == samples - batch_size * (len(pieces) - 1)


@given(sizes, sizes, st.integers(0, 2**40), st.integers(0, 20))
def test_an_order_depends_on_seed_and_epoch_alone(samples, batch_size, seed, epoch):
    data = np.arange(samples)
    first, second = (Batches(data, batch_size, shuffle=(seed, 7)) for _ in range(2))
    list(second)  # what went before changes nothing
    once, again = list(first.batches(epoch)), list(second.batches(epoch))
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
    assert np.array_equal(np.concatenate(once), first.order(epoch))


@given(sizes, sizes, st.integers(0, 70))
def test_an_epoch_can_be_taken_up_in_the_middle(samples, batch_size, start):
    batches = Batches(np.arange(samples), batch_size, shuffle=3)
    rest, whole = list(batches.batches(5, start)), list(batches.batches(5))[start:]
    assert all(np.array_equal(a, b) for a, b in zip(rest, whole, strict=True))


def test_epochs_differ_and_iterating_counts_them():
    batches = Batches(np.arange(50), 50, shuffle=0)
    first, second = next(iter(batches)), next(iter(batches))
    assert not np.array_equal(first, second)
    assert batches.epoch == 2
    assert np.array_equal(next(batches.batches(0)), first)


def test_a_generator_moves_on_with_every_epoch():
    def orders(seed: int) -> list[list[int]]:
        batches = Batches(np.arange(30), 30, shuffle=np.random.default_rng(seed))
        return [next(iter(batches)).tolist() for _ in range(2)]

    assert orders(1) == orders(1)
    assert orders(1)[0] != orders(1)[1]


def test_own_order_gives_views_and_a_shuffled_batch_is_a_copy_of_its_own():
    data = np.arange(20.0).reshape(10, 2)
    assert all(np.shares_memory(batch, data) for batch in Batches(data, 3))
    shuffled = list(Batches(data, 3, shuffle=0))
    assert not any(np.shares_memory(batch, data) for batch in shuffled)
    assert not np.shares_memory(shuffled[0], shuffled[1])


def test_arrays_that_are_not_contiguous_are_shuffled_alike():
    data = np.arange(40).reshape(4, 10).T
    contiguous = Batches(np.ascontiguousarray(data), 3, shuffle=5)
    for a, b in zip(Batches(data, 3, shuffle=5), contiguous, strict=True):
        assert np.array_equal(a, b)


def test_trees_keep_their_form_and_their_rows_together():
    x = {"left": np.arange(10), "right": [np.arange(10) * 2, np.arange(10) * 3]}
    for inputs, label, weight in Batches((x, np.arange(10) * 4, None), 4, shuffle=1):
        assert weight is None
        assert np.array_equal(inputs["left"] * 2, inputs["right"][0])
        assert np.array_equal(inputs["left"] * 3, inputs["right"][1])
        assert np.array_equal(inputs["left"] * 4, label)


def test_leaves_say_how_they_are_reached():
    tree = ({"a": 1, "b": [2, None]}, 3)
    assert dict(leaves(tree, "x")) == {"x[0]['a']": 1, "x[0]['b'][0]": 2, "x[1]": 3}
    assert map_tree(lambda leaf: -leaf, tree) == ({"a": -1, "b": [-2, None]}, -3)


def test_drop_remainder_leaves_full_batches_only():
    assert [len(batch) for batch in Batches(np.arange(10), 4, drop_remainder=True)] == [4, 4]


@pytest.mark.parametrize(
    ("arrays", "settings", "error", "words"),
    [
        ((np.zeros(3), np.zeros(4)), {}, ShapeError, r"arrays\[0\]=3, arrays\[1\]=4"),
        (np.zeros((0, 5)), {}, DataError, r"at least one sample; got arrays=\(0, 5\)"),
        ((1.0, 2.0), {}, DataError, r"arrays\[0\] must be an array .* got value=1.0"),
        ((), {}, DataError, r"at least one array; got arrays=\(\)"),
        (np.zeros(3), {"batch_size": 0}, ConfigError, "batch_size=0"),
        (np.zeros(3), {"batch_size": 2.5}, ConfigError, "batch_size=2.5"),
        (np.zeros(3), {"shuffle": True}, ConfigError, "shuffle=True"),
        (np.zeros(3), {"shuffle": -1}, ConfigError, "shuffle=-1"),
        (np.zeros(3), {"shuffle": ()}, ConfigError, r"shuffle=\(\)"),
        (
            np.zeros(3),
            {"batch_size": 4, "drop_remainder": True},
            DataError,
            "one full batch; .*=3",
        ),
    ],
)
def test_bad_input_is_named(arrays, settings, error, words):
    with pytest.raises(error, match=words):
        Batches(arrays, **settings)


def test_negative_positions_are_refused():
    with pytest.raises(ConfigError, match="start=-1"):
        Batches(np.arange(3)).batches(0, -1)


def test_rows_counts_samples():
    assert rows((np.zeros((3, 2)), {"y": np.zeros(3)})) == 3


# Working ahead


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_prefetch_keeps_order_and_end(depth):
    assert list(prefetch(range(100), depth)) == list(range(100))


def test_nothing_starts_before_the_first_item_is_wanted():
    started = []
    iterator = prefetch((started.append(number) for number in range(3)), 2)
    assert prefetching() == []
    next(iterator)
    assert started
    iterator.close()


def test_the_thread_works_ahead_by_depth_and_no_further():
    made: list[int] = []
    third = threading.Event()

    def numbers() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            if number == 2:
                third.set()
            yield number

    iterator = prefetch(numbers(), 2)
    assert next(iterator) == 0
    assert not third.wait(0.05)
    assert next(iterator) == 1
    assert third.wait(5)
    iterator.close()


def test_a_consumer_that_stops_early_ends_the_thread_and_closes_the_iterable():
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    for _ in prefetch(endless(), 2):
        break
    gc.collect()
    assert closed.is_set()
    assert prefetching() == []


def test_a_failure_arrives_in_its_place_with_its_traceback():
    def failing() -> Iterator[int]:
        yield 1
        raise_in_the_thread()

    def raise_in_the_thread() -> None:
        raise KeyError("broken")

    iterator = prefetch(failing(), 4)
    assert next(iterator) == 1
    with pytest.raises(KeyError, match="broken") as caught:
        next(iterator)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-2:] == ["failing", "raise_in_the_thread"]
    assert next(iterator, None) is None


def test_what_cannot_be_iterated_fails_at_the_consumer():
    with pytest.raises(TypeError, match="not iterable"):
        next(prefetch(3, 1))


def test_the_consumer_alone_keeps_an_item_alive():
    iterator = prefetch((np.zeros(3) for _ in range(5)), 1)
    seen = weakref.ref(next(iterator))
    next(iterator)
    assert seen() is None
    iterator.close()


@pytest.mark.parametrize("depth", [-1, 1.5, True])
def test_a_bad_depth_is_named(depth):
    with pytest.raises(ConfigError, match=f"depth={depth}"):
        prefetch([], depth)
