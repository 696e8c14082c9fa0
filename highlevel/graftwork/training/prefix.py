"""The frozen part of a model, found on a few samples: computed for a batch, and gone on from.

Where it ends is found in `frontier`; how a step goes on from its features stands in `resume`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from operator import is_
from typing import Any

import numpy as np

import graftgrad
from graftgrad import Tensor
from graftgrad.errors import GraftError
from graftgrad.plan import Captured
from graftgrad.spec import Spec

from ..layers.layer import Layer
from ..layers.phase import collecting, phase
from ..layers.regularization import Noisy
from ..layers.seed_generator import SeedGenerator
from ..layers.symbol import leaves, mapped
from ..registry import changes
from ..weight import Weight
from .frontier import ENTERED, Entry, NotFound, frontier, kept_value, sealed
from .frozen import label
from .resume import Computing, Features, Moved, Rehearsal, Resumed, Run
from .tracing import tensors

_numbers: dict[Hashable, int] = {}


class Prefix:
    """The frozen part of a model from its entrance on, found on a few samples.

    Attributes:
        model: the model.
        entries: the calls that a step sees, their outputs as descriptions.
        slots: what is kept, in the order of the features.
        features: the description of every feature for the traced samples, (n, …).
        size: the bytes of the features of the traced samples.
        work: the bytes that computing them writes.
        names: the layers at the frontier.
        reason: why what comes first beyond it does not belong to it.
        validates: whether inference goes the same way, so that evaluation may resume too.
        number: the same for prefixes of a model that end alike, so that a recorded step serves
            them all.
        resumed: what stands at `phase.resumed` while a step runs on features.
    """

    def __init__(self, model: Layer, x: Any, loose: bool = False) -> None:
        why = sealed(model, x)
        if why is not None:
            raise NotFound(why)
        if not all(layer.built for layer in model.flattened()):
            with graftgrad.no_grad():
                model(x, training=False)
        x = mapped(Tensor.clone, x)  # two inputs may be views of one array
        found = frontier(model, x)
        values = tuple([kept_value(found.entries, slot, x) for slot in found.slots])
        self.model = model
        self.samples: int = leaves(x)[0].shape[0]
        self.slots = found.slots
        self.features = [value.spec for value in values]
        self.size = sum(one.nbytes for one in self.features)
        self.work = found.work
        self.inputs = described(x)
        self.entries = [Entry(e.layer, e.action, described(e.output)) for e in found.entries]
        self.names = _labels(model, [self.entries[n].layer for n, _ in self.slots if n >= 0])
        self.reason = found.reason
        self.blank: dict[tuple[Spec, int], Tensor] = {}
        self.number = _numbers.setdefault(self._path(), len(_numbers))
        self.resumed, self.computing = Resumed(self), Computing(self)
        self.recorded: Captured[[Any], Features] = Captured(
            self._compute,
            fixed=lambda: self.weights,
            at_once=True,
            loose=loose,
            roots=lambda: [(one.name, one) for one in self.parts],
        )

        open_parts = [model, *(e.layer for e in self.entries if e.action == ENTERED)]
        between = [
            w for one in open_parts for _, w in one.named_own_weights() if w.kind == "parameter"
        ]
        inside = [
            w
            for one in found.frozen
            if not isinstance(one, SeedGenerator)  # drawn from by others too, perhaps
            for _, w in one.named_own_weights()
        ]
        self.parts = [*model.flattened()]
        self.frozen = found.frozen
        self.parameters: list[Weight] = [*model.parameters()]
        self.weights = list({id(w): w for w in (*inside, *between) if not w.requires_grad}.values())
        self.loose = [one for one in found.frozen if not one.named_own_weights()]
        self.noise = [one for one in self.loose if isinstance(one, Noisy)]
        self.trained, self.state = self._trained(), self._state()
        self.held: list[Any] = []
        self.seen, self.settings = changes.count, self._settings(self.held)

        self._rehearse(values, found.output, True)
        self.validates = True
        try:
            plain = None
            if any(one.per_sample for one in open_parts):  # a body that may ask for the form
                with graftgrad.no_grad():
                    plain = model(x, training=False)
            self._rehearse(values, plain, False)
        except NotFound:
            self.validates = False

    def compute(self, x: Any) -> Features:
        """Return the features of a batch, from a plan in which everything is folded and joined.

        Raises:
            Moved: the model calls other layers than it did.
        """
        with graftgrad.no_grad():
            return self.recorded(x)

    def _compute(self, x: Any) -> Features:
        """Compute the features of a batch in the form in which a training step does."""
        with self._running(self.computing):
            made: Features = self.model(x, training=True)
        return made

    def resuming(self) -> Any:
        """Let the model start at the frontier when a step calls it on features (`with`)."""
        return self._running(self.resumed)

    def holds(self) -> bool:
        """Tell whether the features are still those of the model, and may be used in a step."""
        thawed = any(
            now and not then for now, then in zip(self._trained(), self.trained, strict=True)
        )
        if thawed or self._state() != self.state:
            return False
        if self.seen != changes.count:  # somebody set an attribute somewhere
            self.seen = changes.count
            return self._settings([]) == self.settings
        return True

    def longest(self) -> bool:
        """Tell whether nothing was frozen, thawed or replaced since the prefix was found."""
        now = [*self.model.flattened()]
        same = len(now) == len(self.parts) and all(map(is_, now, self.parts))
        return same and self._trained() == self.trained and self._state() == self.state

    def empty(self, spec: Spec, samples: int) -> Tensor:
        """Return a tensor without values in the place of one that nobody needs."""
        made = self.blank.get((spec, samples))
        if made is None:
            shape = spec.shape
            if shape and shape[0] % self.samples == 0:
                shape = (shape[0] // self.samples * samples, *shape[1:])
            made = graftgrad.empty(shape, dtype=spec.dtype, device="meta")
            self.blank[spec, samples] = made
        return made

    def _path(self) -> Hashable:
        """Return all that a step from the features depends on besides weights and features."""
        specs = [(one.shape[1:], one.dtype) for one in _specs(self.inputs)]
        calls = [
            (id(one.layer), one.action, *[(s.shape[1:], s.dtype) for s in _specs(one.output)])
            for one in self.entries
        ]
        return (tuple(specs), tuple(calls), tuple(self.slots))

    def _trained(self) -> list[bool]:
        return [weight.wants for weight in self.parameters]

    def _settings(self, held: list[Any]) -> list[Hashable]:
        known = [layer for layer in self.frozen if not layer.per_sample]  # others promise it
        return [_plain(layer.settings_now(), held) for layer in known]

    def _state(self) -> tuple[Any, ...]:
        """Return what the features depend on: values of weights, and switches of what has none."""
        return (
            [(weight.counter.value, id(weight.array)) for weight in self.weights],
            [layer._trainable for layer in self.loose],
            [layer.amount() for layer in self.noise],
        )

    @contextmanager
    def _running(self, run: Run) -> Iterator[None]:
        before = phase.resumed
        phase.resumed, run.waiting = run, True
        try:
            yield
        finally:
            phase.resumed, run.waiting = before, False

    def _rehearse(self, values: Features, wanted: Any, training: bool) -> None:
        """Go on from the features once and hold the outcome against that of the whole model.

        Raises:
            NotFound: it fails or differs: the model looks at values before the frontier.
        """
        why = "what is called depends on values or on the form, so no frontier is certain"
        try:
            with graftgrad.no_grad(), collecting(), self._running(Rehearsal(self)):
                y = self.model(values, training=training)
        except (Moved, GraftError) as error:
            raise NotFound(why) from error
        if wanted is not None and not _alike(y, wanted):
            raise NotFound(why)


def _labels(model: Layer, layers: list[Layer]) -> list[str]:
    given = {id(child): label(path, child)
             for one in model.flattened() for path, child in one.children()}  # fmt: skip
    return list(dict.fromkeys(given.get(id(one), one.name) for one in layers))


def _plain(value: Any, held: list[Any]) -> Hashable:
    """Return a setting as it is now, to be compared; what is no plain value stands for itself."""
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    if isinstance(value, (list, tuple)):
        return tuple([_plain(one, held) for one in value])
    if isinstance(value, dict):
        return tuple([(key, _plain(one, held)) for key, one in value.items()])
    held.append(value)  # its identity must not become another's
    return id(value)


def _specs(tree: Any) -> list[Spec]:
    return [one for one in leaves(tree) if isinstance(one, Spec)]


def described(tree: Any) -> Any:
    """Return a structure with a description in the place of every tensor."""
    return mapped(lambda one: one.spec if isinstance(one, Tensor) else one, tree)


def _alike(a: Any, b: Any) -> bool:
    ours, theirs = tensors(a), tensors(b)
    return len(ours) == len(theirs) and all(
        one.shape == other.shape and np.allclose(_host(one), _host(other), 1e-4, 1e-5, True)
        for one, other in zip(ours, theirs, strict=True)
    )


def _host(x: Tensor) -> Any:
    return x.detach().to("float64").numpy()
