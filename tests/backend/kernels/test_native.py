"""Compiled kernels compute what the reference bodies compute, or decline."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.device.find import cpu
from graftgrad.function import Function, every_function
from graftgrad.kernel import Call, Reference, builders, choose, only_reference
from graftgrad.kernels.native import openmp, pages
from graftgrad.kernels.native.elementwise import Elementwise
from graftgrad.ops import (
    activation,
    adagrad,
    adam,
    arithmetic,
    binary_entropy,
    compare,
    exponential,
    operand,
    optimize,
    random,
    rectifier,
    update,
)
from graftgrad.ops.fused import Fused
from graftgrad.spec import Spec, bfloat16, float32

pytestmark = pytest.mark.skipif(
    not pages.available(), reason=f"native code is not used: {pages.why_not()}"
)

Array = np.ndarray[Any, Any]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]
SPECIAL = np.array(
    [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-45, -1e-40, 3.4e38, -3.4e38, 88.7, -87.4,
     89.5, -104.0, 0.5, 1.17e-38, 6.0, -3.0, 1e-8],
    np.float32,
)  # fmt: skip


def normal(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return (generator.standard_normal(shape) * 3).astype(np.float32)


def truth(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return generator.random(shape) < 0.5


def share(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return generator.random(shape, np.float32)


def few(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return generator.integers(-1, 2, shape).astype(np.float32)  # many ties


def byte(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return generator.integers(0, 256, shape).astype(np.uint8)


def whole(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return generator.integers(-(2**31), 2**31, shape).astype(np.int32)


# functions, how their operands are drawn, how many units of the last place results may be apart
ELEMENTWISE: list[tuple[Function, tuple[Draw, ...], float]] = [
    *[(f(), (normal, normal), 0) for f in (arithmetic.Add, arithmetic.Sub, arithmetic.Mul,
                                           arithmetic.Div, arithmetic.Maximum,
                                           arithmetic.Minimum)],
    *[(f(), (few, few), 0) for f in (arithmetic.Precedence, arithmetic.EqualMask,
                                     arithmetic.Maximum)],
    *[(f(), (normal,), 0) for f in (arithmetic.Neg, arithmetic.Abs, arithmetic.Sign,
                                    exponential.Sqrt, exponential.Rsqrt, rectifier.ReLU)],
    *[(f(), (normal,), 5) for f in (exponential.Exp, exponential.Expm1, exponential.Tanh,
                                    exponential.Erf, arithmetic.Log, exponential.Log1p)],
    (arithmetic.Where(), (truth, normal, normal), 0),
    *[(compare.Compare(name), (few, few), 0) for name in compare.Compare.signs],
    *[(compare.Compare(name), (truth, truth), 0) for name in ("equal", "logical_or", "less")],
    *[(compare.Test(name), (normal,), 0) for name in ("isfinite", "isnan", "isinf")],
    (compare.Test("logical_not"), (truth,), 0),
    (operand.Cast(bfloat16), (normal,), 0),
    (operand.Cast(np.dtype(bool)), (few,), 0),
    (operand.Cast(float32), (truth,), 0),
    (operand.Cast(float32), (byte,), 0),
    (operand.Cast(float32), (whole,), 0),
    (operand.FullLike(0.3), (normal,), 0),
    (operand.Copy(), (normal,), 0),
    (operand.Copy(), (truth,), 0),
    (random.Masked(1.25), (normal, truth), 0),
    (rectifier.HardTanh(-1.0, 2.5), (normal,), 0),
    (rectifier.Gate(-1.0, 2.0), (normal, normal), 0),
    (rectifier.Gate(0.0, np.inf), (normal, normal), 0),
    (rectifier.LeakyReLU(0.3), (normal,), 0),
    (rectifier.LeakyReLU(1.5), (normal,), 0),
    (rectifier.LeakyGate(0.3), (normal, normal), 2),
    (rectifier.HardSilu(), (normal,), 1),
    (rectifier.HardSiluSlope(), (normal, normal), 2),
    (activation.Elu(0.7, 1.1, 0.9), (normal,), 8),
    (activation.Silu(), (normal,), 8),
]  # fmt: skip
# those that cancel near their zeros are held to an absolute error beside the relative one
SMOOTH: list[tuple[Function, tuple[Draw, ...]]] = [
    (exponential.Sigmoid(), (normal,)),
    (activation.Gelu(), (normal,)),
    (activation.Gelu(True), (normal,)),
    (activation.GeluSlope(), (normal, normal)),
    (activation.GeluSlope(True), (normal, normal)),
    (activation.SiluSlope(), (normal, normal)),
    (activation.Softplus(), (normal,)),
    (activation.Softplus(2.5), (normal,)),
    (binary_entropy.LogitEntropy(), (normal, share)),
    (binary_entropy.BinaryEntropy(), (share, share)),
]
UPDATES: list[Function] = [
    update.Assign(), update.Accumulate(), update.Scale(0.7), update.Ema(0.9),
    update.EmaFromFirst(0.9), update.ClipNorm(1.5, 1e-6), update.ClipValue(0.4),
    optimize.Decay(0.01), optimize.Descend(), optimize.Descend(0.1), optimize.Descend(0.1, True),
    optimize.Descend(0.0, True), optimize.Momentum(0.9), optimize.Momentum(0.9, 0.2, False, 0.1),
    optimize.Momentum(0.9, 0.0, True), optimize.Velocity(0.9), optimize.Velocity(0.9, True),
    adam.Adam(0.9, 0.999, 1e-7), adam.Adam(0.9, 0.999, 1e-7, True, 0.01, True),
    adam.AMSGrad(0.9, 0.999, 1e-7), adam.Adamax(0.9, 0.99, 1e-7), adam.Lion(0.9, 0.99),
    adam.Adamax(0.9, 0.99, 1e-7, True, 0.01, True), adagrad.Adadelta(0.9, 1e-7, 0.01, True),
    adagrad.Adagrad(1e-7), adagrad.Adagrad(1e-7, True, 0.1, 0.01),
    adagrad.RMSprop(0.9, 1e-7), adagrad.RMSprop(0.9, 1e-7, True),
    adagrad.RMSpropMomentum(0.9, 1e-7, True, 0.8), adagrad.RMSpropMomentum(0.9, 1e-7, False, 0.8),
    adagrad.CenteredRMSprop(0.9, 1e-7), adagrad.CenteredRMSpropMomentum(0.9, 1e-3, True, 0.8),
    adagrad.Adadelta(0.9, 1e-7), adagrad.Ftrl(0.5, 0.1, 0.1, 0.2, 0.3),
]  # fmt: skip
SHAPES = ((), (1,), (7,), (8,), (9,), (31,), (257,), (3, 5), (4, 16), (2, 3, 11), (5, 1, 33))


def named(trial: Any) -> str:
    return repr(trial[0] if isinstance(trial, tuple) else trial)


@pytest.fixture(params=[1, 2, 5], autouse=True)
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    before = graftgrad.get_num_threads()
    graftgrad.set_num_threads(request.param)
    monkeypatch.setattr(openmp, "GRAIN", 1 << 14)  # shared although one thread were faster
    with only_reference():
        pass  # what was chosen is forgotten, here and below
    yield request.param
    graftgrad.set_num_threads(before)
    with only_reference():
        pass


def specs(arrays: tuple[Array, ...]) -> tuple[Spec, ...]:
    return tuple(Spec(a.shape, a.dtype, a.flags.c_contiguous) for a in arrays)


def call_of(function: Function, ins: tuple[Array, ...]) -> Call:
    outs = function.infer(*specs(ins))
    return Call(function, specs(ins), outs if isinstance(outs, tuple) else (outs,), cpu)


def compiled(call: Call) -> Elementwise:
    kernel = choose(call)
    assert isinstance(kernel, Elementwise), call
    return kernel


def ran(kernel: Any, call: Call, ins: tuple[Array, ...]) -> list[Array]:
    if call.function.updates:
        copied = tuple(like(a) for a in ins)
        outs = tuple(copied[i] for i in type(call.function).updated)
        kernel.run(copied, outs, ())
        return list(copied)
    outs = tuple(np.full(spec.shape, 7, spec.dtype) for spec in call.outs)
    kernel.run(ins, outs, ())
    return list(outs)


def like(array: Array) -> Array:
    """A copy that lies as the array does."""
    made = np.empty_like(array)
    made[...] = array
    return made


def replayed(kernel: Elementwise, call: Call, ins: tuple[Array, ...]) -> list[Array]:
    """What the C calls give that stand for a run."""
    import ctypes

    ins = tuple(like(a) for a in ins)
    updates = bool(call.function.updates)
    outs = (
        tuple(ins[i] for i in type(call.function).updated)
        if updates
        else tuple(np.full(spec.shape, 7, spec.dtype) for spec in call.outs)
    )
    calls = kernel.native(ins, outs, ())
    assert calls is not None
    for one in calls:
        words = [ctypes.c_int64] * len(one.arguments)
        ctypes.CFUNCTYPE(None, *words)(one.function)(*one.arguments)
    return list(ins if updates else outs)


def broadcasts(generator: np.random.Generator, shape: tuple[int, ...], count: int) -> list[Any]:
    """Shapes of operands that stretch to a shape together."""
    found = [shape] * count
    if generator.random() < 0.5 or not shape:
        return found
    bent = int(generator.integers(0, count))
    kept = [size if generator.random() < 0.5 else 1 for size in shape]
    while kept and generator.random() < 0.3:
        kept = kept[1:]
    if count > 1:
        found[bent] = tuple(kept)
    return found


def laid(generator: np.random.Generator, array: Array) -> Array:
    """The same values, perhaps with gaps or turned around."""
    chosen = generator.random()
    if chosen < 0.6 or array.ndim == 0:
        return array
    if chosen < 0.8:
        return np.asfortranarray(array)
    if array.ndim < 2:
        return np.repeat(array, 2, axis=0)[::2]
    return np.concatenate([array, array], axis=0)[: len(array)].repeat(2, axis=0)[::2]


def apart(found: Array, wanted: Array, ulps: float) -> None:
    assert found.dtype == wanted.dtype
    if found.dtype == bool or ulps == 0:
        np.testing.assert_array_equal(found, wanted)
        return
    np.testing.assert_allclose(found, wanted, rtol=ulps * 2.0**-23, atol=ulps * 1.5e-45)


@pytest.mark.parametrize("trial", ELEMENTWISE, ids=named)
def test_values_are_those_of_the_reference(trial: Any) -> None:
    function, draws, ulps = trial
    for seed, shape in enumerate(SHAPES):
        generator = np.random.default_rng(seed)
        shapes = broadcasts(generator, shape, len(draws))
        if isinstance(function, random.Masked):
            shapes[0] = shape
        ins = tuple(draw(generator, one) for draw, one in zip(draws, shapes, strict=True))
        call = call_of(function, ins)
        with np.errstate(all="ignore"):
            wanted = ran(Reference(call), call, ins)
        kernel = compiled(call)
        for found in (ran(kernel, call, ins), replayed(kernel, call, ins)):
            apart(found[0], wanted[0], ulps)
        bent = tuple(laid(generator, a) for a in ins)
        again = call_of(function, bent)
        apart(ran(choose(again), again, bent)[0], wanted[0], ulps)


@pytest.mark.parametrize("trial", SMOOTH, ids=named)
def test_smooth_functions_are_close(trial: Any) -> None:
    function, draws = trial
    for seed, shape in enumerate(SHAPES):
        generator = np.random.default_rng(seed)
        ins = tuple(draw(generator, shape) for draw in draws)
        call = call_of(function, ins)
        wanted = ran(Reference(call), call, ins)
        for found in (ran(compiled(call), call, ins), replayed(compiled(call), call, ins)):
            np.testing.assert_allclose(found[0], wanted[0], rtol=3e-6, atol=6e-7)


@pytest.mark.parametrize("trial", [*ELEMENTWISE, *SMOOTH], ids=named)
def test_special_values_come_out_as_there(trial: Any) -> None:
    function, draws = trial[:2]
    if any(draw in (truth, byte, whole) for draw in draws):
        pytest.skip("has other elements")
    grids = np.meshgrid(*[SPECIAL] * len(draws), indexing="ij")
    ins = tuple(grid.reshape(-1).copy() for grid in grids)
    with np.errstate(invalid="ignore"):
        ins = tuple(
            np.abs(x) % 1 if draw is share else x for x, draw in zip(ins, draws, strict=True)
        )
    call = call_of(function, ins)
    with np.errstate(all="ignore"):
        wanted = ran(Reference(call), call, ins)[0]
    found = ran(compiled(call), call, ins)[0]
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
    if found.dtype != bool:
        np.testing.assert_allclose(found.astype("f8"), wanted.astype("f8"), rtol=5e-6, atol=1.2e-6)


@pytest.mark.parametrize("function", UPDATES, ids=named)
def test_updates_are_those_of_the_reference(function: Function) -> None:
    kind = type(function)
    for seed, shape in enumerate(SHAPES):
        generator = np.random.default_rng(seed)
        ins: list[Array] = []
        for name in kind.operands:
            if name in ("rate", "step"):
                ins.append(np.array(0.05 if name == "rate" else 1.0 + seed % 3))
            elif name == "norm" and isinstance(function, update.ClipNorm):
                ins.append(np.array(generator.random() * 3, np.float32))
            elif name in ("target", "weights", "gradients", "value", "momentum", "linear"):
                ins.append(normal(generator, shape))
            else:  # averages of squares
                ins.append(share(generator, shape) + np.float32(0.1))
        if isinstance(function, adagrad.CenteredRMSprop | adagrad.CenteredRMSpropMomentum):
            ins[kind.operands.index("velocity")] += 30  # so that no root is near 0
        call = call_of(function, tuple(ins))
        wanted = ran(Reference(call), call, tuple(ins))
        kernel = compiled(call)
        for found in (ran(kernel, call, tuple(ins)), replayed(kernel, call, tuple(ins))):
            for one, other in zip(found, wanted, strict=True):
                np.testing.assert_allclose(one, other, rtol=2e-6, atol=1e-6)


def test_every_builder_is_tried() -> None:
    tried = {type(trial[0]) for trial in (*ELEMENTWISE, *SMOOTH)} | {type(f) for f in UPDATES}
    offered = {
        function
        for (function, device), builds in builders().items()
        if device == "cpu" and any("kernels.native.elementwise" in b.__module__ for b in builds)
    }
    assert {kind for kind in every_function() if hasattr(kind, "c")} <= offered
    declines = {exponential.Sin, exponential.Cos}
    assert offered == tried | declines


@pytest.mark.parametrize("dtype", [bfloat16, float32])
@pytest.mark.parametrize("size", [1, 8, 13, 100])
def test_bfloat16_is_rounded_to_the_nearest(dtype: Any, size: int) -> None:
    generator = np.random.default_rng(size)
    bits = generator.integers(0, 2**32, size, dtype=np.uint32)
    x = bits.view(np.float32).astype(dtype)
    y = np.ones(size, bfloat16)
    ins = (x.astype(bfloat16), y)
    call = call_of(arithmetic.Add(), ins)
    with np.errstate(all="ignore"):
        wanted = ran(Reference(call), call, ins)[0]
    found = ran(compiled(call), call, ins)[0]
    np.testing.assert_array_equal(found.astype("f4"), wanted.astype("f4"))
    cast = call_of(operand.Cast(float32), (ins[0],))
    found = ran(compiled(cast), cast, (ins[0],))[0]
    np.testing.assert_array_equal(found, ins[0].astype(np.float32))


def test_large_arrays_are_shared_among_threads(threads: int) -> None:
    generator = np.random.default_rng(0)
    for shape in ((300_001,), (1000, 333), (7, 50_000)):
        a, b = normal(generator, shape), normal(generator, (shape[-1],))
        call = call_of(arithmetic.Mul(), (a, b))
        kernel = compiled(call)
        assert kernel.plan is not None
        assert kernel.plan.threads > 1
        np.testing.assert_array_equal(ran(kernel, call, (a, b))[0], a * b)
        x = call_of(exponential.Tanh(), (a,))
        many = ran(compiled(x), x, (a,))[0]
        graftgrad.set_num_threads(1)
        np.testing.assert_array_equal(many, ran(compiled(x), x, (a,))[0])
        graftgrad.set_num_threads(threads)


def test_operands_that_lie_over_the_target_are_read_first() -> None:
    base = np.arange(40, dtype=np.float32)
    for function in (update.Assign(), update.Accumulate()):
        one, other = base.copy(), base.copy()
        call = call_of(function, (one[1:33], one[:32]))
        assert isinstance(choose(call), Elementwise)
        choose(call).run((one[1:33], one[:32]), (one[1:33],), ())
        Reference(call).run((other[1:33], other[:32]), (other[1:33],), ())
        np.testing.assert_array_equal(one, other)


def test_an_operand_may_be_the_target_itself() -> None:
    x = np.arange(20, dtype=np.float32)
    call = call_of(update.Accumulate(), (x, x))
    choose(call).run((x, x), (x,), ())
    np.testing.assert_array_equal(x, 2 * np.arange(20))


def test_what_is_no_plain_array_is_left_to_the_reference() -> None:
    class Own(np.ndarray):  # type: ignore[type-arg]
        pass

    x = np.arange(20, dtype=np.float32)
    call = call_of(arithmetic.Neg(), (x,))
    y = np.zeros(20, np.float32)
    compiled(call).run((x.view(Own),), (y,), ())
    np.testing.assert_array_equal(y, -x)


def test_whole_numbers_and_doubles_are_declined() -> None:
    for dtype in (np.int64, np.int32, np.uint8, np.float64, np.float16):
        x = np.ones(5, dtype)
        assert isinstance(choose(call_of(arithmetic.Mul(), (x, x))), Reference)
    x = np.ones(5, np.float32)
    assert isinstance(choose(call_of(exponential.Sin(), (x,))), Reference)
    assert isinstance(choose(call_of(arithmetic.Mul(), (x[:0], x[:0]))), Reference)
    both = np.ones(5, bool)
    assert isinstance(choose(call_of(arithmetic.Add(), (both, both))), Reference)


def test_numbers_in_double_precision_are_exact() -> None:
    a, b = np.array(1.0 / 3), np.array(7e300)
    for function in (arithmetic.Add(), arithmetic.Mul(), arithmetic.Div(), arithmetic.Sub()):
        call = call_of(function, (a, b))
        np.testing.assert_array_equal(
            ran(compiled(call), call, (a, b))[0], ran(Reference(call), call, (a, b))[0]
        )


def test_threads_of_python_share_a_kernel() -> None:
    generator = np.random.default_rng(0)
    rows = [normal(generator, (200_000,)) for _ in range(4)]
    call = call_of(arithmetic.Add(), (rows[0], rows[0]))
    kernel = compiled(call)
    wrong: list[int] = []

    def work(i: int) -> None:
        for _ in range(20):
            if not np.array_equal(ran(kernel, call, (rows[i], rows[i]))[0], rows[i] + rows[i]):
                wrong.append(i)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def test_gradients_flow_through_compiled_ops() -> None:
    x = graftgrad.tensor(np.linspace(-2, 2, 50, dtype=np.float32), requires_grad=True)
    y = ops.gelu(x) * ops.sigmoid(x) + ops.relu(x)
    y.sum().backward()
    double = graftgrad.tensor(np.linspace(-2, 2, 50), requires_grad=True)
    z = ops.gelu(double) * ops.sigmoid(double) + ops.relu(double)
    z.sum().backward()
    assert x.grad is not None
    assert double.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), double.grad.numpy(), rtol=1e-4, atol=1e-5)


def test_attributes_that_never_repeat_are_not_compiled_for_ever() -> None:
    program = """
