"""What the user passed to fit, evaluate or predict -> batches (x, y, sample_weight) on the host.

Arrays are cut into batches; data sets, loaders and generators deliver batches of their own. Copying to a
device happens where a batch is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from graftgrad import Tensor
from graftgrad.data import Batches, leaves, map_tree, rows
from graftgrad.errors import ConfigError, DataError, expect, sentence

Batch = tuple[Any, Any, Any]


class Source:
    """Batches for epoch after epoch.

    `steps` is the number of batches in an epoch, or None where it is not known before the end.
    """

    steps: int | None = None

    def epoch(self, key: int) -> Iterator[Batch]:
        """Deliver one epoch; where an order is drawn, it is a function of the seed and `key` alone."""
        raise NotImplementedError


class ArraySource(Source):
    """Arrays in memory, (N, …) each."""

    def __init__(
        self, x: Any, y: Any, weight: Any, batch_size: int, shuffle: bool, seed: int
    ) -> None:
        self.batches = Batches((x, y, weight), batch_size, shuffle=seed if shuffle else None)
        self.steps = len(self.batches)

    def epoch(self, key: int) -> Iterator[Batch]:
        """Deliver one epoch."""
        return self.batches.batches(key)


class IterableSource(Source):
    """Anything that can be walked again and again and delivers batches: data sets, loaders."""

    def __init__(self, iterable: Iterable[Any]) -> None:
        self.iterable = iterable
        try:
            self.steps = len(iterable)  # type: ignore[arg-type]
        except TypeError:
            self.steps = None

    def epoch(self, key: int) -> Iterator[Batch]:
        """Deliver one epoch; a data set that counts its epochs is asked for the one of this key."""
        numbered = getattr(self.iterable, "batches", None)
        return map(unpacked, numbered(key) if callable(numbered) else self.iterable)


class IndexedSource(Source):
    """Batches by number: an object with a length and `[i]`, as Keras' PyDataset."""

    def __init__(self, indexed: Any) -> None:
        self.indexed = indexed
        self.steps = len(indexed)

    def epoch(self, key: int) -> Iterator[Batch]:
        """Deliver one epoch; the data set hears of its end."""
        for i in range(len(self.indexed)):
            yield unpacked(self.indexed[i])
        getattr(self.indexed, "on_epoch_end", lambda: None)()


class GeneratorSource(Source):
    """A generator: what it delivered is gone, so one epoch goes on where the last one stopped."""

    def __init__(self, generator: Iterator[Any], steps: int | None) -> None:
        self.generator = generator
        self.steps = steps
        self.delivered = 0

    def epoch(self, key: int) -> Iterator[Batch]:
        """Deliver one epoch.

        Raises:
            DataError: the generator has ended.
        """
        count = 0
        for batch in islice(self.generator, self.steps):
            count += 1
            self.delivered += 1
            yield unpacked(batch)
        expect(count > 0 and (self.steps is None or count == self.steps), "generator",
               "must deliver the batches of every epoch", error=DataError,
               batches_wanted=self.steps, batches_in_this_epoch=count,
               batches_in_all=self.delivered,
               advice="Let it run for ever and pass steps_per_epoch, or pass a data set that can "
               "be walked again.")  # fmt: skip


def source_of(
    subject: str,
    x: Any,
    y: Any = None,
    weight: Any = None,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool = False,
    seed: int = 0,
) -> Source:
    """Return the batches of what a user passed.

    Raises:
        ConfigError: x is nothing that delivers data, or y accompanies a data set.
        DataError: there are no samples, labels are NaN or elements are no numbers.
        ShapeError: arrays differ in their number of samples.
    """
    expect(x is not None, subject, "x must be given: arrays, or something that delivers batches",
           error=ConfigError, x=x)  # fmt: skip
    if _is_arrays(x):
        x, y, weight = (_on_host(subject, name, one) for name, one in (("x", x), ("y", y), ("sample_weight", weight)))
        rows((x, y, weight), subject)
        check_labels(subject, y)
        return ArraySource(x, y, weight, 32 if batch_size is None else batch_size, shuffle, seed)
    expect(y is None and weight is None, subject,
           "y and sample_weight must come out of the data set, not stand beside it",
           error=ConfigError, x=type(x).__name__,
           advice="Let it deliver (x, y) or (x, y, sample_weight).")  # fmt: skip
    if hasattr(x, "__next__"):
        return GeneratorSource(x, steps)
    if hasattr(x, "__iter__"):
        return IterableSource(x)
    if hasattr(x, "__getitem__") and hasattr(x, "__len__"):
        return IndexedSource(x)
    raise ConfigError(
        sentence(subject, "x must be arrays, a data set, a loader or a generator", {"x": type(x).__name__})
    )


