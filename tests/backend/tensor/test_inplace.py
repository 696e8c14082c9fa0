"""What is done to tensors in place, and what of it PyTorch's users expect to be refused."""

import gc
import weakref

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import DTypeError, GradientError, ShapeError
from support.case import CaseChecks, case, distinct, positive

METHODS = {
    "add_": (lambda x, v: x + v, (4,)),
    "sub_": (lambda x, v: x - v, (4,)),
    "mul_": (lambda x, v: x * v, (3, 1)),
    "div_": (lambda x, v: x / v, (3, 4)),
    "pow_": (lambda x, v: x**v, (4,)),
    "copy_": (lambda x, v: np.broadcast_to(v, x.shape), (1, 4)),
    "fill_": (lambda x, v: np.broadcast_to(v, x.shape), ()),
}
ALONE = {
    "neg_": np.negative,
    "abs_": np.abs,
    "exp_": np.exp,
    "log_": np.log,
    "sqrt_": np.sqrt,
    "tanh_": np.tanh,
    "sigmoid_": lambda x: 1 / (1 + np.exp(-x)),
    "relu_": lambda x: np.maximum(x, 0),
    "zero_": np.zeros_like,
}


def changed(name):
    def op(x, v):
        return getattr(x * 1, name)(v)

    return op


def changed_alone(name):
    def op(x):
        return getattr(x * 1, name)()

    return op


class TestMethods(CaseChecks):
    CASES = (
        *[
            case(changed(name), label=name, x=positive(3, 4), v=positive(shape), oracle=wanted)
            for name, (wanted, shape) in METHODS.items()
        ],
        *[
            case(changed_alone(name), label=name, x=positive(3, 4), oracle=wanted)
            for name, wanted in ALONE.items()
        ],
        case(
            lambda x: (x * 1).clip_(-0.3, 0.4),
            label="clip_",
            x=distinct(3, 4),
            oracle=lambda x: np.clip(x, -0.3, 0.4),
        ),
        case(
            lambda x, v: (x * 1).masked_fill_(np.eye(3) > 0, v),
            label="masked_fill_",
            x=(3, 3),
            v=(),
            oracle=lambda x, v: np.where(np.eye(3) > 0, v, x),
        ),
        case(
            lambda x: (x * 1).mul_(x).exp_().add_(x),
            label="chain",
            x=(3, 4),
            oracle=lambda x: np.exp(x * x) + x,
        ),
    )


def test_memory_stays_and_the_count_rises():
    x = graftgrad.ones(3)
    memory, version = x.array, x.version
    assert x.add_(1).mul_(2) is x
    x[0] = 9
    assert x.array is memory
    assert x.version == version + 3
    assert x.tolist() == [9, 4, 4]


def test_a_plain_tensor_joins_the_graph_of_what_is_written_into_it():
    a = graftgrad.tensor([1.0, 2.0, 3.0], requires_grad=True)
    rows = graftgrad.zeros(2, 3)
    rows[0] = a
    rows[1] = a * a
    assert rows.requires_grad
    assert not rows.is_leaf
    rows.sum().backward()
    assert a.grad.tolist() == [3, 5, 7]
    assert rows.grad is None


def test_a_loop_of_additions_to_parts():
    a = graftgrad.tensor([1.0, 2.0], requires_grad=True)
    sums = graftgrad.zeros(4)
    for i in range(3):
        sums[i] += (a**i).sum()
        sums[i + 1 :] += a[0]
    sums.sum().backward()
    assert sums.tolist() == [2, 4, 7, 3]
    assert a.grad.tolist() == [1 + 2 + 3 + 2 + 1, 1 + 4]


