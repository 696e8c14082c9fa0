"""A device that offers no more than CuPy does: its arrays are NumPy's, in a wrapping that refuses.

Whatever CuPy would not do is refused with an error: names and arguments that it has not (they stand
in golden/cupy_surface.json), element types without a loop, and NumPy arrays beside its own. That
results are right on a GPU, and how fast, is not told by it.
"""

import json
import weakref
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from graftgrad import modes
from graftgrad.device import find
from graftgrad.device.base import Device
from graftgrad.spec import DType, Spec, bfloat16

SURFACE = json.loads(
    (Path(__file__).parents[1] / "golden" / "cupy_surface.json").read_text(encoding="utf-8")
)
# Functions that take NumPy's arrays: they copy them to the device.
TAKES_HOST = {"array", "asarray", "ascontiguousarray", "asanyarray"}
# Functions that wait for the device: shapes or choices depend on values.
READS = {"nonzero", "flatnonzero", "argwhere", "unique", "extract", "array_equal", "allclose"}

# Functions that hand the device a table of addresses where they join many arrays.
JOINS = {"concatenate", "stack", "hstack", "vstack", "dstack", "column_stack"}
MOST_JOINED = 8

ATOMIC = {"int32", "uint32", "uint64", "float32", "float64"}
EINSUM = ["subscripts", "*operands", "dtype", "optimize"]

# What made the host wait, and what copied values of the host to the device, since somebody looked.
# Neither can be part of a CUDA graph.
reads: list[str] = []
copies: list[str] = []


class Unportable(TypeError):
    """Something that CuPy does not do."""


class Flags:
    """CuPy's flags: it has no `writeable`."""

    def __init__(self, array: Any) -> None:
        self.c_contiguous = array.flags.c_contiguous
        self.f_contiguous = array.flags.f_contiguous
        self.owndata = array.flags.owndata


class Pointer:
    """Where an array begins."""

    def __init__(self, ptr: int) -> None:
        self.ptr = ptr


class StrictArray:
    """An array that has what CuPy's arrays have; views know whose memory they show."""

    __array_ufunc__ = None
    __slots__ = ("__weakref__", "_array", "_owner")

    def __init__(self, array: Any) -> None:
        self._array = array
        root = array
        while isinstance(getattr(root, "base", None), np.ndarray):
            root = root.base
        known = _owners.get(id(root))
        if known is not None and known._array is not root:
            known = None  # of memory that was there before
        if known is None and root is not array:
            known = StrictArray(root)
        self._owner = known
        if known is None:
            _owners[id(root)] = self

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise Unportable("Implicit conversion to a NumPy array is not allowed")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in SURFACE["ndarray"]:
            raise AttributeError(f"cupy.ndarray has no attribute {name!r}")
        if name == "flags":
            return Flags(self._array)
        if name == "base":
            return self._owner
        if name == "data":
            return Pointer(self._array.__array_interface__["data"][0])
        if name in ("get", "item", "tolist", "nonzero"):
            reads.append(name)
        told = SURFACE["ndarray"][name]
        found = getattr(self._array, name)
        if name == "diagonal":
            return lambda *args: _free(found(*args))
        if not callable(found):
            return _wrapped(found)
        return _checked(f"ndarray.{name}", found, told)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("_array", "_owner"):
            object.__setattr__(self, name, value)
        elif name == "shape":
            self._array.shape = value
        else:
            raise AttributeError(f"cupy.ndarray.{name} is not set")

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Iterator[Any]:
        return (_wrapped(one) for one in self._array)

    def __getitem__(self, where: Any) -> Any:
        where = _index(where)
        found = self._array[where]
        if isinstance(found, np.generic):  # a view without axes, of CuPy
            found = self._array[(*where, ...) if isinstance(where, tuple) else (where, ...)]
        return _wrapped(found)

    def __setitem__(self, where: Any, value: Any) -> None:
        self._array[_index(where)] = _bare("ndarray.__setitem__", value)

    def __bool__(self) -> bool:
        reads.append("bool")
        return bool(self._array)

    def __int__(self) -> int:
        reads.append("int")
        return int(self._array)

    def __float__(self) -> float:
        reads.append("float")
        return float(self._array)

    def __complex__(self) -> complex:
        reads.append("complex")
        return complex(self._array)

    def __repr__(self) -> str:
        return f"strict {self._array!r}"

    __hash__ = None  # type: ignore[assignment]


