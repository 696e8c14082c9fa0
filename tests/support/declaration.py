"""One op and example operands, declared once. What is checked of them stands in `case`.

What an argument is:

* a NumPy array, or `normal`, `positive`, `between`, `distinct`, `integers`, `booleans`: an operand;
* a tuple of integers: the shape of a random float64 operand where the op's signature has a tensor
  (it says `Tensor`, or has neither a default nor another type than `Any`), else an attribute;
* a list of those: an operand that is a list of tensors, as `concatenate` takes it;
* anything else, or what `attribute(...)` holds: an attribute, handed on as it is.
"""

import inspect
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

import graftgrad
from graftgrad import engine
from graftgrad.function import Function
from graftgrad.spec import is_complex, is_differentiable
from graftgrad.tensor import Tensor

Draw = Callable[[np.random.Generator, tuple[int, ...]], Any]
Place = tuple[str, int]  # the argument, and which of its tensors


@dataclass(frozen=True)
class Values:
    """An operand whose values are drawn anew wherever others are needed."""

    shape: tuple[int, ...]
    draw: Draw = field(repr=False)
    name: str = ""

    def array(self, generator: np.random.Generator) -> Any:
        return np.asarray(self.draw(generator, self.shape))


@dataclass(frozen=True)
class Attribute:
    """A value that is handed on as it is, though it looks like a shape."""

    value: Any


def normal(*shape: Any) -> Values:
    """Normally distributed numbers."""
    return Values(_shape(shape), lambda generator, size: generator.standard_normal(size))


def between(shape: Any, lower: float, upper: float) -> Values:
    """Evenly distributed numbers within bounds."""
    return Values(_shape(shape), lambda g, size: g.uniform(lower, upper, size), "between")


def positive(*shape: Any) -> Values:
    """Numbers from 0.5 to 2, for logarithms, roots and divisors."""
    return Values(_shape(shape), lambda g, size: g.uniform(0.5, 2.0, size), "positive")


def complex_normal(*shape: Any) -> Values:
    """Complex numbers whose parts are normally distributed."""

    def draw(generator: np.random.Generator, size: tuple[int, ...]) -> Any:
        return generator.standard_normal(size) + 1j * generator.standard_normal(size)

    return Values(_shape(shape), draw, "complex")


def distinct(*shape: Any) -> Values:
    """Numbers that differ from each other and from 0 by 0.05 at least, for maxima and kinks."""

    def draw(generator: np.random.Generator, size: tuple[int, ...]) -> Any:
        count = int(np.prod(size))
        steps = generator.permutation(count) - count // 2 + 0.5
        return (steps * 0.1 + generator.uniform(-0.02, 0.02, count)).reshape(size)

    return Values(_shape(shape), draw, "distinct")


def integers(shape: Any, high: int, low: int = 0, dtype: str = "int64") -> Values:
    """Whole numbers from low to high − 1, for labels and places."""
    return Values(
        _shape((shape,)), lambda g, size: g.integers(low, high, size).astype(dtype), "integers"
    )


def booleans(*shape: Any) -> Values:
    """True and false."""
    return Values(_shape(shape), lambda g, size: g.random(size) < 0.5, "booleans")


def attribute(value: Any) -> Attribute:
    """Mark a tuple or list that is no operand."""
    return Attribute(value)


