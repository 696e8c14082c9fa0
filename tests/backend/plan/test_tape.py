"""What a tape hears of a step, and when it gives up."""

import gc
import weakref

import numpy as np
import pytest

import graftgrad as gg
from graftgrad import modes, ops
from graftgrad.plan.records import Look
from graftgrad.plan.tape import Tape


def heard(function):
    tape = Tape()
    with modes.recorded(tape):
        result = function()
    tape.finish()
    return tape, result


def origins(tape):
    return [[view.buffer.origin for view in entry.ins] for entry in tape.recording.entries]


def test_memory_is_known_by_where_it_comes_from():
    w = gg.tensor([1.0, 2.0])
    tape, _ = heard(lambda: (w * 2.0) + gg.tensor([3.0, 4.0]))
    assert origins(tape) == [["outer", "constant"], ["made", "constant"]]


def test_views_follow_the_array_that_owns_them():
    w = gg.tensor(np.arange(12.0).reshape(3, 4))
    tape, _ = heard(lambda: w[1:, ::2] * 2.0)
    (entry,) = tape.recording.entries
    view = entry.ins[0]
    assert view.buffer.array is w.array
    assert (view.offset, view.shape, view.strides) == (32, (2, 2), (32, 16))
    assert view.span == (32, 88)


def test_results_are_not_kept_alive():
    w = gg.tensor(np.ones(1000))
    tape, y = heard(lambda: w + 1.0)
    alive = weakref.ref(y.array)
    del y
    gc.collect()
    assert alive() is None
    assert tape.survivor(thorough=False) is None


def test_a_result_that_outlives_the_step_is_named_by_its_line():
    kept = []
    w = gg.tensor(np.ones(3))
    tape, _ = heard(lambda: kept.append(w + 1.0))
    assert tape.survivor(thorough=True).startswith("test_tape.py:")


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (lambda x: float(x.sum()), "values are read"),
        (lambda x: bool(x.sum() > 0), "values are read"),
        (lambda x: repr(x), "values are read"),
        (lambda x: (x * 2.0).numpy(), "values are read"),
        (lambda x: x[x > 0], "values are read"),
        (lambda x: x.tolist(), "values are read"),
    ],
)
def test_a_step_that_reads_values_is_given_up(step, reason):
    x = gg.tensor([1.0, -2.0])
    tape, _ = heard(lambda: step(x))
    assert reason in tape.failure
    assert tape.culprit.startswith("test_tape.py:")


def test_memory_that_nobody_wrote_is_noticed():
    def step():
        empty = gg.zeros((3,))
        filled = gg.Tensor(empty.device.empty(empty.spec), empty.spec, empty.device)
        filled.array[...] = 5  # past the door
        return filled + 1.0

    tape, _ = heard(step)
    assert "past the door" in tape.failure


def test_a_constant_that_is_changed_begins_anew_every_time():
    def step():
        t = gg.tensor([1.0, 2.0])
        return t.add_(1.0)

    tape, t = heard(step)
    assert {"restored"} == {v.buffer.origin for e in tape.recording.entries for v in e.outs} - {
        "made"
    }
    tape.recording.prologue[0]()
    np.testing.assert_array_equal(t.numpy(), [1, 2])


def test_host_arrays_that_live_on_are_copied_anew():
    lasting = np.arange(8.0).reshape(2, 4)[:, ::2]
    tape, y = heard(lambda: gg.tensor(lasting) * 1.0 + gg.tensor(np.ones(2)))
    assert len(tape.recording.prologue) == 1
    constant = next(v for v in tape.recording.entries[0].ins if v.shape == (2, 2)).array
    lasting[0, 1] = 50
    tape.recording.prologue[0]()
    np.testing.assert_array_equal(constant, lasting)
    assert y.shape == (2, 2)


def test_checks_are_repeated_where_they_stood():
    labels, logits = gg.tensor([0, 2]), gg.tensor(np.zeros((2, 3)))
    tape, _ = heard(lambda: ops.cross_entropy(logits, labels))
    looks = [entry for entry in tape.recording.entries if isinstance(entry, Look)]
    assert len(looks) == 1
    with pytest.raises(gg.errors.DataError):
        looks[0].function(np.array([0, 3]))


def test_what_is_decided_before_must_not_depend_on_the_step():
    count = gg.tensor(0)

    def step(first):
        if not first:
            count.add_(1)
        return modes.decided(lambda: int(count) % 2 == 0)

    assert not heard(lambda: step(True))[0].failure
    assert "the step itself has changed" in heard(lambda: step(False))[0].failure


def test_nothing_is_heard_outside_and_tapes_do_not_mix():
    w = gg.tensor([1.0])
    outer, inner = Tape(), Tape()
    with modes.recorded(outer):
        w + 1.0
        with modes.recorded(inner):
            w * 2.0
        w - 1.0
    w / 2.0
    assert len(outer.recording.entries) == 2
    assert len(inner.recording.entries) == 1
