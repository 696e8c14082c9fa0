"""Products with all that follows them in one go: bias, what is added, and the activation.

A recorded step puts these in the place of several launches; users write the parts. Reference
bodies are made of the parts' bodies. What an activation is called stands in `ACTIVATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ..errors import ConfigError, expect
from ..function import Function, function
from ..spec import Spec, rounded, same_dtype
from .activation import Elu, Gelu, Silu, Softplus
from .conv import Conv2D
from .depthwise import DepthwiseConv2D
from .exponential import Exp, Sigmoid, Tanh
from .rectifier import HardSilu, HardTanh, LeakyReLU, ReLU
from .window import Windowed, single

# Name -> the activation with its two numbers.
ACTIVATIONS: dict[str, Callable[[float, float], Function]] = {
    "relu": lambda alpha, beta: ReLU(),
    "leaky": lambda alpha, beta: LeakyReLU(alpha),
    "clip": HardTanh,
    "sigmoid": lambda alpha, beta: Sigmoid(),
    "tanh": lambda alpha, beta: Tanh(),
    "exp": lambda alpha, beta: Exp(),
    "elu": lambda alpha, beta: Elu(alpha, 1.0, 1.0),
    "gelu_erf": lambda alpha, beta: Gelu(False),
    "gelu_tanh": lambda alpha, beta: Gelu(True),
    "swish": lambda alpha, beta: Silu(),
    "softplus": lambda alpha, beta: Softplus(),
    "hard_swish": lambda alpha, beta: HardSilu(),
}

Told = tuple[str, float, float]


def told(activation: Function) -> Told | None:
    """Return name, alpha and beta of an activation that fused products know, else None."""
    alpha, beta = 0.0, 0.0
    if isinstance(activation, LeakyReLU):
        alpha = activation.slope
    elif isinstance(activation, HardTanh):
        alpha, beta = activation.lower, activation.upper
    elif isinstance(activation, Elu):
        alpha = activation.depth
    for name, made in ACTIVATIONS.items():
        if made(alpha, beta) == activation:
            return name, alpha, beta
    return None


@function
class Fused(Function):
    """What products with bias, addend and activation have in common.

    After the two factors come the bias if `biased`, then what is added before the activation if
    `added`; `alpha` and `beta` are the activation's numbers.
    """

    activation: str = ""
    alpha: float = 0.0
    beta: float = 0.0
    biased: bool = False
    added: bool = False

    undefined: ClassVar[str] = "is made by recorded steps only, which hold its parts' gradients"


def _finished(one: Any, subject: str, y: Spec, more: tuple[Spec, ...]) -> Spec:
    """Check what follows the factors; return the description of the result."""
    known = one.activation in ("", *ACTIVATIONS)
    expect(known, subject, "activation must be one of " + ", ".join(ACTIVATIONS),
           error=ConfigError, activation=one.activation)  # fmt: skip
    expect(len(more) == one.biased + one.added, subject,
           "there must be a bias if `biased` and an addend if `added`",
           biased=one.biased, added=one.added, operands=len(more))  # fmt: skip
    if one.biased:
        expect(more[0].shape == y.shape[-1:], subject, "there must be one bias per column of y",
               b=more[0], y=y)  # fmt: skip
    if one.added:
        expect(more[-1].shape == y.shape, subject, "what is added must have the shape of y",
               addend=more[-1], y=y)  # fmt: skip
    same_dtype(subject, y=y, **{f"operand {i + 2}": rounded(m, y) for i, m in enumerate(more)})
    return y


def _follow(one: Any, xp: Any, product: Any, more: tuple[Any, ...], y: Any) -> None:
    """Add to a product, in place, what follows it; write its activation."""
    for summand in more:
        xp.add(product, summand, out=product)
    if one.activation:
        ACTIVATIONS[one.activation](one.alpha, one.beta).compute(xp, product, y)
    else:
        y[...] = product


@function
class FusedLinear(Fused):
    """activation(x · w + b + addend): x (N, D), w (D, O), b (O,), addend and result (N, O)."""

    def infer(self, x: Spec, w: Spec, *more: Spec) -> Spec:
        expect(x.ndim == w.ndim == 2 and x.shape[1] == w.shape[0], "linear",
               "features of x must be rows of w", x=x, w=w)  # fmt: skip
        same_dtype("linear", x=x, w=rounded(w, x))
        return _finished(self, "linear", x.shaped(x.shape[0], w.shape[1]), more)

    @single
    def compute(self, xp: Any, x: Any, w: Any, *rest: Any) -> None:
        *more, y = rest
        _follow(self, xp, xp.matmul(x, w), tuple(more), y)


@function
class FusedConv2D(Windowed):
    """activation(Conv2D(x, w) + b + addend): b (O,), addend of the result's shape."""

    groups: int = 1
    activation: str = ""
    alpha: float = 0.0
    beta: float = 0.0
    biased: bool = False
    added: bool = False

    undefined: ClassVar[str] = Fused.undefined

    def _plain(self) -> Conv2D:
        return Conv2D(self.strides, self.pads, self.dilation, self.groups)

    def infer(self, x: Spec, w: Spec, *more: Spec) -> Spec:
        return _finished(self, "conv2d", self._plain().infer(x, w), more)

    @single
    def compute(self, xp: Any, x: Any, w: Any, *rest: Any) -> None:
        *more, y = rest
        product = xp.empty(y.shape, y.dtype)
        self._plain().compute(xp, x, w, product)
        _follow(self, xp, product, tuple(more), y)


@function
class FusedDepthwiseConv2D(Windowed):
    """activation(DepthwiseConv2D(x, w) + b + addend): b (C·M,), addend of the result's shape."""

    activation: str = ""
    alpha: float = 0.0
    beta: float = 0.0
    biased: bool = False
    added: bool = False

    undefined: ClassVar[str] = Fused.undefined

    def _plain(self) -> DepthwiseConv2D:
        return DepthwiseConv2D(self.strides, self.pads, self.dilation)

    def infer(self, x: Spec, w: Spec, *more: Spec) -> Spec:
        return _finished(self, "depthwise_conv2d", self._plain().infer(x, w), more)

    @single
    def compute(self, xp: Any, x: Any, w: Any, *rest: Any) -> None:
        *more, y = rest
        product = xp.empty(y.shape, y.dtype)
        self._plain().compute(xp, x, w, product)
        _follow(self, xp, product, tuple(more), y)
