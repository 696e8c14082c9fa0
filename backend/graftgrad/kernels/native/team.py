"""Further threads that run stretches of a recorded step beside the caller, and how they meet.

A pool that is asked for each product costs a fork and a join each time. Here a thread gets all that
it has to do in a step at once. It waits where it needs what another one makes: awake for a while,
then asleep. All that happens during a step are C calls: routines of machine code, made here.

Each thread has a block of memory; those who write different words of it do so on lines of their
own. Numbers in it only rise, or are set while nobody else looks.
"""

from __future__ import annotations

import ctypes
import os
import signal
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ...errors import LibraryError
from ...kernel import NativeCall
from ..onednn import library as onednn
from . import openmp, pages
from .assembler import R8, R12, RAX, RBX, RCX, RDI, RDX, RSI, RSP, Assembler, Memory
from .pages import Unit

LINE = 64
# bytes from the beginning of a block: which work it is (by number), where its code begins, whether
# the thread sleeps, the last work that was done, and what that returned
WORK, CODE, ASLEEP, DONE, STATUS = 0, LINE, 2 * LINE, 3 * LINE, 3 * LINE + 8
BLOCK = 4 * LINE

AWAKE = 1 << 13  # pauses until a thread without work falls asleep, about 150 µs
POLITE = 1 << 11  # pauses until one that waits for another lets others run on its processor
FUTEX, YIELD = 202, 24  # numbers of system calls
WAIT, WAKE = 128, 129  # FUTEX_WAIT and FUTEX_WAKE, within this process

_PAUSE, _SYSTEM = b"\xf3\x90", b"\x0f\x05"
_EXCHANGE = b"\x48\x87\x83"  # xchg [rbx + offset], rax
_RAISE = b"\xf0\x48\xff\x07"  # lock inc qword [rdi]


class Routines(NamedTuple):
    """Where the routines begin.

    Attributes:
        serve: what a thread runs: (block); it never returns.
        post: gives work away: (block, address of the code).
        join: waits until it is done: (block); returns what the code returned.
        tell: writes a number that others wait for: (address, number).
        wait: waits until a number is at least as large: (address, number).
    """

    serve: int
    post: int
    join: int
    tell: int
    wait: int


@cache
def routines() -> Routines:
    """Return the routines, which are made once."""
    code = Assembler()
    _serve(code)
    code.label("post")
    code.put(Memory(RDI, CODE), RSI)
    code.code += _RAISE
    code.arithmetic_number("cmp", Memory(RDI, ASLEEP), 0)
    code.jump("posted", "je")
    code.number(RSI, WAKE)
    code.number(RDX, 1)
    code.number(RAX, FUTEX)
    code.code += _SYSTEM
    code.label("posted")
    code.give_back()
    code.label("join")
    code.move(RSI, Memory(RDI, WORK))
    code.move(R8, RDI)
    code.arithmetic_number("add", RDI, DONE)
    code.call("wait")
    code.move(RAX, Memory(R8, STATUS))
    code.give_back()
    code.label("tell")
    code.put(Memory(RDI), RSI)
    code.give_back()
    code.label("wait")
    code.number(RDX, POLITE)
    code.label("look")
    code.arithmetic("cmp", RSI, Memory(RDI))
    code.jump("there", "jbe")
    code.code += _PAUSE
    code.arithmetic_number("sub", RDX, 1)
    code.jump("look", "jne")
    code.number(RAX, YIELD)
    code.code += _SYSTEM
    code.jump("wait")
    code.label("there")
    code.give_back()
    unit = Unit(code.finish())
    where = {name: unit.address + code.labels[name] for name in Routines._fields}
    return Routines(**where)


def _serve(code: Assembler) -> None:
    code.label("serve")
    code.push(RBX)
    code.push(R12)
    code.arithmetic_number("sub", RSP, 8)  # calls find the stack at a multiple of 16
    code.move(RBX, RDI)
    code.number(R12, 0)
    code.number(RDI, 1)  # libraries in this thread shall look for no further ones
    code.number(RAX, openmp.function("omp_set_num_threads"))
    code.call(RAX)
    code.label("idle")
    code.number(RCX, AWAKE)
    code.label("awake")
    code.arithmetic("cmp", R12, Memory(RBX, WORK))
    code.jump("work", "jne")
    code.code += _PAUSE
    code.arithmetic_number("sub", RCX, 1)
    code.jump("awake", "jne")
    code.number(RAX, 1)
    code.code += _EXCHANGE + ASLEEP.to_bytes(4, "little")  # is seen before the number is read again
    code.move(RDI, RBX)
    code.number(RSI, WAIT)
    code.move(RDX, R12)
    code.code += b"\x4d\x31\xd2"  # xor r10, r10: without a limit
    code.number(RAX, FUTEX)
    code.code += _SYSTEM
    code.put_number(Memory(RBX, ASLEEP), 0)
    code.jump("idle")
    code.label("work")
    code.arithmetic_number("add", R12, 1)
    code.call(Memory(RBX, CODE))
    code.put(Memory(RBX, STATUS), RAX)
    code.put(Memory(RBX, DONE), R12)
    code.jump("idle")


class Member:
    """A further thread of this process, its block, and its stream for the library."""

    def __init__(self) -> None:
        room = np.zeros(BLOCK + LINE, np.uint8)
        start: int = room.__array_interface__["data"][0]
        self.room = room
        self.block = start + -start % LINE
        self.stream = onednn.library().create("stream_create", onednn.library().engine, 1)
        _begin(routines().serve, self.block)

    def post(self, code: int) -> NativeCall:
        """Return the call that gives it work: code without arguments that returns 0 or a status."""
        return NativeCall(routines().post, (self.block, code))

    def join(self) -> NativeCall:
        """Return the call that waits until it has done its work."""
        return NativeCall(routines().join, (self.block,), status=True)

    def own(self, call: NativeCall) -> NativeCall:
        """Return a call as this thread makes it."""
        if call.function != onednn.library().execute:
            return call
        primitive, _, *rest = call.arguments
        return call._replace(arguments=(primitive, self.stream.value or 0, *rest))


_members: list[Member] = []


def available(threads: int) -> bool:
    """Tell whether so many threads can share a step, each on a processor of its own."""
    if not (onednn.available() and pages.available() and openmp.available()):
        return False
    return threads <= len(os.sched_getaffinity(0))


def members(count: int) -> list[Member]:
    """Return so many further threads; they are begun when they are wanted, and stay.

    Only under the library's lock: one stretch at a time uses them.

    Raises:
        LibraryError: a thread cannot be had.
    """
    while len(_members) < count:
        _members.append(Member())
    return _members[:count]


def tell(address: int, number: int) -> NativeCall:
    """Return the call that writes a number others wait for."""
    return NativeCall(routines().tell, (address, number))


def wait(address: int, number: int) -> NativeCall:
    """Return the call that waits until a number is at least as large."""
    return NativeCall(routines().wait, (address, number))


def _begin(code: int, block: int) -> None:
    """Begin a thread that hears no signals; they are for those that run Python."""
    create: Any = ctypes.CDLL(None).pthread_create
    create.argtypes = (ctypes.c_void_p,) * 4
    found = ctypes.c_void_p()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        status = create(ctypes.addressof(found), None, code, block)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if status:
        raise LibraryError(f"plan: a thread must begin; got {os.strerror(status)!r}.")


def _leave() -> None:
    """Forget the threads in a forked child: they stayed with the parent."""
    _members.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave)
