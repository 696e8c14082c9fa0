"""What every model can do with files, as methods."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..registry import custom_object_scope
from . import archive, compilation, config, training_state, weights
from .config import from_settings
from .report import LoadReport
from .training_state import TrainingState

if TYPE_CHECKING:
    from ..layers.layer import Layer

    Base = Layer
else:
    Base = object


class Saved(Base):
    """The part of a model that reads and writes files."""

    def save(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        include_optimizer: bool = True,
    ) -> None:
        """Write model, weights, how it was compiled and the optimizer's state; see `save_model`."""
        archive.save_model(self, filepath, overwrite, include_optimizer=include_optimizer)

    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write the weights alone: .weights.h5, .safetensors, .npz or .pth."""
        weights.save_weights(self, filepath, overwrite)

    def load_weights(
        self,
        filepath: str | os.PathLike[str],
        by_name: bool = False,
        skip_mismatch: bool = False,
        strict: bool = True,
        skip: Sequence[str] = (),
        match: str | Mapping[str, str] = "auto",
    ) -> LoadReport:
        """Fill the weights from a file, all that fits or nothing; see `saving.load_weights`.

        Returns:
            What was loaded, missing, left over and of another shape; print it.

        Raises:
            FormatError: the file is damaged, dangerous or foreign, or lacks a weight.
            ShapeError: a weight has another shape in the file.
        """
        return weights.load_weights(self, filepath, by_name, skip_mismatch, strict, skip, match)

    def save_training_state(
        self, filepath: str | os.PathLike[str], progress: Mapping[str, Any]
    ) -> None:
        """Write all that the next step depends on; see `saving.training_state`."""
        training_state.save_training_state(self, filepath, progress)

    def training_state(self, filepath: str | os.PathLike[str]) -> TrainingState:
        """Read what `save_training_state` wrote; nothing is changed before `restore(model)`."""
        return TrainingState(filepath)

    def to_json(self, **kwargs: Any) -> str:
        """Return the configuration as JSON; `kwargs` go to `json.dumps`."""
        return config.to_json(self, **kwargs)

    def get_compile_config(self) -> dict[str, Any] | None:
        """Return what `compile` was told, as plain values; None if the model is not compiled."""
        return compilation.compile_config(self)

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile as a configuration says that `get_compile_config` returned.

        Raises:
            ConfigError: an optimizer, loss or metric is not known or not understood.
        """
        compilation.compiled(self, config)

    def get_config(self) -> dict[str, Any]:
        """Return the settings as plain values, from which `from_config` makes an equal model."""
        if config.form_of(type(self)) == "functional":
            return config.settings_of(self)
        return super().get_config()

    @classmethod
    def from_config(cls, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Make a model, weights fresh, from its settings.

        Args:
            config: what `get_config` returned.
            custom_objects: name -> class or function of your own.

        Raises:
            ConfigError: a layer is not known or its settings are unfit.
        """
        with custom_object_scope(custom_objects or {}):
            if isinstance(config, Mapping) and "input_layers" in config:
                return from_settings(cls, config)
            return super().from_config(config)
