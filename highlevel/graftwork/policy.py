"""Which element types a layer computes in and keeps its weights in."""

from __future__ import annotations

from typing import Any

from graftgrad.errors import ConfigError, expect
from graftgrad.spec import DType, as_dtype

from .registry import Configured, declared, policies, setting


@declared(policies, "Policy")
class DTypePolicy(Configured):
    """A pair of element types under one name.

    "float32" computes and keeps in float32; "mixed_bfloat16" computes in bfloat16, keeps float32.

    Args:
        name: an element type, or "mixed_" and one.
    Raises:
        DTypeError: there is no such element type.
    """

    name: str = setting()

    def prepare(self) -> None:
        """Split the name into the two element types."""
        expect(
            isinstance(self.name, str),
            "DTypePolicy",
            "name must be a string",
            error=ConfigError,
            name=self.name,
        )
        mixed = self.name.startswith("mixed_")
        self.compute_dtype: DType = as_dtype(self.name.removeprefix("mixed_"))
        self.variable_dtype: DType = as_dtype("float32") if mixed else self.compute_dtype


Policy = DTypePolicy
_current = DTypePolicy("float32")


def policy(identifier: Any = None) -> DTypePolicy:
    """Return the policy of a name, a configuration or an element type; the current one for None.

    Raises:
        DTypeError: there is no such element type.
    """
    if identifier is None:
        return _current
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        found: DTypePolicy = policies.get(identifier)
        return found
    name = (
        identifier
        if isinstance(identifier, str) and identifier.startswith("mixed_")
        else str(as_dtype(identifier))
    )
    return _current if name == _current.name else DTypePolicy(name)


def set_dtype_policy(identifier: Any) -> None:
    """Let new layers compute and keep their weights as this policy says."""
    global _current
    _current = policy(identifier)
