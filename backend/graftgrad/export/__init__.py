"""Computations of this library as graphs for other programs: recorded, then translated op by op."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..deferred import deferred

if TYPE_CHECKING:
    from .onnx import export_onnx
else:
    __getattr__, __dir__ = deferred(__name__, onnx="export_onnx")

DEFAULT_OPSET = 22

__all__ = ["DEFAULT_OPSET", "export_onnx"]
