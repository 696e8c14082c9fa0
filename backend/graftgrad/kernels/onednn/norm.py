"""Batch normalisation, alone and with the rectifier after it, and the gradients of both."""

from __future__ import annotations

from typing import Any

from ...errors import LibraryError
from ...kernel import Call, Kernel, kernel
from ...ops.fused_norm import BatchNormReLU, BatchNormReLUGrad
from ...ops.norm import BatchNorm, BatchNormGrad, BatchNormInference
from ...spec import Spec
from .eltwise import LINEAR, POWER, SQRT, SQUARE, added, mapped
from .library import library
from .memory import described, pixels, strided
from .primitive import offer
from .recipe import WORKSPACE_LAYOUT, Eltwise, Recipe
from .work import (
    GRAD_RESULT,
    GRAD_SOURCE,
    INFERENCE,
    RESULT,
    SOURCE,
    TRAINING,
    WORKSPACE,
    Slot,
    Work,
)

MEAN, VARIANCE, SCALE, SHIFT, GRAD_SCALE, GRAD_SHIFT = 49, 50, 51, 52, 255, 256
GIVEN, STRETCHED, RECTIFIED = 1, 2 | 4, 8  # statistics are given; with gamma and beta; with ReLU
BACKWARD = 128
COST = 8  # multiplications that an element takes as long as
RECIPROCAL = Eltwise(POWER, 1.0, -1.0)


def recipe_for(x: Spec, epsilon: float, flags: int, kind: int = TRAINING) -> Recipe:
    """Return the recipe for y."""
    owner, layout = library(), described(x, pixels)
    return Recipe(
        "batch_normalization_forward", owner.engine, kind,
        layout, layout, epsilon, flags, owner.attributes,
    )  # fmt: skip


def _forward(call: Call, rectified: bool) -> Kernel | None:
    x = call.ins[0]
    function: Any = call.function

    def build(work: Work) -> None:
        recipe = recipe_for(x, function.epsilon, STRETCHED | (RECTIFIED if rectified else 0))
        y, mean, variance = work.result(0, pixels), work.result(1), work.result(2)
        arguments = {
            SOURCE: work.operand(0, pixels),
            SCALE: work.operand(1),
            SHIFT: work.operand(2),
            RESULT: y,
            MEAN: mean,
            VARIANCE: variance,
        }
        if rectified:
            arguments[WORKSPACE] = _bits(work, recipe, work.result(4))
        work.main(recipe, arguments)
        operations = [Eltwise(LINEAR, 1.0, function.epsilon), Eltwise(SQRT), RECIPROCAL]
        mapped(work, variance, work.result(3), operations)
        if rectified:  # the library takes what is no number for 0
            first = strided(x.shape[-1:], (1,), x.dtype)
            nothing = work.between(mean.description)
            mapped(work, mean, nothing, [Eltwise(LINEAR, 0.0)])
            added(work, nothing, work.again(y, first))

    return offer(call, build, COST * x.size)


def _bits(work: Work, recipe: Recipe, mask: Slot) -> Slot:
    """Return the mask as the library's workspace, if that has a bit for each element.

    Raises:
        LibraryError: it has not.
    """
    wanted = recipe.layout(WORKSPACE_LAYOUT)
    if wanted.bytes != mask.description.bytes or work.call.ins[0].shape[-1] % 8:
        raise LibraryError("oneDNN: the workspace must be one bit per element; got another.")
    mask.description = wanted
    return mask


@kernel(BatchNorm, on="cpu")
def batch_norm(call: Call) -> Kernel | None:
    """Offer the normalisation with statistics of the batch."""
    return _forward(call, rectified=False)


@kernel(BatchNormReLU, on="cpu")
def batch_norm_relu(call: Call) -> Kernel | None:
    """Offer the same with the rectifier."""
    return _forward(call, rectified=True)


def _backward(call: Call, rectified: bool) -> Kernel | None:
    x = call.ins[1]

    def build(work: Work) -> None:
        owner, flags = library(), STRETCHED | (RECTIFIED if rectified else 0)
        forward, layout = recipe_for(x, 0.0, flags), described(x, pixels)
        recipe = Recipe(
            "batch_normalization_backward", owner.engine, BACKWARD,
            layout, layout, layout, 0.0, flags, forward, owner.attributes,
        )  # fmt: skip
        inverse = work.operand(4)
        variance = work.between(inverse.description)  # plus epsilon: the spread is what is given
        mapped(work, inverse, variance, [RECIPROCAL, Eltwise(SQUARE)])
        arguments = {
            GRAD_RESULT: work.operand(0, pixels),
            SOURCE: work.operand(1, pixels),
            SCALE: work.operand(2),
            MEAN: work.operand(3),
            VARIANCE: variance,
            GRAD_SOURCE: work.result(0, pixels),
            GRAD_SCALE: work.result(1),
            GRAD_SHIFT: work.result(2),
        }
        if rectified:
            arguments[WORKSPACE] = _bits(work, forward, work.operand(5))
        work.main(recipe, arguments)

    return offer(call, build, 2 * COST * x.size)


@kernel(BatchNormGrad, on="cpu")
def batch_norm_grad(call: Call) -> Kernel | None:
    """Offer the gradients of all three operands."""
    return _backward(call, rectified=False)


@kernel(BatchNormReLUGrad, on="cpu")
def batch_norm_relu_grad(call: Call) -> Kernel | None:
    """Offer the same through the rectifier."""
    return _backward(call, rectified=True)


@kernel(BatchNormInference, on="cpu")
def batch_norm_inference(call: Call) -> Kernel | None:
    """Offer the normalisation with given statistics."""
    x = call.ins[0]
    function: Any = call.function

    def build(work: Work) -> None:
        recipe = recipe_for(x, function.epsilon, GIVEN | STRETCHED, INFERENCE)
        arguments = {
            SOURCE: work.operand(0, pixels),
            MEAN: work.operand(1),
            VARIANCE: work.operand(2),
            SCALE: work.operand(3),
            SHIFT: work.operand(4),
            RESULT: work.result(0, pixels),
        }
        work.main(recipe, arguments)

    return offer(call, build, x.size)
