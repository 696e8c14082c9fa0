"""The kernels for GPUs, compiled by NVRTC and run on the processor, against the reference bodies.

The calls are those that the declared cases of all ops make. What this cannot tell stands in
docs/design/cuda_kernels.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest

from graftgrad.function import Function
from graftgrad.kernel import Reference, builders
from graftgrad.kernels.cuda.conv import Unrolled
from graftgrad.kernels.cuda.launches import Launch
from graftgrad.kernels.fusion import KNOWN
from graftgrad.ops.activation import Silu
from graftgrad.ops.arithmetic import Add, Mul
from graftgrad.ops.conv import Conv2D, Conv2DFilterGrad, Conv2DInputGrad
from graftgrad.ops.fused import Fused
from graftgrad.ops.lstm import LSTM, LSTMGrad
from graftgrad.ops.operand import Cast
from graftgrad.ops.reduce import Sum
from graftgrad.spec import DType, Spec, bfloat16, float16, float32, float64
from support.cuda import compiler
from support.cuda.agreement import (
    TOLERANCES,
    Attempt,
    attempt,
    attempts,
    close,
    converted,
    hold,
    results,
)
from support.cuda.calls import Trial, served, trials
from support.cuda.host import Guarded, host, missing
from support.cuda.larger import larger, unaligned

needs_gxx = pytest.mark.skipif(bool(missing()), reason=missing())
needs_nvrtc = pytest.mark.skipif(bool(compiler.missing()), reason=compiler.missing())
FEW = 2  # calls of each function in the tests that always run
ROUGH = {"Gelu": 1e-7, "GeluSlope": 1e-7}  # their reference bodies are no closer in float64
NONE_DECLARED: set[str] = set()
CONVOLUTIONS = (Conv2D, Conv2DInputGrad, Conv2DFilterGrad)
IN_STAGES = (*CONVOLUTIONS, LSTM, LSTMGrad)  # launches and products in turn


def chosen(dtype: DType, most: int | None) -> Iterator[tuple[type[Function], list[Attempt]]]:
    """The calls that are taken, by function: all, or the first `most` of them."""
    for kind, calls in sorted(trials().items(), key=lambda one: one[0].__name__):
        taken = (one for call in calls for one in attempts([call], dtype))
        yield kind, list(islice(taken, most))


def held(every: list[Attempt], dtype: DType) -> None:
    host().compile(launch for one in every for launch in one.launches)
    failures = []
    for one in every:
        rough = ROUGH.get(type(one.trial.function).__name__) if dtype == float64 else None
        try:
            hold(host(), one, rough)
        except AssertionError as failure:
            failures.append(f"{one.call}: {str(failure)[:400]}")
    assert not failures, "\n".join([f"{len(failures)} of {len(every)}", *failures[:10]])


def test_every_function_is_called_by_a_case() -> None:
    assert {kind.__name__ for kind in served() if not trials()[kind]} == NONE_DECLARED


@needs_gxx
@pytest.mark.parametrize("dtype", [float32, bfloat16], ids=str)
def test_the_reference_agrees(dtype: DType) -> None:
    held([one for _, some in chosen(dtype, FEW) for one in some], dtype)


@needs_gxx
@pytest.mark.parametrize(
    "dtype", [float32, *[pytest.param(t, marks=pytest.mark.slow) for t in (float64, float16)]],
    ids=str,
)  # fmt: skip
def test_large_and_odd_operands_agree(dtype: DType) -> None:
    every = attempts(larger(), dtype)
    assert len(every) == len([one for one in larger() if dtype == float32 or _is_real(one)])
    held(every, dtype)


@needs_gxx
@pytest.mark.slow
@pytest.mark.parametrize("dtype", [float32, float64, float16, bfloat16], ids=str)
def test_the_reference_agrees_on_every_case(dtype: DType) -> None:
    held([one for _, some in chosen(dtype, None) for one in some], dtype)


def computed(function: Function, ins: tuple[Any, ...]) -> list[Any]:
    """What our kernel for a function gives."""
    one = attempt(Trial(function, ins))
    assert one is not None
    host().run(one.launches, one.arrays)
    return results(one)


@needs_gxx
@pytest.mark.parametrize("dtype", [float32, bfloat16], ids=str)
def test_joined_ops_give_the_bits_that_they_give_one_by_one(dtype: DType) -> None:
    random = np.random.default_rng(0)
    a, b, c = [random.standard_normal((7, 40)).astype(dtype) for _ in range(3)]
    steps = (Mul(), (0, 1)), (Add(), (3, 2)), (Silu(), (4,)), (Cast(float32), (5,))
    joined = computed(Fused(steps, (1, 3)), (a, b, c))
    (product,) = computed(Mul(), (a, b))
    (total,) = computed(Add(), (product, c))
    (bent,) = computed(Silu(), (total,))
    alone = [total, computed(Cast(float32), (bent,))[0] if dtype != float32 else bent]
    for one, other in zip(joined, alone, strict=True):
        assert one.tobytes() == other.tobytes()
    specs = [Spec(x.shape, x.dtype) for x in (a, b)]
    assert KNOWN["gpu"](Mul(), specs, specs[:1])
    assert not KNOWN["gpu"](Sum((0,)), specs[:1], specs[:1])


def test_cudnn_is_asked_first() -> None:
    for (kind, device), builds in builders().items():
        rooms = [build.__module__.split(".")[2] for build in builds]
        if device == "gpu" and {"cuda", "cudnn"} <= set(rooms):
            assert rooms.index("cudnn") < rooms.index("cuda"), kind


@needs_gxx
def test_arrays_may_begin_anywhere() -> None:
    every = [attempt(one, shifted=True) for one in unaligned()]
    held([one for one in every if one is not None], float64)
    assert None not in every


def unrolled(kind: type[Function], dtype: DType) -> Iterator[tuple[Trial, Unrolled]]:
    """The declared convolutions that are laid out as matrices."""
    build = next(b for b in builders()[kind, "gpu"] if "kernels.cuda" in b.__module__)
    for declared in trials()[kind]:
        trial = converted(declared, dtype)
        kernel = None if trial is None else build(trial.call())
        if trial is not None and kernel is not None:
            assert isinstance(kernel, Unrolled)
            yield trial, kernel


@needs_gxx
@pytest.mark.parametrize(
    "dtype", [float32, *[pytest.param(t, marks=pytest.mark.slow) for t in (float64, bfloat16)]],
    ids=str,
)  # fmt: skip
def test_convolutions_agree(dtype: DType) -> None:
    most = 6 if dtype == float32 else None
    every = [one for kind in CONVOLUTIONS for one in islice(unrolled(kind, dtype), most)]
    assert len({type(trial.function) for trial, _ in every}) == len(CONVOLUTIONS)
    host().compile(s for _, kernel in every for s in kernel.stages if isinstance(s, Launch))
    for trial, kernel in every:
        call = trial.call()
        guards = [
            Guarded(np.full(spec.shape, 77, spec.dtype)) for spec in (*call.outs, *kernel.scratch)
        ]
        arrays = (*trial.ins, *[one.array for one in guards])
        for stage in kernel.stages:
            if isinstance(stage, Launch):
                host().run([stage], arrays)
            else:
                stage(arrays)
        wide = Trial(trial.function, tuple([a.astype(float64) for a in trial.ins])).call()
        wanted = np.empty(wide.outs[0].shape, wide.outs[0].dtype)
        Reference(wide).run(tuple([a.astype(float64) for a in trial.ins]), (wanted,), ())
        for one in guards:
            one.check(f"{call}")
        close(guards[0].array, wanted, TOLERANCES[dtype], f"{call}")


def _is_real(trial: Trial) -> bool:
    return any(a.dtype == float64 for a in trial.ins)


def test_most_calls_are_taken() -> None:
    """A builder that declines is polite, but it should not decline what it is there for."""
    declined = {
        kind.__name__
        for kind, some in chosen(float32, FEW)
        if not some and kind.__name__ not in NONE_DECLARED and kind not in IN_STAGES
    }
    assert declined == set()


@needs_nvrtc
@pytest.mark.slow
@pytest.mark.parametrize("architecture", compiler.ARCHITECTURES)
@pytest.mark.parametrize("dtype", [float32, float64, float16, bfloat16], ids=str)
def test_nvrtc_compiles_every_kernel(dtype: DType, architecture: str) -> None:
    found: dict[str, Any] = {}
    for _, some in chosen(dtype, None):
        found.update({launch.name: launch for one in some for launch in one.launches})
    complaints = {name: compiler.compile(one, architecture) for name, one in found.items()}
    assert {name: text for name, text in complaints.items() if text} == {}
    assert len(found) > 100
