"""Random tensors under Keras' names.

A seed that is a whole number gives the same numbers each time; a `SeedGenerator` goes on from call
to call; None takes the next seed of the program, which `set_random_seed` begins. The numbers come
from Philox, a counter (Salmon et al. 2011), not from the generators of Keras' backends.
"""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import ops as engine
from graftgrad.errors import ConfigError, expect
from graftgrad.ops import distributions
from graftgrad.ops import random as draws
from graftgrad.spec import is_floating

from .layers.seed_generator import SeedGenerator
from .ops.operands import as_operand, standard
from .ops.operation import op
from .seeds import any_seed, start_of


def _start(subject: str, seed: Any) -> Any:
    return start_of(any_seed(subject, "seed", seed))


def _sizes(shape: Any) -> tuple[int, ...]:
    return (int(shape),) if hasattr(shape, "__index__") else tuple(int(n) for n in shape)


def _floating(subject: str, dtype: Any) -> Any:
    kind = standard(dtype)
    expect(is_floating(kind), subject, "dtype must be a floating type", error=ConfigError,
           dtype=dtype)  # fmt: skip
    return kind


def normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Draw from a normal distribution.

    Raises:
        ConfigError: the seed is unfit, or the element type not floating.
    """
    kind = _floating("normal", dtype)
    return draws.normal(_start("normal", seed), _sizes(shape), float(mean), float(stddev), kind)


def truncated_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Draw from a normal distribution, cut off two deviations from its mean.

    Raises:
        ConfigError: the seed is unfit, or the element type not floating.
    """
    kind = _floating("truncated_normal", dtype)
    start = _start("truncated_normal", seed)
    return draws.truncated_normal(start, _sizes(shape), float(mean), float(stddev), kind)


def uniform(
    shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Draw evenly from [minval, maxval).

    Raises:
        ConfigError: the seed is unfit, or the element type not floating.
    """
    kind = _floating("uniform", dtype)
    return draws.uniform(_start("uniform", seed), _sizes(shape), float(minval), float(maxval), kind)


def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> Any:
    """Draw whole numbers evenly from [minval, maxval).

    Raises:
        ConfigError: the seed is unfit, or the element type not one of whole numbers.
    """
    kind = standard(dtype)
    expect(kind.kind in "iu", "randint", "dtype must be a type of whole numbers",
           error=ConfigError, dtype=dtype)  # fmt: skip
    start = _start("randint", seed)
    return draws.randint(start, _sizes(shape), int(minval), int(maxval), kind)


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Draw from a gamma distribution of shape alpha, one number, and scale 1.

    Raises:
        ConfigError: the seed is unfit, or the element type not floating.
    """
    kind = _floating("gamma", dtype)
    return distributions.gamma(_start("gamma", seed), _sizes(shape), float(alpha), 1.0, kind)


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Draw from a beta distribution: X / (X + Y), X and Y drawn from gamma distributions.

    Raises:
        ConfigError: the seed is unfit, or the element type not floating.
    """
    kind = _floating("beta", dtype)
    start = _start("beta", seed)
    other = engine.bitwise_xor(start, graftgrad.tensor([0x5BD1E995, 0], "uint32"))
    x = distributions.gamma(start, _sizes(shape), float(alpha), 1.0, kind)
    y = distributions.gamma(other, _sizes(shape), float(beta), 1.0, kind)
    return x / (x + y)


def binomial(
    shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> Any:
    """Draw how many of `counts` trials succeed; both may be tensors that stretch to the shape.

    Every trial is drawn: memory is that of the shape times the largest count.

    Raises:
        ConfigError: the seed is unfit, or the element type not floating.
    """
    kind = _floating("binomial", dtype)
    n, p = (
        engine.cast(as_operand(counts), "float32"),
        engine.cast(as_operand(probabilities), "float32"),
    )
    most = int(engine.max(n).item())
    drawn = draws.uniform(_start("binomial", seed), (*_sizes(shape), max(most, 1)))
    trial = graftgrad.arange(max(most, 1), dtype="float32")
    taken = engine.less(trial, engine.expand_dims(n, -1))
    hit = engine.less(drawn, engine.expand_dims(p, -1))
    return engine.sum(engine.cast(engine.logical_and(taken, hit), kind), -1)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Draw classes with replacement, by the shares softmax(logits).

    Shapes: (N, K) -> (N, num_samples).

    Raises:
        ConfigError: the seed is unfit.
    """
    start = _start("categorical", seed)
    found = distributions.categorical(start, as_operand(logits), int(num_samples))
    return engine.cast(found, standard(dtype))


@op("random")
def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Set a share of elements to 0 and scale the rest up by 1 / (1 − rate).

    Raises:
        ConfigError: the seed is unfit.
    """
    noise = None if noise_shape is None else tuple(noise_shape)
    return engine.dropout(inputs, _start("dropout", seed), rate, noise)


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """Put slices along an axis into a random order.

    Raises:
        ConfigError: the seed is unfit.
    """
    x = as_operand(x)
    order = draws.permutation(_start("shuffle", seed), x.shape[axis])
    return engine.take(x, order, axis)


__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]
