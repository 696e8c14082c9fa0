"""How an op is declared, applied and remembered: `Function` declares, a `Node` is one application.

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
* ``alias(self, xp, x)`` stands in place of ``compute`` where the result is a view.
* ``updates`` names operands that change in place; ``hidden`` the outputs that only gradients see.
* ``undefined`` says why a gradient that is asked for cannot be had, so that it raises and is
  never zero.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias, TypeVar

from . import modes
from .device.base import Array, Device
from .errors import DeviceError, GradientError, sentence
from .kernel import Call, launch
from .spec import Spec, is_floating

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform

    from .tensor import Tensor
else:

    def dataclass_transform(**_: object) -> Callable[[Any], Any]:
        """Stand in for the type checker's mark."""
        return lambda mark: mark


C = TypeVar("C", bound="type[Function]")
Edge: TypeAlias = "tuple[Node | Tensor, int] | None"
_calls: dict[tuple[Function, tuple[Spec, ...], Device], Call] = {}
_MOST_CALLS = 20_000
_order = itertools.count()


class Counter:
    """How often a buffer was changed in place; shared by all views of it."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class Gradient(NamedTuple):
    """A gradient method and the names it asks for."""

    method: str
    asks: tuple[str, ...]


class Function:
    """A computation on tensors, declared once for all devices and all orders of differentiation."""

    updates: ClassVar[tuple[str, ...]] = ()
    hidden: ClassVar[tuple[str, ...]] = ()
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
        grads: ClassVar[Callable[..., Sequence[Tensor | None]]]
    else:
        alias = None

    def __init_subclass__(cls) -> None:
        if "infer" in vars(cls) or "compute" in vars(cls) or "alias" in vars(cls):
            _declare(cls)
        elif any(name.startswith("grad") for name in vars(cls)) and hasattr(cls, "infer"):
            _declare(cls)

    @property
    def name(self) -> str:
        """The name under which errors speak of it."""
        return type(self).__name__

    def __call__(self, *operands: Tensor) -> Any:
        """Apply to tensors; one tensor comes back, or a tuple of them."""
        device = _common_device(self, operands)
        specs = tuple([x.spec for x in operands])
        key = (self, specs, device)
        call = _calls.get(key)
        if call is None:
            call = _prepare(key)
        kind = type(self)
        if kind.alias is not None:
            return self._view(call, operands[0])
        if kind.updates:
            return self._update(call, operands)
        outs = tuple([device.empty(spec) for spec in call.outs])
        launch(call, tuple([x.array for x in operands]), outs)
        node = self._record(call, operands)
        result = operands[0].result
        if len(outs) == 1:
            y = result(outs[0], call.outs[0], device, node)
            if node is not None:
                node.keep(self, operands, (y,), outs)
            return y
        seen = len(outs) - len(kind.hidden)
        ys = tuple([result(outs[i], call.outs[i], device, node, i) for i in range(seen)])
        if node is not None:
            node.keep(self, operands, ys, outs)
        return ys if seen > 1 else ys[0]

    def _view(self, call: Call, x: Tensor) -> Tensor:
        device = call.device
        if device.computes:
            array = type(self).alias(self, device.xp, x.array)
            spec = Spec(call.outs[0].shape, call.outs[0].dtype, bool(array.flags.c_contiguous))
        else:
            array, spec = device.empty(call.outs[0]), call.outs[0]
        node = self._record(call, (x,))
        y = x.result(array, spec, device, node, 0, x.counter)
        if node is not None:
            node.keep(self, (x,), (y,), (array,))
        return y

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
        launch(call, tuple([x.array for x in operands]), tuple([x.array for x in changed]))
        for x in changed:
            x.counter.value += 1
        return changed if len(changed) > 1 else changed[0]

    def _record(self, call: Call, operands: Sequence[Tensor]) -> Node | None:
        if not modes.recording():
            return None
        for x in operands:
            if x.requires_grad:
                break
        else:
            return None
        kind = type(self)
        if not kind.gradients and not kind.undefined:
            return None
        names = itertools.repeat(kind.operands[0]) if kind.variadic else kind.operands
        edges: list[Edge] = []
        for name, x in zip(names, operands, strict=False):
            if x.requires_grad and (kind.undefined or name in kind.gradients):
                edges.append((x if x.grad_fn is None else x.grad_fn, x.output_index))
            else:
                edges.append(None)
        if not any(edges):
            return None
        if not any(is_floating(spec.dtype) for spec in call.outs):
            return None
        return Node(self, call, tuple(edges))


class Kept(NamedTuple):
    """A value that a gradient will ask for, and the state its buffer was in."""

    tensor: Tensor | None
    array: Array
    output: int
    counter: Counter
    version: int


class Node:
    """One application of a Function in the graph: where its operands came from, what it keeps.

    `edges` point from this node towards the leaves; an edge is None where no gradient is wanted.
    """

    __slots__ = (
        "__weakref__",
        "call",
        "edges",
        "freed",
        "function",
        "hooks",
        "kept",
        "order",
        "result",
        "retained",
    )

    def __init__(self, function: Function, call: Call, edges: tuple[Any, ...]) -> None:
        self.function = function
        self.call = call
        self.edges = edges
        self.order = next(_order)
        self.kept: dict[str, Kept | tuple[Kept, ...]] = {}
        self.hooks: dict[int, list[Callable[[Tensor], Tensor | None]]] = {}
        self.retained: dict[int, Any] = {}
        self.freed = False
        self.result: Callable[..., Tensor] | None = None

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.function.name

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes the operands came from, one entry per operand, in PyTorch's form."""
        found: list[tuple[Any, int]] = []
        for edge in self.edges:
            if edge is None:
                found.append((None, 0))
            else:
                target, index = edge
                found.append(
                    (target if isinstance(target, Node) else AccumulateGrad(target), index)
                )
        return tuple(found)

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def asked(self) -> tuple[str, ...]:
        """Return the names that the wanted gradients ask for."""
        kind = type(self.function)
        wanted = tuple([edge is not None for edge in self.edges])
        found = kind.asks.get(wanted)
        if found is None:
            names = [kind.operands[0]] * len(wanted) if kind.variadic else kind.operands
            chosen = [kind.gradients[n] for n, want in zip(names, wanted, strict=True)
                      if want and n in kind.gradients]  # fmt: skip
            found = kind.asks[wanted] = tuple({ask: None for one in chosen for ask in one.asks})
        return found

    def keep(
        self,
        function: Function,
        operands: Sequence[Tensor],
        ys: Sequence[Tensor],
        outs: Sequence[Array],
    ) -> None:
        """Keep exactly what the wanted gradients ask for: operands as they are, outputs bare."""
        self.result = type(operands[0]).result_of
        kind = type(function)
        for name in self.asked():
            if name in kind.operands:
                if kind.variadic:
                    self.kept[name] = tuple([_kept_operand(x) for x in operands])
                else:
                    self.kept[name] = _kept_operand(operands[kind.operands.index(name)])
            elif name in kind.outputs:
                index = kind.outputs.index(name)
                counter = ys[index].counter if index < len(ys) else Counter()
                self.kept[name] = Kept(None, outs[index], index, counter, counter.value)

    def kept_arrays(self) -> list[tuple[str, Array]]:
        """Return the arrays this node holds for its gradients, by name."""
        found: list[tuple[str, Array]] = []
        for name, kept in self.kept.items():
            for one in (kept,) if isinstance(kept, Kept) else kept:
                found.append((name, one.array))
        return found

    def restore(self, name: str) -> Any:
        """Return a kept value as a tensor again, with its place in the graph.

        Raises:
            GradientError: its buffer was changed in place since it was kept.
        """
        kept = self.kept[name]
        if isinstance(kept, Kept):
            return self._restored(name, kept)
        return tuple([self._restored(name, one) for one in kept])

    def _restored(self, name: str, kept: Kept) -> Tensor:
        if kept.counter.value != kept.version:
            raise GradientError(
                sentence(
                    f"backward of {self.name}",
                    f"{name}, which this gradient needs, must not change before backward",
                    {"changes in place": kept.counter.value - kept.version},
                    "Make a new tensor instead of changing this one, or change it after backward.",
                )
            )
        if kept.tensor is not None:
            return kept.tensor
        assert self.result is not None
        spec = self.call.outs[kept.output]
        seen = len(self.call.outs) - len(type(self.function).hidden)
        node = self if kept.output < seen else None
        return self.result(kept.array, spec, self.call.device, node, kept.output, kept.counter)

    def differentiate(self, gradients: dict[str, Tensor]) -> list[Tensor | None]:
        """Return one gradient per operand, None where none is wanted.

        Raises:
            GradientError: the function has no gradient, or the graph was freed by an earlier
                backward.
        """
        function, kind = self.function, type(self.function)
        if kind.undefined:
            raise GradientError(
                sentence(f"backward of {self.name}", kind.undefined, {"function": function})
            )
        if self.freed:
            raise GradientError(
                sentence(
                    f"backward of {self.name}",
                    "the graph must not have been freed by an earlier backward",
                    {"node": self},
                    "Pass retain_graph=True to the earlier backward, or compute the result again.",
                )
            )
        wanted = tuple([edge is not None for edge in self.edges])
        given: dict[str, Any] = {}
        for name in self.asked():
            if name in gradients:
                given[name] = gradients[name]
            elif name == "wanted":
                given[name] = wanted
            elif name.endswith("_spec"):
                given[name] = self._described(name[:-5])
            else:
                given[name] = self.restore(name)
        if hasattr(kind, "grads"):
            method = kind.gradients[kind.operands[0]]
            found = function.grads(**{ask: given[ask] for ask in method.asks})
            return [g if want else None for g, want in zip(found, wanted, strict=True)]
        results: list[Tensor | None] = []
        for name, want in zip(kind.operands, wanted, strict=True):
            if not want:
                results.append(None)
                continue
            method = kind.gradients[name]
            results.append(getattr(function, method.method)(**{a: given[a] for a in method.asks}))
        return results

    def _described(self, operand: str) -> Any:
        kind = type(self.function)
        if kind.variadic:
            return self.call.ins
        return self.call.ins[kind.operands.index(operand)]

    def free(self) -> None:
        """Let go of what was kept."""
        self.kept = {}
        self.freed = True


