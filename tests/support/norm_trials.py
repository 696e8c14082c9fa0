"""Normalisations at random, on which bodies are compared."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graftgrad.function import Function
from graftgrad.kernel import Reference
from graftgrad.ops.fused_norm import BatchNormReLU, BatchNormReLUGrad
from graftgrad.ops.norm import BatchNorm, BatchNormGrad, BatchNormInference
from support.kernels import Array, Random, Trial, call_of, integer, normal, ran


def batch(random: Random) -> tuple[Array, ...]:
    """Images or rows, gamma and beta."""
    c = 8 * integer(random, 1, 6) if random.random() < 0.7 else integer(random, 1, 40)
    more = [integer(random, 1, 9) for _ in range(integer(random, 0, 3))]
    x = 1 + 2 * normal(random, integer(random, 4, 9), *more, c)
    return x, 1 + 0.3 * normal(random, c), normal(random, c)


def batch_norm(random: Random) -> Trial:
    return BatchNorm(1e-3), batch(random)


def batch_norm_relu(random: Random) -> Trial:
    return BatchNormReLU(1e-3), batch(random)


def batch_norm_grad(random: Random) -> Trial:
    x, gamma, beta = batch(random)
    call = call_of(BatchNorm(1e-3), (x, gamma, beta))
    _, mean, _, inverse_std = ran(Reference(call), call, (x, gamma, beta))
    return BatchNormGrad(), (normal(random, *x.shape), x, gamma, mean, inverse_std)


def batch_norm_relu_grad(random: Random) -> Trial:
    x, gamma, beta = batch(random)
    call = call_of(BatchNormReLU(1e-3), (x, gamma, beta))
    _, mean, _, inverse_std, mask = ran(Reference(call), call, (x, gamma, beta))
    return BatchNormReLUGrad(), (normal(random, *x.shape), x, gamma, mean, inverse_std, mask)


def batch_norm_inference(random: Random) -> Trial:
    x, gamma, beta = batch(random)
    mean, variance = normal(random, len(gamma)), np.abs(normal(random, len(gamma))) + 0.1
    return BatchNormInference(1e-3), (x, mean, variance.astype(np.float32), gamma, beta)


NORMS: dict[type[Function], Callable[[Random], Trial]] = {
    BatchNorm: batch_norm,
    BatchNormReLU: batch_norm_relu,
    BatchNormGrad: batch_norm_grad,
    BatchNormReLUGrad: batch_norm_relu_grad,
    BatchNormInference: batch_norm_inference,
}
# Operands that are as wide as statistics, whatever the images are.
WIDE = {
    BatchNorm: (1, 2),
    BatchNormReLU: (1, 2),
    BatchNormGrad: (2, 3, 4),
    BatchNormReLUGrad: (2, 3, 4),
    BatchNormInference: (1, 2, 3, 4),
}
