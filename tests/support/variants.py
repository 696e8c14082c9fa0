"""Cases with other operands than they were declared with: 16-bit, empty, and such as do not fit."""

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ml_dtypes
import numpy as np

from graftgrad.errors import DTypeError, GraftError
from graftgrad.function import Function
from graftgrad.spec import is_differentiable
from graftgrad.tensor import Tensor
from support.declaration import Case, Values, pulled

SHORT = (np.dtype(ml_dtypes.bfloat16), np.dtype(np.float16))
ROUNDINGS = 4  # units of the last place, of the largest element, that a result may be off

# Why an op takes no 16-bit numbers, by what it then says.
REFUSED = {
    "must be of single or double precision": "LAPACK and its like have no shorter numbers",
    "must be float32 or float64": "no complex numbers have 16-bit parts",
    "dtypes must have a common one; got int64, bfloat16": "NumPy knows none",
    "dtypes must have a common one; got bfloat16, int64": "NumPy knows none",
    "operands must share one dtype": "statistics and their kin are float32 beside 16-bit elements",
}
WIDER = {
    "add": "int64 and float16 are float64 together, by NumPy's rules",
    "div": "int64 and float16 are float64 together, by NumPy's rules",
    "concatenate": "int64 and float16 are float64 together, by NumPy's rules",
    "bincount": "counts are float64, by NumPy's rules",
    "there_and_back": "spectra are complex64 at least",
    "window": "spectra are complex64 at least",
    "from_the_edge": "spectra are complex64 at least",
    "both_sides": "spectra are complex64 at least",
    "sum_of_squares": "sums for norms are float32",
}
KINKED = {
    "hard_tanh": "rounding moves an element onto a bound, where the slope changes",
    "multilabel_margin_loss": "rounding moves an element over a margin, where the slope changes",
}
# Whose settings tell the shapes of operands, so that other shapes contradict them.
FITTED = {
    "copy_slices": "is called with the views through which its operand was seen",
    "gradient": "is the gradient of a normalisation that has checked its operands",
}
# Whose oracle tells nothing of empty operands.
NAIVE = {
    "embedding_bag": "loses the axis of a bag of nothing",
    "segment_max": "begins with a number in place of −∞",
    "segment_min": "begins with a number in place of ∞",
    "digamma": "is a table",
    "assign": "has the shape of the case",
    "chunk": "cuts where the case's own size is cut",
    **dict.fromkeys(("irfft", "irfftn", "hfft"), "is of NumPy, which reads what nobody wrote"),
}


def check_sixteen_bits(case: Case) -> None:
    """In bfloat16 and float16 all is what it is in float64, but for rounding, or is refused."""
    wanted = case.differentiated()
    for dtype in SHORT:
        arrays = case.arrays()
        short = {p: a.astype(dtype) if a.dtype == np.float64 else a for p, a in arrays.items()}
        exact = {p: a.astype(arrays[p].dtype) for p, a in short.items()}
        low, high = case.tensors(short, wanted), case.tensors(exact, wanted)
        try:
            found = case.call(low)
        except DTypeError as error:
            assert any(text in str(error) for text in REFUSED), error
            continue
        reference = case.call(high)
        for y, z in zip(found, reference, strict=True):
            if z.dtype == np.float64 and _name(case) not in WIDER:
                assert y.dtype == dtype
            _agree(y, z, dtype)
        if wanted and _name(case) not in KINKED:
            slopes = pulled(reference, high, wanted)
            for place, g in pulled(found, low, wanted).items():
                if g is not None:
                    assert g.dtype == dtype
                    _agree(g, slopes[place], dtype)


def _agree(found: Tensor, reference: Any, dtype: Any) -> None:
    expected = reference.detach().numpy()
    near = ROUNDINGS * float(ml_dtypes.finfo(dtype).eps)
    known = expected[np.isfinite(expected)]
    scale = max(1.0, float(np.abs(known).max(initial=0)))
    wide = np.result_type(expected.dtype, np.float64)
    np.testing.assert_allclose(
        found.detach().numpy().astype(wide), expected, rtol=near, atol=near * scale
    )


