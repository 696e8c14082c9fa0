"""Every public name of the installed Keras, and the reasons for those that are missing here."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import graftwork

PAGE = Path(__file__).resolve().parents[2] / "docs" / "keras.md"
FAMILIES = (
    "layers", "losses", "metrics", "optimizers", "optimizers.schedules", "initializers",
    "activations", "regularizers", "constraints", "callbacks", "ops", "random", "models", "saving",
    "ops.image", "utils", "utils.bounding_boxes", "applications", "config", "dtype_policies",
    "mixed_precision", "tree", "datasets", "preprocessing.image", "preprocessing.sequence",
    "wrappers", "visualization", "distillation", "quantizers", "backend", "export",
    "distribution", "",
)  # fmt: skip


def names(family: str, of: Any) -> dict[str, Any]:
    """Return the public names of one module of Keras (or of ours), and what they stand for."""
    module = of
    for part in filter(None, family.split(".")):
        module = getattr(module, part, None)
        if module is None:
            return {}
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }


def whole(family: str, name: str) -> str:
    """Return a name with its module, as the page about Keras tells it."""
    return f"{family}.{name}" if family else name


def missing(family: str, keras: Any) -> list[str]:
    """Return the names that Keras has and we have not."""
    ours = names(family, graftwork)
    return sorted(set(names(family, keras)) - set(ours))


def excused() -> dict[str, str]:
    """Return what the page about Keras says is missing, and why: a table of names and reasons.

    A row names one or several in backquotes: "| `layers.JaxLayer`, `layers.FlaxLayer` | why |";
    a name that ends in `.*` stands for a whole module.
    """
    return _table("## What is missing")


def differing() -> dict[str, str]:
    """Return the names of which the page says that they differ, and how."""
    return _table("## Names that differ")


def _table(title: str) -> dict[str, str]:
    found: dict[str, str] = {}
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(title + "\n")
    table, _, _ = rest.partition("\n## ")
    for row in re.findall(r"^\| (`.*`) \| (.+) \|$", table, re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", row[0]):
            found[name] = row[1]
    return found


def is_excused(family: str, name: str) -> bool:
    """Tell whether the page gives a reason for a missing name."""
    told = whole(family, name)
    reasons = excused()
    parts = told.split(".")
    modules = {".".join([*parts[:i], "*"]) for i in range(1, len(parts))}
    return told in reasons or bool(modules & set(reasons))


def bare(family: str, keras: Any) -> list[str]:
    """Return the names that are missing without a reason, with their module."""
    gone = missing(family, keras)
    return [whole(family, name) for name in gone if not is_excused(family, name)]
