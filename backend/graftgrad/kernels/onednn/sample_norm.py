"""Layer normalisation and its gradient."""

from __future__ import annotations

import math
from typing import Any

from ...kernel import Call, Kernel, kernel
from ...ops.sample_norm import LayerNorm, LayerNormGrad
from ...spec import Shape, Spec
from .eltwise import LINEAR, SQRT, SQUARE, mapped
from .library import library
from .memory import described, rows
from .norm import (
    BACKWARD,
    COST,
    GRAD_SCALE,
    GRAD_SHIFT,
    MEAN,
    RECIPROCAL,
    SCALE,
    SHIFT,
    STRETCHED,
    VARIANCE,
)
from .primitive import offer
from .recipe import Eltwise, Recipe
from .work import GRAD_RESULT, GRAD_SOURCE, RESULT, SOURCE, TRAINING, Work


@kernel(LayerNorm, on="cpu")
def layer_norm(call: Call) -> Kernel | None:
    """Offer the normalisation, but not that by the root mean square."""
    x = call.ins[0]
    function: Any = call.function
    if not function.centred or x.ndim == function.last:
        return None
    view, flat = rows(x.shape, function.last), _flat

    def build(work: Work) -> None:
        recipe = _recipe(x, function.last, call.outs[1], function.epsilon)
        variance = work.between(described(call.outs[2], flat))
        arguments = {
            SOURCE: work.operand(0, view),
            SCALE: work.operand(1, flat),
            SHIFT: work.operand(2, flat),
            RESULT: work.result(0, view),
            MEAN: work.result(1, flat),
            VARIANCE: variance,
        }
        work.main(recipe, arguments)
        operations = [Eltwise(LINEAR, 1.0, function.epsilon), Eltwise(SQRT), RECIPROCAL]
        mapped(work, variance, work.result(2, flat), operations)

    return offer(call, build, COST * x.size)


@kernel(LayerNormGrad, on="cpu")
def layer_norm_grad(call: Call) -> Kernel | None:
    """Offer the gradients of all three operands."""
    _, x, gamma, mean, _ = call.ins
    function: Any = call.function
    if not function.centred or x.ndim == gamma.ndim:
        return None
    view, flat = rows(x.shape, gamma.ndim), _flat

    def build(work: Work) -> None:
        owner, layout = library(), described(x, view)
        forward = _recipe(x, gamma.ndim, mean, 0.0)
        recipe = Recipe(
            "layer_normalization_backward", owner.engine, BACKWARD, layout, layout, layout,
            described(mean, flat), 0.0, STRETCHED, forward, owner.attributes,
        )  # fmt: skip
        inverse = work.operand(4, flat)
        variance = work.between(inverse.description)  # plus epsilon: the spread is what is given
        mapped(work, inverse, variance, [RECIPROCAL, Eltwise(SQUARE)])
        scale = work.operand(2, flat)
        arguments = {
            GRAD_RESULT: work.operand(0, view),
            SOURCE: work.operand(1, view),
            SCALE: scale,
            SHIFT: scale,  # it is asked for and not read
            MEAN: work.operand(3, flat),
            VARIANCE: variance,
            GRAD_SOURCE: work.result(0, view),
            GRAD_SCALE: work.result(1, flat),
            GRAD_SHIFT: work.result(2, flat),
        }
        work.main(recipe, arguments)

    return offer(call, build, 2 * COST * x.size)


def _recipe(x: Spec, last: int, statistics: Spec, epsilon: float) -> Recipe:
    owner, layout = library(), described(x, rows(x.shape, last))
    return Recipe(
        "layer_normalization_forward", owner.engine, TRAINING, layout, layout,
        described(statistics, _flat), epsilon, STRETCHED, owner.attributes,
    )  # fmt: skip


def _flat(shape: Shape, strides: Shape) -> tuple[Shape, Shape]:
    return (math.prod(shape),), (1,)
