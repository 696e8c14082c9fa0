"""How an op is declared and applied. What an application leaves in the graph stands in `node`.

A Function's fields are its attributes. Its methods say everything there is to say:

* ``infer(self, x, w) -> Spec`` is the shape and dtype rule and the check in one; the operands are
  named
  by this signature, everywhere.
* ``compute(self, xp, x, w, y)`` is the reference body; it writes into its outputs, which are
  named here.
* ``grad_x(self, gy, w, x_spec)`` is the gradient of one operand. It asks *by name* for output
  gradients
  (``g`` + output), operands, outputs or descriptions (operand + ``_spec``); exactly what the wanted
  gradients ask for is kept. ``grads(self, gy, …)`` returns all gradients where they share work;
  it may ask for ``wanted``, one truth value per operand. No method: not differentiable there.
* ``body(self, xp, ins)`` stands in place of ``compute`` where it needs constants on the device.
* ``alias(self, xp, x)`` stands in place of ``compute`` where the result is a view.
* ``updates`` names operands that change in place; ``hidden`` the outputs that only gradients see.
* ``rounded`` names operands that may be float32 beside 16-bit ones: bodies round them.
* ``exact`` says that weights are read in their own element type, whatever autocast says.
* ``takes_complex`` says that operands may be complex numbers; all others refuse them. Gradients
  then follow conjugates: of a real L, it is ∂L/∂Re z + i ∂L/∂Im z.
* ``stacked`` says how it is applied to many samples at once, which are on an axis in front:
  "stretched" if operands stretch against each other, leading axes first; "leading" if any axes may
  lead, of one size in all operands; "shifted" if so, and fields count axes from the front; "joined"
  if first axes are samples already, in all operands but w. Or ``mapped(self, x, w)`` does it, or
  returns None; an operand that all samples share then has one. Neither: one after the other,
  unless there is a formula of single elements (``c``).
* ``undefined`` says why a gradient that is asked for cannot be had, so that it raises and is
  never zero.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import partial
from operator import attrgetter
from types import CodeType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from . import anomaly, modes
from .device.base import Device
from .errors import DeviceError, DTypeError, GradientError, expect, sentence
from .kernel import Call, launch
from .node import Edge, Node
from .spec import Spec, is_complex, is_differentiable

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform

    from .tensor import Tensor
else:

    def dataclass_transform(**_: object) -> Callable[[Any], Any]:
        """Stand in for the type checker's mark."""
        return lambda mark: mark


C = TypeVar("C", bound="type[Function]")
_calls: dict[tuple[Function, tuple[Spec, ...], Device], Call] = {}
_MOST_CALLS = 20_000


class Gradient(NamedTuple):
    """A gradient method and the names it asks for."""

    method: str
    asks: tuple[str, ...]


