"""Datasets of arrays: windows that slide over a time series, and halves of a dataset."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graftgrad.data import Tree
from graftgrad.errors import ConfigError, DataError, expect

from .dataset import Dataset, IndexedDataset
from .samples import ArraySamples


class WindowSamples:
    """Windows of a series, cut out when they are read."""

    def __init__(
        self, data: NDArray[Any], targets: Any, starts: NDArray[np.intp], steps: NDArray[np.intp]
    ) -> None:
        self.data = data
        self.targets = targets
        self.starts = starts
        self.steps = steps

    def __len__(self) -> int:
        return len(self.starts)

    def read(self, indices: NDArray[np.intp]) -> Tree:
        """Return windows (N, L, …), with their targets if there are any."""
        starts = self.starts[indices]
        found = self.data[starts[:, None] + self.steps]
        return found if self.targets is None else (found, self.targets[starts])


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> IndexedDataset:
    """Make a dataset of windows that slide over a time series; nothing is copied beforehand.

    Window i holds the steps start + i · sequence_stride + j · sampling_rate for j < L, and its
    target is `targets[start + i · sequence_stride]`.

    Shapes: data (T, …) -> batches (N, L, …), with targets (N, …).

    Args:
        data: the series.
        targets: one for every step that begins a window, or None.
        sequence_length: L, the steps of a window.
        sequence_stride: how far the beginnings of windows lie apart.
        sampling_rate: how far the steps within a window lie apart.
        batch_size: windows per batch; None delivers single windows.
        shuffle: visit the windows in a new order every epoch.
        seed: of these orders.
        start_index: steps before it are not used.
        end_index: steps from it on are not used.
        format: Keras' choice between two kinds of datasets; here both words give this one.
    Raises:
        ConfigError: a number is not positive, or start and end do not lie in the series.
        DataError: the series is shorter than one window.
    """
    subject = "timeseries_dataset_from_array"
    series = np.asarray(data)
    steps: dict[str, Any] = {"sequence_length": sequence_length, "sequence_stride": sequence_stride,
             "sampling_rate": sampling_rate}  # fmt: skip
    for name, value in steps.items():
        fits = isinstance(value, (int, np.integer)) and value > 0
        fits = bool(fits) and (name == "sequence_length" or value < len(series))
        expect(fits, subject, f"{name} must be positive and lower than the length of the data",
               error=ConfigError, value=value, length=len(series))  # fmt: skip
    first = 0 if start_index is None else start_index
    last = len(series) if end_index is None else end_index
    expect(0 <= first < last <= len(series), subject,
           "start_index and end_index must lie in the data, in this order", error=ConfigError,
           start_index=start_index, end_index=end_index, length=len(series))  # fmt: skip
    count = last - first - (sequence_length - 1) * sampling_rate
    wanted = None if targets is None else np.asarray(targets)[first:last]
    if wanted is not None:
        count = min(count, len(wanted))
    expect(count > 0, subject, "the data must hold at least one window", error=DataError,
           steps=last - first, **steps)  # fmt: skip
    source = WindowSamples(
        series[first:last], wanted, np.arange(0, count, sequence_stride),
        np.arange(sequence_length) * sampling_rate,
    )  # fmt: skip
    return IndexedDataset(source, batch_size, shuffle=shuffle, seed=seed)


class PickedSamples:
    """Some of the samples of another set, in an order of their own."""

    def __init__(self, source: Any, numbers: NDArray[np.intp]) -> None:
        self.source = source
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def read(self, indices: NDArray[np.intp]) -> Tree:
        """Return the samples of these numbers."""
        found: Tree = self.source.read(self.numbers[indices])
        return found


def split_dataset(
    dataset: Any,
    left_size: float | int | None = None,
    right_size: float | int | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[IndexedDataset, IndexedDataset]:
    """Split arrays or a dataset in two, for example into training and validation.

    Both parts deliver single samples.

    Args:
        dataset: arrays, or tuples, lists or dictionaries of arrays, (N, …) each; or a dataset.
        left_size: a number of samples, or a part of them between 0 and 1.
        right_size: the same for the other part; what is left if None.
        shuffle: draw the samples of both parts by chance.
        seed: of that draw; the samples are those that Keras draws.
        preferred_backend: kept for Keras' signature.
    Raises:
        ConfigError: no size is given, or the sizes do not fit the samples.
        DataError: there is no sample.
    """
    subject = "split_dataset"
    if isinstance(dataset, IndexedDataset):
        source: Any = PickedSamples(dataset.source, dataset.order(0))
    elif isinstance(dataset, Dataset) or hasattr(dataset, "__next__"):
        items = list(dataset)
        expect(len(items) > 0, subject, "there must be samples", error=DataError, samples=0)
        batched = isinstance(dataset, Dataset)
        source = ArraySamples(_joined(items, batched))
    else:
        source = ArraySamples(_parts(dataset))
    total = len(source)
    sizes: tuple[tuple[str, Any], ...] = (("left_size", left_size), ("right_size", right_size))
    for name, size in sizes:
        part = isinstance(size, float) and 0 < size < 1
        whole = isinstance(size, (int, np.integer)) and not isinstance(size, bool)
        expect(size is None or part or (whole and 0 < int(size) < total), subject,
               f"{name} must be a part between 0 and 1 or a number of samples below {total}",
               error=ConfigError, size=size)  # fmt: skip
    expect(left_size is not None or right_size is not None, subject,
           "left_size or right_size must be given", error=ConfigError, left_size=None,
           right_size=None)  # fmt: skip
    left, right = _count(left_size, total), _count(right_size, total)
    left = total - right if left is None and right is not None else left
    right = total - left if right is None and left is not None else right
    assert left is not None
    assert right is not None
    expect(0 < left and 0 < right and left + right <= total, subject,
           "the sizes must leave samples on both sides", error=ConfigError, left_size=left,
           right_size=right, samples=total)  # fmt: skip
    order = list(range(total))
    if shuffle:
        random.Random(seed).shuffle(order)
    numbers = np.array(order, np.intp)
    one = PickedSamples(source, numbers[:left])
    two = PickedSamples(source, numbers[total - right :] if left_size is None else
                        numbers[left : left + right])  # fmt: skip
    return IndexedDataset(one, None), IndexedDataset(two, None)


def _count(size: float | int | None, total: int) -> int | None:
    if size is None:
        return None
    return round(size * total) if isinstance(size, float) else int(size)


def _parts(dataset: Any) -> Tree:
    if isinstance(dataset, dict):
        return dataset
    several = isinstance(dataset, (tuple, list)) and len(dataset) > 0
    if several and all(hasattr(one, "shape") and len(one.shape) > 0 for one in dataset):
        return tuple(dataset)
    return np.asarray(dataset)


def _joined(items: list[Any], batched: bool) -> Tree:
    """Join batches, or stack samples, part by part."""
    if isinstance(items[0], (tuple, list)):
        return tuple(_joined(list(part), batched) for part in zip(*items, strict=True))
    if isinstance(items[0], dict):
        return {key: _joined([one[key] for one in items], batched) for key in items[0]}
    joined: Tree = np.concatenate(items) if batched else np.stack([np.asarray(i) for i in items])
    return joined
