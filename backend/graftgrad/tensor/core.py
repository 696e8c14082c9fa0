"""The tensor itself: what it holds, its place in the graph, and how gradients are asked for.

Its operators, its methods and what is done in place stand beside it, each in a class it inherits.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import engine
from ..device.base import Array, Device, HostArray
from ..device.find import device as find_device
from ..device.find import is_name
from ..errors import DTypeError, GradientError, ShapeError, expect
from ..modes import no_grad
from ..node import Counter, Handle, Node
from ..ops import operand
from ..spec import (
    DType,
    Shape,
    Spec,
    as_dtype,
    bfloat16,
    complex64,
    float32,
    is_differentiable,
)
from .conversions import Conversions
from .dispatch import Dispatched
from .exchange import Exchange
from .inplace import InPlace
from .methods import Methods
from .move import Move
from .operators import Operators
from .torch_methods import TorchMethods
from .values import Values

# The tensor whose memory a view shows, and the functions that lead from it to the view, in order;
# None in place of the functions where it was made while nothing was recorded.
ViewOf = tuple["Tensor", "tuple[Any, ...] | None"]
GradientHook = Callable[["Tensor"], "Tensor | None"]


class Tensor(Operators, Methods, TorchMethods, InPlace, Values, Exchange, Dispatched, Conversions):
    """An array of numbers that remembers how it was computed.

    Attributes:
        grad: the gradient that `backward` has added up, or None.
        grad_fn: the node of the graph this tensor came from; None for a leaf.
        requires_grad: whether gradients are wanted. Set it on leaves only.
    """

    __slots__ = (
        "__weakref__",
        "_grad",
        "_keras_mask",
        "accumulated_hooks",
        "array",
        "counter",
        "device",
        "grad_buffer",
        "grad_fn",
        "hooks",
        "output_index",
        "spec",
        "view_of",
        "wants",
    )
    _keras_mask: Any  # what layers lay beside the values; unset elsewhere, never read here

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
        self._grad: Tensor | None = None
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
    def grad(self) -> Tensor | None:
        """The gradient that `backward` has added up, or None."""
        return self._grad

    @grad.setter
    def grad(self, gradient: Tensor | None) -> None:
        if gradient is not None:
            expect(isinstance(gradient, Tensor), "grad", "must be a tensor or None",
                   error=DTypeError, type=type(gradient).__name__)  # fmt: skip
            expect(gradient.shape == self.shape, "grad", "must have the tensor's shape",
                   x=self.spec, grad=gradient.spec)  # fmt: skip
            expect(gradient.dtype == self.dtype, "grad", "must have the tensor's element type",
                   error=DTypeError, x=self.spec, grad=gradient.spec)  # fmt: skip
        self._grad = gradient

    @property
    def data(self) -> Tensor:
        """The same values without a history, as `detach` gives them.

        What is assigned to it is copied into the tensor, whose history it leaves alone.
        """
        return self.detach()

    @data.setter
    def data(self, values: Any) -> None:
        expect(getattr(values, "shape", None) == self.shape, "data",
               "must have the tensor's shape", x=self.spec,
               data=getattr(values, "spec", type(values).__name__),
               advice="Make a new tensor for another shape.")  # fmt: skip
        with no_grad():
            self.copy_(values)

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

    def detach_(self) -> Tensor:
        """Cut this tensor off from its history; it is a leaf that requires no gradient then.

        Raises:
            GradientError: it is a view, whose history is that of the whole.
        """
        expect(self.view_of is None, "detach_", "the tensor must not be a view",
               error=GradientError, x=self.spec, advice="Use .detach().")  # fmt: skip
        self.grad_fn, self.output_index, self.wants = None, 0, False
        return self

    def clone(self) -> Tensor:
        """Return the same values in memory of their own; gradients flow."""
        return operand.copy(self)

    def contiguous(self) -> Tensor:
        """Return the values in row-major order; itself where they are already."""
        return operand.contiguous(self)

    def to(self, target: Any) -> Tensor:
        """Convert to an element type, or move to a device; gradients flow back.

        A tensor that is there already is returned itself.

        Raises:
            DTypeError: there is no such element type.
            DeviceError: there is no such device.
        """
        if isinstance(target, Device) or is_name(target):
            place = find_device(target)
            if place is self.device:
                return self
            moved: Tensor = Move(place, self.device)(self)
            return moved
        return operand.cast(self, target)

    astype = to

    def cpu(self) -> Tensor:
        """Return the tensor on the CPU; itself where it is there already."""
        return self.to("cpu")

    def cuda(self, device: int | str | Device | None = None) -> Tensor:
        """Return the tensor on a GPU, the first if none is named.

        Raises:
            DeviceError: there is no such GPU.
        """
        return self.to(f"gpu:{device}" if isinstance(device, int) else device or "gpu")

    @property
    def is_cuda(self) -> bool:
        """Whether the values are on a GPU."""
        return self.device.kind == "gpu"

    def float(self) -> Tensor:
        """Convert to float32."""
        return operand.cast(self, float32)

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
            hooks = self.grad_fn.tensor_hooks(self.output_index)
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
            self.grad_fn.retain(self.output_index, weakref.ref(self))

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self.grad = None


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
    """Return data as a tensor; a CPU array of the right type is shared, not copied.

    A tensor stays where it is, unless another device is named.
    """
    if isinstance(data, Tensor):
        moved = data if device is None else data.to(find_device(device))
        return moved if dtype is None else moved.to(dtype)
    place = find_device(device)
    fits = isinstance(data, np.ndarray) and (dtype is None or data.dtype == as_dtype(dtype))
    if fits and place.kind == "cpu" and data.dtype.isnative and data.dtype.kind not in "OUS":
        spec = Spec(data.shape, as_dtype(data.dtype), bool(data.flags.c_contiguous))
        return Tensor(data, spec, place)
    return tensor(data, dtype, place)
