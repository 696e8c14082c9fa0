"""What PyTorch's names in a pickle stand for: storages, tensors over them, sizes and devices."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import ml_dtypes
import numpy as np

from ..errors import FormatError, sentence
from .base import BFLOAT16, Array, DType, Limits, Shape, array_bytes, check_ratio, refuse
from .plain_objects import Arguments, Global

STORAGES: dict[str, DType] = {
    "FloatStorage": np.dtype("<f4"), "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"), "BFloat16Storage": BFLOAT16,
    "LongStorage": np.dtype("<i8"), "IntStorage": np.dtype("<i4"), "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"), "ByteStorage": np.dtype("u1"), "BoolStorage": np.dtype("?"),
    "ComplexFloatStorage": np.dtype("<c8"), "ComplexDoubleStorage": np.dtype("<c16"),
}  # fmt: skip
DTYPES: dict[str, DType] = {
    "float32": np.dtype("<f4"), "float64": np.dtype("<f8"), "float16": np.dtype("<f2"),
    "bfloat16": BFLOAT16, "int64": np.dtype("<i8"), "int32": np.dtype("<i4"),
    "int16": np.dtype("<i2"), "int8": np.dtype("i1"), "uint8": np.dtype("u1"),
    "uint16": np.dtype("<u2"), "uint32": np.dtype("<u4"), "uint64": np.dtype("<u8"),
    "bool": np.dtype("?"), "complex64": np.dtype("<c8"), "complex128": np.dtype("<c16"),
    "float8_e4m3fn": np.dtype(ml_dtypes.float8_e4m3fn),
    "float8_e5m2": np.dtype(ml_dtypes.float8_e5m2),
    "float8_e4m3fnuz": np.dtype(ml_dtypes.float8_e4m3fnuz),
    "float8_e5m2fnuz": np.dtype(ml_dtypes.float8_e5m2fnuz),
    "float8_e8m0fnu": np.dtype(ml_dtypes.float8_e8m0fnu),
}  # fmt: skip
UNTYPED = "torch.storage.UntypedStorage"
_BYTE = np.dtype("u1")
# Bytes are moved where they do not lie at a multiple of this: no element is wider.
_ALIGNMENT = 16


@dataclass(slots=True)
class Storage:
    """A run of elements in the file; `locate` is told once it is known where they lie.

    Attributes:
        key: its name in the container.
        dtype: element type; bytes where the storage is untyped.
        count: elements.
        typed: whether the file says what the elements are.
    """

    key: str
    dtype: DType
    count: int
    typed: bool
    locate: Callable[[], memoryview] | None = None
    _bytes: memoryview | None = field(default=None, repr=False)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.count * self.dtype.itemsize

    def bytes(self) -> memoryview:
        """Read the elements once; every tensor over this storage shares them."""
        if self._bytes is None:
            if self.locate is None:
                refuse(
                    f"storage {self.key!r}",
                    "must lie in the file",
                    "The file is damaged.",
                    bytes=self.nbytes,
                )
            self._bytes = _aligned(self.locate())
        return self._bytes


def _aligned(data: memoryview) -> memoryview:
    """Copy bytes that lie where wide elements cannot be read well."""
    there = np.frombuffer(data, np.uint8)
    if len(data) == 0 or there.ctypes.data % _ALIGNMENT == 0:
        return data
    return memoryview(there.copy()).toreadonly()


@dataclass(frozen=True, slots=True)
class View:
    """A part of a storage that the oldest files name as a storage of its own."""

    storage: Storage
    first: int
    count: int


@dataclass(frozen=True, slots=True, eq=False)  # optimizers have tensors as keys
class TensorRecord:
    """A tensor as the file describes it: strides and offset count elements of the storage."""

    storage: Storage
    dtype: DType
    shape: Shape
    strides: Shape
    offset: int

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor when each element is counted once."""
        return math.prod(self.shape) * self.dtype.itemsize

    def array(self) -> Array:
        """Look at the storage with the tensor's strides; the array is read-only."""
        width = self.dtype.itemsize
        if 0 in self.shape:
            return np.empty(self.shape, self.dtype)
        steps = tuple(step * width for step in self.strides)
        start = self.offset * width
        array: Array = np.ndarray(self.shape, self.dtype, self.storage.bytes(), start, steps)
        return array


