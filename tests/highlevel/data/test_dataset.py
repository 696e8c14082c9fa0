"""Datasets: epochs, orders, and what map, take, cache and shuffle make of them."""

import threading
import time

import numpy as np
import pytest

from graftgrad.errors import ConfigError, DataError, ShapeError
from graftwork.data import Dataset
from graftwork.data.dataset import IndexedDataset
from graftwork.data.samples import ArraySamples


class CountingSamples:
    """Samples that count how often each was read."""

    def __init__(self, count: int) -> None:
        self.reads = np.zeros(count, dtype=int)

    def __len__(self) -> int:
        return len(self.reads)

    def read(self, indices):
        self.reads[indices] += 1
        return indices.astype(np.float32)[:, None], indices


def together(batches):
    return np.concatenate([batch[1] for batch in batches]).tolist()


def numbered(count=10, **settings):
    return Dataset.from_arrays(np.arange(count) * 1.0, np.arange(count), batch_size=4, **settings)


def test_batches_have_the_parts_that_were_given():
    x, y, weight = np.zeros((5, 2)), np.ones(5), np.full(5, 2.0)
    assert next(iter(Dataset.from_arrays(x))).shape == (5, 2)
    assert [part.shape for part in next(iter(Dataset.from_arrays(x, y)))] == [(5, 2), (5,)]
    parts = next(iter(Dataset.from_arrays(x, y, weight)))
    assert [part[0].tolist() for part in parts] == [[0, 0], 1, 2]
    x_only, nothing, weights = next(iter(Dataset.from_arrays(x, sample_weight=weight)))
    assert nothing is None
    assert len(x_only) == len(weights) == 5


def test_unshuffled_batches_are_views():
    x = np.arange(10)
    assert all(np.shares_memory(batch, x) for batch in Dataset.from_arrays(x, batch_size=3))


def test_every_epoch_has_its_own_order_and_can_be_had_again():
    dataset = numbered(seed=5, shuffle=True)
    first, second = together(dataset), together(dataset)
    assert dataset.epoch == 2
    assert first != second
    assert sorted(first) == sorted(second) == list(range(10))
    again = numbered(seed=5, shuffle=True)
    assert together(again.batches(1)) == second
    assert again.order(1).tolist() == second
    assert together(again.batches(1, start=2)) == second[8:]
    assert again.epoch == 0


def test_the_global_seed_fixes_the_order_where_none_is_given():
    def order():
        np.random.seed(3)  # noqa: NPY002
        return together(numbered(shuffle=True))

    assert order() == order()


def test_length_samples_and_remainder():
    assert (len(numbered()), numbered().samples) == (3, 10)
    dropped = numbered(drop_remainder=True)
    assert (len(dropped), dropped.samples, len(dropped.order(0))) == (2, 8, 8)


def test_without_batches_single_samples_come():
    dataset = Dataset.from_arrays(np.arange(80).reshape(40, 2), np.arange(40), batch_size=None)
    singles = list(dataset)
    assert len(singles) == len(dataset) == 40
    assert singles[35][0].tolist() == [70, 71]
    assert singles[35][1].shape == ()
    assert [int(y) for _, y in dataset.batches(0, start=38)] == [38, 39]


def test_map_sees_batches_and_is_not_called_repeatable_unasked():
    mapped = numbered().map(lambda x, y: (x + 1, y, y * 2))
    x, y, doubled = next(iter(mapped))
    assert (x.tolist(), doubled.tolist()) == ((y + 1).tolist(), (y * 2).tolist())
    assert numbered().deterministic
    assert not mapped.deterministic
    assert numbered().map(lambda x, y: (x, y), deterministic=True).deterministic
    assert next(iter(Dataset.from_arrays(np.arange(4)).map(np.negative))).tolist() == [
        0,
        -1,
        -2,
        -3,
    ]


def test_map_must_return_the_samples_it_was_given():
    with pytest.raises(DataError, match="given=4, returned=2"):
        next(iter(numbered().map(lambda x, y: (x[:2], y[:2]))))
    with pytest.raises(DataError, match="returned=None"):
        next(iter(numbered().map(lambda x, y: None)))


def test_take_keeps_the_first_batches():
    taken = numbered().take(2)
    assert (len(taken), taken.samples) == (2, 8)
    assert together(taken) == taken.order(0).tolist() == list(range(8))
    assert len(numbered().take(9)) == 3
    assert not numbered(shuffle=True, seed=0).take(1).deterministic
    assert numbered(shuffle=True, seed=0).take(3).deterministic


def test_cache_reads_each_sample_once_and_still_shuffles():
    source = CountingSamples(10)
    dataset = IndexedDataset(source, 4, shuffle=True, seed=1, read_ahead=2).cache()
    orders = [together(dataset) for _ in range(3)]
    assert source.reads.tolist() == [1] * 10
    assert orders[0] != orders[1]
    x, y = next(iter(dataset))
    assert x[:, 0].tolist() == y.tolist()


def test_cache_keeps_what_map_drew_at_random():
    generator = np.random.default_rng(0)
    dataset = numbered().map(lambda x, y: (x + generator.random(len(x)), y)).cache()
    assert dataset.deterministic
    first, second = next(iter(dataset)), next(iter(dataset))
    assert np.array_equal(first[0], second[0])


