"""Which terms layers have added to the loss, and until when they count."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from graftgrad import Tensor
from graftgrad.modes import at_end

if TYPE_CHECKING:
    from .weighted import Weighted


class Penalties:
    """What layers added to the loss in their last calls; gone with the layer that did."""

    def __init__(self) -> None:
        self.added: WeakKeyDictionary[Weighted, list[Tensor]] = WeakKeyDictionary()

    def add(self, layer: Weighted, terms: list[Tensor]) -> None:
        """Add terms of a layer's call that is under way."""
        self.added.setdefault(layer, []).extend(terms)
        at_end(lambda: self.added.pop(layer, None))  # else a step of one's own is not repeated

    def of(self, layer: Weighted) -> list[Tensor]:
        """Return the terms of a layer and those below it."""
        if not self.added:
            return []
        return [term for one in layer.flattened() for term in self.added.get(one, ())]

    def forget(self, layer: Weighted) -> None:
        """Forget the terms of a layer and those below it: they are called anew."""
        if self.added:
            for one in layer.flattened():
                self.added.pop(one, None)

    def all(self) -> list[Tensor]:
        """Return the terms of all layers."""
        return [term for terms in self.added.values() for term in terms]

    def __len__(self) -> int:
        return sum(len(terms) for terms in self.added.values())
