"""Further threads: they get work, do it once, are waited for, fall asleep and wake up again."""

import ctypes
import subprocess
import sys
import time

import numpy as np
import pytest

from graftgrad.errors import LibraryError
from graftgrad.kernel import NativeCall
from graftgrad.kernels.native import team
from graftgrad.kernels.onednn import library as onednn
from graftgrad.plan.chain import Chain

pytestmark = pytest.mark.skipif(not team.available(1), reason="threads of ours are not used here")
LIBRARY = ctypes.CDLL(None)


def call(name, *arguments, status=False):
    place = ctypes.cast(getattr(LIBRARY, name), ctypes.c_void_p).value or 0
    return NativeCall(place, arguments, status=status)


def given(member, calls):
    """Calls that a member makes, as one call of ours; the code they are made of lives as long."""
    work = Chain(calls, through=True)
    return Chain([member.post(work.code.address), member.join()]), work


@pytest.fixture
def member():
    with onednn.library().lock:
        (found,) = team.members(1)
        yield found


def asleep(member):
    return ctypes.c_int64.from_address(member.block + team.ASLEEP).value


def test_work_is_done_once_each_time_it_is_given(member):
    a = np.zeros(4, "int8")
    b = np.arange(4, dtype="int8")
    chain, _work = given(member, [call("memcpy", a.ctypes.data, b.ctypes.data, 4)])
    for i in range(2000):
        b[...] = i % 100
        chain.run()
        assert (a == b).all()


def test_who_has_no_work_falls_asleep_and_is_woken(member):
    a = np.zeros(4, "uint8")
    chain, _work = given(member, [call("memset", a.ctypes.data, 7, 4)])
    for _ in range(3):
        a[...] = 0
        chain.run()
        assert (a == 7).all()
        until = time.monotonic() + 10
        while not asleep(member) and time.monotonic() < until:
            time.sleep(0.01)
        assert asleep(member)


def test_a_failure_is_told_and_what_follows_is_done_all_the_same(member):
    a = np.zeros(4, "uint8")
    chain, work = given(member, [call("abs", -7, status=True), call("memset", a.ctypes.data, 1, 4)])
    with pytest.raises(LibraryError, match="status 7 from call 1 of 2"):
        chain.run()
    assert (a == 1).all()
    assert len(work.calls) == 2


def test_the_caller_and_a_member_wait_for_each_other(member):
    """Each copies what the other has written before; without waiting a value would be old."""
    flags = np.zeros(32, "int64")
    mine, theirs = flags.ctypes.data, flags[16:].ctypes.data
    rooms = np.zeros((21, 8), "uint8")
    first, second = [], []
    for i in range(20):
        here, there = (first, second) if i % 2 else (second, first)
        here.append(call("memcpy", rooms[i + 1].ctypes.data, rooms[i].ctypes.data, 8))
        here.append(team.tell(mine if i % 2 else theirs, i + 1))
        there.append(team.wait(mine if i % 2 else theirs, i + 1))
    work = Chain(second, through=True)
    both = [team.tell(mine, 0), team.tell(theirs, 0), member.post(work.code.address)]
    chain = Chain([*both, *first, member.join()], through=True)
    for value in range(1, 100):
        rooms[0], rooms[1:] = value, 0
        chain.run()
        assert (rooms == value).all()


def test_a_forked_process_has_none_of_its_parents_threads():
    program = """
import os
from graftgrad.kernels.native import team
team.members(1)
child = os.fork()
if child == 0:
    os._exit(len(team._members))
assert len(team._members) == 1
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)
