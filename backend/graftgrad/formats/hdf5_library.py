"""h5py, imported by the first HDF5 file: many a program opens none, and it takes long."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    import h5py

    return getattr(h5py, name)
