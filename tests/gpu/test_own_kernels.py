"""The kernels of `graftgrad.kernels.cuda` on a GPU: the calls of all cases, again, and recorded."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import numpy as np
import pytest

from graftgrad.device import find
from graftgrad.function import Function
from graftgrad.kernels.cuda import library
from graftgrad.kernels.cuda.launches import Launch
from graftgrad.spec import DType, bfloat16, float16, float32, float64, is_floating
from support.cuda.agreement import TOLERANCES, Attempt, attempts, close, expected, results
from support.cuda.calls import Trial, served, trials
from support.cuda.larger import larger

pytestmark = pytest.mark.gpu
ROUGH = {"Gelu": 1e-7, "GeluSlope": 1e-7}  # their reference bodies are no closer in float64
DTYPES = (float32, float64, float16, bfloat16)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each function; where there is no GPU they are not even looked for."""
    if "kind" in metafunc.fixturenames:
        kinds = sorted(served(), key=lambda kind: kind.__name__) if not find.missing() else [None]
        metafunc.parametrize("kind", kinds, ids=lambda kind: kind.__name__ if kind else "every")


bigger = cache(larger)


@cache
def calls(kind: type[Function]) -> list[Trial]:
    """The calls of a function: those of its cases, and some larger ones."""
    return [*trials()[kind], *[one for one in bigger() if type(one.function) is kind]]


def placed(one: Attempt) -> tuple[Any, ...]:
    """The arrays of a call on the GPU, lying there as they lie on the host."""
    cupy: Any = importlib.import_module("cupy")
    device: Any = find.device("gpu")
    made = []
    for array in one.arrays:
        if array.flags.c_contiguous:
            made.append(device.put(array, array.dtype))
            continue
        ends = [(n - 1) * s for n, s in zip(array.shape, array.strides, strict=True)]
        low, high = sum(min(0, e) for e in ends), sum(max(0, e) for e in ends)
        room = cupy.zeros(high - low + array.itemsize, np.uint8)
        view = cupy.ndarray(array.shape, array.dtype, room.data + -low, array.strides)
        view[...] = device.put(np.ascontiguousarray(array), array.dtype)
        made.append(view)
    return tuple(made)


def launches(one: Attempt, arrays: tuple[Any, ...]) -> list[Launch]:
    """The launches for arrays that lie on the GPU."""
    found = one.kernel.launches(arrays)
    assert found is not None
    return found


def on_host(one: Attempt, arrays: tuple[Any, ...]) -> list[Any]:
    """The results of a call, from the GPU."""
    return [a.get() for a in results(one._replace(arrays=arrays))]


def compare(one: Attempt, found: list[Any], dtype: DType) -> None:
    same = expected(one, False)
    wide = expected(one, True) if any(is_floating(a.dtype) for a in found) else same
    for a, exact, double in zip(found, same, wide, strict=True):
        if is_floating(a.dtype):
            tolerance = TOLERANCES[a.dtype]
            if dtype == float64:
                tolerance = ROUGH.get(type(one.trial.function).__name__, tolerance)
            close(a, double, tolerance, f"{one.call}")
        else:
            np.testing.assert_array_equal(a, exact, err_msg=f"{one.call}")


@pytest.fixture(autouse=True)
def _entered() -> None:
    """Compute on the device's own stream."""
    device: Any = find.device("gpu")
    device.enter()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_reference_agrees(kind: type[Function], dtype: DType) -> None:
    failures = []
    every = attempts(calls(kind), dtype)
    if not every:
        pytest.skip("no call in this element type is a list of launches alone")
    for one in every:
        arrays = placed(one)
        for launch in launches(one, arrays):
            library.launch(launch, arrays)
        try:
            compare(one, on_host(one, arrays), dtype)
        except AssertionError as failure:
            failures.append(f"{one.call}: {str(failure)[:400]}")
    assert not failures, "\n".join([f"{len(failures)} of {len(every)}", *failures[:20]])


def test_a_recorded_step_gives_the_same_bits(kind: type[Function]) -> None:
    cupy: Any = importlib.import_module("cupy")
    device: Any = find.device("gpu")
    stream = cupy.cuda.Stream(non_blocking=True)
    found = attempts(calls(kind), float32)[:6]
    tried = [one for one in found if not one.trial.function.updates]
    if not tried:
        pytest.skip("none of our kernels computes a case of it in float32, or it changes operands")
    for one in tried:
        arrays = placed(one)
        device.synchronize()  # what another stream still copies must have arrived
        with device.beside(stream):
            step = library.bound(launches(one, arrays), arrays)
            step()
            stream.synchronize()
            wanted = on_host(one, arrays)
            for array in results(one._replace(arrays=arrays)):
                array.fill(1)
            stream.begin_capture()
            step()
            graph = stream.end_capture()
            for _ in range(3):
                graph.launch(stream)
            stream.synchronize()
        for a, b in zip(on_host(one, arrays), wanted, strict=True):
            assert a.tobytes() == b.tobytes(), str(one.call)
