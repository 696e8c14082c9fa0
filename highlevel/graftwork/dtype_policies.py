"""Policies of element types under Keras' names."""

from __future__ import annotations

from typing import Any

from .policy import DTypePolicy, find_policy
from .registry import configuration, custom_object_scope, policies

FloatDTypePolicy = DTypePolicy


def get(identifier: Any) -> DTypePolicy:
    """Return the policy of a name, a configuration or an element type; the current one for None.

    Raises:
        DTypeError: there is no such element type.
    """
    return find_policy(identifier)


def serialize(dtype_policy: DTypePolicy) -> Any:
    """Return the configuration of a policy."""
    return configuration(dtype_policy)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """Return the policy of a configuration.

    Raises:
        ConfigError: a name in it is not known.
    """
    with custom_object_scope(custom_objects or {}):
        return policies.get(config)


__all__ = ["DTypePolicy", "FloatDTypePolicy", "deserialize", "get", "serialize"]
