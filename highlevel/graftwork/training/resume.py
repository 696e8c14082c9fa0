"""A model that goes on from kept features: what lies before them is passed over, not computed.

While a step runs on features, every call of a layer is asked for here. Calls before the frontier
return what was kept, or tensors without values where nobody needs the values; all others compute.
A tensor without values that reached the output would show, so nothing is ever silently wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graftgrad import Tensor
from graftgrad.spec import Spec

from ..layers.layer import Layer
from ..layers.symbol import is_symbolic, mapped
from .frontier import ENTERED, SKIPPED, VIEWED
from .tracing import tensors, unwatched

if TYPE_CHECKING:
    from .prefix import Prefix

Features = tuple[Tensor, ...]


class Moved(Exception):
    """The calls of a model are no longer those that were traced.

    `clean` tells whether the step had computed nothing yet, so that it may be run once more.
    """

    def __init__(self, clean: bool) -> None:
        super().__init__("the layers are no longer called as they were when the prefix was found")
        self.clean = clean


class _Complete(Exception):
    """All features are there; the rest of the model need not run."""


class Run:
    """One run of a model along the entries of a prefix."""

    def __init__(self, prefix: Prefix) -> None:
        self.prefix = prefix
        self.number = prefix.number
        self.waiting = False  # for the call of the model itself
        self.inside = False
        self.place = 0
        self.touched = False
        self.values: dict[tuple[int, int], Tensor] = {}
        self.samples = 0

    def called(
        self, layer: Layer, args: tuple[Any, ...], training: bool | None, kwargs: dict[str, Any]
    ) -> Any:
        """Return what a call of a layer returns."""
        if self.waiting and layer is self.prefix.model:
            self.waiting, self.inside, self.place, self.touched = False, True, 0, False
            try:
                return self.began(layer, args, training, kwargs)
            finally:
                self.inside = False
                self.values = {}
        if not self.inside:
            return layer._called(args, training, kwargs)
        if is_symbolic(args, kwargs):
            return unwatched(layer, args, training, kwargs)
        number = self.place
        self.place += 1
        entries = self.prefix.entries
        if number >= len(entries) or entries[number].layer is not layer:
            raise Moved(not self.touched)
        action = entries[number].action
        if action in (ENTERED, VIEWED):
            return layer._called(args, training, kwargs)
        self.inside = False
        try:
            run = self.skipped if action == SKIPPED else self.run
            return run(number, layer, args, training, kwargs)
        finally:
            self.inside = True

    def began(
        self, model: Layer, args: tuple[Any, ...], training: bool | None, kwargs: dict[str, Any]
    ) -> Any:
        """Run the model itself."""
        raise NotImplementedError(f"{type(self).__name__}: must define began.")

    def skipped(
        self, number: int, layer: Layer, args: Any, training: bool | None, kwargs: Any
    ) -> Any:
        """Return the output of a call before the frontier."""
        raise NotImplementedError(f"{type(self).__name__}: must define skipped.")

    def run(self, number: int, layer: Layer, args: Any, training: bool | None, kwargs: Any) -> Any:
        """Compute a call beyond the frontier."""
        self.touched = True
        return layer._called(args, training, kwargs)

    def output(self, number: int, tree: Any) -> Any:
        """Return a described structure with kept values in their places, without values else."""
        place = -1

        def one(leaf: Any) -> Any:
            nonlocal place
            if not isinstance(leaf, Spec):
                return leaf
            place += 1
            value = self.values.get((number, place))
            return value if value is not None else self.prefix.empty(leaf, self.samples)

        return mapped(one, tree)


class Resumed(Run):
    """The model on features: `model(features)` in a step goes on from the frontier."""

    def began(
        self, model: Layer, args: tuple[Any, ...], training: bool | None, kwargs: dict[str, Any]
    ) -> Any:
        """Run the model beyond the frontier.

        Raises:
            Moved: it calls other layers than it did, or its output needs what was not kept.
        """
        features = tensors(args)
        if len(features) != len(self.prefix.slots):
            raise Moved(True)
        self.samples = features[0].shape[0]
        self.values = dict(zip(self.prefix.slots, features, strict=True))
        x = self.output(-1, self.prefix.inputs)
        y = model._called((x,), training, kwargs)
        complete = self.place == len(self.prefix.entries)
        if not complete or any(not one.device.computes for one in tensors(y)):
            raise Moved(not self.touched)
        return y

    def skipped(
        self, number: int, layer: Layer, args: Any, training: bool | None, kwargs: Any
    ) -> Any:
        """Return what was kept of a call."""
        return self.output(number, self.prefix.entries[number].output)


class Rehearsal(Resumed):
    """A trial: all that is not skipped runs in inference form, so that nothing is changed."""

    def run(self, number: int, layer: Layer, args: Any, training: bool | None, kwargs: Any) -> Any:
        """Compute a call beyond the frontier in inference form."""
        return layer._called(args, False, kwargs)


class Computing(Run):
    """The features of a batch: what lies before the frontier computes, the rest does not."""

    def began(
        self, model: Layer, args: tuple[Any, ...], training: bool | None, kwargs: dict[str, Any]
    ) -> Any:
        """Run the model up to the frontier and return the features.

        Raises:
            Moved: it calls other layers than it did.
        """
        given = tensors(args)
        self.samples = given[0].shape[0]
        slots = self.prefix.slots
        found = {(-1, j): one for j, one in enumerate(given) if (-1, j) in slots}
        self.values = found
        try:
            model._called(args, training, kwargs)
        except _Complete:
            pass
        if any(slot not in found for slot in slots):
            raise Moved(True)
        return tuple([found[slot] for slot in slots])

    def skipped(
        self, number: int, layer: Layer, args: Any, training: bool | None, kwargs: Any
    ) -> Any:
        """Compute a call before the frontier and keep what is needed of it."""
        y = layer._called(args, training, kwargs)
        slots = self.prefix.slots
        for j, one in enumerate(tensors(y)):
            if (number, j) in slots:
                self.values[number, j] = one
        if number >= slots[-1][0]:
            raise _Complete
        return y

    def run(self, number: int, layer: Layer, args: Any, training: bool | None, kwargs: Any) -> Any:
        """Pass over a call beyond the frontier."""
        return self.output(number, self.prefix.entries[number].output)
