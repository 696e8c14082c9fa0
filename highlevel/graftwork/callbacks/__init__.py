"""Callbacks: who listens to a training, and what they do."""

from .backup import BackupAndRestore
from .callback import Callback, CallbackList, History, LambdaCallback
from .checkpoint import ModelCheckpoint
from .logging import CSVLogger
from .progress import ProgressBar
from .schedule import LearningRateScheduler, ReduceLROnPlateau
from .stopping import EarlyStopping, TerminateOnNaN

__all__ = [
    "BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History",
    "LambdaCallback",
    "LearningRateScheduler", "ModelCheckpoint", "ProgressBar", "ReduceLROnPlateau",
    "TerminateOnNaN",
]  # fmt: skip
