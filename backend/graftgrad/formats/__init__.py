"""Weight files: bytes to names and host arrays and back; knows no layer, no tensor, no device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..deferred import deferred
from .base import DEFAULT_LIMITS, Archive, Entry, Limits
from .file import map_file, replacing, write_atomically

if TYPE_CHECKING:
    from .hdf5 import Hdf5File
    from .hdf5_write import tree_bytes, write_tree
    from .keras_layout import (
        FORM_NOTE,
        keras3_weights,
        layer_labels,
        layout,
        legacy_layers,
        legacy_optimizer,
        model_config,
        open_hdf5,
        training_config,
    )  # fmt: skip
    from .keras_zip import KerasFile, read_keras, write_keras
    from .npz import open_npz, write_npz
    from .onnx import open_onnx
    from .onnx_write import OnnxModel, OnnxNode, OnnxValue, write_onnx
    from .open import FORMATS, is_index, open_weights, sniff
    from .plain_tree import ForeignObject
    from .safetensors import open_safetensors, write_safetensors
    from .torch import open_torch, read_checkpoint
    from .torch_write import write_torch
else:
    __getattr__, __dir__ = deferred(
        __name__,
        hdf5="Hdf5File",
        hdf5_write="tree_bytes write_tree",
        keras_layout="FORM_NOTE keras3_weights layer_labels layout legacy_layers legacy_optimizer "
        "model_config open_hdf5 training_config",
        keras_zip="KerasFile read_keras write_keras",
        npz="open_npz write_npz",
        onnx="open_onnx",
        onnx_write="OnnxModel OnnxNode OnnxValue write_onnx",
        open="FORMATS is_index open_weights sniff",
        plain_tree="ForeignObject",
        safetensors="open_safetensors write_safetensors",
        torch="open_torch read_checkpoint",
        torch_write="write_torch",
    )

__all__ = [
    "DEFAULT_LIMITS",
    "FORMATS",
    "FORM_NOTE",
    "Archive",
    "Entry",
    "ForeignObject",
    "Hdf5File",
    "KerasFile",
    "Limits",
    "OnnxModel",
    "OnnxNode",
    "OnnxValue",
    "is_index",
    "keras3_weights",
    "layer_labels",
    "layout",
    "legacy_layers",
    "legacy_optimizer",
    "map_file",
    "model_config",
    "open_hdf5",
    "open_npz",
    "open_onnx",
    "open_safetensors",
    "open_torch",
    "open_weights",
    "read_checkpoint",
    "read_keras",
    "replacing",
    "sniff",
    "training_config",
    "tree_bytes",
    "write_atomically",
    "write_keras",
    "write_npz",
    "write_onnx",
    "write_safetensors",
    "write_torch",
    "write_tree",
]
