"""Every check that holds for all ops, made from cases: an op and example operands, declared once.

    class TestConv(CaseChecks):
        CASES = [case(ops.conv2d, x=(2, 7, 6, 4), w=(3, 3, 2, 6), groups=2, oracle=naive_conv2d)]

How a case is declared stands in `declaration`; all of its names can be imported from here.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from graftgrad import engine, modes
from graftgrad.device import find
from graftgrad.errors import GradientError
from graftgrad.function import Function
from graftgrad.gradcheck import gradcheck, gradgradcheck
from graftgrad.kernel import builders
from graftgrad.node import Node
from graftgrad.plan import captured
from graftgrad.spec import is_differentiable, real_dtype
from graftgrad.tensor import Tensor
from support.declaration import (
    Attribute,
    Case,
    Place,
    Values,
    attribute,
    between,
    booleans,
    case,
    complex_normal,
    distinct,
    integers,
    normal,
    positive,
    projection,
    pulled,
)
from support.elsewhere import check_elsewhere
from support.samples import check_samples, is_mapped
from support.strict import copies, reads, strict
from support.variants import check_bent, check_empty, check_sixteen_bits, fitted, has_doubles

__all__ = [
    "Attribute",
    "Case",
    "CaseChecks",
    "Values",
    "attribute",
    "between",
    "booleans",
    "case",
    "complex_normal",
    "distinct",
    "integers",
    "nodes",
    "normal",
    "positive",
    "pulled",
]

_SINGLE = {"float64": "float32", "complex128": "complex64"}


class CaseChecks:
    """Every check that holds for all ops, for each of the subclass' CASES."""

    CASES: Sequence[Case] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, (check, applies) in CHECKS.items():
            chosen = [one for one in cls.CASES if applies(one)]
            if chosen:
                setattr(cls, name, _parametrized(name, check, chosen))


def check_value(case: Case) -> None:
    """The value is the oracle's."""
    results = case.call(case.tensors(case.arrays()))
    expected = case.expected(case.arrays())
    assert len(results) == len(expected), f"{len(results)} results, oracle gives {len(expected)}"
    for y, wanted in zip(results, expected, strict=True):
        assert y.shape == np.shape(wanted), f"shape {y.shape}, oracle gives {np.shape(wanted)}"
        rtol = 5e-7 if real_dtype(y.dtype) == np.float32 else 1e-9  # a few units of the last place
        np.testing.assert_allclose(y.detach().numpy(), wanted, rtol=rtol, atol=1e-11)


def check_inferred(case: Case) -> None:
    """The description of the result is what the arrays are, and the same without arrays."""
    arrays = case.arrays()
    results = case.call(case.tensors(arrays))
    for y in results:
        assert (y.shape, y.dtype) == (y.array.shape, y.array.dtype)
        assert y.spec.contiguous == y.array.flags.c_contiguous
    if case.meta:
        shadows = case.call(case.tensors(arrays, device="meta"))
        assert all(y.device.kind == "meta" for y in shadows)
        assert [(y.shape, y.dtype) for y in shadows] == [(y.shape, y.dtype) for y in results]


def check_operands_stay(case: Case) -> None:
    """Forward and backward change no operand but those that are updated."""
    tensors = case.tensors(case.arrays(), case.differentiated())
    results = case.call(tensors)
    if case.differentiated():
        pulled(results, tensors, case.differentiated())
    for (name, i), before in case.arrays().items():
        if name not in case.updates:
            np.testing.assert_array_equal(tensors[name, i].detach().numpy(), before)
    for y in results:
        assert y.requires_grad <= is_differentiable(y.dtype)


def check_gradient(case: Case) -> None:
    """The gradients are what differences say."""
    function, inputs = _as_function(case)
    gradcheck(function, inputs, atol=case.tolerance, rtol=case.tolerance, fast_mode=True)


def check_second_gradient(case: Case) -> None:
    """The gradients of the gradients are what differences say, or are refused."""
    function, inputs = _as_function(case)
    if case.second:
        tolerance = 10 * case.tolerance
        gradgradcheck(function, inputs, atol=tolerance, rtol=tolerance, fast_mode=True)
        return
    with pytest.raises(GradientError):
        gradgradcheck(function, inputs, fast_mode=True)


def check_one_gradient(case: Case) -> None:
    """An operand's gradient is the same where the others are frozen, and they then get none."""
    every = case.differentiated()
    together = case.gradients(case.tensors(case.arrays(), every), every)
    for place in every:
        tensors = case.tensors(case.arrays(), [place])
        for y in case.call(tensors):
            if is_differentiable(y.dtype) and y.requires_grad:
                y.backward(projection(y), retain_graph=True)
        alone = tensors[place].grad
        expected = together[place]
        assert (alone is None) == (expected is None)
        if alone is not None and expected is not None:
            wanted = expected.detach().numpy()
            scale = max(1.0, float(np.abs(wanted).max(initial=0)))
            np.testing.assert_allclose(alone.numpy(), wanted, rtol=1e-9, atol=1e-11 * scale)
        assert all(x.grad is None for other, x in tensors.items() if other != place)


