"""Callbacks: who listens to a training, and what they do."""

from .callback import Callback, CallbackList, History, LambdaCallback
from .checkpoint import ModelCheckpoint
from .logging import CSVLogger
from .progress import ProgressBar
from .schedule import LearningRateScheduler, ReduceLROnPlateau
from .stopping import EarlyStopping, TerminateOnNaN

__all__ = [
    "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback",
    "LearningRateScheduler", "ModelCheckpoint", "ProgressBar", "ReduceLROnPlateau",
    "TerminateOnNaN",
]  # fmt: skip
