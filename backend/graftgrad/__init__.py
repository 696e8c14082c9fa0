"""graftgrad: tensors with automatic differentiation, define by run."""

from __future__ import annotations

from . import engine
from .engine import grad
from .gradcheck import gradcheck, gradgradcheck
from .modes import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .spec import bfloat16, bool_, float16, float32, float64, int8, int16, int32, int64, uint8, uint32
from .tensor import (
    Tensor, arange, as_tensor, empty, eye, full, linspace, ones, ones_like, tensor, zeros, zeros_like,
)  # fmt: skip
