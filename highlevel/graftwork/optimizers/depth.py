"""Learning rates by depth: early layers, which know what all pictures share, move least."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from graftgrad.errors import ConfigError, expect

from ..weight import positive_multiplier


def by_depth(
    model: Any, lowest: float, highest: float = 1.0, groups: int | None = None
) -> list[tuple[float, list[str]]]:
    """Let layers learn the faster the deeper they lie: multiples of the learning rate.

    mᵢ = lowest · (highest / lowest)^(i / (n − 1)) for group i = 0 … n − 1. Frozen layers have their
    place and their multiple too, for the time when they are thawed. What was set before is set
    anew; it holds from the next step on, without compiling again. Howard and Ruder,
    arXiv:1801.06146.

    Args:
        model: a built model; or groups of your own from first to last, each a layer or several.
        lowest: the multiple of the first group.
        highest: that of the last one.
        groups: how many groups a model's layers form, alike in number; None for one each.
    Returns:
        The multiple and the names of the layers, for each group.
    Raises:
        ConfigError: the model is not built, there are too many groups, or a layer has two places.
    """
    low, high = (positive_multiplier("by_depth", one) for one in (lowest, highest))
    parts = _own_groups(model, groups) if isinstance(model, Sequence) else _parts(model, groups)
    told: list[tuple[float, list[str]]] = []
    for i, part in enumerate(parts):
        share = i / (len(parts) - 1) if len(parts) > 1 else 1.0
        multiplier = low * (high / low) ** share
        for layer in part:
            layer.learning_rate_multiplier = multiplier
        told.append((multiplier, [layer.name for layer in part]))
    return told


def _parts(model: Any, groups: int | None) -> list[list[Any]]:
    """Divide the layers of a model that have parameters of their own, in their order."""
    found = list(_with_parameters(model))
    expect(len(found) > 0, "by_depth", "the model must be built and have something to train",
           error=ConfigError, model=model.name,
           advice="Tell its Input, or call it once.")  # fmt: skip
    count = len(found) if groups is None else groups
    fit = isinstance(count, int) and not isinstance(count, bool) and 1 <= count <= len(found)
    expect(fit, "by_depth", f"groups must be a whole number from 1 to {len(found)}, one for each "
           "layer with parameters", error=ConfigError, groups=groups)  # fmt: skip
    ends = [round(i * len(found) / count) for i in range(count + 1)]
    return [found[a:b] for a, b in pairwise(ends)]


def _with_parameters(model: Any) -> Iterator[Any]:
    """Yield layers whose own weights can be trained, each weight with the first that owns it."""
    seen: set[int] = set()
    for layer in model.flattened():
        own = {id(one) for _, one in layer.named_own_weights() if one.kind == "parameter"}
        if own - seen:
            seen |= own
            yield layer


def _own_groups(given: Sequence[Any], groups: int | None) -> list[list[Any]]:
    expect(groups is None and len(given) > 0, "by_depth",
           "groups of your own must be some, and say how many they are", error=ConfigError,
           given=len(given), groups=groups)  # fmt: skip
    parts = [list(one) if isinstance(one, Sequence) else [one] for one in given]
    places: dict[int, int] = {}
    for i, layer in ((i, layer) for i, part in enumerate(parts) for layer in part):
        first = min([places.setdefault(id(one), i) for one in layer.parameters()], default=i)
        expect(first == i, "by_depth", "a layer must lie in one group", error=ConfigError,
               layer=layer.name, groups=(first, i))  # fmt: skip
    return parts