_owners: weakref.WeakValueDictionary[int, StrictArray] = weakref.WeakValueDictionary()


def _operator(name: str) -> Callable[..., Any]:
    def operator(self: StrictArray, *others: Any) -> Any:
        given = [_bare(f"ndarray.{name}", other) for other in others]
        ufunc = OPERATORS.get(name.strip("_").removeprefix("r").removeprefix("i"))
        if ufunc is not None:
            _loops(ufunc, [self._array, *given])
        result = getattr(self._array, name)(*given)
        if result is NotImplemented:
            return result
        if name.startswith("__i") and name not in ("__invert__",):
            self._array = result
            return self
        return _wrapped(result)

    return operator


OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide",
    "floordiv": "floor_divide", "mod": "remainder", "pow": "power", "and": "bitwise_and",
    "or": "bitwise_or", "xor": "bitwise_xor", "neg": "negative", "nvert": "invert",
}  # fmt: skip
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or",
              "xor", "lshift", "rshift"):  # fmt: skip
    for _form in ("", "r", "i"):
        if f"__{_form}{_name}__" in SURFACE["ndarray"]:
            setattr(StrictArray, f"__{_form}{_name}__", _operator(f"__{_form}{_name}__"))
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "neg", "pos", "abs", "invert"):
    setattr(StrictArray, f"__{_name}__", _operator(f"__{_name}__"))


def _bare(subject: str, value: Any, takes_host: bool = False) -> Any:
    """Take the wrapping off; refuse arrays of NumPy."""
    if isinstance(value, StrictArray):
        return value._array
    if isinstance(value, np.ndarray) and not takes_host:
        raise Unportable(f"{subject}: unsupported type numpy.ndarray {value.shape}")
    if isinstance(value, (tuple, list)):
        return type(value)([_bare(subject, one, takes_host) for one in value])
    return value