class TestLeaves:
    @pytest.mark.parametrize(
        ("write", "words"),
        [
            (lambda x: x.add_(1), "change in place: a leaf that requires a gradient"),
            (lambda x: x.zero_(), "a leaf that requires"),
            (lambda x: x.copy_([1, 2]), "a leaf that requires"),
            (lambda x: x.__setitem__(0, 1), "leaf that requires"),
            (lambda x: x.__setitem__([0], 1), "leaf that requires"),
            (lambda x: x[:1].mul_(2), r"a view of a leaf .*with no_grad\(\):"),
            (lambda x: x[None].T.__setitem__(0, 1), "a view of a leaf that requires"),
        ],
    )
    def test_that_require_a_gradient_are_not_changed(self, write, words):
        x = graftgrad.tensor([1.0, 1.0], requires_grad=True)
        with pytest.raises(GradientError, match=words):
            write(x)
        assert x.tolist() == [1, 1]
        assert x.version == 0

    def test_without_recording_they_are(self):
        x = graftgrad.ones(2, requires_grad=True)
        with graftgrad.no_grad():
            x.add_(1)
            x[0] = 7
            x[1:].mul_(2)
        x.detach().sub_(1)
        assert x.tolist() == [6, 3]
        assert x.is_leaf
        assert x.requires_grad


class TestChecks:
    @pytest.mark.parametrize(
        "kept", [ops.exp, lambda x: x * x, lambda x: x[1:] * x[:2], lambda x: ops.sqrt(x)[1:]]
    )
    def test_a_kept_value_that_changes_is_refused(self, kept):
        a = graftgrad.tensor([1.0, 2.0, 3.0], requires_grad=True)
        x = a * 1
        y = kept(x)
        (x if y.shape == (3,) and kept is not ops.exp else y).add_(1)
        if kept is not ops.exp:
            x.add_(1)
        words = "which this gradient needs, must not change before backward"
        with pytest.raises(GradientError, match=words):
            y.sum().backward()

    def test_a_detached_tensor_shares_the_count(self):
        x = graftgrad.ones(2, requires_grad=True) * 2
        y = x * x
        x.detach().zero_()
        with pytest.raises(GradientError, match="must not change before backward"):
            y.sum().backward()

    def test_an_element_type_that_would_lose_something(self):
        x = graftgrad.arange(3)
        with pytest.raises(DTypeError, match=r"add_: the result must fit .*got x=\(3,\) int64"):
            x.add_(0.5)
        with pytest.raises(DTypeError, match=r"div_: .*Convert the tensor with .to"):
            x.div_(2)
        with pytest.raises(DTypeError, match="mul_: the result must fit into the element type"):
            graftgrad.tensor([True]).mul_(3)
        assert x.add_(True).tolist() == [1, 2, 3]
        assert graftgrad.ones(2, dtype="float32").add_(np.ones(2)).dtype == "float32"

    def test_a_shape_that_would_grow(self):
        x = graftgrad.tensor([1.0])
        with pytest.raises(ShapeError, match=r"add_: the shape must stay; .*result=\(3,\)"):
            x.add_(graftgrad.ones(3))
        with pytest.raises(ShapeError, match="the value must stretch"):
            x.copy_([1.0, 2.0])
        with pytest.raises(ShapeError, match=r"assignment to a part: the value must stretch.*"):
            (x * graftgrad.ones(1, requires_grad=True))[[0]] = [1.0, 2.0]
        assert x.version == 0

    @pytest.mark.parametrize("write", [lambda x: x.add_(1), lambda x: x.__setitem__(0, 1)])
    def test_memory_that_must_not_be_written(self, write):
        given = np.ones(3)
        given.flags.writeable = False
        for x in (graftgrad.as_tensor(given), ops.broadcast_to(graftgrad.ones(1), (3,))):
            with pytest.raises(ShapeError, match=r"its own to write; .*\.clone\(\) first"):
                write(x)


