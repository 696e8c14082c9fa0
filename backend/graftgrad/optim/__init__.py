"""Optimizers in PyTorch's vocabulary: they change the parameters by the gradients they hold.

Parameters and their gradients are moved into shared buffers by the first step: each stays the same
tensor, but its memory is another. A gradient kept across `zero_grad` is overwritten by the next
backward; clone it to keep it.
"""

from __future__ import annotations

from . import lr_scheduler
from .adadelta import Adadelta
from .adagrad import Adagrad, RMSprop
from .adam import Adam, AdamW
from .adam_kin import Adamax, NAdam, RAdam
from .clip import clip_grad_norm_, clip_grad_value_
from .optimizer import Optimizer
from .sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "clip_grad_norm_",
    "clip_grad_value_",
    "lr_scheduler",
]
