"""Compiled reductions compute what the reference bodies compute, in one order on all threads."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad.device.find import cpu
from graftgrad.function import Function
from graftgrad.kernel import Call, Kernel, Reference, builders, only_reference
from graftgrad.kernels.native import openmp, pages, softmax, sums
from graftgrad.kernels.native.steps import Steps
from graftgrad.ops.reduce import Sum
from graftgrad.ops.sample_norm import LayerNorm, LayerNormGrad
from graftgrad.ops.softmax import (
    CrossEntropy,
    CrossEntropyGrad,
    LogSoftmax,
    LogSoftmaxGrad,
    LogSumExp,
    Softmax,
    SoftmaxCrossEntropy,
    SoftmaxCrossEntropyGrad,
    SoftmaxGrad,
)
from graftgrad.ops.update import SumOfSquares
from graftgrad.spec import Spec, bfloat16

pytestmark = pytest.mark.skipif(
    not pages.available(), reason=f"native code is not used: {pages.why_not()}"
)


@pytest.fixture(autouse=True)
def shared_early(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let threads share what one of them would compute faster, in kernels that are chosen here."""
    monkeypatch.setattr(openmp, "GRAIN", 1 << 9)
    monkeypatch.setattr(softmax, "MANY", 1 << 30)
    with only_reference():
        pass  # everything that was chosen is forgotten, before and after
    yield
    with only_reference():
        pass


Array = np.ndarray[Any, Any]
Random = np.random.Generator
Trial = tuple[Function, tuple[Array, ...]]


def normal(random: Random, *shape: int) -> Array:
    return random.standard_normal(shape).astype(np.float32) * 3


def matrix(random: Random) -> tuple[int, int]:
    return int(random.integers(1, 40)), int(random.choice([1, 2, 7, 8, 10, 31, 64, 100, 257]))


def spread(random: Random, rows: int, width: int) -> Array:
    return random.dirichlet(np.ones(width), rows).astype(np.float32)


def softmaxed(kind: Any) -> Callable[[Random], Trial]:
    def trial(random: Random) -> Trial:
        x = normal(random, *matrix(random))
        x[random.random(x.shape) < 0.1] = -np.inf
        x[0] = -np.inf
        if random.random() < 0.5:
            return kind((1, 2)), (x.reshape(x.shape[0], 1, -1),)
        return kind((1,)), (x,)

    return trial


def softmax_grad(random: Random) -> Trial:
    shape = matrix(random)
    return SoftmaxGrad((1,)), (normal(random, *shape), spread(random, *shape))


def log_softmax_grad(random: Random) -> Trial:
    shape = matrix(random)
    y = np.log(spread(random, *shape) + np.float32(1e-6))
    return LogSoftmaxGrad((1,)), (normal(random, *shape), y)


def labelled(random: Random) -> tuple[float, int | None, Array, Array]:
    rows, classes = matrix(random)
    labels = random.integers(0, classes, rows).astype(random.choice(["int32", "int64"]))
    ignored = [None, -100, 0][int(random.integers(3))]
    if ignored == -100:
        labels[random.random(rows) < 0.3] = ignored
    if random.random() < 0.3:  # one that is wrong gives NaN
        labels[-1] = classes if labels.dtype == np.int32 else classes + (1 << 32)
    return float(random.choice([0.0, 0.1])), ignored, normal(random, rows, classes), labels


def cross_entropy(random: Random) -> Trial:
    smoothing, ignored, x, labels = labelled(random)
    return CrossEntropy(smoothing, ignored), (x, labels)


def cross_entropy_grad(random: Random) -> Trial:
    smoothing, ignored, x, labels = labelled(random)
    log_total = np.log(np.exp(x.astype("f8")).sum(axis=1)).astype("f4")
    return (
        CrossEntropyGrad(smoothing, ignored),
        (normal(random, len(x)), x, labels, log_total),
    )


def softmax_cross_entropy(random: Random) -> Trial:
    shape = matrix(random)
    t = spread(random, *shape)
    t[random.random(shape) < 0.3] = 0
    x = normal(random, *shape)
    x[(t == 0) & (random.random(shape) < 0.2)] = -np.inf
    return SoftmaxCrossEntropy(), (x, t)


def softmax_cross_entropy_grad(random: Random) -> Trial:
    shape = matrix(random)
    x = normal(random, *shape)
    log_total = np.log(np.exp(x.astype("f8")).sum(axis=1)).astype("f4")
    return (
        SoftmaxCrossEntropyGrad(),
        (normal(random, shape[0]), x, spread(random, *shape), log_total),
    )


