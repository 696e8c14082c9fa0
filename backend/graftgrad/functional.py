"""Transforms of a function of tensors: products with its Jacobian and Hessian, and the matrices.

Names, arguments and results are those of `torch.autograd.functional`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import modes
from .creation import ones, zeros_like
from .engine import grad
from .errors import GradientError, ShapeError, expect
from .ops.operand import copy
from .ops.shape import stack
from .tensor import Tensor

Tensors = Tensor | Sequence[Tensor]
Several = tuple[Tensor, ...]


def vjp(
    func: Callable[..., Any],
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """Return the results of a function and the product of a vector with its Jacobian.

    vᵀ · J, Jᵢⱼ = ∂yᵢ / ∂xⱼ

    Args:
        func: of the inputs; returns a tensor or a tuple of them.
        inputs: a tensor or a tuple of them.
        v: of the shape of the results; may be left out where there is one of one element.
        create_graph: record the product, for higher derivatives.
        strict: raise where a result does not depend on an input, instead of returning zeros.
    Raises:
        ShapeError: v does not have the shape of the results.
        GradientError: under `strict`, a result does not depend on an input.
    """
    xs, ys, alone, alone_out = _called("vjp", func, inputs, create_graph)
    _expect_dependence("vjp", ys, strict)
    arriving = _vector("vjp", "v", v, ys)
    found = _pulled("vjp", ys, xs, arriving, create_graph, strict)
    return _as(alone_out, _out(ys, create_graph)), _as(alone, _out(found, create_graph))


def jvp(
    func: Callable[..., Any],
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """Return the results of a function and the product of its Jacobian with a vector.

    J · v, by the gradient of uᵀ · J · v by u: two walks backward, none forward.

    Args:
        func: of the inputs; returns a tensor or a tuple of them.
        inputs: a tensor or a tuple of them.
        v: of the shape of the inputs; may be left out where there is one of one element.
        create_graph: record the product, for higher derivatives.
        strict: raise where a result does not depend on an input, instead of returning zeros.
    Raises:
        ShapeError: v does not have the shape of the inputs.
        GradientError: under `strict`, a result does not depend on an input.
    """
    xs, ys, _, alone_out = _called("jvp", func, inputs, create_graph)
    direction = _vector("jvp", "v", v, xs)
    _expect_dependence("jvp", ys, strict)
    with modes.enable_grad():
        us = tuple([zeros_like(y).requires_grad_() for y in ys])
        rows = _pulled("jvp", ys, xs, us, True, strict)
        live = [(row, d) for row, d in zip(rows, direction, strict=True) if row.requires_grad]
    found: Several = tuple([zeros_like(y) for y in ys])
    if live:
        found = _pulled("jvp", [row for row, _ in live], us, [d for _, d in live],
                        create_graph, strict)  # fmt: skip
    return _as(alone_out, _out(ys, create_graph)), _as(alone_out, _out(found, create_graph))


def jacobian(
    func: Callable[..., Any],
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
) -> Any:
    """Return the matrix of first derivatives, one backward for every element of the results.

    J[i…, j…] = ∂y[i…] / ∂x[j…], of the shape of the result followed by that of the input.

    Args:
        func: of the inputs; returns a tensor or a tuple of them.
        inputs: a tensor or a tuple of them.
        create_graph: record the matrix, for higher derivatives.
        strict: raise where a result does not depend on an input, instead of returning zeros.
    Returns:
        One matrix; a tuple over the inputs, over the results, or of tuples, results first, where
        there are tuples.
    Raises:
        GradientError: under `strict`, a result does not depend on an input.
    """
    xs, ys, alone, alone_out = _called("jacobian", func, inputs, create_graph)
    _expect_dependence("jacobian", ys, strict)
    found = []
    for y in ys:
        rows: list[Several] = []
        for place in np.ndindex(y.shape):
            unit = np.zeros(y.shape, y.dtype)
            unit[place] = 1
            rows.append(_pulled("jacobian", [y], xs, [y.like(unit)], create_graph, strict))
        with modes.recording_is(create_graph):
            matrix = [
                stack([row[k] for row in rows], 0).reshape(*y.shape, *x.shape)
                if rows
                else x.zeros(x.spec.shaped(*y.shape, *x.shape))
                for k, x in enumerate(xs)
            ]
        found.append(_as(alone, _out(matrix, create_graph)))
    return _as(alone_out, tuple(found))


def hessian(
    func: Callable[..., Any],
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
) -> Any:
    """Return the matrix of second derivatives of a function that returns one number.

    H[i…, j…] = ∂²y / ∂x[i…] ∂x[j…]

    Args:
        func: of the inputs; returns a tensor of one element.
        inputs: a tensor or a tuple of them.
        create_graph: record the matrix, for higher derivatives.
        strict: raise where a derivative does not depend on an input, instead of returning zeros.
    Returns:
        One matrix, or a tuple of tuples where the inputs are a tuple.
    Raises:
        ShapeError: the function returns several elements.
        GradientError: under `strict`, a derivative does not depend on an input.
    """

    def first(*xs: Tensor) -> Any:
        ys = _results("hessian", func(*xs))[0]
        _expect_number("hessian", ys)
        _expect_dependence("hessian", ys, strict)
        found = _pulled("hessian", ys, xs, [None], True, strict)
        return found[0] if isinstance(inputs, Tensor) else found

    return jacobian(first, inputs, create_graph, strict)


def vhp(
    func: Callable[..., Any],
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """Return the number of a function and the product of a vector with its Hessian.

    vᵀ · H: the gradient of vᵀ · ∇y, the fastest of the two products.

    Args:
        func: of the inputs; returns a tensor of one element.
        inputs: a tensor or a tuple of them.
        v: of the shape of the inputs; may be left out where there is one of one element.
        create_graph: record the product, for higher derivatives.
        strict: raise where a derivative does not depend on an input, instead of returning zeros.
    Raises:
        ShapeError: v does not have the shape of the inputs, or the function returns several
            elements.
        GradientError: under `strict`, a derivative does not depend on an input.
    """
    xs, ys, alone, alone_out = _called("vhp", func, inputs, create_graph)
    _expect_number("vhp", ys)
    direction = _vector("vhp", "v", v, xs)
    _expect_dependence("vhp", ys, strict)
    first = _pulled("vhp", ys, xs, [None], True, strict)
    found = _pulled("vhp", first, xs, direction, create_graph, strict)
    return _as(alone_out, _out(ys, create_graph)), _as(alone, _out(found, create_graph))


def hvp(
    func: Callable[..., Any],
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """Return the number of a function and the product of its Hessian with a vector.

    H · v. As H is symmetric this is `vhp` where the second derivatives are continuous; it is
    computed as the derivative of the gradient along v, which holds elsewhere too.

    Args:
        func: of the inputs; returns a tensor of one element.
        inputs: a tensor or a tuple of them.
        v: of the shape of the inputs; may be left out where there is one of one element.
        create_graph: record the product, for higher derivatives.
        strict: raise where a derivative does not depend on an input, instead of returning zeros.
    Raises:
        ShapeError: v does not have the shape of the inputs, or the function returns several
            elements.
        GradientError: under `strict`, a derivative does not depend on an input.
    """
    value: list[Tensor] = []

    def first(*xs: Tensor) -> Any:
        ys = _results("hvp", func(*xs))[0]
        _expect_number("hvp", ys)
        _expect_dependence("hvp", ys, strict)
        value.append(ys[0] if create_graph else ys[0].detach())
        found = _pulled("hvp", ys, xs, [None], True, strict)
        return found[0] if isinstance(inputs, Tensor) else found

    _, product = jvp(first, inputs, v, create_graph, strict)
    return value[0], product


def _called(
    subject: str, func: Callable[..., Any], inputs: Tensors, create_graph: bool
) -> tuple[Several, Several, bool, bool]:
    """Return inputs that require a gradient, the results, and whether each stood alone."""
    alone = isinstance(inputs, Tensor)
    given = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    for i, x in enumerate(given):
        expect(isinstance(x, Tensor), subject, "the inputs must be tensors", error=GradientError,
               index=i, got=type(x).__name__)  # fmt: skip
    with modes.enable_grad():
        xs = tuple([copy(x) if create_graph and x.requires_grad else x.detach().requires_grad_()
                    for x in given])  # fmt: skip
        ys, alone_out = _results(subject, func(*xs))
    return xs, ys, alone, alone_out


def _results(subject: str, returned: Any) -> tuple[Several, bool]:
    alone = isinstance(returned, Tensor)
    ys = (returned,) if alone else tuple(returned) if isinstance(returned, (tuple, list)) else ()
    expect(len(ys) > 0 and all(isinstance(y, Tensor) for y in ys), subject,
           "the function must return a tensor or a tuple of tensors", error=GradientError,
           returned=type(returned).__name__)  # fmt: skip
    return ys, alone


def _vector(subject: str, name: str, v: Tensors | None, like: Several) -> Several:
    if v is None:
        expect(len(like) == 1 and like[0].size == 1, subject,
               f"{name} may be left out only where there is one tensor of one element",
               shapes=[x.shape for x in like])  # fmt: skip
        return (ones(like[0].shape, dtype=like[0].dtype, device=like[0].device),)
    listed = (v,) if isinstance(v, Tensor) else tuple(v)
    expect([x.shape for x in listed] == [x.shape for x in like], subject,
           f"{name} must have the shapes of what it is multiplied with",
           wanted=[x.shape for x in like], got=[x.shape for x in listed])  # fmt: skip
    return listed


def _expect_number(subject: str, ys: Several) -> None:
    expect(len(ys) == 1 and ys[0].size == 1, subject, "the function must return one element",
           error=ShapeError, returned=[y.shape for y in ys])  # fmt: skip


def _expect_dependence(subject: str, ys: Several, strict: bool) -> None:
    for i, y in enumerate(ys):
        expect(not strict or y.requires_grad, subject,
               "every result must depend on the inputs", error=GradientError, index=i,
               result=y.spec, advice="Pass strict=False for zeros.")  # fmt: skip


def _pulled(
    subject: str,
    ys: Sequence[Tensor],
    xs: Sequence[Tensor],
    arriving: Sequence[Tensor | None],
    create_graph: bool,
    strict: bool,
) -> Several:
    """Return the gradients of the results, zeros where nothing depends on an input."""
    roots = [(y, g) for y, g in zip(ys, arriving, strict=True) if y.requires_grad]
    found: Sequence[Tensor | None] = [None] * len(xs)
    if roots:
        found = grad([y for y, _ in roots], xs, [g for _, g in roots], retain_graph=True,
                     create_graph=create_graph, allow_unused=True)  # fmt: skip
    for i, (x, g) in enumerate(zip(xs, found, strict=True)):
        expect(not strict or g is not None, subject, "every result must depend on every input",
               error=GradientError, index=i, input=x.spec,
               advice="Pass strict=False for zeros.")  # fmt: skip
    return tuple([zeros_like(x) if g is None else g for x, g in zip(xs, found, strict=True)])


def _out(tensors: Sequence[Tensor], create_graph: bool) -> Several:
    return tuple(tensors) if create_graph else tuple([x.detach() for x in tensors])


def _as(alone: bool, tensors: tuple[Any, ...]) -> Any:
    return tensors[0] if alone else tensors
