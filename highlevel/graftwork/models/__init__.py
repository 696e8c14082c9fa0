"""Models: sequential, functional, subclassed."""

from ..saving import clone_model, load_model, model_from_json, save_model
from .drawing import draw, plot_model
from .functional import Functional
from .model import Model
from .sequential import Sequential

__all__ = [
    "Functional", "Model", "Sequential", "clone_model", "draw", "load_model", "model_from_json",
    "plot_model", "save_model",
]  # fmt: skip
