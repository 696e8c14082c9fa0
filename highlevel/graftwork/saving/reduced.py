"""Layers of Keras that were quantized, read as the plain layers they came of.

A kernel of whole numbers has a scale beside it, kernel = numbers / scale. Activations are not
rounded here, so outputs differ from those of Keras by that rounding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from graftgrad.errors import ConfigError, expect, warn
from graftgrad.formats import Entry

Config = dict[str, Any]

_POLICIES = ("QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy", "Int4DTypePolicy")
_MODES = ("int8", "float8")
_ADVICE = "Load it with Keras and save it as it was before quantize()."


def plain(config: Config, subject: str) -> Config:
    """Return the fields of a layer without what made it small, and say that it is left out.

    Raises:
        ConfigError: its numbers are packed in a way that is not read.
    """
    name, (mode, source) = str(config.get("name")), _policy(config.get("dtype"))
    if not mode:
        return config
    apart = mode.partition("/")[0] in _MODES and _in_order(config.get("equation"))
    expect(apart, subject, "a quantized layer must have whole numbers of 8 bits, one scale for "
           "each output", error=ConfigError, layer=name, mode=mode, advice=_ADVICE)  # fmt: skip
    warn(f"{subject}: layer {name!r} was quantized ({mode}): it computes in {source} here.")
    left = {key: one for key, one in config.items() if key != "quantization_config"}
    return {**left, "dtype": source}


def _policy(dtype: Any) -> tuple[str, str]:
    """Return how a layer was quantized and the policy it had before; "" for others."""
    if isinstance(dtype, Mapping) and dtype.get("class_name") in _POLICIES:
        told = dtype.get("config")
        inner = told if isinstance(told, Mapping) else {}
        if "mode" in inner:
            return str(inner["mode"]), str(inner.get("source_name") or "float32")
        dtype = inner.get("name")
    mode, _, source = dtype.partition("_from_") if isinstance(dtype, str) else ("", "", "")
    return (mode, source) if source else ("", "")


def _in_order(equation: Any) -> bool:
    """Tell whether the axes of a kernel that an equation keeps come last: these have the scales."""
    if not isinstance(equation, str):
        return True
    operands, _, result = equation.partition("->")
    kept = [letter in result for letter in operands.partition(",")[2]]
    return kept == sorted(kept)


def scaled(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Put kernels in the place of whole numbers and their scales, in Keras 3's layout."""
    found = dict(entries)
    for name, entry in entries.items():
        group, _, number = name.rpartition("/")
        if number != "0" or entry.dtype != np.int8:
            continue
        listed = [one for i in range(1, 4) if (one := f"{group}/{i}") in entries]
        last = entries[listed[-1]] if listed else entry
        table = "embedding" in group.removesuffix("/vars").rpartition("/")[2]
        shape = _spread(entry.shape, last.shape, table)
        if shape is not None and last.dtype.kind == "f":
            found[name] = _divided(entry, last, shape)
            del found[listed[-1]]
    return found


def scaled_by_name(inside: list[tuple[str, Entry]]) -> list[tuple[str, Entry]]:
    """Do the same for one layer of the older layout, where names tell a scale."""
    known = {name.split(":")[0]: entry for name, entry in inside}
    found = []
    for name, entry in inside:
        bare = name.split(":")[0]
        scale = known.get(f"{bare}_scale")
        if entry.dtype == np.int8 and scale is not None:
            table = bare.rpartition("/")[2] == "embeddings"
            shape = _spread(entry.shape, scale.shape, table)
            entry = entry if shape is None else _divided(entry, scale, shape)
        if not (bare.endswith("_scale") and bare.removesuffix("_scale") in known):
            found.append((name, entry))
    return found


def _spread(kernel: tuple[int, ...], scale: tuple[int, ...], table: bool) -> tuple[int, ...] | None:
    """Return the shape in which a scale is laid over a kernel; None if it is none."""
    if table:
        return (*scale, *(1,) * (len(kernel) - 1)) if scale == kernel[:1] else None
    while scale and scale[0] == 1:
        scale = scale[1:]
    fits = len(scale) < len(kernel) and kernel[len(kernel) - len(scale) :] == scale
    return scale if fits and math.prod(scale) > 0 else None


def _divided(entry: Entry, scale: Entry, shape: tuple[int, ...]) -> Entry:
    def read() -> Any:
        numbers, by = entry.read(), scale.read().reshape(shape)
        kernel: Any = numbers.astype(by.dtype) / np.where(by == 0, 1, by)
        return kernel

    return Entry(entry.shape, scale.dtype, read)
