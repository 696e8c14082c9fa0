"""The kinds of features a table has, and crosses of them: what `FeatureSpace` is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graftgrad.errors import ConfigError, expect

from .. import registry
from ..layers import (
    Discretization,
    Hashing,
    Identity,
    IntegerLookup,
    Layer,
    Normalization,
    Rescaling,
    StringLookup,
)
from ..registry import Configured, Registry, decoded, setting, unique_name
from ..rules import one_of, positive_integer

FEATURES = Registry("feature", "keras.src.layers.preprocessing.feature_space")
registry.layers.register(Identity, "TFDIdentity")  # what Keras calls it in a file of a FeatureSpace


def some_names(subject: str, name: str, value: Any) -> tuple[str, ...]:
    """Accept the names of two features or more.

    Raises:
        ConfigError: they are fewer, or no names.
    """
    fit = isinstance(value, (tuple, list)) and len(value) > 1
    expect(fit and all(isinstance(one, str) for one in value), subject,
           f"{name} must be two names or more", error=ConfigError, **{name: value})  # fmt: skip
    return tuple(value)


def a_layer(subject: str, name: str, value: Any) -> Layer:
    """Accept a layer, or the configuration of one.

    Raises:
        ConfigError: it is neither.
    """
    made = decoded(value, registry.layers) if isinstance(value, Mapping) else value
    expect(isinstance(made, Layer), subject, f"{name} must be a layer", error=ConfigError,
           **{name: made})  # fmt: skip
    found: Layer = made
    return found


@registry.declared(FEATURES)
class Cross(Configured):
    """Several features seen as one, by the hash of all of them.

    Args:
        feature_names: which.
        crossing_dim: how many places combinations have.
        output_mode: "one_hot" for vectors, "int" for places.
    """

    feature_names: Any = setting(some_names)
    crossing_dim: int = setting(positive_integer)
    output_mode: str = setting(one_of("int", "one_hot"), default="one_hot")

    @property
    def name(self) -> str:
        """The names of its features, joined."""
        return "_X_".join(self.feature_names)


@registry.declared(FEATURES)
class Feature(Configured):
    """One column of a table.

    Args:
        dtype: of its values: "float32", "int32" or "string".
        preprocessor: the layer that reads it.
        output_mode: "float" for what the layer gives, "int" for whole numbers of it, "one_hot" for
            vectors of these.
    """

    dtype: str = setting()
    preprocessor: Any = setting(a_layer)
    output_mode: str = setting(one_of("int", "one_hot", "float"))


class FeatureKinds:
    """What makes features; the names that stand for them are those of these functions."""

    @classmethod
    def cross(cls, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """Cross features: a place for each combination, by its hash."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """Read a feature with a layer of your own."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Take numbers as they are."""
        layer = Identity(dtype="float32", name=_called("float", name))
        return Feature("float32", layer, "float")

    @classmethod
    def float_rescaled(
        cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None
    ) -> Feature:
        """Bring numbers to another range: x · scale + offset."""
        layer = Rescaling(scale, offset, name=_called("float_rescaled", name))
        return Feature("float32", layer, "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Bring numbers to mean 0 and variance 1, as `adapt` finds them."""
        layer = Normalization(axis=-1, name=_called("float_normalized", name))
        return Feature("float32", layer, "float")

    @classmethod
    def float_discretized(
        cls, num_bins: int, bin_boundaries: Any = None, output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:  # fmt: skip
        """Divide numbers into ranges, given or found by `adapt`."""
        count = num_bins if bin_boundaries is None else None
        layer = Discretization(bin_boundaries, count, name=_called("float_discretized", name))
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls, max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:  # fmt: skip
        """Look whole numbers up in a vocabulary."""
        layer = IntegerLookup(max_tokens, num_oov_indices,
                              name=_called("integer_categorical", name))  # fmt: skip
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls, max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:  # fmt: skip
        """Look strings up in a vocabulary."""
        layer = StringLookup(max_tokens, num_oov_indices, name=_called("string_categorical", name))
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Give strings places by their hash."""
        return Feature("string", Hashing(num_bins, name=_called("string_hashed", name)),
                       output_mode)  # fmt: skip

    @classmethod
    def integer_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Give whole numbers places by their hash."""
        return Feature("int32", Hashing(num_bins, name=_called("integer_hashed", name)),
                       output_mode)  # fmt: skip


def _called(kind: str, name: str | None) -> str:
    return f"{name or unique_name(kind)}_preprocessor"
