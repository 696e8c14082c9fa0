"""Whoever makes a NaN is told by the line of the forward call."""

import threading

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.anomaly import detect_anomaly, is_anomaly_enabled, set_detect_anomaly
from graftgrad.errors import DataError, GradientError
from graftgrad.func import vmap
from graftgrad.plan import captured


@pytest.fixture(autouse=True)
def numpy_says_nothing_of_it():
    with np.errstate(all="ignore"):
        yield


def leaf(*values):
    return graftgrad.tensor(list(values), "float64", requires_grad=True)


def root_of(x):
    return ops.sqrt(x)  # the line that is to blame


def loss_of(x):
    rooted = root_of(x * x)
    return (rooted * 3).sum()


class TestBackward:
    def test_the_line_of_the_forward_call_is_named(self):
        x = leaf(0.0, 1.0)
        with detect_anomaly(), pytest.raises(GradientError) as told:
            loss_of(x).backward()
        text = str(told.value)
        assert text.startswith("backward of Mul: no gradient may be NaN; got operand=0")
        assert "NaN='1 of 2'" in text
        assert "test_anomaly.py" in text
        assert "in loss_of: rooted = root_of(x * x)" in text
        notes = "\n".join(getattr(told.value, "__notes__", [text]))
        assert "called from test_anomaly.py" in notes
        assert "loss_of(x).backward()" in notes

    def test_the_innermost_line_of_the_program_not_ours(self):
        x = leaf(-1.0)
        with detect_anomaly():
            y = root_of(x)
            with pytest.raises(GradientError) as told:
                y.backward()
        assert "in root_of: return ops.sqrt(x)  # the line that is to blame" in str(told.value)

    def test_gradients_of_gradients_are_put_down_to_the_forward_call(self):
        x = leaf(0.0)
        with detect_anomaly():
            y = loss_of(x + 1)
            (g,) = graftgrad.grad(y, x, create_graph=True)
        assert "loss_of" in str(g.grad_fn.origin) or "root_of" in str(g.grad_fn.origin)

    def test_without_it_nothing_is_looked_at(self):
        x = leaf(0.0, 1.0)
        loss_of(x).backward()
        assert np.isnan(x.grad.numpy()).any()
        assert loss_of(x).grad_fn.origin is None

    def test_a_graph_from_outside_says_that_its_lines_are_not_known(self):
        x = leaf(0.0)
        y = loss_of(x)
        with detect_anomaly(), pytest.raises(GradientError, match="made outside of detect_anomaly"):
            y.backward()

    def test_lines_alone(self):
        x = leaf(0.0)
        with detect_anomaly(check_nan=False):
            y = loss_of(x)
            y.backward()
        assert y.grad_fn.origin[0].function == "loss_of"


class TestForward:
    def test_a_result_that_is_nan(self):
        x = leaf(1.0, -1.0)
        with (
            detect_anomaly(forward=True),
            pytest.raises(DataError, match=r"Sqrt: no result may be NaN; got result=0, NaN='1 of "
                          r"2', operands='no operand is NaN'. The forward call: test_anomaly.py:"
                          r"\d+ in root_of: return ops.sqrt"),
        ):  # fmt: skip
            root_of(x)

    def test_a_result_of_all_samples_at_once(self):
        logits = graftgrad.tensor([[np.inf, 0.0], [1.0, 2.0]])
        with (
            detect_anomaly(forward=True),
            pytest.raises(DataError, match="CrossEntropy: no result may be NaN"),
        ):
            vmap(ops.cross_entropy)(logits, graftgrad.tensor([0, 1]))

    def test_an_operand_that_was_nan_already(self):
        with (
            detect_anomaly(forward=True),
            pytest.raises(DataError, match="operand 0 was NaN already"),
        ):
            leaf(np.nan) * 2

    def test_whole_numbers_are_never_nan(self):
        with detect_anomaly(forward=True):
            assert int(graftgrad.tensor([1, 2]).sum()) == 3


class TestModes:
    def test_for_a_block_and_from_now_on(self):
        assert not is_anomaly_enabled()
        try:
            set_detect_anomaly(True)
            assert is_anomaly_enabled()
            with set_detect_anomaly(False):
                assert not is_anomaly_enabled()
            assert is_anomaly_enabled()
        finally:
            set_detect_anomaly(False)
        assert not is_anomaly_enabled()

    def test_as_a_decorator(self):
        x = leaf(0.0)
        checked = detect_anomaly()(lambda: loss_of(x).backward())
        with pytest.raises(GradientError, match="no gradient may be NaN"):
            checked()
        assert not is_anomaly_enabled()

    def test_per_thread(self):
        seen = []
        with detect_anomaly():
            worker = threading.Thread(target=lambda: seen.append(is_anomaly_enabled()))
            worker.start()
            worker.join()
        assert seen == [False]

    def test_a_plan_gives_way_to_looking(self):
        x = leaf(1.0)

        @captured
        def step(scale):
            (g,) = graftgrad.grad(ops.sqrt(x * scale).sum(), x)
            return g

        one, zero = graftgrad.ones(1, dtype="float64"), graftgrad.zeros(1, dtype="float64")
        for _ in range(4):
            step(one)
        assert step.replayed > 0
        with detect_anomaly(), pytest.raises(GradientError, match="no gradient may be NaN"):
            step(zero)

    def test_a_step_that_looks_is_not_repeated(self):
        x = leaf(1.0)

        @captured
        def step(scale):
            with detect_anomaly():
                return graftgrad.grad(ops.sqrt(x * scale).sum(), x)[0]

        for _ in range(4):
            step(graftgrad.ones(1, dtype="float64"))
        assert step.replayed == 0
        assert "values are looked at for NaN" in step.report()
