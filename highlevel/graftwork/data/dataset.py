"""Datasets: batches of host arrays that can be gone through again and again, epoch by epoch.

Where samples come from stands in `samples` and `image_folder`; training makes tensors of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graftgrad.data import Batches, Tree, map_tree, positive_integer
from graftgrad.data import prefetch as ahead
from graftgrad.errors import ConfigError, expect, sentence
from graftwork.data.samples import ArraySamples, CachedSamples, MappedSamples, Samples, apply

READ_AT_ONCE = 32  # samples, where a dataset delivers them one by one
SEEDS = 10**6


class HostBatch(np.ndarray[Any, Any]):
    """An array of a batch, which scripts written for other datasets ask for `.numpy()`."""

    def numpy(self) -> NDArray[Any]:
        """Return the plain array, sharing memory."""
        return self.view(np.ndarray)


def _shown(batches: Iterator[Tree]) -> Iterator[Tree]:
    try:
        for batch in batches:
            yield map_tree(lambda x: x.view(HostBatch) if type(x) is np.ndarray else x, batch)
    finally:
        close = getattr(batches, "close", None)
        if close is not None:  # a thread that reads ahead ends now, and not when memory is freed
            close()


class Dataset(ABC):
    """Batches x, (x, y) or (x, y, sample_weight) of host arrays, as often as they are wanted.

    Going through a dataset delivers the epoch whose number stands in `epoch` and raises that number
    by one. `batches(epoch, start)` delivers any epoch by its number, from any batch on, without
    moving `epoch`: that is how an interrupted training is resumed.

    Attributes:
        batch_size: samples per batch; None delivers single samples without a batch axis.
        deterministic: every epoch brings the same samples (their order may differ), so that what
            is computed from them alone may be kept between epochs.
        class_names: the names of the classes 0, 1, …, or None.
        file_paths: the file of every sample, by the sample's number, or None.
        samples: the number of samples, or None where it is not known.
    """

    batch_size: int | None = None
    deterministic: bool = False
    class_names: list[str] | None = None
    file_paths: list[str] | None = None
    samples: int | None = None
    epoch: int = 0

    @staticmethod
    def from_arrays(
        x: Tree,
        y: Tree = None,
        sample_weight: Tree = None,
        *,
        batch_size: int | None = 32,
        shuffle: bool = False,
        seed: int | None = None,
        drop_remainder: bool = False,
    ) -> IndexedDataset:
        """Make a dataset of arrays, or tuples, lists or dictionaries of arrays, (N, …) each.

        Raises:
            DataError: there is no sample.
            ShapeError: the arrays differ in their number of samples.
        """
        parts = (x, y, sample_weight)
        given = 3 if sample_weight is not None else 2 if y is not None else 1
        return IndexedDataset(
            ArraySamples(x if given == 1 else parts[:given]),
            batch_size,
            shuffle=shuffle,
            seed=seed,
            drop_remainder=drop_remainder,
        )

    @staticmethod
    def from_generator(
        function: Callable[[], Iterable[Tree]],
        *,
        length: int | None = None,
        deterministic: bool = False,
        class_names: Sequence[str] | None = None,
    ) -> StreamDataset:
        """Make a dataset of a function that returns a new iterable of batches for every epoch."""
        return StreamDataset(
            function, length=length, deterministic=deterministic, class_names=class_names
        )

    @abstractmethod
    def batches(self, epoch: int, start: int = 0) -> Iterator[Tree]:
        """Deliver an epoch by its number, from batch `start` on."""

    @property
    @abstractmethod
    def length(self) -> int | None:
        """The number of batches of an epoch, or None where it is not known."""

    @abstractmethod
    def map(self, function: Callable[..., Any], deterministic: bool = False) -> Dataset:
        """Send every batch through `function(x)`, `function(x, y)` or `function(x, y, weight)`.

        The function sees whole batches, with the samples along the first axis, and returns an array
        or a tuple. With `deterministic` you promise that it gives equal results for equal samples.
        """

    @abstractmethod
    def take(self, n: int) -> Dataset:
        """Keep the first `n` batches of every epoch."""

    @abstractmethod
    def cache(self) -> Dataset:
        """Keep in memory what has been read once; what `map` drew at random is kept as well."""

    @abstractmethod
    def shuffle(self, seed: int | None = None) -> Dataset:
        """Visit the samples in a new order every epoch, drawn from (seed, epoch)."""

    @abstractmethod
    def prefetch(self, buffer_size: int = 2) -> Dataset:
        """Let a thread prepare up to `buffer_size` batches while the consumer works; 0 means none.

        What is read and mapped, and in which order, stays the same: there is one thread. A failure
        in it reaches the consumer at its place; the thread ends with the epoch, or when the
        consumer stops.
        """

    def order(self, epoch: int) -> NDArray[np.intp] | None:
        """Say the numbers of the samples in the order an epoch visits them; None if unknown."""
        return None

    def __iter__(self) -> Iterator[Tree]:
        """Deliver the next epoch."""
        epoch, self.epoch = self.epoch, self.epoch + 1
        return _shown(self.batches(epoch))

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        if self.length is None:
            # Python asks that an unknown length be a TypeError: list(dataset) relies on it
            rule = "the number of batches must be known"
            raise TypeError(sentence("dataset", rule, {"length": None}, "Say length=…."))
        return self.length

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        told = {"samples": self.samples, "batch_size": self.batch_size, "batches": self.length}
        told |= {"classes": None if self.class_names is None else len(self.class_names)}
        known = ", ".join(f"{name}={value}" for name, value in told.items() if value is not None)
        return f"<{type(self).__name__}{f' {known}' if known else ''}>"


class IndexedDataset(Dataset):
    """A dataset whose samples have numbers and can be read in any order.

    With `shuffle` the order is drawn anew every epoch from (seed, epoch); without a seed one is
    drawn from numpy's global generator, which `numpy.random.seed` and `set_random_seed` fix.
    `read_ahead` batches are prepared by a thread while the consumer works.
    """

    def __init__(
        self,
        source: Samples,
        batch_size: int | None = 32,
        *,
        shuffle: bool = False,
        seed: int | None = None,
        drop_remainder: bool = False,
        deterministic: bool = True,
        class_names: Sequence[str] | None = None,
        file_paths: Sequence[str] | None = None,
        read_ahead: int = 0,
        limit: int | None = None,
    ) -> None:
        self.source = source
        self.batch_size = batch_size
        self.seed = seed_or_draw(seed) if shuffle else None
        self.drop_remainder = drop_remainder
        self.deterministic = deterministic
        self.class_names = None if class_names is None else list(class_names)
        self.file_paths = None if file_paths is None else list(file_paths)
        self.read_ahead = read_ahead
        self.limit = limit
        self.indices = Batches(
            np.arange(len(source), dtype=np.intp),
            1 if batch_size is None else positive_integer("dataset", "batch_size", batch_size),
            shuffle=self.seed,
            drop_remainder=drop_remainder,
        )
        self.samples = self._visited()

    @property
    def length(self) -> int:
        """The number of batches of an epoch."""
        return len(self.indices) if self.limit is None else min(self.limit, len(self.indices))

    def order(self, epoch: int) -> NDArray[np.intp]:
        """Say the numbers of the samples in the order an epoch visits them.

        `numpy.array(dataset.file_paths)[dataset.order(epoch)]` names the file of every row.
        """
        order = self.indices.order(epoch)
        visited = np.arange(len(self.source), dtype=np.intp) if order is None else order
        return visited[: self._visited()]

    def batches(self, epoch: int, start: int = 0) -> Iterator[Tree]:
        """Deliver an epoch by its number, from batch `start` on."""
        wanted = self.indices.batches(epoch, start)
        left = islice(wanted, max(self.length - start, 0))
        if self.batch_size is None:
            return ahead(self._single(left), self.read_ahead * READ_AT_ONCE)
        return ahead(self._whole(left), self.read_ahead)

    def map(self, function: Callable[..., Any], deterministic: bool = False) -> IndexedDataset:
        """Send every batch through `function(x)`, `function(x, y)` or `function(x, y, weight)`."""
        return self._with(
            source=MappedSamples(self.source, function),
            deterministic=self.deterministic and deterministic,
        )

    def take(self, n: int) -> IndexedDataset:
        """Keep the first `n` batches of every epoch."""
        limit = min(positive_integer("dataset.take", "n", n), self.length)
        same = self.seed is None or limit == self.length
        return self._with(limit=limit, deterministic=self.deterministic and same)

    def cache(self) -> IndexedDataset:
        """Keep every sample in memory once it has been read; the order may still change."""
        same = self.seed is None or self._visited() == len(self.source)
        return self._with(source=CachedSamples(self.source), deterministic=same)

    def shuffle(self, seed: int | None = None) -> IndexedDataset:
        """Visit the samples in a new order every epoch, drawn from (seed, epoch)."""
        whole = self._visited() == len(self.source)
        return self._with(
            shuffle=True, seed=seed_or_draw(seed), deterministic=self.deterministic and whole
        )

    def prefetch(self, buffer_size: int = 2) -> IndexedDataset:
        """Let a thread prepare up to `buffer_size` batches while the consumer works."""
        return self._with(read_ahead=depth_of(buffer_size))

    def _visited(self) -> int:
        return min(self.length * self.indices.batch_size, len(self.source))

    def _with(self, **changes: Any) -> IndexedDataset:
        settings: dict[str, Any] = {
            "source": self.source,
            "batch_size": self.batch_size,
            "shuffle": self.seed is not None,
            "seed": self.seed,
            "drop_remainder": self.drop_remainder,
            "deterministic": self.deterministic,
            "class_names": self.class_names,
            "file_paths": self.file_paths,
            "read_ahead": self.read_ahead,
            "limit": self.limit,
        }
        return IndexedDataset(**(settings | changes))

    def _whole(self, wanted: Iterator[NDArray[np.intp]]) -> Iterator[Tree]:
        return (self.source.read(indices) for indices in wanted)

    def _single(self, wanted: Iterator[NDArray[np.intp]]) -> Iterator[Tree]:
        while piece := list(islice(wanted, READ_AT_ONCE)):
            batch = self.source.read(np.concatenate(piece))
            yield from (map_tree(itemgetter(row), batch) for row in range(len(piece)))


class StreamDataset(Dataset):
    """A dataset of batches that a function produces in its own order, anew for every epoch."""

    def __init__(
        self,
        function: Callable[[], Iterable[Tree]],
        *,
        length: int | None = None,
        deterministic: bool = False,
        class_names: Sequence[str] | None = None,
    ) -> None:
        expect(
            callable(function),
            "dataset",
            "from_generator needs a function that returns a new iterable for every epoch",
            error=ConfigError,
            advice="Pass the generator function itself, without calling it.",
            function=function,
        )
        self.function = function
        self.deterministic = deterministic
        self.class_names = None if class_names is None else list(class_names)
        self._length = None if length is None else positive_integer("dataset", "length", length)

    @property
    def length(self) -> int | None:
        """The number of batches of an epoch, or None where it was not said."""
        return self._length

    def batches(self, epoch: int, start: int = 0) -> Iterator[Tree]:
        """Deliver an epoch, from batch `start` on; those before it are produced and dropped."""
        return islice(iter(self.function()), start, self._length)

    def map(self, function: Callable[..., Any], deterministic: bool = False) -> StreamDataset:
        """Send every batch through `function(x)`, `function(x, y)` or `function(x, y, weight)`."""
        source = self.function
        return self._with(
            lambda: (apply(function, batch) for batch in source()),
            self._length,
            self.deterministic and deterministic,
        )

    def take(self, n: int) -> StreamDataset:
        """Keep the first `n` batches of every epoch."""
        limit = positive_integer("dataset.take", "n", n)
        source = self.function
        known = None if self._length is None else min(limit, self._length)
        return self._with(lambda: islice(source(), limit), known, self.deterministic)

    def cache(self) -> StreamDataset:
        """Keep the batches of the first complete epoch in memory and deliver them from then on."""
        kept: list[Tree] = []
        complete = False
        source, limit = self.function, self._length

        def first_epoch() -> Iterator[Tree]:
            nonlocal complete
            fresh = []
            for batch in islice(source(), limit):
                fresh.append(batch)
                if len(fresh) == limit:  # the consumer may stop here and never ask for the end
                    kept[:], complete = fresh, True
                yield batch
            kept[:], complete = fresh, True

        return self._with(lambda: kept if complete else first_epoch(), limit, True)

    def prefetch(self, buffer_size: int = 2) -> StreamDataset:
        """Let a thread prepare up to `buffer_size` batches while the consumer works."""
        source, depth = self.function, depth_of(buffer_size)
        return self._with(lambda: ahead(source(), depth), self._length, self.deterministic)

    def shuffle(self, seed: int | None = None) -> StreamDataset:
        """Refuse: the samples of a stream have no numbers.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            sentence(
                "dataset.shuffle",
                "the samples must be readable in any order",
                {"dataset": "a stream", "seed": seed},
                "Shuffle inside the generator, or use Dataset.from_arrays.",
            )
        )

    def _with(
        self, function: Callable[[], Iterable[Tree]], length: int | None, deterministic: bool
    ) -> StreamDataset:
        return StreamDataset(
            function, length=length, deterministic=deterministic, class_names=self.class_names
        )


def depth_of(buffer_size: int) -> int:
    """Return the depth of `graftgrad.data.prefetch`, which counts the batch in hand as well.

    Raises:
        ConfigError: it is not a whole number of at least 0.
    """
    fine = isinstance(buffer_size, (int, np.integer)) and not isinstance(buffer_size, bool)
    expect(fine and buffer_size >= 0, "dataset.prefetch",
           "buffer_size must be a whole number of at least 0", error=ConfigError,
           buffer_size=buffer_size)  # fmt: skip
    return int(buffer_size) + 1 if buffer_size else 0


def seed_or_draw(seed: int | None) -> int:
    """Return the seed, or draw one where there is none.

    Raises:
        ConfigError: the seed is not an integer from 0 to 2³² − 1.
    """
    if seed is None:
        # the global generator on purpose: whoever fixes it by numpy.random.seed fixes the order
        return int(np.random.randint(SEEDS))  # noqa: NPY002
    fine = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool) and 0 <= seed < 2**32
    expect(
        fine, "dataset", "seed must be an integer from 0 to 2³² − 1", error=ConfigError, seed=seed
    )
    return int(seed)
