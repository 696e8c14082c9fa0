"""Transposed convolutions of sequences, images and volumes against loops and against peers."""

from typing import Any, ClassVar

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ShapeError
from graftgrad.ops.conv_transpose import conv1d_transpose, conv2d_transpose, conv3d_transpose
from support.case import CaseChecks, attribute, case
from support.golden import GoldenCase, cases
from support.golden_pulls import operands_of, pulled_twice
from support.window_oracles import transposed


class TestTransposed(CaseChecks):
    CASES: ClassVar = [
        case(conv2d_transpose, x=(2, 3, 4, 2), w=(3, 3, 3, 2), b=(3,), oracle=transposed),
        case(conv2d_transpose, x=(1, 3, 4, 2), w=(3, 2, 3, 2), strides=2, padding="same",
             oracle=transposed),
        case(conv2d_transpose, x=(1, 3, 2, 2), w=(2, 2, 1, 2), strides=3, oracle=transposed),
        case(conv2d_transpose, x=(1, 3, 2, 2), w=(2, 4, 1, 2), strides=3, padding="same",
             oracle=transposed),
        case(conv2d_transpose, x=(1, 3, 4, 2), w=(3, 3, 2, 2), strides=2, output_padding=1,
             oracle=transposed),
        case(conv2d_transpose, x=(1, 3, 4, 2), w=(4, 3, 2, 2), strides=2, padding="same",
             output_padding=attribute((0, 1)), oracle=transposed),
        case(conv2d_transpose, x=(1, 3, 4, 2), w=(3, 2, 2, 2), dilation=2, oracle=transposed),
        case(conv2d_transpose, x=(1, 4, 3, 2), w=(3, 3, 2, 2), strides=2, padding=1,
             output_padding=1, oracle=transposed),
        case(conv2d_transpose, x=(1, 3, 3, 4), w=(2, 3, 3, 4), b=(6,), groups=2, strides=2,
             oracle=transposed),
        case(conv1d_transpose, x=(2, 4, 2), w=(3, 3, 2), b=(3,), strides=2, padding="same",
             oracle=transposed),
        case(conv1d_transpose, x=(1, 5, 4), w=(3, 2, 4), strides=3, output_padding=1, groups=2,
             oracle=transposed),
        case(conv1d_transpose, x=(1, 4, 2), w=(2, 3, 2), padding=attribute((1, 0)), dilation=2,
             oracle=lambda x, w, padding, **more: transposed(x, w, padding=(padding,), **more)),
        case(conv3d_transpose, x=(1, 2, 3, 2, 2), w=(3, 2, 3, 2, 2), b=(2,),
             strides=attribute((2, 1, 3)), padding="same", oracle=transposed),
        case(conv3d_transpose, x=(1, 2, 2, 3, 4), w=(2, 2, 1, 1, 4), groups=2, strides=2,
             output_padding=attribute((1, 0, 1)), oracle=transposed),
        case(conv3d_transpose, x=(2, 2, 3, 2, 1), w=(2, 2, 2, 2, 1), dilation=2, padding=1,
             oracle=transposed),
    ]  # fmt: skip


@pytest.mark.parametrize("golden", cases("torch_ops", "conv_transpose2d"), ids=str)
def test_agrees_with_pytorch(golden: GoldenCase) -> None:
    given = operands_of(golden)
    settings = dict(golden.settings)
    attributes = {
        "strides": settings.pop("stride", 1),
        "padding": settings.pop("padding", 0),
        "output_padding": settings.pop("output_padding", None),
    }
    assert not settings
    pulled_twice(conv2d_transpose(**given, **attributes), given, golden)


@pytest.mark.parametrize("golden", cases("layers", "Conv2DTranspose"), ids=str)
def test_agrees_with_keras(golden: GoldenCase) -> None:
    x = graftgrad.tensor(golden["input/0"])
    weights = {name: graftgrad.tensor(a) for name, a in golden.group("weight").items()}
    y = conv2d_transpose(
        x,
        weights["kernel"],
        weights.get("bias"),
        strides=golden.settings.get("strides", 1),
        padding=golden.settings.get("padding", "valid"),
        output_padding=golden.settings.get("output_padding"),
        dilation=golden.settings.get("dilation_rate", 1),
    )
    np.testing.assert_allclose(y.numpy(), golden["output"], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("op", "x", "w"),
    [
        (conv1d_transpose, (0, 4, 2), (3, 3, 2)),
        (conv2d_transpose, (0, 4, 3, 2), (3, 2, 3, 2)),
        (conv3d_transpose, (0, 2, 4, 3, 2), (2, 3, 2, 3, 2)),
    ],
)
def test_nothing_to_spread(op: Any, x: Any, w: Any) -> None:
    given = graftgrad.tensor(np.zeros(x), requires_grad=True)
    filters = graftgrad.tensor(np.ones(w), requires_grad=True)
    y = op(given, filters, strides=2, padding="same")
    assert y.shape == (0, *(2 * n for n in x[1:-1]), 3)
    y.sum().backward()
    assert given.grad is not None and given.grad.shape == x
    assert filters.grad is not None
    np.testing.assert_array_equal(filters.grad.numpy(), np.zeros(w))


def make(*shape: int) -> Any:
    return graftgrad.tensor(np.ones(shape, "float32"))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: conv2d_transpose(make(1, 4, 4, 2), make(3, 3, 2, 3)),
         r"conv2d_transpose: channels of x must be the last axis of w"),
        (lambda: conv2d_transpose(make(1, 4, 4, 2), make(3, 3, 3, 2), strides=2, output_padding=2),
         r"conv2d_transpose: output_padding must lie in \[0, strides\); got output_padding=2"),
        (lambda: conv2d_transpose(make(1, 4, 4, 2), make(3, 3, 3, 2), padding="full"),
         r'conv2d_transpose: padding must be "valid", "same" or numbers'),
        (lambda: conv1d_transpose(make(1, 4, 4, 2), make(3, 3, 2)),
         r"conv1d_transpose: x must be sequences \(N, T, C\) and w filters \(A, O / groups, C\)"),
        (lambda: conv3d_transpose(make(1, 4, 4, 2), make(3, 3, 3, 2)),
         r"conv3d_transpose: x must be volumes"),
        (lambda: conv3d_transpose(make(1, 2, 2, 2, 3), make(2, 2, 2, 1, 3), groups=2),
         r"conv3d_transpose: groups must be positive and divide the filters"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit(call: Any, said: str) -> None:
    with pytest.raises(ShapeError, match=said):
        call()