class TensorMaker:
    """Turns the arguments of PyTorch's rebuilding functions into tensor records, checking all."""

    def __init__(self, subject: str, limits: Limits) -> None:
        self.subject = subject
        self.limits = limits

    def globals(self) -> tuple[Global, ...]:
        """List every name of PyTorch's that a checkpoint may use."""
        calls: dict[str, Callable[[Arguments], object]] = {
            "torch._utils._rebuild_tensor": self.rebuild_tensor,
            "torch._utils._rebuild_tensor_v2": self.rebuild_tensor_v2,
            "torch._utils._rebuild_tensor_v3": self.rebuild_tensor_v3,
            "torch._utils._rebuild_parameter": self.rebuild_parameter,
            "torch._utils._rebuild_parameter_with_state": self.rebuild_parameter,
            "torch._tensor._rebuild_from_type_v2": self.rebuild_from_type,
            "torch.Size": self.size,
            "torch.device": self.device,
            "torch.serialization._get_layout": self.layout,
        }
        names = [f"torch.{name}" for name in (*STORAGES, *DTYPES)]
        names += [f"torch.cuda.{name}" for name in STORAGES]
        names += [UNTYPED, "torch.Tensor", "torch._tensor.Tensor", "torch.nn.parameter.Parameter"]
        return (*(Global(name) for name in names), *(Global(*pair) for pair in calls.items()))

    def check(self, condition: bool, rule: str, **got: object) -> None:
        """Refuse the tensor unless `condition` holds."""
        if not condition:
            raise FormatError(sentence(f"{self.subject}: tensor", rule, got))

    def rebuild_tensor(self, arguments: Arguments) -> TensorRecord:
        """Take (storage, offset, size, stride)."""
        self.check(len(arguments) == 4, "must have 4 arguments", arguments=len(arguments))
        return self.typed(arguments)

    def rebuild_tensor_v2(self, arguments: Arguments) -> TensorRecord:
        """Take (storage, offset, size, stride, requires_grad, hooks[, metadata])."""
        self.check(len(arguments) in (6, 7), "must have 6 arguments", arguments=len(arguments))
        self.check_hooks(arguments[5])
        return self.typed(arguments)

    def rebuild_tensor_v3(self, arguments: Arguments) -> TensorRecord:
        """Take (untyped storage, offset, size, stride, requires_grad, hooks, dtype[, metadata])."""
        self.check(len(arguments) in (7, 8), "must have 7 arguments", arguments=len(arguments))
        self.check_hooks(arguments[5])
        named = arguments[6]
        name = named.name.removeprefix("torch.") if isinstance(named, Global) else ""
        self.check(name in DTYPES, "must have a known dtype", dtype=name)
        return self.record(arguments, DTYPES[name])

    def rebuild_parameter(self, arguments: Arguments) -> TensorRecord:
        """Take (tensor, requires_grad, hooks[, state])."""
        self.check(len(arguments) in (3, 4), "must have 3 arguments", arguments=len(arguments))
        tensor = arguments[0]
        if not isinstance(tensor, TensorRecord):
            refuse(f"{self.subject}: parameter", "must be a tensor", type=type(tensor).__name__)
        self.check_hooks(arguments[2])
        return tensor

    def rebuild_from_type(self, arguments: Arguments) -> TensorRecord:
        """Take (function, class, its arguments, attributes): a tensor that carries attributes."""
        self.check(len(arguments) == 4, "must have 4 arguments", arguments=len(arguments))
        function, _, inner, _ = arguments
        if not isinstance(function, Global) or function.call is None or type(inner) is not tuple:
            refuse(
                f"{self.subject}: tensor",
                "must be made by a known function",
                type=type(function).__name__,
            )
        # One step only: a function that is this one again could be nested without end.
        self.check(function.name.startswith("torch._utils."), "must be made by a known function",
                   name=function.name)  # fmt: skip
        tensor = function.call(inner)
        assert isinstance(tensor, TensorRecord)  # all names under torch._utils make one
        return tensor

    def size(self, arguments: Arguments) -> Shape:
        """Take one tuple of sizes."""
        sizes = arguments[0] if len(arguments) == 1 else None
        return self.counts(sizes, "torch.Size")

    def device(self, arguments: Arguments) -> str:
        """Take a kind and perhaps an index; where a tensor lay is only ever told."""
        parts = [str(part) for part in arguments if isinstance(part, (str, int))]
        self.check(
            len(parts) == len(arguments) in (1, 2),
            "a device has a kind and an index",
            arguments=len(arguments),
        )
        return ":".join(parts)

    def layout(self, arguments: Arguments) -> str:
        """Take the name of a layout; how a tensor was stored is only ever told."""
        name = arguments[0] if len(arguments) == 1 else None
        if not isinstance(name, str):
            refuse(f"{self.subject}: layout", "must be a name", type=type(name).__name__)
        return name

    def check_hooks(self, hooks: object) -> None:
        """Accept only an empty dict of hooks."""
        self.check(isinstance(hooks, dict) and not hooks, "must have no hooks",
                   hooks=type(hooks).__name__)  # fmt: skip

    def counts(self, values: object, name: str) -> Shape:
        """Check sizes, strides or offsets."""
        if not isinstance(values, (tuple, list)):
            refuse(f"{self.subject}: {name}", "must be a tuple", type=type(values).__name__)
        self.check(len(values) <= self.limits.max_axes, f"at most {self.limits.max_axes} axes",
                   axes=len(values))  # fmt: skip
        fit = all(type(value) is int and 0 <= value < 1 << 62 for value in values)
        self.check(
            fit,
            f"{name} must be integers that are not negative",
            types=sorted({type(one).__name__ for one in values}),
        )
        return tuple(values)

    def typed(self, arguments: Arguments) -> TensorRecord:
        """Make a tensor whose storage says what its elements are."""
        source = arguments[0]
        storage = source.storage if isinstance(source, View) else source
        if not isinstance(storage, Storage):
            refuse(f"{self.subject}: tensor", "must lie in a storage", type=type(storage).__name__)
        self.check(storage.typed, "its storage must say what the elements are", storage=storage.key)
        return self.record(arguments, storage.dtype)

    def record(self, arguments: Arguments, dtype: DType) -> TensorRecord:
        """Check that every element the strides can reach lies in the storage."""
        source, offset = arguments[0], arguments[1]
        view = View(source, 0, source.count) if isinstance(source, Storage) else source
        if not isinstance(view, View):
            refuse(f"{self.subject}: tensor", "must lie in a storage", type=type(view).__name__)
        storage = view.storage
        shape, strides = self.counts(arguments[2], "size"), self.counts(arguments[3], "stride")
        self.check(len(shape) == len(strides), "must have one stride for each axis",
                   size=shape, stride=strides)  # fmt: skip
        (first,) = self.counts((offset,), "offset")
        declared = array_bytes(f"{self.subject}: tensor", shape, dtype, self.limits)
        if storage.typed and storage.dtype != dtype:
            refuse(f"{self.subject}: tensor", "must have its storage's dtype", dtype=str(dtype))
        available = view.count * storage.dtype.itemsize // dtype.itemsize
        last = first + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
        self.check(first <= available if 0 in shape else last < available,
                   "must lie inside its storage", size=shape, stride=strides, offset=first,
                   elements=available)  # fmt: skip
        check_ratio(f"{self.subject}: tensor", declared, storage.nbytes, self.limits)
        return TensorRecord(storage, dtype, shape, strides, view.first + first)
