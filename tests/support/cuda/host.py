"""Runs the launches of CUDA kernels on the processor, compiled from the same text by g++.

Each kernel becomes a function that takes its arguments from a list of addresses. All texts that are
known are compiled together, in a namespace each. Threads of a block take turns at barriers only,
forwards and backwards: what depends on their order shows as a difference.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from graftgrad.kernels.cuda.launches import Launch
from graftgrad.kernels.cuda.library import arguments

HERE = Path(__file__).parent
OPTIONS = ("-std=c++17", "-O1", "-w", "-fno-strict-aliasing", "-shared", "-fPIC")
MARGIN = 256  # bytes around every array that must stay as they are
_SIGNATURE = re.compile(
    r'extern "C" __global__ void (?:__launch_bounds__\(\d+\) )?(\w+)\(([^)]*)\)'
)
_MEETS = re.compile(r"__syncthreads|__shfl|__ballot|__syncwarp|joined<")


def missing() -> str:
    """Why kernels cannot be run here, or an empty string where they can."""
    return "" if shutil.which("g++") else "needs g++ to run CUDA kernels on the processor"


class Host:
    """Kernels compiled for the processor."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, bool], Any] = {}
        self.folder = tempfile.TemporaryDirectory(prefix="graftgrad-cuda-")

    def compile(self, launches: Iterable[Launch]) -> None:
        """Compile all texts that are not known yet, in one go for each way of rounding."""
        wanted: dict[bool, dict[str, Launch]] = {True: {}, False: {}}
        for one in launches:
            if (one.name, one.fmad) not in self.entries:
                wanted[one.fmad][one.name] = one
        for fmad, named in wanted.items():
            if named:
                self._library(fmad, named)

    def _library(self, fmad: bool, named: dict[str, Launch]) -> None:
        text = ['#define GRAFT_HOST\n#include "graft_host.h"\n']
        text += [_in_namespace(one) for one in named.values()]
        code = hashlib.sha256("".join(text).encode()).hexdigest()[:16]
        source = Path(self.folder.name) / f"{code}.cpp"
        library = source.with_suffix(f".{fmad}.so")
        source.write_text("".join(text), encoding="utf-8")
        rounding = "-ffp-contract=fast" if fmad else "-ffp-contract=off"
        command = ["g++", *OPTIONS, rounding, f"-I{HERE}", "-o", str(library), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:4000]
        loaded = ctypes.CDLL(str(library))
        for name in named:
            entry = loaded[f"host_{name}"]
            entry.restype = ctypes.c_char_p
            self.entries[name, fmad] = entry

    def run(
        self, launches: Sequence[Launch], arrays: Sequence[Any], backwards: bool = False
    ) -> None:
        """Run launches one after the other on arrays of NumPy."""
        self.compile(launches)
        for one in launches:
            kept, addresses = [], []
            for part in arguments(one, arrays):
                if isinstance(part, np.ndarray):
                    held: Any = ctypes.c_void_p(part.ctypes.data)
                    kept.append(held)
                    addresses.append(ctypes.addressof(held))
                else:
                    value = np.array([part])
                    kept.append(value)
                    addresses.append(value.ctypes.data)
            grid, block = [(*sizes, 1, 1)[:3] for sizes in (one.grid, one.block)]
            shape = (ctypes.c_uint * 6)(*grid, *block)
            given = (ctypes.c_void_p * len(addresses))(*addresses)
            failure = self.entries[one.name, one.fmad](given, shape, int(backwards))
            assert not failure, f"{one.name}: {failure.decode()}"


def _in_namespace(one: Launch) -> str:
    """Return a kernel's text in a namespace, and a C function that runs it."""
    found = _SIGNATURE.findall(one.source)
    assert [name for name, _ in found] == [one.name], f"{one.name} is not the only entry"
    kinds = [re.sub(r"\w+$", "", part.strip()).strip() for part in found[0][1].split(",")]
    assert len(kinds) == len(one.arguments), f"{one.name}: {len(one.arguments)} for {kinds}"
    given = ", ".join(
        f"*({kind.replace('__restrict__', '')}*)a[{i}]" for i, kind in enumerate(kinds)
    )
    fibered = "true" if _MEETS.search(one.source) else "false"
    body = one.source.replace('extern "C" ', "")
    return f"""
namespace in_{one.name} {{
{body}
static void call(void** a) {{ {one.name}({given}); }}
}}
extern "C" const char* host_{one.name}(void** a, const unsigned int* shape, int backwards) {{
  return host::run(in_{one.name}::call, a, shape, {fibered}, backwards);
}}
"""


@functools.cache
def host() -> Host:
    """The one host of a test process."""
    return Host()


class Guarded:
    """An array with bytes around it that nobody may touch."""

    def __init__(self, like: Any, fill: bool = False, shifted: bool = False) -> None:
        size = like.nbytes
        self.bytes = np.full(size + 2 * MARGIN + 80, 0xA5, np.uint8)
        self.start = MARGIN + -(self.bytes.ctypes.data + MARGIN) % 64
        self.array = self.bytes[self.start : self.start + size].view(like.dtype).reshape(like.shape)
        if fill:
            self.array[...] = like

    def check(self, what: str) -> None:
        """Check that the bytes around are as they were."""
        end = self.start + self.array.nbytes
        around = np.concatenate([self.bytes[: self.start], self.bytes[end:]])
        assert (around == 0xA5).all(), f"{what}: written beyond the array"
