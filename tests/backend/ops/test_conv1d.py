"""Convolutions of sequences against loops."""

from typing import Any, ClassVar

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ShapeError
from graftgrad.ops.conv1d import conv1d, depthwise_conv1d, separable_conv1d
from support.case import CaseChecks, attribute, case
from support.window_oracles import by_channel, convolved, separated


def convolved1d(x: Any, w: Any, padding: Any = "valid", **settings: Any) -> Any:
    pads = padding if isinstance(padding, (str, int)) else (padding,)
    return convolved(x, w, padding=pads, **settings)


class TestConv1D(CaseChecks):
    CASES: ClassVar = [
        case(conv1d, x=(2, 7, 2), w=(3, 2, 3), oracle=convolved1d),
        case(conv1d, x=(1, 6, 2), w=(2, 2, 2), padding="causal", dilation=2, oracle=convolved1d),
        case(conv1d, x=(1, 7, 4), w=(3, 2, 2), padding="same", strides=attribute((2,)), groups=2,
             oracle=convolved1d),
        case(conv1d, x=(1, 4, 2), w=(3, 2, 2), padding=attribute((0, 2)), oracle=convolved1d),
        case(depthwise_conv1d, x=(2, 7, 3), w=(3, 3, 2), b=(6,), padding="same", strides=2,
             oracle=by_channel),
        case(depthwise_conv1d, x=(1, 8, 2), w=(3, 2, 1), padding="causal", dilation=2,
             oracle=by_channel),
        case(separable_conv1d, x=(2, 6, 2), depthwise=(3, 2, 2), pointwise=(1, 4, 3), b=(3,),
             padding="same", oracle=separated),
        case(separable_conv1d, x=(1, 6, 2), depthwise=(2, 2, 1), pointwise=(1, 2, 3),
             padding="causal", oracle=separated),
    ]  # fmt: skip


def make(*shape: int) -> Any:
    return graftgrad.tensor(np.ones(shape, "float32"))


def test_no_sequences() -> None:
    x = graftgrad.tensor(np.zeros((0, 5, 2)), requires_grad=True)
    w = graftgrad.tensor(np.ones((3, 2, 4)), requires_grad=True)
    y = conv1d(x, w, padding="causal")
    assert y.shape == (0, 5, 4)
    y.sum().backward()
    assert w.grad is not None
    np.testing.assert_array_equal(w.grad.numpy(), np.zeros(w.shape))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: conv1d(make(1, 4, 4, 2), make(3, 2, 3)), r"conv1d: x must be sequences"),
        (lambda: conv1d(make(1, 4, 2), make(3, 2, 3), strides=(1, 1)),
         r"conv1d strides: must be one integer or 1; got value=\(1, 1\)"),
        (lambda: depthwise_conv1d(make(1, 4, 2), make(3, 2)),
         r"depthwise_conv1d: x must be sequences \(N, T, C\) and w filters \(A, C, M\)"),
        (lambda: conv1d(make(1, 2, 2), make(3, 2, 3)), r"the window must fit"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit(call: Any, said: str) -> None:
    with pytest.raises(ShapeError, match=said):
        call()
