"""Holds gradients against differences of the function itself, in the first and the second order.

How gradients are computed stands in `engine`; here they are only doubted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from . import engine, modes
from .creation import zeros_like
from .device.base import HostArray
from .errors import DTypeError, GradientError, expect, sentence
from .spec import Shape, complex128, float64, is_complex, is_differentiable
from .tensor import Tensor

_SEED = 20240229


def gradcheck(
    function: Callable[..., Any],
    inputs: Tensor | Sequence[Tensor],
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    fast_mode: bool = False,
) -> bool:
    """Compare the gradients of a function with central differences.

    |a − d| ≤ atol + rtol · |d| for every entry, d = (f(x + eps) − f(x − eps)) / (2 eps)

    Complex numbers count as their two parts, each an entry of its own.

    Inputs are changed in place while the differences are taken and restored afterwards, so a
    function may also read them from its surroundings.

    Args:
        function: of the inputs; returns one tensor or several. All floating and complex results
            are checked.
        inputs: float64 or complex128 tensors; those that require a gradient are checked.
        eps: the step of the differences.
        atol: the error that is always allowed.
        rtol: the error that is allowed per unit of the difference.
        raise_exception: raise where False would be returned.
        fast_mode: compare one random projection of the derivative in place of every entry.

    Returns:
        Whether all entries agree.

    Raises:
        GradientError: an entry disagrees, or no input requires a gradient.
        DTypeError: an input that requires a gradient is neither float64 nor complex128.
    """
    given = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    wanted = _wanted(given)
    check = _Check(function, given, wanted, eps, atol, rtol)
    fault = check.projected() if fast_mode else check.entries()
    if fault and fast_mode:
        fault = check.entries() or fault
    if fault and raise_exception:
        raise GradientError(fault)
    return not fault


def gradgradcheck(
    function: Callable[..., Any],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    fast_mode: bool = False,
) -> bool:
    """Compare the gradients of the gradients of a function with central differences.

    The function that is checked is (x, g) ↦ Σ gᵢ · ∂yᵢ/∂x; it is differentiated by the inputs x and
    by the gradients g that arrive at the results.

    Args:
        function: of the inputs; returns one tensor or several.
        inputs: float64 or complex128 tensors; those that require a gradient are checked.
        grad_outputs: the gradients g, one for every floating result; random if None.
        eps: the step of the differences.
        atol: the error that is always allowed.
        rtol: the error that is allowed per unit of the difference.
        raise_exception: raise where False would be returned.
        fast_mode: compare one random projection of the derivative in place of every entry.

    Returns:
        Whether all entries agree.

    Raises:
        GradientError: an entry disagrees, or no input requires a gradient.
        DTypeError: an input that requires a gradient is neither float64 nor complex128.
    """
    given = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    _wanted(given)
    count = len(given)

    def first_order(*operands: Tensor) -> list[Tensor]:
        xs, arriving = operands[:count], operands[count:]
        roots = [(y, g) for y, g in zip(_floating(function(*xs)), arriving, strict=True) if y.wants]
        by = [x for x in xs if x.wants]
        expect(len(roots) > 0, "gradgradcheck", "a result must require a gradient",
               error=GradientError, inputs=[x.spec for x in xs])  # fmt: skip
        found = engine.grad(
            [y for y, _ in roots], by, [g for _, g in roots], create_graph=True, allow_unused=True
        )
        return [zeros_like(x) if g is None else g for x, g in zip(by, found, strict=True)]

    if grad_outputs is None:
        draw = np.random.default_rng(_SEED)
        with modes.no_grad():
            outputs = _floating(function(*given))
        arriving = [
            y.like(_complex(draw.standard_normal(_sizes(y)), y)).requires_grad_() for y in outputs
        ]
    else:
        listed = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)
        arriving = [g.detach().requires_grad_() for g in listed]
    return gradcheck(first_order, [*given, *arriving], eps, atol, rtol, raise_exception, fast_mode)


class _Check:
    """One function at one point: its derivative by gradients and by differences.

    All host arrays hold real numbers here; complex ones are pairs of parts on a last axis. The
    gradient g of a complex z has the parts ∂L/∂Re z and ∂L/∂Im z, so that pairs behave as any
    real numbers do.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        inputs: list[Tensor],
        wanted: list[int],
        eps: float,
        atol: float,
        rtol: float,
    ) -> None:
        self.function = function
        self.inputs = inputs
        self.wanted = wanted
        self.eps = eps
        self.atol = atol
        self.rtol = rtol

    def values(self) -> list[HostArray]:
        """Return copies of all floating results."""
        with modes.enable_grad():
            return [_host(y) for y in _floating(self.function(*self.inputs))]

    def pulled(self, ys: list[Tensor], arriving: list[HostArray]) -> list[HostArray]:
        """Return the gradient of Σ arriving · y by every wanted input."""
        xs = [self.inputs[i] for i in self.wanted]
        roots = [(y, y.like(_complex(g, y))) for y, g in zip(ys, arriving, strict=True) if y.wants]
        if not roots:
            return [np.zeros(_sizes(x)) for x in xs]
        found = engine.grad(
            [y for y, _ in roots],
            xs,
            [g for _, g in roots],
            retain_graph=True,
            allow_unused=True,
        )
        return [
            np.zeros(_sizes(x)) if g is None else _host(g) for x, g in zip(xs, found, strict=True)
        ]

    def results(self) -> list[Tensor]:
        """Return all floating results with their graph."""
        with modes.enable_grad():
            ys = _floating(self.function(*self.inputs))
        expect(len(ys) > 0, "gradcheck", "the function must return a floating tensor",
               error=GradientError, function=self.function)  # fmt: skip
        return ys

    def agrees(self, analytic: Any, numeric: Any) -> Any:
        """Tell, entry by entry, whether the two are close; NaN is close to nothing."""
        return np.abs(analytic - numeric) <= self.atol + self.rtol * np.abs(numeric)

    def projected(self) -> str:
        """Compare vᵀ J u for random u and v; return what is wrong, or nothing."""
        draw = np.random.default_rng(_SEED)
        ys = self.results()
        v = [draw.standard_normal(_sizes(y)) for y in ys]
        u = [draw.standard_normal(_sizes(self.inputs[i])) for i in self.wanted]
        slopes = self.pulled(ys, v)
        analytic = sum(float(np.sum(a * b)) for a, b in zip(slopes, u, strict=True))
        ends: list[float] = []
        for step in (self.eps, -self.eps):
            before = [_host(self.inputs[i]) for i in self.wanted]
            try:
                for i, start, direction in zip(self.wanted, before, u, strict=True):
                    _write(self.inputs[i], start + step * direction)
                moved = self.values()
            finally:
                for i, start in zip(self.wanted, before, strict=True):
                    _write(self.inputs[i], start)
            ends.append(sum(float(np.sum(a * b)) for a, b in zip(moved, v, strict=True)))
        numeric = (ends[0] - ends[1]) / (2 * self.eps)
        if bool(self.agrees(analytic, numeric)):
            return ""
        return self.disagreement("the gradient along a random direction", analytic, numeric)

    def entries(self) -> str:
        """Compare every entry of the derivative; return what is wrong, or nothing."""
        ys = self.results()
        rows = [[self.pulled(ys, arriving) for arriving in _units(ys, j)] for j in range(len(ys))]
        for k, i in enumerate(self.wanted):
            for n, place in enumerate(np.ndindex(_sizes(self.inputs[i]))):
                for j, numeric in enumerate(self.differences(i, place)):
                    analytic = np.array([row[k].reshape(-1)[n] for row in rows[j]])
                    close = self.agrees(analytic, numeric.reshape(-1))
                    if not close.all():
                        m = int(np.argmin(close))
                        where = [*np.ndindex(_sizes(ys[j]))][m]
                        return self.disagreement(
                            f"the gradient of output {j} at {_place(where, ys[j])} by input {i} "
                            f"at {_place(place, self.inputs[i])}",
                            float(analytic[m]),
                            float(numeric.reshape(-1)[m]),
                        )
        return ""

    def disagreement(self, subject: str, analytic: float, numeric: float) -> str:
        """Put into words where the two differ."""
        return sentence(
            "gradcheck",
            f"{subject} must agree with its difference",
            {"gradient": analytic, "difference": numeric, "atol": self.atol, "rtol": self.rtol},
        )

    def differences(self, i: int, place: tuple[int, ...]) -> list[HostArray]:
        """Return the central difference of every result by one entry of input i."""
        x = self.inputs[i]
        start, step = _host(x), np.zeros(_sizes(x))
        step[place] = self.eps
        try:
            _write(x, start + step)
            above = self.values()
            _write(x, start - step)
            below = self.values()
        finally:
            _write(x, start)
        return [(a - b) / (2 * self.eps) for a, b in zip(above, below, strict=True)]


