"""Convolutions against loops, against PyTorch's values and against each other."""

from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest

import graftgrad
from graftgrad import engine
from graftgrad.errors import DTypeError, ShapeError
from graftgrad.gradcheck import gradcheck
from graftgrad.ops import conv, depthwise, window
from graftgrad.ops.conv import conv2d, separable_conv2d
from graftgrad.ops.depthwise import depthwise_conv2d
from support.case import Case, CaseChecks, attribute, case
from support.golden import GoldenCase, cases
from support.golden_pulls import operands_of, pulled_twice
from support.window_oracles import by_channel, convolved, separated


class TestConv2D(CaseChecks):
    CASES: ClassVar = [
        case(conv2d, x=(2, 7, 6, 4), w=(3, 3, 2, 6), groups=2, oracle=convolved),
        case(conv2d, x=(2, 5, 4, 2), w=(3, 3, 2, 3), b=(3,), padding="same", oracle=convolved),
        case(conv2d, x=(1, 7, 9, 2), w=(3, 2, 2, 2), strides=2, padding="same",
             oracle=convolved),
        case(conv2d, x=(1, 8, 6, 2), w=(3, 3, 2, 2), strides=2, padding="same",
             oracle=convolved),
        case(conv2d, x=(2, 8, 7, 1), w=(2, 2, 1, 2), strides=3, oracle=convolved),
        case(conv2d, x=(1, 7, 5, 2), w=(2, 3, 2, 2), strides=attribute((2, 1)), padding=1,
             oracle=convolved),
        case(conv2d, x=(1, 7, 8, 2), w=(3, 2, 2, 2), dilation=attribute((2, 3)),
             oracle=convolved),
        case(conv2d, x=(1, 7, 6, 2), w=(2, 2, 2, 2), strides=2, dilation=2, padding="same",
             oracle=convolved),
        case(conv2d, x=(1, 4, 5, 2), w=(3, 3, 2, 2), padding=((0, 2), (3, 1)),
             oracle=convolved),
        case(conv2d, x=(1, 5, 4, 2), w=(3, 3, 2, 2), strides=2, padding=((2, 0), (1, 3)),
             oracle=convolved),
        case(conv2d, x=(2, 4, 5, 3), w=(1, 1, 3, 4), oracle=convolved),
        case(conv2d, x=(2, 4, 5, 4), w=(1, 1, 2, 4), groups=2, oracle=convolved),
        case(conv2d, x=(2, 5, 5, 3), w=(1, 1, 3, 2), strides=2, oracle=convolved),
        case(conv2d, x=(1, 3, 3, 2), w=(1, 1, 2, 2), padding=1, oracle=convolved),
        case(conv2d, x=(1, 5, 5, 4), w=(3, 3, 1, 4), groups=4, strides=2, padding="same",
             oracle=convolved),
        case(conv2d, x=(1, 3, 4, 2), w=(3, 4, 2, 3), oracle=convolved),
        case(conv2d, x=(1, 5, 4, 17), w=(2, 2, 17, 2), strides=2, oracle=convolved),
    ]  # fmt: skip


class TestDepthwise(CaseChecks):
    CASES: ClassVar = [
        case(depthwise_conv2d, x=(2, 5, 6, 3), w=(3, 3, 3, 1), oracle=by_channel),
        case(depthwise_conv2d, x=(2, 5, 4, 2), w=(3, 2, 2, 2), b=(4,), padding="same",
             oracle=by_channel),
        case(depthwise_conv2d, x=(1, 7, 6, 2), w=(3, 3, 2, 1), strides=2, padding="same",
             oracle=by_channel),
        case(depthwise_conv2d, x=(1, 8, 9, 2), w=(2, 2, 2, 2), strides=3,
             oracle=by_channel),
        case(depthwise_conv2d, x=(1, 7, 8, 1), w=(3, 2, 1, 3), dilation=2, padding=1,
             oracle=by_channel),
        case(depthwise_conv2d, x=(1, 9, 8, 2), w=(3, 3, 2, 1), strides=attribute((1, 2)),
             dilation=attribute((1, 3)), padding="same", oracle=by_channel),
        case(depthwise_conv2d, x=(1, 4, 3, 2), w=(2, 2, 2, 1), padding=((2, 0), (0, 3)),
             oracle=by_channel),
    ]  # fmt: skip


class TestComposites(CaseChecks):
    CASES: ClassVar = [
        case(separable_conv2d, x=(1, 5, 5, 2), depthwise=(3, 3, 2, 2), pointwise=(1, 1, 4, 3),
             b=(3,), strides=2, padding="same", oracle=separated),
    ]  # fmt: skip


