"""Branches, loops and maps over functions, and what gradients do on the way.

Define by run: a branch is taken and a loop goes round while the program runs, and the graph holds
what was computed. Nothing is traced, so functions may do what Python can.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graftgrad import Tensor, ops
from graftgrad.autograd import Function
from graftgrad.errors import ConfigError, ShapeError, expect

from ..layers.symbol import leaves, mapped
from .operands import as_operand, meet
from .operation import op


@op("core")
def stop_gradient(variable: Any) -> Any:
    """Return the values without where they come from: no gradient flows through."""
    return variable.detach()


@op("core")
def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """Return what one of two functions returns: the first where a condition holds."""
    return true_fn() if bool(pred) else false_fn()


def switch(index: Any, branches: Any, *operands: Any) -> Any:
    """Return what the branch of a number returns; numbers outside are drawn to the nearest."""
    at = int(as_operand(index).item())
    return branches[max(0, min(at, len(branches) - 1))](*operands)


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any,
    maximum_iterations: int | None = None,
) -> Any:  # fmt: skip
    """Change variables while a condition on them holds; return the last.

    Args:
        cond: of the variables; tells whether to go on.
        body: of the variables; returns as many.
        loop_vars: the first values: a list, a tuple, or one alone.
        maximum_iterations: how often at most.
    """
    several = isinstance(loop_vars, (tuple, list))
    now = tuple(loop_vars) if several else (loop_vars,)
    now = tuple(mapped(as_operand, one) for one in now)
    count = 0
    while (maximum_iterations is None or count < maximum_iterations) and bool(cond(*now)):
        found = body(*now)
        now = tuple(found) if isinstance(found, (tuple, list)) else (found,)
        count += 1
    return now if several else now[0]


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """Change a value once for each number from lower to upper: value = body_fun(i, value)."""
    value = mapped(as_operand, init_val)
    for i in range(int(as_operand(lower).item()), int(as_operand(upper).item())):
        value = body_fun(i, value)
    return value


def _rows(tree: Any) -> int:
    """Return the size of the first axis of every tensor of a structure.

    Raises:
        ShapeError: there is none, or they differ.
    """
    sizes = {one.shape[0] for one in leaves(tree) if isinstance(one, Tensor) and one.ndim}
    expect(len(sizes) == 1, "loop", "all tensors must have one first axis, of one size",
           error=ShapeError, sizes=sorted(sizes))  # fmt: skip
    return int(sizes.pop())


def _at(tree: Any, i: int) -> Any:
    return mapped(lambda one: None if one is None else one[i], tree)


def _stacked(rows: list[Any]) -> Any:
    """Return structures of one form as one structure of stacked tensors."""
    columns = [leaves(one) for one in rows]
    joined = iter([
        None if column[0] is None else ops.stack(meet([as_operand(x) for x in column]), 0)
        for column in zip(*columns, strict=True)
    ])  # fmt: skip
    return mapped(lambda _: next(joined), rows[0])


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """Apply a function to one row after the other, and stack what it returns."""
    xs = mapped(as_operand, xs)
    return _stacked([f(_at(xs, i)) for i in range(_rows(xs))])


def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """Apply a function to every row, and stack what it returns."""
    return map(function, elements)


def scan(
    f: Callable[[Any, Any], Any], init: Any, xs: Any = None, length: int | None = None,
    reverse: bool = False, unroll: Any = 1,
) -> Any:  # fmt: skip
    """Walk along rows with a state: state, y = f(state, x); the last state and all y, stacked.

    Args:
        f: of the state and a row; returns the next state and a result, which may be None.
        init: the first state.
        xs: the rows, or None where `length` says how many steps there are.
        length: the number of steps.
        reverse: walk from the last row to the first; results lie where their rows do.
        unroll: kept for Keras' signature.
    Raises:
        ConfigError: neither rows nor length are given, or unroll is unfit.
        ShapeError: rows and length disagree.
    """
    fit = isinstance(unroll, bool) or (isinstance(unroll, int) and unroll >= 1)
    expect(fit, "scan", "unroll must be true, false or a positive whole number",
           error=ConfigError, unroll=unroll)  # fmt: skip
    expect(xs is not None or length is not None, "scan", "xs or length must be given",
           error=ConfigError, xs=xs, length=length)  # fmt: skip
    rows = mapped(as_operand, xs) if xs is not None else None
    count = int(length) if rows is None else _rows(rows)  # type: ignore[arg-type]
    expect(length is None or int(length) == count, "scan", "length must be that of the rows",
           length=length, rows=count)  # fmt: skip
    state, found = mapped(as_operand, init), []
    for i in reversed(range(count)) if reverse else range(count):
        state, y = f(state, None if rows is None else _at(rows, i))
        found.append(y)
    if reverse:
        found.reverse()
    return state, (_stacked(found) if found else None)


def associative_scan(
    f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """Bring elements together on the way along an axis: y₀ = x₀, yᵢ = f(yᵢ₋₁, xᵢ).

    f is associative and is called on many elements at once, ⌈log₂ n⌉ times 2 in all.
    Blelloch 1990, Prefix sums and their applications.

    Args:
        f: of two structures of tensors; returns a third.
        elems: a structure of tensors of one size along the axis.
        reverse: begin at the end.
        axis: along which elements lie.
    """
    moved = mapped(lambda one: ops.moveaxis(as_operand(one), axis, 0), elems)
    if reverse:
        moved = mapped(lambda one: ops.flip(one, 0), moved)
    done = _prefixes(f, moved, _rows(moved))
    if reverse:
        done = mapped(lambda one: ops.flip(one, 0), done)
    return mapped(lambda one: ops.moveaxis(one, 0, axis), done)


def _prefixes(f: Callable[[Any, Any], Any], xs: Any, count: int) -> Any:
    if count < 2:
        return xs
    pairs = count // 2

    def part(tree: Any, start: int, stop: int, step: int = 1) -> Any:
        return mapped(lambda one: one[start:stop:step], tree)

    joined = f(part(xs, 0, 2 * pairs, 2), part(xs, 1, 2 * pairs, 2))
    odd = _prefixes(f, joined, pairs)  # the prefixes that end at 1, 3, …
    later = (count - 1) // 2
    first = part(xs, 0, 1)
    even = first
    if later:
        rest = f(part(odd, 0, later), part(xs, 2, count, 2))
        behind = iter(leaves(rest))
        even = mapped(lambda one: ops.concatenate([one, next(behind)], 0), first)
    others = iter(leaves(odd))
    return mapped(lambda one: _woven(one, next(others)), even)


def _woven(even: Tensor, odd: Tensor) -> Tensor:
    """Lay rows of two tensors alternately; the first has as many or one more."""
    n = odd.shape[0]
    both = ops.reshape(ops.stack([even[:n], odd], 1), (2 * n, *odd.shape[1:]))
    return both if even.shape[0] == n else ops.concatenate([both, even[n:]], 0)


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function say its own gradient: f(*tensors) returns the result and how to go back.

    The second of what f returns takes the gradients that arrive and returns one for each argument.
    """

    class Stated(Function):
        """A function that says its own gradient."""

        @staticmethod
        def forward(ctx: Any, *args: Any) -> Any:
            y, ctx.back = f(*args)
            return tuple(y) if isinstance(y, list) else y

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            found = ctx.back(*gradients)
            return tuple(found) if isinstance(found, (tuple, list)) else found

    def run(*args: Any, **kwargs: Any) -> Any:
        expect(not kwargs, "custom_gradient", "arguments must be given by place",
               error=ConfigError, keywords=sorted(kwargs))  # fmt: skip
        return Stated.apply(*[as_operand(one) for one in args])

    run.__name__ = getattr(f, "__name__", "custom_gradient")
    run.__doc__ = f.__doc__
    return run
