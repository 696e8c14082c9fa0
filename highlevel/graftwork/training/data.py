"""What the user passed to fit, evaluate or predict -> batches (x, y, sample_weight) on the host.

Arrays are cut into batches; data sets, loaders and generators deliver batches of their own. How
what was passed becomes arrays stands in `host`; copying to a device happens where a batch is used.
"""

from __future__ import annotations

import inspect
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graftgrad.data import Batches, leaves, map_tree, take_rows
from graftgrad.errors import ConfigError, DataError, expect, sentence, warn

from ..data.dataset import Dataset, IndexedDataset
from ..data.py_dataset import PyDataset
from .batch import Batch, Delivered
from .host import check_finite, counted, is_arrays, is_sparse, on_host

PARTS = ("x", "y", "sample_weight")


class Source:
    """Batches for epoch after epoch.

    `steps` is the number of batches in one pass over the data, or None where it is not known.
    """

    steps: int | None = None
    subject: str = "fit"
    text: bool = False  # whether x may hold strings

    def epoch(self, done: int, wanted: int | None) -> Iterator[Batch]:
        """Deliver one pass, or `wanted` batches that go on where the last epoch ended.

        `done` counts the batches since the beginning of the training: order and place are functions
        of it and of the seed alone, so that a training taken up again sees what it would have seen.
        """
        raise NotImplementedError

    def unpacked(self, batch: Any) -> Batch:
        """Return (x, y, sample_weight) of a batch as host arrays; what is not there is None.

        Raises:
            DataError: it has more than three parts, labels or weights are NaN, or elements are no
                numbers.
        """
        parts = batch if isinstance(batch, (tuple, list)) else (batch,)
        expect(1 <= len(parts) <= 3, self.subject,
               "a batch must be x, (x, y) or (x, y, sample_weight)",
               error=DataError, parts=len(parts))  # fmt: skip
        named = zip(PARTS, (*parts, None, None), strict=False)
        x, y, weight = (
            on_host(self.subject, name, part, text=self.text and name == "x")
            for name, part in named
        )
        check_finite(self.subject, "y", y)
        check_finite(self.subject, "sample_weight", weight)
        told = isinstance(batch, (tuple, list))
        return Delivered((x, y, weight), len(parts) if told else 0)


