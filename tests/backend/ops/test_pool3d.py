"""Pooling of sequences and volumes, to given sizes and to one place, against loops."""

from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ShapeError
from graftgrad.ops.adaptive import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
)
from graftgrad.ops.global_pool import (
    global_average_pool1d,
    global_average_pool2d,
    global_average_pool3d,
    global_max_pool1d,
    global_max_pool2d,
    global_max_pool3d,
)
from graftgrad.ops.pool1d import avg_pool1d, max_pool1d
from graftgrad.ops.pool3d import avg_pool3d, max_pool3d
from support.case import CaseChecks, attribute, case, distinct
from support.window_oracles import averaged, in_bins, largest

means, maxima = partial(in_bins, np.mean), partial(in_bins, np.max)


class TestSequences(CaseChecks):
    CASES: ClassVar = [
        case(max_pool1d, x=distinct(2, 7, 3), oracle=largest),
        case(max_pool1d, x=distinct(1, 8, 2), size=3, strides=2, padding="same", oracle=largest),
        case(max_pool1d, x=distinct(1, 9, 2), size=3, strides=1, padding=1, dilation=2,
             oracle=largest),
        case(avg_pool1d, x=(2, 7, 3), size=attribute((3,)), strides=2, oracle=averaged),
        case(avg_pool1d, x=(1, 6, 2), size=3, strides=1, padding="same", oracle=averaged),
        case(avg_pool1d, x=(1, 6, 2), size=3, strides=2, padding=1, count_include_pad=True,
             oracle=averaged),
    ]  # fmt: skip


class TestVolumes(CaseChecks):
    CASES: ClassVar = [
        case(max_pool3d, x=distinct(1, 4, 4, 5, 2), oracle=largest),
        case(max_pool3d, x=distinct(2, 5, 4, 3, 1), size=attribute((3, 2, 3)),
             strides=attribute((2, 1, 2)), padding="same", oracle=largest),
        case(max_pool3d, x=distinct(1, 4, 5, 4, 1), size=2, strides=1, padding=1, dilation=2,
             oracle=largest),
        case(avg_pool3d, x=(1, 4, 4, 5, 2), oracle=averaged),
        case(avg_pool3d, x=(1, 3, 5, 4, 2), size=3, strides=attribute((1, 2, 2)), padding="same",
             oracle=averaged),
        case(avg_pool3d, x=(1, 4, 3, 5, 1), size=attribute((2, 3, 3)), strides=2,
             padding=((1, 0), (1, 1), (0, 2)), count_include_pad=True, oracle=averaged),
    ]  # fmt: skip


class TestAdaptive(CaseChecks):
    CASES: ClassVar = [
        case(adaptive_avg_pool1d, x=(2, 7, 2), output_size=attribute((3,)), oracle=means),
        case(adaptive_avg_pool1d, x=(1, 3, 2), output_size=5, oracle=means),
        case(adaptive_avg_pool2d, x=(2, 6, 4, 2), output_size=attribute((3, 2)), oracle=means),
        case(adaptive_avg_pool2d, x=(2, 6, 4, 2), output_size=1, oracle=means),
        case(adaptive_avg_pool2d, x=(1, 7, 5, 2), output_size=attribute((5, 2)), oracle=means),
        case(adaptive_avg_pool3d, x=(1, 4, 3, 5, 2), output_size=attribute((3, 3, 2)),
             oracle=means),
        case(adaptive_max_pool1d, x=distinct(2, 7, 2), output_size=5, oracle=maxima),
        case(adaptive_max_pool2d, x=distinct(1, 7, 6, 2), output_size=attribute((3, 3)),
             oracle=maxima),
        case(adaptive_max_pool3d, x=distinct(1, 4, 3, 5, 2), output_size=attribute((3, 1, 2)),
             oracle=maxima),
    ]  # fmt: skip