import numpy as np, graftgrad
from graftgrad import ops
from graftgrad.kernels.native import elementwise, pages
x = graftgrad.ones(5)
for i in range(100):
    assert (ops.full_like(x, float(i)).numpy() == i).all()
    ops.scale(x[::2], 1.0 + i / 1e9)
print(len(elementwise._made) <= 2 * elementwise.MOST)
"""
    assert run(program).split() == ["True"]


STEP = """
import numpy as np, graftgrad
x = graftgrad.tensor(np.ones(500_000, "float32"))
def step():
    assert ((x + x).numpy() == 2).all()
"""


def run(program: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **variables},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_can_be_switched_off() -> None:
    shown = run(f"{STEP}\nstep()\ngraftgrad.show_config()", GRAFTGRAD_NATIVE="0")
    assert "native   not used: it is switched off by GRAFTGRAD_NATIVE" in shown
    assert "native   AVX2" in run("import graftgrad; graftgrad.show_config()")


def test_nothing_is_made_at_import() -> None:
    program = """
import graftgrad
from graftgrad.kernels.native import pages, elementwise
print(len(pages._kept), len(elementwise._made))
"""
    assert run(program).split() == ["0", "0"]


def test_a_forked_process_computes_alone() -> None:
    program = f"""{STEP}
