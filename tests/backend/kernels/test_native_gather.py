"""Rows of a table in machine code: their bits, the order of sums, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import DataError
from graftgrad.kernel import Reference, choose
from graftgrad.kernels.native import openmp, pages
from graftgrad.kernels.native.gather import Rows
from graftgrad.ops.gather import Take, Untake
from graftgrad.plan import captured
from support.kernels import Trial, call_of, normal, ran

pytestmark = pytest.mark.skipif(
    not pages.available(), reason=f"native code is not used: {pages.why_not()}"
)

# rows and columns of the table, the shape of the indices
SHAPES = [(1, 1, (3,)), (5, 7, (4, 2)), (9, 8, (40,)), (300, 64, (2, 3)), (40, 203, (70,))]
EACH = pytest.mark.parametrize("shape", SHAPES)


def trial(shape: tuple[int, int, tuple[int, ...]], dtype: str, wraps: bool, back: bool) -> Trial:
    size, width, given = shape
    random = np.random.default_rng(size + width)
    indices = random.integers(-size if wraps else 0, size, given).astype(dtype)
    if back:
        made = Untake(0, size, len(given), "take", wraps)
        return made, (normal(random, *given, width), indices)
    return Take(0, "take", wraps), (normal(random, size, width), indices)


@EACH
@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("wraps", [False, True])
@pytest.mark.parametrize("back", [False, True])
def test_it_gives_the_bits_of_the_reference(
    shape: tuple[int, int, tuple[int, ...]], dtype: str, wraps: bool, back: bool
) -> None:
    made, ins = trial(shape, dtype, wraps, back)
    call = call_of(made, ins)
    assert isinstance(choose(call), Rows)
    for one, wanted in zip(ran(choose(call), call, ins), ran(Reference(call), call, ins),
                           strict=True):  # fmt: skip
        np.testing.assert_array_equal(one, wanted)


@pytest.mark.parametrize("back", [False, True])
def test_two_threads_give_the_bits_of_one(back: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    made, ins = trial((40, 203, (70,)), "int64", True, back)
    call = call_of(made, ins)
    found = []
    before = graftgrad.get_num_threads()
    monkeypatch.setattr(openmp, "GRAIN", 1)
    for threads in (1, 2):
        graftgrad.set_num_threads(threads)
        table, picked = (call.outs[0], call.ins[0]) if back else (call.ins[0], call.outs[0])
        found.append(ran(Rows(call, back, table, picked), call, ins)[0])
    graftgrad.set_num_threads(before)
    np.testing.assert_array_equal(*found)


@EACH
@pytest.mark.parametrize("wraps", [False, True])
@pytest.mark.parametrize("back", [False, True])
def test_an_index_outside_is_named(
    shape: tuple[int, int, tuple[int, ...]], wraps: bool, back: bool
) -> None:
    made, (x, indices) = trial(shape, "int64", wraps, back)
    size = shape[0]
    for wrong in (size, -size - 1, 1 << 40):
        indices.flat[-1] = wrong
        call = call_of(made, (x, indices))
        with pytest.raises(DataError, match=rf"take: indices must lie in \[.*index={wrong}"):
            ran(choose(call), call, (x, indices))


def test_what_is_no_table_of_single_precision_is_left_to_the_reference() -> None:
    x, indices = np.ones((3, 2)), np.zeros(2, np.int64)
    assert isinstance(choose(call_of(Take(0), (x, indices))), Reference)
    single = x.astype(np.float32)
    assert isinstance(choose(call_of(Take(1), (single, indices))), Reference)
    assert isinstance(choose(call_of(Take(0), (single, indices.astype(np.uint8)))), Reference)


def test_a_recorded_step_tells_of_an_index_outside() -> None:
    table = graftgrad.tensor(np.ones((4, 8), np.float32), requires_grad=True)

    @captured
    def step(indices: graftgrad.Tensor) -> graftgrad.Tensor:
        return ops.embedding(indices, table).sum()

    for _ in range(5):
        step(graftgrad.tensor(np.array([1, 3])))
    with pytest.raises(DataError, match=r"embedding: indices must lie in \[0, 4\)"):
        step(graftgrad.tensor(np.array([1, 4])))
