"""Which element types a layer computes in and keeps its weights in."""

from __future__ import annotations

from typing import Any

from graftgrad.errors import ConfigError, expect
from graftgrad.spec import DType, as_dtype

from .defaults import floatx
from .registry import Configured, declared, policies, setting

MIXED = ("mixed_bfloat16", "mixed_float16")


@declared(policies, "Policy")
class DTypePolicy(Configured):
    """A pair of element types under one name. Micikevicius et al. 2018, arXiv:1710.03740.

    "float32" computes and keeps in float32. "mixed_bfloat16" and "mixed_float16" compute in the
    shorter type and keep weights in float32.

    Args:
        name: an element type, "mixed_bfloat16" or "mixed_float16"; the current policy's if None.
    Attributes:
        compute_dtype: in what layers compute, and what they hand on.
        variable_dtype: in what weights are kept and updated.
    Raises:
        ConfigError: the name is no string, or of a mixture that there is not.
        DTypeError: there is no such element type.
    """

    name: Any = setting(default=None)

    def prepare(self) -> None:
        """Split the name into the two element types."""
        if self.name is None:  # read by constructors only, when there is a current policy
            self.name = dtype_policy().name
        expect(
            isinstance(self.name, str),
            "DTypePolicy",
            "name must be a string",
            error=ConfigError,
            name=self.name,
        )
        mixed = self.name.startswith("mixed_")
        expect(not mixed or self.name in MIXED, "DTypePolicy",
               f"a mixture must be one of {list(MIXED)}", error=ConfigError,
               name=self.name)  # fmt: skip
        self.compute_dtype: DType = as_dtype(self.name.removeprefix("mixed_"))
        self.variable_dtype: DType = as_dtype("float32") if mixed else self.compute_dtype

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), self.name))


Policy = DTypePolicy
_current: DTypePolicy | None = None  # none was set: that of floatx()
_plain: dict[str, DTypePolicy] = {}


def find_policy(identifier: Any = None) -> DTypePolicy:
    """Return the policy of a name, a configuration or an element type; the current one for None.

    Raises:
        DTypeError: there is no such element type.
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        made: DTypePolicy = policies.get(identifier)
        return made
    name = (
        identifier
        if isinstance(identifier, str) and identifier.startswith("mixed_")
        else str(as_dtype(identifier))
    )
    current = dtype_policy()
    return current if name == current.name else DTypePolicy(name)


def dtype_policy() -> DTypePolicy:
    """Return the policy of layers that are made without one of their own."""
    if _current is not None:
        return _current
    name = floatx()
    if name not in _plain:
        _plain[name] = DTypePolicy(name)
    return _plain[name]


def set_dtype_policy(policy: Any) -> None:
    """Let layers that are made from now on compute and keep their weights as a policy says.

    Args:
        policy: a DTypePolicy, or the name of one.
    Raises:
        ConfigError: the name is of a mixture that there is not.
        DTypeError: there is no such element type.
    """
    global _current
    _current = find_policy(policy)


global_policy = dtype_policy
set_global_policy = set_dtype_policy
