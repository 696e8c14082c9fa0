"""Batch normalisation and the rectifier after it in one go, and their gradient.

A recorded step puts these in the place of several launches; users write the parts. Reference
bodies are made of the parts' bodies.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..errors import expect
from ..function import Function, function
from ..spec import Spec, uint8
from .norm import BatchNorm, BatchNormGrad


def mask_of(y: Spec) -> Spec:
    """Return the description of one bit for each element, in bytes."""
    return Spec((-(-y.size // 8),), uint8)


@function
class BatchNormReLU(Function):
    """max(BatchNorm(x), 0), with the statistics of BatchNorm.

    `mask` has one bit for each element in row-major order, the first in the lowest bit of a byte:
    1 where the result is positive. Where a mean is no number, the first element of its channel at
    least is none either.
    """

    epsilon: float

    hidden: ClassVar[tuple[str, ...]] = ("inverse_std", "mask")
    undefined: ClassVar[str] = "is made by recorded steps only, which hold its parts' gradients"

    def infer(self, x: Spec, gamma: Spec, beta: Spec) -> tuple[Spec, ...]:
        made = BatchNorm(self.epsilon).infer(x, gamma, beta)
        return (*made, mask_of(x))

    def compute(
        self,
        xp: Any,
        x: Any,
        gamma: Any,
        beta: Any,
        y: Any,
        mean: Any,
        variance: Any,
        inverse_std: Any,
        mask: Any,
    ) -> None:
        BatchNorm(self.epsilon).compute(xp, x, gamma, beta, y, mean, variance, inverse_std)
        xp.maximum(y, 0, out=y)
        mask[...] = xp.packbits(y.reshape(-1) > 0, bitorder="little")


@function
class BatchNormReLUGrad(Function):
    """BatchNormGrad of the elements of gy whose bit in `mask` is 1, the others 0."""

    undefined: ClassVar[str] = "is made by recorded steps only, which hold its parts' gradients"

    def infer(
        self, gy: Spec, x: Spec, gamma: Spec, mean: Spec, inverse_std: Spec, mask: Spec
    ) -> Any:
        expect(mask.shape == mask_of(x).shape, "batch_norm_relu gradient",
               "mask must have one bit for each element of x", mask=mask, x=x)  # fmt: skip
        return BatchNormGrad().infer(gy, x, gamma, mean, inverse_std)

    def compute(
        self,
        xp: Any,
        gy: Any,
        x: Any,
        gamma: Any,
        mean: Any,
        inverse_std: Any,
        mask: Any,
        gx: Any,
        ggamma: Any,
        gbeta: Any,
    ) -> None:
        bits = xp.unpackbits(mask, bitorder="little")[: gy.size].reshape(gy.shape)
        passed = xp.zeros(gy.shape, gy.dtype)
        xp.copyto(passed, gy, where=bits.astype(bool))
        BatchNormGrad().compute(xp, passed, x, gamma, mean, inverse_std, gx, ggamma, gbeta)
