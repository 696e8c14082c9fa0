"""The arithmetic of cuBLAS calls on the CPU: carried out by a gemm that counts columns first."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graftgrad.device.base import Device
from graftgrad.kernel import Call, choose, forget, generation, why_not
from graftgrad.kernels import tf32
from graftgrad.kernels.cublas import library
from graftgrad.kernels.cublas.bodies import Namespace
from graftgrad.kernels.cublas.gemm import Gemm, Lie, gemms, joined, leading, straight
from graftgrad.kernels.cublas.matmul import FLOAT32, FLOAT64, TF32, form_of
from graftgrad.ops.matmul import MatMul
from graftgrad.spec import Spec, bfloat16, complex64, float16, float32, float64, int32


def lie(array: Any) -> Lie:
    """How an array lies, in elements."""
    return Lie(array.shape, tuple(step // array.itemsize for step in array.strides))


def contiguous(shape: tuple[int, ...]) -> Lie:
    """How a row-major array lies."""
    return lie(np.empty(shape))


def columns_first(one: Gemm, a: Any, b: Any, c: Any) -> None:
    """Do what `cublasGemmStridedBatchedEx` does, on flat memory from the operands' beginnings."""
    m, n, k = one.sizes
    shapes = ((m, k), (k, n), (m, n))
    turned = (*one.turned, False)
    for number in range(one.batch):
        parts = []
        for flat, shape, flip, ld, first, step in zip(
            (a, b, c), shapes, turned, one.leading, one.offsets, one.strides, strict=True
        ):
            rows, columns = shape[::-1] if flip else shape
            assert ld >= max(rows, 1)  # the library refuses less
            start = first + number * step
            end = start + (columns - 1) * ld + rows
            assert 0 <= start and end <= flat.size
            part = np.lib.stride_tricks.as_strided(
                flat[start:], (rows, columns), (flat.itemsize, ld * flat.itemsize)
            )
            parts.append(part.T if flip else part)
        parts[2][...] = parts[0] @ parts[1]


def flat(array: Any) -> Any:
    """The memory from an array's first element to its last."""
    reach = sum((n - 1) * s for n, s in zip(array.shape, lie(array).steps, strict=True))
    return np.lib.stride_tricks.as_strided(array, (reach + 1,), (array.itemsize,))


def multiplied(a: Any, b: Any) -> Any:
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    y = np.full((*lead, a.shape[-2], b.shape[-1]), np.nan)
    for one in gemms(lie(a), lie(b), lie(y)):
        columns_first(one, flat(b), flat(a), flat(y))
    return y


@st.composite
def operands(draw: st.DrawFn) -> tuple[Any, Any]:
    """Factors of any batches that broadcast: transposed, cut out of larger ones, or stretched."""
    size = st.integers(1, 4)
    m, k, n = draw(size), draw(size), draw(size)
    lead = draw(st.lists(size, max_size=3))
    rng = np.random.default_rng(draw(st.integers(0, 99)))

    def one(rows: int, columns: int) -> Any:
        own = [n if draw(st.booleans()) else 1 for n in lead]
        own = own[draw(st.integers(0, len(own))) :]
        order = draw(st.permutations(range(len(own))))
        edge = draw(st.integers(0, 2))
        shape = [own[i] for i in order]
        if draw(st.booleans()):
            x = rng.standard_normal((*shape, columns, rows + edge))[..., :rows].swapaxes(-1, -2)
        else:
            x = rng.standard_normal((*shape, rows, columns + edge))[..., :columns]
        if order and draw(st.booleans()):  # rows of a batch beside each other, as heads lie
            x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -2)), -2, 0)
        back = np.argsort(order)
        return x.transpose(*back, x.ndim - 2, x.ndim - 1)

    a, b = one(m, k), one(k, n)
    if draw(st.booleans()) and lead:
        a = np.broadcast_to(a, (*np.broadcast_shapes(a.shape[:-2], tuple(lead)), m, k))
    return a, b


@settings(max_examples=300, deadline=None)
@given(operands())
def test_calls_multiply_operands_as_they_lie(pair: tuple[Any, Any]) -> None:
    a, b = pair
    assert straight(lie(a)) and straight(lie(b))
    np.testing.assert_allclose(multiplied(a, b), a @ b, rtol=1e-12, atol=1e-12)


def test_contiguous_batches_are_one_call() -> None:
    a, b, y = contiguous((5, 2, 3, 4)), contiguous((5, 2, 4, 6)), contiguous((5, 2, 3, 6))
    (one,) = gemms(a, b, y)
    assert one.batch == 10 and one.strides == (24, 12, 18) and one.turned == (False, False)


def test_one_second_factor_for_a_batch_is_one_long_product() -> None:
    (one,) = gemms(contiguous((5, 3, 4)), contiguous((4, 6)), contiguous((5, 3, 6)))
    assert one.batch == 1 and one.sizes == (6, 15, 4)


