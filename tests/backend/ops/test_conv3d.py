"""Convolutions of volumes against loops."""

from typing import Any, ClassVar

import numpy as np
import pytest

import graftgrad
from graftgrad import engine
from graftgrad.errors import DTypeError, ShapeError
from graftgrad.gradcheck import gradcheck
from graftgrad.ops.conv3d import Conv3D, Conv3DFilterGrad, Conv3DInputGrad, conv3d
from support.case import CaseChecks, attribute, case
from support.window_oracles import convolved


class TestConv3D(CaseChecks):
    CASES: ClassVar = [
        case(conv3d, x=(2, 3, 4, 5, 2), w=(2, 3, 2, 2, 3), b=(3,), oracle=convolved),
        case(conv3d, x=(1, 4, 5, 3, 4), w=(3, 2, 3, 2, 2), groups=2, padding="same",
             strides=attribute((2, 1, 2)), oracle=convolved),
        case(conv3d, x=(1, 5, 4, 5, 1), w=(2, 2, 3, 1, 2), dilation=attribute((3, 2, 1)),
             padding=((1, 0), (0, 2), (1, 1)), oracle=convolved),
        case(conv3d, x=(2, 3, 2, 3, 3), w=(1, 1, 1, 3, 2), oracle=convolved),
        case(conv3d, x=(1, 2, 3, 3, 1), w=(3, 3, 3, 1, 1), strides=3, padding=2,
             oracle=convolved),
    ]  # fmt: skip


def test_third_order() -> None:
    generator = np.random.default_rng(3)
    x = graftgrad.tensor(generator.standard_normal((1, 3, 3, 4, 2)), requires_grad=True)
    w = graftgrad.tensor(generator.standard_normal((2, 2, 3, 2, 2)), requires_grad=True)

    def bent(x: Any, w: Any) -> Any:
        y = conv3d(x, w, strides=2, padding="same")
        (gx,) = engine.grad((y * y * y).sum(), [x], create_graph=True)
        assert gx is not None
        (gw,) = engine.grad((gx * gx).sum(), [w], create_graph=True)
        return gw

    assert gradcheck(bent, (x, w), atol=1e-4, rtol=1e-4, fast_mode=True)


def test_no_volumes() -> None:
    x = graftgrad.tensor(np.zeros((0, 3, 4, 5, 2)), requires_grad=True)
    w = graftgrad.tensor(np.ones((3, 3, 3, 2, 2)), requires_grad=True)
    y = conv3d(x, w, padding="same")
    assert y.shape == (0, 3, 4, 5, 2)
    y.sum().backward()
    assert x.grad is not None and x.grad.shape == x.shape
    assert w.grad is not None
    np.testing.assert_array_equal(w.grad.numpy(), np.zeros(w.shape))


def make(*shape: int, dtype: str = "float32") -> Any:
    return graftgrad.tensor(np.ones(shape), dtype)


def test_short_numbers() -> None:
    x, w = make(1, 3, 3, 3, 2, dtype="bfloat16"), make(2, 2, 2, 2, 4)
    y = conv3d(x, w)
    assert y.dtype == "bfloat16"
    np.testing.assert_array_equal(y.to("float32").numpy(), np.full((1, 2, 2, 2, 4), 16.0))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: conv3d(make(1, 4, 4, 4, 3), make(2, 2, 2, 2, 5)),
         r"conv3d: channels of x must be channels of w × groups"),
        (lambda: conv3d(make(4, 4, 4, 3), make(2, 2, 2, 3, 5)),
         r"conv3d: x must be volumes \(N, D, H, W, C\)"),
        (lambda: conv3d(make(1, 4, 4, 4, 3), make(2, 2, 3, 5)), r"conv3d: w must be filters"),
        (lambda: conv3d(make(1, 4, 4, 4, 2), make(2, 2, 2, 1, 3), groups=2),
         r"conv3d: groups must be positive and divide the filters"),
        (lambda: conv3d(make(1, 1, 4, 4, 2), make(2, 2, 2, 2, 3)), r"conv3d: the window must fit"),
        (lambda: conv3d(make(1, 4, 4, 4, 2), make(2, 2, 2, 2, 3), strides=(1, 2)),
         r"conv3d strides: must be one integer or 3"),
        (lambda: conv3d(make(1, 4, 4, 4, 2), make(2, 2, 2, 2, 3), make(2)),
         r"conv3d: b must have one number for every filter"),
        (lambda: Conv3D()(make(1, 4, 4, 2), make(2, 2, 2, 2, 3)), r"x and w must have 5 axes"),
        (lambda: Conv3DInputGrad(sizes=(3, 3, 3))(make(1, 3, 3, 3, 2), make(2, 2, 2, 3, 2)),
         r"gy must have \(2, 2, 2\) frames, rows and columns"),
        (lambda: Conv3DInputGrad(sizes=(3, 3, 3))(make(1, 2, 2, 2, 3), make(2, 2, 2, 3, 2)),
         r"channels of gy must be the last axis of w"),
        (lambda: Conv3DInputGrad(sizes=(3, 3, 3))(make(2, 2, 2, 3), make(2, 2, 2, 3, 2)),
         r"gy and w must have 5 axes"),
        (lambda: Conv3DFilterGrad()(make(2, 3, 3, 3, 2), make(1, 3, 3, 3, 2)),
         r"gy and x must be as many volumes"),
        (lambda: Conv3DFilterGrad(groups=2)(make(1, 3, 3, 3, 2), make(1, 3, 3, 3, 3)),
         r"channels must divide into groups"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit(call: Any, said: str) -> None:
    with pytest.raises(ShapeError, match=said):
        call()


def test_types_that_do_not_fit() -> None:
    with pytest.raises(DTypeError, match=r"conv3d: operands must share one dtype"):
        conv3d(make(1, 4, 4, 4, 2), make(3, 3, 3, 2, 3, dtype="float64"))
