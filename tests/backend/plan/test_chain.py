"""C calls in a row as one: real functions of the C library, failures included."""

import ctypes
import platform

import numpy as np
import pytest

from graftgrad.errors import LibraryError
from graftgrad.kernel import NativeCall
from graftgrad.plan.chain import Chain, code

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="code for x86-64")
LIBRARY = ctypes.CDLL(None)


def call(name, *arguments, status=False):
    place = ctypes.cast(getattr(LIBRARY, name), ctypes.c_void_p).value or 0
    return NativeCall(place, arguments, status=status)


def filled(array, value):
    return call("memset", array.ctypes.data, value, array.nbytes)


def test_calls_are_made_in_their_order():
    a, b = np.zeros(5, "uint8"), np.zeros(5, "uint8")
    copied = call("memcpy", b.ctypes.data, a.ctypes.data, 5)
    chain = Chain([filled(a, 7), copied, filled(a, 9)])
    for _ in range(3):
        a[...] = b[...] = 0
        chain.run()
        assert (a == 9).all()
        assert (b == 7).all()


def test_a_call_that_succeeds_lets_the_next_be_made():
    a = np.zeros(3, "uint8")
    Chain([call("abs", 0, status=True), filled(a, 4)]).run()
    assert (a == 4).all()


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_failure_ends_the_chain_and_is_named(place):
    arrays = [np.zeros(4, "uint8") for _ in range(3)]
    calls = [filled(a, 1) for a in arrays]
    calls.insert(place, call("abs", -7, status=True))
    with pytest.raises(LibraryError, match=f"status 7 from call {place} of 4"):
        Chain(calls).run()
    assert [int(a.sum()) for a in arrays] == [4] * place + [0] * (3 - place)


@pytest.mark.parametrize("places", [(0,), (1, 2), (0, 1, 2)])
def test_a_chain_goes_through_and_names_the_first_failure(places):
    arrays = [np.zeros(4, "uint8") for _ in range(3)]
    calls = [filled(a, 1) for a in arrays]
    for place in reversed(places):
        calls.insert(place, call("abs", -7 - place, status=True))
    told = f"status {7 + places[0]} from call {places[0]} of {len(calls)}"
    with pytest.raises(LibraryError, match=told):
        Chain(calls, through=True).run()
    assert all((a == 1).all() for a in arrays)


def test_what_a_function_returns_is_no_failure_unless_it_says_so():
    a = np.zeros(2, "uint8")
    Chain([call("abs", -7), filled(a, 1)]).run()
    assert (a == 1).all()


def test_six_arguments_and_wide_numbers_arrive():
    room = ctypes.create_string_buffer(128)
    form = ctypes.create_string_buffer(b"%d %ld %ld")
    place = ctypes.addressof(room)
    Chain([call("snprintf", place, 128, ctypes.addressof(form), 12, 1 << 40, -3)]).run()
    assert room.value == b"12 1099511627776 -3"


def test_no_calls_at_all_do_nothing():
    Chain([]).run()
    assert code([]).endswith(b"\x5d\xc3")
