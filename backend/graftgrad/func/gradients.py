"""Transforms of functions into their gradients and Jacobians, under the names of `torch.func`.

A function is run on inputs that are leaves of their own. What leads beyond them, because transforms
are nested or because something else wants gradients, is recorded on the way.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import engine, modes
from ..creation import zeros_like
from ..errors import DTypeError, GradientError, expect
from ..node import Node
from ..ops.operand import copy
from ..ops.shape import reshape
from ..spec import is_complex, is_differentiable
from ..tensor import Tensor
from .trees import filled, leaves
from .vmap import vmap

Argnums = int | tuple[int, ...]


class Run:
    """One run of a function on leaves of its own.

    Attributes:
        xs: these leaves.
        ys: the results.
        form: the structure that the results had.
        aux: what the function returned beside them, if it was to.
        outer: whether somebody outside wants gradients of what is computed here.
    """

    def __init__(self, subject: str, func: Callable[..., Any], inputs: Any, has_aux: bool) -> None:
        """Run a function of `inputs`, a tuple of structures of tensors."""
        recording = modes.recording()
        given = list(leaves(inputs))
        for i, x in enumerate(given):
            expect(isinstance(x, Tensor) and is_differentiable(x.dtype), subject,
                   "what is differentiated by must be a tensor of real or complex numbers",
                   error=GradientError, index=i,
                   got=getattr(x, "spec", type(x).__name__))  # fmt: skip
        if modes.state.mapping:  # a leaf inside of vmap has a gradient for each sample
            given = list(modes.state.mapping[-1].lifted(given))
        with modes.enable_grad():
            self.xs = [copy(x) if recording and x.requires_grad else x.detach().requires_grad_()
                       for x in given]  # fmt: skip
            returned = func(*filled(inputs, iter(self.xs)))
        self.aux: Any = None
        if has_aux:
            expect(isinstance(returned, tuple) and len(returned) == 2, subject,
                   "under has_aux the function must return its result and something beside it",
                   error=GradientError, returned=type(returned).__name__)  # fmt: skip
            returned, self.aux = returned
        self.form = returned
        self.ys: list[Tensor] = list(leaves(returned))
        for i, y in enumerate(self.ys):
            expect(isinstance(y, Tensor), subject, "the function must return tensors",
                   error=GradientError, result=i, got=type(y).__name__)  # fmt: skip
        self.outer = recording and (
            any(x.requires_grad for x in given) or _beyond(self.ys, self.xs)
        )

    def shown(self) -> Any:
        """Return the results in their form, without the history of this run if nobody wants it."""
        return filled(self.form, iter([self._out(y) for y in self.ys]))

    def beside(self) -> Any:
        """Return what the function returned beside its results, likewise."""
        found = leaves(self.aux)
        return filled(
            self.aux, iter([self._out(one) if isinstance(one, Tensor) else one for one in found])
        )

    def _out(self, y: Tensor) -> Tensor:
        return y if self.outer else y.detach()

    def pull(self, arriving: Sequence[Tensor | None]) -> list[Tensor]:
        """Return vᵀ · J, one for each input; zeros where nothing depends on it."""
        outer = self.outer or (modes.recording() and any(_wanted(v) for v in arriving))
        return pulled(self.ys, self.xs, arriving, outer)


def pulled(
    ys: Sequence[Tensor], xs: Sequence[Tensor], arriving: Sequence[Tensor | None], record: bool
) -> list[Tensor]:
    """Return gradients of several results for several inputs, zeros in place of None."""
    roots = [(y, v) for y, v in zip(ys, arriving, strict=True) if y.requires_grad]
    found: Sequence[Tensor | None] = [None] * len(xs)
    if roots:
        found = engine.grad([y for y, _ in roots], xs, [v for _, v in roots], retain_graph=True,
                            create_graph=record, allow_unused=True)  # fmt: skip
    return [zeros_like(x) if g is None else g for x, g in zip(xs, found, strict=True)]


def _wanted(v: Tensor | None) -> bool:
    """Tell whether somebody wants gradients of a tensor, or through the samples that it holds."""
    while v is not None:
        if v.requires_grad:
            return True
        v = v.array if v.device.maps else None
    return False


def _beyond(ys: Sequence[Tensor], own: Sequence[Tensor]) -> bool:
    """Tell whether results lead to leaves that are not a run's own."""
    if any(y.device.maps and _wanted(y.array) for y in ys):
        return True
    known = {id(x) for x in own}
    waiting: list[Any] = [y if y.grad_fn is None else y.grad_fn for y in ys if y.requires_grad]
    while waiting:
        one = waiting.pop()
        if id(one) in known:
            continue
        if not isinstance(one, Node):
            return True
        known.add(id(one))
        waiting.extend([edge[0] for edge in one.edges if edge is not None])
    return False


