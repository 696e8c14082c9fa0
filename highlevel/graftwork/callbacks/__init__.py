"""Callbacks: who listens to a training, and what they do."""

from typing import TYPE_CHECKING

from graftgrad.deferred import deferred

from .averages import SwapEMAWeights
from .backup import BackupAndRestore
from .callback import Callback, History, LambdaCallback
from .checkpoint import ModelCheckpoint
from .finder import LearningRateFinder
from .listing import CallbackList
from .logging import CSVLogger
from .progbar import ProgbarLogger
from .progress import ProgressBar
from .remote import RemoteMonitor
from .schedule import LearningRateScheduler, ReduceLROnPlateau
from .stopping import EarlyStopping, TerminateOnNaN
from .tensorboard import TensorBoard

__all__ = [
    "BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History",
    "LambdaCallback", "LearningRateFinder", "LearningRateScheduler", "ModelCheckpoint",
    "ProgbarLogger", "ProgressBar", "ReduceLROnPlateau", "RemoteMonitor", "SwapEMAWeights",
    "TensorBoard", "TerminateOnNaN",
]  # fmt: skip

if not TYPE_CHECKING:  # asks for the name that may have been meant
    __getattr__, __dir__ = deferred(__name__)
