"""Who is compared: a name, what must be installed, and how its process is set up."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib.util import find_spec

THREADS = 2
OURS = "graftwork"


@dataclass(frozen=True)
class Peer:
    """One framework in one form.

    `family` says which of a workload's descriptions it runs: "graftwork", "keras" or "torch".
    `best` is PyTorch as its guides advise for speed: channels_last, fused optimizer, batches cut by
    slicing. `compiled` adds torch.compile to that.
    """

    name: str
    family: str
    packages: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    best: bool = False
    compiled: bool = False

    def missing(self) -> str:
        """Say why it cannot run here, or nothing."""
        absent = [package for package in self.packages if find_spec(package) is None]
        return f"{' and '.join(absent)} not installed" if absent else ""


def _keras(backend: str, package: str) -> Peer:
    environment = {"KERAS_BACKEND": backend}
    return Peer(f"keras-{backend}", "keras", ("keras", package), environment)


PEERS = {
    peer.name: peer
    for peer in (
        Peer(OURS, "graftwork", ("graftwork",)),
        Peer("torch", "torch", ("torch",)),
        Peer("torch-best", "torch", ("torch",), best=True),
        Peer("torch-compile", "torch", ("torch",), best=True, compiled=True),
        _keras("jax", "jax"),
        _keras("tensorflow", "tensorflow"),
        _keras("torch", "torch"),
    )
}
# torch.compile is asked for by name: it needs a C++ compiler and about a minute for each network.
ORDINARY = tuple(name for name in PEERS if name != "torch-compile")


def environment(peer: Peer, threads: int = THREADS) -> dict[str, str]:
    """Return the environment of a peer's process: the same number of threads for everybody."""
    count = str(threads)
    names = ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB_MAXIMUM")
    limits = {f"{name}_NUM_THREADS": count for name in names}
    limits |= {"TF_NUM_INTRAOP_THREADS": count, "TF_NUM_INTEROP_THREADS": "1"}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    # an installed package is compiled once; a process that must not write would do it every time
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**own, **limits, **quiet, **peer.environment}


def settle(threads: int = THREADS) -> None:
    """Bind this process to as many processors as it has threads; XLA has no other switch."""
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, allowed[:threads])