class NumberedSource(Source):
    """Data of known length that can be gone through from any place on."""

    length: int

    def pieces(self, number: int, start: int) -> Iterator[Batch]:
        """Deliver the pass of a number, from batch `start` on."""
        raise NotImplementedError

    def unsteady(self) -> str | None:
        """Say why a sample may not be the same in every pass, or cannot be told; None if it is."""
        return "the data do not say which samples a batch holds"

    def places(self, number: int) -> Iterator[NDArray[np.intp]]:
        """Deliver the numbers of the samples of every batch of a pass, where they are steady."""
        raise NotImplementedError

    def samples(self, numbers: NDArray[np.intp]) -> Batch:
        """Read samples by their numbers, where they are steady."""
        raise NotImplementedError

    def beside(self, numbers: NDArray[np.intp]) -> tuple[Any, Any] | None:
        """Return y and sample_weight of samples where that costs nothing, else None."""
        return None

    def count(self) -> int:
        """Count the samples that have numbers, where they are steady."""
        raise NotImplementedError

    def epoch(self, done: int, wanted: int | None) -> Iterator[Batch]:
        """Deliver one pass, or `wanted` batches that go on where the last epoch ended."""
        if wanted is None:
            return self.pieces(-(-done // self.length), 0)
        return islice(self._endless(done), wanted)

    def _endless(self, done: int) -> Iterator[Batch]:
        first, start = divmod(done, self.length)
        for number in count(first):
            yield from self.pieces(number, start)
            start = 0


class ArraySource(NumberedSource):
    """Arrays in memory, (N, …) each."""

    def __init__(self, arrays: Batch, batch_size: int, seed: int | None) -> None:
        self.batches = Batches(arrays, batch_size, shuffle=seed)
        self.steps = self.length = len(self.batches)

    def pieces(self, number: int, start: int) -> Iterator[Batch]:
        """Deliver the pass of a number, from batch `start` on."""
        return self.batches.batches(number, start)

    def unsteady(self) -> str | None:
        """Arrays are steady."""
        return None

    def places(self, number: int) -> Iterator[NDArray[np.intp]]:
        """Deliver the numbers of the samples of every batch of a pass."""
        order = self.batches.order(number)
        order = np.arange(self.batches.samples) if order is None else order
        return cut(order, self.batches.batch_size, self.length)

    def samples(self, numbers: NDArray[np.intp]) -> Batch:
        """Read samples by their numbers."""
        found: Batch = take_rows(self.batches.arrays, numbers)
        return found

    def beside(self, numbers: NDArray[np.intp]) -> tuple[Any, Any] | None:
        """Return y and sample_weight of samples."""
        _, y, weight = self.batches.arrays
        return take_rows(y, numbers), take_rows(weight, numbers)

    def count(self) -> int:
        """Count the samples."""
        return self.batches.samples


class SparseSource(ArraySource):
    """Arrays, (N, …), some of them sparse matrices: only the rows of a batch are written out."""

    def __init__(self, arrays: Batch, batch_size: int, seed: int | None) -> None:
        samples = counted("fit", x=arrays[0])
        super().__init__((np.arange(samples), None, None), batch_size, seed)
        self.arrays = arrays

    def pieces(self, number: int, start: int) -> Iterator[Batch]:
        """Deliver the pass of a number, from batch `start` on."""
        return (self.samples(numbers) for numbers, _, _ in self.batches.batches(number, start))

    def samples(self, numbers: NDArray[np.intp]) -> Batch:
        """Read samples by their numbers."""
        x = map_tree(lambda one: _written_out(one, numbers), self.arrays[0])
        return x, *self.beside(numbers)

    def beside(self, numbers: NDArray[np.intp]) -> tuple[Any, Any]:
        """Return y and sample_weight of samples."""
        _, y, weight = self.arrays
        return take_rows(y, numbers), take_rows(weight, numbers)


def _written_out(one: Any, numbers: NDArray[np.intp]) -> Any:
    return one[numbers].toarray() if is_sparse(one) else one[numbers]


class DatasetSource(NumberedSource):
    """A data set of known length; which order a pass has is its own affair."""

    def __init__(self, subject: str, dataset: Dataset) -> None:
        self.subject = subject
        self.dataset = dataset
        self.steps = self.length = len(dataset)

    def pieces(self, number: int, start: int) -> Iterator[Batch]:
        """Deliver the pass of a number, from batch `start` on."""
        return map(self.unpacked, self.dataset.batches(number, start))

    def unsteady(self) -> str | None:
        """Say why a sample may not be the same in every pass, or cannot be told."""
        one = self.dataset
        if not isinstance(one, IndexedDataset) or one.batch_size is None:
            return "the data set does not say which samples a batch holds"
        if not one.deterministic:
            return (
                "the data set may bring other samples in every epoch; where what `map` computes is "
                "always the same, say map(…, deterministic=True)"
            )
        return None

    def places(self, number: int) -> Iterator[NDArray[np.intp]]:
        """Deliver the numbers of the samples of every batch of a pass."""
        assert isinstance(self.dataset, IndexedDataset) and self.dataset.batch_size is not None
        return cut(self.dataset.order(number), self.dataset.batch_size, self.length)

    def samples(self, numbers: NDArray[np.intp]) -> Batch:
        """Read samples by their numbers."""
        assert isinstance(self.dataset, IndexedDataset)
        return self.unpacked(self.dataset.source.read(numbers))

    def count(self) -> int:
        """Count the samples of the whole set; a pass may visit fewer."""
        assert isinstance(self.dataset, IndexedDataset)
        return len(self.dataset.source)


class IndexedSource(NumberedSource):
    """Batches by number: an object with a length and `[i]`, as Keras' PyDataset.

    With a seed their order is drawn anew for every pass.
    """

    def __init__(self, subject: str, indexed: Any, seed: int | None) -> None:
        self.subject = subject
        self.indexed = indexed
        self.seed = seed
        self.steps = self.length = batches_of(indexed)
        expect(self.length > 0, subject, "there must be at least one batch", error=DataError,
               batches=0, data=type(indexed).__name__)  # fmt: skip

    def unpacked(self, batch: Any) -> Batch:
        """Return (x, y, sample_weight) of a batch; a lone array is handed on in a tuple."""
        return super().unpacked(batch if isinstance(batch, (tuple, list, dict)) else (batch,))

    def pieces(self, number: int, start: int) -> Iterator[Batch]:
        """Deliver the pass of a number; the data set hears of its end."""
        order: Sequence[int] = range(self.length)
        if self.seed is not None:
            order = np.random.default_rng((self.seed, number)).permutation(self.length).tolist()
        getattr(self.indexed, "on_epoch_begin", lambda: None)()
        workers = int(getattr(self.indexed, "workers", 1))
        if workers > 1:
            yield from self._by_threads(order[start:], workers)
        else:
            for i in order[start:]:
                yield self.unpacked(self.indexed[i])
        getattr(self.indexed, "on_epoch_end", lambda: None)()

    def _by_threads(self, order: Sequence[int], workers: int) -> Iterator[Batch]:
        """Let threads make batches ahead, and deliver them in order."""
        from concurrent.futures import Future, ThreadPoolExecutor  # here: slow to import

        ahead = workers + int(getattr(self.indexed, "max_queue_size", 10))
        waiting: deque[Future[Any]] = deque()
        numbers = iter(order)
        with ThreadPoolExecutor(workers, "graftwork-batches") as pool:
            try:
                for i in islice(numbers, ahead):
                    waiting.append(pool.submit(self.indexed.__getitem__, i))
                while waiting:
                    batch = waiting.popleft().result()
                    for i in islice(numbers, 1):
                        waiting.append(pool.submit(self.indexed.__getitem__, i))
                    yield self.unpacked(batch)
            finally:
                for one in waiting:
                    one.cancel()


class IterableSource(Source):
    """Anything that can be walked again and again and delivers batches: loaders, streams."""

    def __init__(self, subject: str, iterable: Iterable[Any]) -> None:
        self.subject = subject
        self.iterable = iterable
        self.running: Iterator[Any] | None = None
        try:
            self.steps = len(iterable)  # type: ignore[arg-type]
        except TypeError:
            self.steps = None

    def epoch(self, done: int, wanted: int | None) -> Iterator[Batch]:
        """Deliver one pass, or `wanted` batches that go on where the last epoch ended."""
        if wanted is None:
            return map(self.unpacked, self.iterable)
        if done == 0 or self.running is None:
            self.running = self._endless()
        return map(self.unpacked, islice(self.running, wanted))

    def _endless(self) -> Iterator[Any]:
        delivered = True
        while delivered:
            delivered = False
            for batch in self.iterable:
                delivered = True
                yield batch


class GeneratorSource(Source):
    """A generator: what it delivered is gone, so one epoch goes on where the last one stopped."""

    def __init__(self, subject: str, generator: Iterator[Any], steps: int | None) -> None:
        self.subject = subject
        self.generator = generator
        self.steps = steps
        self.delivered = 0

    def epoch(self, done: int, wanted: int | None) -> Iterator[Batch]:
        """Deliver what is left, or `wanted` batches of it; if there are fewer, warn.

        Raises:
            DataError: nothing is left.
        """
        number = 0
        for batch in islice(self.generator, wanted):
            number += 1
            self.delivered += 1
            yield self.unpacked(batch)
        rule = "a generator must deliver the batches of every epoch"
        got: dict[str, object] = {
            "wanted": "one or more" if wanted is None else wanted,
            "in_this_epoch": number,
            "in_all": self.delivered,
        }
        advice = (
            "Let it run for ever and pass steps_per_epoch, or pass a data set that can be walked "
            "again."
        )
        expect(number > 0, self.subject, rule, error=DataError, advice=advice, **got)
        if wanted not in (None, number):
            told = f"The epoch ended early. {advice}"
            warn(sentence(self.subject, rule, got, told))


def batches_of(indexed: Any) -> int:
    """Count the batches of an object with `[i]`, by `num_batches` or its length."""
    counted: Any = indexed.num_batches if isinstance(indexed, PyDataset) else len(indexed)
    return int(counted)


def cut(order: NDArray[np.intp], size: int, batches: int) -> Iterator[NDArray[np.intp]]:
    """Deliver an order of samples in batches, the last one smaller."""
    return (order[i * size : (i + 1) * size] for i in range(batches))


def source_of(
    subject: str,
    x: Any,
    y: Any = None,
    weight: Any = None,
    batch_size: int | None = None,
    steps: int | None = None,
    seed: int | None = None,
    text: bool = False,
) -> Source:
    """Return the batches of what a user passed; with a seed, samples of arrays are shuffled.

    With `text` x may hold strings.

    Raises:
        ConfigError: x is nothing that delivers data, or y accompanies a data set.
        DataError: there are no samples, labels or weights are NaN, or elements are no numbers.
        ShapeError: arrays differ in their number of samples.
    """
    expect(steps is None or (isinstance(steps, int) and steps > 0), subject,
           "the number of steps must be a positive integer",
           error=ConfigError, steps=steps)  # fmt: skip
    if is_arrays(x):
        arrays = host_arrays(subject, x, y, weight, text)
        check_finite(subject, "y", arrays[1])
        check_finite(subject, "sample_weight", arrays[2])
        kind = SparseSource if any(is_sparse(one) for _, one in leaves(arrays[0])) else ArraySource
        size = _size(subject, arrays, steps) if batch_size is None else batch_size
        made: Source = kind(arrays, size, seed)
    else:
        made = _walked(subject, x, y, weight, steps, seed)
    made.text = text
    return made


def _size(subject: str, arrays: Batch, steps: int | None) -> int:
    """Return how many samples make a batch where nobody says so: 32, or a part of an epoch."""
    return 32 if steps is None else -(-counted(subject, x=arrays[0]) // steps)


def _walked(
    subject: str, x: Any, y: Any, weight: Any, steps: int | None, seed: int | None
) -> Source:
    known = hasattr(x, "__iter__") or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))
    if not known or isinstance(x, (str, bytes, os.PathLike)):
        rule = "x must be arrays, a data set, a loader or a generator"
        advice = ""
        if inspect.isgeneratorfunction(x):
            advice = f"Call it: {x.__name__}(), or pass Dataset.from_generator({x.__name__})."
        elif isinstance(x, (str, os.PathLike)):
            advice = (
                "A picture is read by data.images.read(path, image_size=…)[None], a folder of them "
                "by image_dataset_from_directory(path, image_size=…)."
            )
        elif hasattr(x, "__array_interface__"):
            advice = "A picture is one sample: np.asarray(x)[None]."
        raise ConfigError(sentence(subject, rule, {"x": x}, advice))
    expect(y is None and weight is None, subject,
           "y and sample_weight must come out of the data set, not stand beside it",
           error=ConfigError, x=type(x).__name__,
           advice="Let it deliver (x, y) or (x, y, sample_weight).")  # fmt: skip
    if isinstance(x, Dataset) and x.length is not None:
        return DatasetSource(subject, x)
    if isinstance(x, PyDataset):
        endless = x.num_batches is None
        return IterableSource(subject, x) if endless else IndexedSource(subject, x, seed)
    if hasattr(x, "__next__"):
        return GeneratorSource(subject, x, steps)
    if hasattr(x, "__iter__"):
        return IterableSource(subject, x)
    return IndexedSource(subject, x, seed)


def whole_batch(subject: str, x: Any, most: Any, text: bool = False) -> Batch | None:
    """Return arrays of at most `most` samples as the batch they are; None for anything else.

    Raises:
        DataError: there are no samples, or elements are no numbers.
        ShapeError: arrays differ in their number of samples.
    """
    if not isinstance(most, int) or not is_arrays(x):
        return None
    batch = on_host(subject, "x", x, sparse=True, text=text), None, None
    if isinstance(batch[0], np.ndarray) and batch[0].ndim and 0 < len(batch[0]) <= most:
        return batch
    if counted(subject, x=batch[0]) > most:
        return None
    return map_tree(lambda one: one.toarray() if is_sparse(one) else one, batch[0]), None, None


def host_arrays(subject: str, x: Any, y: Any, weight: Any, text: bool = False) -> Batch:
    """Return x, y and sample_weight as host arrays with equally many samples.

    Raises:
        DataError: there are no samples, or elements are no numbers.
        ShapeError: arrays differ in their number of samples.
    """
    x = on_host(subject, "x", x, sparse=True, text=text)
    y, weight = on_host(subject, "y", y), on_host(subject, "sample_weight", weight)
    counted(subject, x=x, y=y, sample_weight=weight)
    return x, y, weight


def split_validation(
    fraction: float, x: Any, y: Any, weight: Any, text: bool = False
) -> tuple[Batch, Batch]:
    """Cut the last `fraction` of the samples off, before any shuffling: (training, validation).

    Raises:
        ConfigError: the fraction is not between 0 and 1, or x is no arrays.
        DataError: one of the parts would be empty.
    """
    expect(isinstance(fraction, (int, float)) and 0 < fraction < 1, "fit",
           "validation_split must lie between 0 and 1", error=ConfigError,
           validation_split=fraction)  # fmt: skip
    expect(is_arrays(x), "fit", "validation_split needs arrays", error=ConfigError,
           x=type(x).__name__, advice="Pass validation_data beside a data set.")  # fmt: skip
    arrays = host_arrays("fit", x, y, weight, text)
    samples = counted("fit", x=arrays[0])
    cut = int(samples * (1 - fraction))  # rounded as Keras does it
    expect(0 < cut < samples, "fit", "validation_split must leave samples on both sides",
           error=DataError, samples=samples, validation_split=fraction)  # fmt: skip
    first: Batch = map_tree(lambda one: one[:cut], arrays)
    second: Batch = map_tree(lambda one: one[cut:], arrays)
    return first, second