@dataclass(frozen=True)
class AccumulateGrad:
    """The end of the graph at a leaf: what arrives here is added to `variable.grad`."""

    variable: Tensor

    @property
    def name(self) -> str:
        """The name in drawings."""
        return "AccumulateGrad"

    @property
    def next_functions(self) -> tuple[()]:
        """Nothing lies behind a leaf."""
        return ()

    def __repr__(self) -> str:
        return "<AccumulateGrad>"


@dataclass_transform(frozen_default=True)
def function(kind: C) -> C:
    """Turn a Function class into its declaration: fields become attributes, hash and equality."""
    made: Any = dataclass(frozen=True, repr=False)(kind)
    names = tuple(field.name for field in fields(made))

    def __hash__(self: Function) -> int:
        return hash((made, *[getattr(self, name) for name in names]))

    def __repr__(self: Function) -> str:
        inner = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{kind.__name__}({inner})" if inner else kind.__name__

    made.__hash__ = __hash__
    made.__repr__ = __repr__
    return made  # type: ignore[no-any-return]


def attributes(declared: Function) -> tuple[Any, ...]:
    """Return the values of a function's fields, to hand them on to its gradient."""
    return tuple(getattr(declared, field.name) for field in fields(declared))  # type: ignore[arg-type]


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


def _kept_operand(x: Tensor) -> Kept:
    return Kept(x, x.array, 0, x.counter, x.counter.value)