def check_empty(case: Case) -> None:
    """Where an axis is empty there are results of the shapes told before, or an error of ours."""
    for emptied in _emptied(case):
        wanted = emptied.differentiated()
        arrays = emptied.arrays()
        tensors = emptied.tensors(arrays, wanted)
        try:
            results = emptied.call(tensors)
            found = {}
            if any(y.requires_grad for y in results):
                found = pulled(results, tensors, wanted)
        except GraftError as error:
            assert "; got " in str(error)
            continue
        if case.meta:
            shadows = emptied.call(emptied.tensors(arrays, device="meta"))
            assert [y.shape for y in shadows] == [y.shape for y in results]
        for place, g in found.items():
            if g is not None:
                assert g.shape == tensors[place].shape
                if not any(y.size for y in results):
                    assert not g.numpy().any()
        if case.oracle is None or _name(case) in NAIVE:
            continue
        try:
            expected = [np.asarray(one) for one in emptied.expected(arrays)]
        except Exception:  # an oracle may not know what to do with nothing
            continue
        told = [y.detach().numpy() for y in results]
        assert [y.shape for y in told] == [y.shape for y in expected], emptied
        for y, value in zip(told, expected, strict=True):
            np.testing.assert_allclose(y, value, rtol=1e-9)


def _emptied(case: Case) -> Iterator[Case]:
    """Return the case with all axes of one size empty, for the first three sizes."""
    made = [one for several in case.operands.values() for one in several]
    sizes = [size for one in made for size in one.shape if size]
    for size in [*dict.fromkeys(sizes)][:3]:
        arguments = dict(case.arguments)
        for name, several in case.operands.items():
            without = [_without(one, size) for one in several]
            arguments[name] = without if isinstance(arguments[name], list) else without[0]
        one = replace(case, arguments=arguments, name=f"{case.name}-no{size}")
        with contextlib.suppress(ValueError):  # values that cannot be drawn for none
            one.arrays()
            yield one


def _without(one: Any, size: int) -> Any:
    if isinstance(one, Values):
        return replace(one, shape=tuple(0 if n == size else n for n in one.shape))
    if not one.ndim:
        return one
    cuts = tuple(slice(0) if n == size else slice(None) for n in one.shape)
    return one[cuts]


def check_bent(case: Case) -> None:
    """Operands of other shapes and element types are computed with, or refused by an error of ours.

    What NumPy warns of, such as a division by zero, is the values' and may come.
    """
    arrays = case.arrays()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for place in arrays:
            for bent in _bent(arrays[place]):
                given = {**arrays, place: bent}
                wanted = [p for p in case.differentiated() if is_differentiable(given[p].dtype)]
                try:
                    tensors = case.tensors(given, wanted)
                    results = case.call(tensors)
                    if any(y.requires_grad for y in results):
                        pulled(results, tensors, wanted)
                except GraftError as error:
                    assert "; got " in str(error)


def _bent(array: Any) -> Iterator[Any]:
    for axis in range(array.ndim):
        longer = [(0, 1) if i == axis else (0, 0) for i in range(array.ndim)]
        yield np.pad(array, longer, "edge" if array.size else "constant")
    yield array[None]
    if array.ndim and array.shape[-1]:
        yield array[..., 0]
    if array.dtype == np.float64:
        with np.errstate(invalid="ignore"):
            yield (3 * array).astype(np.int64)
        yield array > 0
        yield array.astype(np.complex128)
    elif array.dtype.kind in "iu":
        yield array.astype(np.float64)


def _name(case: Case) -> str:
    return getattr(case.op, "__name__", "")


def fitted(case: Case) -> bool:
    """Tell whether settings tell the shapes of operands: a function is made by its op."""
    return isinstance(case.op, Function) or _name(case) in FITTED


def has_doubles(case: Case) -> bool:
    """Tell whether operands can be given in 16 bits."""
    kinds = {array.dtype for array in case.arrays().values()}
    return np.dtype(np.float64) in kinds and not any(kind.kind == "c" for kind in kinds)
