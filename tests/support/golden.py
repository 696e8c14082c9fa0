"""Reads the golden files: values that Keras and PyTorch computed, stored under tests/golden.

Only numpy and json are needed; how the files came to be stands in the scripts beside them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parents[1] / "golden"


@dataclass(frozen=True, slots=True)
class GoldenCase:
    """One computation of a peer: what went in, what came out.

    ``settings`` are the constructor's keyword arguments, ``facts`` whatever else is needed, and
    ``arrays`` are named by paths such as ``input/0``, ``weight/kernel``, ``gradient/input/0``.
    Arrays are read-only.
    """

    family: str
    name: str
    class_name: str
    settings: Mapping[str, Any]
    facts: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]] = field(repr=False)

    def __getitem__(self, path: str) -> NDArray[Any]:
        if path not in self.arrays:
            raise KeyError(f"{self.family} case {self.name!r} has no {path!r}: {[*self.arrays]}")
        return self.arrays[path]

    def __contains__(self, path: str) -> bool:
        return path in self.arrays

    def group(self, prefix: str) -> dict[str, NDArray[Any]]:
        """The arrays right below a path, in their order: ``group("weight")["kernel"]``."""
        start = prefix + "/"
        below = {
            path[len(start) :]: array
            for path, array in self.arrays.items()
            if path.startswith(start)
        }
        return {rest: array for rest, array in below.items() if "/" not in rest}

    def series(self, prefix: str) -> list[NDArray[Any]]:
        """The arrays ``prefix/0``, ``prefix/1``, …"""
        return list(self.group(prefix).values())

    def __str__(self) -> str:
        return self.name


@cache
def family(name: str) -> tuple[GoldenCase, ...]:
    """Every case of a family, in the order of its file."""
    index = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        pools = {dtype: file[dtype] for dtype in file.files}
    for pool in pools.values():
        pool.setflags(write=False)
    return tuple(_case(name, entry, pools) for entry in index["cases"])


def _case(name: str, entry: dict[str, Any], pools: dict[str, NDArray[Any]]) -> GoldenCase:
    arrays = {
        path: pools[dtype][start : start + int(np.prod(shape))].reshape(shape)
        for path, (dtype, start, shape) in entry["arrays"].items()
    }
    return GoldenCase(
        family=name,
        name=entry["name"],
        class_name=entry["class_name"],
        settings=MappingProxyType(entry["settings"]),
        facts=MappingProxyType(entry["facts"]),
        arrays=MappingProxyType(arrays),
    )


def cases(name: str, *class_names: str) -> list[GoldenCase]:
    """The cases of a family, or of some of its classes: ``cases("layers", "Dense", "Conv2D")``."""
    found = [case for case in family(name) if not class_names or case.class_name in class_names]
    absent = set(class_names) - {case.class_name for case in found}
    if absent:
        raise LookupError(f"golden family {name!r} has no case of {sorted(absent)}")
    return found
