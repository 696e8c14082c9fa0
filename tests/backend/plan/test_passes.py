"""Passes change where results lie and what is computed, never values: random programs, and shapes.

Every program runs in Python and as a plan of all passes; results and changed state must be equal
bit for bit.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import graftgrad as gg
from backend.test_programs import arrays_of, programs, run
from graftgrad.ops.labels import check_labels
from graftgrad.plan import captured
from graftgrad.plan.passes import into_destinations, without_dead
from graftgrad.plan.tape import Tape

OFTEN = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


def results_of(count, shape, written, seeds, wrap):
    """Run a training step of a program on several batches; return what it returned and left."""
    weights = [gg.tensor(a, requires_grad=True) for a in arrays_of(count, shape, 1)]
    mean = gg.tensor(np.zeros(shape))

    def step(*inputs):
        y = run(written, [x * w for x, w in zip(inputs, weights, strict=True)], ours=True)
        with gg.no_grad():
            mean.copy_(mean * 0.9 + inputs[0] * 0.1)
        if not y.requires_grad:
            return y.detach(), mean + 0.0
        grads = gg.grad(y.sum(), weights, allow_unused=True)
        with gg.no_grad():
            for weight, grad in zip(weights, grads, strict=True):
                if grad is not None:
                    weight.sub_(grad * 0.01)
        return y.detach(), mean + 0.0, *grads

    called = wrap(step)
    found = []
    for seed in seeds:
        given_ = [gg.tensor(a) for a in arrays_of(count, shape, seed)]
        found += [y.numpy().copy() for y in called(*given_) if y is not None]
    return [*found, *(w.detach().numpy() for w in weights), mean.numpy()], called


@OFTEN
@given(programs(), st.integers(0, 2**16))
def test_a_program_and_its_plan_give_the_same_bits(program, seed):
    count, shape, written = program
    seeds = range(seed, seed + 5)
    wanted, _ = results_of(count, shape, written, seeds, lambda step: step)
    found, step = results_of(count, shape, written, seeds, captured)
    assert step.replayed == 3, step.report(timed=False)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def entries_of(step):
    tape = Tape()
    with gg.modes.recorded(tape):
        result = step()
    outputs = [tape.view(result.array)]
    return tape.recording.entries, outputs


X, TARGET = gg.tensor(np.arange(4.0)), gg.tensor(np.zeros(4))


def test_what_nobody_reads_is_left_out():
    def step():
        X * 3.0
        (X + 1.0) * 2.0
        return X - 1.0

    entries, outputs = entries_of(step)
    assert len(entries) == 4
    assert len(without_dead(entries, outputs)) == 1


def test_changes_of_what_outlives_the_step_stay():
    entries, outputs = entries_of(_write)
    assert len(without_dead(entries, outputs)) == len(entries) == 3


def _write():
    TARGET.copy_(X * 2.0)
    return X - 1.0


def test_a_result_that_is_only_copied_is_written_where_the_copy_goes():
    entries, outputs = entries_of(_write)
    shorter = into_destinations(entries, outputs)
    assert len(shorter) == 2
    assert shorter[0].outs[0].buffer.array is TARGET.array


def test_a_place_that_is_read_in_between_is_not_written_early():
    def step():
        y = X * 2.0
        before = TARGET + 0.0
        TARGET.copy_(y)
        return before

    entries, outputs = entries_of(step)
    assert len(into_destinations(entries, outputs)) == 3


def test_equal_checks_of_arguments_are_made_once_and_still_refuse():
    def step(x, labels):
        check_labels(labels, 3, subject="loss")
        check_labels(labels, 3, subject="metric")
        check_labels(labels, 4, subject="another")
        return x + 1.0

    called = captured(step)
    x, labels = gg.zeros(2), gg.tensor(np.array([2, 0]))
    for _ in range(4):
        called(x, labels)
    assert "2 runs repeated a plan" in called.report()
    assert called.report().count("look ") == 2
    with pytest.raises(gg.errors.DataError, match=r"loss: labels must lie in .* got label=3"):
        called(x, gg.tensor(np.array([3, 0])))
    with pytest.raises(gg.errors.DataError, match=r"loss: labels must lie in .* got label=-1"):
        called(x, gg.tensor(np.array([0, -1])))