def layer_norm(random: Random) -> Trial:
    rows, width = matrix(random)
    x = normal(random, rows, width) + 1
    made = LayerNorm(1, 1e-3, bool(random.random() < 0.5))
    return made, (x, normal(random, width), normal(random, width))


def layer_norm_grad(random: Random) -> Trial:
    rows, width = matrix(random)
    made = LayerNormGrad(bool(random.random() < 0.5))
    scale = random.random(rows).astype("f4") + np.float32(0.5)
    return made, (
        normal(random, rows, width), normal(random, rows, width), normal(random, width),
        normal(random, rows), scale,
    )  # fmt: skip


def summed(random: Random) -> Trial:
    shape = tuple(int(n) for n in random.integers(1, 24, random.integers(1, 5)))
    last = int(random.integers(0, len(shape) + 1))
    axes = tuple(range(last)) if random.random() < 0.5 else tuple(range(last, len(shape)))
    if not any(shape[i] > 1 for i in axes):
        shape, axes = (*shape, 5), (len(shape),)
    x = np.abs(normal(random, *shape))  # nothing cancels
    return Sum(axes, bool(random.random() < 0.5)), (x,)


def squares(random: Random) -> Trial:
    return SumOfSquares(), (normal(random, int(random.integers(1, 200_000))),)


TRIALS: dict[type[Function], Callable[[Random], Trial]] = {
    Softmax: softmaxed(Softmax),
    LogSoftmax: softmaxed(LogSoftmax),
    LogSumExp: softmaxed(LogSumExp),
    SoftmaxGrad: softmax_grad,
    LogSoftmaxGrad: log_softmax_grad,
    CrossEntropy: cross_entropy,
    CrossEntropyGrad: cross_entropy_grad,
    SoftmaxCrossEntropy: softmax_cross_entropy,
    SoftmaxCrossEntropyGrad: softmax_cross_entropy_grad,
    LayerNorm: layer_norm,
    LayerNormGrad: layer_norm_grad,
    Sum: summed,
    SumOfSquares: squares,
}
EACH = pytest.mark.parametrize("function", TRIALS, ids=lambda function: function.__name__)


def offered(call: Call) -> Kernel | None:
    """What compiled builders alone say to a call."""
    for build in builders()[type(call.function), "cpu"]:
        if build.__module__ in (softmax.__name__, sums.__name__):
            return build(call)
    raise AssertionError(f"nobody builds {call.function}")


def call_of(function: Function, ins: tuple[Array, ...]) -> Call:
    specs = tuple(Spec(a.shape, a.dtype, a.flags.c_contiguous) for a in ins)
    outs = function.infer(*specs)
    return Call(function, specs, outs if isinstance(outs, tuple) else (outs,), cpu)


def room(kernel: Kernel, call: Call) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    outs = tuple(np.full(spec.shape, 7, spec.dtype) for spec in call.outs)
    return outs, cpu.scratch(kernel.scratch) if kernel.scratch else ()


def ran(kernel: Kernel, call: Call, ins: tuple[Array, ...]) -> tuple[Array, ...]:
    outs, scratch = room(kernel, call)
    kernel.run(ins, outs, scratch)
    return outs


def replayed(kernel: Kernel, call: Call, ins: tuple[Array, ...]) -> tuple[Array, ...]:
    outs, scratch = room(kernel, call)
    calls = kernel.native(ins, outs, scratch)
    assert calls is not None
    for one in calls:
        words = [ctypes.c_int64] * len(one.arguments)
        ctypes.CFUNCTYPE(None, *words)(one.function)(*one.arguments)
    return outs


def test_every_builder_is_tried() -> None:
    found = {
        function
        for (function, device), builds in builders().items()
        if device == "cpu"
        and any(b.__module__ in (softmax.__name__, sums.__name__) for b in builds)
    }
    assert found == set(TRIALS)


@EACH
def test_the_reference_agrees(function: type[Function]) -> None:
    for seed in range(40):
        made, ins = TRIALS[function](np.random.default_rng(seed))
        call = call_of(made, ins)
        kernel = offered(call)
        assert isinstance(kernel, Steps), call
        with np.errstate(all="ignore"):
            wanted = ran(Reference(call), call, ins)
        for found in (ran(kernel, call, ins), replayed(kernel, call, ins)):
            for one, other in zip(found, wanted, strict=True):
                finite = np.abs(other[np.isfinite(other)])
                scale = max(1.0, float(finite.max(initial=0)))
                np.testing.assert_allclose(
                    one, other, rtol=1e-5, atol=4e-6 * scale, err_msg=str(call)
                )


