"""What a workload must compute and move at least: operations counted by hand, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WORD = 4  # bytes of a float32


@dataclass(frozen=True)
class Work:
    """The least work of one unit.

    `flops` counts a multiplication and an addition as two. `bytes` counts every weight, gradient
    and slot once for each time it must be read or written, and the input; activations may stay in a
    cache and are not counted. So a roofline made of this is a bound from below.
    """

    flops: float
    bytes: float
    dtype: str = "float32"


@dataclass(frozen=True)
class Product:
    """One matrix product of the forward pass, convolutions included: rows × inner × columns."""

    rows: int
    inner: int
    columns: int
    weights: int = 0  # of a convolution or Dense: inner × columns; none between activations

    @property
    def flops(self) -> int:
        """Count multiplications and additions."""
        return 2 * self.rows * self.inner * self.columns


def dense(rows: int, inputs: int, outputs: int) -> Product:
    """(rows, inputs) · (inputs, outputs)."""
    return Product(rows, inputs, outputs, inputs * outputs)


def conv(batch: int, out: int, window: int, inputs: int, outputs: int) -> Product:
    """A convolution with `out` × `out` places and `window` × `window` taps."""
    return Product(
        batch * out * out, window * window * inputs, outputs, window * window * inputs * outputs
    )


def inference(products: Sequence[Product], inputs: int, dtype: str = "float32") -> Work:
    """Return the work of one forward pass; `inputs` counts the numbers that come in."""
    moved = sum(one.weights for one in products) + inputs
    return Work(sum(one.flops for one in products), WORD * moved, dtype)


def training(
    products: Sequence[Product],
    inputs: int,
    slots: int,
    dtype: str = "float32",
    others: int = 0,
    first_is_data: bool = True,
) -> Work:
    """Return the work of one training step.

    Every product runs three times, forward and for two gradients; the gradient of the input is
    never wanted (`first_is_data`). Forward and backward each read the weights and write or read the
    gradient; the update reads and writes weights and `slots` per weight. `others` counts weights
    that are in no product, such as embeddings.
    """
    flops = 3 * sum(one.flops for one in products)
    flops -= products[0].flops if first_is_data else 0
    weights = sum(one.weights for one in products) + others
    return Work(flops, WORD * (weights * (2 + 2 + 2 + 2 * slots) + inputs), dtype)


def resnet18(batch: int, classes: int) -> list[Product]:
    """Return the products of ResNet-18 for pictures of 224 × 224."""
    found = [conv(batch, 112, 7, 3, 64)]
    inputs = 64
    for stage, out in enumerate((56, 28, 14, 7)):
        outputs = 64 << stage
        for block in range(2):
            found.append(conv(batch, out, 3, inputs, outputs))
            found.append(conv(batch, out, 3, outputs, outputs))
            if inputs != outputs and block == 0:
                found.append(conv(batch, out, 1, inputs, outputs))
            inputs = outputs
    return [*found, dense(batch, 512, classes)]