def test_heads_beside_each_other_are_read_in_place() -> None:
    q = np.empty((2, 7, 3, 4)).transpose(0, 2, 1, 3)  # (N, S, T, D) in memory of (N, T, S, D)
    k = q.swapaxes(-1, -2)
    found = gemms(lie(q), lie(k), contiguous((2, 3, 7, 7)))
    assert len(found) == 2 and {one.turned for one in found} == {(True, False)}
    assert {one.leading[0] for one in found} == {12}


def test_gaps_within_lines_and_lines_that_overlap_must_be_copied() -> None:
    assert leading(3, 4, (8, 2)) is None
    assert leading(3, 4, (0, 1)) is None
    assert leading(3, 4, (2, 1)) is None
    assert leading(3, 1, (0, 1)) is None
    assert leading(1, 4, (0, 1)) == (False, 4)
    assert leading(3, 4, (-4, 1)) is None


def test_axes_are_joined_where_all_operands_allow_it() -> None:
    assert joined((2, 3), (12, 4), (12, 4), (6, 2)) == [(6, (4, 4, 2))]
    assert joined((2, 3), (12, 4), (0, 4), (6, 2)) == [(2, (12, 0, 6)), (3, (4, 4, 2))]
    assert joined((1, 3), (99, 4), (99, 0), (99, 2)) == [(3, (4, 0, 2))]


def test_element_types_have_the_numbers_of_the_library() -> None:
    def told(factors: Any, result: Any) -> Any:
        form = form_of(factors, result)
        return None if form is None else (form.kind, form.result_kind, form.computed)

    assert told(float32, float32) == (0, 0, FLOAT32)
    assert told(float64, float64) == (1, 1, FLOAT64)
    assert told(float16, float16) == (2, 2, FLOAT32)
    assert told(bfloat16, bfloat16) == (14, 14, FLOAT32)
    assert told(bfloat16, float32) == (14, 0, FLOAT32)
    assert told(complex64, complex64) == (4, 4, FLOAT32)
    assert told(float64, float32) is None
    assert told(int32, int32) is None


def test_tf32_is_off_until_it_is_allowed_and_bodies_are_chosen_anew() -> None:
    assert not tf32.allowed()
    before = generation()
    try:
        tf32.allow()
        form = form_of(float32, float32)
        assert form is not None and form.computed == TF32
        assert generation() > before
    finally:
        tf32.allow(False)
    assert not tf32.allowed()


class Elsewhere(Device):
    """A device for which builders of a GPU are asked; nothing runs on it."""

    kind = "gpu"

    @property
    def xp(self) -> Any:
        return np


def test_what_is_declined_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_found", lambda: (None, "no cuBLAS (a reason)"))
    spec = Spec((3, 3))
    call = Call(MatMul(), (spec, spec), (spec,), Elsewhere(91))
    assert type(choose(call)).__name__ == "Reference"
    assert why_not(call) == "no cuBLAS (a reason)"
    whole = Spec((3, 3), int32)
    call = Call(MatMul(), (whole, whole), (whole,), Elsewhere(91))
    choose(call)
    assert why_not(call) == "cuBLAS multiplies no int32 into int32"
    forget()
    assert why_not(call) == ""


@pytest.mark.parametrize("can", [True, False])
def test_bodies_multiply_through_our_own_calls(can: bool) -> None:
    asked: list[tuple[int, ...]] = []

    def multiply(a: Any, b: Any, y: Any) -> bool:
        assert y.flags.c_contiguous
        asked.append(y.shape)
        if can:
            y[...] = multiplied(a, b)
        return can

    xp, rng = Namespace(np, multiply), np.random.default_rng(0)
    a, b = rng.standard_normal((2, 1, 3, 4)), rng.standard_normal((5, 4, 6))
    np.testing.assert_allclose(xp.matmul(a, b), a @ b, rtol=1e-12)
    out = np.full((2, 5, 6, 3), np.nan).swapaxes(-1, -2)
    assert xp.matmul(a, b, out=out) is out
    np.testing.assert_allclose(out, a @ b, rtol=1e-12)
    np.testing.assert_array_equal(xp.matmul(a[..., :0], b[:, :0]), np.zeros((2, 5, 3, 6)))
    np.testing.assert_allclose(xp.dot(a[0, 0, 0], b[0, :, 0]), a[0, 0, 0] @ b[0, :, 0])
    assert asked == [(2, 5, 3, 6), (2, 5, 3, 6), (1, 1)]
    wide = a.astype("f4")
    np.testing.assert_allclose(xp.matmul(wide, b), wide @ b)  # NumPy knows of promotion
    assert xp.exp(0.0) == 1 and len(asked) == 3