def _wrapped(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return StrictArray(value)
    if isinstance(value, np.generic):  # CuPy returns arrays without axes
        return StrictArray(np.asarray(value))
    if isinstance(value, tuple) and any(isinstance(one, np.ndarray) for one in value):
        found = [_wrapped(one) for one in value]
        return type(value)(*found) if hasattr(value, "_fields") else tuple(found)
    if isinstance(value, list):
        return [_wrapped(one) for one in value]
    return value


def _free(part: Any) -> Any:
    part.flags.writeable = True  # only NumPy hands it out read-only
    return StrictArray(part)


def _from_host(value: Any) -> bool:
    """Tell whether an array is made of values of the host; one number is handed to a kernel."""
    return not isinstance(value, StrictArray) and np.ndim(value) > 0


def _index(where: Any) -> Any:
    for one in where if isinstance(where, tuple) else (where,):
        if isinstance(one, StrictArray) and one._array.dtype == bool:
            reads.append("mask")
        if isinstance(one, list):
            copies.append("list of indices")
    return _bare("ndarray.__getitem__", where)


def _checked(subject: str, function: Callable[..., Any], told: list[str] | None) -> Any:
    def called(*args: Any, **kwargs: Any) -> Any:
        name = subject.rpartition(".")[2]
        if told is not None and not any(one.startswith("**") for one in told):
            unknown = set(kwargs) - set(told)
            if unknown:
                raise Unportable(f"cupy's {subject} has no argument {sorted(unknown)}")
            if not any(one.startswith("*") for one in told) and len(args) > len(told):
                raise Unportable(f"cupy's {subject} takes {told}; got {len(args)} arguments")
        if kwargs.get("kind") not in (None, "stable") and "sort" in name:
            raise Unportable(f"cupy's {subject} has no kind {kwargs['kind']!r}")
        if name in READS or (name == "where" and len(args) == 1):
            reads.append(name)
        host = name in TAKES_HOST
        if host and _from_host(args[0]):
            copies.append(name)
        if name == "take" and any(isinstance(one, (list, tuple)) for one in args[:2]):
            copies.append(name)
        if name in JOINS and len(args[0]) > MOST_JOINED:
            copies.append(f"{name} of {len(args[0])}")
        result = function(
            *[_bare(subject, one, host) for one in args],
            **{key: _bare(subject, one, host) for key, one in kwargs.items()},
        )
        return kwargs["out"] if kwargs.get("out") is not None else _wrapped(result)

    return called


class StrictUfunc:
    """A ufunc with the loops, the arguments and the methods that CuPy's has."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nin = SURFACE["modules"][""][name]["nin"]
        self.ufunc = getattr(np, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        unknown = set(kwargs) - set(SURFACE["ufunc"]["call"])
        if unknown:
            raise Unportable(f"cupy.{self.name} has no argument {sorted(unknown)}")
        given = [_bare(f"cupy.{self.name}", one) for one in args]
        _loops(self.name, given[: self.nin], kwargs.get("dtype"))
        if kwargs.get("out") is not None:
            kwargs["out"] = _bare(self.name, kwargs["out"])
        return _wrapped(self.ufunc(*given, **kwargs))

    def __getattr__(self, name: str) -> Any:
        having = SURFACE["ufunc"].get(name, ())
        if having != "all" and self.name not in having:
            raise NotImplementedError(f"cupy.{self.name}.{name} is not supported")
        if name == "at":
            return self._at
        return _checked(f"{self.name}.{name}", getattr(self.ufunc, name), None)

    def _at(self, target: Any, where: Any, values: Any) -> None:
        if target.dtype.name not in ATOMIC | ({"float16"} if self.name == "add" else set()):
            raise Unportable(f"cupy.{self.name}.at is not atomic for {target.dtype}")
        where, values = _bare(self.name, where), _bare(self.name, values)
        self.ufunc.at(_bare(self.name, target), where, values.astype(target.dtype))


def _loops(name: str, given: list[Any], dtype: Any = None) -> None:
    """Refuse element types for which CuPy has no loop."""
    loops = _loop_types(name)
    if dtype is not None or loops is None:
        return
    types = [one.dtype for one in given if isinstance(one, (np.ndarray, np.generic))]
    if not types:
        return
    common = np.result_type(*types)
    weak = [one for one in given if not isinstance(one, (np.ndarray, np.generic))]
    if any(isinstance(one, float) for one in weak) and common.kind in "biu":
        common = np.dtype("float64")
    for loop in loops:
        if all(np.can_cast(common, one) or np.can_cast(t, one)
               for t, one in zip([*types, *[common] * len(weak)], loop, strict=False)):  # fmt: skip
            return
    raise Unportable(f"cupy.{name} has no loop for {[str(t) for t in types]}")


@cache
def _loop_types(name: str) -> Any:
    told = SURFACE["modules"][""].get(name)
    if not isinstance(told, dict):
        return None
    return [[bfloat16 if c == "E" else np.dtype(c) for c in one.split("->")[0]]
            for one in told["ufunc"]]  # fmt: skip


class StrictNamespace:
    """The module `cupy`, or a part of it."""

    def __init__(self, path: str = "") -> None:
        self._path = path

    def __getattr__(self, name: str) -> Any:
        inner = f"{self._path}.{name}".strip(".")
        if inner in SURFACE["modules"] or inner == "lib":
            return StrictNamespace(inner)
        told = SURFACE["modules"].get(self._path, {}).get(name, "")
        if told == "":
            raise AttributeError(f"cupy has no {inner}")
        if name == "ndarray" and not self._path:
            return StrictArray
        module: Any = np
        for part in self._path.split(".") if self._path else ():
            module = getattr(module, part)
        if isinstance(told, dict):
            return StrictUfunc(name)
        found = getattr(module, name)
        told = EINSUM if name == "einsum" else told
        return found if told in ("value", "type") else _checked(inner, found, told)


class Strict(Device):
    """The device."""

    kind = "strict"
    recorded = False

    @property
    def xp(self) -> Any:
        return StrictNamespace()

    def empty(self, spec: Spec) -> Any:
        array = StrictArray(np.empty(spec.shape, spec.dtype))
        if array._array.dtype.kind in "fc":
            array._array[...] = np.nan  # what is not written shows itself
        return array

    def put(self, host: Any, dtype: DType) -> Any:
        assert not isinstance(host, StrictArray)
        return StrictArray(np.array(host, dtype=dtype, order="C"))

    def write(self, array: Any, host: Any) -> None:
        assert not isinstance(host, StrictArray)
        array._array[...] = host

    def writable(self, array: Any) -> bool:
        sizes = zip(array.shape, array.strides, strict=True)
        return all(size < 2 or stride for size, stride in sizes)

    def fetch(self, array: Any) -> Any:
        if (recorder := modes.recorder()) is not None:
            recorder.read(array)
        return array._array.copy()


strict = Strict()
find._DEVICES.setdefault("strict", strict)

__all__ = ["Strict", "StrictArray", "Unportable", "copies", "reads", "strict"]