def grad_and_value(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Return a function that returns the gradient of `func` and its value.

    ∂y / ∂x, y = func(x, …)

    Args:
        func: returns a tensor of one element; under `has_aux` a pair of it and anything else.
        argnums: the argument by which to differentiate, or a tuple of them. Each may be a
            structure of tensors, as which its gradient comes back.
        has_aux: whether `func` returns something beside; it comes back beside the value.
    Raises:
        GradientError: an argument or a result is no tensor, or the result has several elements.
    """

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        run, chosen = _run("grad", func, argnums, args, kwargs, has_aux)
        (y,) = run.ys if len(run.ys) == 1 else (None,)
        expect(y is not None and y.size == 1, "grad", "the function must return one element",
               error=GradientError, returned=[one.shape for one in run.ys],
               advice="Take jacrev for the gradients of several.")  # fmt: skip
        found = filled(chosen, iter(run.pull([None])))
        gradient = found[0] if isinstance(argnums, int) else found
        value = run.shown()
        return gradient, ((value, run.beside()) if has_aux else value)

    return transformed


def grad(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Return a function that returns the gradient of `func`; see `grad_and_value`.

    It may be transformed again: `grad(grad(f))` is the second derivative, and
    `vmap(grad(loss), in_dims=(None, 0))` has one gradient for every sample.

    Raises:
        GradientError: an argument or a result is no tensor, or the result has several elements.
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return transformed


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Return the results of a function, and a function that returns vᵀ · J for any v.

    Args:
        func: of the primals; returns a tensor or a structure of them.
        *primals: structures of tensors.
        has_aux: whether `func` returns something beside; it comes back as the third.
    Raises:
        GradientError: a primal or a result is no tensor; later, v has not the shapes of the
            results.
    """
    run = Run("vjp", func, primals, has_aux)

    def pull(*cotangents: Any) -> Any:
        given = list(leaves(cotangents))
        _expect_shapes("vjp", given, run.ys)
        found: Any = filled(primals, iter(run.pull(given)))
        return found

    return (run.shown(), pull, run.beside()) if has_aux else (run.shown(), pull)


def jvp(
    func: Callable[..., Any], primals: Any, tangents: Any, *, has_aux: bool = False
) -> tuple[Any, ...]:
    """Return the results of a function, and the product J · v of its Jacobian with a vector.

    By the gradient of uᵀ · J · v by u: two walks backward, none forward.

    Args:
        func: of the primals; returns a tensor or a structure of them.
        primals: a tuple of structures of tensors.
        tangents: v, of the same form.
        has_aux: whether `func` returns something beside; it comes back as the third.
    Raises:
        GradientError: a primal or a result is no tensor, or v has not the shapes of the primals.
    """
    run = Run("jvp", func, tuple(primals), has_aux)
    given = list(leaves(tangents))
    _expect_shapes("jvp", given, run.xs)
    found = filled(run.form, iter(_pusher(run)(*given)))
    return (run.shown(), found, run.beside()) if has_aux else (run.shown(), found)


def jacrev(
    func: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False,
    chunk_size: int | None = None,
) -> Callable[..., Any]:  # fmt: skip
    """Return a function that returns the Jacobian of `func`, whose rows are computed at once.

    J[i…, j…] = ∂y[i…] / ∂x[j…]. One walk backward with all unit vectors: for few results.

    Args:
        func: returns a tensor or a structure of them.
        argnums: the argument by which to differentiate, or a tuple of them.
        has_aux: whether `func` returns something beside; it comes back beside the Jacobian.
        chunk_size: how many rows are computed at once; all of them if None.
    Returns:
        Matrices in the form of the results, in each the form of the arguments.
    Raises:
        GradientError: an argument or a result is no tensor.
        DTypeError: there are complex numbers.
    """

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        run, chosen = _run("jacrev", func, argnums, args, kwargs, has_aux)
        _expect_real("jacrev", run)
        rows = _mapped(lambda *units: run.pull(units), run.ys, run.xs, chunk_size)
        split = [_parts(row, run.ys) for row in rows]  # by input, then by result
        blocks = [[reshape(split[j][i], (*y.shape, *x.shape)) for j, x in enumerate(run.xs)]
                  for i, y in enumerate(run.ys)]  # fmt: skip
        return _matrices(run, chosen, argnums, blocks, has_aux)

    return transformed


def jacfwd(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:  # fmt: skip
    """Return a function that returns the Jacobian of `func`, whose columns are computed at once.

    J[i…, j…] = ∂y[i…] / ∂x[j…]. One walk back through the gradient's graph with all unit vectors,
    as `jvp` takes it: for few inputs. Settings and results are those of `jacrev`.

    Raises:
        GradientError: an argument or a result is no tensor.
        DTypeError: there are complex numbers.
    """

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        run, chosen = _run("jacfwd", func, argnums, args, kwargs, has_aux)
        _expect_real("jacfwd", run)
        columns = _mapped(_pusher(run), run.xs, run.ys, chunk_size)
        split = [_parts(column, run.xs) for column in columns]  # by result, then by input
        blocks = [[_last(split[i][j], x, y) for j, x in enumerate(run.xs)]
                  for i, y in enumerate(run.ys)]  # fmt: skip
        return _matrices(run, chosen, argnums, blocks, has_aux)

    return transformed


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Return a function that returns the Hessian of `func`: `jacfwd(jacrev(func))`.

    H[i…, j…] = ∂²y / ∂x[i…] ∂x[j…]

    Raises:
        GradientError: an argument or a result is no tensor.
        DTypeError: there are complex numbers.
    """
    return jacfwd(jacrev(func, argnums), argnums)


def _run(
    subject: str, func: Callable[..., Any], argnums: Argnums, args: Any, kwargs: Any, has_aux: bool
) -> tuple[Run, tuple[Any, ...]]:
    """Run a function that is differentiated by some of its arguments; return these too."""
    places = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for place in places:
        expect(-len(args) <= place < len(args), subject, "argnums must name arguments by place",
               error=GradientError, argnums=argnums, arguments=len(args))  # fmt: skip
    places = tuple([place % len(args) for place in places])
    expect(0 < len(places) == len(set(places)), subject, "argnums must name each argument once",
           error=GradientError, argnums=argnums)  # fmt: skip
    chosen = tuple([args[place] for place in places])

    def partly(*some: Any) -> Any:
        whole = list(args)
        for place, one in zip(places, some, strict=True):
            whole[place] = one
        return func(*whole, **kwargs)

    return Run(subject, partly, chosen, has_aux), chosen


def _pusher(run: Run) -> Callable[..., list[Tensor]]:
    """Return a function that returns J · v of a run, one for each result."""
    with modes.enable_grad():
        us = [zeros_like(y).requires_grad_() for y in run.ys]
        rows = pulled(run.ys, run.xs, us, True)

    def push(*tangents: Tensor) -> list[Tensor]:
        outer = run.outer or (modes.recording() and any(_wanted(v) for v in tangents))
        return pulled(rows, us, tangents, outer)

    return push


def _mapped(
    product: Callable[..., Any],
    like: Sequence[Tensor],
    others: Sequence[Tensor],
    chunk_size: int | None,
) -> list[Tensor]:
    """Return products with every unit vector of the shapes of `like`, one in a row."""
    sizes = [x.size for x in like]
    count = sum(sizes)
    if count == 0:
        return [x.zeros(x.spec.shaped(0, *x.shape)) for x in others]
    units = []
    for x, block in zip(like, _starts(sizes), strict=True):
        host = np.zeros((count, x.size), x.dtype)
        host[block] = np.eye(x.size, dtype=x.dtype)
        units.append(x.like(host.reshape(count, *x.shape)))
    return list(vmap(product, chunk_size=chunk_size)(*units))


def _starts(sizes: Sequence[int]) -> Iterator[slice]:
    start = 0
    for size in sizes:
        yield slice(start, start + size)
        start += size


def _parts(rows: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Cut what was computed for all unit vectors into what belongs to each tensor."""
    return [rows[block] for block in _starts([x.size for x in like])]


def _last(columns: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return columns in the form of a Jacobian: the axes of the result first."""
    order = (*range(1, y.ndim + 1), 0)
    return reshape(columns.transpose(order), (*y.shape, *x.shape))


def _matrices(
    run: Run, chosen: tuple[Any, ...], argnums: Argnums, blocks: list[list[Tensor]], has_aux: bool
) -> Any:
    found = []
    for row in blocks:
        arguments = filled(chosen, iter(row))
        found.append(arguments[0] if isinstance(argnums, int) else arguments)
    matrices = filled(run.form, iter(found))
    return (matrices, run.beside()) if has_aux else matrices


def _expect_shapes(subject: str, given: Sequence[Any], wanted: Sequence[Tensor]) -> None:
    fits = all(isinstance(v, Tensor) for v in given)
    expect(fits and [v.shape for v in given] == [x.shape for x in wanted], subject,
           "v must have the shapes of what it is multiplied with", error=GradientError,
           wanted=[x.shape for x in wanted],
           got=[getattr(v, "shape", type(v).__name__) for v in given])  # fmt: skip


def _expect_real(subject: str, run: Run) -> None:
    for x in (*run.xs, *run.ys):
        expect(not is_complex(x.dtype), subject, "arguments and results must be real",
               error=DTypeError, found=x.spec,
               advice="Differentiate .real and .imag apart.")  # fmt: skip
