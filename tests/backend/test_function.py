import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import GradientError
from graftgrad.function import Function, attributes, every_function, function
from graftgrad.node import AccumulateGrad
from graftgrad.ops.arithmetic import Add, Mul
from graftgrad.spec import Spec, float32


def declared(**body):
    """A Function class of these methods."""
    return function(type("Example", (Function,), {"__annotations__": {}, **body}))


def same(self, x: Spec) -> Spec:
    return x.like()


def doubled(self, xp, x, y):
    y[...] = 2 * x


@function
class Moments(Function):
    """Mean and spread of rows; the deviation is seen by the gradient alone."""

    hidden = ("centred",)
    power: int = 2

    def infer(self, x):
        row = x.shaped(x.shape[0])
        return row, row, x.like()

    def compute(self, xp, x, mean, spread, centred):
        mean[...] = x.mean(1)
        centred[...] = x - mean[:, None]
        spread[...] = (centred**self.power).mean(1)

    def grad_x(self, gmean, gspread, centred, x_spec):
        share = 1.0 / x_spec.shape[1]
        return (gmean[:, None] + gspread[:, None] * centred * 2.0) * share


@function
class Shift(Function):
    """target ← target + step; count ← count + 1."""

    updates = ("target", "count")
    step: float

    def infer(self, target, amount, count):
        return target, count

    def compute(self, xp, target, amount, count):
        target += self.step * amount
        count += 1


class TestDeclaration:
    @pytest.mark.parametrize(
        ("method", "words"),
        [
            ({"grad_x": lambda self, gy, z: gy}, r"Example.grad_x: may ask for .*got z"),
            ({"grad_x": lambda self, gz: gz}, "got gz"),
            ({"grad_x": lambda self, gy, z_spec: gy}, "got z_spec"),
            ({"grads": lambda self, gy, wants: [gy]}, r"Example.grads.*got wants"),
        ],
    )
    def test_a_gradient_that_asks_for_an_unknown_name_is_refused(self, method, words):
        with pytest.raises(TypeError, match=words):
            declared(infer=same, compute=doubled, **method)

    def test_the_gradient_of_a_hidden_output_cannot_be_asked_for(self):
        with pytest.raises(TypeError, match="got gmask"):
            declared(
                hidden=("mask",),
                infer=lambda self, x: (x, x),
                compute=lambda self, xp, x, y, mask: None,
                grad_x=lambda self, gy, gmask: gy,
            )

    def test_names_come_from_the_signatures(self):
        assert Moments.operands == ("x",)
        assert Moments.outputs == ("mean", "spread", "centred")
        assert Moments.gradients["x"].asks == ("gmean", "gspread", "centred", "x_spec")
        assert Shift.updated == (0, 2)

    def test_equal_attributes_make_equal_functions(self):
        assert Moments(2) == Moments(2) != Moments(3)
        assert hash(Moments(2)) == hash(Moments(2))
        assert len({Moments(2), Moments(2), Moments(3)}) == 2
        assert repr(Moments(3)) == "Moments(power=3)"
        assert attributes(Moments(3)) == (3,)
        assert ops.arithmetic.Add() != ops.arithmetic.Sub()

    def test_a_declared_function_is_listed(self):
        assert Moments in every_function()
        assert Function not in every_function()
        assert ops.arithmetic.Binary not in every_function()
        assert ops.shape.Reshape in every_function()


class TestApplication:
    def test_the_shape_rule_is_asked_once_per_call(self):
        asked = []

        def infer(self, x):
            asked.append(x)
            return x.like()

        example = declared(infer=infer, compute=doubled)()
        for _ in range(3):
            example(graftgrad.ones(2))
        assert asked == [Spec((2,), float32)]
        example(graftgrad.ones(3))
        assert len(asked) == 2

    def test_no_gradient_no_graph(self):
        example = declared(infer=same, compute=doubled)()
        assert not example(graftgrad.ones(2, requires_grad=True)).requires_grad

    def test_undefined_raises_and_is_never_zero(self):
        example = declared(infer=same, compute=doubled, undefined="the order of ties has none")()
        y = example(graftgrad.ones(2, requires_grad=True))
        assert y.requires_grad
        with pytest.raises(GradientError, match="backward of Example: the order of ties has none"):
            y.sum().backward()

    def test_only_what_wanted_gradients_ask_for_is_kept(self):
        a, b = graftgrad.ones(2), graftgrad.ones(2)
        for wanted, kept in (((), None), ((a,), ["b"]), ((b,), ["a"]), ((a, b), ["b", "a"])):
            for x in (a, b):
                x.requires_grad = any(x is one for one in wanted)
            node = (a * b).grad_fn
            assert (node if node is None else [n for n, _ in node.kept_arrays()]) == kept

    def test_only_a_wanted_gradient_is_computed(self):
        computed = []

        def grad_b(self, gy):
            computed.append("b")
            return gy

        example = declared(
            infer=lambda self, a, b: a,
            compute=lambda self, xp, a, b, y: np.add(a, b, out=y),
            grad_a=lambda self, gy: gy,
            grad_b=grad_b,
        )()
        example(graftgrad.ones(2, requires_grad=True), graftgrad.ones(2)).sum().backward()
        assert computed == []

    def test_joint_gradients_know_which_are_wanted(self):
        heard = []

        def grads(self, gy, wanted):
            heard.append(wanted)
            return [gy, gy]

        example = declared(
            infer=lambda self, a, b: a,
            compute=lambda self, xp, a, b, y: np.add(a, b, out=y),
            grads=grads,
        )()
        a, b = graftgrad.ones(2), graftgrad.ones(2, requires_grad=True)
        example(a, b).sum().backward()
        assert heard == [(False, True)]
        assert a.grad is None
        np.testing.assert_array_equal(b.grad.numpy(), 1)


