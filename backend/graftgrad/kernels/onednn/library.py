"""oneDNN as a C library: where it is found, its failures, its threads.

It is loaded by the first call that could use it. What is computed with it stands next door.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from ...errors import LibraryError
from ..threads import get_num_threads
from .prototypes import FUNCTIONS

VARIABLE = "GRAFTGRAD_ONEDNN"
PACKAGE = "onednn-cpu-gomp"
FILE = "libdnnl.so.3"
SPIN = "GOMP_SPINCOUNT"
AVX2 = 7  # its code takes arrays at any address; older code wants them at multiples of 16
BRIEFLY = "1000"  # a thread that waits longer sleeps: spinning costs the others dear

UNIMPLEMENTED = 3
STATUS = {
    1: "out of memory",
    2: "invalid arguments",
    UNIMPLEMENTED: "not implemented",
    4: "last implementation reached",
    5: "runtime error",
    6: "not required",
}

_P, _I = ctypes.c_void_p, ctypes.c_int


class Version(ctypes.Structure):
    """What the library says of itself."""

    _fields_ = (
        ("major", _I),
        ("minor", _I),
        ("patch", _I),
        ("hash", ctypes.c_char_p),
        ("cpu_runtime", ctypes.c_uint),
        ("gpu_runtime", ctypes.c_uint),
    )


class Library:
    """The loaded library: one engine, one stream, and a lock, since it has one pool of threads."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.loaded = ctypes.CDLL(path)
        self.functions = {name: self._function(name) for name in FUNCTIONS}
        self.execute = _address(self.functions["primitive_execute"])
        self.version = self._version()
        self.size = self.loaded.dnnl_memory_desc_get_size
        self.size.argtypes, self.size.restype = (_P,), ctypes.c_size_t
        self.equal = self.loaded.dnnl_memory_desc_equal
        self.equal.argtypes, self.equal.restype = (_P, _P), _I
        self.openmp = ctypes.CDLL("libgomp.so.1")
        self.threads_in_use = self.openmp.omp_get_max_threads
        self.lock = threading.Lock()
        self.engine = self.create("engine_create", 1, 0)
        self.stream = self.create("stream_create", self.engine, 1)
        self.attributes = self.create("primitive_attr_create")
        self.call("primitive_attr_set_scratchpad_mode", self.attributes, 1)  # we bring the space

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function of the library.

        Raises:
            LibraryError: it reports a failure.
        """
        status = self.functions[name](*arguments)
        if status:
            raise failure(name, status)

    def create(self, name: str, *arguments: Any) -> ctypes.c_void_p:
        """Call a function that makes something, and return the pointer to it.

        Raises:
            LibraryError: it reports a failure.
        """
        made = _P()
        self.call(name, ctypes.byref(made), *arguments)
        return made

    def use(self, most: int | None = None) -> int:
        """Set how many threads the next runs use, `most` at the most; only under the lock."""
        threads = get_num_threads() if most is None else min(most, get_num_threads())
        if self.threads_in_use() != threads:  # OpenMP remembers it per thread; others may set it
            self.openmp.omp_set_num_threads(threads)
        return threads

    def _function(self, name: str) -> Any:
        function = getattr(self.loaded, f"dnnl_{name}")
        function.argtypes, function.restype = FUNCTIONS[name], _I
        return function

    def _version(self) -> str:
        told = self.loaded.dnnl_version
        told.restype = ctypes.POINTER(Version)
        version = told().contents
        if version.major != 3:
            raise LibraryError(f"oneDNN: the version must be 3; got {version.major}.")
        level = self.loaded.dnnl_get_effective_cpu_isa()
        if level & AVX2 != AVX2:
            raise LibraryError(f"oneDNN: the processor must have AVX2; got level {level}.")
        return f"{version.major}.{version.minor}.{version.patch}"


def _address(function: Any) -> int:
    """Return where the code of a C function begins."""
    return ctypes.cast(function, _P).value or 0


def failure(name: str, status: int) -> LibraryError:
    """Return the exception for a status that is not success."""
    told = STATUS.get(status, "an unknown status")
    return LibraryError(f"oneDNN {name}: must succeed; got status {status} ({told}).")


_loading = threading.Lock()
_forked = False


def available() -> bool:
    """Tell whether the library can be used; the first question loads it."""
    return not why_not()


def why_not() -> str:
    """Return why the library cannot be used, or nothing where it can."""
    if _forked:
        return "this process was forked from one that had loaded oneDNN, whose threads stayed there"
    found = _found()
    return found if isinstance(found, str) else ""


def library() -> Library:
    """Return the loaded library.

    Raises:
        LibraryError: it cannot be used.
    """
    reason = why_not()
    found = _found()
    if reason or isinstance(found, str):
        raise LibraryError(f"oneDNN: must be loaded; got none, {reason}.")
    return found


def forked() -> bool:
    """Tell whether this process is a fork of one that had loaded the library."""
    return _forked


def _found() -> Library | str:
    with _loading:
        return _load()


@cache
def _load() -> Library | str:
    """Load the library, or tell why it cannot be had."""
    told = os.environ.get(VARIABLE)
    if told == "off":
        return f"it is switched off by {VARIABLE}"
    if not sys.platform.startswith("linux"):
        return f"it is used on Linux only, this is {sys.platform}"
    tried = []
    for path in [told] if told else [*_installed(), FILE]:
        try:
            with spinning_briefly():
                return Library(path)
        except (OSError, AttributeError, LibraryError) as error:
            tried.append(f"{path}: {error}")
    return f"it does not load ({'; '.join(tried)})"


def _installed() -> list[str]:
    """Return where the package put the library."""
    from importlib import metadata  # here: slow to import

    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return []
    return [str(file.locate()) for file in files if file.name == FILE]


@contextmanager
def spinning_briefly() -> Iterator[None]:
    """Let threads of OpenMP that wait fall asleep soon, unless the user has chosen otherwise."""
    chosen = {SPIN, "OMP_WAIT_POLICY"} & os.environ.keys()
    if not chosen:
        os.environ[SPIN] = BRIEFLY
    try:
        yield
    finally:
        if not chosen:
            del os.environ[SPIN]


def _leave() -> None:
    """Forget the library in a forked child: its pool of threads is not there."""
    global _forked, _loading
    _loading = threading.Lock()
    _forked = _forked or _load.cache_info().currsize > 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave)
