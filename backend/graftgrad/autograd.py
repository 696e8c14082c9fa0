"""The engine under the names of `torch.autograd`: what whoever knows PyTorch looks for."""

from __future__ import annotations

from . import functional, graph
from .anomaly import detect_anomaly, is_anomaly_enabled, set_detect_anomaly
from .custom import Context, Function, once_differentiable
from .engine import backward, grad
from .gradcheck import gradcheck, gradgradcheck
from .graph import register_multi_grad_hook
from .modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .saved import save_in, save_on_disk, saved_tensors_hooks

__all__ = [
    "Context",
    "Function",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "once_differentiable",
    "register_multi_grad_hook",
    "save_in",
    "save_on_disk",
    "saved_tensors_hooks",
    "set_detect_anomaly",
    "set_grad_enabled",
]