@pytest.mark.parametrize("golden", cases("torch_ops", "conv2d"), ids=str)
def test_agrees_with_pytorch(golden: GoldenCase) -> None:
    given = operands_of(golden)
    settings = dict(golden.settings)
    attributes = {
        "strides": settings.pop("stride", 1),
        "padding": settings.pop("padding", 0),
        "dilation": settings.pop("dilation", 1),
        "groups": settings.pop("groups", 1),
    }
    assert not settings
    pulled_twice(conv2d(**given, **attributes), given, golden)


LARGE = [
    case(conv2d, x=(3, 20, 17, 3), w=(5, 5, 3, 4), strides=2, padding="same"),
    case(conv2d, x=(3, 20, 17, 18), w=(3, 3, 9, 4), strides=2, padding=1, groups=2),
    case(conv2d, x=(3, 20, 17, 4), w=(3, 3, 2, 4), padding="same", groups=2),
    case(conv2d, x=(2, 51, 61, 2), w=(1, 1, 2, 3)),
    case(depthwise_conv2d, x=(3, 20, 17, 4), w=(3, 3, 4, 2), padding="same"),
    case(depthwise_conv2d, x=(3, 20, 17, 4), w=(3, 3, 4, 1), strides=2, padding="same"),
    case(depthwise_conv2d, x=(3, 20, 17, 4), w=(3, 3, 4, 1), strides=2),
]


