"""Sets of samples that can be read in any order: arrays, mapped samples, remembered samples.

How they are cut into batches stands in `dataset`, how pictures are read in `image_folder`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from graftgrad.data import Tree, leaves, map_tree, rows, take_rows
from graftgrad.errors import DataError, expect


class Samples(Protocol):
    """A set of samples with numbers from 0 to N − 1."""

    def __len__(self) -> int:
        """Count the samples."""

    def read(self, indices: NDArray[np.intp]) -> Tree:
        """Return the samples of these numbers as one tree of arrays, (len(indices), …) each."""


class ArraySamples:
    """Samples that lie in arrays, (N, …) each; neighbours are handed out as views."""

    def __init__(self, arrays: Tree) -> None:
        self.arrays: Tree = map_tree(np.asarray, arrays)
        self.count = rows(self.arrays, "dataset")
        expect(
            self.count > 0,
            "dataset",
            "the arrays must hold at least one sample",
            error=DataError,
            **{path: array.shape for path, array in leaves(self.arrays)},
        )

    def __len__(self) -> int:
        return self.count

    def read(self, indices: NDArray[np.intp]) -> Tree:
        """Return the samples of these numbers: a view where they are neighbours, else a copy."""
        if len(indices) and bool((np.diff(indices) == 1).all()):
            return take_rows(self.arrays, slice(int(indices[0]), int(indices[-1]) + 1))
        return take_rows(self.arrays, indices)


class MappedSamples:
    """Samples that went through a function, a batch at a time."""

    def __init__(self, source: Samples, function: Callable[..., Any]) -> None:
        self.source = source
        self.function = function

    def __len__(self) -> int:
        return len(self.source)

    def read(self, indices: NDArray[np.intp]) -> Tree:
        """Read the samples and apply the function to them.

        Raises:
            DataError: the function returned more or fewer samples than it was given.
        """
        result = apply(self.function, self.source.read(indices))
        given = rows(result, "dataset.map")
        expect(
            given == len(indices),
            "dataset.map",
            "the function must return as many samples as it was given",
            error=DataError,
            given=len(indices),
            returned=given,
            advice="It sees whole batches, with the samples along the first axis.",
        )
        return result


class CachedSamples:
    """Samples that are kept in memory once they have been read."""

    def __init__(self, source: Samples) -> None:
        self.source = source
        self.present = np.zeros(len(source), dtype=np.bool_)
        self.arrays: Tree = None
        self.lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.source)

    def read(self, indices: NDArray[np.intp]) -> Tree:
        """Return the samples of these numbers; only the unknown ones are read."""
        with self.lock:
            missing = indices[~self.present[indices]]
            if len(missing):
                self._keep(missing)
        return take_rows(self.arrays, indices)

    def _keep(self, missing: NDArray[np.intp]) -> None:
        fresh = self.source.read(missing)
        if self.arrays is None:
            self.arrays = map_tree(self._room, fresh)
        pairs = list(zip(leaves(self.arrays), leaves(fresh), strict=True))
        for (_, kept), (path, new) in pairs:
            expect(
                kept.shape[1:] == new.shape[1:] and kept.dtype == new.dtype,
                "dataset.cache",
                f"all samples of {path} must have one shape and one dtype",
                error=DataError,
                first=(*kept.shape[1:], kept.dtype.name),
                later=(*new.shape[1:], new.dtype.name),
            )
        for (_, kept), (_, new) in pairs:
            kept[missing] = new
        self.present[missing] = True

    def _room(self, array: NDArray[Any]) -> NDArray[Any]:
        return np.empty((len(self.source), *array.shape[1:]), dtype=array.dtype)


def apply(function: Callable[..., Any], batch: Tree) -> Tree:
    """Call a function with the parts of a batch and turn what it returns into arrays."""
    result = function(*batch) if isinstance(batch, tuple) else function(batch)
    expect(
        result is not None,
        "dataset.map",
        "the function must return an array or a tuple of arrays",
        error=DataError,
        returned=result,
        advice="Did it change its argument and forget to return it?",
    )
    return map_tree(np.asarray, result)
