"""Buffers that are needed at the same time never share a byte; others do."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from graftgrad.plan.memory import LINE, SMALL, laid_out, lives
from graftgrad.plan.records import Buffer, Look, View
from graftgrad.spec import uint8


def view(buffer):
    return View(buffer, 0, (buffer.nbytes,), (1,), uint8)


def touching(*buffers):
    return Look(lambda *arrays: None, tuple(view(one) for one in buffers))


@st.composite
def recordings(draw):
    sizes = st.one_of(st.integers(0, 100), st.integers(SMALL - 1, 6 * SMALL))
    buffers = [Buffer(draw(sizes), "made") for _ in range(draw(st.integers(1, 12)))]
    outer = Buffer(64, "outer")
    chosen = st.lists(st.sampled_from([*buffers, outer]), max_size=4)
    entries = [touching(*draw(chosen)) for _ in range(draw(st.integers(1, 15)))]
    outputs = [view(one) for one in draw(chosen)]
    return entries, outputs


@settings(max_examples=150, deadline=None, derandomize=True)
@given(recordings())
def test_lives_never_overlap_in_the_arena(recording):
    entries, outputs = recording
    layout = laid_out(entries, outputs)
    placed = [
        (layout.offsets[id(life.buffer)], life.buffer.nbytes, life)
        for life in lives(entries, outputs)
    ]
    for offset, size, life in placed:
        assert offset % LINE == 0
        assert offset + size <= layout.nbytes <= layout.unshared
        for other_offset, other_size, other in placed:
            meet = life.first <= other.last and other.first <= life.last
            if life is not other and meet and size and other_size:
                assert offset + size <= other_offset or other_offset + other_size <= offset


def test_a_life_goes_from_the_first_touch_to_the_last_or_to_the_end():
    a, b, c = (Buffer(8, "made") for _ in range(3))
    entries = [touching(a), touching(b, a), touching(c), touching(b)]
    found = {id(life.buffer): (life.first, life.last) for life in lives(entries, [view(c)])}
    assert found == {id(a): (0, 1), id(b): (1, 3), id(c): (2, 4)}


def test_a_chain_of_large_buffers_needs_room_for_two():
    buffers = [Buffer(10 * SMALL, "made") for _ in range(20)]
    entries = [touching(*pair) for pair in pairwise(buffers)]
    layout = laid_out(entries, [])
    assert layout.nbytes == 20 * SMALL
    assert layout.unshared == 200 * SMALL