def _common_device(function: Function, operands: Sequence[Tensor]) -> Device:
    device = operands[0].device
    for x in operands:
        if x.device is not device and x.device != device:
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
    declared, specs, device = key
    inferred = type(declared).infer(declared, *specs)
    outs = inferred if isinstance(inferred, tuple) else (inferred,)
    call = Call(declared, specs, outs, device)
    if len(_calls) >= _MOST_CALLS:  # attributes such as slices may never repeat
        _calls.clear()
    _calls[key] = call
    return call


def _declare(kind: type[Function]) -> None:
    """Read the names from the signatures and refuse a gradient that asks for an unknown one.

    Raises:
        TypeError: the declaration contradicts itself.
    """
    infer = [p for p in inspect.signature(kind.infer).parameters.values()][1:]
    kind.operands = tuple(p.name for p in infer)
    kind.variadic = any(p.kind is p.VAR_POSITIONAL for p in infer)
    if kind.updates:
        kind.outputs = ()
        kind.updated = tuple(kind.operands.index(name) for name in kind.updates)
    elif kind.alias is not None or kind.variadic:
        kind.outputs = ("y",)
    elif hasattr(kind, "compute"):
        kind.outputs = tuple(inspect.signature(kind.compute).parameters)[2 + len(infer) :]
    known = {"wanted", *kind.operands, *kind.outputs}
    known |= {f"g{name}" for name in kind.outputs if name not in kind.hidden}
    known |= {f"{name}_spec" for name in kind.operands}
    kind.gradients = {}
    kind.asks = {}
    joint = getattr(kind, "grads", None)
    for name in kind.operands:
        method = "grads" if joint is not None else f"grad_{name}"
        if (body := getattr(kind, method, None)) is not None:
            asks = tuple(inspect.signature(body).parameters)[1:]
            unknown = set(asks) - known
            if unknown:
                raise TypeError(
                    f"{kind.__name__}.{method}: may ask for {', '.join(sorted(known))}; "
                    f"got {', '.join(sorted(unknown))}."
                )
            kind.gradients[name] = Gradient(method, asks)
