"""Attention: means of values, weighted by how well their keys fit a query, and its gradient.

The weights are never kept whole: a block of them is computed, used and let go, and computed again
for the gradient (Rabe and Staats 2021; Dao et al. 2022).
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from .. import modes
from ..errors import expect
from ..function import Function, function
from ..spec import Spec, bool_, broadcast, int64, is_floating, same_dtype
from .arithmetic import where
from .compare import greater_equal
from .matmul import matmul, swapped
from .operand import cast, contiguous, floating, full_like
from .order import cumsum
from .random import dropout
from .reduce import max, sum, sum_to
from .shape import broadcast_to, reshape, transpose
from .softmax import softmax
from .tiles import accurate, largest

if TYPE_CHECKING:
    from ..tensor import Tensor

_BLOCK = 1 << 17  # weights that are computed at once: half a megabyte of float32
_PRODUCT = 1 << 18  # multiplications up to which a product is one thread's and waits for no other


@function
class Attention(Function):
    """y[n, t, s] = Σᵤ p · v[n, u, g], p = softmaxᵤ(scale · q[n, t, s] · k[n, u, g] + mask).

    Head s of the queries reads head g = s · G / S of keys and values. `causal` leaves out u > t. A
    mask of truth values leaves out where it is false; where nothing is left, y is 0.
    """

    scale: float
    causal: bool = False

    hidden: ClassVar[tuple[str, ...]] = ("level",)

    def infer(self, q: Spec, k: Spec, v: Spec, mask: Spec) -> tuple[Spec, ...]:
        expect(q.ndim == k.ndim == v.ndim == 4, "attention", "q, k and v must have 4 axes",
               q=q, k=k, v=v)  # fmt: skip
        n, t, s, d = q.shape
        u, g = k.shape[1:3]
        expect(k.shape == (n, u, g, d) and v.shape[:3] == (n, u, g), "attention",
               "keys must have the queries' batch and features, values the keys' heads and steps",
               q=q, k=k, v=v)  # fmt: skip
        expect(g > 0 and s % g == 0, "attention",
               "heads of keys must divide the heads of queries", q=q, k=k)  # fmt: skip
        if mask.shape != (0,):
            whole = broadcast("attention", mask, q.shaped(n, s, t, u))
            expect(whole == (n, s, t, u), "attention", "the mask must stretch to (N, S, T, U)",
                   mask=mask, wanted=(n, s, t, u))  # fmt: skip
        dtype = same_dtype("attention", q=q, k=k, v=v)
        return Spec((n, t, s, v.shape[3]), dtype), Spec((n, s, t), accurate(dtype))

    def compute(self, xp: Any, q: Any, k: Any, v: Any, mask: Any, y: Any, level: Any) -> None:
        for some, rows, keys in self._blocks(q, k, v):
            p = self._scores(xp, q, k, mask, some, rows, keys, level.dtype)
            top = largest(xp, p, -xp.inf, keepdims=True)
            xp.copyto(top, 0, where=xp.isneginf(top))
            p -= top
            xp.exp(p, out=p)
            total = p.sum(axis=-1, keepdims=True)
            with_some = total > 0
            xp.copyto(total, 1, where=~with_some)
            found = xp.matmul(p, self._heads(v[some, keys], p.dtype))
            found /= total
            y[some, rows] = self._placed(found)
            found = xp.where(with_some, top + xp.log(total), xp.inf)[..., 0]
            level[some, :, rows] = found.reshape(found.shape[0], -1, found.shape[3])

    def _blocks(self, q: Any, k: Any, v: Any) -> Iterator[tuple[slice, slice, slice]]:
        """Walk over samples, queries and the keys that these can see."""
        (n, t, s, d), u = q.shape, k.shape[1]
        if self.causal:
            u = min(u, t)
        wide = builtins.max(d, v.shape[3])
        step = builtins.max(1, min(t, _PRODUCT // (u * wide or 1), _BLOCK // (s * u or 1)))
        samples = builtins.max(1, _BLOCK // (s * step * u or 1))
        for first in range(0, n, samples):
            for row in range(0, t, step):
                last = min(row + step, t)
                seen = min(last, u) if self.causal else u
                yield slice(first, first + samples), slice(row, last), slice(0, seen)

    def _heads(self, x: Any, dtype: Any) -> Any:
        """Bring (N, U, G, D) to (N, G, 1, U, D)."""
        return x.astype(dtype, copy=False).transpose(0, 2, 1, 3)[:, :, None]

    def _queries(self, x: Any, groups: int, dtype: Any) -> Any:
        """Bring (N, T, S, D) to (N, G, S / G, T, D)."""
        n, t, s, d = x.shape
        parts = x.astype(dtype, copy=False).reshape(n, t, groups, s // groups, d)
        return parts.transpose(0, 2, 3, 1, 4)

    def _placed(self, x: Any) -> Any:
        """Bring (N, G, S / G, T, D) to (N, T, S, D)."""
        n, g, r, t, d = x.shape
        return x.transpose(0, 3, 1, 2, 4).reshape(n, t, g * r, d)

    def _scores(
        self, xp: Any, q: Any, k: Any, mask: Any, some: slice, rows: slice, keys: slice, dtype: Any
    ) -> Any:
        groups = k.shape[2]
        own = self._queries(q[some, rows], groups, dtype) * dtype.type(self.scale)
        p = xp.matmul(own, self._heads(k[some, keys], dtype).swapaxes(-1, -2))
        if mask.ndim != 1 or mask.shape != (0,):
            whole = xp.broadcast_to(mask, (q.shape[0], q.shape[2], q.shape[1], k.shape[1]))
            part = whole[some, :, rows, keys].reshape(p.shape)
            if mask.dtype.kind == "b":
                xp.copyto(p, -xp.inf, where=~part)
            else:
                p += part
        if self.causal:
            count = p.shape[-2]
            late = xp.arange(rows.start, rows.start + count)[:, None] < xp.arange(p.shape[-1])
            xp.copyto(p, -xp.inf, where=late)
        return p

    def grads(
        self, gy: Tensor, q: Tensor, k: Tensor, v: Tensor, mask: Tensor, y: Tensor, level: Tensor,
        wanted: tuple[bool, ...],
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        if modes.recording() or wanted[3]:
            return differentiable(self, gy, q, k, v, mask)
        fused = AttentionGrad(self.scale, self.causal)
        return (*fused(gy, q, k, v, mask, y, level), None)


@function
class AttentionGrad(Function):
    """gv = pᵀ · gy; gs = p · (gy · vᵀ − Σ gy · y); gq = scale · gs · k; gk = scale · gsᵀ · q."""

    scale: float
    causal: bool = False

    undefined: ClassVar[str] = "is used where no second order is recorded"

    def infer(
        self, gy: Spec, q: Spec, k: Spec, v: Spec, mask: Spec, y: Spec, level: Spec
    ) -> tuple[Spec, ...]:
        return q.like(), k.like(), v.like()

    def compute(
        self, xp: Any, gy: Any, q: Any, k: Any, v: Any, mask: Any, y: Any, level: Any,
        gq: Any, gk: Any, gv: Any,
    ) -> None:  # fmt: skip
        ahead, wide, groups = Attention(self.scale, self.causal), level.dtype, k.shape[2]
        of_k, of_v = xp.zeros(k.shape, wide), xp.zeros(v.shape, wide)
        for some, rows, keys in ahead._blocks(q, k, v):
            p = ahead._scores(xp, q, k, mask, some, rows, keys, wide)
            p -= level[some, :, rows].reshape(p.shape[:-1])[..., None]
            xp.exp(p, out=p)
            pull, own = (ahead._queries(x[some, rows], groups, wide) for x in (gy, q))
            flat = ahead._queries((gy[some, rows] * y[some, rows]), groups, wide).sum(-1)
            of_v[some, keys] += self._gathered(xp, p, pull)
            slopes = xp.matmul(pull, ahead._heads(v[some, keys], wide).swapaxes(-1, -2))
            slopes -= flat[..., None]
            slopes *= p
            slopes *= wide.type(self.scale)
            gq[some, rows] = ahead._placed(xp.matmul(slopes, ahead._heads(k[some, keys], wide)))
            of_k[some, keys] += self._gathered(xp, slopes, own)
        gk[...] = of_k
        gv[...] = of_v

    def _gathered(self, xp: Any, weights: Any, x: Any) -> Any:
        """Return Σ weightsᵀ · x over the heads of each group, (N, U, G, D)."""
        return xp.matmul(weights.swapaxes(-1, -2), x).sum(2).transpose(0, 2, 1, 3)


def differentiable(
    attention: Attention, gy: Tensor, q: Tensor, k: Tensor, v: Tensor, mask: Tensor
) -> tuple[Tensor | None, ...]:
    """Return the gradients of q, k, v and an added mask in ops that can be differentiated again."""
    dtypes = [one.dtype for one in (q, k, v)]
    gy, q, k, v = (cast(x, accurate(x.dtype)) for x in (gy, q, k, v))
    groups = k.shape[2]
    n, t, s, _ = q.shape
    own, pull = (transpose(reshape(x, (n, t, groups, s // groups, x.shape[3])), (0, 2, 3, 1, 4))
                 for x in (q, gy))  # fmt: skip
    keys, values = (transpose(x, (0, 2, 1, 3)).unsqueeze(2) for x in (k, v))
    weights = _weights(attention, own, keys, mask)
    of_p = matmul(pull, swapped(values))
    slopes = weights * (of_p - sum(of_p * weights, -1, keepdims=True))
    gq = reshape(transpose(matmul(slopes, keys) * attention.scale, (0, 3, 1, 2, 4)), q.shape)
    gk, gv = (
        transpose(sum(matmul(swapped(a), b), 2), (0, 2, 1, 3))
        for a, b in ((slopes * attention.scale, own), (weights, pull))
    )
    found = [cast(x, dtype) for x, dtype in zip((gq, gk, gv), dtypes, strict=True)]
    of_mask = None
    if mask.requires_grad:
        whole = reshape(slopes, (n, s, t, k.shape[1]))
        of_mask = cast(sum_to(whole, mask.shape), mask.dtype)
    return (*found, of_mask)


def _weights(attention: Attention, own: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
    """Return p, (N, G, S / G, T, U), for queries and keys by groups."""
    n, groups, each, t, _ = own.shape
    u = keys.shape[3]
    scores = matmul(own, swapped(keys)) * attention.scale
    lowest = full_like(scores, -math.inf)
    if mask.shape != (0,):
        whole = broadcast_to(mask, (n, groups * each, t, u))
        whole = reshape(whole, (n, groups, each, t, u))
        if is_floating(mask.dtype):
            scores = scores + cast(whole, scores.dtype)
        else:
            scores = where(whole, scores, lowest)
    if attention.causal:
        ones = full_like(own.zeros(Spec((t, u), int64)), 1)
        scores = where(greater_equal(cumsum(ones, 0), cumsum(ones, 1)), scores, lowest)
    if u == 0:
        return scores
    some = max(scores.detach(), -1, keepdims=True) > -math.inf
    none = full_like(scores, 0)
    return where(some, softmax(where(some, scores, none), -1), none)


def dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    scale: float | None = None,
    is_causal: bool = False,
    dropout_p: float = 0.0,
    state: Tensor | None = None,
) -> Tensor:
    """Attend with the heads behind the steps, as layers lay them out. Vaswani et al. 2017.

    y[n, t, s] = Σᵤ p[n, s, t, u] · value[n, u, g], p = softmaxᵤ(scale · query[n, t, s] ·
    key[n, u, g] + mask), where head s reads head g = s · G / S of keys and values.

    Args:
        query: (N, T, S, D).
        key: (N, U, G, D), G a divisor of S.
        value: (N, U, G, E).
        mask: stretched to (N, S, T, U): truth values, false for what is left out, or numbers that
            are added. Where nothing is left, y is 0.
        scale: 1 / √D if None.
        is_causal: leave out the steps u > t.
        dropout_p: the share of p that is set to 0 while the rest is scaled up.
        state: where the random numbers of the dropout begin, (2,) uint32.

    Returns:
        (N, T, S, E).

    Raises:
        ShapeError: the operands do not fit each other.
    """
    query, key, value = floating(query), floating(key), floating(value)
    expect(query.ndim > 0, "attention", "q, k and v must have 4 axes", q=query.spec)
    factor = 1 / math.sqrt(query.shape[-1] or 1) if scale is None else float(scale)
    attention = Attention(factor, bool(is_causal))
    given = query.zeros(Spec((0,), bool_)) if mask is None else mask
    if dropout_p == 0:
        return attention(query, key, value, given)  # type: ignore[no-any-return]
    expect(state is not None, "attention", "dropout needs the state of a generator",
           dropout_p=dropout_p, state=None)  # fmt: skip
    assert state is not None
    attention.infer(query.spec, key.spec, value.spec, given.spec)
    (n, t, s, _), groups = query.shape, key.shape[2]
    own = transpose(reshape(query, (n, t, groups, s // groups, -1)), (0, 2, 3, 1, 4))
    keys, values = (transpose(x, (0, 2, 1, 3)).unsqueeze(2) for x in (key, value))
    p = dropout(contiguous(_weights(attention, own, keys, given)), state, dropout_p)
    return reshape(transpose(matmul(p, values), (0, 3, 1, 2, 4)), (n, t, s, value.shape[3]))


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    state: Tensor | None = None,
) -> Tensor:
    """Attend with the heads before the steps, in PyTorch's order of axes and arguments.

    y = softmax(scale · query · keyᵀ + attn_mask) · value, for each head.

    Args:
        query: (N, S, T, D), or (N, T, D) for one head.
        key: (N, S, U, D); with `enable_gqa` (N, G, U, D), G a divisor of S.
        value: (N, S, U, E); with `enable_gqa` (N, G, U, E).
        attn_mask: stretched to (N, S, T, U): truth values, false for what is left out, or numbers
            that are added. Where nothing is left, y is 0.
        dropout_p: the share of the weights that is set to 0 while the rest is scaled up.
        is_causal: leave out the steps u > t.
        scale: 1 / √D if None.
        enable_gqa: several heads of queries may share a head of keys and values.
        state: where the random numbers of the dropout begin, (2,) uint32.

    Returns:
        (N, S, T, E), or (N, T, E) for one head.

    Raises:
        ShapeError: the operands do not fit each other.
    """
    single = query.ndim == 3
    if single:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
    expect(query.ndim == key.ndim == value.ndim == 4, "attention",
           "query, key and value must have 4 axes, or 3 for one head", query=query.spec,
           key=key.spec, value=value.spec)  # fmt: skip
    expect(enable_gqa or query.shape[1] == key.shape[1], "attention",
           "queries and keys must have as many heads", query=query.spec, key=key.spec,
           advice="Pass enable_gqa=True where heads are shared.")  # fmt: skip
    if single and attn_mask is not None and attn_mask.ndim == 3:
        attn_mask = attn_mask.unsqueeze(1)
    q, k, v = (transpose(x, (0, 2, 1, 3)) for x in (query, key, value))
    y = dot_product_attention(
        q, k, v, attn_mask, scale=scale, is_causal=is_causal, dropout_p=dropout_p, state=state
    )
    y = transpose(y, (0, 2, 1, 3))
    return y.squeeze(1) if single else y