def test_cache_refuses_samples_of_changing_shape():
    dataset = numbered().map(lambda x, y: np.zeros((len(x), len(x)))).cache()
    with pytest.raises(DataError, match=r"first=\(4, 'float64'\), later=\(2, 'float64'\)"):
        list(dataset)


def test_shuffle_after_take_or_cache_shuffles_all_samples():
    dataset = numbered().cache().shuffle(seed=4)
    assert together(dataset) != list(range(10))
    assert sorted(together(dataset)) == list(range(10))


def test_names_survive_every_step():
    source = ArraySamples(np.arange(4))
    paths = ["a", "b", "c", "d"]
    dataset = IndexedDataset(source, 2, class_names=["ant", "bee"], file_paths=paths)
    changed = dataset.map(np.negative).cache().shuffle(1).take(1)
    assert (changed.class_names, changed.file_paths) == (["ant", "bee"], paths)
    batch = next(changed.batches(0))
    assert batch.tolist() == (-changed.order(0)).tolist()


def test_streams_are_produced_anew_each_epoch():
    def numbers():
        for start in range(0, 6, 2):
            yield np.arange(start, start + 2), np.zeros(2)

    stream = Dataset.from_generator(numbers, length=3)
    assert [len(list(stream)) for _ in range(2)] == [3, 3]
    assert len(stream) == 3
    assert next(stream.batches(0, start=2))[0].tolist() == [4, 5]
    assert len(list(stream.take(2))) == len(stream.take(2)) == 2
    assert next(iter(stream.map(lambda x, y: x * 10)))[1] == 10
    assert not stream.deterministic


def test_a_stream_of_unknown_length_says_so():
    stream = Dataset.from_generator(lambda: [np.zeros(2)] * 3)
    assert len(list(stream)) == 3
    assert stream
    assert stream.length is None
    with pytest.raises(TypeError, match="number of batches must be known"):
        len(stream)


@pytest.mark.parametrize("length", [None, 3])
def test_a_cached_stream_is_produced_once(length):
    calls = []

    def numbers():
        calls.append(1)
        return (np.full(2, len(calls)) for _ in range(3))

    stream = Dataset.from_generator(numbers, length=length).cache()
    next(iter(stream))  # an epoch that is given up is not kept
    first = [batch.tolist() for batch in stream]
    assert [batch.tolist() for batch in stream] == first == [[2, 2]] * 3
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Dataset.from_arrays(np.zeros((0, 3))), DataError, r"arrays=\(0, 3\)"),
        (lambda: Dataset.from_arrays(np.zeros(2), np.zeros(3)), ShapeError, r"arrays\[1\]=3"),
        (lambda: numbered(shuffle=True, seed=-1), ConfigError, "seed=-1"),
        (lambda: numbered().take(0), ConfigError, "n=0"),
        (lambda: Dataset.from_arrays(np.zeros(2), batch_size=0), ConfigError, "batch_size=0"),
        (lambda: Dataset.from_generator(iter([1])), ConfigError, "without calling it"),
        (lambda: Dataset.from_generator(list).shuffle(2), ConfigError, "a stream"),
    ],
)
def test_bad_input_is_named(make, error, words):
    with pytest.raises(error, match=words):
        make()


def threads():
    return [one for one in threading.enumerate() if one.name == "graftgrad-prefetch"]


@pytest.mark.parametrize("stream", [False, True])
def test_prefetch_changes_neither_order_nor_values(stream):
    plain = numbered(shuffle=True, seed=3)
    if stream:
        source = plain
        plain = Dataset.from_generator(lambda: source.batches(0))
    ahead = plain.map(lambda x, y: (x + 1, y)).prefetch(3)
    for _ in range(2):
        expected, found = list(plain), list(ahead)
        assert together(found) == together(expected)
        for (x, _), (y, _) in zip(found, expected, strict=True):
            np.testing.assert_array_equal(x, y + 1)
    assert threads() == []


def test_prefetch_works_ahead_of_the_consumer_but_not_further_than_told():
    read, enough = [], threading.Event()

    def noted(x, y):
        read.append(x)
        if len(read) == 3:
            enough.set()
        return x, y

    batches = iter(numbered(40).map(noted).prefetch(2))
    next(batches)
    assert enough.wait(10)  # the one in hand and two ahead
    time.sleep(0.05)
    assert len(read) == 3
    batches.close()
    assert threads() == []


def test_a_failure_ahead_reaches_the_consumer_at_its_place():
    def failing(x, y):
        if 9 in x:
            raise KeyError("the last batch")
        return x, y

    found = []
    with pytest.raises(KeyError, match="the last batch"):
        for batch in numbered().map(failing).prefetch():
            found.append(batch)
    assert len(found) == len(numbered()) - 1
    assert threads() == []


def test_prefetch_survives_the_steps_that_follow_and_zero_ends_it():
    assert numbered().prefetch(4).take(2).shuffle(1).read_ahead == 5  # and the one in hand
    assert numbered().prefetch(4).prefetch(0).read_ahead == 0
    with pytest.raises(ConfigError, match="buffer_size"):
        numbered().prefetch(-1)


def test_batches_answer_to_numpy() -> None:
    x, y = next(iter(Dataset.from_arrays(np.ones((4, 2)), np.arange(4), batch_size=3)))
    assert type(x.numpy()) is np.ndarray and x[0].numpy().tolist() == [1.0, 1.0]
    assert np.shares_memory(y.numpy(), y) and [int(one) for one in y] == [0, 1, 2]