@EACH
def test_bits_do_not_depend_on_the_threads(function: type[Function]) -> None:
    before = graftgrad.get_num_threads()
    try:
        for seed in range(3):
            made, ins = TRIALS[function](np.random.default_rng(seed))
            if function not in (Sum, SumOfSquares):
                ins = tuple(np.repeat(a, 300, axis=0) if len(a) == len(ins[0]) else a for a in ins)
            call = call_of(made, ins)
            found = []
            for count in (1, 2, 3):
                graftgrad.set_num_threads(count)
                kernel = offered(call)
                assert kernel is not None
                found.append(ran(kernel, call, ins))
            for outs in found[1:]:
                for one, other in zip(outs, found[0], strict=True):
                    np.testing.assert_array_equal(one, other)
    finally:
        graftgrad.set_num_threads(before)


@EACH
def test_what_does_not_fit_is_declined(function: type[Function]) -> None:
    made, ins = TRIALS[function](np.random.default_rng(4))
    double = tuple(a.astype(np.float64) if a.dtype == np.float32 else a for a in ins)
    gapped = tuple(np.repeat(a, 2, axis=-1)[..., ::2] for a in ins)
    for other in (double, gapped):
        assert offered(call_of(made, other)) is None


@pytest.mark.parametrize("axes", [(1,), (0, 2)])
def test_axes_in_the_middle_stay_with_the_reference(axes: tuple[int, ...]) -> None:
    x = np.ones((3, 4, 5), np.float32)
    assert offered(call_of(Sum(axes), (x,))) is None
    if axes == (1,):
        assert offered(call_of(Softmax(axes), (x,))) is None


@pytest.mark.parametrize("kind", [Softmax, LogSoftmax])
def test_bfloat16_is_computed_in_float32(kind: Any) -> None:
    x = normal(np.random.default_rng(0), 9, 21).astype(bfloat16)
    call = call_of(kind((1,)), (x,))
    kernel = offered(call)
    assert isinstance(kernel, Steps)
    found, wanted = ran(kernel, call, (x,))[0], ran(Reference(call), call, (x,))[0]
    np.testing.assert_allclose(found.astype("f4"), wanted.astype("f4"), rtol=2**-7, atol=1e-6)


@pytest.mark.parametrize("size", [2**17, 100_003, 3 * 70_001])
def test_long_sums_keep_their_digits(size: int) -> None:
    x = np.random.default_rng(0).random(size, np.float32)
    for function, exact in (
        (Sum((0,)), x.astype("f8").sum()), (SumOfSquares(), (x.astype("f8") ** 2).sum())
    ):  # fmt: skip
        call = call_of(function, (x,))
        kernel = offered(call)
        assert isinstance(kernel, Steps)
        np.testing.assert_allclose(ran(kernel, call, (x,))[0], exact, rtol=1e-6)


@pytest.mark.parametrize("shape", [(100_000, 3), (5000, 64), (3000, 200), (70_000, 1, 5)])
def test_long_columns_keep_their_digits(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).random(shape, np.float32)
    axes = tuple(range(len(shape) - 1))
    call = call_of(Sum(axes), (x,))
    kernel = offered(call)
    assert isinstance(kernel, Steps)
    exact = x.astype("f8").sum(axis=axes)
    np.testing.assert_allclose(ran(kernel, call, (x,))[0], exact, rtol=1e-6)


def test_the_gradient_of_a_mean_cross_entropy_is_compiled_for_a_number_that_is_stretched() -> None:
    random = np.random.default_rng(5)
    function, (_, x, labels, log_total) = cross_entropy_grad(random)
    number = np.array(0.25, "float32")
    stretched = np.broadcast_to(number, len(x))
    wanted, found = np.empty_like(x), np.empty_like(x)
    arrays = (stretched, x, labels, log_total)
    specs = tuple([Spec(a.shape, a.dtype, bool(a.flags.c_contiguous)) for a in arrays])
    call = Call(function, specs, (Spec(x.shape, x.dtype),), cpu)
    made = offered(call)
    assert isinstance(made, Steps)
    made.run(arrays, (found,), ())
    Reference(call).run(arrays, (wanted,), ())
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    assert made.native(arrays, (found,), ()) is not None
    gapped = np.linspace(0, 1, 2 * len(x), dtype="float32")[::2]  # several numbers, with gaps
    others = (gapped, *arrays[1:])
    made.run(others, (found,), ())
    Reference(call).run(others, (wanted,), ())
    np.testing.assert_array_equal(found, wanted)
    assert made.native(others, (found,), ()) is None
