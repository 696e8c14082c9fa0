"""Embeddings: rows of a table, one by one with padding and a bound on their length, or in bags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import modes
from ..errors import ConfigError, DataError, expect
from ..function import Function, function
from ..spec import Spec, int64
from .arithmetic import maximum, mul, where
from .gather import ScatterAdd, Take, Untake, as_indices, expect_integers, within
from .operand import cast, full_like
from .shape import expand_dims, reshape, sliced

if TYPE_CHECKING:
    from ..tensor import Tensor


@function
class Renormalize(Function):
    """weights[i] ← weights[i] · min(1, limit / (‖weights[i]‖ₚ + 1e-7)) at the indices i."""

    limit: float
    p: float = 2.0
    updates: ClassVar[tuple[str, ...]] = ("weights",)

    def infer(self, weights: Spec, indices: Spec) -> Spec:
        expect_integers("embedding", indices)
        return weights

    def compute(self, xp: Any, weights: Any, indices: Any) -> None:
        rows = xp.unique(within(xp, "embedding", indices, weights.shape[0], wraps=False))
        picked = weights[rows]
        norms = (xp.abs(picked) ** self.p).sum(-1, keepdims=True) ** (1 / self.p)
        factors = xp.minimum(self.limit / (norms + 1e-7), 1).astype(weights.dtype)
        weights[rows] = picked * factors


@function
class BagOf(Function):
    """The bag of each place, of bags that begin at the offsets; `count` places there are."""

    count: int

    def infer(self, offsets: Spec) -> Spec:
        expect_integers("embedding_bag", offsets)
        return Spec((self.count,), int64)

    def compute(self, xp: Any, offsets: Any, y: Any) -> None:
        y[...] = xp.searchsorted(offsets, xp.arange(self.count), side="right") - 1


@function
class BagMax(Function):
    """The largest of each column over the rows of every bag; 0 where a bag is empty."""

    bags: int

    hidden: ClassVar[tuple[str, ...]] = ("places",)

    def infer(self, x: Spec, bag: Spec) -> tuple[Spec, Spec]:
        shape = (self.bags, x.shape[1])
        return x.shaped(*shape), Spec(shape, int64)

    def compute(self, xp: Any, x: Any, bag: Any, y: Any, places: Any) -> None:
        y[...] = 0
        places[...] = -1
        for i in range(self.bags):
            rows = xp.flatnonzero(bag == i)
            if len(rows):
                places[i] = rows[x[rows].argmax(axis=0)]
                y[i] = xp.take_along_axis(x, places[i][None], axis=0)[0]

    def grad_x(self, gy: Tensor, places: Tensor, x_spec: Spec) -> Tensor:
        kept = mul(gy, cast(places >= 0, gy.dtype))
        if x_spec.shape[0] == 0:
            return gy.zeros(x_spec.like())
        return ScatterAdd(0)(gy.zeros(x_spec.like()), maximum(places, 0), kept)  # type: ignore[no-any-return]


def embedding(
    indices: Any,
    weights: Tensor,
    *,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
) -> Tensor:
    """Look vectors up in a table: y[…, d] = weights[indices[…], d].

    Shapes: indices (…), weights (K, D) -> (…, D).

    Args:
        indices: integers.
        weights: the table.
        padding_idx: an index whose row gets no gradient; negative ones count from the end.
        max_norm: rows that are looked up and longer are shortened first, in place.
        norm_type: p of the norm that `max_norm` bounds.

    Raises:
        DataError: an index lies outside [0, K).
        DTypeError: the indices are no integers.
        ShapeError: the table does not have two axes, or the padding lies outside.
    """
    indices = _rows("embedding", indices, weights, max_norm, norm_type)
    y: Tensor = Take(0, "embedding", wraps=False)(weights, indices)
    if padding_idx is None:
        return y
    padding = expand_dims(indices == _padding("embedding", padding_idx, weights), -1)
    return where(padding, y.detach(), y)


def embedding_bag(
    indices: Any,
    weights: Tensor,
    offsets: Any = None,
    *,
    mode: str = "mean",
    per_sample_weights: Any = None,
    padding_idx: int | None = None,
    include_last_offset: bool = False,
    max_norm: float | None = None,
    norm_type: float = 2.0,
) -> Tensor:
    """Look bags of vectors up and reduce each to one: their sum, mean or maximum.

    Shapes: indices (N, B) -> (N, D); or (M,) with offsets (N,) -> (N, D), where bag n holds the
    indices from offsets[n] to offsets[n + 1] − 1. An empty bag gives 0.

    Args:
        indices: integers.
        weights: the table, (K, D).
        offsets: where the bags begin, ascending from 0.
        mode: "sum", "mean" or "max".
        per_sample_weights: factors of the vectors, in the shape of indices, for "sum" only.
        padding_idx: an index that does not count.
        include_last_offset: the last offset is the number of indices and begins no bag.
        max_norm: rows that are looked up and longer are shortened first, in place.
        norm_type: p of the norm that `max_norm` bounds.

    Raises:
        DataError: an index lies outside [0, K), or offsets do not ascend from 0.
        DTypeError: indices or offsets are no integers.
        ShapeError: shapes do not fit each other.
        ConfigError: there is no such mode, or it takes no weights.
    """
    subject = "embedding_bag"
    expect(mode in ("sum", "mean", "max"), subject, 'mode must be "sum", "mean" or "max"',
           error=ConfigError, mode=mode)  # fmt: skip
    expect(per_sample_weights is None or mode == "sum", subject,
           'per_sample_weights need the mode "sum"', error=ConfigError, mode=mode)  # fmt: skip
    indices = _rows(subject, indices, weights, max_norm, norm_type)
    flat, bag, bags = _bags(subject, indices, offsets, include_last_offset)
    if padding_idx is not None:
        none = flat == _padding(subject, padding_idx, weights)
        bag = where(none, full_like(bag, bags), bag)
    rows: Tensor = Take(0, subject, wraps=False)(weights, flat)
    if per_sample_weights is not None:
        given = per_sample_weights
        factors: Tensor = given if hasattr(given, "grad_fn") else rows.like(given)
        expect(factors.shape == indices.shape, subject,
               "per_sample_weights must have the shape of indices",
               per_sample_weights=factors.spec, indices=indices.spec)  # fmt: skip
        rows = mul(rows, expand_dims(reshape(cast(factors, rows.dtype), (-1,)), -1))
    if mode == "max":
        return sliced(BagMax(bags + 1)(rows, bag), 0, 0, bags)
    total = Untake(0, bags + 1, 1, subject)(rows, bag)
    if mode == "mean":
        counts = Untake(0, bags + 1, 1, subject)(full_like(sliced(rows, 1, 0, 1), 1), bag)
        total = total / maximum(counts, 1.0)
    return sliced(total, 0, 0, bags)


def _rows(
    subject: str, indices: Any, weights: Tensor, max_norm: float | None, norm_type: float
) -> Tensor:
    """Check the table, shorten rows that are too long, and return the indices as a tensor."""
    expect(weights.ndim == 2, subject, "weights must have 2 axes", weights=weights.spec)
    found = as_indices(weights, indices)
    expect_integers(subject, found.spec)
    if max_norm is not None:
        expect(max_norm > 0, subject, "max_norm must be positive", error=ConfigError,
               max_norm=max_norm)  # fmt: skip
        with modes.no_grad():
            Renormalize(float(max_norm), float(norm_type))(weights, found)
    return found


def _padding(subject: str, padding_idx: int, weights: Tensor) -> int:
    rows = weights.shape[0]
    expect(-rows <= padding_idx < rows, subject, f"padding_idx must lie in [{-rows}, {rows})",
           padding_idx=padding_idx, weights=weights.spec)  # fmt: skip
    return padding_idx % rows


def _bags(
    subject: str, indices: Tensor, offsets: Any, with_last: bool
) -> tuple[Tensor, Tensor, int]:
    """Return flat indices, the bag of each, and how many bags there are."""
    if offsets is None:
        expect(indices.ndim == 2, subject, "indices must be (N, B), or (M,) beside offsets",
               indices=indices.spec)  # fmt: skip
        n, each = indices.shape
        return reshape(indices, (n * each,)), indices.like(np.arange(n).repeat(each)), n
    expect(indices.ndim == 1, subject, "indices beside offsets must have one axis",
           indices=indices.spec)  # fmt: skip
    starts = as_indices(indices, offsets)
    expect(starts.ndim == 1 and starts.shape[0] > 0, subject,
           "offsets must have one axis and begin a bag", offsets=starts.spec)  # fmt: skip
    count = indices.shape[0]
    if starts.device.computes:
        device = starts.device
        modes.look(lambda array: _check_offsets(device.inspect(array), count), starts.array)
    bags = starts.shape[0]
    if with_last:
        bags -= 1
        starts = sliced(starts, 0, 0, bags)
    return indices, BagOf(count)(starts), bags


def _check_offsets(offsets: Any, count: int) -> None:
    starts, ends = offsets[..., 0] == 0, offsets[..., -1] <= count
    fit = bool(starts.all() and ends.all() and (np.diff(offsets) >= 0).all())
    expect(fit, "embedding_bag", "offsets must ascend from 0 to the number of indices",
           error=DataError, offsets=offsets, indices=count)  # fmt: skip
