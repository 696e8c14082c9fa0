"""Models and weights in files: Keras' formats, PyTorch's, safetensors and npz, written and read."""

from .archive import clone_model, load_model, save_model
from .compilation import compile_config
from .config import model_config, model_from_config, model_from_json, to_json
from .report import LoadReport, Mismatch
from .saved import Saved
from .weights import load_weights, save_weights

__all__ = [
    "LoadReport", "Mismatch", "Saved", "clone_model", "compile_config", "load_model",
    "load_weights", "model_config", "model_from_config", "model_from_json", "save_model",
    "save_weights", "to_json",
]  # fmt: skip
