"""Work laid out for several threads: whatever meets in memory keeps its order."""

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graftgrad.kernel import NativeCall
from graftgrad.kernels.native import team
from graftgrad.kernels.onednn import library as onednn
from graftgrad.plan.lanes import BURST, SELDOM, Choice, Lanes, Piece, Region, laid, region

COPY = ctypes.cast(ctypes.CDLL(None).memcpy, ctypes.c_void_p).value
OFTEN = settings(max_examples=200, deadline=None, derandomize=True)


@st.composite
def views(draw, whole):
    """Parts of an array (8, 12) with steps, turned, stretched, or as flat memory."""
    rows, columns = (
        slice(draw(st.integers(0, size - 1)), draw(st.integers(1, size)), draw(st.integers(1, 3)))
        for size in whole.shape
    )
    part = whole[rows, columns]
    if not part.size:
        part = whole[:1]
    if draw(st.booleans()):
        part = part.T
    if draw(st.booleans()):
        part = part[::-1]
    if draw(st.integers(0, 4)) == 0:
        part = np.broadcast_to(part[:1], part.shape)
    return part


@OFTEN
@given(st.data())
def test_arrays_that_share_memory_meet(data):
    whole = np.zeros((8, 12), "float32")
    one, other = data.draw(views(whole)), data.draw(views(whole))
    if np.shares_memory(one, other):
        assert region(one).meets(region(other))
        assert region(other).meets(region(one))


def test_rows_and_columns_beside_each_other_do_not_meet():
    whole = np.zeros((8, 12), "float32")
    for one, other in (
        (whole[:4], whole[4:]),
        (whole[:, :4], whole[:, 4:]),
        (whole[:, 4:8], whole[:, 8:]),
        (whole[:, :4].T, whole[2:, 4:]),
        (whole.reshape(-1)[:48], whole[4:]),
    ):
        assert not region(one).meets(region(other))
        assert not region(other).meets(region(one))
        assert region(one).meets(region(whole))


SPANS = st.tuples(st.integers(0, 9), st.integers(1, 3)).map(lambda x: Region(x[0], sum(x), 0, x[1]))
PIECES = st.builds(
    lambda lane, reads, writes: Piece([], lane, reads, writes),
    st.integers(0, 2), st.lists(SPANS, max_size=2), st.lists(SPANS, min_size=1, max_size=1),
)  # fmt: skip


@OFTEN
@given(st.lists(PIECES, min_size=1, max_size=14))
def test_who_meets_an_earlier_piece_waits_for_it(pieces):
    waits, told = laid(pieces)
    assert set(waits.values()) == told
    assert all(pieces[j].lane == other for (_, other), j in waits.items())
    for i, piece in enumerate(pieces):
        for j in range(i):
            if piece.disturbs(pieces[j]) and pieces[j].lane != piece.lane:
                before = [at for (k, other), at in waits.items() if k <= i
                          and pieces[k].lane == piece.lane and other == pieces[j].lane]  # fmt: skip
                assert max(before) >= j


@pytest.mark.skipif(not team.available(1), reason="threads of ours are not used here")
@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 2), *[st.integers(0, 5)] * 2), min_size=2, max_size=30))
def test_copies_among_three_threads_do_what_one_thread_does(moves):
    size = 4096
    rooms = np.zeros((6, size), "uint8")
    start = np.arange(6 * size, dtype="uint32").reshape(6, size).astype("uint8")
    pieces = []
    for lane, a, b in moves:
        if a != b:
            one = NativeCall(COPY, (rooms[b].ctypes.data, rooms[a].ctypes.data, size))
            pieces.append(Piece([one], lane, [region(rooms[a])], [region(rooms[b])]))
    if not pieces:
        return
    wanted = start.copy()
    for _, a, b in moves:
        wanted[b] = wanted[a]
    with onednn.library().lock:
        lanes = Lanes(pieces, list)
        for _ in range(12):
            rooms[...] = start
            lanes.run()
            np.testing.assert_array_equal(rooms, wanted)


def gone(choice, shared, single, runs):
    """The ways that are gone while each takes some time."""
    ways = []
    for _ in range(runs):
        ways.append(choice.next())
        choice.took(ways[-1], single if ways[-1] else shared)
    return ways


def test_the_quicker_way_is_gone_and_the_other_is_tried_now_and_then():
    choice = Choice()
    assert gone(choice, 1.0, 2.0, 2 * BURST) == [0] * BURST + [1] * BURST
    assert sum(gone(choice, 1.0, 2.0, 10 * (SELDOM + BURST))) == 10 * BURST
    slow = gone(choice, 30.0, 2.0, 2 * SELDOM)  # another program holds a processor
    assert slow[:3] == [0, 0, 0]
    assert sum(slow) > 2 * SELDOM - 40
    again = gone(choice, 1.0, 2.0, 2 * (SELDOM + BURST))
    assert again[-SELDOM:].count(1) <= BURST


def test_a_way_whose_threads_must_wake_first_is_found_again():
    """While one thread computes the others fall asleep: the first run of the shared way is slow."""
    choice = Choice()
    gone(choice, 30.0, 2.0, 2 * SELDOM)
    assert choice.now == 1
    ways: list[int] = []
    for _ in range(2 * SELDOM):
        ways.append(choice.next())
        woken = ways[-2:] == [0, 0]
        choice.took(ways[-1], 2.0 if ways[-1] else 1.0 if woken else 3.0)
    assert choice.now == 0
    assert ways[-(SELDOM // 2) :].count(1) <= BURST


def test_a_single_interruption_changes_nothing():
    choice = Choice()
    gone(choice, 1.0, 2.0, 2 * BURST)
    assert gone(choice, 500.0, 2.0, 1) == [0]
    assert sum(gone(choice, 1.0, 2.0, SELDOM - 2)) == 0
