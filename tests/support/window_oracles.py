"""Convolution and pooling of any rank as naive loops: sequences, images and volumes alike."""

from typing import Any

import numpy as np


def each(value: Any, rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value)


def ends(padding: Any, size: int, reach: int, step: int, axis: int) -> tuple[int, int]:
    """How many places stand before and after an axis."""
    if padding == "valid":
        return 0, 0
    if padding == "causal":
        return reach - 1, 0
    if padding == "same":
        total = max((-(-size // step) - 1) * step + reach - size, 0)
        return total // 2, total - total // 2
    one = padding if isinstance(padding, int) else padding[axis]
    return (one, one) if isinstance(one, int) else tuple(one)


def windows(x: Any, size: Any, strides: Any, padding: Any, dilation: Any, filling: float) -> Any:
    """Every window of x, one after the other: place of the result, and what is seen there."""
    rank = x.ndim - 2
    a, s, d = each(size, rank), each(strides, rank), each(dilation, rank)
    reach = [(a[i] - 1) * d[i] + 1 for i in range(rank)]
    pads = [ends(padding, x.shape[1 + i], reach[i], s[i], i) for i in range(rank)]
    x = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=filling)
    counts = [(x.shape[1 + i] - reach[i]) // s[i] + 1 for i in range(rank)]
    seen = [
        (place, x[(slice(None), *(slice(p * s[i], p * s[i] + reach[i], d[i])
                                  for i, p in enumerate(place)))])
        for place in np.ndindex(*counts)
    ]  # fmt: skip
    return counts, seen


def convolved(
    x: Any, w: Any, b: Any = 0.0, strides: Any = 1, padding: Any = "valid", dilation: Any = 1,
    groups: int = 1,
) -> Any:  # fmt: skip
    rank = x.ndim - 2
    counts, seen = windows(x, w.shape[:rank], strides, padding, dilation, 0.0)
    y = np.zeros((x.shape[0], *counts, w.shape[-1]))
    inner, outer = w.shape[-2], w.shape[-1] // groups
    for place, part in seen:
        for o in range(w.shape[-1]):
            g = o // outer
            cut = part[..., g * inner : (g + 1) * inner]
            y[(slice(None), *place, o)] = (cut * w[..., o]).reshape(len(x), -1).sum(axis=1)
    return y + b


def by_channel(x: Any, w: Any, b: Any = 0.0, **settings: Any) -> Any:
    channels = [
        convolved(x[..., c : c + 1], w[..., c : c + 1, m : m + 1], **settings)
        for c in range(w.shape[-2])
        for m in range(w.shape[-1])
    ]
    return np.concatenate(channels, axis=-1) + b


def separated(x: Any, depthwise: Any, pointwise: Any, b: Any = 0.0, **settings: Any) -> Any:
    return by_channel(x, depthwise, **settings) @ pointwise.reshape(pointwise.shape[-2:]) + b


def transposed(
    x: Any, w: Any, b: Any = 0.0, strides: Any = 1, padding: Any = "valid",
    output_padding: Any = None, dilation: Any = 1, groups: int = 1,
) -> Any:  # fmt: skip
    """Spread, then cut: Keras' lengths, centred as TensorFlow does; numbers as in PyTorch."""
    rank = x.ndim - 2
    s, d = each(strides, rank), each(dilation, rank)
    reach = [(w.shape[i] - 1) * d[i] + 1 for i in range(rank)]
    outs, outer = w.shape[-2], x.shape[-1] // groups
    wide = np.zeros((x.shape[0], *(x.shape[1 + i] * s[i] + 2 * reach[i] for i in range(rank)),
                     outs * groups))  # fmt: skip
    for place in np.ndindex(*x.shape[1:-1]):
        for tap in np.ndindex(*w.shape[:rank]):
            at = tuple(place[i] * s[i] + tap[i] * d[i] for i in range(rank))
            for g in range(groups):
                channels = slice(g * outer, (g + 1) * outer)
                share = x[(slice(None), *place, channels)] @ w[tap][:, channels].T
                wide[(slice(None), *at, slice(g * outs, (g + 1) * outs))] += share
    cuts = [slice(None)]
    for i in range(rank):
        size = x.shape[1 + i]
        extra = None if output_padding is None else each(output_padding, rank)[i]
        if padding == "valid":
            before = 0
            length = (size - 1) * s[i] + reach[i]
            length += max(s[i] - reach[i], 0) if extra is None else extra
        elif padding == "same":
            length = size * s[i] if extra is None else (size - 1) * s[i] + reach[i] % 2 + extra
            inserted = length - (size - 1) * s[i] + reach[i] - 2
            before = reach[i] - 1 - min((inserted + 1) // 2, reach[i] - 1)
        else:
            before, after = ends(padding, 0, 0, 1, i)
            length = (size - 1) * s[i] + reach[i] - before - after + (extra or 0)
        cuts.append(slice(before, before + length))
    return wide[tuple(cuts)] + b


def largest(x: Any, size: Any = 2, strides: Any = None, padding: Any = "valid",
            dilation: Any = 1) -> Any:  # fmt: skip
    return pooled(x, np.nanmax, size, strides, padding, dilation)


def averaged(x: Any, size: Any = 2, strides: Any = None, padding: Any = "valid",
             count_include_pad: bool = False) -> Any:  # fmt: skip
    if count_include_pad:
        places = np.prod(each(size, x.ndim - 2))
        return pooled(x, np.nansum, size, strides, padding) / places
    return pooled(x, np.nanmean, size, strides, padding)


def pooled(x: Any, take: Any, size: Any, strides: Any, padding: Any, dilation: Any = 1) -> Any:
    """Apply `take` to every window of x, NaN beyond the edge."""
    axes = tuple(range(1, x.ndim - 1))
    steps = size if strides is None else strides
    counts, seen = windows(x, size, steps, padding, dilation, np.nan)
    y = np.empty((x.shape[0], *counts, x.shape[-1]))
    for place, part in seen:
        y[(slice(None), *place)] = take(part, axis=axes)
    return y


def in_bins(take: Any, x: Any, output_size: Any) -> Any:
    """Apply `take` to bins [⌊i·n / m⌋, ⌈(i + 1)·n / m⌉) along every axis."""
    rank = x.ndim - 2
    wanted = each(output_size, rank)
    y = np.empty((x.shape[0], *wanted, x.shape[-1]))
    for place in np.ndindex(*wanted):
        cuts = [
            slice(i * n // m, -(-(i + 1) * n // m))
            for i, n, m in zip(place, x.shape[1:-1], wanted, strict=True)
        ]
        y[(slice(None), *place)] = take(x[(slice(None), *cuts)], axis=tuple(range(1, rank + 1)))
    return y
