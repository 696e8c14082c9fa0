"""Recurrent networks of several layers, in one direction or both, with dropout between the layers.

One layer in one direction stands in `recurrent`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, expect
from .operand import floating
from .random import advance, dropout
from .recurrent import gru, lstm, simple_rnn
from .shape import concatenate, stack

if TYPE_CHECKING:
    from ..tensor import Tensor

Weights = Sequence[Any]
Cell = Callable[..., tuple["Tensor", ...]]


def stacked_lstm(
    x: Tensor,
    weights: Sequence[Weights],
    h: Tensor | None = None,
    c: Tensor | None = None,
    *,
    bidirectional: bool = False,
    mask: Tensor | None = None,
    rate: float = 0.0,
    state: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Run `lstm` layer upon layer; each reads what the one below gives at every step.

    Args:
        x: (N, T, D).
        weights: kernel, recurrent kernel and bias (or None) of every layer; with `bidirectional` of
            every layer forward and then backward. A layer above reads (N, T, R · U), R directions.
        h: the states before the first step, (layers · R, N, U), layer by layer; None for 0.
        c: the cells before the first step, in the same order; None for 0.
        bidirectional: run from both ends and join what both give.
        mask: (N, T); a step where it is false carries the states over.
        rate: the share that is dropped between layers.
        state: seed and draw, (2,) uint32; stepped on once for each dropout.

    Returns:
        y of the last layer, (N, T, R · U); all h and all c after the last step that was taken,
        (layers · R, N, U).

    Raises:
        ConfigError: there are no weights, or not for both directions, or dropout has no state.
        ShapeError: weights, states or mask do not fit.
    """
    y, states = _run(lstm, x, weights, (h, c), bidirectional, mask, rate, state)
    return y, states[0], states[1]


def stacked_gru(
    x: Tensor,
    weights: Sequence[Weights],
    h: Tensor | None = None,
    *,
    bidirectional: bool = False,
    mask: Tensor | None = None,
    rate: float = 0.0,
    state: Tensor | None = None,
    reset_after: bool = True,
) -> tuple[Tensor, Tensor]:
    """Run `gru` layer upon layer; arguments and results as those of `stacked_lstm`, without cells.

    Raises:
        ConfigError: there are no weights, or not for both directions, or dropout has no state.
        ShapeError: weights, states or mask do not fit.
    """
    y, states = _run(
        gru, x, weights, (h,), bidirectional, mask, rate, state, reset_after=reset_after
    )
    return y, states[0]


def stacked_rnn(
    x: Tensor,
    weights: Sequence[Weights],
    h: Tensor | None = None,
    *,
    bidirectional: bool = False,
    mask: Tensor | None = None,
    rate: float = 0.0,
    state: Tensor | None = None,
    activation: str = "tanh",
) -> tuple[Tensor, Tensor]:
    """Run `simple_rnn` layer upon layer; arguments and results as those of `stacked_gru`.

    Raises:
        ConfigError: there are no weights, or not for both directions, or dropout has no state.
        ShapeError: weights, states or mask do not fit.
    """
    y, states = _run(
        simple_rnn, x, weights, (h,), bidirectional, mask, rate, state, activation=activation
    )
    return y, states[0]


def _run(
    cell: Cell, x: Tensor, weights: Sequence[Weights], first: tuple[Tensor | None, ...],
    both: bool, mask: Tensor | None, rate: float, state: Tensor | None, **settings: Any,
) -> tuple[Tensor, list[Tensor]]:  # fmt: skip
    subject = f"stacked_{getattr(cell, '__name__', 'rnn').removeprefix('simple_')}"
    directions = 2 if both else 1
    whole = len(weights) > 0 and len(weights) % directions == 0
    expect(whole, subject, "there must be weights for every layer and direction",
           error=ConfigError, weights=len(weights), bidirectional=both)  # fmt: skip
    expect(rate == 0 or state is not None, subject, "dropout needs the state of a generator",
           error=ConfigError, rate=rate, state=state)  # fmt: skip
    for given in first:
        expect(given is None or given.shape[:1] == (len(weights),), subject,
               "there must be a first state for every layer and direction",
               states=None if given is None else given.spec, weights=len(weights))  # fmt: skip
    y, last = floating(x), []
    for i, (kernel, recurrent_kernel, bias) in enumerate(weights):
        layer, back = divmod(i, directions)
        if back == 0:
            read, ways = y, []
            if layer and rate:
                assert state is not None
                read = dropout(read, state, rate)
                advance(state)
        begun = [None if given is None else given[i] for given in first]
        found, *ended = cell(
            read, kernel, recurrent_kernel, bias, *begun, mask=mask, reverse=back == 1, **settings
        )
        ways.append(found)
        last.append(ended)
        y = concatenate(ways, -1) if len(ways) > 1 else found
    return y, [stack(list(each)) for each in zip(*last, strict=True)]
