"""Recurrent networks over whole sequences: long short-term memory, gated units, the plain form.

What users call; how each is computed, and its gradient, stands in `lstm`, `gru` and `simple_rnn`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import expect
from ..spec import Spec, bool_
from .gru import GRU
from .gru import GRUGrad as GRUGrad
from .lstm import LSTM
from .lstm import LSTMGrad as LSTMGrad
from .operand import cast, floating
from .simple_rnn import SimpleRNN
from .simple_rnn import SimpleRNNGrad as SimpleRNNGrad

if TYPE_CHECKING:
    from ..tensor import Tensor


def lstm(
    x: Tensor,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Tensor | None = None,
    h: Tensor | None = None,
    c: Tensor | None = None,
    *,
    mask: Tensor | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Run long short-term memory over sequences. Hochreiter and Schmidhuber 1997.

    i, f, g, o = xₜ · kernel + hₜ₋₁ · recurrent_kernel + bias, cut into four;
    cₜ = σ(f) · cₜ₋₁ + σ(i) · tanh(g); hₜ = σ(o) · tanh(cₜ)

    Args:
        x: (N, T, D).
        kernel: (D, 4 · U), gates in Keras' order: input, forget, cell, output.
        recurrent_kernel: (U, 4 · U), gates in the same order.
        bias: (4 · U,); None for 0.
        h: the state before the first step, (N, U); None for 0.
        c: the cell before the first step, (N, U); None for 0.
        mask: (N, T); a step where it is false carries both states over.
        reverse: from the last step to the first; results stay at their steps.

    Returns:
        y = all hₜ, (N, T, U); h and c after the last step that was taken, (N, U).

    Raises:
        ShapeError: a kernel, the bias, a state or the mask does not fit.
    """
    x, units, width = _begun("lstm", x, recurrent_kernel)
    h, c = _state(x, h, units), _state(x, c, units)
    b = x.zeros(x.spec.shaped(width)) if bias is None else bias
    return LSTM(bool(reverse))(x, h, c, kernel, recurrent_kernel, b, _mask(x, mask))  # type: ignore[no-any-return]


def gru(
    x: Tensor,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Tensor | None = None,
    h: Tensor | None = None,
    *,
    mask: Tensor | None = None,
    reverse: bool = False,
    reset_after: bool = True,
) -> tuple[Tensor, Tensor]:
    """Run gated recurrent units over sequences. Cho et al. 2014.

    hₜ = z · hₜ₋₁ + (1 − z) · g, with z and r sigmoids of xₜ · kernel + hₜ₋₁ · recurrent_kernel +
    bias; g = tanh(xₜ · kernel + b₀ + r · (hₜ₋₁ · recurrent_kernel + b₁)), each with its third of
    the columns. Without `reset_after`, g = tanh(xₜ · kernel + b + (r · hₜ₋₁) · recurrent_kernel).

    Args:
        x: (N, T, D).
        kernel: (D, 3 · U), gates in Keras' order: update, reset, new.
        recurrent_kernel: (U, 3 · U), gates in the same order.
        bias: (2, 3 · U) with `reset_after`, else (3 · U,); None for 0.
        h: the state before the first step, (N, U); None for 0.
        mask: (N, T); a step where it is false carries the state over.
        reverse: from the last step to the first; results stay at their steps.
        reset_after: where the reset gate is applied: behind the product with the recurrent kernel,
            as in PyTorch, or before it, as in the paper.

    Returns:
        y = all hₜ, (N, T, U); h after the last step that was taken, (N, U).

    Raises:
        ShapeError: a kernel, the bias, the state or the mask does not fit.
    """
    x, units, width = _begun("gru", x, recurrent_kernel)
    shape = (2, width) if reset_after else (width,)
    b = x.zeros(x.spec.shaped(*shape)) if bias is None else bias
    h = _state(x, h, units)
    return GRU(bool(reset_after), bool(reverse))(x, h, kernel, recurrent_kernel, b, _mask(x, mask))  # type: ignore[no-any-return]


def simple_rnn(
    x: Tensor,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Tensor | None = None,
    h: Tensor | None = None,
    *,
    mask: Tensor | None = None,
    reverse: bool = False,
    activation: str = "tanh",
) -> tuple[Tensor, Tensor]:
    """Run a plain recurrent network over sequences. Elman 1990.

    hₜ = activation(xₜ · kernel + hₜ₋₁ · recurrent_kernel + bias)

    Args:
        x: (N, T, D).
        kernel: (D, U).
        recurrent_kernel: (U, U).
        bias: (U,); None for 0.
        h: the state before the first step, (N, U); None for 0.
        mask: (N, T); a step where it is false carries the state over.
        reverse: from the last step to the first; results stay at their steps.
        activation: "tanh" or "relu".

    Returns:
        y = all hₜ, (N, T, U); h after the last step that was taken, (N, U).

    Raises:
        ShapeError: a kernel, the bias, the state, the mask or the activation does not fit.
    """
    x, units, width = _begun("simple_rnn", x, recurrent_kernel)
    b = x.zeros(x.spec.shaped(width)) if bias is None else bias
    h = _state(x, h, units)
    return SimpleRNN(activation, bool(reverse))(x, h, kernel, recurrent_kernel, b, _mask(x, mask))  # type: ignore[no-any-return]


def _begun(subject: str, x: Tensor, r: Tensor) -> tuple[Tensor, int, int]:
    expect(r.ndim == 2, subject, "the recurrent kernel must have 2 axes", recurrent_kernel=r.spec)
    return floating(x), r.shape[0], r.shape[1]


def _state(x: Tensor, state: Tensor | None, units: int) -> Tensor:
    return x.zeros(x.spec.shaped(x.shape[0], units)) if state is None else state


def _mask(x: Tensor, mask: Tensor | None) -> Tensor:
    """Return the mask as truth values; (0,) stands for none."""
    return x.zeros(Spec((0,), bool_)) if mask is None else cast(mask, bool_)
