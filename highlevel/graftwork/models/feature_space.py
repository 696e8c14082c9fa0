"""A table's columns, each read in its own way, as one vector or as a dictionary of vectors."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, DataError, expect

from .. import registry
from ..data import Dataset
from ..layers import (
    CategoryEncoding,
    Concatenate,
    Discretization,
    HashedCrossing,
    Hashing,
    Input,
    Layer,
    Normalization,
)
from ..layers.index_lookup import IndexLookup
from ..layers.symbol import KerasTensor, is_symbolic
from ..registry import custom_object_scope, decoded, encoded
from ..saving.saved import Saved
from .features import FEATURES, Cross, Feature, FeatureKinds

_OF_A_SIZE = {"float_discretized": "num_discretization_bins", "integer_hashed": "hashing_dim",
              "string_hashed": "hashing_dim"}  # fmt: skip
_KINDS = (
    *("float", "float_normalized", "float_rescaled", "float_discretized"),
    *("integer_categorical", "string_categorical", "integer_hashed", "string_hashed"),
)


class FeatureSpace(FeatureKinds, Saved, Layer):
    """Columns of a table -> numbers that a network can read.

    Each feature is read by a layer of its own; numbers of categories become vectors; all lie side
    by side, features by their names first, then crosses.

    Args:
        features: for each column its kind: "float", "float_normalized", "float_rescaled",
            "float_discretized", "integer_categorical", "string_categorical", "integer_hashed" or
            "string_hashed", or what the function of that name returns.
        output_mode: "concat" for one vector, (N, D); "dict" for one for each feature.
        crosses: tuples of names, or what `FeatureSpace.cross` returns.
        crossing_dim: how many places crosses have that are told by names alone.
        hashing_dim: how many places hashed features have that are told by name.
        num_discretization_bins: how many ranges discretized ones have that are told by name.
        name: its name.
    Raises:
        ConfigError: there is no feature, a kind is unknown, or a cross names no feature.
    """

    exported_module = "keras.utils"

    def __init__(
        self,
        features: Mapping[str, Any],
        output_mode: str = "concat",
        crosses: Iterable[Any] | None = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        expect(isinstance(features, Mapping) and len(features) > 0, "FeatureSpace",
               "features must be a dictionary that is not empty", error=ConfigError,
               features=features)  # fmt: skip
        expect(output_mode in ("concat", "dict"), "FeatureSpace",
               "output_mode must be 'concat' or 'dict'", error=ConfigError,
               output_mode=output_mode)  # fmt: skip
        self.output_mode = output_mode
        self.crossing_dim, self.hashing_dim = crossing_dim, hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.features = {key: self._feature(key, one) for key, one in features.items()}
        self.crosses = [self._cross(one) for one in crosses or ()]
        self.preprocessors = {key: one.preprocessor for key, one in self.features.items()}
        self.crossers = {
            one.name: HashedCrossing(one.crossing_dim, name=one.name) for one in self.crosses
        }
        self.one_hot_encoders: dict[str, Any] = {}
        self.concat: Any = None
        self.table_inputs: dict[str, KerasTensor] | None = None
        self.encoded_features: Any = None
        self.learned = False

    def _feature(self, name: str, told: Any) -> Feature:
        if isinstance(told, Mapping):
            told = decoded(told, FEATURES)
        if isinstance(told, str) and told in _KINDS:
            size = _OF_A_SIZE.get(told)
            given = [] if size is None else [getattr(self, size)]
            made: Feature = getattr(self, told)(*given, name=name)
            return made
        expect(isinstance(told, Feature), "FeatureSpace",
               f"a feature must be one of {', '.join(_KINDS)}, or made by FeatureSpace",
               error=ConfigError, feature=name, kind=told)  # fmt: skip
        found: Feature = told
        return found

    def _cross(self, told: Any) -> Cross:
        made = decoded(told, FEATURES) if isinstance(told, Mapping) else told
        cross: Cross = made if isinstance(made, Cross) else Cross(made, self.crossing_dim)
        unknown = [one for one in cross.feature_names if one not in self.features]
        expect(not unknown, "FeatureSpace", "a cross must name features", error=ConfigError,
               unknown=unknown, features=list(self.features))  # fmt: skip
        return cross

    # -- learning ------------------------------------------------------------------------------

    def adapt(self, dataset: Any) -> None:
        """Let every feature learn what it needs: vocabularies, means, ranges.

        Args:
            dataset: a dictionary of columns, or batches of such: a dataset, or any iterable; of a
                tuple the first entry counts.
        Raises:
            DataError: it is neither, or lacks a feature.
        """
        if isinstance(dataset, Mapping):
            parts: Any = [dataset]
        else:
            expect(isinstance(dataset, Iterable) and not isinstance(dataset, (str, bytes)),
                   f'layer "{self.name}".adapt',
                   "data must be a dictionary of columns, or batches of such", error=DataError,
                   data=type(dataset).__name__)  # fmt: skip
            parts = dataset if isinstance(dataset, Dataset) else list(dataset)
        for name, layer in self.preprocessors.items():
            if hasattr(layer, "adapt") and not _is_given(layer):
                layer.adapt(self._columns(parts, name))
        self.one_hot_encoders, self.encoded_features = {}, None
        self.learned = True
        self.get_encoded_features()

    def _columns(self, parts: Any, name: str) -> Iterator[Any]:
        """Yield one column, batch by batch, (N, 1)."""
        walked = parts.batches(0) if isinstance(parts, Dataset) else parts
        for part in walked:
            batch = part[0] if isinstance(part, (tuple, list)) else part
            fit = isinstance(batch, Mapping) and name in batch
            expect(fit, f'layer "{self.name}".adapt', "every batch must hold every feature",
                   error=DataError, missing=name,
                   found=list(batch) if isinstance(batch, Mapping) else batch)  # fmt: skip
            column, _ = _upright(batch[name])
            yield column

    def _settle(self) -> None:
        """Check that everything was learned, and make what encoding needs."""
        self.get_encoded_features()

    def _knows(self, layer: Any) -> bool:
        if isinstance(layer, IndexLookup):
            return layer.table is not None
        if isinstance(layer, Discretization):
            return layer.bin_boundaries is not None
        return self.learned or _is_given(layer) or not hasattr(layer, "adapt") or self.built

    # -- symbols -------------------------------------------------------------------------------

    def get_inputs(self) -> dict[str, KerasTensor]:
        """Return the inputs of a functional model that begins with the raw table."""
        self._settle()
        return self._table_inputs()

    def _table_inputs(self) -> dict[str, KerasTensor]:
        if self.table_inputs is None:
            self.table_inputs = {
                key: Input((1,), dtype=one.dtype, name=key) for key, one in self.features.items()
            }
        return self.table_inputs

    def get_encoded_features(self) -> Any:
        """Return the symbol of the encoded features, or a dictionary of symbols.

        Raises:
            ConfigError: `adapt` must be called first, or a feature cannot be written as numbers.
        """
        if self.encoded_features is None:
            waiting = [name for name, one in self.preprocessors.items() if not self._knows(one)]
            expect(not waiting, f'layer "{self.name}"',
                   "adapt(data) must be called before it is used", error=ConfigError,
                   waiting=waiting)  # fmt: skip
            self.encoded_features = self._merged(self._table_inputs())
            self._is_built()
        return self.encoded_features

    def _is_built(self) -> None:
        object.__setattr__(self, "built", True)
        object.__setattr__(self, "built_shape", {key: (None, 1) for key in self.features})

    def get_build_config(self) -> dict[str, Any]:
        """Return for which shapes the layers of features were built, as Keras does."""
        return {
            key: {"input_shape": list(one.built_shape)} if one.variables else {}
            for key, one in self.preprocessors.items()
        }

    def build_from_config(self, config: Mapping[str, Any]) -> None:
        """Make the weights of the layers that have some; what they learned comes from the file."""
        for key, layer in self.preprocessors.items():
            if key in config and isinstance(layer, Normalization):
                layer.build_for((None, 1))
        self._is_built()

    # -- computing -----------------------------------------------------------------------------

    def __call__(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Encode rows of a table, or one row of scalars.

        Args:
            args: a dictionary of columns, (N,) or (N, 1), text or numbers; or of scalars.
            training: nothing depends on it.
            kwargs: the dictionary, where it comes as `data=`.
        Returns:
            (N, D), or a dictionary of such; without N for one row.
        Raises:
            DataError: it is no dictionary of all features.
            ConfigError: `adapt` must be called first.
        """
        self._settle()
        data: Any = args[0] if args else kwargs.get("data")
        fit = isinstance(data, Mapping) and set(data) == set(self.features)
        expect(fit, f'layer "{self.name}"', "data must be a dictionary of all features",
               error=DataError, features=list(self.features),
               data=list(data) if isinstance(data, Mapping) else type(data).__name__)  # fmt: skip
        if is_symbolic((data,), {}):
            return self._merged(data)
        pairs = {key: _upright(one) for key, one in data.items()}
        with graftgrad.no_grad():
            found = self._merged({key: column for key, (column, _) in pairs.items()})
        if not any(single for _, single in pairs.values()):
            return found
        if isinstance(found, dict):
            return {key: ops.squeeze(one, 0) for key, one in found.items()}
        return ops.squeeze(found, 0)

    def _merged(self, columns: Mapping[str, Any]) -> Any:
        read = {key: layer(columns[key]) for key, layer in self.preprocessors.items()}
        crossed = {
            one.name: self.crossers[one.name]([read[key] for key in one.feature_names])
            for one in self.crosses
        }
        told: dict[str, Any] = {**self.features, **{one.name: one for one in self.crosses}}
        found = {}
        for key, one in [*sorted(read.items()), *sorted(crossed.items())]:
            vectors = told[key].output_mode == "one_hot"
            found[key] = self._one_hot(key, one) if vectors else one
            whole = not str(found[key].dtype).startswith(("float", "bfloat"))
            expect(self.output_mode == "dict" or not whole, f'layer "{self.name}"',
                   "features must be real numbers or vectors to lie side by side",
                   error=ConfigError, feature=key, dtype=str(found[key].dtype),
                   advice="Choose output_mode='dict' of the space, or 'one_hot' of the "
                   "feature.")  # fmt: skip
        if self.output_mode == "dict":
            return found
        if self.concat is None:
            self.concat = Concatenate(axis=-1, name=f"{self.name}_concat")
        listed = list(found.values())
        return self.concat(listed) if len(listed) > 1 else listed[0]

    def _one_hot(self, key: str, numbers: Any) -> Any:
        encoder = self.one_hot_encoders.get(key)
        if encoder is None:
            layer: Any = self.preprocessors.get(key) or self.crossers[key]
            whole = str(numbers.dtype).startswith(("int", "uint"))
            size = _places(layer)
            expect(whole and size is not None, f'layer "{self.name}"',
                   "output_mode='one_hot' needs a layer that gives whole numbers below a known "
                   "bound", error=ConfigError, feature=key, layer=type(layer).__name__,
                   dtype=str(numbers.dtype),
                   advice="Choose output_mode='int' or 'float'.")  # fmt: skip
            encoder = CategoryEncoding(size or 1, "multi_hot", name=f"{self.name}_{key}_one_hot")
            self.one_hot_encoders[key] = encoder
        return encoder(numbers)

    # -- files ---------------------------------------------------------------------------------

    def save(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        include_optimizer: bool = True,
    ) -> None:
        """Write it with all that was learned; `load_model` reads it."""
        self._settle()
        super().save(filepath, overwrite, include_optimizer)

    def get_config(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return {
            "features": {key: registry.configuration(one) for key, one in self.features.items()},
            "output_mode": self.output_mode,
            "crosses": encoded(self.crosses),
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
        }

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:
        """Make it from its settings, and what is your own from `custom_objects`.

        Raises:
            ConfigError: a setting is unknown or unfit.
        """
        with custom_object_scope(custom_objects or {}):
            return cls(**config)


registry.layers.register(FeatureSpace)


def _is_given(layer: Any) -> bool:
    """Tell whether what a layer would learn was told instead."""
    if isinstance(layer, IndexLookup):
        return layer.has_given
    if isinstance(layer, Discretization):
        return layer.num_bins is None
    return isinstance(layer, Normalization) and layer.mean is not None


def _places(layer: Layer) -> int | None:
    """Return how many numbers a layer can give."""
    if isinstance(layer, IndexLookup):
        return layer.vocabulary_size()
    if isinstance(layer, Discretization):
        told = layer.num_bins  # vectors are as long even if fewer ranges were found, as in Keras
        return int(told) if told is not None else len(layer.bin_boundaries) + 1
    if isinstance(layer, (Hashing, HashedCrossing)):
        return layer.num_bins
    return layer.num_tokens if isinstance(layer, CategoryEncoding) else None


def _upright(value: Any) -> tuple[Any, bool]:
    """Return a column as (N, 1), text on the host, and whether it was one scalar."""
    if not isinstance(value, Tensor):
        host = np.asarray(value.to_numpy() if hasattr(value, "to_numpy") else value)
        value = host if host.dtype.kind in "OSUT" else graftgrad.as_tensor(host)
    single = value.ndim == 0
    if value.ndim < 2:
        value = value.reshape((1, 1)) if single else value.reshape((-1, 1))
    return value, single
