"""Products of 16-bit operands with float32 filters: what is rounded, and what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from graftgrad import grad, ops, tensor
from graftgrad.errors import DTypeError
from graftgrad.function import Function
from graftgrad.kernel import Reference, choose
from graftgrad.kernels.onednn import library
from graftgrad.kernels.onednn.primitive import Primitive
from graftgrad.ops.conv import Conv2D, Conv2DFilterGrad, Conv2DInputGrad
from graftgrad.ops.depthwise import DepthwiseConv2D, DepthwiseFilterGrad, DepthwiseInputGrad
from graftgrad.ops.fused_products import FusedConv2D, FusedLinear
from graftgrad.ops.matmul import MatMul
from graftgrad.spec import bfloat16, float16, float32
from support.kernels import call_of, close, normal, ran, ran_natively
from support.product_trials import PRODUCTS
from support.trials import WINDOWS

ROUNDED = (Conv2D, Conv2DInputGrad, DepthwiseConv2D, DepthwiseInputGrad, MatMul, FusedLinear,
           FusedConv2D)  # fmt: skip
SUMMED = (Conv2DFilterGrad, DepthwiseFilterGrad, MatMul)
TRIALS: dict[type[Function], Any] = {**WINDOWS, **PRODUCTS}
NAMED = {"ids": lambda function: function.__name__}


@pytest.mark.parametrize("function", ROUNDED, **NAMED)
def test_float32_filters_are_rounded(function: type[Function]) -> None:
    """The same as with filters that were rounded before, by the reference and by fast bodies."""
    taken = 0
    for seed in range(25):
        made, (x, w, *more) = TRIALS[function](np.random.default_rng(seed))
        x, *more = (one.astype(bfloat16) for one in (x, *more))
        wide, short = (x, w, *more), (x, w.astype(bfloat16), *more)
        call = call_of(made, wide)
        assert [spec.dtype for spec in call.outs] == [bfloat16]
        wanted = ran(Reference(call_of(made, short)), call_of(made, short), short)
        for one, other in zip(ran(Reference(call), call, wide), wanted, strict=True):
            np.testing.assert_array_equal(one.astype(float32), other.astype(float32))
        kernel = choose(call)
        if isinstance(kernel, Primitive):
            taken += 1
            close(ran(kernel, call, wide), wanted, 1 / 64, str(call))
            close(ran_natively(kernel, call, wide, [1]), wanted, 1 / 64, str(call))
    assert taken >= 5 or not library.available(), f"only {taken} of 25 were taken"


@pytest.mark.parametrize("function", SUMMED, **NAMED)
def test_sums_of_short_products_are_handed_out_as_float32(function: type[Function]) -> None:
    taken = 0
    for seed in range(25):
        made, ins = TRIALS[function](np.random.default_rng(seed))
        made: Any = replace(made, dtype=float32)
        short = tuple(one.astype(bfloat16) for one in ins)
        call = call_of(made, short)
        assert [spec.dtype for spec in call.outs] == [float32]
        exact = tuple(one.astype(float32) for one in short)
        wanted = ran(Reference(call_of(made, exact)), call_of(made, exact), exact)
        close(ran(Reference(call), call, short), wanted, 1e-5, str(call))
        kernel = choose(call)
        if isinstance(kernel, Primitive):
            taken += 1
            close(ran(kernel, call, short), wanted, 1e-5, str(call))
            close(ran_natively(kernel, call, short), wanted, 1e-5, str(call))
    assert taken >= 5 or not library.available(), f"only {taken} of 25 were taken"


@pytest.mark.parametrize("short", [bfloat16, float16])
def test_a_float32_filter_receives_a_float32_gradient(short: Any) -> None:
    random = np.random.default_rng(0)
    x, pictures = normal(random, 6, 5), normal(random, 2, 6, 6, 5)
    trials = (
        (ops.linear, x, normal(random, 5, 4)),
        (ops.conv2d, pictures, normal(random, 3, 3, 5, 4)),
        (ops.depthwise_conv2d, pictures, normal(random, 3, 3, 5, 1)),
        (ops.conv2d_transpose, pictures, normal(random, 3, 3, 4, 5)),
    )
    for op, given, filters in trials:
        found = []
        for kind in (short, float32):
            a = tensor(given.astype(kind), requires_grad=True)
            w = tensor(filters.astype(short).astype(float32), requires_grad=True)
            y = op(a, w)
            assert y.dtype == kind
            y.sum().backward()
            assert (a.grad.dtype, w.grad.dtype) == (kind, float32)
            found.append([one.numpy().astype(float32) for one in (y.detach(), a.grad, w.grad)])
        close(*found, 1 / 64)


def test_gradients_of_gradients_keep_the_types() -> None:
    random = np.random.default_rng(1)
    pictures, filters = normal(random, 2, 5, 5, 3), normal(random, 3, 3, 3, 2).astype(bfloat16)
    found = []
    for kind in (bfloat16, float32):
        x = tensor(pictures.astype(bfloat16).astype(kind), requires_grad=True)
        w = tensor(filters.astype(float32), requires_grad=True)
        y = ops.conv2d(x, w)
        (first,) = grad((y * y).sum(), [w], create_graph=True)
        (first * first).sum().backward()
        assert (first.dtype, x.grad.dtype, w.grad.dtype) == (float32, kind, float32)
        found.append([one.numpy().astype(float32) for one in (first.detach(), x.grad, w.grad)])
    close(*found, 1 / 32)


def test_only_filters_may_be_longer() -> None:
    x, w = tensor(np.ones((2, 3), float32)), tensor(np.ones((3, 2), bfloat16))
    assert ops.linear(x, w).dtype == float32  # by the rule of all products
    pictures, filters = tensor(np.ones((1, 4, 4, 3), float32)), np.ones((3, 3, 3, 2), bfloat16)
    with pytest.raises(DTypeError, match="must share one dtype"):
        ops.conv2d(pictures, tensor(filters))
    with pytest.raises(DTypeError, match="must share one dtype"):
        ops.conv2d(pictures.to("float64"), tensor(np.ones((3, 3, 3, 2), float32)))