class TestHiddenOutputs:
    def test_they_are_not_returned(self):
        x = graftgrad.tensor([[1.0, 3.0]], requires_grad=True)
        results = Moments()(x)
        assert [y.tolist() for y in results] == [[2.0], [1.0]]

    def test_they_are_kept_only_where_asked_for(self):
        x = graftgrad.tensor([[1.0, 3.0]])
        assert Moments()(x)[0].grad_fn is None
        x.requires_grad = True
        node = Moments()(x)[0].grad_fn
        assert [name for name, _ in node.kept_arrays()] == ["centred"]

    @pytest.mark.parametrize("used", [(0,), (1,), (0, 1)])
    def test_a_result_that_nobody_used_counts_as_zero(self, used):
        x = graftgrad.tensor(np.random.default_rng(0).random((3, 4)), requires_grad=True)
        graftgrad.gradcheck(lambda x: [Moments()(x)[i] for i in used], x)

    def test_both_results_are_of_one_node(self):
        mean, spread = Moments()(graftgrad.ones(1, 2, requires_grad=True))
        assert mean.grad_fn is spread.grad_fn
        assert (mean.output_index, spread.output_index) == (0, 1)


class TestUpdates:
    def test_several_operands_change_and_come_back(self):
        target, count = graftgrad.zeros(3), graftgrad.zeros((), dtype="int64")
        before = target.version, count.version
        found = Shift(0.5)(target, graftgrad.ones(3), count)
        assert found[0] is target
        assert found[1] is count
        assert target.tolist() == [0.5] * 3
        assert count.item() == 1
        assert (target.version, count.version) == (before[0] + 1, before[1] + 1)

    def test_not_on_what_is_part_of_a_graph(self):
        target = graftgrad.zeros(3, requires_grad=True)
        with pytest.raises(GradientError, match=r"Shift: target must not be part .*target=\(3,\)"):
            Shift(0.5)(target, graftgrad.ones(3), graftgrad.zeros(()))
        with graftgrad.no_grad():
            Shift(0.5)(target, graftgrad.ones(3), graftgrad.zeros(()))

    def test_meta_changes_nothing(self):
        target = graftgrad.zeros(3, device="meta")
        assert ops.assign(target, graftgrad.ones(3, device="meta")) is target


class TestGraph:
    def test_it_can_be_walked(self):
        x = graftgrad.ones(2, requires_grad=True)
        w = graftgrad.ones(2)
        y = ops.exp(x) * w
        assert repr(y.grad_fn) == "<Mul>"
        (exp, index), nothing = y.grad_fn.next_functions
        assert (exp.name, index) == ("Exp", 0)
        assert nothing == (None, 0)
        ((end, _),) = exp.next_functions
        assert isinstance(end, AccumulateGrad)
        assert end.variable is x
        assert end.next_functions == ()
        assert (end.name, repr(end)) == ("AccumulateGrad", "<AccumulateGrad>")

    def test_views_are_nodes_without_launches(self):
        heard = []
        x = graftgrad.ones(2, 3, requires_grad=True)
        with graftgrad.modes.taped(heard):
            y = x.T.reshape(3, 2)[1:]
        assert heard == []
        assert y.grad_fn is not None
        assert np.shares_memory(y.detach().numpy(), x.detach().numpy())


def test_functions_without_fields_are_all_alike_and_are_not_changed():
    assert Add() == Add()
    assert hash(Add()) == hash(Add())
    assert Add() != Mul()
    assert repr(Add()) == "Add"
    with pytest.raises(AttributeError, match="Add: a function must not be changed; got axis=1"):
        Add().axis = 1
