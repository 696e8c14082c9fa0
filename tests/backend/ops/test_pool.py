"""Pooling against loops, and against PyTorch's values."""

from typing import Any, ClassVar

import numpy as np
import pytest

import graftgrad
from graftgrad import engine
from graftgrad.errors import DTypeError, ShapeError
from graftgrad.ops import window
from graftgrad.ops.adaptive import adaptive_avg_pool2d
from graftgrad.ops.pool import avg_pool2d, max_pool2d
from support.case import Case, CaseChecks, attribute, case, distinct
from support.golden import GoldenCase, cases
from support.window_oracles import averaged, each, largest


class TestMaxPool(CaseChecks):
    CASES: ClassVar = [
        case(max_pool2d, x=distinct(2, 6, 4, 3), oracle=largest),
        case(max_pool2d, x=distinct(1, 7, 5, 2), oracle=largest),
        case(max_pool2d, x=distinct(1, 7, 5, 2), size=3, strides=1, oracle=largest),
        case(max_pool2d, x=distinct(1, 7, 6, 2), size=3, strides=2, padding=1, oracle=largest),
        case(max_pool2d, x=distinct(1, 7, 8, 2), size=2, strides=3, padding="same",
             oracle=largest),
        case(max_pool2d, x=distinct(2, 7, 5, 2), size=attribute((3, 2)), strides=attribute((2, 1)),
             padding="same", oracle=largest),
        case(max_pool2d, x=distinct(1, 5, 6, 1), size=3, strides=2, padding=((2, 0), (1, 2)),
             oracle=largest),
        case(max_pool2d, x=distinct(1, 7, 6, 2), size=2, strides=1, dilation=2, padding="same",
             oracle=largest),
        case(max_pool2d, x=distinct(1, 17, 17, 1), size=17, oracle=largest),
    ]  # fmt: skip


class TestAveragePool(CaseChecks):
    CASES: ClassVar = [
        case(avg_pool2d, x=(2, 6, 4, 3), oracle=averaged),
        case(avg_pool2d, x=(1, 7, 5, 2), size=3, strides=1, padding="same", oracle=averaged),
        case(avg_pool2d, x=(1, 7, 6, 2), size=3, strides=2, padding=1, oracle=averaged),
        case(avg_pool2d, x=(1, 7, 6, 2), size=3, strides=2, padding=1, count_include_pad=True,
             oracle=averaged),
        case(avg_pool2d, x=(1, 8, 7, 2), size=2, strides=3, oracle=averaged),
        case(avg_pool2d, x=(1, 5, 6, 1), size=attribute((3, 4)), strides=attribute((2, 1)),
             padding=((2, 0), (1, 3)), oracle=averaged),
    ]  # fmt: skip


def ceiled(golden: GoldenCase, x: Any) -> Any:
    """Turn PyTorch's ceil_mode into a margin after, which its averages do not count."""
    settings = dict(golden.settings)
    size = each(settings["kernel_size"], 2)
    step = each(settings.get("stride", size), 2)
    pad = each(settings.get("padding", 0), 2)
    if not settings.get("ceil_mode", False):
        return pad
    after = [-(x.shape[1 + i] + 2 * pad[i] - size[i]) % step[i] for i in range(2)]
    return tuple((pad[i], pad[i] + after[i]) for i in range(2))


