"""Completeness: every public name of Keras is compared, or missing with its reason."""

from __future__ import annotations

import pytest

from . import checklist, coverage
from .keras_jax import keras

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("family", coverage.COMPUTING)
def test_every_name_that_computes_is_compared(family: str) -> None:
    bare = coverage.bare(family, keras)
    assert not bare, f"{family}: neither a case nor a reason: {', '.join(bare)}"


@pytest.mark.parametrize("family", coverage.COMPUTING)
def test_reasons_are_of_names_that_keras_has(family: str) -> None:
    every = checklist.names(family, keras)
    others = {"LearningRateSchedule", "Optimizer"}
    assert [name for name in coverage.elsewhere(family) if name not in {*every, *others}] == []


def test_every_case_names_something_of_keras() -> None:
    wrong = [
        f"{family}.{one.name}"
        for family in coverage.COMPUTING
        for one in coverage.cases(family)
        if one.name not in checklist.names(family, keras) and family != "metrics"
    ]
    assert not wrong
