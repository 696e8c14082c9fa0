"""Batches over host arrays and a thread that works ahead; copying to a device is not done here.

A *tree* is one host array, or a tuple, list or dictionary of trees; None stands for "not given".
"""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from graftgrad.errors import ConfigError, DataError, ShapeError, expect, sentence

Tree: TypeAlias = Any
Shuffle: TypeAlias = "np.random.Generator | int | tuple[int, ...] | None"
T = TypeVar("T")

CLOSING_SECONDS = 10.0


# Trees


def map_tree(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """Apply a function to every array of a tree and keep the form of the tree."""
    if tree is None:
        return None
    if isinstance(tree, dict):
        return {name: map_tree(function, branch) for name, branch in tree.items()}
    if isinstance(tree, (tuple, list)):
        branches = [map_tree(function, branch) for branch in tree]
        return branches if isinstance(tree, list) else tuple(branches)
    return function(tree)


def leaves(tree: Tree, path: str = "arrays") -> Iterator[tuple[str, Any]]:
    """Walk over the arrays of a tree, each with the expression that leads to it."""
    if isinstance(tree, dict):
        for name, branch in tree.items():
            yield from leaves(branch, f"{path}[{name!r}]")
    elif isinstance(tree, (tuple, list)):
        for position, branch in enumerate(tree):
            yield from leaves(branch, f"{path}[{position}]")
    elif tree is not None:
        yield path, tree


def rows(tree: Tree, subject: str = "batches") -> int:
    """Count the samples of a tree of arrays, (N, …) each.

    Raises:
        DataError: there is no array at all, or one has no first axis.
        ShapeError: two arrays differ in their number of samples.
    """
    lengths: dict[str, int] = {}
    for path, array in leaves(tree):
        expect(
            array.ndim > 0,
            subject,
            f"{path} must be an array with the samples along its first axis",
            error=DataError,
            advice="Tuples and lists join several arrays; make one array of numbers by np.asarray.",
            value=array.item() if array.ndim == 0 else array.shape,
        )
        lengths[path] = array.shape[0]
    expect(bool(lengths), subject, "there must be at least one array", error=DataError, arrays=tree)
    if len(set(lengths.values())) > 1:
        rule = "all arrays must have the same number of samples along their first axis"
        raise ShapeError(sentence(subject, rule, dict(lengths)))
    return next(iter(lengths.values()))


def take_rows(tree: Tree, where: slice | NDArray[np.intp]) -> Tree:
    """Pick samples of every array: a slice gives views, indices give one fresh copy."""
    return picker(tree, isinstance(where, slice))(where)


def picker(tree: Tree, sliced: bool) -> Callable[[Any], Tree]:
    """Return what picks samples of every array, by a slice or by indices.

    The form of the tree is looked at here, once, and no longer for every batch.
    """
    if tree is None:
        return lambda where: None
    if isinstance(tree, dict):
        named = [(name, picker(branch, sliced)) for name, branch in tree.items()]
        return lambda where: {name: pick(where) for name, pick in named}
    if isinstance(tree, (tuple, list)):
        branches = [picker(branch, sliced) for branch in tree]
        if isinstance(tree, list):
            return lambda where: [pick(where) for pick in branches]
        return lambda where: tuple([pick(where) for pick in branches])
    # np.take copies the whole of an array that is not contiguous before it picks; indexing does not
    if sliced or not tree.flags.c_contiguous:
        return tree.__getitem__  # type: ignore[no-any-return]
    return lambda where: tree.take(where, 0)


# Batches


class Batches:
    """Cut arrays into batches, in their own order or shuffled anew every epoch.

    Shapes: every array (N, …) gives ⌈N / batch_size⌉ pieces (batch_size, …), the last one smaller;
    with `drop_remainder` the smaller one is left out. A batch in the arrays' own order is a view of
    them; a shuffled batch is copied once, into memory of its own.

    `shuffle` is None, a generator (which moves on with every order it draws), or a seed: an integer
    or a tuple of integers. With a seed the order is a function of (seed, epoch) and nothing else,
    so that an interrupted epoch can be taken up again: `batches(epoch, start)`. Iterating delivers
    the epoch whose number stands in `epoch` and raises that number by one.

    Raises:
        ConfigError: `batch_size` or `shuffle` is not understood.
        DataError: there is no sample, or with `drop_remainder` no full batch.
        ShapeError: the arrays differ in their number of samples.
    """

    def __init__(
        self,
        arrays: Tree,
        batch_size: int = 32,
        *,
        shuffle: Shuffle = None,
        drop_remainder: bool = False,
    ) -> None:
        self.batch_size = positive_integer("batches", "batch_size", batch_size)
        self.shuffle = _checked_shuffle(shuffle)
        self.drop_remainder = drop_remainder
        self.arrays: Tree = map_tree(np.asarray, arrays)
        self.samples = rows(self.arrays)
        self.epoch = 0
        expect(
            self.samples > 0,
            "batches",
            "the arrays must hold at least one sample",
            error=DataError,
            **{path: array.shape for path, array in leaves(self.arrays)},
        )
        expect(
            len(self) > 0,
            "batches",
            "drop_remainder must leave at least one full batch",
            error=DataError,
            samples=self.samples,
            batch_size=batch_size,
            advice="Choose a smaller batch_size or drop_remainder=False.",
        )

    def __len__(self) -> int:
        """Count the batches of one epoch."""
        whole, rest = divmod(self.samples, self.batch_size)
        return whole + (rest > 0 and not self.drop_remainder)

    def __iter__(self) -> Iterator[Tree]:
        """Deliver the next epoch."""
        epoch, self.epoch = self.epoch, self.epoch + 1
        return self.batches(epoch)

    def order(self, epoch: int) -> NDArray[np.intp] | None:
        """Say in which order an epoch visits the samples, (N,); None means their own order."""
        if self.shuffle is None:
            return None
        if isinstance(self.shuffle, np.random.Generator):
            return self.shuffle.permutation(self.samples)
        seed = self.shuffle if isinstance(self.shuffle, tuple) else (self.shuffle,)
        return np.random.default_rng((*seed, epoch)).permutation(self.samples)

    def batches(self, epoch: int = 0, start: int = 0) -> Iterator[Tree]:
        """Deliver one epoch by its number, from batch `start` on."""
        expect(
            epoch >= 0 and start >= 0,
            "batches",
            "epoch and start must be at least 0",
            error=ConfigError,
            epoch=epoch,
            start=start,
        )
        return self._pieces(self.order(epoch), start)

    def _pieces(self, order: NDArray[np.intp] | None, start: int) -> Iterator[Tree]:
        pick = picker(self.arrays, order is None)
        for number in range(start, len(self)):
            span = slice(number * self.batch_size, (number + 1) * self.batch_size)
            yield pick(span if order is None else order[span])


def positive_integer(subject: str, name: str, value: object) -> int:
    """Return a whole number of at least 1, whichever integer type it came in.

    Raises:
        ConfigError: the value is something else.
    """
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value > 0:
        return int(value)
    raise ConfigError(sentence(subject, f"{name} must be a positive integer", {name: value}))


def _checked_shuffle(shuffle: Shuffle) -> Shuffle:
    if shuffle is None or isinstance(shuffle, np.random.Generator):
        return shuffle
    parts = shuffle if isinstance(shuffle, tuple) else (shuffle,)
    fine = all(
        isinstance(part, (int, np.integer)) and not isinstance(part, bool) and part >= 0
        for part in parts
    )
    expect(
        fine and bool(parts),
        "batches",
        "shuffle must be None, a numpy Generator, or a seed of integers of at least 0",
        error=ConfigError,
        shuffle=shuffle,
    )
    return tuple(int(part) for part in parts)


# Working ahead


class _End:
    """What a producer hands over last: the failure that stopped it, if there was one."""

    def __init__(self, failure: BaseException | None = None) -> None:
        self.failure = failure


def prefetch(iterable: Iterable[T], depth: int = 2) -> Iterator[T]:
    """Let a thread work up to `depth` items ahead of the consumer; 0 means no thread.

    The thread starts with the first item that is asked for and ends with the iterable, with a
    failure, or when the consumer drops or closes the iterator; then the iterable is closed too. A
    failure reaches the consumer at the place in the sequence where it happened, with the traceback
    of the thread. An iterable that hangs for more than ten seconds at closing is left to itself.

    Raises:
        ConfigError: `depth` is not an integer of at least 0.
    """
    fine = isinstance(depth, (int, np.integer)) and not isinstance(depth, bool) and depth >= 0
    expect(
        fine, "prefetch", "depth must be an integer of at least 0", error=ConfigError, depth=depth
    )
    return _ahead(iterable, int(depth)) if depth else iter(iterable)


def _ahead(iterable: Iterable[T], depth: int) -> Iterator[T]:
    items: queue.SimpleQueue[T | _End] = queue.SimpleQueue()
    slots = threading.Semaphore(depth)
    stopped = threading.Event()
    thread = threading.Thread(
        # modes such as no_grad live in context variables: the thread must see the consumer's
        target=contextvars.copy_context().run,
        args=(_produce, iterable, items, slots, stopped),
        name="graftgrad-prefetch",
        daemon=True,
    )
    thread.start()
    try:
        while not isinstance(item := items.get(), _End):
            yield item
            del item  # the consumer alone decides how long a batch lives
            slots.release()
        if item.failure is not None:
            raise item.failure
    finally:
        item = _End()  # a failure must not hold the frame that holds the failure
        stopped.set()
        slots.release()
        if thread is not threading.current_thread():
            thread.join(CLOSING_SECONDS)


def _produce(
    iterable: Iterable[T],
    items: queue.SimpleQueue[T | _End],
    slots: threading.Semaphore,
    stopped: threading.Event,
) -> None:
    end = _End()
    try:
        iterator = iter(iterable)
        try:
            while slots.acquire() and not stopped.is_set():
                item = next(iterator, end)
                items.put(item)
                if item is end:
                    return
                del item
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
    except BaseException as failure:  # whatever it is, it belongs to the consumer
        items.put(_End(failure))
