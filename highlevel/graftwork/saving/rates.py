"""Multiples of the learning rate that weights of a model have: told in a file, and read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graftgrad.errors import ConfigError, FormatError, expect

from ..weight import Weight, positive_multiplier
from .names import places

Multipliers = dict[str, float]


def parameters_of(model: Any) -> dict[str, Weight]:
    """Return what training can change, by path."""
    return {one.path: one.weight for one in places(model) if one.weight.kind == "parameter"}


def multipliers(weights: Mapping[str, Weight]) -> Multipliers:
    """Return the multiples that are not 1, by the names that weights are given."""
    found = {name: weight.learning_rate_multiplier for name, weight in weights.items()}
    return {name: value for name, value in found.items() if value != 1.0}


def checked(told: Any, subject: str) -> Multipliers:
    """Return what a file tells of multiples.

    Raises:
        FormatError: it is no dictionary of positive numbers.
    """
    expect(isinstance(told, dict), subject, "learning_rate_multipliers must be a dictionary",
           error=FormatError, learning_rate_multipliers=told)  # fmt: skip
    try:
        return {str(name): positive_multiplier(subject, value) for name, value in told.items()}
    except ConfigError as error:
        raise FormatError(str(error)) from error


def restore(told: Multipliers, weights: Mapping[str, Weight]) -> None:
    """Give weights their multiples; those that are not named have 1."""
    for name, weight in weights.items():
        if weight.learning_rate_multiplier != told.get(name, 1.0):
            weight.learning_rate_multiplier = told.get(name, 1.0)
