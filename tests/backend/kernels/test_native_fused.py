"""Compiled runs give the bits of their functions one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graftgrad
from graftgrad.device.find import cpu
from graftgrad.function import Function
from graftgrad.kernel import Call, Reference, choose, only_reference
from graftgrad.kernels.native import fusible, openmp, pages
from graftgrad.kernels.native.elementwise import Elementwise
from graftgrad.ops import compare
from graftgrad.ops.activation import Elu, Gelu, Silu, Softplus
from graftgrad.ops.arithmetic import (
    Abs,
    Add,
    Div,
    EqualMask,
    Maximum,
    Mul,
    Neg,
    Sign,
    Sub,
    Where,
)
from graftgrad.ops.compare import Compare
from graftgrad.ops.exponential import Exp, Log1p, Sigmoid, Sin, Sqrt, Tanh
from graftgrad.ops.fused import Fused, described
from graftgrad.ops.matmul import MatMul
from graftgrad.ops.operand import Cast, FullLike
from graftgrad.ops.rectifier import Gate, LeakyReLU, ReLU
from graftgrad.ops.reduce import Sum
from graftgrad.ops.update import Accumulate
from graftgrad.spec import Spec, bfloat16, bool_, float32, float64, uint8

pytestmark = pytest.mark.skipif(
    not pages.available(), reason=f"native code is not used: {pages.why_not()}"
)


@pytest.fixture(autouse=True)
def shared_early(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let threads share what one of them would compute faster, in kernels that are chosen here."""
    monkeypatch.setattr(openmp, "GRAIN", 1 << 9)
    with only_reference():
        pass  # everything that was chosen is forgotten, before and after
    yield
    with only_reference():
        pass


UNARY = [Neg(), Abs(), Sign(), Exp(), Tanh(), Sigmoid(), Sqrt(), Log1p(), ReLU(), Silu(), Gelu(),
         LeakyReLU(0.1), Elu(1.0, 1.0, 1.0), Softplus(), FullLike(0.25)]  # fmt: skip
BINARY = [Add(), Sub(), Mul(), Div(), Maximum(), EqualMask(), Gate(-1.0, 1.0)]
TO_TRUTH = [Compare("less"), Compare("not_equal"), Compare("greater_equal")]


@st.composite
def runs(draw: Any) -> tuple[Fused, list[Any], int]:
    """A run of functions, the types of its operands, and a seed for shapes and values."""
    dtypes = draw(st.lists(st.sampled_from([float32, float32, bfloat16, bool_]), min_size=1,
                           max_size=5))  # fmt: skip
    known: list[Any] = list(dtypes)
    steps: list[tuple[Function, tuple[int, ...]]] = []
    for _ in range(draw(st.integers(1, 25))):
        at = draw(st.integers(0, len(known) - 1))
        alike = [i for i, dtype in enumerate(known) if dtype == known[at]]
        other = draw(st.sampled_from(alike))
        truths = [i for i, dtype in enumerate(known) if dtype == bool_]
        if known[at] == bool_:
            kind: Function = draw(st.sampled_from([Cast(float32), Cast(bfloat16),
                                                   Compare("logical_and"),
                                                   compare.Test("logical_not")]))  # fmt: skip
        else:
            chosen = [
                *UNARY,
                *BINARY,
                *TO_TRUTH,
                compare.Test("isnan"),
                Cast(bfloat16),
                Cast(float32),
            ]
            kind = draw(st.sampled_from([*chosen, Where()] if truths else chosen))
        if isinstance(kind, Where):
            places: tuple[int, ...] = (draw(st.sampled_from(truths)), at, other)
        else:
            places = (at, other)[: len(type(kind).operands)]
        steps.append((kind, places))
        specs = [Spec((1,), known[i]) for i in places]
        known.append(kind.infer(*specs).dtype)
    last = len(steps) - 1
    kept = {last, *draw(st.lists(st.integers(0, last), max_size=3))}
    return Fused(tuple(steps), tuple(sorted(kept))), dtypes, draw(st.integers(0, 2**32 - 1))


def operands(dtypes: list[Any], seed: int, stretched: bool) -> list[Any]:
    generator = np.random.default_rng(seed)
    shape = tuple(int(n) for n in generator.integers(1, 20, generator.integers(0, 4)))
    found = []
    for i, dtype in enumerate(dtypes):
        own = shape
        if stretched and i and shape:
            own = tuple(n if generator.random() < 0.6 else 1 for n in shape)
        x = generator.standard_normal(own) * 2
        found.append(np.asarray(x > 0 if dtype == bool_ else x, dtype))
    return found


