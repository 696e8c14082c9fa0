"""Other sizes: against what Keras and PyTorch make of the same, and against loops."""

from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest

import graftgrad
from graftgrad import engine
from graftgrad.errors import ConfigError, ShapeError
from graftgrad.ops.resample import Resample, Sampling, matrix
from graftgrad.ops.resize import interpolate, resize, upsample1d, upsample2d, upsample3d
from support.case import CaseChecks, attribute, case
from support.golden import GoldenCase, cases


def repeated(x: Any, size: Any = 2) -> Any:
    for axis in range(1, x.ndim - 1):
        x = x.repeat(size if isinstance(size, int) else size[axis - 1], axis=axis)
    return x


class TestUpsample(CaseChecks):
    CASES: ClassVar = [
        case(upsample1d, x=(2, 3, 2), size=3, oracle=repeated),
        case(upsample2d, x=(2, 3, 4, 2), oracle=repeated),
        case(upsample2d, x=(1, 2, 3, 2), size=attribute((1, 3)), oracle=repeated),
        case(upsample3d, x=(1, 2, 2, 3, 2), size=attribute((2, 1, 3)), oracle=repeated),
    ]


class TestResize(CaseChecks):
    CASES: ClassVar = [
        case(resize, x=(2, 5, 2), size=attribute((8,))),
        case(resize, x=(1, 6, 5, 2), size=attribute((3, 7)), interpolation="bicubic",
             antialias=True),
        case(resize, x=(1, 4, 3, 2), size=attribute((7, 2)), interpolation="lanczos3"),
        case(resize, x=(1, 5, 4, 1), size=3, interpolation="nearest"),
        case(resize, x=(1, 2, 3, 2, 1), size=attribute((4, 2, 3)), interpolation="trilinear"),
        case(interpolate, x=(1, 4, 3, 2), size=attribute((6, 5)), mode="bicubic"),
        case(interpolate, x=(1, 4, 3, 2), scale_factor=1.5, mode="bilinear"),
        case(interpolate, x=(1, 4, 3, 2), size=attribute((2, 5)), mode="area"),
    ]  # fmt: skip


@pytest.mark.parametrize("golden", cases("keras_images", "resize"), ids=str)
def test_agrees_with_keras(golden: GoldenCase) -> None:
    y = resize(graftgrad.tensor(golden["operand/x"]), **golden.settings)
    np.testing.assert_allclose(y.numpy(), golden["output"], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("golden", cases("torch_images", "interpolate"), ids=str)
def test_agrees_with_pytorch(golden: GoldenCase) -> None:
    x = graftgrad.tensor(golden["operand/x"], requires_grad=True)
    y = interpolate(x, **golden.settings)
    np.testing.assert_allclose(y.detach().numpy(), golden["output"], rtol=1e-10, atol=1e-12)
    (gx,) = engine.grad(y, [x], graftgrad.tensor(golden["cotangent"]))
    assert gx is not None
    np.testing.assert_allclose(gx.numpy(), golden["gradient/x"], rtol=1e-10, atol=1e-12)


def test_every_row_of_weights_sums_to_one() -> None:
    for rule in ("nearest", "floor", "linear", "cubic", "lanczos3", "lanczos5", "area"):
        for source, wanted in ((1, 4), (7, 3), (3, 8), (100, 7)):
            for antialias in (False, True):
                made = matrix(Sampling(source, wanted, rule, antialias))
                np.testing.assert_allclose(made.sum(axis=1), np.ones(wanted), rtol=1e-12)


def test_pictures_of_whole_numbers() -> None:
    x = graftgrad.tensor(np.arange(12, dtype="uint8").reshape(1, 3, 4, 1))
    for op in (partial(resize, interpolation="nearest"), interpolate):
        y = op(x, size=(6, 4))
        assert y.dtype == "uint8"
        np.testing.assert_array_equal(y.numpy(), x.numpy().repeat(2, axis=1))
    assert resize(x, (6, 4)).dtype == "float32"


def test_short_numbers_are_weighed_in_single_precision() -> None:
    x = graftgrad.tensor(np.random.default_rng(0).uniform(size=(1, 40, 1)), "bfloat16")
    y = resize(x, 1, "area")
    assert y.dtype == "bfloat16"
    wanted = x.to("float64").numpy().mean()
    np.testing.assert_allclose(y.to("float64").numpy(), wanted, rtol=2**-8)


def test_no_images() -> None:
    x = graftgrad.tensor(np.zeros((0, 4, 4, 2)), requires_grad=True)
    y = resize(x, (8, 2), "bicubic")
    assert y.shape == (0, 8, 2, 2)
    y.sum().backward()
    assert x.grad is not None and x.grad.shape == x.shape


def make(*shape: int) -> Any:
    return graftgrad.tensor(np.ones(shape))


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: upsample2d(make(1, 4, 4)), ShapeError, r"upsample2d: x must be images"),
        (lambda: upsample2d(make(1, 4, 4, 1), 0), ShapeError, r"upsample2d: size must be at least"),
        (lambda: resize(make(4, 4), 2), ShapeError, r"resize: x must be sequences"),
        (lambda: resize(make(1, 0, 4, 1), 2), ShapeError, r"resize: .* and not empty"),
        (lambda: resize(make(1, 4, 4, 1), 0), ShapeError, r"resize: size must be at least 1"),
        (lambda: resize(make(1, 4, 4, 1), 2, "cubist"), ConfigError,
         r"resize: interpolation must be one of nearest, .*; got interpolation='cubist'"),
        (lambda: interpolate(make(1, 4, 1), 2, mode="bilinear"), ConfigError,
         r"interpolate: mode must be one of nearest, nearest-exact, linear, area for such x"),
        (lambda: interpolate(make(1, 4, 1)), ConfigError,
         r"interpolate: either size or scale_factor must be given"),
        (lambda: interpolate(make(1, 4, 1), 2, 2.0), ConfigError, r"either size or scale_factor"),
        (lambda: interpolate(make(1, 4, 1), scale_factor=-1), ShapeError,
         r"interpolate: scale_factor must be one positive number or 1"),
        (lambda: interpolate(make(1, 4, 1), 2, align_corners=True), ConfigError,
         r"align_corners must be false where nothing is weighed"),
        (lambda: interpolate(make(1, 4, 1), 2, mode="linear", antialias=True), ConfigError,
         r"antialias must be false but for"),
        (lambda: Resample(1, Sampling(3, 2, "area"))(make(1, 4, 1)), ShapeError,
         r"resample: axis 1 of x must be 3 real numbers long"),
    ],
)  # fmt: skip
def test_what_does_not_fit(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()