def check_frozen_keeps_nothing(case: Case) -> None:
    """Nothing is kept for operands that want no gradient."""
    arrays = case.arrays()
    for y in case.call(case.tensors(arrays)):
        assert y.grad_fn is None
        assert not y.requires_grad
    for place in case.differentiated():
        results = case.call(case.tensors(arrays, [place]))
        for node in nodes(results):
            kept = {name for name, _ in node.kept_arrays()}
            assert kept <= set(node.asked()), f"{node} keeps {sorted(kept)} for {node.asked()}"
            assert any(edge is not None for edge in node.edges), f"{node} leads nowhere"
    if case.differentiated():
        with modes.no_grad():
            results = case.call(case.tensors(arrays, case.differentiated()))
        assert not list(nodes(results))


def check_single_precision(case: Case) -> None:
    """In float32 everything comes out in float32, and close to float64."""
    double = case.arrays()
    single = {p: a.astype(_SINGLE.get(a.dtype.name, a.dtype)) for p, a in double.items()}
    wanted = case.differentiated()
    low, high = case.tensors(single, wanted), case.tensors(double, wanted)
    for y, reference in zip(case.call(low), case.call(high), strict=True):
        expected_types = {**_SINGLE, "float64": case.single_dtype}
        assert y.dtype == expected_types.get(reference.dtype.name, reference.dtype)
        _close(y, reference, case.single_tolerance)
    if wanted:
        expected = case.gradients(high, wanted)
        for place, found in case.gradients(low, wanted).items():
            reference = expected[place]
            assert (found is None) == (reference is None)
            if found is not None and reference is not None:
                assert found.dtype in (np.float32, np.complex64)
                _close(found, reference, case.single_tolerance)


def check_replay(case: Case) -> None:
    """Launches run again, on other values in the same places, give what the op gives on those."""
    wanted = case.differentiated()
    tensors = case.tensors(case.arrays(), wanted)
    launches: list[Any] = []
    with modes.taped(launches):
        again = _everything(case, tensors, wanted)
    own = [x.array for x in tensors.values()]
    for one in launches:
        for out in one.outs:
            if not any(np.shares_memory(out, array) for array in own):
                _spoil(out)
    others = case.arrays(seed=1)
    for place, x in tensors.items():
        x.array[...] = others[place]
    for one in launches:
        one.kernel.run(one.ins, one.outs, one.call.device.scratch(one.kernel.scratch))
    expected = _everything(case, case.tensors(others, wanted), wanted)
    for found, y in zip(again, expected, strict=True):
        np.testing.assert_array_equal(found.detach().numpy(), y.detach().numpy())


def check_plan(case: Case) -> None:
    """A plan of the op and its gradients gives what the op gives, on other values too."""
    wanted = case.differentiated()
    tensors = case.tensors(case.arrays(), wanted)

    def step() -> list[Any]:
        results = case.call(tensors)
        roots = [y for y in results if y.requires_grad]
        found: Any = ()
        if roots:
            found = engine.grad(
                roots, [tensors[p] for p in wanted], [projection(y) for y in roots],
                allow_unused=True,
            )  # fmt: skip
        return [*[y.detach() for y in results], *found]

    repeated = captured(step)
    for seed in (0, 1, 2, 3):
        others = case.arrays(seed=seed)
        seen = []
        for run in (step, repeated):
            for place, x in tensors.items():
                x.array[...] = others[place]
            seen.append([y.numpy().copy() for y in run() if y is not None])
            seen[-1] += [x.array.copy() for x in tensors.values()]
        for eager, replayed in zip(*seen, strict=True):
            np.testing.assert_array_equal(replayed, eager)
    assert repeated.replayed == 2, repeated.report(timed=False)


def check_strided(case: Case) -> None:
    """Operands that do not lie in row-major order give the same values and gradients."""
    wanted = case.differentiated()
    arrays = case.arrays()
    expected = _everything(case, case.tensors(arrays, wanted), wanted)
    for layout in (_gapped, np.asfortranarray):
        bent = {p: layout(array) if array.ndim else array for p, array in arrays.items()}
        found = _everything(case, case.tensors(bent, wanted, share=True), wanted)
        for y, reference in zip(found, expected, strict=True):
            np.testing.assert_allclose(
                y.detach().numpy(), reference.detach().numpy(), rtol=1e-9, atol=1e-11
            )


