"""Holds kernels that the processor runs against the reference bodies, on given calls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from graftgrad.errors import GraftError
from graftgrad.kernel import Call, Reference, builders
from graftgrad.kernels.cuda.launches import Launch, Launched
from graftgrad.spec import DType, bfloat16, float16, float32, float64, is_floating
from support.cuda.calls import Trial
from support.cuda.host import Guarded, Host

DTYPES: tuple[DType, ...] = (float32, float64, float16, bfloat16)
PRECISE = ("gamma", "beta", "mean", "variance", "inverse_std", "log_total")
TOLERANCES = {float64: 1e-11, float32: 2e-5, float16: 4e-3, bfloat16: 3e-2}


class Attempt(NamedTuple):
    """A call with its kernel, the arrays it works on and the launches that it makes."""

    trial: Trial
    call: Call
    kernel: Launched
    guards: tuple[Guarded, ...]
    arrays: tuple[Any, ...]
    launches: list[Launch]


def offered(call: Call) -> Launched | None:
    """The body from our own kernels that is launches alone, or None where there is none."""
    for build in builders().get((type(call.function), "gpu"), ()):
        if "kernels.cuda" in build.__module__:
            kernel = build(call)
            if isinstance(kernel, Launched):
                return kernel
    return None


def converted(trial: Trial, dtype: DType) -> Trial | None:
    """The same with real numbers of another type; None where the function takes none such.

    What is learned by a norm, and statistics, stay float32 beside numbers of 16 bits; rates and
    steps of updates stay as they are.
    """
    function: Any = trial.function
    kind = type(function)
    names = kind.operands if not kind.variadic else ("",) * len(trial.ins)
    ins = []
    for name, array in zip(names, trial.ins, strict=True):
        if array.dtype != float64 or (kind.updates and array.ndim == 0):
            ins.append(array)
        else:
            fine = name in PRECISE and dtype.itemsize == 2
            ins.append(_as_type(array, float32 if fine else dtype))
    if all(a is b for a, b in zip(ins, trial.ins, strict=True)) and dtype != float32:
        return None
    changed = Trial(function, tuple(ins))
    try:
        changed.call()
    except GraftError:
        return None
    return changed


def _as_type(array: Any, dtype: DType) -> Any:
    """Elements of another type that lie as they did."""
    size, item = array.itemsize, dtype.itemsize
    if any(step % size for step in array.strides):
        return array.astype(dtype)
    strides = tuple([step // size * item for step in array.strides])
    if any(step < 0 for step in strides):
        return array[...].astype(dtype)
    reach = sum(step * (n - 1) for n, step in zip(array.shape, strides, strict=True)) + item
    held = np.zeros(max(reach, item), np.uint8)
    made: Any = np.ndarray(array.shape, dtype, held.data, 0, strides)
    with np.errstate(over="ignore"):
        made[...] = array
    return made


def attempt(trial: Trial, shifted: bool = False, spoilt: int = 0xCD) -> Attempt | None:
    """Prepare the kernel of a call; None where it is declined.

    Args:
        trial: the call.
        shifted: let no array begin at a multiple of 16 bytes.
        spoilt: what every byte of results and working space is before.
    """
    call = trial.call()
    kernel = offered(call)
    if kernel is None:
        return None
    specs = (*(() if trial.function.updates else call.outs), *kernel.scratch)
    guards = tuple([Guarded(np.empty(spec.shape, spec.dtype), shifted=shifted) for spec in specs])
    for guard in guards:
        guard.bytes[guard.start : guard.start + guard.array.nbytes] = spoilt
    kept = tuple([_guarded_copy(a, shifted) for a in trial.ins])
    arrays = (*[array for array, _ in kept], *[guard.array for guard in guards])
    launches = kernel.launches(arrays)
    if launches is None:
        return None
    inner = tuple([guard for _, guard in kept if guard is not None])
    return Attempt(trial, call, kernel, (*guards, *inner), arrays, launches)


def _guarded_copy(array: Any, shifted: bool) -> tuple[Any, Guarded | None]:
    if array.flags.c_contiguous:
        guard = Guarded(array, fill=True, shifted=shifted)
        return guard.array, guard
    return array.copy(order="K") if not _gaps(array) else array, None


def _gaps(array: Any) -> bool:
    return not (array.flags.c_contiguous or array.flags.f_contiguous)


def results(one: Attempt) -> list[Any]:
    """The arrays that a run has written."""
    count = len(one.call.ins)
    if one.trial.function.updates:
        return [one.arrays[i] for i in type(one.trial.function).updated]
    return list(one.arrays[count : count + len(one.call.outs)])


def expected(one: Attempt, wide: bool) -> list[Any]:
    """What the reference body says, in double precision if that is asked for."""
    trial = one.trial
    ins = tuple([a.astype(float64) if wide and is_floating(a.dtype) else a.copy()
                 for a in trial.ins])  # fmt: skip
    call = Trial(trial.function, ins).call()
    outs = tuple([np.empty(spec.shape, spec.dtype) for spec in call.outs])
    with np.errstate(all="ignore"):
        Reference(call).run(ins, outs, ())
    if trial.function.updates:
        return [ins[i] for i in type(trial.function).updated]
    return list(outs)


def hold(host: Host, one: Attempt, tolerance: float | None = None) -> None:
    """Run a call twice, its threads in both orders, and compare with the reference body."""
    what = f"{one.call}"
    before = [a.copy() for a in one.arrays]
    host.run(one.launches, one.arrays)
    found = [a.copy() for a in results(one)]
    for array, old in zip(one.arrays, before, strict=True):
        array[...] = old
    host.run(one.launches, one.arrays, backwards=True)
    for a, b in zip(found, results(one), strict=True):
        np.testing.assert_array_equal(_bits(a), _bits(b), err_msg=f"{what}: order of threads")
    for guard in one.guards:
        guard.check(what)
    same = expected(one, False)
    wide = expected(one, True) if any(is_floating(a.dtype) for a in found) else same
    for a, exact, double in zip(found, same, wide, strict=True):
        if not is_floating(a.dtype):
            np.testing.assert_array_equal(a, exact, err_msg=what)
            continue
        close(a, double, TOLERANCES[a.dtype] if tolerance is None else tolerance, what)


def close(found: Any, wanted: Any, tolerance: float, what: str) -> None:
    """Compare real numbers; what is not finite must be so in both, or too large for the type."""
    with np.errstate(all="ignore"):
        wanted = wanted.astype(found.dtype).astype(float64)
    found = found.astype(float64)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted), err_msg=what)
    fine = np.isfinite(wanted)
    np.testing.assert_array_equal(found[~fine], wanted[~fine], err_msg=what)
    scale = max(1.0, float(np.abs(wanted[fine]).max(initial=0)))
    np.testing.assert_allclose(
        found[fine], wanted[fine], rtol=tolerance, atol=tolerance * scale, err_msg=what
    )


def _bits(array: Any) -> Any:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8) if array.size else array


def attempts(trials: Iterable[Trial], dtype: DType) -> list[Attempt]:
    """Prepare all that are taken, in one element type."""
    found = []
    for trial in trials:
        changed = converted(trial, dtype)
        made = None if changed is None else attempt(changed)
        if made is not None:
            found.append(made)
    return found
