import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ShapeError
from graftgrad.ops.shape import Unslice, sliced
from support.case import CaseChecks, attribute, case, integers


def split(x, sections, axis=0):
    return np.split(x, sections, axis)


def pad(x, pads, value=0.0):
    return np.pad(x, pads, constant_values=value)


class TestFrames(CaseChecks):
    CASES = (
        case(
            lambda x: ops.reshape(x, 3, -1),
            label="reshape",
            x=(2, 3, 4),
            oracle=lambda x: x.reshape(3, -1),
        ),
        case(
            lambda x: ops.reshape(ops.transpose(x), (8, 3)),
            label="reshape_strided",
            x=(2, 3, 4),
            oracle=lambda x: x.transpose().reshape(8, 3),
        ),
        case(
            lambda x: ops.reshape(x, ()), label="reshape_scalar", x=(1, 1), oracle=lambda x: x[0, 0]
        ),
        case(ops.flatten, x=(2, 3, 4), oracle=np.ravel),
        case(ops.flatten, x=(2, 3, 4), start_axis=1, oracle=lambda x, start_axis: x.reshape(2, 12)),
        case(ops.flatten, x=(), oracle=np.ravel),
        case(ops.squeeze, x=(1, 3, 1), oracle=np.squeeze),
        case(ops.squeeze, x=(1, 3, 1), axis=-1, oracle=np.squeeze),
        case(ops.expand_dims, x=(2, 3), axis=1, oracle=np.expand_dims),
        case(ops.expand_dims, x=(2, 3), axis=-1, oracle=np.expand_dims),
        case(ops.broadcast_to, x=(3, 1), shape=(2, 3, 4), oracle=np.broadcast_to),
        case(ops.broadcast_to, x=(), shape=(2, 3), oracle=np.broadcast_to),
    )


class TestOrders(CaseChecks):
    CASES = (
        case(ops.transpose, x=(2, 3, 4), oracle=np.transpose),
        case(ops.transpose, x=(2, 3, 4), axes=(1, 2, 0), oracle=np.transpose),
        case(ops.transpose, x=(2, 3, 4), axes=(-1, 0, 1), oracle=np.transpose),
        case(ops.moveaxis, x=(2, 3, 4, 5), source=1, destination=-1, oracle=np.moveaxis),
        case(ops.moveaxis, x=(2, 3, 4, 5), source=-1, destination=1, oracle=np.moveaxis),
        case(ops.flip, x=(2, 3), oracle=np.flip),
        case(ops.flip, x=(2, 3), axis=1, oracle=np.flip),
    )


class TestCuts(CaseChecks):
    CASES = (
        case(sliced, x=(5, 4), axis=0, start=1, stop=5, step=2, oracle=lambda x, **_: x[1:5:2]),
        case(
            sliced, x=(5, 4), axis=-1, start=3, stop=0, step=-1, oracle=lambda x, **_: x[:, 3:0:-1]
        ),
        case(ops.split, x=(4, 6), sections=3, axis=1, oracle=split),
        case(ops.split, x=(5, 2), sections=attribute([1, 4]), oracle=split),
        case(
            Unslice(((3, 0, -2), (0, 2, 1)), (4, 5)),
            x=(2, 2),
            oracle=lambda x: _unsliced(x),
        ),
    )


def _unsliced(x):
    wanted = np.zeros((4, 5))
    wanted[3, :2], wanted[1, :2] = x
    return wanted


class TestJoins(CaseChecks):
    CASES = (
        case(ops.concatenate, xs=[(2, 3), (2, 1), (2, 2)], axis=1, oracle=np.concatenate),
        case(ops.concatenate, xs=[(2, 3), (4, 3)], axis=-2, oracle=np.concatenate),
        case(ops.concatenate, xs=[(2, 1)] * 17, axis=1, oracle=np.concatenate),
        case(ops.concatenate, xs=[(2, 3), (0, 3)], oracle=np.concatenate),
        case(
            ops.concatenate,
            xs=[(2, 3), integers((1, 3), 5)],
            oracle=np.concatenate,
            single_dtype="float64",
        ),
        case(ops.stack, xs=[(2, 3), (2, 3)], axis=1, oracle=np.stack),
        case(ops.stack, xs=[(2, 3), (2, 3)], axis=-1, oracle=np.stack),
        case(ops.stack, xs=[(), ()], oracle=np.stack),
    )


class TestMargins(CaseChecks):
    CASES = (
        case(ops.pad, x=(2, 3), pads=((1, 0), (2, 1)), oracle=pad),
        case(
            ops.pad,
            x=(2, 3),
            pads=((0, 0), (1, 2)),
            value=7.0,
            oracle=pad,
        ),
        case(ops.pad, x=(3,), pads=((0, 0),), oracle=pad),
    )


def test_views_share_memory_and_copies_do_not():
    x = graftgrad.arange(12).reshape(3, 4)
    for view in (
        x.T,
        x[1:],
        x[:, None],
        ops.flip(x),
        ops.broadcast_to(x, (2, 3, 4)),
        x.reshape(12),
    ):
        assert np.shares_memory(view.numpy(), x.numpy())
        assert view.counter is x.counter
    for copy in (x.T.reshape(12), ops.concatenate([x]), ops.pad(x, ((0, 0), (0, 0)))):
        assert not np.shares_memory(copy.numpy(), x.numpy())


def test_one_operand_alone_may_be_joined():
    x = graftgrad.ones(2, 3, requires_grad=True)
    ops.concatenate([x], axis=1).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), 1)


def test_the_same_operand_twice():
    x = graftgrad.ones(2, requires_grad=True)
    (ops.concatenate([x, x]) * graftgrad.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [4, 6])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x: ops.reshape(x, 5), r"number of elements must stay; got x=\(2, 3\)"),
        (lambda x: ops.reshape(x, -1, -1), r"one size may be -1.*shape=\(-1, -1\)"),
        (lambda x: ops.reshape(x, 4, -1), "must divide the number of elements"),
        (lambda x: ops.reshape(x, (2, None)), "sizes must be integers"),
        (lambda x: ops.transpose(x, (0, 0)), r"every axis must be named once.*axes=\(0, 0\)"),
        (lambda x: ops.transpose(x, (0, 2)), r"axis must lie in \[-2, 2\); got axis=2"),
        (lambda x: ops.broadcast_to(x, (3, 3)), "1 or have the wanted size"),
        (lambda x: ops.broadcast_to(x, (3,)), "1 or have the wanted size"),
        (lambda x: ops.squeeze(x, 0), "a dropped axis must have size 1"),
        (lambda x: ops.expand_dims(x, 4), r"axis must lie in \[-3, 3\)"),
        (lambda x: ops.split(x, 2, axis=1), "must divide evenly; .*sections=2"),
        (lambda x: ops.pad(x, ((1, 1),) * 3), r"one \(before, after\) for every axis"),
        (lambda x: ops.pad(x, ((-1, 0), (0, 0))), "margins must not be negative"),
        (lambda x: ops.concatenate([]), "at least one operand"),
        (lambda x: ops.concatenate([x, x.T]), "all axes but the joined one must agree"),
        (lambda x: ops.concatenate([x, x], axis=2), r"axis must lie in \[-2, 2\)"),
        (lambda x: ops.stack([x, x.T]), "all operands must have one shape"),
    ],
)
def test_shapes_that_do_not_fit(wrong, words):
    with pytest.raises(ShapeError, match=words):
        wrong(graftgrad.zeros(2, 3))