def one_by_one(run: Fused, ins: list[Any]) -> list[Any]:
    """What the run gives if every step is computed by the kernel of its own."""
    values = list(ins)
    specs = described(run.steps, [Spec(a.shape, a.dtype) for a in ins])
    for at, (kind, places) in enumerate(run.steps):
        out = specs[len(ins) + at]
        y = np.empty(out.shape, out.dtype)
        call = Call(kind, tuple(specs[i] for i in places), (out,), cpu)
        assert fusible(kind, call.ins, call.outs)
        chosen = choose(call)
        assert isinstance(chosen, Elementwise)
        chosen.run(tuple(values[i] for i in places), (y,), ())
        values.append(y)
    return [values[len(ins) + i] for i in run.kept]


def same(found: Any, wanted: Any) -> None:
    assert found.dtype == wanted.dtype
    if found.dtype == bfloat16:
        found, wanted = found.astype("f4"), wanted.astype("f4")
    np.testing.assert_array_equal(found, wanted)


@settings(max_examples=100, deadline=None)
@given(runs())
def test_bits_are_those_of_the_steps(made: tuple[Fused, list[Any], int]) -> None:
    run, dtypes, seed = made
    for stretched in (False, True):
        ins = operands(dtypes, seed, stretched)
        specs = tuple(Spec(a.shape, a.dtype) for a in ins)
        call = Call(run, specs, run.infer(*specs), cpu)
        chosen = choose(call)
        if len({spec.shape for spec in call.outs}) > 1:
            assert isinstance(chosen, Reference)
            continue
        assert isinstance(chosen, Elementwise)
        outs = tuple(np.empty(spec.shape, spec.dtype) for spec in call.outs)
        chosen.run(tuple(ins), outs, ())
        for found, wanted in zip(outs, one_by_one(run, ins), strict=True):
            same(found, wanted)


def test_an_operand_that_nothing_reads_may_be_of_any_shape() -> None:
    run = Fused(((Tanh(), (1,)), (Neg(), (0,))), (0,))
    ins = [np.ones((3, 5), np.float32), np.linspace(-2, 2, 5, dtype=np.float32)]
    specs = tuple(Spec(a.shape, a.dtype) for a in ins)
    call = Call(run, specs, run.infer(*specs), cpu)
    chosen = choose(call)
    assert isinstance(chosen, Elementwise)
    assert chosen.plan is not None
    y = np.empty(5, np.float32)
    chosen.run(tuple(ins), (y,), ())
    same(y, one_by_one(run, ins)[0])


def test_many_operands_and_values_find_room() -> None:
    count = 40
    steps: list[tuple[Function, tuple[int, ...]]] = [(Tanh(), (i,)) for i in range(count)]
    last = count
    for i in range(1, count):
        steps.append((Add(), (last, count + i)))
        last = count + len(steps) - 1
    run = Fused(tuple(steps), (len(steps) - 1, 3))
    generator = np.random.default_rng(0)
    ins = [generator.standard_normal(1003).astype("f4") for _ in range(count)]
    ins[5] = ins[5][:1]
    specs = tuple(Spec(a.shape, a.dtype) for a in ins)
    call = Call(run, specs, run.infer(*specs), cpu)
    outs = tuple(np.empty(spec.shape, spec.dtype) for spec in call.outs)
    chosen = choose(call)
    assert isinstance(chosen, Elementwise)
    chosen.run(tuple(ins), outs, ())
    for found, wanted in zip(outs, one_by_one(run, ins), strict=True):
        same(found, wanted)


def test_results_do_not_depend_on_the_threads() -> None:
    run = Fused(((Add(), (0, 1)), (Gelu(), (2,)), (Mul(), (3, 0))), (0, 2))
    generator = np.random.default_rng(0)
    ins = [generator.standard_normal((700, 511)).astype("f4"),
           generator.standard_normal(511).astype("f4")]  # fmt: skip
    specs = tuple(Spec(a.shape, a.dtype) for a in ins)
    call = Call(run, specs, run.infer(*specs), cpu)
    before = graftgrad.get_num_threads()
    found = []
    for count in (1, 2, 3):
        graftgrad.set_num_threads(count)
        outs = tuple(np.empty(spec.shape, spec.dtype) for spec in call.outs)
        choose(call).run(tuple(ins), outs, ())
        found.append(outs)
    graftgrad.set_num_threads(before)
    for outs in found[1:]:
        for one, other in zip(outs, found[0], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("function", "dtypes", "fits"),
    [
        (Add(), (float32, float32), True),
        (Add(), (float64, float64), False),
        (Sin(), (float32,), False),
        (Sum((0,)), (float32,), False),
        (MatMul(), (float32, float32), False),
        (Accumulate(), (float32, float32), False),
        (Cast(float32), (uint8,), True),
        (Neg(), (uint8,), False),
        (Compare("less"), (bfloat16, bfloat16), True),
    ],
)
def test_what_can_be_a_step(function: Function, dtypes: Any, fits: bool) -> None:
    ins = tuple(Spec((3, 3), dtype) for dtype in dtypes)
    outs = function.infer(*ins)
    assert fusible(function, ins, outs if isinstance(outs, tuple) else (outs,)) is fits