@pytest.mark.parametrize(
    "golden", cases("torch_ops", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d"), ids=str
)
def test_agrees_with_pytorch(golden: GoldenCase) -> None:
    x = graftgrad.tensor(golden["operand/x"], requires_grad=True)
    settings = golden.settings
    if golden.class_name == "adaptive_avg_pool2d":
        y = adaptive_avg_pool2d(x, settings["output_size"])
    else:
        where = (settings["kernel_size"], settings.get("stride"), ceiled(golden, x))
        if golden.class_name == "max_pool2d":
            y = max_pool2d(x, *where)
        else:
            counted = settings.get("count_include_pad", True) and not settings.get("ceil_mode")
            y = avg_pool2d(x, *where, count_include_pad=counted)
    np.testing.assert_allclose(y.detach().numpy(), golden["output"], rtol=1e-12, atol=1e-14)
    (gx,) = engine.grad(y, [x], graftgrad.tensor(golden["cotangent"]))
    assert gx is not None
    np.testing.assert_allclose(gx.numpy(), golden["gradient/x"], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("size", [1, 3000, 20_000], ids="budget{}".format)
@pytest.mark.parametrize(
    "case",
    [
        case(max_pool2d, x=distinct(3, 20, 17, 4), size=3, strides=2, padding=1),
        case(max_pool2d, x=distinct(3, 20, 17, 4), size=3, strides=1),
        case(avg_pool2d, x=(3, 20, 17, 4), size=3, strides=2, padding="same"),
    ],
    ids=str,
)
def test_blocks_do_not_change_results(
    case: Case, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = case.differentiated()
    found = []
    for budget in (1 << 30, size):
        monkeypatch.setattr(window, "CACHE_BYTES", budget)
        gradient = case.gradients(case.tensors(case.arrays(), wanted), wanted)["x", 0]
        assert gradient is not None
        found.append((case.call(case.tensors(case.arrays()))[0].numpy(), gradient.numpy()))
    for whole, cut in zip(*found, strict=True):
        np.testing.assert_allclose(cut, whole, rtol=1e-12, atol=1e-14)


def test_first_of_equal_maxima_gets_the_gradient() -> None:
    x = graftgrad.tensor(np.ones((1, 4, 4, 1)), requires_grad=True)
    max_pool2d(x).sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(
        x.grad.numpy()[0, :, :, 0], np.kron(np.eye(1), [[1, 0] * 2, [0] * 4] * 2)
    )


def test_padding_never_wins() -> None:
    x = graftgrad.tensor(np.full((1, 2, 2, 1), -5.0), requires_grad=True)
    y = max_pool2d(x, 3, 1, "same")
    np.testing.assert_array_equal(y.detach().numpy(), np.full((1, 2, 2, 1), -5.0))
    y.sum().backward()
    assert x.grad is not None
    assert float(x.grad.sum()) == 4.0


def test_even_infinity_below_has_a_gradient_inside() -> None:
    x = graftgrad.tensor(np.full((1, 2, 2, 1), -np.inf), requires_grad=True)
    max_pool2d(x, 2).sum().backward()
    assert x.grad is not None
    assert float(x.grad.sum()) == 1.0


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "bfloat16", "float32"])
def test_element_types(dtype: str) -> None:
    values = np.random.default_rng(1).integers(0, 100, (2, 5, 5, 3))
    y = max_pool2d(graftgrad.tensor(values, dtype), 3, 2, "same")
    assert y.dtype == dtype
    np.testing.assert_array_equal(y.to("float64").numpy(), largest(values * 1.0, 3, 2, "same"))
    y = avg_pool2d(graftgrad.tensor(values, dtype), 3, 2, "same")
    assert y.dtype == (dtype if "float" in dtype else "float32")
    expected = averaged(values * 1.0, 3, 2, "same")
    np.testing.assert_allclose(y.to("float64").numpy(), expected, rtol=5e-3)


def test_many_places_are_counted() -> None:
    values = np.arange(600.0).reshape(1, 20, 30, 1)
    x = graftgrad.tensor(values, requires_grad=True)
    max_pool2d(x, (20, 30)).sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy().nonzero(), ([0], [19], [29], [0]))


@pytest.mark.parametrize("op", [max_pool2d, avg_pool2d])
def test_no_images(op: Any) -> None:
    x = graftgrad.tensor(np.zeros((0, 4, 4, 2)), requires_grad=True)
    y = op(x, 2, padding="same")
    assert y.shape == (0, 2, 2, 2)
    y.sum().backward()
    assert x.grad is not None and x.grad.shape == x.shape


def test_inference_records_nothing() -> None:
    assert max_pool2d(graftgrad.tensor(np.ones((1, 4, 4, 1)))).grad_fn is None


def make(*shape: int) -> Any:
    return graftgrad.tensor(np.ones(shape))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: max_pool2d(make(4, 4, 1)), r"max_pool2d: x must be images \(N, H, W, C\)"),
        (lambda: max_pool2d(make(1, 4, 2, 1), 3),
         r"max_pool2d: the window must fit into the padded input; got sizes=\(4, 2\)"),
        (lambda: max_pool2d(make(1, 4, 4, 1), 2, padding=2),
         r"max_pool2d: padding must be smaller than the window; got padding="),
        (lambda: avg_pool2d(make(1, 4, 4, 1), 2, padding=2),
         r"avg_pool2d: padding must be smaller than the window"),
        (lambda: max_pool2d(make(1, 4, 4, 1) > 0, 2), r"max_pool2d: operands must be numbers, not"),
        (lambda: avg_pool2d(make(1, 4, 4, 1), 2, 0),
         r"avg_pool2d: strides and dilation must be at least 1; got strides=\(0, 0\)"),
        (lambda: avg_pool2d(make(1, 4, 4, 1), 0), r"avg_pool2d.* must be at least 1"),
        (lambda: max_pool2d(make(1, 4, 4, 1), (2, 2, 2)), r"max_pool2d size: must be one integer"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit(call: Any, said: str) -> None:
    with pytest.raises((DTypeError, ShapeError), match=said):
        call()