class Function:
    """A computation on tensors, declared once for all devices and all orders of differentiation."""

    updates: ClassVar[tuple[str, ...]] = ()
    hidden: ClassVar[tuple[str, ...]] = ()
    rounded: ClassVar[tuple[str, ...]] = ()
    exact: ClassVar[bool] = False
    takes_complex: ClassVar[bool] = False
    stacked: ClassVar[str] = ""
    undefined: ClassVar[str] = ""
    operands: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[tuple[str, ...]] = ()
    variadic: ClassVar[bool] = False
    gradients: ClassVar[dict[str, Gradient]] = {}
    asks: ClassVar[dict[tuple[bool, ...], tuple[str, ...]]] = {}
    updated: ClassVar[tuple[int, ...]] = ()

    if TYPE_CHECKING:
        infer: ClassVar[Callable[..., Any]]
        compute: ClassVar[Callable[..., None]]
        alias: ClassVar[Any]
        mapped: ClassVar[Any]
        grads: ClassVar[Callable[..., Sequence[Tensor | None]]]
    else:
        alias = None
        mapped = None

    def __init_subclass__(cls) -> None:
        if "infer" in vars(cls) or "compute" in vars(cls) or "alias" in vars(cls):
            _declare(cls)
        elif any(name.startswith("grad") for name in vars(cls)) and hasattr(cls, "infer"):
            _declare(cls)

    @property
    def name(self) -> str:
        """The name under which errors speak of it."""
        return type(self).__name__

    def body(self, xp: Any, ins: tuple[Spec, ...]) -> Callable[..., None]:
        """Return `compute` for operands of a kind, for a device's namespace.

        One that needs constants puts them on the device here: copied at each call, they could be
        part of no CUDA graph.
        """
        return partial(self.compute, xp)

    def __call__(self, *operands: Tensor) -> Any:
        """Apply to tensors; one tensor comes back, or a tuple of them."""
        state = modes.state
        if state.autocast is not None:
            operands = _autocast(type(self), operands)
        device = _common_device(self, operands)
        if device.maps:
            return device.apply(self, operands)
        specs = tuple([x.spec for x in operands])
        key = (self, specs, device)
        call = _calls.get(key)
        if call is None:
            call = _prepare(key)
        if state.recorder is not None:
            state.recorder.operands(operands)
        kind = type(self)
        if kind.alias is not None:
            return self._view(call, operands[0])
        if kind.updates:
            return self._update(call, operands)
        outs = tuple([device.empty(spec) for spec in call.outs])
        launch(call, tuple([x.array for x in operands]), outs)
        if state.anomaly is not None:
            anomaly.look_at_results(self.name, operands, outs)
        node = self.recorded(call, operands) if state.recording else None
        result = operands[0].result
        if len(outs) == 1:
            y = result(outs[0], call.outs[0], device, node)
            if node is not None:
                node.keep(self, operands, (y,), outs)
            return y
        ys = self.results(call, operands, outs, node)
        return ys if len(ys) > 1 else ys[0]

    def results(
        self, call: Call, operands: Sequence[Tensor], outs: Sequence[Any], node: Node | None
    ) -> tuple[Tensor, ...]:
        """Return what is seen of results as tensors, and let their node keep its share."""
        result = operands[0].result
        seen = len(outs) - len(type(self).hidden)
        ys = tuple([result(outs[i], call.outs[i], call.device, node, i) for i in range(seen)])
        if node is not None:
            node.keep(self, operands, ys, outs)
        return ys

    def whole(self, *operands: Tensor) -> tuple[Tensor, ...]:
        """Return all results, those too that only gradients see; these have no history."""
        kind = type(self)
        device = _common_device(self, operands)
        if device.maps:
            return device.applied(self, operands)
        if not kind.hidden:
            y = self(*operands)
            return y if isinstance(y, tuple) else (y,)
        key = (self, tuple([x.spec for x in operands]), device)
        call = _calls.get(key) or _prepare(key)
        if modes.state.recorder is not None:
            modes.state.recorder.operands(operands)
        outs = tuple([device.empty(spec) for spec in call.outs])
        launch(call, tuple([x.array for x in operands]), outs)
        if modes.state.anomaly is not None:
            anomaly.look_at_results(self.name, operands, outs)
        ys = self.results(call, operands, outs, self.recorded(call, operands))
        hidden = range(len(ys), len(outs))
        return *ys, *[operands[0].result(outs[i], call.outs[i], device) for i in hidden]

    def _view(self, call: Call, x: Tensor) -> Tensor:
        device = call.device
        if device.computes:
            array = type(self).alias(self, device.xp, x.array)
            spec = Spec(call.outs[0].shape, call.outs[0].dtype, bool(array.flags.c_contiguous))
        else:
            array, spec = device.empty(call.outs[0]), call.outs[0]
        if modes.state.recorder is not None:
            modes.state.recorder.viewed(self, x.array, array)
        return self.seen(call, x, array, spec)

    def seen(self, call: Call, x: Tensor, array: Any, spec: Spec) -> Tensor:
        """Return a view of a tensor, which shares its count of changes and follows its history."""
        node = self.recorded(call, (x,))
        y = x.result(array, spec, call.device, node, 0, x.counter)
        root, steps = (x, ()) if x.view_of is None else x.view_of
        y.view_of = (root, (*steps, self) if modes.recording() and steps is not None else None)
        x.counter.seen_by(y)
        if node is not None:
            node.keep(self, (x,), (y,), (array,))
        return y

    def history(self, *operands: Tensor) -> Node | None:
        """Return the node that applying this to tensors would leave, without computing anything."""
        device = _common_device(self, operands)
        if device.maps:
            operands = device.lifted(operands)
        call = described(self, tuple([x.spec for x in operands]), device)
        node = self.recorded(call, operands)
        if node is not None:
            node.keep(self, operands, (), ())
        return node

    def _update(self, call: Call, operands: Sequence[Tensor]) -> Any:
        changed = tuple([operands[i] for i in type(self).updated])
        if modes.recording():
            for name, x in zip(self.updates, changed, strict=True):
                if x.requires_grad:
                    raise GradientError(
                        sentence(
                            self.name,
                            f"{name} must not be part of a graph while it is changed in place",
                            {name: x.spec},
                            "Change it inside `with no_grad():`, or make a new tensor.",
                        )
                    )
        if modes.state.changing is not None:
            for x in changed:
                modes.state.changing(x)
        launch(call, tuple([x.array for x in operands]), tuple([x.array for x in changed]))
        for x in changed:
            x.counter.rise()
        return changed if len(changed) > 1 else changed[0]

    def recorded(self, call: Call, operands: Sequence[Tensor]) -> Node | None:
        """Return the node that an application leaves, where one is wanted."""
        if not modes.state.recording:
            return None
        for x in operands:
            if x.wants:
                break
        else:
            return None
        kind = type(self)
        if not kind.gradients and not kind.undefined:
            return None
        names = itertools.repeat(kind.operands[0]) if kind.variadic else kind.operands
        edges: list[Edge] = []
        for name, x in zip(names, operands, strict=False):
            if x.wants and (kind.undefined or name in kind.gradients):
                edges.append((x if x.grad_fn is None else x.grad_fn, x.output_index))
            else:
                edges.append(None)
        if not any(edges):
            return None
        if not any(is_differentiable(spec.dtype) for spec in call.outs):
            return None
        return Node(self, call, tuple(edges))


