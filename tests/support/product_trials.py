"""Products of matrices and fused products at random, on which bodies are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graftgrad.function import Function
from graftgrad.ops.fused_products import (
    ACTIVATIONS,
    FusedConv2D,
    FusedDepthwiseConv2D,
    FusedLinear,
)
from graftgrad.ops.matmul import MatMul
from support.kernels import Array, Random, Trial, integer, normal
from support.trials import convolution, depthwise


def matmul(random: Random) -> Trial:
    """Two matrices, or batches of them that broadcast, each perhaps a transposed view."""
    i, k, j = (integer(random, 1, 40) for _ in range(3))
    batch = tuple(integer(random, 1, 3) for _ in range(integer(random, 0, 2)))
    return MatMul(), (_batch(random, batch, i, k), _batch(random, batch, k, j))


def _batch(random: Random, batch: tuple[int, ...], rows: int, columns: int) -> Array:
    kept = batch[integer(random, 0, len(batch)) :]
    lead = tuple(1 if random.random() < 0.3 else size for size in kept)
    if random.random() < 0.4:
        return normal(random, *lead, columns, rows).swapaxes(-1, -2)
    return normal(random, *lead, rows, columns)


def fused(random: Random, shape: tuple[int, ...]) -> tuple[dict[str, Any], tuple[Array, ...]]:
    """What follows a product at random, and its operands."""
    name = str(random.choice(["", *ACTIVATIONS]))
    alpha, beta = {"clip": (-0.5, 1.5)}.get(name, (float(random.uniform(0.1, 0.9)), 0.0))
    biased, added = bool(random.random() < 0.6), bool(random.random() < 0.4)
    more = [normal(random, shape[-1])] if biased else []
    more += [normal(random, *shape)] if added else []
    given = {"activation": name, "alpha": alpha, "beta": beta, "biased": biased, "added": added}
    return given, tuple(more)


def fused_linear(random: Random) -> Trial:
    n, d, o = (integer(random, 1, 40) for _ in range(3))
    given, more = fused(random, (n, o))
    w = normal(random, d, o) / 4  # sums of ordinary size: exponentials follow
    return FusedLinear(**given), (normal(random, n, d), w, *more)


def fused_conv2d(random: Random) -> Trial:
    f, x, w, gy = convolution(random)
    given, more = fused(random, gy.shape)
    made = FusedConv2D(f.strides, f.pads, f.dilation, f.groups, **given)
    return made, (x, w / 8, *more)


def fused_depthwise_conv2d(random: Random) -> Trial:
    f, x, w, gy = depthwise(random)
    given, more = fused(random, gy.shape)
    return FusedDepthwiseConv2D(f.strides, f.pads, f.dilation, **given), (x, w / 2, *more)


PRODUCTS: dict[type[Function], Callable[[Random], Trial]] = {
    MatMul: matmul,
    FusedLinear: fused_linear,
    FusedConv2D: fused_conv2d,
    FusedDepthwiseConv2D: fused_depthwise_conv2d,
}