class TestViews:
    def test_a_view_follows_its_base(self):
        a = graftgrad.tensor([1.0, 2.0, 3.0], requires_grad=True)
        x = graftgrad.zeros(3)
        view = x[1:]
        assert not view.requires_grad
        x.add_(a * a)
        assert view.requires_grad
        view.sum().backward()
        assert a.grad.tolist() == [0, 4, 6]

    def test_a_base_follows_its_view_and_other_views_do(self):
        a = graftgrad.tensor([1.0, 2.0, 3.0], requires_grad=True)
        x = a * 1
        left, right = x[:2], x.reshape(3, 1)[1:]
        right.mul_(10)
        assert x.tolist() == [1, 20, 30]
        assert graftgrad.grad(left.sum(), a, retain_graph=True)[0].tolist() == [1, 10, 0]
        assert graftgrad.grad(x.sum(), a, retain_graph=True)[0].tolist() == [1, 10, 10]
        left.zero_()
        assert graftgrad.grad(right.sum(), a, retain_graph=True)[0].tolist() == [0, 0, 10]
        assert graftgrad.grad(x.sum(), a)[0].tolist() == [0, 0, 10]

    def test_parts_of_a_split_are_views_too(self):
        a = graftgrad.ones(4, requires_grad=True)
        x = a * 1
        first, second = ops.split(x, 2)
        first.mul_(3)
        second.mul_(5)
        x.sum().backward()
        assert a.grad.tolist() == [3, 3, 5, 5]

    def test_a_detached_tensor_changes_the_values_alone(self):
        a = graftgrad.ones(2, requires_grad=True)
        x = a * 1
        d = x.detach()
        d.add_(a)
        assert d.requires_grad
        assert x.tolist() == [2, 2]
        assert x.grad_fn.name == "Mul"

    def test_retained_gradients_are_those_of_the_new_values(self):
        a = graftgrad.ones(2, requires_grad=True)
        x = a * 2
        x.retain_grad()
        x.mul_(graftgrad.tensor([3.0, 4.0]))
        (x * 5).sum().backward()
        assert x.grad.tolist() == [5, 5]
        assert a.grad.tolist() == [30, 40]


def test_nothing_waits_for_the_collector():
    gc.collect()
    gc.disable()
    try:
        a = graftgrad.ones(4, requires_grad=True)
        x = a * 2
        gone = [weakref.ref(x), weakref.ref(x.grad_fn)]
        view = x[1:]
        view.mul_(a[1:])
        x[[0, 2]] = a[:2]
        gone += [weakref.ref(view), weakref.ref(x.grad_fn), weakref.ref(view.grad_fn)]
        x.sum().backward()
        del x, view
        assert [one() for one in gone] == [None] * 5
    finally:
        gc.enable()


HOST = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
AS_OPS = {
    "addcmul_": ("addcmul", (HOST, 2.0)), "addcdiv_": ("addcdiv", (HOST, 2.0)),
    "lerp_": ("lerp", (7.0, 0.25)), "scatter_": ("scatter", (1, [[0], [2]], 7.0)),
    "scatter_add_": ("scatter_add", (1, [[0], [2]], HOST[:, :1])),
    "index_add_": ("index_add", (0, [1, 1], HOST)), "index_fill_": ("index_fill", (1, [0], 7.0)),
    "index_copy_": ("index_copy", (0, [1], HOST[:1])),
}  # fmt: skip


@pytest.mark.parametrize("name", AS_OPS)
def test_in_place_is_what_the_op_gives(name):
    op, given = AS_OPS[name]
    x = graftgrad.tensor(HOST, requires_grad=True)
    y = x * 1
    assert getattr(y, name)(*given) is y
    wanted = getattr(ops, op)(x * 1, *given)
    assert y.tolist() == wanted.tolist()
    slopes = [graftgrad.grad((one * one).sum(), x)[0].tolist() for one in (y, wanted)]
    assert slopes[0] == slopes[1]


def test_a_multiple_is_added_as_in_a_rule_of_an_optimizer():
    w, g = graftgrad.tensor([1.0, 2.0]), graftgrad.tensor([10.0, 20.0])
    assert w.add_(g, alpha=-0.1).tolist() == [0, 0]
    assert w.sub_(g, alpha=0.5).tolist() == [-5, -10]
    assert w.mul_(0).addcmul_(g, g, value=0.01).tolist() == [1, 4]


def test_a_tensor_is_cut_off_in_place():
    x = graftgrad.tensor([1.0], requires_grad=True)
    h = x * 2
    assert h.detach_() is h
    assert h.is_leaf
    assert not h.requires_grad
    (h * x).backward()
    assert x.grad.tolist() == [2]
    y = x * 1
    with pytest.raises(GradientError, match="detach_: the tensor must not be a view"):
        y[0].detach_()