@dataclass_transform(frozen_default=True)
def function(kind: C) -> C:
    """Turn a Function class into its declaration: fields become attributes, hash and equality."""
    return _with_fields(kind) if _has_fields(kind) else _without_fields(kind)


def _has_fields(kind: type) -> bool:
    own = vars(kind).get("__annotations__", {})
    stated = (one if isinstance(one, str) else str(one) for one in own.values())
    return hasattr(kind, "__dataclass_fields__") or any("ClassVar" not in one for one in stated)


def _with_fields(kind: C) -> C:
    """Give a class of which instances are told apart by their fields what a dataclass has.

    Its constructor is compiled when the first instance is made: a program uses a few of the
    functions, and compiling all of them took a third of the import.
    """
    made: Any = dataclass(init=False, eq=False, repr=False)(kind)
    stated = fields(made)
    names = [field.name for field in stated]
    identity = attrgetter("__class__", *names)

    def __init__(self: Function, *args: Any, **kwargs: Any) -> None:
        made.__init__ = _constructor(stated)
        made.__init__(self, *args, **kwargs)

    def __eq__(self: Function, other: object) -> bool:
        return other.__class__ is self.__class__ and identity(self) == identity(other)

    def __repr__(self: Function) -> str:
        inner = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{kind.__name__}({inner})"

    made.__init__ = __init__
    made.__eq__ = __eq__
    made.__hash__ = lambda self: hash(identity(self))
    made.__repr__ = __repr__
    made.__setattr__ = _refuse_change
    return kind


def _constructor(stated: Sequence[Field[Any]]) -> Callable[..., None]:
    """Compile a constructor that takes fields in their order, with their defaults."""
    known: dict[str, Any] = {"store": object.__setattr__}
    known |= {f"default_{f.name}": f.default for f in stated if f.default is not MISSING}
    takes = [f.name if f.default is MISSING else f"{f.name}=default_{f.name}" for f in stated]
    body = "".join(f"\n    store(self, {f.name!r}, {f.name})" for f in stated)
    exec(f"def __init__(self, {', '.join(takes)}):{body}", known)
    compiled: Callable[..., None] = known["__init__"]
    return compiled


def _without_fields(kind: C) -> C:
    """Give a class of which all instances are alike its hash, equality and printed form."""
    made: Any = kind
    hashed = hash(kind)

    def __eq__(self: Function, other: object) -> bool:
        return other.__class__ is made

    made.__eq__ = __eq__
    made.__hash__ = lambda self: hashed
    made.__repr__ = lambda self: kind.__name__
    made.__setattr__ = _refuse_change
    return kind


