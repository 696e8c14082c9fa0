"""Write down which names CuPy has, what their parameters are called, and the loops of its ufuncs.

Run where CuPy is installed; no GPU is needed:

    python tests/golden/make_cupy_surface.py

`support.strict` reads the file, so that whatever asks CuPy for more is found without it.
"""

import inspect
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import cupy
import ml_dtypes  # bfloat16 has loops only where it was there first

FILE = Path(__file__).with_name("cupy_surface.json")
MODULES = ("", "linalg", "fft", "lib.stride_tricks")
# What ufuncs can do besides being called, as their source says.
UFUNC = {
    "call": ["out", "dtype", "casting"],
    "at": ["add", "subtract", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor"],
    "reduce": ["add", "multiply"],
    "accumulate": ["add", "multiply"],
    "reduceat": ["add"],
    "outer": "all",
}


def parameters(thing: Any) -> list[str] | None:
    """The names of a function's parameters, from its signature or the first line of its text."""
    try:
        listed = inspect.signature(thing).parameters.values()
        return [("*" if p.kind is p.VAR_POSITIONAL else "**" if p.kind is p.VAR_KEYWORD else "")
                + p.name for p in listed]  # fmt: skip
    except (TypeError, ValueError):
        pass
    first = re.match(r"[\w.]+\((.*?)\)", (thing.__doc__ or "").strip().replace("\n", " "))
    if first is None:
        return None
    found = [one.split("=")[0].strip().split(" ")[-1] for one in first[1].split(",")]
    return [one for one in found if one and one not in ("/", "\\*", "*")]


def names(module: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in sorted(vars(module)):
        thing = getattr(module, name)
        if name.startswith("_") or isinstance(thing, ModuleType):
            continue
        if isinstance(thing, cupy.ufunc):
            found[name] = {"ufunc": [str(loop) for loop in thing.types], "nin": thing.nin}
        elif isinstance(thing, type):
            found[name] = "type"
        elif callable(thing):
            found[name] = parameters(thing)
        else:
            found[name] = "value"
    return found


def methods() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in sorted(dir(cupy.ndarray)):
        thing = getattr(cupy.ndarray, name)
        if name.startswith("_") and not name.startswith("__"):
            continue
        told = parameters(thing) if callable(thing) and not name.startswith("__") else None
        found[name] = [one for one in told if one != "self"] if told else told
    return found


def inner(path: str) -> Any:
    module = cupy
    for part in path.split(".") if path else ():
        module = getattr(module, part)
    return module


surface = {
    "cupy": cupy.__version__,
    "ml_dtypes": ml_dtypes.__version__,
    "modules": {path: names(inner(path)) for path in MODULES},
    "ndarray": methods(),
    "ufunc": UFUNC,
}
FILE.write_text(json.dumps(surface, separators=(",", ":")) + "\n", encoding="utf-8")
print(FILE, FILE.stat().st_size)
