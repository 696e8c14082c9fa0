"""One op on two devices: values and gradients are the same, to the last digits but a few."""

from typing import Any

import numpy as np

from graftgrad.device import find
from graftgrad.kernel import only_reference
from graftgrad.spec import as_dtype, real_dtype
from support.declaration import Case, Place

# Relative, and absolute in parts of the largest value.
TOLERANCE = {"float64": 1e-9, "float32": 2e-5, "float16": 2e-2, "bfloat16": 4e-2}
_COMPLEX = {"float32": "complex64", "float64": "complex128"}


def computed(case: Case, device: str, arrays: dict[Place, Any]) -> list[Any]:
    """Results, gradients and changed operands of a case on a device, on the host."""
    wanted = case.differentiated()
    tensors = case.tensors(arrays, wanted, device=device)
    with find.device(device):
        results = case.call(tensors)
        assert all(y.device == find.device(device) for y in results)
        found = [*results, *[tensors[place] for place in tensors if place[0] in case.updates]]
        if wanted:
            again = case.tensors(arrays, wanted, device=device)
            found += case.gradients(again, wanted, create_graph=case.second).values()
    return [None if y is None else y.detach().cpu().numpy() for y in found]


def converted(arrays: dict[Place, Any], dtype: str) -> dict[Place, Any]:
    """Operands of double precision in another; all others as they are."""
    low = {"float64": as_dtype(dtype), "complex128": as_dtype(_COMPLEX.get(dtype, "complex128"))}
    return {place: a.astype(low.get(a.dtype.name, a.dtype)) for place, a in arrays.items()}


def check_elsewhere(case: Case, device: str, dtype: str = "float64") -> None:
    """A device computes what reference bodies compute on the CPU, in the same element type."""
    arrays = converted(case.arrays(), dtype)
    with only_reference():
        expected = computed(case, "cpu", arrays)
    found = computed(case, device, arrays)
    for y, wanted in zip(found, expected, strict=True):
        assert (y is None) == (wanted is None)
        if y is None:
            continue
        assert (y.shape, y.dtype) == (wanted.shape, wanted.dtype)
        close(y, wanted)


def close(y: Any, wanted: Any) -> None:
    if wanted.dtype.kind in "biu":
        np.testing.assert_array_equal(y, wanted)
        return
    tolerance = TOLERANCE[real_dtype(wanted.dtype).name]
    wide = "complex128" if wanted.dtype.kind == "c" else "float64"
    y, wanted = y.astype(wide), wanted.astype(wide)
    scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=0)
    np.testing.assert_allclose(y, wanted, rtol=tolerance, atol=tolerance * max(1.0, float(scale)))
