"""graftgrad: tensors with automatic differentiation, define by run.

import graftgrad

a = graftgrad.tensor([2.0, 3.0], requires_grad=True)
(a**3).sum().backward()
a.grad                                      # tensor([12., 27.])
"""

from __future__ import annotations

from . import autograd, data, engine, fft, formats, functional, linalg, ops, optim
from .anomaly import detect_anomaly, is_anomaly_enabled, set_detect_anomaly
from .checkpoint import checkpoint, checkpoint_sequential
from .creation import arange, empty, eye, full, linspace, ones, ones_like, zeros, zeros_like
from .drawing import draw
from .engine import grad
from .generator import Generator, default_generator, manual_seed, rand, randn
from .gradcheck import gradcheck, gradgradcheck
from .kernels import get_num_threads, set_num_threads, show_config
from .modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .saved import save_in, save_on_disk, saved_tensors_hooks
from .spec import (
    bfloat16,
    bool_,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .tensor import Tensor, as_tensor, tensor

__all__ = [
    "Generator",
    "Tensor",
    "arange",
    "as_tensor",
    "autograd",
    "bfloat16",
    "bool_",
    "checkpoint",
    "checkpoint_sequential",
    "complex64",
    "complex128",
    "data",
    "default_generator",
    "detect_anomaly",
    "draw",
    "empty",
    "enable_grad",
    "engine",
    "eye",
    "fft",
    "float16",
    "float32",
    "float64",
    "formats",
    "full",
    "functional",
    "get_num_threads",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "linalg",
    "linspace",
    "manual_seed",
    "no_grad",
    "ones",
    "ones_like",
    "ops",
    "optim",
    "rand",
    "randn",
    "save_in",
    "save_on_disk",
    "saved_tensors_hooks",
    "set_detect_anomaly",
    "set_grad_enabled",
    "set_num_threads",
    "show_config",
    "tensor",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "zeros",
    "zeros_like",
]