import os, sys, warnings
warnings.simplefilter("ignore")
graftgrad.set_num_threads(2)
step()
child = os.fork()
if child == 0:
    step()
    print("done")
    sys.stdout.flush()
    os._exit(0)
os.waitpid(child, 0)
step()
"""
    assert "done" in run(program)


def test_fused_is_offered() -> None:
    assert (Fused, "cpu") in builders()


def test_numbers_in_double_precision_take_truth_values_for_numbers() -> None:
    """A float64 tensor of one element is computed as a number; `x > 0` there is 1 or 0."""
    for function in every_function():
        if not isinstance(getattr(function, "c", None), str) or function.updates:
            continue
        if function.variadic or len(function.operands) > 2 or vars(function).get("__match_args__"):
            continue
        for value in (0.3, -0.3, 0.0, 2.0):
            ins = tuple(np.array([value + i]) for i in range(len(function.operands)))
            specs = tuple(Spec(a.shape, a.dtype) for a in ins)
            declared = function()
            out = function.infer(declared, *specs)
            call = Call(declared, specs, (out,), cpu)
            wanted, given = np.empty(out.shape, out.dtype), np.empty(out.shape, out.dtype)
            with np.errstate(all="ignore"):
                Reference(call).run(ins, (wanted,), ())
                choose(call).run(ins, (given,), ())
            np.testing.assert_allclose(given, wanted, rtol=1e-14, err_msg=function.__name__)
    for upper in (np.inf, 6.0, 0.2):
        for value in (0.3, -0.3, 0.0):
            gate = rectifier.Gate(0.0, upper)
            ins = np.array(2.0), np.array(value)
            call = Call(gate, (Spec((), ins[0].dtype),) * 2, (Spec((), ins[0].dtype),), cpu)
            given = np.array(np.nan)
            choose(call).run(ins, (given,), ())
            assert given == (2.0 if 0 < value < upper else 0.0)
