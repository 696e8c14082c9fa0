"""Models: sequential, functional, subclassed."""

from typing import TYPE_CHECKING

from graftgrad.deferred import deferred

from ..saving import load_model, model_from_json, save_model
from .cloning import clone_model
from .functional import Functional
from .model import Model
from .sequential import Sequential

if TYPE_CHECKING:
    from .drawing import draw, plot_model
else:
    __getattr__, __dir__ = deferred(__name__, drawing="draw plot_model")

__all__ = [
    "Functional", "Model", "Sequential", "clone_model", "draw", "load_model", "model_from_json",
    "plot_model", "save_model",
]  # fmt: skip
