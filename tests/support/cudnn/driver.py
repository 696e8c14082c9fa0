"""A stand-in for the driver's library that lets cuDNN plan: nothing can be initialised or run.

cuDNN's runtime compiler loads what it has compiled at once, so loading must succeed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SUCCEED = (
    "cuCtxGetCurrent cuCtxGetLimit cuCtxPopCurrent cuCtxPushCurrent cuDeviceGet cuDeviceGetCount "
    "cuDriverGetVersion cuFuncGetAttribute cuFuncSetAttribute cuGetErrorName cuGetErrorString "
    "cuGetProcAddress_v2 cuKernelGetAttribute cuKernelSetAttribute cuLaunchCooperativeKernel "
    "cuLaunchKernel cuLaunchKernelEx cuLibraryUnload cuLinkAddData cuLinkComplete cuLinkCreate "
    "cuLinkDestroy cuModuleUnload cuOccupancyMaxPotentialClusterSize cuStreamGetCtx "
    "cuTensorMapEncodeIm2col cuTensorMapEncodeTiled"
).split()
HAND_OUT = (
    "cuKernelGetFunction cuLibraryGetKernel cuLibraryGetModule cuLibraryLoadData "
    "cuLibraryLoadFromFile cuModuleGetFunction cuModuleLoadData"
).split()
SOURCE = "\n".join(
    [f"int {name}(void) {{ return 0; }}" for name in SUCCEED]
    + [f"int {name}(void **made) {{ *made = (void *)4096; return 0; }}" for name in HAND_OUT]
    + ["int cuInit(unsigned flags) { return 100; }"]
)


def compiler() -> str | None:
    """A C compiler, if there is one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def built(folder: Path) -> None:
    """Put the library into a folder."""
    source = folder / "driver.c"
    source.write_text(SOURCE)
    command = [compiler() or "cc", "-shared", "-fPIC", "-o", str(folder / "libcuda.so.1"),
               "-Wl,-soname,libcuda.so.1", str(source)]  # fmt: skip
    subprocess.run(command, check=True)


def environment(folder: Path) -> dict[str, str]:
    """The environment of a process that finds it, and the libraries of NVIDIA's packages."""
    found = [str(folder)]
    for path in sys.path:
        found += [str(one) for one in Path(path).glob("nvidia/*/lib")]
    before = os.environ.get("LD_LIBRARY_PATH")
    return {**os.environ, "LD_LIBRARY_PATH": ":".join([*found, *([before] if before else [])])}
