"""Which public names of Keras are compared, and how: by cases, elsewhere, or by their arguments."""

from __future__ import annotations

from typing import Any

import graftwork

from . import augmentation, checklist, layers, losses, metrics, ops, optimizers, rules
from .compare import Case

# Modules whose names compute: each name has a case, or a reason why it has none.
COMPUTING = (
    "layers", "losses", "metrics", "optimizers", "optimizers.schedules", "initializers",
    "activations", "regularizers", "constraints", "ops", "random",
)  # fmt: skip
REGISTRY = "get serialize deserialize".split()  # compared in test_helpers.py
BY_HAND: dict[str, list[str]] = {
    "metrics": ["Mean", "Sum", "MeanMetricWrapper"],
    "optimizers": ["LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"],
    "initializers": ["Orthogonal"],
    "random": ["SeedGenerator", "categorical", "dropout", "shuffle", "normal", "uniform",
               "truncated_normal", "randint", "gamma", "beta", "binomial"],
}  # fmt: skip


def cases(family: str) -> list[Case]:
    """Return the cases of a module."""
    held: dict[str, list[Case]] = {
        "layers": [*layers.CASES, *augmentation.CASES],
        "losses": [*losses.CASES, *losses.FUNCTIONS],
        "metrics": [*metrics.CASES, *metrics.FUNCTIONS, *losses.FUNCTIONS],
        "optimizers": [one for one, _ in optimizers.CASES],
        "optimizers.schedules": optimizers.SCHEDULES,
        "initializers": [*rules.FIXED, *rules.DRAWN],
        "activations": rules.ACTIVATIONS,
        "regularizers": rules.REGULARIZERS,
        "constraints": rules.CONSTRAINTS,
        "ops": ops.CASES,
    }
    return held.get(family, [])


def elsewhere(family: str) -> dict[str, str]:
    """Return the names that have no case, with the reason."""
    held: dict[str, dict[str, str]] = {
        "layers": layers.WITHOUT_CASE,
        "losses": losses.WITHOUT_CASE,
        "metrics": metrics.WITHOUT_CASE,
        "optimizers": optimizers.WITHOUT_CASE,
        "optimizers.schedules": optimizers.WITHOUT_CASE,
        "activations": rules.OTHER_ACTIVATIONS,
        "ops": dict.fromkeys(ops.BY_HAND, "compared in test_ops.py"),
        **rules.WITHOUT_CASE,
    }
    return held.get(family, {})


def compared(family: str, keras: Any) -> set[str]:
    """Return the names that are here and compared by a case: aliases with their class."""
    theirs = checklist.names(family, keras)
    named = {one.name for one in cases(family)} | set(BY_HAND.get(family, ())) | set(REGISTRY)
    values = [id(theirs[name]) for name in named if name in theirs]
    ours = checklist.names(family, graftwork)
    return {name for name, value in theirs.items() if id(value) in values and name in ours}


def bare(family: str, keras: Any) -> list[str]:
    """Return the names of a computing module that are here, and neither compared nor excused."""
    if family not in COMPUTING:
        return []
    known = compared(family, keras) | set(elsewhere(family))
    ours = checklist.names(family, graftwork)
    return sorted(name for name in checklist.names(family, keras) if name in ours
                  and name not in known)  # fmt: skip
