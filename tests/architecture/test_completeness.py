"""Every declared Function is reached by the case of some op, in its own room's tests."""

import importlib
import pkgutil
from typing import Any

import pytest

import graftgrad
import graftgrad.function
import graftgrad.ops
from graftgrad import engine
from graftgrad.function import every_function
from support.case import Case, pulled
from support.every_case import cases


def run(case: Case) -> None:
    """Compute a case, its gradients, and theirs by operands and arriving gradients alike."""
    wanted = case.differentiated()
    tensors = case.tensors(case.arrays(), wanted)
    results = case.call(tensors)
    if not wanted:
        return
    pulled(case.call(tensors), tensors, wanted)  # fused gradients run where no graph is created
    if not case.second:
        return
    leaves = [tensors[place] for place in wanted]
    roots = [y for y in results if y.requires_grad]
    arriving = [graftgrad.ones_like(y).requires_grad_() for y in roots]
    found = engine.grad(roots, leaves, arriving, create_graph=True, allow_unused=True)
    again = [g.real.sum() for g in found if g is not None and g.requires_grad]
    engine.grad(again, [*leaves, *arriving], allow_unused=True)


def test_every_function_is_reached_by_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    for room in pkgutil.iter_modules(graftgrad.ops.__path__):
        importlib.import_module(f"graftgrad.ops.{room.name}")
    reached: set[type] = set()
    prepare = graftgrad.function._prepare

    def noted(key: Any) -> Any:
        reached.add(type(key[0]))
        return prepare(key)

    monkeypatch.setattr(graftgrad.function, "_calls", {})
    monkeypatch.setattr(graftgrad.function, "_prepare", noted)
    for case in cases():
        run(case)
    missing = [
        f"{kind.__module__}.{kind.__name__}"
        for kind in every_function()
        if kind.__module__.startswith("graftgrad.") and kind not in reached
    ]
    assert not missing, "no case reaches " + ", ".join(missing)
