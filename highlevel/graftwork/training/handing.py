"""Features handed to a step in the place of x: computed with the first batch that holds a sample.

Batches say which samples they hold and are read only where features are missing. What is kept, and
for how long, stands in `keeping`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import graftgrad
from graftgrad.data import map_tree
from graftgrad.errors import ConfigError, GraftError, expect, sentence

from . import step
from .batch import Batch
from .data import NumberedSource, Source
from .features import Unkept
from .keeping import OF_TRAINING, OF_VALIDATION, Keeper, overridden, refused, unsteady
from .picked import Picked, PickedSource, picked, repeated
from .prefix import Prefix
from .resume import Moved

if TYPE_CHECKING:
    from .trainer import Trainer


class KeptSource(NumberedSource):
    """Batches whose features may be kept: each says which samples it holds, and reads on demand."""

    def __init__(self, keeper: Keeper, source: NumberedSource, training: bool) -> None:
        self.keeper = keeper
        self.source = source
        self.training = training
        self.subject = source.subject
        self.steps = self.length = source.length
        self.running: tuple[int, int, Iterator[Batch]] | None = None
        found = picked(source)
        self.picks = found if isinstance(found, PickedSource) else None

    def epoch(self, done: int, wanted: int | None) -> Iterator[Any]:
        """Deliver one pass, or `wanted` batches that go on where the last epoch ended."""
        if self.training:
            self.keeper.begin()
        return super().epoch(done, wanted)

    def pieces(self, number: int, start: int) -> Iterator[Any]:
        """Deliver the pass of a number, from batch `start` on."""
        try:
            for place, numbers in enumerate(self.source.places(number)):
                if place >= start:
                    yield Piece(self, number, place, numbers)
        finally:  # whoever reads ahead on a thread ends with the pass
            if self.running is not None and hasattr(self.running[2], "close"):
                self.running[2].close()
            self.running = None

    def read(self, number: int, place: int) -> Batch:
        """Read a batch; those that follow each other come out of one pass."""
        if self.running is None or self.running[:2] != (number, place):
            self.running = (number, place, iter(self.source.pieces(number, place)))
        batches = self.running[2]
        batch = next(batches)
        self.running = (number, place + 1, batches)
        return batch


class Piece:
    """One batch: the numbers of its samples, and what belongs to them, kept or read."""

    def __init__(
        self, source: KeptSource, number: int, place: int, numbers: NDArray[np.intp]
    ) -> None:
        self.source = source
        self.where = (number, place)
        self.numbers = numbers
        self.batch: Batch | None = None

    def raw(self) -> Batch:
        """Read the batch."""
        if self.batch is None:
            self.batch = self.source.read(*self.where)
        return self.batch

    def picked(self) -> Picked | None:
        """Return the batch as one whose samples are picked on demand, where that is possible."""
        picks = self.source.picks
        return None if picks is None else Picked(picks, self.numbers)

    def features(self, prefix: Prefix) -> Batch | None:
        """Return the batch with features in the place of x, or None where they are not kept."""
        keeper = self.source.keeper
        room = keeper.room(self.source.source)
        if room is None:
            return None
        beside = self.source.source.beside(self.numbers)
        if room.has(self.numbers):
            kept, rest = room.take(self.numbers)
            y, weight = rest if beside is None else beside
            return kept, y, weight
        x, y, weight = self.raw()
        try:
            found = prefix.compute(map_tree(graftgrad.as_tensor, x))
            arrays = tuple([one.numpy() for one in found])
            room.put(self.numbers, arrays, (y, weight) if beside is None else None)
        except (Moved, Unkept, GraftError) as error:
            keeper.give_up(error)
            return None
        return found, y, weight


def ran(
    model: Trainer, name: str, batch: Any, weighted: Callable[[Batch], Batch] | None = None
) -> Any:
    """Run a step of a model on a batch, or on its features if they are kept.

    `weighted` adds the weights of classes.

    Raises:
        ConfigError: the model called other layers than before, in the middle of a step.
    """
    adjusted = weighted or (lambda one: one)
    kept = isinstance(batch, Piece)
    keeper = batch.source.keeper if kept else model.feature_keeper
    pick = _pick(model, batch) if weighted is None else None
    if pick is not None:
        return pick.ran(model, name)
    if isinstance(batch, Picked):
        batch = batch.raw()
    if keeper is None:
        return step.ran(model, name, adjusted(batch))
    if kept:
        prefix = keeper.current()
        found = None if prefix is None else batch.features(prefix)
    else:
        prefix, found = _computed(keeper, name, batch)
    if prefix is not None and found is not None:
        try:
            with prefix.resuming():
                return step.ran(model, name, adjusted(found))
        except Moved as error:
            keeper.give_up(error)
            if not error.clean:
                rule = "a model must call its layers in one order while a part of it is frozen"
                advice = "Let its call decide nothing by chance or by count."
                raise ConfigError(
                    sentence("fit", rule, {"model": keeper.model.name}, advice)
                ) from error
    return step.ran(model, name, adjusted(batch.raw() if kept else batch))


def ran_together(model: Trainer, name: str, batches: Sequence[Any]) -> tuple[int, Any]:
    """Repeat a recorded step on batches, looking at nothing else in between, and count them.

    Returns how many were done, and what the last of them reported; none where the first of them
    must be run.
    """
    picks = []
    for batch in batches:
        pick = _pick(model, batch)
        if pick is None:
            break
        picks.append(pick)
    return repeated(model, name, picks) if picks else (0, None)


def _pick(model: Trainer, batch: Any) -> Picked | None:
    """Return a batch as one whose samples a step may pick, if no features take their place."""
    if isinstance(batch, Piece):
        return batch.picked() if batch.source.keeper.current() is None else None
    keeper = model.feature_keeper
    return batch if isinstance(batch, Picked) and (keeper is None or keeper.idle()) else None


def _computed(keeper: Keeper, name: str, batch: Batch) -> tuple[Prefix | None, Batch | None]:
    """Return the prefix and a batch of features that are not kept, or None where there are none."""
    x, y, weight = batch
    prefix = keeper.unkept(x)
    if prefix is None or (name == "test_step" and not prefix.validates):
        return None, None
    try:
        return prefix, (prefix.compute(map_tree(graftgrad.as_tensor, x)), y, weight)
    except (Moved, GraftError) as error:
        keeper.give_up(error)
        return None, None


def keeping(
    model: Trainer,
    wanted: Any,
    source: Source,
    validation: Source | None,
    epochs: int,
    steps: int | None,
    validations: int,
) -> tuple[Source, Source | None, Keeper | None]:
    """Return sources that hand out features where they can be kept, and what keeps them.

    Args:
        model: the model.
        wanted: `cache_frozen` of fit.
        source: the batches of the training.
        validation: the batches of a validation.
        epochs: the number of epochs.
        steps: the number of batches in an epoch; all of them if None.
        validations: how often there will be a validation.
    Raises:
        ConfigError: `wanted` is neither "auto" nor a truth value; or it is True and nothing can be
            kept.
    """
    must = wanted is True
    expect(must or wanted is False or wanted == "auto", "fit",
           'cache_frozen must be "auto", True or False', error=ConfigError,
           cache_frozen=wanted)  # fmt: skip
    why = unsteady(model, OF_TRAINING, source)
    if must and why is not None:
        raise refused(why)
    if source.text:
        return source, validation, None
    numbered = source if isinstance(source, NumberedSource) and why is None else None
    again = numbered is not None and epochs * (steps or numbered.length) > numbered.length
    if numbered is None or wanted is False or not (again or must):
        names = (*OF_TRAINING, *OF_VALIDATION)
        joins = bool(model.compile_settings["jit_compile"]) and not model.run_eagerly
        apart = joins and overridden(model, names) is None
        return source, validation, Keeper(model, None, epochs, steps, False) if apart else None
    keeper = Keeper(model, numbered, epochs, steps, must)
    watched = validation
    if isinstance(validation, NumberedSource) and validations > 1:
        if unsteady(model, OF_VALIDATION, validation) is None:
            keeper.validation = validation
            watched = KeptSource(keeper, validation, False)
    if keeper.worthwhile():
        keeper.find()
    keeper.must = False  # it can be now; who thaws later knows what that does
    return KeptSource(keeper, numbered, True), watched, keeper
