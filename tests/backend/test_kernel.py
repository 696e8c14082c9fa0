import sys
import threading
from itertools import permutations

import numpy as np
import pytest

import graftgrad
from graftgrad import kernel, modes, ops
from graftgrad.device.find import cpu
from graftgrad.function import Function, function
from graftgrad.kernel import Call, Kernel, Reference, choose, describe, only_reference
from graftgrad.ops.exponential import Exp
from graftgrad.spec import Spec, float32, float64


@function
class Twice(Function):
    """2x, for kernels of this test alone."""

    def infer(self, x):
        return x.like()

    def compute(self, xp, x, y):
        y[...] = 2 * x


class Marked(Kernel):
    """A body that leaves its mark: the result is off by one."""

    def __init__(self, mark=1.0, scratch=()):
        self.mark = mark
        self.scratch = scratch

    def run(self, ins, outs, scratch):
        outs[0][...] = 2 * ins[0] + self.mark
        for spec, array in zip(self.scratch, scratch, strict=True):
            assert (array.shape, array.dtype) == (spec.shape, spec.dtype)
            array[...] = np.nan


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(kernel, "_builders", kernel.defaultdict(list))
    monkeypatch.setattr(kernel, "_awaited", set())  # what is imported here would be lost
    monkeypatch.setattr(kernel, "_chosen", {})


def call(dtype=float32):
    x = Spec((2,), dtype)
    return Call(Twice(), (x,), (x,), cpu)


def ones():
    return graftgrad.ones(2)


@pytest.mark.usefixtures("registry")
class TestRegistry:
    def test_without_a_builder_the_reference_body_runs(self):
        assert isinstance(choose(call()), Reference)
        assert Twice()(ones()).tolist() == [2, 2]

    @pytest.mark.parametrize("imported", [*permutations(("first", "second.part", "mine"))])
    def test_provided_modules_are_asked_in_order_whichever_comes_first(self, monkeypatch, imported):
        monkeypatch.setitem(kernel._provided, "cpu", ["first", "second"])
        asked = []
        for module in imported:

            def build(call, module=module):
                asked.append(module)

            build.__module__ = module
            kernel.kernel(Twice, on="cpu")(build)
        choose(call())
        assert asked == ["mine", "second.part", "first"]

    def test_an_import_that_fails_is_tried_again_and_registers_once(self, monkeypatch, tmp_path):
        register = "kernel.kernel(Exp, on='lazy')(lambda call: None)\n"
        head = "from graftgrad import kernel\nfrom graftgrad.ops.exponential import Exp\n"
        (tmp_path / "lazy_sound.py").write_text(head + register)
        broken = tmp_path / "lazy_broken"
        broken.mkdir()
        (broken / "__init__.py").write_text("from . import part\n" + head + register + "1 / 0\n")
        (broken / "part.py").write_text(head + register)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(kernel, "_provided", kernel.defaultdict(list))
        kernel.provide("lazy", "lazy_sound", "lazy_broken")
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                kernel.builders()
            found = [build.__module__ for build in kernel._builders[Exp, "lazy"]]
            assert found == ["lazy_broken.part", "lazy_sound"]  # whole, and not imported again
        text = (broken / "__init__.py").read_text().replace("1 / 0", "whole = True")
        (broken / "__init__.py").write_text(text)
        found = [build.__module__ for build in kernel.builders()[Exp, "lazy"]]
        assert found == ["lazy_broken", "lazy_broken.part", "lazy_sound"]
        assert not kernel._awaited
        for name in ("lazy_sound", "lazy_broken", "lazy_broken.part"):
            monkeypatch.delitem(sys.modules, name)

    def test_a_builder_that_offers_is_taken(self):
        kernel.kernel(Twice, on="cpu")(lambda call: Marked())
        assert Twice()(ones()).tolist() == [3, 3]

    def test_the_newest_is_asked_first_and_may_decline(self):
        kernel.kernel(Twice, on="cpu")(lambda call: Marked(1))
        kernel.kernel(Twice, on="cpu")(
            lambda call: Marked(2) if call.ins[0].dtype == float32 else None
        )
        assert Twice()(ones()).tolist() == [4, 4]
        assert Twice()(graftgrad.ones(2, dtype="float64")).tolist() == [3, 3]

    def test_all_decline(self):
        kernel.kernel(Twice, on="cpu")(lambda call: None)
        assert Twice()(ones()).tolist() == [2, 2]

    def test_another_kind_of_device_is_not_asked(self):
        kernel.kernel(Twice, on="gpu")(lambda call: Marked())
        assert Twice()(ones()).tolist() == [2, 2]

    def test_it_is_decided_once_per_call(self):
        asked = []

        @kernel.kernel(Twice, on="cpu")
        def build(call):
            asked.append(call)
            return Marked()

        for _ in range(3):
            Twice()(ones())
        assert asked == [call()]
        Twice()(graftgrad.ones(2, dtype="float64"))
        assert asked == [call(), call(float64)]

    def test_registering_later_decides_anew(self):
        assert Twice()(ones()).tolist() == [2, 2]
        kernel.kernel(Twice, on="cpu")(lambda call: Marked())
        assert Twice()(ones()).tolist() == [3, 3]

    def test_only_reference(self):
        kernel.kernel(Twice, on="cpu")(lambda call: Marked())
        with only_reference():
            assert Twice()(ones()).tolist() == [2, 2]
            with only_reference():
                pass
            assert Twice()(ones()).tolist() == [2, 2]
        assert Twice()(ones()).tolist() == [3, 3]
        with pytest.raises(ZeroDivisionError), only_reference():
            raise ZeroDivisionError
        assert Twice()(ones()).tolist() == [3, 3]

    def test_builders_are_listed(self):
        assert kernel.builders() == {}
        build = kernel.kernel(Twice, on="cpu")(lambda call: None)
        assert kernel.builders() == {(Twice, "cpu"): [build]}

    def test_a_kernel_gets_the_scratch_it_declared(self):
        kernel.kernel(Twice, on="cpu")(lambda call: Marked(1, (Spec((7,), float64), call.ins[0])))
        assert Twice()(ones()).tolist() == [3, 3]

    def test_a_bound_kernel_is_a_step_without_arguments(self):
        x, y = np.ones(2, "float32"), np.zeros(2, "float32")
        step = Marked().bind((x,), (y,), ())
        step()
        np.testing.assert_array_equal(y, 3)
        x[...] = 5
        step()
        np.testing.assert_array_equal(y, 11)

    def test_the_memory_of_choices_is_bounded(self, monkeypatch):
        monkeypatch.setattr(kernel, "_MOST_CALLS", 3)
        for size in range(1, 10):
            Twice()(graftgrad.ones(size))
        assert len(kernel._chosen) <= 3


