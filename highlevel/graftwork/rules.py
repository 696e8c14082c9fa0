"""Rules for settings: each checks a value, or converts it, and returns what is stored.

Rules that only layers need stand in `layers/rules.py`.
"""

from __future__ import annotations

import math
from typing import Any

from graftgrad.errors import ConfigError, expect

from .registry import Configured, Registry, Rule


def positive_integer(subject: str, name: str, value: Any) -> int:
    """Accept 1, 2, 3, … and return a Python integer."""
    plain = isinstance(value, (int, float)) or hasattr(value, "__index__")
    fit = plain and not isinstance(value, bool) and value > 0 and value % 1 == 0
    expect(fit, subject,
           f"{name} must be a positive integer", error=ConfigError, **{name: value})  # fmt: skip
    return int(value)


def fraction(subject: str, name: str, value: Any) -> float:
    """Accept numbers from 0 to 1, both included."""
    expect(isinstance(value, (int, float)) and 0 <= value <= 1, subject,
           f"{name} must lie between 0 and 1", error=ConfigError, **{name: value})  # fmt: skip
    return float(value)


def number(subject: str, name: str, value: Any) -> float:
    """Accept one finite number."""
    fit = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    expect(fit, subject, f"{name} must be a finite number", error=ConfigError, **{name: value})
    return float(value)


def positive_pair(subject: str, name: str, value: Any) -> tuple[int, int]:
    """Accept one positive integer or two: rows and columns."""
    sizes = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    expect(len(sizes) == 2, subject, f"{name} must be one integer or two", error=ConfigError,
           **{name: value})  # fmt: skip
    return (positive_integer(subject, name, sizes[0]), positive_integer(subject, name, sizes[1]))


def optional(rule: Rule) -> Rule:
    """Accept None, or what another rule accepts."""

    def check(subject: str, name: str, value: Any) -> Any:
        return None if value is None else rule(subject, name, value)

    return check


def one_of(*choices: str) -> Rule:
    """Accept one of several words."""

    def check(subject: str, name: str, value: Any) -> str:
        found = value.lower() if isinstance(value, str) else value
        expect(found in choices, subject, f"{name} must be one of {', '.join(map(repr, choices))}",
               error=ConfigError, **{name: value})  # fmt: skip
        return str(found)

    return check


def named(registry: Registry) -> Rule:
    """Accept a name, a configuration, a class or an object of one kind; None stays None."""

    def check(subject: str, name: str, value: Any) -> Any:
        found = registry.get(value)
        expect(
            found is None or callable(found) or isinstance(found, Configured),
            subject,
            f"{name} must be a known {registry.kind}",
            error=ConfigError,
            **{name: value},
        )
        return found

    return check


def integers(subject: str, name: str, value: Any) -> tuple[int, ...]:
    """Accept whole numbers in a list or tuple."""
    expect(
        isinstance(value, (tuple, list)) and all(hasattr(n, "__index__") for n in value),
        subject,
        f"{name} must be a sequence of integers",
        error=ConfigError,
        **{name: value},
    )
    return tuple(int(n) for n in value)