@pytest.mark.parametrize("case", LARGE, ids=str)
@pytest.mark.parametrize("size", [1, 3000, 40_000], ids="budget{}".format)
def test_blocks_do_not_change_results(
    case: Case, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = case.differentiated()
    for module, name, value in (
        (window, "CACHE_BYTES", 1 << 30),
        (window, "PATCH_BYTES", 1 << 30),
        (conv, "PATCH_BYTES", 1 << 30),
        (conv, "SMALL_PRODUCT", 0),
        (depthwise, "LONGEST_ROW", 1 << 30),
    ):
        monkeypatch.setattr(module, name, value)
    whole = case.gradients(case.tensors(case.arrays(), wanted), wanted)
    value = case.call(case.tensors(case.arrays()))[0]
    for module, name in ((window, "CACHE_BYTES"), (window, "PATCH_BYTES"), (conv, "PATCH_BYTES"),
                         (conv, "SMALL_PRODUCT")):  # fmt: skip
        monkeypatch.setattr(module, name, size)
    for module, name, least in (
        (conv, "LEAST_PATCHES", 1),
        (conv, "LEAST_SUMMED", 1),
        (conv, "LONGEST_SUM", 100),
        (depthwise, "LONGEST_ROW", 0),
    ):
        monkeypatch.setattr(module, name, least)
    cut = case.gradients(case.tensors(case.arrays(), wanted), wanted)
    again = case.call(case.tensors(case.arrays()))[0]
    np.testing.assert_allclose(again.numpy(), value.numpy(), rtol=1e-10, atol=1e-12)
    for place in wanted:
        found, expected = cut[place], whole[place]
        assert found is not None and expected is not None
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("strides", [1, 2])
def test_third_order(strides: int) -> None:
    generator = np.random.default_rng(3)
    x = graftgrad.tensor(generator.standard_normal((1, 4, 5, 2)), requires_grad=True)
    w = graftgrad.tensor(generator.standard_normal((2, 3, 2, 2)), requires_grad=True)

    def bent(x: Any, w: Any) -> Any:
        y = conv2d(x, w, strides=strides, padding="same")
        (gx,) = engine.grad((y * y * y).sum(), [x], create_graph=True)
        assert gx is not None
        (gw,) = engine.grad((gx * gx).sum(), [w], create_graph=True)
        return gw

    assert gradcheck(bent, (x, w), atol=1e-4, rtol=1e-4, fast_mode=True)


@pytest.mark.parametrize("op", [conv2d, depthwise_conv2d, partial(conv2d, strides=2)])
def test_no_images(op: Any) -> None:
    x = graftgrad.tensor(np.zeros((0, 5, 5, 2)), requires_grad=True)
    w = graftgrad.tensor(np.ones((3, 3, 2, 2)), requires_grad=True)
    y = op(x, w, padding="same")
    assert y.shape[0] == 0
    y.sum().backward()
    assert x.grad is not None and x.grad.shape == x.shape
    assert w.grad is not None
    np.testing.assert_array_equal(w.grad.numpy(), np.zeros(w.shape))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("op", [conv2d, depthwise_conv2d])
def test_short_numbers_are_summed_in_single_precision(op: Any, dtype: str) -> None:
    x = graftgrad.tensor(np.full((1, 64, 64, 1), 0.1), dtype, requires_grad=True)
    w = graftgrad.tensor(np.full((64, 64, 1, 1), 0.1), dtype, requires_grad=True)
    y = op(x, w)
    held = float(x.detach().to("float64").numpy()[0, 0, 0, 0])
    assert y.dtype == x.dtype
    # summed in 8 or 11 bits the sum would stop growing long before
    np.testing.assert_allclose(y.detach().to("float64").numpy(), 4096 * held * held, rtol=5e-3)
    y.sum().backward()
    assert x.grad is not None and x.grad.dtype == x.dtype


def test_integers() -> None:
    x, w = np.arange(32).reshape(1, 4, 4, 2), np.arange(16).reshape(2, 2, 2, 2) - 8
    y = conv2d(graftgrad.tensor(x), graftgrad.tensor(w), strides=2)
    np.testing.assert_array_equal(y.numpy(), convolved(x, w, strides=2))
    assert y.dtype == "int64"


def make(*shape: int, dtype: str = "float32") -> Any:
    return graftgrad.tensor(np.ones(shape), dtype)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: conv2d(make(8, 32, 32, 3), make(3, 3, 4, 16)),
         r"conv2d: channels of x must be channels of w × groups; got .*\(8, 32, 32, 3\)"
         r".*\(3, 3, 4, 16\).*groups=1"),
        (lambda: conv2d(make(1, 2, 9, 3), make(3, 3, 3, 1)),
         r"conv2d: the window must fit into the padded input; got sizes=\(2, 9\)"),
        (lambda: conv2d(make(4, 4, 3), make(3, 3, 3, 1)), r"conv2d: x must be images"),
        (lambda: conv2d(make(1, 4, 4, 3), make(3, 3, 3)), r"conv2d: w must be filters"),
        (lambda: conv2d(make(1, 4, 4, 4), make(3, 3, 2, 3), groups=2),
         r"conv2d: groups must be positive and divide the filters; got .*groups=2"),
        (lambda: conv2d(make(1, 4, 4, 2), make(3, 3, 2, 3), groups=0), r"conv2d: .*groups=0"),
        (lambda: conv2d(make(1, 4, 4, 2), make(3, 3, 2, 3), strides=0),
         r"conv2d: strides and dilation must be at least 1; got strides=\(0, 0\)"),
        (lambda: conv2d(make(1, 4, 4, 2), make(3, 3, 2, 3), padding="full"),
         r'padding: must be "valid", "same" or numbers; got .*full'),
        (lambda: conv2d(make(1, 4, 4, 2), make(3, 3, 2, 3), padding=-1),
         r"conv2d: padding must not be negative"),
        (lambda: conv2d(make(1, 4, 4, 2), make(0, 3, 2, 3)), r"conv2d: window, strides"),
        (lambda: conv2d(make(1, 4, 4, 2), make(3, 3, 2, 3), make(2)),
         r"conv2d: b must have one number for every filter; got b=\(2,\).*filters=3"),
        (lambda: conv2d(make(1, 4, 4, 0), make(3, 3, 0, 2)),
         r"conv2d: there must be at least one channel; got w=\(3, 3, 0, 2\)"),
        (lambda: depthwise_conv2d(make(1, 4, 4, 0), make(3, 3, 0, 1)),
         r"depthwise_conv2d: there must be at least one channel"),
        (lambda: depthwise_conv2d(make(1, 4, 4, 2), make(3, 3, 3, 1)),
         r"depthwise_conv2d: channels of x must be the third axis of w"),
        (lambda: depthwise_conv2d(make(1, 4, 4, 2), make(3, 3, 2)), r"depthwise_conv2d: w must be"),
        (lambda: depthwise_conv2d(make(1, 4, 4, 2), make(3, 3, 2, 2), make(2)),
         r"depthwise_conv2d: b must have one number for every filter; got b=\(2,\).*filters=4"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit(call: Any, said: str) -> None:
    with pytest.raises(ShapeError, match=said):
        call()


def test_types_that_do_not_fit() -> None:
    with pytest.raises(DTypeError, match=r"conv2d: operands must share one dtype"):
        conv2d(make(1, 4, 4, 2), make(3, 3, 2, 3, dtype="float64"))
