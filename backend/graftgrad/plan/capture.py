"""When a step is recorded, and when its plan is repeated in its place.

A step is run in plain Python until two runs with arguments of the same kind did the same; then the
plan of the last one is repeated. A plan can be missing, never wrong: what is not the same as when
it was recorded leads back to Python.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeVar

import numpy as np

from .. import modes
from ..data import map_tree
from ..device.find import cpu
from ..errors import GraftError
from ..kernels.threads import get_num_threads
from ..spec import Spec
from ..tensor import Tensor
from .compare import difference, same
from .kept import Kept
from .plan import Plan
from .records import Recording
from .tape import Tape

P = ParamSpec("P")
R = TypeVar("R")
MOST = 16  # kinds of arguments for which plans are kept
PATIENCE = 4  # recordings that may differ from the one before, until the step is left to Python


@dataclass(slots=True)
class Known:
    """What is known of a step for one kind of arguments.

    Attributes:
        recent: the last recording for each set of choices that the step made, to be held against
            the next.
        plans: one for each set of choices, with the structure of its result.
        reason: why the step is left to Python for good.
        culprit: the line that is to blame for it.
        tries: how many recordings there were since the last plan.
    """

    recent: dict[Hashable, Recording] = field(default_factory=dict)
    plans: list[Kept] = field(default_factory=list)
    reason: str = ""
    culprit: str = ""
    tries: int = 0


class Captured(Generic[P, R]):
    """A function of tensors that is repeated as a plan once it has done the same twice.

    Args:
        function: takes and returns tensors, or structures of them.
        state: returns what, besides the arguments, the function depends on; a plan is repeated only
            while it returns the same.
        again: makes a result that is no tensor anew for a repetition.
        fixed: returns tensors whose values are prepared once, as long as they do not change.
        at_once: a function without effects is run twice at the first call, so that every result
            comes from its plan.
        loose: make plans shorter by what rounds differently than Python does.
    """

    def __init__(
        self,
        function: Callable[P, R],
        state: Callable[[], Hashable] | None = None,
        again: Callable[[Any], Any] | None = None,
        fixed: Callable[[], Iterable[Tensor]] = tuple,
        at_once: bool = False,
        loose: bool = False,
    ) -> None:
        self.function = function
        self.state = state
        self.again = again
        self.fixed = fixed
        self.at_once = at_once
        self.loose = loose
        self.kinds: OrderedDict[Hashable, Known] = OrderedDict()
        self.lock = threading.Lock()
        self.eager = 0
        self.replayed = 0

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function, or repeat its plan."""
        found: list[Tensor] = []
        form = _form((args, kwargs), found)
        if form is None or modes.recorder() is not None or not self.lock.acquire(blocking=False):
            return self.function(*args, **kwargs)
        try:
            return self._run(form, found, args, kwargs)
        finally:
            self.lock.release()

    def _run(self, form: Hashable, found: list[Tensor], args: Any, kwargs: Any) -> R:
        kept = self._fitting(form)
        if kept is not None:
            return self._repeated(kept, found)
        self.eager += 1
        if self._known(form).reason:
            return self.function(*args, **kwargs)
        result = self._recorded(form, found, args, kwargs)
        if self.at_once:
            kept = self._fitting(form)
            if kept is None and not self._known(form).reason:
                self._recorded(form, found, args, kwargs)
                kept = self._fitting(form)
            if kept is not None:
                return self._repeated(kept, found)
        return result

    def _fitting(self, form: Hashable) -> Kept | None:
        """Return what can be repeated now, if there is something."""
        for kept in self._known(form).plans:
            if kept.plan.usable() and kept.plan.agrees():
                return kept
        return None

    def _repeated(self, kept: Kept, found: list[Tensor]) -> R:
        plan = kept.ready()
        plan.replay([x.array for x in found])
        self.replayed += 1
        result: R = self._handed_out(kept.told, plan)
        return result

    def _known(self, form: Hashable) -> Known:
        """Return what is known of arguments of this form in the present state."""
        state = self.state() if self.state is not None else None
        key = (form, modes.recording(), get_num_threads(), state)
        known = self.kinds.get(key)
        if known is None:
            known = self.kinds[key] = Known()
            if len(self.kinds) > MOST:
                self.kinds.popitem(last=False)
        else:
            self.kinds.move_to_end(key)
        return known

    def _recorded(self, form: Hashable, found: list[Tensor], args: Any, kwargs: Any) -> R:
        tape = Tape()
        copies: dict[int, Tensor] = {}
        for x in found:
            array = np.array(x.array, order="C")
            tape.input(array)
            copies[id(x)] = Tensor(array, x.spec.like(), x.device)
        given = map_tree(lambda one: copies.get(id(one), one), (args, kwargs))
        with modes.recorded(tape):
            result: Any = self.function(*given[0], **given[1])
        told = _told(result, tape)
        self._learn(self._known(form), tape, told)  # the run itself may have changed the state
        return result  # type: ignore[no-any-return]

    def _learn(self, known: Known, tape: Tape, told: Any) -> None:
        """Make a plan of a recording that is like the one before, or keep it for the next."""
        recording = tape.recording
        choices = tuple([value for _, value in recording.decisions])
        before = known.recent.pop(choices, None)
        known.tries += 1
        if tape.failure:
            known.reason, known.culprit = tape.failure, tape.culprit
        elif before is not None and same(before, recording):
            known.tries = 0
            try:
                known.plans.append(Kept(recording, told, self.fixed, self.loose))
            except GraftError as error:
                known.reason = f"no plan could be made: {error}"
        elif known.tries > PATIENCE + len(known.recent):
            known.reason = "it does not do the same every time"
            known.culprit = difference(before, recording) if before is not None else ""
        else:
            known.recent[choices] = recording
        if known.reason:
            known.recent.clear()

    def _handed_out(self, result: Any, plan: Plan) -> Any:
        def made(one: Any) -> Any:
            if isinstance(one, _Output):
                return Tensor(plan.outputs[one.number].copy(), one.spec, one.device)
            return self.again(one) if self.again is not None else one

        return map_tree(made, result)

    # -- looking -------------------------------------------------------------------------------

    def report(self, timed: bool = True) -> str:
        """Return all plans as tables, or why the step is left to Python."""
        lines = [f"{self.replayed} runs repeated a plan, {self.eager} ran in Python"]
        for key, known in self.kinds.items():
            lines.append(f"\narguments: {_readable(key)}")
            for kept in known.plans:
                lines.append(kept.plan.table(timed))
            if known.reason:
                where = f" ({known.culprit})" if known.culprit else ""
                lines.append(f"left to Python: {known.reason}{where}")
            elif not known.plans:
                lines.append("not yet recorded twice")
        return "\n".join(lines)