@dataclass(frozen=True, eq=False)
class Case:
    """An op, its example operands and what is expected of it."""

    op: Callable[..., Any]
    arguments: dict[str, Any]
    oracle: Callable[..., Any] | None
    gradient: bool | tuple[str, ...]
    second: bool
    reason: str
    meta: bool
    replay: bool
    updates: tuple[str, ...]
    tolerance: float
    single_tolerance: float
    single_dtype: str
    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def operands(self) -> dict[str, list[Any]]:
        """The arguments that are tensors: what they are made from, by name."""
        return {
            name: list(value) if isinstance(value, list) else [value]
            for name, value in self.arguments.items()
            if _is_operand(value)
        }

    @property
    def attributes(self) -> dict[str, Any]:
        """The arguments that are no tensors."""
        return {
            name: value.value if isinstance(value, Attribute) else value
            for name, value in self.arguments.items()
            if not _is_operand(value)
        }

    def arrays(self, seed: int = 0) -> dict[Place, Any]:
        """The operands' values; another seed draws others where they are drawn at all."""
        generator = np.random.default_rng([zlib.crc32(self.name.encode()), seed])
        return {
            (name, i): one.array(generator) if isinstance(one, Values) else np.array(one)
            for name, several in self.operands.items()
            for i, one in enumerate(several)
        }

    def differentiated(self) -> list[Place]:
        """The places of the operands that get gradients."""
        if self.gradient is False:
            return []
        floating = [place for place, a in self.arrays().items() if is_differentiable(a.dtype)]
        if self.gradient is True:
            return floating
        absent = set(self.gradient) - {name for name, _ in floating}
        assert not absent, f"{self}: no floating operand is called {sorted(absent)}"
        return [place for place in floating if place[0] in self.gradient]

    def tensors(
        self,
        arrays: dict[Place, Any],
        wanted: Sequence[Place] = (),
        device: str = "cpu",
        share: bool = False,
    ) -> dict[Place, Tensor]:
        """Tensors of the values; those at the wanted places require gradients."""
        make = graftgrad.as_tensor if share else graftgrad.tensor
        made = {place: make(array, device=device) for place, array in arrays.items()}
        for place in wanted:
            made[place] = made[place].detach().requires_grad_()
        return made

    def call(self, tensors: dict[Place, Tensor]) -> list[Tensor]:
        """Apply the op; its results, however it returns them, as a flat list."""
        if isinstance(self.op, Function):
            return _flat(self.op(*tensors.values()))
        given: dict[str, Any] = {}
        for name, value in self.arguments.items():
            if not _is_operand(value):
                given[name] = self.attributes[name]
            elif isinstance(value, list):
                given[name] = [tensors[name, i] for i in range(len(value))]
            else:
                given[name] = tensors[name, 0]
        return _flat(_called(self.op, given))

    def expected(self, arrays: dict[Place, Any]) -> list[Any]:
        """What the oracle says."""
        assert self.oracle is not None
        given = {
            name: [arrays[name, i] for i in range(len(several))]
            if isinstance(self.arguments[name], list)
            else arrays[name, 0]
            for name, several in self.operands.items()
        }
        named = _named(self.oracle)
        ordered = {name: given.get(name, self.attributes.get(name)) for name in self.arguments}
        found = self.oracle(
            *[value for name, value in ordered.items() if name not in named],
            **{name: value for name, value in ordered.items() if name in named},
        )
        return list(found) if isinstance(found, (list, tuple)) else [found]

    def gradients(
        self, tensors: dict[Place, Tensor], wanted: Sequence[Place], create_graph: bool = False
    ) -> dict[Place, Tensor | None]:
        """The gradients of a fixed random projection of all floating results."""
        return pulled(self.call(tensors), tensors, wanted, create_graph)


def case(
    op: Callable[..., Any],
    *,
    oracle: Callable[..., Any] | None = None,
    gradient: bool | Sequence[str] = True,
    second: bool = True,
    reason: str = "",
    meta: bool = True,
    replay: bool = True,
    updates: Sequence[str] = (),
    tolerance: float = 1e-6,
    single_tolerance: float = 2e-4,
    single_dtype: str = "float32",
    label: str = "",
    **arguments: Any,
) -> Case:
    """Declare an op with example operands and attributes.

    Args:
        op: a function of ops, or a declared Function.
        oracle: the same in NumPy, naively; it gets operands and attributes, each by name where it
            has a parameter of this name, else by position.
        gradient: False where none is defined; a list of names where only those operands have one.
        second: False where a gradient of second order is declared `undefined`: it must then raise.
        reason: why there is no second order.
        meta: False where the shape of the result depends on values.
        replay: False where the host reads values on the way.
        updates: the operands that the op changes in place.
        tolerance: relative and absolute, between gradients and differences.
        single_tolerance: relative and absolute, between float32 and float64.
        single_dtype: of the results, where the floating operands are float32.
        label: told in place of the op's name.
        arguments: operands and attributes; see the head of this module.
    """
    assert second or reason, "a case without second order gives the reason"
    read = {name: _read(op, name, value) for name, value in arguments.items()}
    assert any(_is_operand(value) for value in read.values()), "a case has at least one operand"
    shown = label or getattr(op, "__name__", "") or repr(op)
    name = "-".join([shown, *(f"{key}{_brief(value)}" for key, value in read.items())])
    kept = gradient if isinstance(gradient, bool) else tuple(gradient)
    return Case(
        op=op,
        arguments=read,
        oracle=oracle,
        gradient=kept,
        second=second,
        reason=reason,
        meta=meta,
        replay=replay,
        updates=tuple(updates),
        tolerance=tolerance,
        single_tolerance=single_tolerance,
        single_dtype=single_dtype,
        name=name,
    )


