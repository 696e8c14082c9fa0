"""The tensor: values, a place in the graph, and the operators people write without thinking.

What the operators compute stands in `ops`; how gradients flow in `engine`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from . import engine, modes
from .device.base import Array, Device, HostArray
from .device.find import device as find_device
from .errors import DTypeError, GradientError, ShapeError, expect
from .node import Counter, Node
from .ops import arithmetic, compare, exponential, index, operand, parts, reduce, shape, update
from .ops.matmul import matmul
from .spec import (
    DType,
    Shape,
    Spec,
    as_dtype,
    bfloat16,
    bool_,
    complex64,
    float32,
    int64,
    is_differentiable,
)

Number = float  # by another name: `float` is a method of tensors
# The tensor whose memory a view shows, and the functions that lead from it to the view, in order;
# None in place of the functions where it was made while nothing was recorded.
ViewOf = tuple["Tensor", "tuple[Any, ...] | None"]
GradientHook = Callable[["Tensor"], "Tensor | None"]


class Handle:
    """What a registered hook is removed with."""

    def __init__(self, hooks: list[Any], hook: Any) -> None:
        self.hooks = hooks
        self.hook = hook
        self.registered = True

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        if self.registered:
            self.hooks.remove(self.hook)
            self.registered = False


class Tensor:
    """An array of numbers that remembers how it was computed.

    Attributes:
        grad: the gradient that `backward` has added up, or None.
        grad_fn: the node of the graph this tensor came from; None for a leaf.
        requires_grad: whether gradients are wanted. Set it on leaves only.
    """

    __slots__ = (
        "__weakref__",
        "_keras_mask",
        "accumulated_hooks",
        "array",
        "counter",
        "device",
        "grad",
        "grad_buffer",
        "grad_fn",
        "hooks",
        "output_index",
        "spec",
        "view_of",
        "wants",
    )
    _keras_mask: Any  # what layers lay beside the values; unset elsewhere, never read here
    __array_priority__ = 1000  # numpy_array * tensor is ours to compute

    def __init__(
        self,
        array: Array,
        spec: Spec,
        device: Device,
        grad_fn: Node | None = None,
        output_index: int = 0,
        counter: Counter | None = None,
    ) -> None:
        self.array = array
        self.spec = spec
        self.device = device
        self.grad_fn = grad_fn
        self.output_index = output_index
        self.counter = Counter() if counter is None else counter
        self.wants = grad_fn is not None
        self.view_of: ViewOf | None = None
        self.grad: Tensor | None = None
        self.grad_buffer: Tensor | None = None
        self.hooks: Sequence[GradientHook] = ()
        self.accumulated_hooks: Sequence[Callable[[Tensor], None]] = ()

    def autocast(self) -> Tensor:
        """Return what an op computes with: this tensor; weights have a say in it."""
        return self

    # -- description ---------------------------------------------------------------------------

    @property
    def shape(self) -> Shape:
        """The size of every axis."""
        return self.spec.shape

    @property
    def dtype(self) -> DType:
        """The element type."""
        return self.spec.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.spec.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.spec.size

    @property
    def nbytes(self) -> int:
        """The number of bytes of its elements."""
        return self.spec.nbytes

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are wanted."""
        return self.wants

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        expect(self.grad_fn is None, "requires_grad", "can be set on leaves only",
               error=GradientError, grad_fn=self.grad_fn,
               advice="Use .detach() to cut a result off from its history.")  # fmt: skip
        expect(not wanted or is_differentiable(self.dtype), "requires_grad",
               "only real and complex numbers have gradients", error=DTypeError,
               dtype=str(self.dtype))  # fmt: skip
        self.wants = bool(wanted)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad` and return the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether it came from no recorded operation."""
        return self.grad_fn is None

    @property
    def version(self) -> int:
        """How often its buffer was changed in place."""
        return self.counter.value

    # -- making others -------------------------------------------------------------------------

    @staticmethod
    def result_of(
        array: Array,
        spec: Spec,
        device: Device,
        grad_fn: Node | None = None,
        output_index: int = 0,
        counter: Counter | None = None,
    ) -> Tensor:
        """Make a plain tensor, whatever subclass the operand was."""
        return Tensor(array, spec, device, grad_fn, output_index, counter)

    result = result_of

    def like(self, values: Any) -> Tensor:
        """Return host values as a tensor on this tensor's device."""
        return tensor(values, device=self.device)

    def constant(self, number: complex, dtype: DType) -> Tensor:
        """Return a number as a tensor without axes on this tensor's device."""
        if dtype.kind in "iu":
            bounds = np.iinfo(dtype)
            fits = number == number.real and bounds.min <= number.real <= bounds.max
            expect(fits, "number", f"must fit into {dtype}",
                   error=DTypeError, number=number)  # fmt: skip
        with np.errstate(over="ignore"):
            host = np.asarray(number, dtype)
        return Tensor(self.device.put(host, dtype), Spec((), dtype), self.device)

    def zeros(self, spec: Spec) -> Tensor:
        """Return zeros of a description on this tensor's device."""
        empty = Tensor(self.device.empty(spec), spec, self.device)
        return operand.full_like(empty, 0)

    def detach(self) -> Tensor:
        """Return the same values without a history; memory is shared."""
        return Tensor(self.array, self.spec, self.device, counter=self.counter)

    def clone(self) -> Tensor:
        """Return the same values in memory of their own; gradients flow."""
        return operand.copy(self)

    def contiguous(self) -> Tensor:
        """Return the values in row-major order; itself where they are already."""
        return operand.contiguous(self)

    def to(self, target: Any) -> Tensor:
        """Convert to an element type, or move to a device.

        Raises:
            DTypeError: there is no such element type.
            DeviceError: there is no such device.
        """
        if isinstance(target, Device) or target in ("cpu", "meta"):
            place = find_device(target)
            if place is self.device:
                return self
            host = self.device.fetch(self.array) if place.computes else np.empty(self.shape, "?")
            return Tensor(place.put(host, self.dtype), self.spec.like(), place)
        return operand.cast(self, target)

    astype = to

    def float(self) -> Tensor:
        """Convert to float32."""
        return operand.cast(self, float32)

    # -- values --------------------------------------------------------------------------------

    def numpy(self) -> HostArray:
        """Return the values as a NumPy array; on the CPU memory is shared.

        Raises:
            GradientError: gradients are wanted; use `.detach().numpy()`.
        """
        expect(not self.wants, "numpy", "the tensor must not want gradients", error=GradientError,
               advice="Use .detach().numpy().", requires_grad=True)  # fmt: skip
        self.counter.lent = True
        return self.device.fetch(self.array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> HostArray:
        expect(not self.wants, "numpy", "a tensor that wants gradients must not leave the graph",
               error=GradientError, x=self.spec,
               advice="Use functions of graftgrad.ops, or .detach() to cut it off.")  # fmt: skip
        host = self.device.fetch(self.array)
        made = np.array(host, dtype=dtype) if copy else np.asarray(host, dtype=dtype)
        self.counter.lent = self.counter.lent or made is host
        if copy is False and made is not host:
            raise ValueError(f"numpy: {self.dtype} must be copied to be {dtype}; got copy=False.")
        return made

    def item(self) -> Any:
        """Return the only element as a Python number.

        Raises:
            ShapeError: there are several elements.
        """
        expect(self.size == 1, "item", "there must be exactly one element", x=self.spec)
        return self.device.fetch(self.array).reshape(()).item()

    def tolist(self) -> Any:
        """Return the values as nested lists of Python numbers."""
        return self.device.fetch(self.array).tolist()

    def __float__(self) -> Number:
        return float(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __index__(self) -> int:
        expect(
            self.dtype.kind in "iu", "index", "must be an integer", error=DTypeError, x=self.spec
        )
        return int(self.item())

    def __len__(self) -> int:
        expect(self.ndim > 0, "len", "there must be at least one axis", x=self.spec)
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        for i in range(len(self)):
            yield self[i]

    def __format__(self, form: str) -> str:
        return format(self.item(), form) if form else str(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        expect(self.grad_fn is None, "copy", "only leaves can be copied or pickled",
               error=GradientError, grad_fn=self.grad_fn,
               advice="Use .clone() to copy it with its history, .detach() without.")  # fmt: skip
        return super().__reduce_ex__(protocol)

    def __repr__(self) -> str:
        if self.device.computes:
            host = self.device.fetch(self.array)
            values = np.array2string(host, separator=", ", prefix="tensor(", threshold=100)
        else:
            values = f"shape={self.shape}"
        notes = [values]
        if self.dtype not in (float32, int64, bool_):
            notes.append(f"dtype={self.dtype}")
        if self.device.kind != "cpu":
            notes.append(f"device={str(self.device)!r}")
        if self.grad_fn is not None:
            notes.append(f"grad_fn={self.grad_fn!r}")
        elif self.wants:
            notes.append("requires_grad=True")
        return f"tensor({', '.join(notes)})"

    # -- differentiation -----------------------------------------------------------------------

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Sequence[Tensor] | None = None,
    ) -> None:
        """Add the gradients of this tensor to the `.grad` of the leaves it was computed from.

        Args:
            gradient: what is multiplied from the left; 1 for a tensor of one element.
            retain_graph: keep the graph for another backward; as `create_graph` if None.
            create_graph: record the gradients themselves, for higher derivatives.
            inputs: the only leaves to add to; all of them if None.

        Raises:
            GradientError: the tensor has no history, or several elements and no gradient is given.
        """
        engine.backward(
            self, None if gradient is None else [gradient], retain_graph, create_graph, inputs
        )

    def register_hook(self, hook: GradientHook) -> Handle:
        """Call `hook(gradient)` when this tensor's gradient is known; what it returns replaces it.

        Raises:
            GradientError: no gradient is wanted here.
        """
        expect(self.wants, "register_hook", "the tensor must require a gradient",
               error=GradientError, x=self.spec)  # fmt: skip
        if self.grad_fn is not None:
            hooks = self.grad_fn.hooks.setdefault(self.output_index, [])
        else:
            hooks = self.hooks = self.hooks if isinstance(self.hooks, list) else []
        hooks.append(hook)
        return Handle(hooks, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> Handle:
        """Call `hook(leaf)` after a gradient was added to this leaf's `.grad`.

        Raises:
            GradientError: it is not a leaf.
        """
        expect(self.grad_fn is None, "register_post_accumulate_grad_hook", "must be a leaf",
               error=GradientError, grad_fn=self.grad_fn)  # fmt: skip
        known = self.accumulated_hooks
        hooks = self.accumulated_hooks = known if isinstance(known, list) else []
        hooks.append(hook)
        return Handle(hooks, hook)

    def retain_grad(self) -> None:
        """Let `backward` fill `.grad` of this intermediate result too.

        Raises:
            GradientError: no gradient is wanted here.
        """
        expect(self.wants, "retain_grad", "the tensor must require a gradient",
               error=GradientError, x=self.spec)  # fmt: skip
        if self.grad_fn is not None:
            self.grad_fn.retained[self.output_index] = weakref.ref(self)

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self.grad = None

    # -- changes in place ----------------------------------------------------------------------

    def copy_(self, values: Any) -> Tensor:
        """Write values into this tensor in place, converted to its element type.

        Raises:
            ShapeError: the values do not stretch to its shape.
            GradientError: it is part of a graph that is being recorded.
        """
        return update.assign(self, values if isinstance(values, Tensor) else self.like(values))

    def add_(self, values: Any) -> Tensor:
        """Add in place."""
        return update.assign(self, arithmetic.add(self.detach(), values))

    def sub_(self, values: Any) -> Tensor:
        """Subtract in place."""
        return update.assign(self, arithmetic.sub(self.detach(), values))

    def mul_(self, values: Any) -> Tensor:
        """Multiply in place."""
        return update.assign(self, arithmetic.mul(self.detach(), values))

    def div_(self, values: Any) -> Tensor:
        """Divide in place."""
        return update.assign(self, arithmetic.div(self.detach(), values))

    def fill_(self, value: complex) -> Tensor:
        """Set every element to one value in place."""
        return update.assign(self, self.constant(value, self.dtype))

    def zero_(self) -> Tensor:
        """Set every element to 0 in place."""
        return self.fill_(0)

    def __setitem__(self, where: Any, values: Any) -> None:
        """Write into a part in place, named as NumPy names it, by arrays and masks too."""
        expect(not (modes.recording() and self.wants), "assignment to a part",
               "the tensor must not be part of a graph while it is changed in place",
               error=GradientError, x=self.spec,
               advice="Change it inside `with no_grad():`, or use where().")  # fmt: skip
        index.setitem(
            self.detach(), where, values if isinstance(values, Tensor) else self.like(values)
        )

    # -- operators -----------------------------------------------------------------------------

    def __add__(self, other: Any) -> Tensor:
        return arithmetic.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return arithmetic.add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return arithmetic.sub(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return arithmetic.sub(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return arithmetic.mul(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return arithmetic.mul(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return arithmetic.div(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return arithmetic.div(other, self)

    def __floordiv__(self, other: Any) -> Tensor:
        return arithmetic.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return arithmetic.floor_divide(other, self)

    def __mod__(self, other: Any) -> Tensor:
        return arithmetic.remainder(self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return arithmetic.remainder(other, self)

    def __pow__(self, other: Any) -> Tensor:
        return arithmetic.power(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return arithmetic.power(other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return matmul(other, self)

    def __neg__(self) -> Tensor:
        return arithmetic.neg(self)

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return arithmetic.abs(self)

    def __invert__(self) -> Tensor:
        return compare.logical_not(self)

    def __and__(self, other: Any) -> Tensor:
        return compare.logical_and(self, other)

    def __or__(self, other: Any) -> Tensor:
        return compare.logical_or(self, other)

    __rand__ = __and__
    __ror__ = __or__

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]
        return compare.equal(self, other) if _comparable(other) else NotImplemented

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]
        return compare.not_equal(self, other) if _comparable(other) else NotImplemented

    def __lt__(self, other: Any) -> Tensor:
        return compare.less(self, other)

    def __le__(self, other: Any) -> Tensor:
        return compare.less_equal(self, other)

    def __gt__(self, other: Any) -> Tensor:
        return compare.greater(self, other)

    def __ge__(self, other: Any) -> Tensor:
        return compare.greater_equal(self, other)

    __hash__ = object.__hash__

    def __getitem__(self, where: Any) -> Tensor:
        return index.getitem(self, where)

    # -- methods of the same name as ops -------------------------------------------------------

    @property
    def T(self) -> Tensor:
        """The axes in reverse order."""
        return shape.transpose(self)

    def reshape(self, *sizes: Any) -> Tensor:
        """Give another shape of as many elements; one size may be −1."""
        return shape.reshape(self, *sizes)

    def transpose(self, *axes: Any) -> Tensor:
        """Put axes into another order; none given turns their order round."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return shape.transpose(self, order or None)

    permute = transpose

    def flatten(self, start_axis: int = 0, end_axis: int = -1) -> Tensor:
        """Join axes into one."""
        return shape.flatten(self, start_axis, end_axis)

    def squeeze(self, axis: Any = None) -> Tensor:
        """Drop axes of size 1."""
        return shape.squeeze(self, axis)

    def unsqueeze(self, axis: int) -> Tensor:
        """Insert an axis of size 1."""
        return shape.expand_dims(self, axis)

    def expand(self, *sizes: Any) -> Tensor:
        """Stretch axes of size 1."""
        wanted = sizes[0] if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
        return shape.broadcast_to(self, tuple(wanted))

    @property
    def real(self) -> Tensor:
        """The real part, a view; itself where numbers are real."""
        return parts.real(self)

    @property
    def imag(self) -> Tensor:
        """The imaginary part, a view; zeros where numbers are real."""
        return parts.imag(self)

    def conj(self) -> Tensor:
        """Conjugate; itself where numbers are real."""
        return parts.conj(self)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Add elements over axes."""
        return reduce.sum(self, axis, keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Average elements over axes."""
        return reduce.mean(self, axis, keepdims)

    def var(self, axis: Any = None, keepdims: bool = False, correction: int = 0) -> Tensor:
        """Spread around the mean over axes."""
        return reduce.var(self, axis, keepdims, correction)

    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Largest element over axes."""
        return reduce.max(self, axis, keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Smallest element over axes."""
        return reduce.min(self, axis, keepdims)

    def prod(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Product of elements over axes."""
        return reduce.prod(self, axis, keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Whether every element over axes is true."""
        return reduce.all(self, axis, keepdims)

    def any(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Whether at least one element over axes is true."""
        return reduce.any(self, axis, keepdims)

    def argmax(self, axis: int | None = None) -> Tensor:
        """Place of the largest element."""
        return compare.argmax(self, axis)

    def argmin(self, axis: int | None = None) -> Tensor:
        """Place of the smallest element."""
        return compare.argmin(self, axis)

    def exp(self) -> Tensor:
        """Exponential."""
        return exponential.exp(self)

    def log(self) -> Tensor:
        """Natural logarithm."""
        return exponential.log(self)

    def sqrt(self) -> Tensor:
        """Square root."""
        return exponential.sqrt(self)

    def tanh(self) -> Tensor:
        """Hyperbolic tangent."""
        return exponential.tanh(self)

    def sigmoid(self) -> Tensor:
        """Logistic function."""
        return exponential.sigmoid(self)

    def abs(self) -> Tensor:
        """Drop the sign."""
        return arithmetic.abs(self)

    def clip(self, lower: Any = None, upper: Any = None) -> Tensor:
        """Keep within bounds."""
        return arithmetic.clip(self, lower, upper)


def _comparable(other: object) -> bool:
    numbers = (Tensor, bool, int, float, complex, list, tuple, np.ndarray, np.generic)
    return isinstance(other, numbers) or hasattr(other, "__array__")


def tensor(
    data: Any,
    dtype: object = None,
    device: str | Device | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Copy numbers, nested lists or an array into a tensor.

    Python's real numbers become float32, its complex ones complex64, its integers int64; arrays
    keep their element type.

    Raises:
        ShapeError: nested lists are of unequal lengths.
        DTypeError: the elements are no numbers.
    """
    place = find_device(device)
    if isinstance(data, Tensor):
        made = data.to(place).detach().clone() if data.device is place else data.detach().to(place)
        made = made if dtype is None else made.to(dtype).detach()
        made.requires_grad = requires_grad
        return made
    try:
        host = np.asarray(data)
    except ValueError as error:
        raise ShapeError(f"tensor: nested lists must have equal lengths; got {error}.") from error
    expect(host.dtype.kind in "biufc" or host.dtype == bfloat16, "tensor",
           "elements must be numbers", error=DTypeError, dtype=str(host.dtype))  # fmt: skip
    wanted = _host_dtype(data, host) if dtype is None else as_dtype(dtype)
    expect(host.dtype.kind != "c" or wanted.kind in "cb", "tensor",
           "a real type needs real elements", error=DTypeError, advice="Take their .real first.",
           elements=str(host.dtype), dtype=str(wanted))  # fmt: skip
    if host is not data and host.dtype.kind in "iu" and wanted.kind in "iu" and host.size:
        bounds = np.iinfo(wanted)
        expect(int(host.min()) >= bounds.min and int(host.max()) <= bounds.max, "tensor",
               f"elements must fit into {wanted}", error=DTypeError,
               smallest=int(host.min()), largest=int(host.max()))  # fmt: skip
    made = Tensor(place.put(host, wanted), Spec(host.shape, wanted), place)
    made.requires_grad = requires_grad
    return made


def _host_dtype(data: Any, host: HostArray) -> DType:
    if isinstance(data, (np.ndarray, np.generic)) or hasattr(data, "__array_interface__"):
        return as_dtype(host.dtype.newbyteorder("="))
    if host.dtype == np.float64:
        return float32
    if host.dtype == np.complex128:
        return complex64
    return as_dtype(host.dtype)


def as_tensor(data: Any, dtype: object = None, device: str | Device | None = None) -> Tensor:
    """Return data as a tensor; a CPU array of the right type is shared, not copied."""
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    place = find_device(device)
    fits = isinstance(data, np.ndarray) and (dtype is None or data.dtype == as_dtype(dtype))
    if fits and place.kind == "cpu" and data.dtype.isnative and data.dtype.kind not in "OUS":
        spec = Spec(data.shape, as_dtype(data.dtype), bool(data.flags.c_contiguous))
        return Tensor(data, spec, place)
    return tensor(data, dtype, place)
