"""Models and weights in files: Keras' formats, PyTorch's, safetensors and npz, written and read."""

from ..registry import (
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from .archive import load_model, save_model
from .compilation import compile_config
from .config import model_config, model_from_config, model_from_json, to_json
from .report import LoadReport, Mismatch
from .saved import Saved
from .weights import load_weights, save_weights

CustomObjectScope = custom_object_scope

__all__ = [
    "CustomObjectScope",
    "LoadReport",
    "Mismatch",
    "Saved",
    "compile_config",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "model_config",
    "model_from_config",
    "model_from_json",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
    "to_json",
]  # fmt: skip
