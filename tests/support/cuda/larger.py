"""Calls that the declared cases do not make: wide rows, many rows, odd values, several blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from graftgrad.ops.arithmetic import Add, Maximum, Mul
from graftgrad.ops.compare import ArgExtremum
from graftgrad.ops.fused import Fused
from graftgrad.ops.gather import ScatterAdd, Take, Untake
from graftgrad.ops.norm import BatchNorm, BatchNormGrad, GroupNorm, GroupNormGrad
from graftgrad.ops.optimize import Momentum
from graftgrad.ops.pool import AveragePool2D, MaxPool2D, MaxPoolScatter
from graftgrad.ops.random import Dropout
from graftgrad.ops.reduce import Extremum, Sum, Truth
from graftgrad.ops.sample_norm import LayerNorm, LayerNormGrad
from graftgrad.ops.softmax import (
    CrossEntropy,
    CrossEntropyGrad,
    LogSoftmax,
    LogSumExp,
    Softmax,
    SoftmaxGrad,
)
from graftgrad.ops.update import SumOfSquares
from support.cuda.calls import Trial


def unaligned() -> list[Trial]:
    """Calls whose arrays are read several elements at once where they are aligned."""
    random = np.random.default_rng(6)
    x, y = random.standard_normal((2, 5, 24))
    state = np.array([3, 4], np.uint32)
    number = np.array(0.5)
    return [
        Trial(Add(), (x, y)),
        Trial(Add(), (x, y[:1])),
        Trial(Dropout(0.5, x.shape), (x, state)),
        Trial(Momentum(0.9), (x, x, y, number, number)),
        Trial(Sum((1,)), (x,)),
        Trial(BatchNorm(1e-3), (x, y[0], y[1])),
    ]


def larger() -> list[Trial]:
    """The calls, in double precision."""
    random = np.random.default_rng(5)

    def normal(*shape: int) -> Any:
        return random.standard_normal(shape)

    x = normal(3, 2500)
    long = normal(2, 9000)
    odd = normal(6, 40)
    odd[0, 3], odd[1, :], odd[2, 5], odd[3, 7] = np.nan, -np.inf, np.inf, -np.inf
    table, few = normal(3000, 5), normal(700, 70)
    labels = random.integers(0, 2500, 3)
    labels[1] = -100
    image = normal(2, 9, 7, 12)
    channels = [random.uniform(0.5, 1.5, 5) for _ in range(4)]
    groups = [random.uniform(0.5, 1.5, (2, 3)) for _ in range(2)]
    learned = [random.uniform(0.5, 1.5, 12) for _ in range(2)]
    scale, shift = random.uniform(0.5, 1.5, 2500), normal(2500)
    wide_row = normal(1, 2500)
    state = np.array([3, 4], np.uint32)
    many = random.integers(0, 70_000, 600)
    many[:300] = many[300:]
    many[7], many[8] = -1, -70_000
    holes = normal(2, 9, 7, 3)
    holes[0, :3, :3, 0], holes[1, 2, 2, 1] = -np.inf, np.nan
    window = ((2, 1), ((1, 1), (0, 1)), (2, 1), (3, 2))
    run = Fused(((Add(), (0, 1)), (Maximum(), (3, 2)), (Mul(), (4, 0))), (1, 2))
    return [
        *[Trial(Sum(axes), (one,)) for axes in ((0,), (1,), (0, 1)) for one in (table, few, long)],
        Trial(Sum((1,)), (normal(40, 9, 33).transpose(2, 0, 1),)),
        Trial(Sum((0, 2)), (normal(40, 9, 33),)),
        Trial(Extremum((0,)), (table,)),
        Trial(Extremum((1,), largest=False), (odd,)),
        Trial(Truth((1,)), (table > -2,)),
        Trial(SumOfSquares(), (few,)),
        *[Trial(ArgExtremum(1, largest), (odd,)) for largest in (True, False)],
        *[Trial(kind((1,)), (one,)) for kind in (Softmax, LogSoftmax) for one in (x, long, odd)],
        Trial(LogSumExp((1,)), (odd,)),
        Trial(SoftmaxGrad((1,)), (x, np.abs(x))),
        Trial(CrossEntropy(0.1, -100), (x, labels)),
        Trial(CrossEntropyGrad(0.1, -100), (normal(3), x, labels, np.full(3, 8.5))),
        Trial(CrossEntropy(0.0, -100), (odd, random.integers(0, 40, 6))),
        Trial(LayerNorm(1, 1e-5), (x + 100, scale, shift)),
        Trial(LayerNormGrad(), (x, x + 1, scale, normal(3), np.abs(normal(3)))),
        Trial(BatchNorm(1e-3), (table + 50, channels[0], channels[1])),
        Trial(BatchNormGrad(), (table, table + 1, *channels[:3])),
        Trial(GroupNorm(3, 1e-3), (image + 9, *learned)),
        Trial(GroupNormGrad(3), (image, image + 1, learned[0], *groups)),
        Trial(Untake(0, 70_000, 1), (normal(600, 3), many)),
        Trial(Untake(1, 9, 1), (normal(3, 600, 37), many % 9)),
        Trial(Take(0), (normal(300, 5), np.array([[3, -1], [299, -300]]))),
        Trial(ScatterAdd(0), (normal(40, 3), random.integers(0, 40, (39, 3)), normal(39, 3))),
        Trial(MaxPool2D(*window), (holes,)),
        Trial(AveragePool2D(*window), (image,)),
        Trial(
            MaxPoolScatter(*window, (9, 7)),
            (normal(2, 4, 7, 3), random.integers(0, 6, (2, 4, 7, 3), np.uint8)),
        ),
        Trial(Dropout(0.3, (3, 1)), (x, state)),
        Trial(Dropout(0.3, (3, 2500)), (x, state)),
        Trial(Add(), (x, wide_row)),
        Trial(Add(), (normal(3, 4, 5).transpose(2, 0, 1), normal(3, 4))),
        Trial(run, (x, wide_row, normal(3, 1))),
    ]
