"""The ONNX graph while it is made: nodes and constants, sizes that depend on the batch, layouts.

Images here have their channels last, in ONNX first. A value has a name for each of the two orders,
and a transposition is added where the one that is asked for is not there yet; a run of
convolutions therefore has none inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from ..device.base import Array
from ..errors import ConfigError, expect
from ..formats import OnnxNode
from ..function import Function
from ..spec import DType

Shape = tuple[int, ...]
BATCHES = (2, 3)  # the numbers of samples of the two runs that tell which sizes depend on it
_INT64 = np.dtype("int64")


@dataclass(eq=False)
class Value:
    """A value of the run: its arrays in both runs, and its names in the graph.

    Attributes:
        first, second: the arrays.
        plain: the name of the value as it is.
        planes: the name of the value with its channels second.
        constant: whether it depends on no input.
    """

    first: Array
    second: Array
    constant: bool = False
    plain: str = ""
    planes: str = ""
    label: str = ""

    @property
    def shape(self) -> Shape:
        """The shape in the first run."""
        return tuple(self.first.shape)

    @property
    def shapes(self) -> tuple[Shape, Shape]:
        """The shapes in both runs."""
        return tuple(self.first.shape), tuple(self.second.shape)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return int(self.first.ndim)

    @property
    def dtype(self) -> DType:
        """The element type."""
        dtype: DType = self.first.dtype
        return dtype

    @property
    def in_planes(self) -> bool:
        """Whether only the order with channels second is there yet."""
        return self.planes != "" and self.plain == ""


@dataclass
class Graph:
    """Nodes and constants, and what is needed to add more."""

    nodes: list[OnnxNode] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    batch: tuple[str, int] | None = None  # an input and its axis of samples
    reserved: set[str] = field(default_factory=set)  # names that constants must not have
    other: Any = None  # the function of the second run, while one is translated
    _count: int = 0
    _known: dict[Any, str] = field(default_factory=dict)
    _sizes: dict[tuple[int, int], str] = field(default_factory=dict)

    def name(self, base: str) -> str:
        """Return a name that is not used yet."""
        self._count += 1
        return f"{base}_{self._count}"

    def add(self, operator: str, *inputs: str, outputs: int = 1, **settings: Any) -> Any:
        """Add a node; return the name of its result, or of all of them."""
        names = tuple(self.name(operator.lower()) for _ in range(outputs))
        self.nodes.append(OnnxNode(operator, inputs, names, settings))
        return names[0] if outputs == 1 else names

    def constant(self, array: Any, dtype: Any = None, label: str = "") -> str:
        """Return the name of a constant; small ones that are equal are one."""
        made = np.asarray(array, dtype)
        key = (made.dtype, made.shape, made.tobytes()) if made.size <= 64 and not label else None
        if key in self._known:
            return self._known[key]
        taken = label in self.constants or label in self.reserved
        name = label if label and not taken else self.name(label or "constant")
        self.constants[name] = made
        if key is not None:
            self._known[key] = name
        return name

    def numbers(self, *values: int) -> str:
        """Return a constant list of whole numbers."""
        return self.constant(values, _INT64)

    # -- values --------------------------------------------------------------------------------

    def plain(self, value: Value) -> str:
        """Return the name of a value as it is."""
        if not value.plain:
            if value.constant:
                value.plain = self.constant(value.first, label=value.label)
            else:
                value.plain = self.add("Transpose", value.planes, perm=_inverse(value.ndim))
        return value.plain

    def planes(self, value: Value) -> str:
        """Return the name of a value with its channels second."""
        if not value.planes:
            if value.constant:
                value.planes = self.constant(value.first.transpose(to_planes(value.ndim)))
            else:
                value.planes = self.add("Transpose", self.plain(value), perm=to_planes(value.ndim))
        return value.planes

    def like(self, y: Value, *xs: Value) -> tuple[list[str], bool]:
        """Return names of operands in one order, and whether it is that of planes.

        Planes are taken where an operand is there in them alone and the others can be.
        """
        others = all(
            x.ndim == y.ndim or x.ndim == 0 or (x.constant and x.ndim <= 1) for x in xs
        )  # fmt: skip
        if y.ndim < 3 or not others or not any(x.in_planes for x in xs):
            return [self.plain(x) for x in xs], False
        return [self.spread(x, y.ndim) for x in xs], True

    def spread(self, x: Value, ndim: int) -> str:
        """Return the name of an operand that stretches to a value in planes."""
        if x.ndim == ndim:
            return self.planes(x)
        if x.ndim == 0:
            return self.plain(x)
        return self.constant(x.first.reshape(-1, *[1] * (ndim - 2)))

    def put(self, y: Value, name: str, planes: bool = False) -> None:
        """Give a result its name."""
        if planes:
            y.planes = name
        else:
            y.plain = name

    # -- sizes ---------------------------------------------------------------------------------

    def sizes(self, shapes: tuple[Shape, Shape], free: bool = False) -> str:
        """Return the name of a shape, in which sizes may depend on the number of samples.

        Args:
            shapes: of both runs.
            free: one size that depends on it may be found from the number of elements (−1).
        """
        first, second = shapes
        varying = [
            i for i, pair in enumerate(zip(first, second, strict=True)) if pair[0] != pair[1]
        ]
        if not varying:
            return self.numbers(*first)
        if free and len(varying) == 1 and 0 not in first:
            return self.numbers(*(-1 if i == varying[0] else n for i, n in enumerate(first)))
        parts = [
            self.numbers(a) if a == b else self._size(a, b)
            for a, b in zip(first, second, strict=True)
        ]
        return parts[0] if len(parts) == 1 else str(self.add("Concat", *parts, axis=0))

    def expect_alike(self, first: int, second: int) -> None:
        """Check that a position is the same in both runs.

        Raises:
            ConfigError: it is not.
        """
        expect(first == second, "export", "a cut must not depend on the number of samples",
               error=ConfigError, positions=(first, second))  # fmt: skip

    def _size(self, first: int, second: int) -> str:
        """Return a size a · samples + b, as a list of one."""
        factor = second - first
        rest = first - factor * BATCHES[0]
        key = (factor, rest)
        if key not in self._sizes:
            expect(self.batch is not None, "export", "a size must not depend on what is no input",
                   error=ConfigError, sizes=(first, second))  # fmt: skip
            assert self.batch is not None
            name, axis = self.batch
            size = self.add("Shape", name, start=axis, end=axis + 1)
            if factor != 1:
                size = self.add("Mul", size, self.numbers(factor))
            self._sizes[key] = self.add("Add", size, self.numbers(rest)) if rest else size
        return self._sizes[key]


def to_planes(ndim: int) -> list[int]:
    """Return the order of axes that brings channels from the last place to the second."""
    return [0, ndim - 1, *range(1, ndim - 1)]


def _inverse(ndim: int) -> list[int]:
    return [0, *range(2, ndim), 1]


def axis_in_planes(axis: int, ndim: int) -> int:
    """Return where an axis lies when channels come second."""
    return to_planes(ndim).index(axis)


# -- rules ---------------------------------------------------------------------------------------

Rule = Callable[[Graph, Any, Sequence[Value], Sequence[Value]], None]
R = TypeVar("R", bound=Rule)
RULES: dict[type[Function], Rule] = {}


def rule(*kinds: type[Function]) -> Callable[[R], R]:
    """Say how applications of some functions are translated."""

    def register(body: R) -> R:
        for kind in kinds:
            RULES[kind] = body
        return body

    return register