def captured(
    function: Callable[P, R], state: Callable[[], Hashable] | None = None
) -> Captured[P, R]:
    """Return a function of tensors that is recorded as it runs, and from then on repeated.

    Args:
        function: takes and returns tensors, or structures of them.
        state: returns what, besides the arguments, the function depends on.
    """
    return Captured(function, state)


@dataclass(frozen=True, slots=True)
class _Output:
    """Stands for a tensor in the structure of a result."""

    number: int
    spec: Spec
    device: Any


def _form(tree: Any, found: list[Tensor]) -> Hashable:
    """Return the structure of arguments as a key, and collect their tensors; None if unfit."""
    if isinstance(tree, Tensor):
        if tree.device is not cpu or tree.requires_grad:
            return None
        found.append(tree)
        return tree.spec.like()
    if isinstance(tree, (list, tuple)):
        parts = [_form(one, found) for one in tree]
        return None if None in parts else (type(tree).__name__, *parts)
    if isinstance(tree, dict):
        keyed = [(key, _form(one, found)) for key, one in tree.items()]
        return None if any(form is None for _, form in keyed) else ("dict", *keyed)
    try:
        hash(tree)
    except TypeError:
        return None
    return ("value", type(tree).__name__, tree)


def _told(result: Any, tape: Tape) -> Any:
    """Return the structure of a result with its tensors numbered, and note their views."""

    def numbered(one: Any) -> Any:
        if not isinstance(one, Tensor):
            return one
        if one.requires_grad:
            tape.fail("a result still belongs to the graph")
        number = len(tape.recording.outputs)
        tape.recording.outputs.append(tape.view(one.array))
        return _Output(number, one.spec.like(), one.device)

    return map_tree(numbered, result)


def _readable(key: Any) -> str:
    return str(key[0])
