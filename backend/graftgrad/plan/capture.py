"""When a step is recorded, and when its plan is repeated in its place.

A step is run in plain Python until two runs with arguments of the same kind did the same; then the
plan of the last one is repeated. A plan can be missing, never wrong: what is not the same as when
it was recorded leads back to Python.
"""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeVar

from .. import kernel, modes
from ..data import map_tree
from ..device.base import Array
from ..errors import GraftError
from ..kernels.threads import get_num_threads
from ..tensor import Tensor
from .compare import difference
from .forms import Other, Output, UnfitError, form_of, told_of
from .graphed import Graphed
from .guards import Guards, Leaf
from .kept import Kept
from .picking import Pick
from .plan import Plan
from .records import Recording
from .tape import Tape

P = ParamSpec("P")
R = TypeVar("R")
MOST = 16  # kinds of arguments for which plans are kept
MOST_PLANS = 4  # for one kind of arguments
MOST_RECENT = 8  # recordings that wait for another like them
PATIENCE = 4  # recordings that may differ from the one before, until the step is left to Python


@dataclass(slots=True)
class Recorded:
    """A recording, and the structure of what the step returned."""

    recording: Recording
    told: Any


@dataclass(slots=True)
class Known:
    """What is known of a step for one kind of arguments.

    Attributes:
        recent: the last recording for each set of choices and settings, to be held against the
            next.
        plans: the plans, that of the latest recording first.
        leaves: the tensors with which runs computed.
        reason: why the step is left to Python for good.
        culprit: the line that is to blame for it.
        doubt: why the last recording is not enough.
        tries: how many recordings there were since the last plan.
        failures: how many in a row could not be repeated.
    """

    recent: dict[Hashable, Recorded] = field(default_factory=dict)
    plans: list[Kept] = field(default_factory=list)
    leaves: dict[int, Leaf] = field(default_factory=dict)
    reason: str = ""
    culprit: str = ""
    doubt: str = ""
    tries: int = 0
    failures: int = 0

    def gradients(self) -> list[tuple[Tensor, Any]]:
        """Return the gradients that the known tensors hold now."""
        alive = [leaf.tensor() for leaf in self.leaves.values()]
        return [(x, x.grad) for x in alive if x is not None]


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
        roots: returns objects, each with a name, whose settings the function depends on; the
            function itself if None.
    """

    def __init__(
        self,
        function: Callable[P, R],
        state: Callable[[], Hashable] | None = None,
        again: Callable[[Any], Any] | None = None,
        fixed: Callable[[], Iterable[Tensor]] = tuple,
        at_once: bool = False,
        loose: bool = False,
        roots: Callable[[], Iterable[tuple[str, Any]]] | None = None,
    ) -> None:
        self.function = function
        self.state = state
        self.again = again
        self.fixed = fixed
        self.at_once = at_once
        self.loose = loose
        self.roots = roots
        self.unfit = ""
        self.kinds: OrderedDict[Hashable, Known] = OrderedDict()
        self.lock = threading.Lock()
        self.eager = 0
        self.replayed = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> Captured[P, R]:
        """Copy without plans: a copy records anew."""
        return self._anew(copy.deepcopy(self.function, memo))

    def __reduce__(self) -> Any:
        return captured, (self.function, self.state)

    def _anew(self, function: Callable[P, R]) -> Captured[P, R]:
        return Captured(
            function, self.state, self.again, self.fixed, self.at_once, self.loose, self.roots
        )

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function, or repeat its plan."""
        if _watched():
            return self.function(*args, **kwargs)
        found: list[Tensor] = []
        try:
            form = form_of((args, kwargs), found)
        except UnfitError as error:
            self.unfit, form = str(error), None
        if form is None or not self.lock.acquire(blocking=False):
            self.eager += 1
            return self.function(*args, **kwargs)
        try:
            return self._run(form, found, args, kwargs)
        finally:
            self.lock.release()

    def _run(self, form: Hashable, found: list[Tensor], args: Any, kwargs: Any) -> R:
        known = self._known(form)
        kept = _fitting(known)
        if kept is not None:
            return self._repeated(kept, found)
        self.eager += 1
        if known.reason:
            return self.function(*args, **kwargs)
        result, pure = self._recorded(known, found, args, kwargs)
        if self.at_once and pure and not known.reason:
            kept = _fitting(known)
            if kept is None:
                self._recorded(known, found, args, kwargs)
                kept = _fitting(known)
            if kept is not None:
                return self._repeated(kept, found)
        return result

    def _repeated(self, kept: Kept, found: list[Tensor]) -> R:
        plan = kept.ready()
        plan.replay(found)
        self.replayed += 1
        result: R = self._handed_out(kept.told, plan)
        return result

    def form(self, *args: P.args, **kwargs: P.kwargs) -> Hashable:
        """Return the structure of arguments, under which `repeat` looks for a plan.

        Raises:
            UnfitError: an argument is no tensor without gradient, and no plain value.
        """
        return form_of((args, kwargs), [])

    def repeat(
        self, form: Hashable, fills: Iterable[Callable[[Sequence[Array], Pick], object]]
    ) -> tuple[int, R | None]:
        """Repeat a plan on one list of arguments after the other, as long as it can be.

        Args:
            form: the structure of the arguments.
            fills: each writes the tensors of some arguments, in their order, into the arrays that
                it is handed, or lets the function that it is handed copy rows into them. The next
                one is asked for when a repetition is done.

        Returns:
            how often the plan was repeated, and what it returned last.
        """
        if _watched() or not self.lock.acquire(blocking=False):
            return 0, None
        count = 0
        try:
            kept = _fitting(self._known(form))
            if kept is None:
                return 0, None
            holds = kept.guards.hold
            for fill in fills:
                plan = kept.ready()
                if count and not (holds() and plan.agrees()):
                    break
                plan.fill(fill)
                plan.repeat()
                count += 1
            return count, self._handed_out(kept.told, kept.plan) if count else None
        finally:
            self.replayed += count
            self.lock.release()

    def _known(self, form: Hashable) -> Known:
        """Return what is known of arguments of this form in the present state."""
        state = self.state() if self.state is not None else None
        key = (form, modes.recording(), get_num_threads(), kernel.generation(), state)
        known = self.kinds.get(key)
        if known is None:
            known = self.kinds[key] = Known()
            if len(self.kinds) > MOST:
                self.kinds.popitem(last=False)
        else:
            self.kinds.move_to_end(key)
        return known

    def _recorded(
        self, known: Known, found: list[Tensor], args: Any, kwargs: Any
    ) -> tuple[R, bool]:
        """Run the function while a tape listens; tell whether it was understood and pure."""
        tape = Tape()
        for path, thing in self.roots() if self.roots is not None else [("step", self.function)]:
            tape.settings.add(thing, path)
        grads = known.gradients()
        copies = [_input(x, tape) for x in found]
        try:
            result: Any = self._listened(tape, found, copies, args, kwargs)
        finally:
            _give_back(found, copies)
        told = told_of(result, tape, self.again)
        if not tape.failure:
            result = map_tree(_copied, result)  # else what is handed out would outlive the step
            tape.finish()
        doubt = "" if tape.failure else _doubt(tape, grads, known.tries > 0)
        self._learn(known, tape, told, doubt)
        return result, not (tape.failure or doubt) and tape.recording.pure

    def _listened(
        self, tape: Tape, found: list[Tensor], copies: list[Tensor], args: Any, kwargs: Any
    ) -> Any:
        by_id = {id(x): one for x, one in zip(found, copies, strict=True)}
        given = map_tree(lambda one: by_id.get(id(one), one), (args, kwargs))
        by_id.clear()
        with modes.recorded(tape):
            return self.function(*given[0], **given[1])

    def _learn(self, known: Known, tape: Tape, told: Any, doubt: str) -> None:
        """Make a plan of a recording that is like the one before, or keep it for the next."""
        recording = tape.recording
        known.leaves = {key: one for key, one in known.leaves.items() if not one.gone}
        if not tape.failure:
            known.leaves |= tape.leaves
        known.tries += 1
        if tape.failure:
            known.failures += 1
            known.culprit = tape.culprit
            if known.failures > 1:  # what is built in the first run may be read there
                known.reason = tape.failure
        elif doubt:
            known.doubt = doubt
        else:
            known.failures, known.doubt = 0, ""
            self._compare(known, tape, Recorded(recording, told))
        if known.tries > PATIENCE + len(known.recent) and not known.reason:
            known.reason = known.doubt or "it does not do the same every time"
        if known.reason:
            known.recent.clear()
            known.leaves.clear()

    def _compare(self, known: Known, tape: Tape, now: Recorded) -> None:
        choices = tuple([value for _, value in now.recording.decisions])
        wants = tuple([(key, leaf.wants) for key, leaf in tape.leaves.items()])
        key = (choices, wants, tape.settings.key)
        before = known.recent.pop(key, None)
        if before is None:
            known.recent[key] = now
            while len(known.recent) > MOST_RECENT:
                known.recent.pop(next(iter(known.recent)))
            return
        differs = difference(before.recording, now.recording)
        if differs or before.told != now.told or now.recording.fresh:
            if not now.recording.fresh:
                known.doubt = "it does not do the same every time"
                known.culprit = differs or "results"
            known.recent[key] = now
            return
        known.tries = 0
        known.doubt = known.culprit = ""
        try:
            kept = Kept(now.recording, now.told, self.fixed, self.loose)
        except GraftError as error:
            known.reason = f"no plan could be made: {error}"
            return
        kept.guards = Guards(tape.leaves.values(), tape.settings)
        known.plans = [kept, *[one for one in known.plans if not one.guards.gone]][:MOST_PLANS]

    def _handed_out(self, result: Any, plan: Plan | Graphed) -> Any:
        def made(one: Any) -> Any:
            if isinstance(one, Output):
                return Tensor(plan.outputs[one.number].copy(), one.spec, one.device)
            if isinstance(one, Other):
                assert self.again is not None
                return self.again(one.value)
            return one

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
                lines.append(f"not yet recorded twice{': ' if known.doubt else ''}{known.doubt}")
        if self.unfit:
            lines.append(f"left to Python: {self.unfit}")
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


