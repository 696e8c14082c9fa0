"""Compiles the text of CUDA kernels with NVRTC, which needs no GPU and no driver."""

from __future__ import annotations

import importlib
from typing import Any

from graftgrad.kernels.cuda.launches import Launch
from graftgrad.kernels.cuda.library import options

ARCHITECTURES = ("sm_80", "sm_90")


def missing() -> str:
    """Why nothing can be compiled, or an empty string where it can."""
    try:
        importlib.import_module("cuda.bindings.nvrtc").nvrtcVersion()
    except Exception as failure:  # the package or the library that it loads is absent
        return f"needs NVRTC and cuda-bindings ({type(failure).__name__}: {failure})"
    return ""


def compile(one: Launch, architecture: str) -> str:
    """Compile a kernel; returns what NVRTC complains of, warnings too, or an empty string."""
    nvrtc: Any = importlib.import_module("cuda.bindings.nvrtc")
    result, program = nvrtc.nvrtcCreateProgram(one.source.encode(), b"kernel.cu", 0, [], [])
    assert not int(result), result
    told = [f"--gpu-architecture={architecture}", *options(one.fmad)]
    (result,) = nvrtc.nvrtcCompileProgram(program, len(told), [each.encode() for each in told])
    _, size = nvrtc.nvrtcGetProgramLogSize(program)
    log = b" " * size
    nvrtc.nvrtcGetProgramLog(program, log)
    nvrtc.nvrtcDestroyProgram(program)
    text = log.decode(errors="replace").strip(" \n\0")
    return text if int(result) or text else ""