def _refuse_change(self: Function, name: str, value: object) -> None:
    raise AttributeError(f"{self.name}: a function must not be changed; got {name}={value!r}.")


def attributes(declared: Function) -> tuple[Any, ...]:
    """Return the values of a function's fields, to hand them on to its gradient."""
    stated: Any = declared
    if not is_dataclass(stated):
        return ()
    return tuple(getattr(declared, field.name) for field in fields(stated))


def every_function() -> list[type[Function]]:
    """Return all declared functions, for the tests that hold them against their cases."""
    found: list[type[Function]] = []
    waiting = list(Function.__subclasses__())
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if kind.operands and (kind.alias is not None or hasattr(kind, "compute")):
            found.append(kind)
    return sorted(found, key=lambda kind: (kind.__module__, kind.__name__))


def _autocast(kind: type[Function], operands: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return operands with weights in the element type of autocast, where an op reads them."""
    if kind.updates or kind.exact:
        return operands
    names = itertools.repeat("") if kind.variadic else kind.operands
    return tuple(
        [
            x if name in kind.rounded else x.autocast()
            for name, x in zip(names, operands, strict=False)
        ]
    )


def _common_device(function: Function, operands: Sequence[Tensor]) -> Device:
    device = operands[0].device
    for x in operands:
        if x.device is not device and x.device != device:
            if device.maps or x.device.maps:  # the innermost takes the others in
                return max([o.device for o in operands], key=lambda one: one.maps)
            if not x.device.computes:
                return x.device
            if device.computes:
                raise DeviceError(
                    sentence(
                        function.name,
                        "all operands must be on one device",
                        {f"operand {i}": str(o.device) for i, o in enumerate(operands)},
                        "Move one with .to(device).",
                    )
                )
    return device


def _prepare(key: tuple[Function, tuple[Spec, ...], Device]) -> Call:
    call = described(*key)
    if len(_calls) >= _MOST_CALLS:  # attributes such as slices may never repeat
        _calls.clear()
    _calls[key] = call
    return call


def described(declared: Function, specs: tuple[Spec, ...], device: Device) -> Call:
    """Return what a function is to compute, once its operands are known to fit."""
    if not declared.takes_complex:
        for spec in specs:
            expect(not is_complex(spec.dtype), declared.name, "operands must be real numbers",
                   error=DTypeError, operand=spec,
                   advice="Take .real, .imag or .abs() first.")  # fmt: skip
    inferred = type(declared).infer(declared, *specs)
    outs = inferred if isinstance(inferred, tuple) else (inferred,)
    return Call(declared, specs, outs, device)


def _named_by(method: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a method's parameters after `self`, without the cost of a signature."""
    code: CodeType = inspect.unwrap(method).__code__
    many = code.co_flags & inspect.CO_VARARGS
    return code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount + bool(many)]


def _declare(kind: type[Function]) -> None:
    """Read the names from the signatures and refuse a gradient that asks for an unknown one.

    Raises:
        TypeError: the declaration contradicts itself.
    """
    kind.operands = _named_by(kind.infer)
    kind.variadic = bool(inspect.unwrap(kind.infer).__code__.co_flags & inspect.CO_VARARGS)
    if kind.updates:
        kind.outputs = ()
        kind.updated = tuple(kind.operands.index(name) for name in kind.updates)
    elif kind.alias is not None or kind.variadic:
        kind.outputs = ("y",)
    elif hasattr(kind, "compute"):
        kind.outputs = _named_by(kind.compute)[1 + len(kind.operands) :]
    known = {"wanted", *kind.operands, *kind.outputs}
    known |= {f"g{name}" for name in kind.outputs if name not in kind.hidden}
    known |= {f"{name}_spec" for name in kind.operands}
    kind.gradients = {}
    kind.asks = {}
    joint = getattr(kind, "grads", None)
    for name in kind.operands:
        method = "grads" if joint is not None else f"grad_{name}"
        if (body := getattr(kind, method, None)) is not None:
            asks = _named_by(body)
            unknown = set(asks) - known
            if unknown:
                raise TypeError(
                    f"{kind.__name__}.{method}: may ask for {', '.join(sorted(known))}; "
                    f"got {', '.join(sorted(unknown))}."
                )
            kind.gradients[name] = Gradient(method, asks)
