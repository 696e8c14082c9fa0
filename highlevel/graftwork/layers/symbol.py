"""Inputs without values, and the record of the layers that were applied to them.

A functional model is written by calling layers on symbols; the applications that this leaves
behind are the model. Shapes are found by running a layer's own `call` on meta tensors, so no
shape rule is written twice.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import graftgrad
from graftgrad import Tensor
from graftgrad.errors import DataError, ShapeError, expect, note, warn
from graftgrad.spec import Spec, as_dtype

from ..tables.strings import STRING, Blank, host_text, is_text

if TYPE_CHECKING:
    from .layer import Layer

SymbolicShape = tuple["int | None", ...]
_order = itertools.count()
functions: dict[str, Callable[..., Any]] = {}  # what operators of symbols call: see ops


class KerasTensor:
    """A value that is not there yet: its shape (None where unknown), element type and origin."""

    sparse = ragged = False  # it stands for a dense tensor

    def __init__(
        self,
        shape: SymbolicShape,
        dtype: object = "float32",
        name: str | None = None,
        origin: Application | None = None,
        index: int = 0,
    ) -> None:
        self.shape = tuple(shape)
        self.dtype: Any = STRING if dtype == STRING else as_dtype(dtype)
        self.name = name or f"keras_tensor_{next(_order)}"
        self.origin = origin
        self.index = index
        self._keras_mask: KerasTensor | None = None

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __getitem__(self, key: Any) -> Any:
        return functions["get_item"](self, key)

    def __iter__(self) -> Any:
        raise TypeError(
            f"symbol: cannot be walked along; got {self!r}. "
            "Take it apart with ops.unstack, or index it."
        )

    def reshape(self, *newshape: Any) -> Any:
        """Give it another shape; −1 stands for the size that is left over."""
        listed = newshape[0] if len(newshape) == 1 else newshape
        return functions["reshape"](self, listed)

    def squeeze(self, axis: Any = None) -> Any:
        """Leave out axes of size 1."""
        return functions["squeeze"](self, axis)

    @property
    def T(self) -> Any:
        """It, with its axes in the reverse order."""
        return functions["transpose"](self)

    def __add__(self, other: Any) -> Any:
        return functions["add"](self, other)

    def __radd__(self, other: Any) -> Any:
        return functions["add"](other, self)

    def __sub__(self, other: Any) -> Any:
        return functions["subtract"](self, other)

    def __rsub__(self, other: Any) -> Any:
        return functions["subtract"](other, self)

    def __mul__(self, other: Any) -> Any:
        return functions["multiply"](self, other)

    def __rmul__(self, other: Any) -> Any:
        return functions["multiply"](other, self)

    def __matmul__(self, other: Any) -> Any:
        return functions["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return functions["matmul"](other, self)

    def __truediv__(self, other: Any) -> Any:
        return functions["divide"](self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return functions["divide"](other, self)

    def __floordiv__(self, other: Any) -> Any:
        return functions["floor_divide"](self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return functions["floor_divide"](other, self)

    def __mod__(self, other: Any) -> Any:
        return functions["mod"](self, other)

    def __rmod__(self, other: Any) -> Any:
        return functions["mod"](other, self)

    def __pow__(self, other: Any) -> Any:
        return functions["power"](self, other)

    def __rpow__(self, other: Any) -> Any:
        return functions["power"](other, self)

    def __and__(self, other: Any) -> Any:
        return functions["logical_and"](self, other)

    def __rand__(self, other: Any) -> Any:
        return functions["logical_and"](other, self)

    def __or__(self, other: Any) -> Any:
        return functions["logical_or"](self, other)

    def __ror__(self, other: Any) -> Any:
        return functions["logical_or"](other, self)

    def __xor__(self, other: Any) -> Any:
        return functions["logical_xor"](self, other)

    def __rxor__(self, other: Any) -> Any:
        return functions["logical_xor"](other, self)

    def __lt__(self, other: Any) -> Any:
        return functions["less"](self, other)

    def __le__(self, other: Any) -> Any:
        return functions["less_equal"](self, other)

    def __gt__(self, other: Any) -> Any:
        return functions["greater"](self, other)

    def __ge__(self, other: Any) -> Any:
        return functions["greater_equal"](self, other)

    def __neg__(self) -> Any:
        return functions["negative"](self)

    def __abs__(self) -> Any:
        return functions["absolute"](self)

    def __invert__(self) -> Any:
        return functions["logical_not"](self)

    def __round__(self, ndigits: int | None = None) -> Any:
        return functions["round"](self, ndigits or 0)

    __array_ufunc__ = None  # an array beside a symbol leaves the operator to the symbol

    @property
    def spec(self) -> Spec:
        """Nothing: ops ask for the description of a tensor, and a symbol is none.

        Raises:
            TypeError: always.
        """
        raise TypeError(
            f"op: operands must be tensors; got {self!r}. In a functional model use "
            "graftwork.ops, or layers, or write a Model with a call method."
        )

    device = spec

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def __bool__(self) -> bool:
        raise TypeError(
            f"symbol: has no value to test; got {self!r}. "
            "In a functional model use graftwork.ops.where, or write a Model with a call method."
        )

    def __array__(self, *_: object) -> Any:
        raise TypeError(
            f"symbol: has no values to compute with; got {self!r}. "
            "Put the computation into a layer, or write a Model with a call method."
        )


def _constant(one: Any) -> Any:
    """Cut a tensor that stands beside symbols off from what it was computed from."""
    if not isinstance(one, Tensor) or one.is_leaf:
        return one
    warn(
        f"functional model: a tensor beside symbols must be a constant; got {one.spec}, computed "
        "with weights. They are not trained with the model. Compute it in a layer of your own."
    )
    return one.detach()


class Application:
    """One call of a layer on symbols: its arguments and what came out."""

    def __init__(self, layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.layer = layer
        self.args = mapped(_constant, args)
        self.kwargs = mapped(_constant, kwargs)
        self.outputs: Any = None
        self.order = next(_order)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbols among the arguments, in order."""
        return symbols((self.args, self.kwargs))


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """Apply a function to every leaf of nested tuples, lists and dictionaries."""
    if isinstance(tree, (tuple, list)):
        return type(tree)([mapped(function, one) for one in tree])
    if isinstance(tree, dict):
        return {key: mapped(function, one) for key, one in tree.items()}
    return function(tree)


