"""Which value lies in which register, and when one has to wait in memory.

Values are computed in their order; where no register is free, the value that is needed last is put
aside. Constants and values that are the same for all elements have a home in memory anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .assembler import RSP, Memory, Operand, Place
from .program import Program

FREE = tuple(range(14))
SCRATCH, OTHER = 14, 15  # for the steps of one operation, and the mask of the last elements

COMMUTATIVE = {"add", "mul", "and", "or", "xor", "add_whole"}
UNARY = {"sqrt", "round", "to_whole", "from_whole"}
SHIFTS = {"shift_left", "shift_right", "shift_down"}


class Frame:
    """The part of the stack that a kernel uses; registers are put aside there."""

    def __init__(self) -> None:
        self.size = 0

    def vector(self) -> Memory:
        """Return room for one register of 32 bytes."""
        self.size = -(-self.size // 32) * 32 + 32
        return Memory(RSP, self.size - 32)

    def word(self) -> Memory:
        """Return room for 64 bits."""
        self.size += 8
        return Memory(RSP, self.size - 8)


class Step(NamedTuple):
    """One operation with its registers chosen; of its sources some may lie in memory."""

    op: str
    to: int
    sources: tuple[Operand, ...] = ()
    data: Any = None


class Allocator:
    """Chooses registers for the values of a program, in order."""

    def __init__(
        self, program: Program, order: Sequence[int], homes: dict[int, Place], frame: Frame,
        stores: Sequence[tuple[int, int]], kept: Sequence[int] = (),
        free: Sequence[int] = FREE, at_once: bool = False,
    ) -> None:  # fmt: skip
        self.program = program
        self.order = order
        self.homes = dict(homes)
        self.frame = frame
        self.stores = stores
        self.kept = set(kept)
        self.steps: list[Step] = []
        self.at_once = at_once  # write each result as soon as it is there
        self.free = list(reversed(free))
        self.register: dict[int, int] = {}
        self.uses: dict[int, list[int]] = {}
        self.spare: list[Memory] = []
        self.leaving: list[Memory] = []  # still read by the step that is being made
        self.own: dict[int, Memory] = {}

    def run(self) -> list[Step]:
        """Return the steps."""
        nodes = self.program.nodes
        results = self._results()
        for at, place in enumerate(self.order):
            for arg in nodes[place].args:
                self.uses.setdefault(arg, []).append(at)
            for _ in results.get(place, ()):
                self.uses.setdefault(place, []).append(at)
        late = [] if self.at_once else self.stores
        for at, (_, place) in enumerate(late):
            self.uses.setdefault(place, []).append(len(self.order) + at)
        for times in self.uses.values():
            times.reverse()
        for at, place in enumerate(self.order):
            self._compute(place, at)
            self.spare += self.leaving
            self.leaving = []
            if place in self.kept:
                self.steps.append(Step("keep", self.register[place], (), self.homes[place]))
                if not self.uses.get(place):
                    self._release(place)
            for slot in results.get(place, ()):
                self.steps.append(Step("store", self.register[place], (), slot))
            if place in results:
                self._used((place,), at)
        for at, (slot, place) in enumerate(late, len(self.order)):
            to = self._in_register(place, ())
            self.steps.append(Step("store", to, (), slot))
            self._used((place,), at)
        return self.steps

    def _results(self) -> dict[int, list[int]]:
        """Return where each value is written that is written at once."""
        found: dict[int, list[int]] = {}
        for slot, place in self.stores if self.at_once else ():
            found.setdefault(place, []).append(slot)
        return found

    def _compute(self, place: int, at: int) -> None:
        node = self.program.nodes[place]
        args = node.args
        if not args:
            self._emit(node.op, place, (), node.data)
        elif node.op in UNARY:
            source = self._anywhere(args[0])
            self._used(args, at)
            self._emit(node.op, place, (source,), node.data)
        elif node.op in SHIFTS:
            source = self._in_register(args[0], ())
            self._used(args, at)
            self._emit(node.op, place, (source,), node.data)
        elif node.op == "fma":
            self._fma(place, at)
        elif node.op == "blend":
            low = self._in_register(args[0], args)
            mask = self._in_register(args[2], args)
            high = self._anywhere(args[1])
            self._used(args, at)
            self._emit(node.op, place, (low, high, mask))
        else:
            a, b = args
            if node.op in COMMUTATIVE and a not in self.register:
                a, b = b, a
            first = self._in_register(a, (a, b))
            second = self._anywhere(b)
            self._used(args, at)
            self._emit(node.op, place, (first, second), node.data)

    def _fma(self, place: int, at: int) -> None:
        """Compute a · b + c over one of the three, if that is not needed any more."""
        args = self.program.nodes[place].args
        a, b, c = args
        dying = [x for x in args if x in self.register and self.uses[x][-1 :] == self.uses[x][:1]
                 and x not in self.kept]  # fmt: skip
        if b in dying and a not in dying:
            a, b = b, a
        if a in dying:
            if b in self.register or c not in self.register:
                second, third = self._in_register(b, args), self._anywhere(c)
                form = "213"
            else:
                second, third = self.register[c], self._anywhere(b)
                form = "132"
            to = self.register[a]
            self._taken(a, place, args, at)
            self.steps.append(Step(f"fma{form}", to, (second, third)))
            return
        if c in dying:
            if a not in self.register:
                a, b = b, a
            second, third = self._in_register(a, args), self._anywhere(b)
            to = self.register[c]
            self._taken(c, place, args, at)
            self.steps.append(Step("fma231", to, (second, third)))
            return
        if a not in self.register and b in self.register:
            a, b = b, a
        second = self._in_register(b, args)
        to = self._take(args)
        self.steps.append(Step("copy", to, (self._anywhere(a),)))
        third = self._anywhere(c)
        self._used(args, at)
        self.register[place] = to
        self.steps.append(Step("fma213", to, (second, third)))

    def _taken(self, old: int, new: int, args: Sequence[int], at: int) -> None:
        """Let a new value lie where an old one lay that is used for the last time."""
        to = self.register[old]
        self._used([x for x in args if x != old], at)
        self.uses[old] = []
        del self.register[old]
        self._let_go(old)
        self.register[new] = to

    def _emit(self, op: str, place: int, sources: tuple[Operand, ...], data: Any = None) -> None:
        to = self._take(self.program.nodes[place].args)
        self.register[place] = to
        self.steps.append(Step(op, to, sources, data))

    def _anywhere(self, place: int) -> Operand:
        """Return where a value lies: a register, or memory."""
        found = self.register.get(place)
        return self.homes[place] if found is None else found

    def _in_register(self, place: int, together: Sequence[int]) -> int:
        found = self.register.get(place)
        if found is None:
            found = self._take(together)
            self.register[place] = found
            self.steps.append(Step("copy", found, (self.homes[place],)))
        return found

    def _take(self, together: Sequence[int]) -> int:
        """Return a free register; one is emptied if need be, but none of those used together."""
        if self.free:
            return self.free.pop()
        never = len(self.order) + len(self.stores)
        chosen = max(
            (place for place in self.register if place not in together),
            key=lambda place: self.uses[place][-1] if self.uses.get(place) else never,
        )
        to = self.register.pop(chosen)
        if chosen not in self.homes:
            room = self.spare.pop() if self.spare else self.frame.vector()
            self.homes[chosen] = self.own[chosen] = room
            self.steps.append(Step("keep", to, (), room))
        return to

    def _used(self, places: Sequence[int], at: int) -> None:
        for place in set(places):
            times = self.uses.get(place, [])
            while times and times[-1] <= at:
                times.pop()
            if not times:
                self._release(place)

    def _release(self, place: int) -> None:
        found = self.register.pop(place, None)
        if found is not None:
            self.free.append(found)
        self._let_go(place)

    def _let_go(self, place: int) -> None:
        room = self.own.pop(place, None)
        if room is not None:
            del self.homes[place]
            self.leaving.append(room)