def _wanted(inputs: list[Tensor]) -> list[int]:
    wanted = [i for i, x in enumerate(inputs) if x.requires_grad]
    expect(len(wanted) > 0, "gradcheck", "at least one input must require a gradient",
           error=GradientError, inputs=[x.spec for x in inputs],
           advice="Call .requires_grad_() on it.")  # fmt: skip
    for i in wanted:
        expect(inputs[i].dtype in (float64, complex128), "gradcheck",
               "inputs must be float64 or complex128",
               error=DTypeError, index=i, input=inputs[i].spec,
               advice="Smaller types are too coarse; convert with .to('float64').")  # fmt: skip
        expect(inputs[i].grad_fn is None, "gradcheck", "inputs must be leaves",
               error=GradientError, index=i, grad_fn=inputs[i].grad_fn,
               advice="Use .detach().requires_grad_().")  # fmt: skip
        strides = inputs[i].array.strides if inputs[i].device.computes else ()
        overlaps = inputs[i].size > 0 and any(
            s == 0 and n > 1 for s, n in zip(strides, inputs[i].shape, strict=False)
        )
        expect(inputs[i].device.computes and not overlaps, "gradcheck",
               "inputs must have values of their own in every place", error=GradientError,
               index=i, input=inputs[i].spec, advice="Use .clone().")  # fmt: skip
    return wanted


