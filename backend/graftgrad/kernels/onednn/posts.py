"""What products do to their results before they are stored: bias, addend, activation."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...errors import LibraryError
from ...spec import float32
from .memory import Description, View
from .recipe import Add, Attributes, Eltwise, PostOp, Rectify, role_of
from .work import BIAS, Slot, Work

ELTWISE = {
    "leaky": 0x20,
    "tanh": 0x21,
    "elu": 0x22,
    "sigmoid": 0x29,
    "exp": 0x2A,
    "gelu_tanh": 0x2B,
    "swish": 0x2C,
    "clip": 0x2E,
    "gelu_erf": 0x31,
    "softplus": 0x27,
    "hard_swish": 0x34,
}
NUMBERS = {"swish": (1.0, 0.0), "softplus": (1.0, 0.0), "hard_swish": (1 / 6, 0.5)}


class Posts(NamedTuple):
    """What follows a product: the bias' layout if there is one, the rest, and their arguments."""

    bias: Description | None
    attributes: Attributes
    arguments: dict[int, Slot]


def following(work: Work, function: Any, view: View, bias: View) -> Posts:
    """Return what follows a fused product, whose results are seen through `view`.

    Args:
        work: to which operands are added; the bias is operand 2, the addend the last.
        function: the fused function.
        view: how results are seen.
        bias: how the bias is seen.
    """
    operations: list[PostOp] = []
    arguments: dict[int, Slot] = {}
    layout = None
    if function.biased:
        arguments[BIAS] = work.operand(2, bias)
        layout = arguments[BIAS].description
    if function.added:
        addend = work.operand(len(work.call.ins) - 1, view)
        operations.append(Add(addend.description))
        arguments[role_of(0, operations[0])] = addend
    if function.activation:
        after = activation(function.activation, function.alpha, function.beta)
        if isinstance(after, Rectify):
            ndim = len(view(work.call.outs[0].shape, work.call.outs[0].shape)[0])
            zero = work.constant(np.zeros(1, float32), (1,) * ndim)
            arguments[role_of(len(operations), after)] = zero
        operations.append(after)
    return Posts(layout, Attributes(operations), arguments)


def activation(name: str, alpha: float, beta: float) -> PostOp:
    """Return the post-op for an activation.

    Raises:
        LibraryError: the library has none.
    """
    if name == "relu":
        return Rectify()
    if name not in ELTWISE:
        raise LibraryError(f"oneDNN: the activation must be one that it fuses; got {name!r}.")
    return Eltwise(ELTWISE[name], *NUMBERS.get(name, (alpha, beta)))
