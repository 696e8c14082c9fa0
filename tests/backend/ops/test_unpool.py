"""Places of maxima, values put back there, and p-norms of windows."""

from typing import Any, ClassVar

import numpy as np
import pytest

import graftgrad
from graftgrad import engine
from graftgrad.errors import DTypeError, ShapeError
from graftgrad.ops.unpool import (
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool2d_with_indices,
    max_unpool2d,
)
from support.case import CaseChecks, attribute, case, distinct, integers, positive
from support.golden import GoldenCase, cases
from support.window_oracles import largest, pooled


def placed(x: Any, size: Any = 2, strides: Any = None, padding: Any = "valid",
           dilation: Any = 1) -> Any:  # fmt: skip
    maxima = largest(x, size, strides, padding, dilation)
    flat = x.reshape(len(x), -1, x.shape[3])
    found = np.zeros(maxima.shape, "int64")
    for n, i, j, c in np.ndindex(*maxima.shape):
        (found[n, i, j, c],) = np.flatnonzero(flat[n, :, c] == maxima[n, i, j, c])
    return maxima, found


def put_back(x: Any, indices: Any, output_size: Any) -> Any:
    y = np.zeros((len(x), output_size[0] * output_size[1], x.shape[3]))
    for n, i, j, c in np.ndindex(*x.shape):
        y[n, indices[n, i, j, c], c] += x[n, i, j, c]
    return y.reshape(len(x), *output_size, -1)


def normed(x: Any, norm_type: float, size: Any = 2, strides: Any = None) -> Any:
    def of(part: Any, axis: Any) -> Any:
        return (np.abs(part) ** norm_type).sum(axis=axis) ** (1 / norm_type)

    return pooled(x, of, size, strides, "valid")


class TestPlaces(CaseChecks):
    CASES: ClassVar = [
        case(max_pool2d_with_indices, x=distinct(2, 4, 6, 2), oracle=placed),
        case(max_pool2d_with_indices, x=distinct(1, 7, 5, 2), size=attribute((3, 2)), strides=2,
             padding="same", oracle=placed),
        case(max_pool2d_with_indices, x=distinct(1, 7, 6, 1), size=2, strides=1, padding=1,
             dilation=2, oracle=placed),
        case(max_unpool2d, x=(2, 2, 3, 2), indices=integers((2, 2, 3, 2), 20),
             output_size=attribute((4, 5)), oracle=put_back),
    ]  # fmt: skip


class TestNorms(CaseChecks):
    CASES: ClassVar = [
        case(lp_pool1d, x=positive(2, 5, 2), norm_type=1.5, oracle=normed),
        case(lp_pool2d, x=distinct(1, 4, 5, 2), norm_type=2.0, size=attribute((2, 3)), strides=1,
             oracle=normed),
        case(lp_pool3d, x=positive(1, 2, 4, 2, 1), norm_type=3.0, oracle=normed),
    ]  # fmt: skip


@pytest.mark.parametrize("golden", cases("torch_images", "lp_pool2d"), ids=str)
def test_norms_agree_with_pytorch(golden: GoldenCase) -> None:
    x = graftgrad.tensor(golden["operand/x"], requires_grad=True)
    settings = dict(golden.settings)
    size = settings.pop("size")
    y = lp_pool2d(x, settings.pop("norm_type"), size, settings.pop("stride", None))
    np.testing.assert_allclose(y.detach().numpy(), golden["output"], rtol=1e-10)
    (gx,) = engine.grad(y, [x], graftgrad.tensor(golden["cotangent"]))
    assert gx is not None
    np.testing.assert_allclose(gx.numpy(), golden["gradient/x"], rtol=1e-9, atol=1e-12)


def test_there_and_back() -> None:
    x = graftgrad.tensor(np.random.default_rng(0).normal(size=(2, 4, 6, 3)))
    y, places = max_pool2d_with_indices(x)
    back = max_unpool2d(y, places, (4, 6)).numpy()
    stood = back != 0
    np.testing.assert_array_equal(back[stood], x.numpy()[stood])
    assert stood.sum() == y.size


def make(*shape: int, dtype: str = "float32") -> Any:
    return graftgrad.tensor(np.ones(shape), dtype)


def test_what_does_not_fit() -> None:
    with pytest.raises(ShapeError, match="max_unpool2d: there must be one place for each value"):
        max_unpool2d(make(1, 2, 2, 1), make(1, 2, 1, 1, dtype="int64"), 4)
    with pytest.raises(ShapeError, match="max_unpool2d: output_size must be at least 1"):
        max_unpool2d(make(1, 2, 2, 1), make(1, 2, 2, 1, dtype="int64"), 0)
    with pytest.raises(DTypeError, match="max_unpool2d: indices must be integers"):
        max_unpool2d(make(1, 2, 2, 1), make(1, 2, 2, 1), 4)
    with pytest.raises(ShapeError, match="lp_pool1d: norm_type must be positive; got norm_type=0"):
        lp_pool1d(make(1, 4, 1), 0)
    with pytest.raises(ShapeError, match="max_pool2d: x must be images"):
        max_pool2d_with_indices(make(4, 4, 1))
