"""How golden files are written: one pool of numbers (.npz) and one index (.json) per family.

The pool holds one flat array per dtype, the index one line per case that says where each of its
arrays lies: ``"output": ["float32", offset, [2, 3]]``. Equal arrays are stored once. The reader,
``support/golden.py``, needs numpy and json alone.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parent
Array = np.ndarray[Any, Any]


class Family:
    """Collects the cases of one family; floats are kept as `floats` in the file."""

    def __init__(self, name: str, packages: tuple[str, ...], floats: str = "float64") -> None:
        self.name = name
        self.floats = floats
        self.versions = {
            package: version(package).split("+")[0] for package in (*packages, "numpy")
        }
        self.cases: list[dict[str, Any]] = []
        self.pools: dict[str, list[Array]] = {}
        self.sizes: dict[str, int] = {}
        self.seen: dict[tuple[str, bytes], int] = {}

    def add(
        self,
        name: str,
        class_name: str,
        settings: Mapping[str, Any],
        arrays: Mapping[str, Any],
        **facts: Any,
    ) -> None:
        if any(case["name"] == name for case in self.cases):
            raise ValueError(f"{self.name}: two cases are named {name!r}")
        for key, value in arrays.items():
            if np.asarray(value).dtype.name == "float32" != facts.get("dtype", self.floats):
                raise ValueError(f"{self.name} {name}: {key} was computed in single precision")
        places = {key: self.place(np.asarray(value)) for key, value in arrays.items()}
        case = {"name": name, "class_name": class_name, "settings": dict(settings)}
        self.cases.append({**case, "facts": facts, "arrays": places})

    def place(self, array: Array) -> list[Any]:
        kinds = {"f": self.floats, "i": "int32", "u": "int32", "b": "bool"}
        kept = np.ascontiguousarray(array, dtype=kinds[array.dtype.kind])
        dtype, content = kept.dtype.name, kept.tobytes()
        if (dtype, content) not in self.seen:
            self.seen[dtype, content] = self.sizes.get(dtype, 0)
            self.sizes[dtype] = self.sizes.get(dtype, 0) + kept.size
            self.pools.setdefault(dtype, []).append(kept.ravel())
        return [dtype, self.seen[dtype, content], list(array.shape)]

    def write(self) -> None:
        pools = {dtype: np.concatenate(parts) for dtype, parts in sorted(self.pools.items())}
        np.savez_compressed(FOLDER / f"{self.name}.npz", **pools)
        head = {"family": self.name, "made_by": Path(sys.argv[0]).name, "versions": self.versions}
        lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in self.cases)
        text = json.dumps(head)[:-1] + ', "cases": [\n' + lines + "\n]}\n"
        (FOLDER / f"{self.name}.json").write_text(text, encoding="utf-8")
        print(f"{self.name}: {len(self.cases)} cases")


def draw(key: str, *shape: int, span: float = 2.0) -> Array:
    """Numbers in (-span, span), all different, none zero, exact in float32; the same for a key."""
    count = int(np.prod(shape))
    half = 64
    while 2 * half < 2 * count:
        half *= 2
    steps = np.random.default_rng(zlib.crc32(key.encode())).permutation(2 * half)[:count] - half
    return ((2 * steps + 1) / (2 * half) * span).reshape(shape)


def draw_integers(key: str, shape: tuple[int, ...], stop: int) -> Array:
    return np.random.default_rng(zlib.crc32(key.encode())).integers(0, stop, shape)


def draw_positive(key: str, *shape: int) -> Array:
    """Numbers in (0.25, 1.75), exact in float32."""
    return 1.0 + draw(key, *shape, span=0.75)