class TestGlobal(CaseChecks):
    CASES: ClassVar = [
        case(global_average_pool1d, x=(2, 3, 2), oracle=lambda x: x.mean(axis=1)),
        case(global_average_pool2d, x=(2, 3, 4, 2), oracle=lambda x: x.mean(axis=(1, 2))),
        case(global_average_pool2d, x=(2, 3, 4, 2), keepdims=True,
             oracle=lambda x, keepdims: x.mean(axis=(1, 2), keepdims=True)),
        case(global_average_pool3d, x=(2, 2, 3, 2, 2), keepdims=True,
             oracle=lambda x, keepdims: x.mean(axis=(1, 2, 3), keepdims=True)),
        case(global_max_pool1d, x=distinct(2, 4, 2), oracle=lambda x: x.max(axis=1)),
        case(global_max_pool2d, x=distinct(2, 3, 4, 2), oracle=lambda x: x.max(axis=(1, 2))),
        case(global_max_pool2d, x=distinct(2, 3, 4, 2), keepdims=True,
             oracle=lambda x, keepdims: x.max(axis=(1, 2), keepdims=True)),
        case(global_max_pool3d, x=distinct(2, 2, 3, 2, 2), oracle=lambda x: x.max(axis=(1, 2, 3))),
    ]  # fmt: skip


def test_first_of_equal_maxima_in_a_box_gets_the_gradient() -> None:
    for pool in (max_pool3d, lambda x: adaptive_max_pool3d(x, 1)):
        x = graftgrad.tensor(np.ones((1, 2, 2, 2, 1)), requires_grad=True)
        pool(x).sum().backward()
        assert x.grad is not None
        np.testing.assert_array_equal(x.grad.numpy().reshape(-1), np.eye(8)[0])


@pytest.mark.parametrize(
    "op",
    [max_pool3d, avg_pool3d, partial(adaptive_avg_pool3d, output_size=2),
     partial(adaptive_max_pool3d, output_size=2)],
)  # fmt: skip
def test_no_volumes(op: Any) -> None:
    x = graftgrad.tensor(np.zeros((0, 4, 4, 4, 2)), requires_grad=True)
    y = op(x)
    assert y.shape == (0, 2, 2, 2, 2)
    y.sum().backward()
    assert x.grad is not None and x.grad.shape == x.shape


def make(*shape: int) -> Any:
    return graftgrad.tensor(np.ones(shape))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: max_pool1d(make(1, 4, 4, 1)), r"max_pool1d: x must be sequences \(N, T, C\)"),
        (lambda: avg_pool1d(make(1, 2, 1), 3), r"the window must fit into the padded input"),
        (lambda: max_pool3d(make(1, 4, 4, 1)), r"max_pool3d: x must be volumes \(N, D, H, W, C\)"),
        (lambda: avg_pool3d(make(1, 4, 4, 4, 1), (2, 2)),
         r"avg_pool3d size: must be one integer or 3"),
        (lambda: avg_pool3d(make(1, 4, 4, 4, 1), 2, padding=2),
         r"padding must be smaller than the window"),
        (lambda: adaptive_avg_pool2d(make(1, 4, 4, 1), 0),
         r"adaptive_avg_pool2d: output_size must be at least 1"),
        (lambda: adaptive_max_pool1d(make(1, 4, 4, 1), 1),
         r"adaptive_max_pool1d: x must be sequences \(N, T, C\) that are not empty"),
        (lambda: adaptive_avg_pool3d(make(1, 4, 0, 4, 1), 1), r"that are not empty"),
        (lambda: global_average_pool2d(make(1, 4, 4)), r"global_average_pool2d: x must be images"),
        (lambda: global_max_pool2d(make(1, 0, 4, 2)), r"global_max_pool2d: .*at least one pixel"),
        (lambda: global_max_pool3d(make(1, 2, 0, 4, 2)), r"at least one element"),
        (lambda: global_average_pool1d(make(1, 0, 2)), r"at least one step"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit(call: Any, said: str) -> None:
    with pytest.raises(ShapeError, match=said):
        call()
