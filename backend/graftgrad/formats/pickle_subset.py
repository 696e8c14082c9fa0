"""An interpreter for the few pickle instructions that checkpoints need; it executes nothing.

A global name in the stream is looked up in a table the caller gives, and never imported. What the
names mean stands in `plain_objects.py`, `torch_objects.py` and `numpy_objects.py`; what becomes of
those that are not in it, in `foreign_objects.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from ..errors import FormatError, sentence
from .base import Limits, refuse
from .foreign_objects import Record, foreign
from .plain_objects import Buildable, Global, check_key, plain_set

_CONTAINERS = (dict, list, tuple)
_WALKED = (*_CONTAINERS, Record)
_SIZED = (str, bytes, dict, list, tuple, set)
_FREE, _COPIES = 1 << 16, 4


def check_tree(tree: object, subject: str, limits: Limits) -> None:
    """Bound a decoded tree before anyone walks it.

    Values are counted as often as they are met: a few lists that hold each other many times stand
    for billions of values, and one that holds itself for endless ones.
    """
    waiting, count = [(tree, 0)], 1
    while waiting:
        node, depth = waiting.pop()
        if depth > limits.max_depth:
            refuse(subject, f"at most max_depth={limits.max_depth} levels", levels=depth)
        if isinstance(node, Record):  # of its state nothing is walked; modules count themselves
            node = [node.items or {}, node.elements or []]
        if not isinstance(node, _CONTAINERS):
            continue
        # Counted before they are listed: a long list that holds itself is long at every level.
        count += len(node)
        if count > limits.max_objects:
            refuse(subject, f"at most max_objects={limits.max_objects}", objects=count)
        inside = node.values() if isinstance(node, dict) else node
        deeper = depth + 1
        waiting.extend([(one, deeper) for one in inside if isinstance(one, _WALKED) and one])


class Interpreter:
    """Runs one pickle after another over the same bytes.

    Args:
        data: the bytes; a pickle may begin anywhere in them.
        subject: who speaks in errors.
        limits: opcodes and the like.
        known: every global that is more than a record, by full name.
        persistent: what a persistent id stands for.
    """

    def __init__(
        self,
        data: memoryview,
        subject: str,
        limits: Limits,
        known: Mapping[str, Global],
        persistent: Callable[[object], object],
    ) -> None:
        self.data = data
        self.subject = subject
        self.limits = limits
        self.known = dict(known)
        self.persistent = persistent
        self.position = 0
        self.copied = 0
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}

    def run(self) -> object:
        """Interpret one pickle from the present position to its STOP, and return its value."""
        self.stack, self.marks, self.memo = [], [], {}
        for _ in range(self.limits.max_opcodes):
            code = self.take(1)[0]
            if code == _STOP:
                result = self.pop()
                self.check(
                    not self.stack and not self.marks,
                    "must end with one value",
                    values=len(self.stack) + 1,
                )
                return result
            instruction = _INSTRUCTIONS.get(code)
            if instruction is None:
                self.refuse("may only hold instructions that build data", opcode=hex(code))
            instruction(self)
        most = self.limits.max_opcodes
        self.refuse(f"at most max_opcodes={most} instructions", instructions=most + 1)

    # what instructions are made of

    def refuse(self, rule: str, advice: str = "", **got: object) -> NoReturn:
        """Refuse the file, saying where in it."""
        refuse(f"{self.subject}: pickle at byte {self.position}", rule, advice, **got)

    def check(self, condition: bool, rule: str, **got: object) -> None:
        """Refuse the file unless `condition` holds."""
        if not condition:
            raise FormatError(
                sentence(f"{self.subject}: pickle at byte {self.position}", rule, got)
            )

    def take(self, count: int) -> bytes:
        """Take the next bytes."""
        end = self.position + count
        if end > len(self.data):
            self.refuse("must not end early", "The file is truncated.", wanted=count,
                        left=len(self.data) - self.position)  # fmt: skip
        taken = bytes(self.data[self.position : end])
        self.position = end
        return taken

    def number(self, form: str) -> int:
        """Take the next bytes as one integer."""
        (value,) = struct.unpack(form, self.take(struct.calcsize(form)))
        return int(value)

    def line(self) -> str:
        """Take bytes up to a line feed, as text."""
        raw = bytearray()
        while (byte := self.take(1)) != b"\n":
            raw += byte
            if len(raw) > 200:
                self.refuse("a global's name has at most 200 bytes", bytes=len(raw))
        return self.text(bytes(raw))

    def text(self, raw: bytes) -> str:
        """Decode text."""
        try:
            return raw.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            self.refuse("text must be UTF-8", bytes=len(raw))

    def push(self, value: object) -> None:
        """Give a value."""
        self.stack.append(value)

    def pop(self) -> object:
        """Take the last value, but none from before the last mark."""
        floor = self.marks[-1] if self.marks else 0
        if len(self.stack) <= floor:
            self.refuse("must not take more values than it gave", values=len(self.stack) - floor)
        return self.stack.pop()

    def pop_mark(self) -> list[object]:
        """Take all values since the last mark."""
        if not self.marks:
            self.refuse("must set a mark before it gathers values", marks=0)
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def drop(self) -> None:
        """Let go of the last value."""
        self.pop()

    def drop_mark(self) -> None:
        """Let go of all values since the last mark."""
        self.pop_mark()

    def top(self) -> object:
        """Look at the last value."""
        value = self.pop()
        self.push(value)
        return value

    # the instructions

    def global_name(self, module: str, name: str) -> None:
        """Look a name up in the table of what is known."""
        full = f"{module}.{name}"
        found = self.known.get(full)
        if found is None:  # one object for each name, so that classes as keys are told apart
            found = self.known[full] = foreign(module, name, self.subject)
        self.push(found)

    def stack_global(self) -> None:
        """Look up a name whose parts are the last two values."""
        name, module = self.pop(), self.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            types = [type(one).__name__ for one in (module, name)]
            self.refuse("a global's name must be text", types=types)
        self.check(
            len(name) + len(module) <= 200,
            "a global's name has at most 200 bytes",
            bytes=len(name) + len(module),
        )
        self.global_name(module, name)

    def reduce(self) -> None:
        """Apply what a name stands for to a tuple of arguments."""
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, Global) or function.call is None:
            self.refuse("may only apply what can be applied", type=type(function).__name__)
        if type(arguments) is not tuple:
            self.refuse("arguments must be a tuple", type=type(arguments).__name__)
        # What is applied may copy its arguments, and those may be fetched again and again.
        self.copied += sum(len(one) for one in arguments if isinstance(one, _SIZED))
        self.check(self.copied <= _FREE + _COPIES * len(self.data),
                   "must not make more of its values than the file holds",
                   items=self.copied, bytes=len(self.data))  # fmt: skip
        self.push(function.call(arguments))

    def make_with_names(self) -> None:
        """Make an object of a class from arguments, of which some have names."""
        named, arguments, kind = self.pop(), self.pop(), self.pop()
        if not isinstance(named, dict) or type(arguments) is not tuple:
            self.refuse("arguments must be a tuple and a dict", type=type(named).__name__)
        self.push(kind)
        self.push((*arguments, named) if named else arguments)
        self.reduce()

    def build(self) -> None:
        """Give a state to an object of ours."""
        state, target = self.pop(), self.top()
        if not isinstance(target, Buildable):
            self.refuse("may not give a state to this", type=type(target).__name__)
        target.build(state)

    def set_items(self, items: Sequence[object]) -> None:
        """Set pairs of keys and values in the dict that is the last value."""
        target = self.top()
        if not isinstance(target, (dict, Record)):
            self.refuse("items may only be set in a dict", type=type(target).__name__)
        self.check(len(items) % 2 == 0, "items must come in pairs", count=len(items))
        for key, value in zip(items[::2], items[1::2], strict=True):
            check_key(key, self.subject)
            if isinstance(target, Record):
                target.keep_item(key, value)
            else:
                target[key] = value

    def extend(self, items: Sequence[object]) -> None:
        """Append to the list that is the last value."""
        target = self.top()
        if isinstance(target, Record):
            target.keep_elements(list(items))
            return
        if not isinstance(target, list):
            self.refuse("items may only be appended to a list", type=type(target).__name__)
        target.extend(items)

    def add(self, items: Sequence[object]) -> None:
        """Add to the set that is the last value."""
        target = self.top()
        if not isinstance(target, set):
            self.refuse("items may only be added to a set", type=type(target).__name__)
        target |= plain_set((list(items),))

    def set_one(self) -> None:
        """Set one pair."""
        value, key = self.pop(), self.pop()
        self.set_items((key, value))

    def append_one(self) -> None:
        """Append one value."""
        value = self.pop()
        self.extend((value,))

    def tuple_of(self, count: int) -> None:
        """Make a tuple of the last values."""
        items = [self.pop() for _ in range(count)]
        self.push(tuple(reversed(items)))

    def get(self, index: int) -> None:
        """Fetch a value kept before."""
        self.check(index in self.memo, "may only fetch what it kept", index=index)
        self.push(self.memo[index])

    def put(self, index: int) -> None:
        """Keep the last value."""
        self.memo[index] = self.top()

    def protocol(self) -> None:
        """Accept the protocols that write these instructions."""
        version = self.number("<B")
        self.check(2 <= version <= 5, "protocol must be 2 to 5", protocol=version)

    def frame(self) -> None:
        """Look at the length of what follows."""
        size = self.number("<Q")
        self.check(size <= len(self.data) - self.position, "a frame must fit the file", bytes=size)

    def old_text(self, raw: bytes) -> None:
        """Python 2 had one type for text and bytes; what is not text stays bytes."""
        try:
            self.push(raw.decode("utf-8"))
        except UnicodeDecodeError:
            self.push(raw)


Instruction = Callable[[Interpreter], None]


def _counted(form: str, use: Callable[[Interpreter, bytes], None]) -> Instruction:
    """Make an instruction whose argument is a count and so many bytes."""
    return lambda machine: use(machine, machine.take(machine.number(form)))


def _push_text(machine: Interpreter, raw: bytes) -> None:
    machine.push(machine.text(raw))


def _integer(form: str) -> Instruction:
    return lambda machine: machine.push(machine.number(form))


_STOP = 0x2E
_INSTRUCTIONS: dict[int, Instruction] = {
    0x80: Interpreter.protocol,
    0x95: Interpreter.frame,
    # constants
    ord("N"): lambda machine: machine.push(None),
    0x88: lambda machine: machine.push(True),
    0x89: lambda machine: machine.push(False),
    ord("K"): _integer("<B"),
    ord("M"): _integer("<H"),
    ord("J"): _integer("<i"),
    0x8A: _counted("<B", lambda m, raw: m.push(int.from_bytes(raw, "little", signed=True))),
    ord("G"): lambda machine: machine.push(struct.unpack(">d", machine.take(8))[0]),
    ord("X"): _counted("<I", _push_text),
    0x8C: _counted("<B", _push_text),
    0x8D: _counted("<Q", _push_text),
    ord("U"): _counted("<B", Interpreter.old_text),
    ord("T"): _counted("<I", Interpreter.old_text),
    ord("C"): _counted("<B", Interpreter.push),
    ord("B"): _counted("<I", Interpreter.push),
    0x8E: _counted("<Q", Interpreter.push),
    0x96: _counted("<Q", Interpreter.push),  # a bytearray
    # containers
    ord("("): lambda machine: machine.marks.append(len(machine.stack)),
    ord("}"): lambda machine: machine.push({}),
    ord("]"): lambda machine: machine.push([]),
    ord(")"): lambda machine: machine.push(()),
    0x8F: lambda machine: machine.push(set()),
    ord("t"): lambda machine: machine.push(tuple(machine.pop_mark())),
    0x85: lambda machine: machine.tuple_of(1),
    0x86: lambda machine: machine.tuple_of(2),
    0x87: lambda machine: machine.tuple_of(3),
    ord("s"): Interpreter.set_one,
    ord("u"): lambda machine: machine.set_items(machine.pop_mark()),
    ord("a"): Interpreter.append_one,
    ord("e"): lambda machine: machine.extend(machine.pop_mark()),
    0x90: lambda machine: machine.add(machine.pop_mark()),
    0x91: lambda machine: machine.push(plain_set((machine.pop_mark(),))),
    # memory
    ord("q"): lambda machine: machine.put(machine.number("<B")),
    ord("r"): lambda machine: machine.put(machine.number("<I")),
    0x94: lambda machine: machine.put(len(machine.memo)),
    ord("h"): lambda machine: machine.get(machine.number("<B")),
    ord("j"): lambda machine: machine.get(machine.number("<I")),
    ord("0"): Interpreter.drop,
    ord("1"): Interpreter.drop_mark,
    # names
    ord("c"): lambda machine: machine.global_name(machine.line(), machine.line()),
    0x93: Interpreter.stack_global,
    ord("R"): Interpreter.reduce,
    0x92: Interpreter.make_with_names,
    0x81: Interpreter.reduce,  # makes an object of a class: for what is known, the same
    ord("b"): Interpreter.build,
    ord("Q"): lambda machine: machine.push(machine.persistent(machine.pop())),
}
