"""Whether features of a frozen part are kept in a fit, for how long, and what is told of it.

Where they cannot be kept the frozen part still is a step of its own: computed for every batch, but
folded and joined as inference is. Kept features live as long as the fit, or until something that
they depend on changes: that is looked at before every step. How they reach a step stands in
`handing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import graftgrad
from graftgrad.data import map_tree
from graftgrad.errors import ConfigError, GraftError, sentence

from ..registry import changes
from .batch import Batch
from .data import NumberedSource, Source
from .features import Kept, Unkept, budget, filled, told
from .frontier import NotFound
from .prefix import Prefix

if TYPE_CHECKING:
    from .trainer import Trainer

FEW = 2  # samples with which the prefix is found
WORTH = 2  # a file is used where computing writes so many times the bytes that are kept
OF_TRAINING = ("train_step", "compute_loss", "compute_metrics", "count_loss")
OF_VALIDATION = ("test_step",)


class Keeper:
    """The features of one fit: found, computed with the first batches, dropped when they expire.

    Attributes:
        prefix: the frozen part whose features are kept, or None.
        note: what is kept and how big it is, or why nothing is.
    """

    def __init__(
        self,
        model: Trainer,
        source: NumberedSource | None,
        epochs: int,
        steps: int | None,
        must: bool,
    ) -> None:
        self.model = model
        self.source = source  # None where nothing can be kept
        self.epochs = epochs
        self.steps = steps or (0 if source is None else source.length)
        self.must = must
        self.prefix: Prefix | None = None
        self.kept: dict[int, Kept] = {}
        self.validation: NumberedSource | None = None
        self.note = ""
        self.given_up = False
        self.seen = -1
        self.failed: list[bool] | None = None

    def worthwhile(self) -> bool:
        """Tell whether there may be something to keep that is needed a second time."""
        frozen = any(not one.requires_grad for one in self.model.parameters())
        again = self.source is None or self.epochs * self.steps > self.source.length
        return self.must or (frozen and again and self.failed != self._trained())

    def find(self, x: Any = None) -> None:
        """Find the prefix and make room for its features; note why if that cannot be.

        Args:
            x: a few samples, where the source cannot be asked for them.
        Raises:
            ConfigError: it cannot be, and it must.
        """
        try:
            self._find(x)
        except (NotFound, Unkept) as error:
            if self.must:
                raise refused(error) from error
            self.failed = self._trained()
            self.drop(_in_vain(error))

    def _find(self, x: Any) -> None:
        beside: list[Any] = []
        if self.source is not None:
            x, *beside = _few(self.source)
        try:
            settings = self.model.compile_settings
            loose = bool(settings["jit_compile"]) and not self.model.run_eagerly
            prefix = Prefix(self.model, map_tree(graftgrad.as_tensor, x), loose)
        except GraftError as error:
            if self.must:
                raise
            # the first step tells it in its place
            raise NotFound(f"a trial run failed: {error}") from error
        weighty = any(weight.kind == "parameter" for weight in prefix.weights)
        if not (weighty or self.must):
            raise NotFound(prefix.reason or "nothing with weights lies before it")
        self.prefix, self.kept = prefix, {}
        if self.source is None:
            return
        self._make_room(self.source, beside)
        if self.validation is not None and prefix.validates:
            self._make_room(self.validation, _few(self.validation)[1:])
        self.note = self._told()

    def begin(self) -> None:
        """Look at the beginning of an epoch whether more, or something else, is frozen now."""
        if self.prefix is not None and not self.prefix.longest():
            self.drop()
        if self.prefix is None and not self.given_up and self.worthwhile():
            self.find()
        self.epochs -= 1

    def unkept(self, x: Any) -> Prefix | None:
        """Return the prefix for a batch whose features are not kept, if there is one."""
        if self.source is not None or self.idle():
            return None
        self.seen = changes.count
        if self.prefix is not None and not self.prefix.longest():
            self.drop("")
        if self.prefix is None and self.worthwhile():
            self.find(map_tree(lambda one: one[:FEW], x))
            self.note = ""  # nothing was promised
        return self.current()

    def idle(self) -> bool:
        """Tell whether there is nothing to find: nothing was set since a look found nothing."""
        return self.given_up or (self.prefix is None and self.seen == changes.count)

    def current(self) -> Prefix | None:
        """Return the prefix if its features may be used in the next step."""
        if self.prefix is not None and not self.prefix.holds():
            self.drop()
        return self.prefix

    def room(self, source: NumberedSource) -> Kept | None:
        """Return where the features of a source are kept."""
        return self.kept.get(id(source))

    def drop(self, why: str = "The frozen part has changed: its features are dropped.") -> None:
        """Forget everything that is kept."""
        self.prefix, self.kept, self.note = None, {}, why

    def give_up(self, why: object) -> None:
        """Forget everything and look for nothing more in this fit."""
        self.given_up = True
        self.drop(_in_vain(why))

    def _trained(self) -> list[bool]:
        return [weight.requires_grad for weight in self.model.parameters()]

    def _make_room(self, source: NumberedSource, beside: Any) -> None:
        assert self.prefix is not None
        few = np.arange(1)
        rest = None if source.beside(few) is not None else tuple(beside)
        memory = budget() - sum(one.nbytes for one in self.kept.values() if not one.in_file)
        size = filled(source.count(), self.prefix.features, rest)
        if size > memory and not self.must and self.prefix.work < WORTH * self.prefix.size:
            raise Unkept(f"{told(size)} do not fit into memory, and a file would be no faster")
        self.kept[id(source)] = Kept(source.count(), self.prefix.features, memory, rest)

    def _told(self) -> str:
        assert self.prefix is not None
        rooms = list(self.kept.values())
        counts = " + ".join(f"{len(one.present):,}" for one in rooms)
        numbers = sum(spec.size // spec.shape[0] for spec in self.prefix.features)
        places = {True: "in a temporary file", False: "in memory"}
        sizes = [
            f"{told(sum(one.nbytes for one in rooms if one.in_file is where))} {places[where]}"
            for where in (False, True)
            if any(one.in_file is where for one in rooms)
        ]
        return (
            f"Computed once: {', '.join(self.prefix.names)}. Kept: {numbers:,} numbers for each of "
            f"{counts} samples, {' and '.join(sizes)}."
        )


def _in_vain(why: object) -> str:
    return f"The frozen part is computed in every step: {str(why).rstrip('.')}."


def _few(source: NumberedSource) -> Batch:
    return source.samples(next(source.places(0))[:FEW])


def refused(why: object) -> ConfigError:
    """Return the error that says why nothing can be kept."""
    rule = f"cache_frozen=True must find a frozen part whose features can be kept; {why}"
    advice = 'Pass "auto" to keep them only where that is possible.'
    return ConfigError(sentence("fit", rule, {"cache_frozen": True}, advice))


def unsteady(model: Trainer, names: tuple[str, ...], source: Source) -> str | None:
    """Say why features of these data cannot take the place of x in a step; None if they can."""
    if not isinstance(source, NumberedSource):
        return "the samples of a stream or generator have no numbers"
    if source.text:
        return "text in x is looked up on the host"
    if (why := source.unsteady()) is not None:
        return why
    return overridden(model, names)


def overridden(model: Trainer, names: tuple[str, ...]) -> str | None:
    """Say which part of a step is the user's own, so that features must not take x's place."""
    for name in names:
        home = getattr(getattr(type(model), name), "__module__", "")
        if name in vars(model) or home != f"{__package__}.trainer":
            return f"{name} of {type(model).__name__} is your own and may look at x"
    return None