def unpacked(batch: Any) -> Batch:
    """Return (x, y, sample_weight) of a batch; what is not there is None.

    Raises:
        DataError: it has more than three parts.
    """
    parts = batch if isinstance(batch, (tuple, list)) else (batch,)
    expect(1 <= len(parts) <= 3, "data set", "a batch must be x, (x, y) or (x, y, sample_weight)",
           error=DataError, parts=len(parts))  # fmt: skip
    x, y, weight = (*parts, None, None)[:3]
    return x, y, weight


def split_validation(fraction: float, x: Any, y: Any, weight: Any) -> tuple[Batch, Batch]:
    """Cut the last `fraction` of the samples off, before any shuffling: (training, validation).

    Raises:
        ConfigError: the fraction is not between 0 and 1, or x is no arrays.
        DataError: one of the parts would be empty.
    """
    expect(0 < fraction < 1, "fit", "validation_split must lie between 0 and 1",
           error=ConfigError, validation_split=fraction)  # fmt: skip
    expect(_is_arrays(x), "fit", "validation_split needs arrays", error=ConfigError,
           x=type(x).__name__, advice="Pass validation_data for a data set.")  # fmt: skip
    arrays = tuple(_on_host("fit", name, one) for name, one in (("x", x), ("y", y), ("sample_weight", weight)))
    count = rows(arrays, "fit")
    cut = count - int(count * fraction)
    expect(0 < cut < count, "fit", "validation_split must leave samples on both sides",
           error=DataError, samples=count, validation_split=fraction)  # fmt: skip
    first, second = (map_tree(lambda one, part=part: one[part], arrays) for part in (slice(cut), slice(cut, None)))
    return first, second


def weighted_by_class(class_weight: Mapping[int, float], y: Any, weight: Any) -> Any:
    """Return a weight for every sample: that of its class, times its own.

    Shapes: y (N,), (N, 1) or one-hot (N, K) -> (N,).

    Raises:
        ConfigError: there are several outputs.
        DataError: a class has no weight.
    """
    expect(not isinstance(y, (dict, list, tuple)), "fit", "class_weight needs a single output",
           error=ConfigError, y=type(y).__name__, advice="Pass sample_weight instead.")  # fmt: skip
    labels = np.asarray(y)
    if labels.ndim > 1:
        labels = labels.argmax(-1) if labels.shape[-1] > 1 else labels[..., 0]
    classes, where = np.unique(labels.astype(np.int64), return_inverse=True)
    missing = [int(one) for one in classes if int(one) not in class_weight]
    expect(not missing, "fit", "class_weight must name every class that occurs", error=DataError,
           missing=missing, class_weight=dict(class_weight))  # fmt: skip
    factors = np.array([class_weight[int(one)] for one in classes], np.float32)[where.reshape(labels.shape)]
    return factors if weight is None else factors * np.asarray(weight)


def check_labels(subject: str, y: Any) -> None:
    """Refuse labels that are NaN.

    Raises:
        DataError: a label is NaN; its place is named.
    """
    for path, array in leaves(y, "y"):
        host = array if isinstance(array, np.ndarray) else None
        if host is not None and host.dtype.kind == "f":
            bad = np.isnan(host)
            if bad.any():
                place = tuple(int(i) for i in np.argwhere(bad)[0])
                raise DataError(
                    sentence(subject, f"{path} must not hold NaN",
                             {"first at": place, "NaN values": int(bad.sum())},
                             "Drop those samples or give them a weight of 0 and a valid label.")
                )  # fmt: skip


def _is_arrays(x: Any) -> bool:
    if isinstance(x, (np.ndarray, Tensor)) or hasattr(x, "to_numpy"):
        return True
    if isinstance(x, dict):
        return all(_is_arrays(one) for one in x.values())
    if isinstance(x, (list, tuple)):
        return len(x) > 0
    return hasattr(x, "__array__") and not hasattr(x, "__next__") and hasattr(x, "shape")


def _on_host(subject: str, name: str, tree: Any) -> Any:
    """Return arrays on the host; a list of numbers becomes one array, a list of arrays stays a list."""
    if tree is None:
        return None
    if isinstance(tree, dict):
        return {key: _on_host(subject, f"{name}[{key!r}]", one) for key, one in tree.items()}
    if isinstance(tree, (list, tuple)) and len(tree) > 0 and _is_arrays(tree[0]) and not isinstance(tree[0], (list, tuple)):
        return [_on_host(subject, f"{name}[{i}]", one) for i, one in enumerate(tree)]
    if isinstance(tree, Tensor):
        return np.asarray(tree)
    host = tree.to_numpy() if hasattr(tree, "to_numpy") else _array(subject, name, tree)
    expect(host.dtype.kind not in "OUSV" or str(host.dtype) == "bfloat16", subject,
           f"{name} must hold numbers", error=DataError, dtype=str(host.dtype),
           advice="Turn text or categories into numbers first.")  # fmt: skip
    return host


def _array(subject: str, name: str, values: Any) -> Any:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(f"{subject}: {name} must have rows of equal length; got {error}.") from error
