"""Batches of arrays in memory whose samples are picked where the recorded step reads them.

A step that is repeated reads its arguments from memory of its own: samples are copied there once,
not into a batch first. Where the step has to be run, a batch is made as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graftgrad.data import leaves

from . import step
from .batch import Batch
from .data import ArraySource, NumberedSource

if TYPE_CHECKING:
    from .trainer import Trainer


class PickedSource(NumberedSource):
    """Arrays in memory, whose batches say which samples they hold and are read on demand.

    Attributes:
        source: the arrays.
        arrays: all of them, flat.
        forms: the structure of what a step receives, by its name and the number of samples.
    """

    def __init__(self, source: ArraySource) -> None:
        self.source = source
        self.subject = source.subject
        self.steps = self.length = source.length
        self.arrays = [array for _, array in leaves(source.batches.arrays)]
        self.forms: dict[tuple[str, int], Hashable] = {}

    def pieces(self, number: int, start: int) -> Iterator[Any]:
        """Deliver the pass of a number, from batch `start` on."""
        places = islice(self.source.places(number), start, None)
        return (Picked(self, numbers) for numbers in places)


class Picked:
    """One batch: the numbers of its samples."""

    __slots__ = ("numbers", "source")

    def __init__(self, source: PickedSource, numbers: NDArray[np.intp]) -> None:
        self.source = source
        self.numbers = numbers

    def raw(self) -> Batch:
        """Read the batch."""
        return self.source.source.samples(self.numbers)

    def fill(self, targets: Sequence[NDArray[Any]], pick: Callable[..., None]) -> None:
        """Let the samples of every array be copied where a step reads them."""
        for array, target in zip(self.source.arrays, targets, strict=True):
            pick(array, self.numbers, target)

    def ran(self, model: Trainer, name: str) -> Any:
        """Run a step on the batch, and note the structure of its arguments."""
        data = step.placed(self.raw())
        result = model.recorded.run(name, data)
        arrays = [one.array for _, one in leaves(data)]
        same = len(arrays) == len(self.source.arrays) and all(
            one.dtype == array.dtype and one.shape == (len(self.numbers), *array.shape[1:])
            for one, array in zip(arrays, self.source.arrays, strict=True)
        )
        if same:
            self.source.forms[name, len(self.numbers)] = model.recorded.form(name, data)
        return result


def repeated(model: Trainer, name: str, batches: Sequence[Picked]) -> tuple[int, Any]:
    """Repeat a recorded step on batches, as long as it can be and nobody says stop.

    The structure of the arguments is that of an earlier batch of as many samples. Returns how many
    were done, and what the last of them reported.
    """
    first = batches[0]
    size = len(first.numbers)
    form = first.source.forms.get((name, size))

    def fills() -> Iterator[Any]:
        for one in batches:
            if len(one.numbers) != size or model.stop_training:
                return
            yield one.fill
            model.count_batch()  # an error in a repetition ends all this before

    return (0, None) if form is None else model.recorded.repeat(name, form, fills())


def picked(source: Any) -> Any:
    """Return a source whose batches are picked on demand, where it holds plain arrays."""
    if type(source) is not ArraySource:
        return source
    arrays = [array for _, array in leaves(source.batches.arrays)]
    # an array that is not contiguous would be copied as a whole before samples are picked
    plain = all(array.flags.c_contiguous and array.dtype.kind in "fiub" for array in arrays)
    return PickedSource(source) if plain else source
