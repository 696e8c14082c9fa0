"""Two recordings are alike only if they compute the same from the same memory."""

import numpy as np
import pytest

import graftgrad as gg
from graftgrad import modes, ops
from graftgrad.plan.compare import difference, same
from graftgrad.plan.tape import Tape

X, Y = np.arange(4.0), np.arange(4.0) + 1


def recording(step, tensors=()):
    tape = Tape()
    given = [np.array(a) for a in (X, Y)]
    for array in given:
        tape.input(array)
    with modes.recorded(tape):
        result = step(*[gg.as_tensor(array) for array in given], *tensors)
    tape.recording.outputs.append(tape.view(result.array))
    tape.finish()
    return tape.recording


W, V = gg.tensor(np.ones(4)), gg.tensor(np.ones(4))
STEPS = {
    "add": lambda x, y: x + y,
    "add the other way": lambda x, y: y + x,
    "add one twice": lambda x, y: x + x,
    "mul": lambda x, y: x * y,
    "longer": lambda x, y: x + y + y,
    "part": lambda x, y: x[:2] + y[:2],
    "other part": lambda x, y: x[2:] + y[2:],
    "constant": lambda x, y: x + 1.0,
    "other constant": lambda x, y: x + 2.0,
    "minus zero": lambda x, y: x * -0.0,
    "zero": lambda x, y: x * 0.0,
    "weight": lambda x, y: x + W,
    "other weight": lambda x, y: x + V,
    "attribute": lambda x, y: ops.sum(x, 0, True),
    "other attribute": lambda x, y: ops.sum(x, 0, False),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_like_itself_and_like_no_other(name):
    one = recording(STEPS[name])
    assert same(one, recording(STEPS[name]))
    for other, step in STEPS.items():
        if other != name:
            assert difference(one, recording(step)), (name, other)


def test_other_results_are_another_step():
    assert not same(recording(lambda x, y: (x + y, x * y)[0]),
                    recording(lambda x, y: (x + y, x * y)[1]))  # fmt: skip


def test_whole_numbers_without_axes_are_compared_by_value():
    def step(k):
        return recording(lambda x, y: x.to("int64") + gg.tensor(k))

    assert same(step(-100), step(-100))
    assert not same(step(3), step(4))


def test_other_choices_are_another_step():
    def step(k):
        def run(x, y):
            modes.decided(lambda: k)
            return x + y

        return recording(run)

    assert same(step(1), step(1))
    assert difference(step(1), step(2)) == "choices"