def _floating(outputs: Any) -> list[Tensor]:
    listed = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    return [y for y in listed if isinstance(y, Tensor) and is_differentiable(y.dtype)]


def _sizes(x: Tensor) -> Shape:
    """Return the shape of the real numbers that x is made of."""
    return (*x.shape, 2) if is_complex(x.dtype) else x.shape


def _host(x: Tensor) -> HostArray:
    """Return a copy in float64; of complex numbers, their parts on a last axis."""
    host = x.device.fetch(x.array)
    if not is_complex(x.dtype):
        return np.array(host, dtype=np.float64)
    return np.stack((host.real, host.imag), -1).astype(np.float64)


def _complex(values: HostArray, like: Tensor) -> HostArray:
    """Return parts on a last axis as complex numbers, where `like` is complex."""
    return values[..., 0] + 1j * values[..., 1] if is_complex(like.dtype) else values


def _place(place: Shape, x: Tensor) -> str:
    """Name an entry; of a complex number, which of its parts."""
    return f"{place[:-1]}.{('real', 'imag')[place[-1]]}" if is_complex(x.dtype) else str(place)


def _write(x: Tensor, values: HostArray) -> None:
    # past the version count: the graph that stands is never walked with the changed values
    x.array[...] = x.device.put(np.asarray(_complex(values, x)), x.dtype)


def _units(ys: list[Tensor], j: int) -> Iterator[list[HostArray]]:
    """Yield, for every real entry of result j, ones there and zeros everywhere else."""
    for place in np.ndindex(_sizes(ys[j])):
        arriving = [np.zeros(_sizes(y)) for y in ys]
        arriving[j][place] = 1.0
        yield arriving
