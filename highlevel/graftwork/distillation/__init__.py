"""A small model taught by a large one."""

from .distiller import Distiller
from .teaching import DistillationLoss, FeatureDistillation, LogitsDistillation

__all__ = ["DistillationLoss", "Distiller", "FeatureDistillation", "LogitsDistillation"]
