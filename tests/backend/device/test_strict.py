"""The stand-in for CuPy refuses what CuPy would refuse; ops that needed another way take it."""

from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad.spec import bfloat16, float32
from support.strict import StrictArray, copies, reads, strict

xp = strict.xp


@pytest.fixture
def x() -> Any:
    return strict.put(np.arange(6.0).reshape(2, 3), float32)


@pytest.mark.parametrize(
    "ask",
    [
        np.asarray,
        lambda x: np.add(x, 1),
        lambda x: np.ones((2, 3)) + x,
        lambda x: x + np.ones((2, 3)),
        lambda x: xp.add(x, np.ones(3)),
        lambda x: x.__setitem__(slice(None), np.ones(3)),
        lambda x: x[np.array([0, 1])],
        lambda x: xp.concatenate([x, np.ones((1, 3))]),
        lambda x: x.max(axis=0, initial=0),
        lambda x: xp.add(x, 1, where=x > 0),
        lambda x: xp.einsum("ij->i", x, out=x),
        lambda x: x.sum(0, None, None, False, 0),
        lambda x: xp.sort(x, kind="quicksort"),
        lambda x: xp.sin(strict.put(np.ones(2), np.dtype("S1"))),
        lambda x: xp.bitwise_and(x, x),
        lambda x: xp.add.at(xp.zeros(3, "int64"), xp.arange(3), xp.arange(3)),
        lambda x: xp.maximum.at(xp.zeros(3, "float16"), xp.arange(3), xp.arange(3)),
    ],
)
def test_what_is_refused(ask: Any, x: Any) -> None:
    with pytest.raises(TypeError):
        ask(x)


@pytest.mark.parametrize("name", ["writeable", "ctypes"])
def test_attributes_that_are_not_there(name: str, x: Any) -> None:
    with pytest.raises(AttributeError):
        getattr(x.flags if name == "writeable" else x, name)
    with pytest.raises(AttributeError, match="cupy has no busday_count"):
        _ = xp.busday_count


@pytest.mark.parametrize("name", ["maximum.accumulate", "multiply.at", "maximum.reduce"])
def test_methods_of_ufuncs_that_are_not_there(name: str) -> None:
    ufunc, _, method = name.partition(".")
    with pytest.raises(NotImplementedError, match=f"cupy.{name} is not supported"):
        getattr(getattr(xp, ufunc), method)


def test_what_is_offered(x: Any) -> None:
    assert isinstance(x.sum(), StrictArray)
    assert x.sum().shape == ()
    assert float((x[0, :2] * 2 + np.float32(1)).sum()) == 4
    out = xp.empty((2, 3), float32)
    assert xp.exp(x, out=out) is not None
    np.testing.assert_allclose(strict.fetch(out), np.exp(strict.fetch(x)))
    assert xp.asarray(np.ones(3)).shape == (3,)
    reads.clear()
    assert bool(x.any())
    assert x[x > 2].shape == (3,)
    assert reads == ["bool", "mask"]


def test_what_copies_from_the_host_is_told(x: Any) -> None:
    copies.clear()
    xp.asarray(np.ones(3))
    xp.array([1.0, 2.0], float32)
    x[:, [0, 2]]
    xp.take(x, [0, 1], axis=1)
    xp.stack([x] * 9)
    assert copies == ["asarray", "array", "list of indices", "take", "stack of 9"]
    copies.clear()
    xp.asarray(x), xp.asarray(2.0), xp.concatenate([x] * 8), xp.full(3, 2.0)
    x[:, 1] = 3.0
    x[x > 2] = 0.0
    assert copies == []


def on_both(function: Any, *hosts: Any) -> None:
    """Compare the stand-in with the CPU, whose bodies may go another way."""
    here, there = (
        function(*[graftgrad.tensor(h, device=d) for h in hosts]) for d in ("cpu", "strict")
    )
    for y, wanted in zip(there, here, strict=True):
        assert y.dtype == wanted.dtype
        np.testing.assert_array_equal(y.cpu().numpy(), wanted.numpy())


@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "int8", "uint64"])
@pytest.mark.parametrize("size", [1, 2, 7, 8])
def test_running_maxima_without_accumulation(dtype: str, size: int) -> None:
    host = np.random.default_rng(size).integers(0, 5, (3, size)).astype(dtype)
    on_both(lambda x: graftgrad.cummax(x, 1), host)
    on_both(lambda x: graftgrad.cummin(x, 0), host)


@pytest.mark.parametrize(
    "dtype", ["float32", "float16", bfloat16, "int64", "int8", "uint64", "bool"]
)
def test_segments_by_atomic_types(dtype: Any) -> None:
    rng = np.random.default_rng(3)
    host = rng.integers(-5, 5, (9, 2)).astype(dtype)
    ids = np.array([3, 0, 0, 5, 3, 3, 1, 0, 0])
    on_both(lambda x, i: [graftgrad.ops.segment_max(x, i, 7)], host, ids)
    if dtype != "bool":
        on_both(lambda x, i: [graftgrad.ops.segment_prod(x, i, 7)], host, ids)


@pytest.mark.parametrize("dtype", ["float32", bfloat16, "int64", "int8", "uint8", "complex64"])
def test_additions_by_atomic_types(dtype: Any) -> None:
    host = np.array([100, -100, 27, 3, 5]).astype(dtype)
    ids = np.array([1, 1, 0, 1, 0])
    on_both(lambda x, i: [graftgrad.zeros(3, dtype=x.dtype, device=x.device).index_add(0, i, x)],
            host, ids)  # fmt: skip
