"""Functions of rows at random, on which bodies are compared: softmax, layer norm, sums."""

from __future__ import annotations

from collections.abc import Callable

from graftgrad.function import Function
from graftgrad.kernel import Reference
from graftgrad.ops.reduce import Sum
from graftgrad.ops.sample_norm import LayerNorm, LayerNormGrad
from graftgrad.ops.softmax import LogSoftmax, LogSoftmaxGrad, Softmax, SoftmaxGrad
from support.kernels import Array, Random, Trial, call_of, integer, normal, ran


def table(random: Random) -> tuple[Array, tuple[int, ...]]:
    """An array and its last axes, one or two."""
    shape = [integer(random, 1, 9) for _ in range(integer(random, 1, 3))]
    x = 3 * normal(random, *shape, integer(random, 2, 70))
    count = min(integer(random, 1, 2), x.ndim - 1)
    return x, tuple(range(x.ndim - count, x.ndim))


def softmax(random: Random) -> Trial:
    x, axes = table(random)
    return Softmax(axes), (x,)


def softmax_grad(random: Random) -> Trial:
    x, axes = table(random)
    call = call_of(Softmax(axes), (x,))
    return SoftmaxGrad(axes), (normal(random, *x.shape), *ran(Reference(call), call, (x,)))


def log_softmax_grad(random: Random) -> Trial:
    x, axes = table(random)
    call = call_of(LogSoftmax(axes), (x,))
    return LogSoftmaxGrad(axes), (normal(random, *x.shape), *ran(Reference(call), call, (x,)))


def layer_norm(random: Random) -> Trial:
    x, axes = table(random)
    sizes = x.shape[axes[0] :]
    gamma, beta = 1 + normal(random, *sizes) / 4, normal(random, *sizes)
    return LayerNorm(len(axes), 1e-3), (x, gamma, beta)


def layer_norm_grad(random: Random) -> Trial:
    made, (x, gamma, beta) = layer_norm(random)
    call = call_of(made, (x, gamma, beta))
    _, mean, inverse_std = ran(Reference(call), call, (x, gamma, beta))
    return LayerNormGrad(), (normal(random, *x.shape), x, gamma, mean, inverse_std)


def total(random: Random) -> Trial:
    x, _ = table(random)
    first = integer(random, 0, x.ndim - 1)
    axes = tuple(range(first, integer(random, first, x.ndim - 1) + 1))
    return Sum(axes, bool(random.random() < 0.5)), (x,)


ROWS: dict[type[Function], Callable[[Random], Trial]] = {
    Softmax: softmax,
    SoftmaxGrad: softmax_grad,
    LogSoftmaxGrad: log_softmax_grad,
    LayerNorm: layer_norm,
    LayerNormGrad: layer_norm_grad,
    Sum: total,
}
# Operands that are as wide as statistics, whatever the others are.
WIDE_ROWS = {LayerNorm: (1, 2), LayerNormGrad: (2, 3, 4)}