class TestTape:
    def test_it_hears_forward_backward_and_update(self):
        x = graftgrad.ones(2, requires_grad=True)
        heard = []
        with modes.taped(heard):
            (ops.exp(x) * 3).sum().backward()
            ops.assign(x.detach(), graftgrad.zeros(2))
        names = [one.call.function.name for one in heard]
        assert names[:2] == ["Exp", "Mul"]
        assert names[-1] == "Assign"
        assert "Copy" in names  # the gradient lands in .grad
        modes_before = len(heard)
        ops.exp(x)
        assert len(heard) == modes_before

    def test_tapes_nest(self):
        outer, inner = [], []
        with modes.taped(outer):
            ones() + 1
            with modes.taped(inner):
                ones() * 2
            with modes.taped(None):
                ones() / 2
            ones() - 1
        names = [[one.call.function.name for one in tape] for tape in (outer, inner)]
        assert [n for n in names[0] if n in ("Add", "Mul", "Div", "Sub")] == ["Add", "Sub"]
        assert "Mul" in names[1]

    def test_a_replayed_step_equals_an_eager_one_bit_for_bit(self):
        generator = np.random.default_rng(0)
        start = generator.standard_normal((4, 3)).astype("float32")
        batches = generator.standard_normal((6, 5, 4)).astype("float32")

        def step(x, w, momentum):
            loss = (ops.tanh(x @ w) ** 2).mean()
            w.grad = None
            loss.backward()
            with modes.no_grad():
                ops.assign(momentum, momentum * 0.9 + w.grad)
                ops.assign(w, w - momentum * 0.1)
            return loss

        def fresh():
            w = graftgrad.tensor(start, requires_grad=True)
            return graftgrad.tensor(batches[0]), w, graftgrad.zeros(4, 3)

        x, w, momentum = fresh()
        eager = []
        for batch in batches:
            x.copy_(batch)
            eager.append(float(step(x, w, momentum)))
        final = w.detach().numpy().copy()

        x, w, momentum = fresh()
        heard = []
        with modes.taped(heard):
            loss = step(x, w, momentum)
        replayed = [float(loss)]
        for batch in batches[1:]:
            x.copy_(batch)
            for one in heard:
                one.kernel.run(one.ins, one.outs, one.call.device.scratch(one.kernel.scratch))
            replayed.append(float(loss))
        assert replayed == eager
        np.testing.assert_array_equal(w.detach().numpy(), final)
        assert len(heard) < 40

    def test_meta_launches_nothing(self):
        heard = []
        with modes.taped(heard):
            y = ops.exp(graftgrad.ones(2, device="meta"))
        assert heard == []
        assert y.shape == (2,)

    def test_a_launch_is_told_in_one_line(self):
        heard = []
        with modes.taped(heard):
            ops.sum(graftgrad.ones(2, 3), axis=1)
        assert describe(heard[-1]) == "Sum(axes=(1,), keepdims=False): (2, 3) -> (2,)"


def test_threads_may_choose_at_the_same_time():
    errors = []

    def work(n):
        try:
            for size in range(1, 60):
                assert Twice()(graftgrad.ones(size + n)).numpy().sum() == 2 * (size + n)
        except Exception as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not errors