def check_portable(case: Case) -> None:
    """The reference bodies of the op and of its gradients ask for nothing that CuPy has not."""
    check_elsewhere(case, str(strict))


def check_recordable(case: Case) -> None:
    """Launches run again neither read nor copy from the host: a CUDA graph can hold them."""
    tensors = case.tensors(case.arrays(), case.differentiated(), device=str(strict))
    launches: list[Any] = []
    with find.device(strict), modes.taped(launches):
        _everything(case, tensors, case.differentiated())
    reads.clear()
    copies.clear()
    for one in launches:
        one.kernel.run(one.ins, one.outs, one.call.device.scratch(one.kernel.scratch))
        assert not reads or _may_wait(one.call.function), f"{one.call.function!r} reads: {reads}"
        assert not copies, f"{one.call.function!r} copies from the host: {copies}"
        reads.clear()


# How far these go, how much they compute with, or whether they may (indices assigned to, exchanged
# rows) depends on values: a step is cut there.
_WAIT = {
    "BagMax", "Exchanged", "Gamma", "MatrixExp", "PolyGamma", "Put", "Renormalize", "SegmentProd",
}  # fmt: skip


def _may_wait(function: Function) -> bool:
    """Tell whether a body may read values: others take the place of this one on a GPU, or must."""
    return function.name in _WAIT or (type(function), "gpu") in builders()


def _always(case: Case) -> bool:
    return True


def _has_gradient(case: Case) -> bool:
    return bool(case.differentiated())


CHECKS: dict[str, tuple[Callable[[Case], None], Callable[[Case], bool]]] = {
    "test_value": (check_value, lambda case: case.oracle is not None),
    "test_inferred": (check_inferred, _always),
    "test_operands_stay": (check_operands_stay, _always),
    "test_gradient": (check_gradient, _has_gradient),
    "test_second_gradient": (check_second_gradient, _has_gradient),
    "test_portable": (check_portable, _always),
    "test_recordable": (check_recordable, lambda case: case.replay),
    "test_one_gradient": (check_one_gradient, _has_gradient),
    "test_frozen_keeps_nothing": (check_frozen_keeps_nothing, _always),
    "test_single_precision": (
        check_single_precision,
        lambda case: any(a.dtype.name in _SINGLE for a in case.arrays().values()),
    ),
    "test_replay": (check_replay, lambda case: case.replay),
    "test_plan": (check_plan, lambda case: case.replay),
    "test_strided": (
        check_strided,
        lambda case: any(a.size > 1 for a in case.arrays().values()),
    ),
    "test_samples": (check_samples, is_mapped),
    "test_sixteen_bits": (check_sixteen_bits, has_doubles),
    "test_empty": (check_empty, lambda case: not fitted(case)),
    "test_bent": (check_bent, lambda case: not fitted(case)),
}


def nodes(results: Sequence[Tensor]) -> Iterator[Node]:
    """Every node of the graph behind some results, each once."""
    waiting = [y.grad_fn for y in results if y.grad_fn is not None]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        waiting.extend(edge[0] for edge in node.edges if edge and isinstance(edge[0], Node))


def _everything(case: Case, tensors: dict[Place, Tensor], wanted: Sequence[Place]) -> list[Tensor]:
    results = case.call(tensors)
    found = pulled(results, tensors, wanted).values() if wanted else ()
    return [*results, *(g for g in found if g is not None)]


def _as_function(case: Case) -> tuple[Callable[..., list[Tensor]], list[Tensor]]:
    tensors = case.tensors(case.arrays(), case.differentiated())

    def function(*inputs: Tensor) -> list[Tensor]:
        return case.call(dict(zip(tensors, inputs, strict=True)))

    return function, list(tensors.values())


def _close(found: Tensor, reference: Tensor, tolerance: float) -> None:
    expected = reference.detach().numpy()
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(
        found.detach().numpy(), expected, rtol=tolerance, atol=tolerance * scale
    )


def _gapped(array: Any) -> Any:
    if array.ndim == 0:
        return array
    base = np.full((*array.shape[:-1], 2 * array.shape[-1]), 7, array.dtype)
    base[..., ::2] = array
    return base[..., ::2]


def _spoil(array: Any) -> None:
    array[...] = np.nan if is_differentiable(array.dtype) else 1


def _parametrized(name: str, check: Callable[[Case], None], chosen: list[Case]) -> Any:
    def test(self: CaseChecks, case: Case) -> None:
        check(case)

    test.__name__ = test.__qualname__ = name
    test.__doc__ = check.__doc__
    return pytest.mark.parametrize("case", chosen, ids=str)(test)
