"""Batches by number, made by a class of the user's own: `PyDataset`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from graftgrad.data import positive_integer
from graftgrad.errors import ConfigError, expect


class PyDataset:
    """Batches that have numbers: override `__len__`, or `num_batches`, and `__getitem__`.

    `fit`, `evaluate` and `predict` take it; with several workers threads make batches ahead, and
    they arrive in the order of their numbers all the same. Batches are then made at the same time,
    so `__getitem__` must not change what other calls read.

    Args:
        workers: how many threads make batches.
        use_multiprocessing: must be false: threads share memory with the training.
        max_queue_size: how many batches may wait.
    Raises:
        ConfigError: a number is not positive, or processes are asked for.
    """

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self.workers = positive_integer("PyDataset", "workers", workers)
        self.max_queue_size = positive_integer("PyDataset", "max_queue_size", max_queue_size)
        expect(not use_multiprocessing, "PyDataset", "use_multiprocessing must be False",
               error=ConfigError, use_multiprocessing=use_multiprocessing,
               advice="workers=… makes batches in threads.")  # fmt: skip
        self.use_multiprocessing = use_multiprocessing

    def __getitem__(self, index: int) -> Any:
        """Return the batch of a number: x, (x, y) or (x, y, sample_weight)."""
        raise NotImplementedError(f"{type(self).__name__}: must define __getitem__(index).")

    def __iter__(self) -> Iterator[Any]:
        """Deliver the batches of an epoch in order, or without end if they are not counted."""
        count = self.num_batches
        for index in itertools.count() if count is None else range(count):
            yield self[index]

    @property
    def num_batches(self) -> int | None:
        """The number of batches of an epoch, which is the length; overridden, None for endless."""
        counted = getattr(self, "__len__", None)
        if counted is None:
            raise NotImplementedError(f"{type(self).__name__}: must define __len__ or num_batches.")
        return int(counted())

    def on_epoch_begin(self) -> None:
        """Hear that an epoch begins."""

    def on_epoch_end(self) -> None:
        """Hear that an epoch has ended."""
