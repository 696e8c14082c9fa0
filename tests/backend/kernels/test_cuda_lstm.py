"""Long short-term memory for GPUs, run on the processor, against the reference bodies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graftgrad.device.find import cpu
from graftgrad.kernel import Call, Reference, builders, why_not
from graftgrad.kernels.cuda.conv import Unrolled
from graftgrad.kernels.cuda.launches import Launch
from graftgrad.ops.lstm import LSTM, LSTMGrad
from graftgrad.spec import DType, Spec, bfloat16, float32, float64
from support.cuda.agreement import TOLERANCES, close
from support.cuda.calls import Trial
from support.cuda.host import Guarded, host, missing

needs_gxx = pytest.mark.skipif(bool(missing()), reason=missing())
NONE = np.zeros(0, bool)


def kernel_of(call: Call) -> Unrolled | None:
    for build in builders()[type(call.function), "gpu"]:
        if build.__module__.endswith("cuda.lstm"):
            found = build(call)
            assert found is None or isinstance(found, Unrolled)
            return found
    raise AssertionError(f"nobody offers {call}")


def held(function: Any, ins: tuple[Any, ...], dtype: DType) -> None:
    """Run a call twice, its threads in both orders, and compare with the reference body."""
    call = Trial(function, ins).call()
    kernel = kernel_of(call)
    assert kernel is not None
    found = []
    for backwards in (False, True):
        specs = (*call.outs, *kernel.scratch)
        guards = [Guarded(np.full(spec.shape, np.nan, spec.dtype), fill=True) for spec in specs]
        arrays = (*ins, *[one.array for one in guards])
        for stage in kernel.stages:
            if isinstance(stage, Launch):
                host().run([stage], arrays, backwards=backwards)
            else:
                stage(arrays)
        for one in guards:
            one.check(f"{call}")
        found.append([one.array for one in guards[: len(call.outs)]])
    wide = Trial(function, tuple([a.astype(float64) if a.dtype != bool else a for a in ins])).call()
    wanted = tuple([np.empty(spec.shape, spec.dtype) for spec in wide.outs])
    Reference(wide).run(
        tuple([a.astype(float64) if a.dtype != bool else a for a in ins]), wanted, ()
    )
    for a, b, true in zip(*found, wanted, strict=True):
        np.testing.assert_array_equal(a, b)
        close(a, true, TOLERANCES[dtype], f"{call}")


@needs_gxx
@pytest.mark.parametrize("dtype", [float32, float64], ids=str)
@pytest.mark.parametrize("units", [1, 5, 70])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_all_steps_in_one_launch(reverse: bool, masked: bool, units: int, dtype: DType) -> None:
    n, t, d = (2, 3, 4) if units > 5 else (3, 6, 4)
    rng = np.random.default_rng(units)

    def normal(*shape: int) -> Any:
        return (0.7 * rng.standard_normal(shape)).astype(dtype)

    mask = rng.random((n, t)) < 0.6 if masked else NONE
    w, r, b = normal(d, 4 * units), normal(units, 4 * units) / units**0.5, normal(4 * units)
    x, h, c = normal(n, t, d), normal(n, units), normal(n, units)
    forward = LSTM(reverse)
    held(forward, (x, h, c, w, r, b, mask), dtype)
    call = Trial(forward, (x, h, c, w, r, b, mask)).call()
    y, hn, cn, gates, cells = (np.empty(spec.shape, spec.dtype) for spec in call.outs)
    Reference(call).run((x, h, c, w, r, b, mask), (y, hn, cn, gates, cells), ())
    pulls = normal(n, t, units), normal(n, units), normal(n, units)
    for of_x in (True, False):
        backward = LSTMGrad(reverse, of_x)
        held(backward, (*pulls, x, h, c, w, r, mask, y, gates, cells), dtype)


@needs_gxx
def test_operands_with_gaps_are_copied_aside() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((5, 3, 4)).astype("f4").transpose(1, 0, 2)
    h = np.broadcast_to(np.float32(0), (3, 6))
    w, r, b = (rng.standard_normal(shape).astype("f4") for shape in ((4, 24), (24, 6), (24,)))
    held(LSTM(), (x, h, h, w, r.T, b, NONE), float32)


def test_what_is_declined() -> None:
    def asked(units: int, samples: int, dtype: DType) -> tuple[Unrolled | None, str]:
        sizes = (samples, 2, 3), (samples, units), (samples, units), (3, 4 * units)
        specs = [Spec(size, dtype) for size in (*sizes, (units, 4 * units), (4 * units,))]
        ins = (*specs, Spec((0,), np.dtype(bool)))
        call = Call(LSTM(), ins, LSTM().infer(*ins), cpu)
        return kernel_of(call), why_not(call)

    assert asked(64, 1000, float32)[0] is not None
    assert asked(128, 256, float32)[0] is not None
    for units, samples in ((129, 1), (128, 257)):
        found, reason = asked(units, samples, float32)
        assert found is None and "by a product for each step" in reason
    found, reason = asked(8, 8, bfloat16)
    assert found is None and "in float32 and float64 alone" in reason
