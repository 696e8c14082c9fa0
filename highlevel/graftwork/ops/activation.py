"""Activation functions, under Keras' names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graftgrad import ops

from .. import activations
from .elementwise import exp, tanh
from .operands import real_numbers
from .operation import along_axes, elementwise, op


def _plain(function: Callable[..., Any], name: str | None = None) -> Callable[[Any], Any]:
    def activated(x: Any) -> Any:
        return function(real_numbers(x))

    activated.__doc__ = function.__doc__
    activated.__module__ = function.__module__
    return op("nn", alike=elementwise, name=name or function.__name__)(activated)


hard_sigmoid = _plain(ops.hard_sigmoid)
hard_silu = _plain(ops.hard_silu)
hard_swish = hard_silu
hard_tanh = _plain(ops.hard_tanh)
log_sigmoid = _plain(ops.log_sigmoid)
relu6 = _plain(ops.relu6)
selu = _plain(ops.selu)
sigmoid = _plain(ops.sigmoid)
silu = _plain(ops.silu)
softplus = _plain(ops.softplus)
softsign = _plain(ops.softsign)
sparse_plus = _plain(ops.sparse_plus)
sparse_sigmoid = _plain(ops.sparse_sigmoid)
swish = silu
tanh_shrink = _plain(ops.tanh_shrink)


@op("nn", alike=elementwise)
def relu(x: Any) -> Any:
    """Rectifier: y = max(x, 0)."""
    return ops.relu(x)


@op("nn", alike=elementwise)
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """Rectifier with a slope below 0: y = x, or negative_slope · x where x < 0."""
    return ops.leaky_relu(real_numbers(x), negative_slope)


@op("nn", alike=elementwise)
def elu(x: Any, alpha: float = 1.0) -> Any:
    """Exponential linear unit: y = x, or alpha · (eˣ − 1) where x < 0."""
    return ops.elu(real_numbers(x), alpha)


@op("nn", alike=elementwise)
def celu(x: Any, alpha: float = 1.0) -> Any:
    """Continuously differentiable exponential linear unit: max(x, 0) + min(0, a (e^(x/a) − 1))."""
    return ops.celu(real_numbers(x), alpha)


@op("nn", alike=elementwise)
def gelu(x: Any, approximate: bool = True) -> Any:
    """Gaussian error linear unit: y = x · Φ(x), Φ by its hyperbolic tangent if approximate."""
    return ops.gelu(real_numbers(x), approximate)


@op("nn")
def glu(x: Any, axis: int = -1) -> Any:
    """Gated linear unit: the first half along an axis times the sigmoid of the second."""
    return ops.glu(real_numbers(x), axis)


@op("nn", alike=elementwise)
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """Let through what is larger than a threshold: y = x where |x| > threshold, else 0."""
    return ops.hard_shrink(real_numbers(x), threshold)


@op("nn", alike=elementwise)
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """Draw towards 0 by a threshold: y = sign(x) · max(|x| − threshold, 0)."""
    return ops.soft_shrink(real_numbers(x), threshold)


@op("nn", alike=elementwise)
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """Let through what exceeds a threshold; a default stands in place of the rest."""
    return ops.threshold(x, threshold, default_value)


@op("nn", alike=elementwise)
def squareplus(x: Any, b: float = 4) -> Any:
    """Algebraic rectifier: y = (x + √(x² + b)) / 2."""
    return ops.squareplus(real_numbers(x), b)


@op("nn", alike=along_axes)
def softmax(x: Any, axis: Any = -1) -> Any:
    """Return shares: y = eˣ / Σ eˣ along an axis, or over several together, all if None."""
    return _over(ops.softmax, x, axis)


@op("nn", alike=along_axes)
def log_softmax(x: Any, axis: Any = -1) -> Any:
    """Return the logarithms of shares: y = x − ln Σ eˣ along an axis, or over several together."""
    return _over(ops.log_softmax, x, axis)


@op("nn", alike=along_axes)
def sparsemax(x: Any, axis: int = -1) -> Any:
    """Return the point of the simplex that lies nearest to x along an axis."""
    return ops.sparsemax(real_numbers(x), axis)


def _over(function: Callable[..., Any], x: Any, axis: Any) -> Any:
    x = real_numbers(x)
    if axis is None:
        return ops.reshape(function(ops.reshape(x, (-1,)), -1), x.shape)
    return function(x, tuple(axis) if isinstance(axis, list) else axis)


# What `graftwork.activations` computes of symbols and host arrays.
_ROOM = "keras.src.activations.activations"


@op(_ROOM, alike=elementwise)
def rectified(
    x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Any:
    """Rectifier with a slope, an upper end and a threshold: see `activations.relu`."""
    return ops.relu(x, negative_slope, max_value, threshold)


@op(_ROOM, alike=elementwise)
def mish(x: Any) -> Any:
    """Self-regularized: y = x · tanh(ln(1 + eˣ))."""
    return ops.mish(real_numbers(x))


def _gelu(x: Any, approximate: bool = False) -> Any:
    return gelu(x, approximate)


activations.beyond.update(
    celu=celu, elu=elu, exponential=exp, gelu=_gelu, glu=glu, hard_shrink=hard_shrink,
    hard_sigmoid=hard_sigmoid, hard_silu=hard_silu, hard_tanh=hard_tanh, leaky_relu=leaky_relu,
    log_sigmoid=log_sigmoid, log_softmax=log_softmax, mish=mish, relu=rectified, relu6=relu6,
    selu=selu, sigmoid=sigmoid, silu=silu, soft_shrink=soft_shrink, softmax=softmax,
    softplus=softplus, softsign=softsign, sparse_plus=sparse_plus, sparse_sigmoid=sparse_sigmoid,
    sparsemax=sparsemax, squareplus=squareplus, tanh=tanh, tanh_shrink=tanh_shrink,
    threshold=threshold,
)  # fmt: skip
