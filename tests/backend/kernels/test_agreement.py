"""Bodies from libraries compute what the reference bodies compute, or decline."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.device.find import cpu
from graftgrad.errors import ConfigError, LibraryError
from graftgrad.function import Function
from graftgrad.kernel import Call, Reference, builders, choose, only_reference
from graftgrad.kernels.onednn import library
from graftgrad.kernels.onednn.primitive import Primitive
from graftgrad.ops.conv import Conv2D, Conv2DFilterGrad, Conv2DInputGrad
from graftgrad.ops.depthwise import DepthwiseConv2D, DepthwiseFilterGrad, DepthwiseInputGrad
from graftgrad.ops.pool import AveragePool2D, AveragePoolGrad, MaxPool2D, MaxPoolScatter
from graftgrad.spec import Spec, bfloat16

pytestmark = pytest.mark.skipif(
    not library.available(), reason=f"oneDNN is not used: {library.why_not()}"
)

Array = np.ndarray[Any, Any]
Trial = tuple[Function, tuple[Array, ...]]
Random = np.random.Generator


def specs(arrays: tuple[Array, ...]) -> tuple[Spec, ...]:
    return tuple(Spec(a.shape, a.dtype, a.flags.c_contiguous) for a in arrays)


def call_of(function: Function, ins: tuple[Array, ...]) -> Call:
    outs = function.infer(*specs(ins))
    return Call(function, specs(ins), outs if isinstance(outs, tuple) else (outs,), cpu)


def empties(call: Call) -> tuple[Array, ...]:
    return tuple(np.full(spec.shape, 77, spec.dtype) for spec in call.outs)


def ran(kernel: Any, call: Call, ins: tuple[Array, ...]) -> Array:
    outs = empties(call)
    kernel.run(ins, outs, ())
    return outs[0]


def normal(random: Random, *shape: int) -> Array:
    return random.standard_normal(shape, dtype=np.float32)


def integer(random: Random, low: int, high: int) -> int:
    return int(random.integers(low, high + 1))


def windowed(random: Random, margin: int) -> tuple[Any, ...]:
    """Sizes, window, strides, pads and dilation at random, such that a window fits."""
    sides = []
    for _ in range(2):
        a, s, d = integer(random, 1, 4), integer(random, 1, 3), integer(random, 1, 2)
        reach = (a - 1) * d
        pads = tuple(integer(random, 0, min(reach, margin)) for _ in range(2))
        sides.append((reach + 1 + integer(random, 0, 9), a, s, pads, d))
    return tuple(zip(*sides, strict=True))


def convolution(random: Random) -> tuple[Any, ...]:
    sizes, window, strides, pads, dilation = windowed(random, 3)
    groups = integer(random, 1, 3) if random.random() < 0.4 else 1
    c, o = groups * integer(random, 1, 18), groups * integer(random, 1, 18)
    x = normal(random, integer(random, 1, 3), *sizes, c)
    w = normal(random, *window, c // groups, o)
    function = Conv2D(strides, pads, dilation, groups)
    return function, x, w, normal(random, *function.infer(*specs((x, w))).shape)


def depthwise(random: Random) -> tuple[Any, ...]:
    sizes, window, strides, pads, dilation = windowed(random, 3)
    c, m = integer(random, 1, 20), 1 if random.random() < 0.7 else 2
    x = normal(random, integer(random, 1, 3), *sizes, c)
    w = normal(random, *window, c, m)
    function = DepthwiseConv2D(strides, pads, dilation)
    return function, x, w, normal(random, *function.infer(*specs((x, w))).shape)


def pooled(random: Random, made: Any, *more: Any) -> tuple[Any, ...]:
    sizes, window, strides, pads, dilation = windowed(random, 2)
    # no window may lie beyond the edge altogether
    pads = tuple(tuple(min(p, a // 2) for p in both) for both, a in zip(pads, window, strict=True))
    x = normal(random, integer(random, 1, 3), *sizes, integer(random, 1, 20))
    return made(strides, pads, dilation, window, *more), x


def conv2d(random: Random) -> Trial:
    f, x, w, _ = convolution(random)
    return f, (x, w)


def conv2d_input_grad(random: Random) -> Trial:
    f, x, w, gy = convolution(random)
    return Conv2DInputGrad(f.strides, f.pads, f.dilation, f.groups, x.shape[1:3]), (gy, w)


def conv2d_filter_grad(random: Random) -> Trial:
    f, x, w, gy = convolution(random)
    return Conv2DFilterGrad(f.strides, f.pads, f.dilation, f.groups, w.shape[:2]), (gy, x)


def depthwise_conv2d(random: Random) -> Trial:
    f, x, w, _ = depthwise(random)
    return f, (x, w)


def depthwise_input_grad(random: Random) -> Trial:
    f, x, w, gy = depthwise(random)
    return DepthwiseInputGrad(f.strides, f.pads, f.dilation, x.shape[1:3]), (gy, w)


def depthwise_filter_grad(random: Random) -> Trial:
    f, x, w, gy = depthwise(random)
    return DepthwiseFilterGrad(f.strides, f.pads, f.dilation, w.shape[:2]), (gy, x)


def average_pool2d(random: Random) -> Trial:
    f, x = pooled(random, AveragePool2D, bool(random.random() < 0.5))
    return f, (x,)


def average_pool_grad(random: Random) -> Trial:
    f, x = pooled(random, AveragePool2D, bool(random.random() < 0.5))
    gy = normal(random, *f.infer(*specs((x,))).shape)
    made = AveragePoolGrad(
        f.strides, f.pads, f.dilation, f.window, f.count_include_pad, x.shape[1:3]
    )
    return made, (gy,)


def max_pool_scatter(random: Random) -> Trial:
    f, x = pooled(random, MaxPool2D)
    call = call_of(f, (x,))
    y, positions = empties(call)
    Reference(call).run((x,), (y, positions), ())
    made = MaxPoolScatter(f.strides, f.pads, f.dilation, f.window, x.shape[1:3])
    return made, (normal(random, *y.shape), positions)


TRIALS: dict[type[Function], Callable[[Random], Trial]] = {
    Conv2D: conv2d,
    Conv2DInputGrad: conv2d_input_grad,
    Conv2DFilterGrad: conv2d_filter_grad,
    DepthwiseConv2D: depthwise_conv2d,
    DepthwiseInputGrad: depthwise_input_grad,
    DepthwiseFilterGrad: depthwise_filter_grad,
    AveragePool2D: average_pool2d,
    AveragePoolGrad: average_pool_grad,
    MaxPoolScatter: max_pool_scatter,
}
EACH = pytest.mark.parametrize("function", TRIALS, ids=lambda function: function.__name__)


def test_every_builder_is_tried() -> None:
    offered = {
        function
        for (function, device), builds in builders().items()
        if device == "cpu" and any("kernels.onednn" in build.__module__ for build in builds)
    }
    assert offered == set(TRIALS)


@EACH
def test_the_reference_agrees(function: type[Function]) -> None:
    taken = 0
    for seed in range(60):
        made, ins = TRIALS[function](np.random.default_rng(seed))
        call = call_of(made, ins)
        kernel = choose(call)
        taken += isinstance(kernel, Primitive)
        found, wanted = ran(kernel, call, ins), ran(Reference(call), call, ins)
        scale = max(1.0, float(np.abs(wanted).max()))
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * scale, err_msg=str(call))
    assert taken >= 12, f"only {taken} of 60 were taken"


@EACH
def test_the_same_bits_again(function: type[Function]) -> None:
    for seed in range(5):
        made, ins = TRIALS[function](np.random.default_rng(seed))
        call = call_of(made, ins)
        first = ran(choose(call), call, ins)
        moved = tuple(np.concatenate([np.ravel(a)[:1], np.ravel(a)])[1:].reshape(a.shape)
                      for a in ins)  # fmt: skip
        np.testing.assert_array_equal(ran(choose(call), call, moved), first)
        with only_reference():
            pass  # everything that was built is forgotten
        np.testing.assert_array_equal(ran(choose(call), call, ins), first)


def test_large_results_repeat_on_all_threads() -> None:
    random = np.random.default_rng(0)
    x, w = normal(random, 4, 28, 28, 32), normal(random, 3, 3, 32, 48)
    where = ((1, 1), ((1, 1), (1, 1)), (1, 1), 1)
    gy = normal(random, 4, 28, 28, 48)
    for made, ins in ((Conv2D(*where), (x, w)), (Conv2DFilterGrad(*where, (3, 3)), (gy, x))):
        call = call_of(made, ins)
        assert isinstance(choose(call), Primitive)
        first = ran(choose(call), call, ins)
        for _ in range(5):
            np.testing.assert_array_equal(ran(choose(call), call, ins), first)


@EACH
def test_what_does_not_fit_is_declined(function: type[Function]) -> None:
    made, ins = TRIALS[function](np.random.default_rng(3))
    double = tuple(a.astype(np.float64) if a.dtype == np.float32 else a for a in ins)
    short = tuple(a.astype(bfloat16) if a.dtype == np.float32 else a for a in ins)
    none = tuple(a[:0] if i == 0 or len(a) == len(ins[0]) else a for i, a in enumerate(ins))
    gapped = tuple(np.repeat(a, 2, axis=-1)[..., ::2] for a in ins)
    for other in (double, short, none, gapped):
        assert isinstance(choose(call_of(made, other)), Reference)


def test_maxima_stay_with_the_reference() -> None:
    x = np.zeros((1, 4, 4, 8), np.float32)
    assert isinstance(choose(call_of(MaxPool2D((2, 2)), (x,))), Reference)


def test_the_gradient_for_pictures_stays_with_the_reference() -> None:
    where = ((2, 2), ((2, 3), (2, 3)), (1, 1), 1, (96, 96))
    gy, w = np.ones((2, 48, 48, 64), np.float32), np.ones((7, 7, 3, 64), np.float32)
    assert isinstance(choose(call_of(Conv2DInputGrad(*where), (gy, w))), Reference)
    gy = gy[:1, :4, :4].copy()
    where = (*where[:-1], (8, 8))
    assert isinstance(choose(call_of(Conv2DInputGrad(*where), (gy, w))), Primitive)


@pytest.mark.parametrize("layout", ["plain", "gapped", "turned"])
@pytest.mark.parametrize("op", ["conv", "transpose", "depthwise", "average", "maximum"])
def test_values_and_gradients_of_any_layout(op: str, layout: str) -> None:
    random = np.random.default_rng(7)
    x, w = normal(random, 2, 9, 8, 6), normal(random, 3, 3, 6, 6)
    called: dict[str, Callable[[Any, Any], Any]] = {
        "conv": lambda x, w: ops.conv2d(x, w, strides=2, padding="same"),
        "transpose": lambda x, w: ops.conv2d_transpose(x, w, strides=2, padding="same"),
        "depthwise": lambda x, w: ops.depthwise_conv2d(x, w[:, :, :, :1], padding="same"),
        "average": lambda x, w: ops.avg_pool2d(x, 3, 2, "same") * w.sum(),
        "maximum": lambda x, w: ops.max_pool2d(x, 3, 2, "same") * w.sum(),
    }

    def everything() -> list[Array]:
        tensors = [graftgrad.as_tensor(laid(a, layout)).requires_grad_() for a in (x, w)]
        y = called[op](*tensors)
        (y * y).sum().backward()
        gradients = [t.grad for t in tensors]
        return [y.detach().numpy(), *(g.numpy() for g in gradients if g is not None)]

    found = everything()
    with only_reference():
        wanted = everything()
    assert len(found) == len(wanted) == 3
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * float(np.abs(b).max()))


def laid(array: Array, layout: str) -> Array:
    if layout == "gapped":
        return np.repeat(array, 2, axis=-1)[..., ::2]
    return np.asfortranarray(array) if layout == "turned" else array


def test_what_is_not_a_number_shows() -> None:
    random = np.random.default_rng(1)
    x, w = normal(random, 1, 6, 6, 5), normal(random, 3, 3, 5, 7)
    x[0, 2, 3, 1], x[0, 5, 5, 0] = np.nan, np.inf
    call = call_of(Conv2D((1, 1), ((1, 1), (1, 1))), (x, w))
    found, wanted = ran(choose(call), call, (x, w)), ran(Reference(call), call, (x, w))
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(wanted))
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))


def test_threads_of_python_share_a_kernel() -> None:
    random = np.random.default_rng(2)
    w = normal(random, 3, 3, 16, 16)
    images = [normal(random, 2, 12, 12, 16) for _ in range(4)]
    call = call_of(Conv2D(), (images[0], w))
    kernel = choose(call)
    wanted = [ran(kernel, call, (x, w)) for x in images]
    wrong: list[int] = []

    def work(i: int) -> None:
        for _ in range(30):
            if not np.array_equal(ran(kernel, call, (images[i], w)), wanted[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_number_of_threads_can_change() -> None:
    random = np.random.default_rng(2)
    gy, x = normal(random, 4, 28, 28, 32), normal(random, 4, 28, 28, 32)
    call = call_of(Conv2DFilterGrad((1, 1), ((1, 1), (1, 1)), (1, 1), 1, (3, 3)), (gy, x))
    before = graftgrad.get_num_threads()
    wanted = ran(Reference(call), call, (gy, x))
    try:
        for count in (1, 2, 3, 1):
            graftgrad.set_num_threads(count)
            assert graftgrad.get_num_threads() == count
            found = ran(choose(call), call, (gy, x))
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-2)
    finally:
        graftgrad.set_num_threads(before)


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2"])
def test_threads_are_counted_from_one(count: Any) -> None:
    with pytest.raises(ConfigError, match="count must be a positive integer"):
        graftgrad.set_num_threads(count)


def test_a_failure_is_told() -> None:
    with pytest.raises(LibraryError, match=r"got status 2 \(invalid arguments\)"):
        library.library().call("memory_create", None, None, None, None)