def _watched() -> bool:
    """Tell whether Python must run: who listens hears launches, who looks at values sees them."""
    state = modes.state
    return state.tape is not None or state.anomaly is not None or state.saving is not None


def _input(x: Tensor, tape: Tape) -> Tensor:
    """Return a copy of an argument, in memory that the tape knows as an input."""
    array = x.device.copy(x.array)
    tape.input(array)
    return Tensor(array, x.spec.like(), x.device)


def _give_back(found: list[Tensor], copies: list[Tensor]) -> None:
    """Let arguments that were changed in place be changed; forget the copies."""
    for x in found:
        one = copies.pop(0)
        if one.version:
            x.array[...] = one.array
            x.counter.rise()


def _copied(one: Any) -> Any:
    """Return a result in memory of its own."""
    return Tensor(one.array.copy(), one.spec.like(), one.device) if isinstance(one, Tensor) else one


def _doubt(tape: Tape, grads: list[tuple[Tensor, Any]], again: bool) -> str:
    """Return what a repetition would leave out, if the step does more than launches."""
    before = {id(x): grad for x, grad in grads}
    for leaf in tape.leaves.values():
        x = leaf.tensor()
        leaf.grad = x.grad if x is not None else None
        if id(x) not in before:
            tape.recording.fresh = True
        elif before[id(x)] is not leaf.grad:
            return "it leaves a gradient behind where there was another, or none"
    line = tape.survivor(thorough=again)
    if line is not None:
        return f"a result is kept beyond the step{f' ({line})' if line else ''}"
    return tape.settings.settle()


def _fitting(known: Known) -> Kept | None:
    """Return what can be repeated now, if there is something."""
    for kept in known.plans:
        if kept.plan.usable() and kept.guards.hold() and kept.plan.agrees():
            return kept
    return None


def _readable(key: Any) -> str:
    return str(key[0])