def pulled(
    results: Sequence[Tensor],
    tensors: dict[Place, Tensor],
    wanted: Sequence[Place],
    create_graph: bool = False,
) -> dict[Place, Tensor | None]:
    """The gradients of a fixed random projection of all floating results."""
    roots = [y for y in results if is_differentiable(y.dtype) and y.requires_grad]
    assert roots, "no result requires a gradient"
    found = engine.grad(
        roots,
        [tensors[place] for place in wanted],
        [projection(y) for y in roots],
        create_graph=create_graph,
        allow_unused=True,
    )
    return dict(zip(wanted, found, strict=True))


def projection(y: Tensor) -> Tensor:
    """What a result is multiplied with, always the same for the same size."""
    values = np.random.default_rng(y.size).uniform(0.5, 1.5, y.shape)
    if is_complex(y.dtype):
        values = values + 1j * np.random.default_rng(y.size + 1).uniform(-1, 1, y.shape)
    return graftgrad.tensor(values, y.dtype, y.device)


def _called(op: Callable[..., Any], given: dict[str, Any]) -> Any:
    parameters = _parameters(op)
    positional = {
        name
        for name, one in parameters.items()
        if one.kind in (one.POSITIONAL_ONLY, one.VAR_POSITIONAL)
    }
    if not positional:
        return op(**given)
    first = [given[name] for name in parameters if name in positional and name in given]
    return op(*first, **{name: value for name, value in given.items() if name not in positional})


def _parameters(op: Any) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(op).parameters)
    except (TypeError, ValueError):  # NumPy's own functions have no signature
        return {}


def _named(function: Callable[..., Any]) -> Collection[str]:
    """The parameters that can be given by name."""
    parameters = _parameters(function).values()
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return _Everything()
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {one.name for one in parameters if one.kind in named}


class _Everything(frozenset[str]):
    def __contains__(self, name: object) -> bool:
        return True


def _read(op: Callable[..., Any], name: str, value: Any) -> Any:
    if isinstance(value, list) and value and all(_like_operand(one) for one in value):
        return [_values(one) for one in value]
    if isinstance(value, (Values, np.ndarray)):
        return value
    if _is_shape(value) and _takes_tensor(op, name):
        return _values(value)
    return value


def _takes_tensor(op: Callable[..., Any], name: str) -> bool:
    if isinstance(op, Function):
        return True
    parameter = _parameters(op.func if isinstance(op, partial) else op).get(name)
    if parameter is None:
        return True
    told = parameter.annotation
    text = told if isinstance(told, str) else getattr(told, "__name__", str(told))
    if told is parameter.empty or text in ("Any", "typing.Any"):
        return parameter.default is parameter.empty
    return "Tensor" in text


def _like_operand(value: Any) -> bool:
    return isinstance(value, (Values, np.ndarray)) or _is_shape(value)


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and all(type(size) is int for size in value)


def _is_operand(value: Any) -> bool:
    several = value if isinstance(value, list) and value else [value]
    return all(isinstance(one, (Values, np.ndarray)) for one in several)


def _values(value: Any) -> Any:
    return value if isinstance(value, (Values, np.ndarray)) else normal(value)


def _shape(given: tuple[Any, ...]) -> tuple[int, ...]:
    first = given[0] if len(given) == 1 and isinstance(given[0], (tuple, list)) else given
    return tuple(int(size) for size in first)


def _flat(results: Any) -> list[Tensor]:
    return list(results) if isinstance(results, (list, tuple)) else [results]


def _brief(value: Any) -> str:
    if isinstance(value, list) and value and _is_operand(value):
        return "[" + ",".join(_brief(one) for one in value) + "]"
    if isinstance(value, Values):
        return f"({','.join(map(str, value.shape))}){value.name}"
    if isinstance(value, np.ndarray):
        return f"({','.join(map(str, value.shape))}){value.dtype}"
    held = value.value if isinstance(value, Attribute) else value
    text = getattr(held, "__name__", None) or repr(held)
    return "=" + "".join(text.split())[:40]
