"""Computations of this library as graphs for other programs: recorded, then translated op by op."""

from __future__ import annotations

from . import elementwise, products, reducing, sequences, shaping, windows  # noqa: F401
from .onnx import DEFAULT_OPSET, export_onnx

__all__ = ["DEFAULT_OPSET", "export_onnx"]