def leaves(tree: Any) -> list[Any]:
    """Return the leaves of nested tuples, lists and dictionaries, in order."""
    found: list[Any] = []
    mapped(found.append, tree)
    return found


def symbols(tree: Any) -> list[KerasTensor]:
    """Return the symbols among the leaves, in order."""
    return [one for one in leaves(tree) if isinstance(one, KerasTensor)]


def is_symbolic(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Tell whether any argument is, or holds, a symbol."""
    for one in args:
        if isinstance(one, KerasTensor):
            return True
        if isinstance(one, (tuple, list, dict)) and symbols(one):
            return True
    return bool(kwargs) and bool(symbols(kwargs))


def described(symbol: KerasTensor, batch: int, other: int) -> Any:
    """Return a meta tensor of a symbol's shape, with sizes in place of what is unknown.

    For strings it is `Blank`: they are no tensor before a layer has looked them up.

    Args:
        batch: the size of the first axis, if that is unknown.
        other: the size of every other unknown axis.
    """
    shape = tuple((other if i else batch) if n is None else n for i, n in enumerate(symbol.shape))
    if symbol.dtype == STRING:
        return Blank(shape, batch)
    made = graftgrad.empty(shape, dtype=symbol.dtype, device="meta")
    if symbol._keras_mask is not None:
        made._keras_mask = described(symbol._keras_mask, batch, other)
    return made


def traced(run: Callable[[Callable[[KerasTensor], Tensor]], Any], beside: Any = ()) -> Any:
    """Find output shapes by two runs on meta tensors that differ in every unknown size.

    What differs between the two results is unknown (None). A table may hold fewer entries than an
    unknown axis was given: then this is tried with shorter ones. Where no run is possible with any
    batch, it is taken to be what stands beside the symbols: a size of a constant that it meets, or
    a multiple of a number by which it is divided.

    Args:
        run: computes the outputs, given what a symbol stands for.
        beside: the other arguments, in whose sizes a batch that does not fit is looked for.
    """

    def pair(first: int, second: int, others: tuple[int, int] = (64, 96)) -> Any:
        found = run(lambda symbol: described(symbol, first, others[0]))
        pairs = iter(leaves(run(lambda symbol: described(symbol, second, others[1]))))
        return mapped(lambda one: _joined(one, next(pairs)), found)

    try:
        return pair(60, 120)
    except DataError:  # a position, counted along an unknown axis, behind the end of a table
        for longer in (48, 24, 12, 6, 3):
            with contextlib.suppress(DataError, ShapeError):
                return pair(60, 120, (longer * 2 // 3, longer))
        raise
    except ShapeError as error:
        for size in _sizes(beside):
            for first, second in ((60 * size, 120 * size), (size, size)):
                with contextlib.suppress(ShapeError):
                    return pair(first, second)
        note(error, "60 stands for any number of samples, 64 for other sizes that are not known")
        raise


def _sizes(tree: Any) -> list[int]:
    found: list[int] = []
    for one in leaves(tree):
        if isinstance(one, int) and not isinstance(one, bool):
            found.append(one)
        elif not isinstance(one, KerasTensor):
            found.extend(n for n in getattr(one, "shape", ()) if isinstance(n, int))
    return sorted({n for n in found if n > 1})


def _joined(one: Any, other: Any) -> Any:
    if isinstance(one, Blank):  # handed on as it is
        pairs = zip(one.shape, other.shape, strict=True)
        return KerasTensor(tuple(a if a == b else None for a, b in pairs), STRING)
    if not isinstance(one, Tensor):
        return one
    expect(one.ndim == other.ndim, "symbol", "the number of axes must not depend on sizes",
           error=ShapeError, first=one.shape, second=other.shape)  # fmt: skip
    sizes = zip(one.shape, other.shape, strict=True)
    made = KerasTensor(tuple(a if a == b else None for a, b in sizes), one.dtype)
    if getattr(one, "_keras_mask", None) is not None:
        made._keras_mask = _joined(one._keras_mask, other._keras_mask)
    return made


def shape_of(x: Any) -> Any:
    """Return the shape of a tensor or symbol with an unknown batch, or of each in a structure."""

    def one(leaf: Any) -> Any:
        if isinstance(leaf, (KerasTensor, Blank)):
            return leaf.shape
        if isinstance(leaf, Tensor) or is_text(leaf):
            return (None, *leaf.shape[1:]) if leaf.ndim else ()
        if isinstance(leaf, Spec):
            return leaf.shape
        return None

    return mapped(one, x)


def in_rank(symbol: KerasTensor, value: Any) -> Any:
    """Add or take away a last axis of size 1 where a value then fits an input, as Keras does.

    Numbers (N,) make a column (N, 1), and pictures (N, H, W) have one channel (N, H, W, 1); the
    other way round too.
    """
    text = symbol.dtype == STRING and not isinstance(value, (Tensor, Blank))
    if not (text or isinstance(value, Tensor)):
        return value
    given: Any = host_text(value) if text else value
    wanted, shape = symbol.shape, tuple(given.shape)
    if len(shape) == len(wanted) - 1 and wanted[-1] == 1 and has_shape((*shape, 1), wanted):
        made = given[..., None] if text else given.unsqueeze(-1)
    elif len(shape) == len(wanted) + 1 and shape[-1] == 1 and has_shape(shape[:-1], wanted):
        made = given[..., 0] if text else given.squeeze(-1)
    else:
        return given
    if getattr(value, "_keras_mask", None) is not None:
        made._keras_mask = value._keras_mask
    return made


def has_shape(shape: tuple[int, ...], wanted: SymbolicShape) -> bool:
    """Tell whether sizes are those of a symbol, in which None stands for any."""
    pairs = zip(wanted, shape, strict=False)
    return len(shape) == len(wanted) and all(want in (None, size) for want, size in pairs)
