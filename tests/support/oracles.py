"""Convolution and pooling as naive loops: what the cases of ops are held against."""

from typing import Any

import numpy as np


def two(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def margins(padding: Any, size: int, reach: int, step: int, axis: int) -> tuple[int, int]:
    if padding == "valid":
        return 0, 0
    if padding == "same":
        total = max((int(np.ceil(size / step)) - 1) * step + reach - size, 0)
        return total // 2, total - total // 2
    one = padding if isinstance(padding, int) else padding[axis]
    return (one, one) if isinstance(one, int) else one


def naive_conv2d(
    x: Any, w: Any, b: Any = 0.0, strides: Any = 1, padding: Any = "valid", dilation: Any = 1,
    groups: int = 1,
) -> Any:  # fmt: skip
    s, d = two(strides), two(dilation)
    reach = [(w.shape[i] - 1) * d[i] + 1 for i in range(2)]
    pads = [margins(padding, x.shape[1 + i], reach[i], s[i], i) for i in range(2)]
    x = np.pad(x, ((0, 0), *pads, (0, 0)))
    h, v = ((x.shape[1 + i] - reach[i]) // s[i] + 1 for i in range(2))
    y = np.zeros((x.shape[0], h, v, w.shape[3]))
    inner, outer = w.shape[2], w.shape[3] // groups
    for i, j, o in np.ndindex(h, v, w.shape[3]):
        g = o // outer
        seen = x[:, i * s[0] : i * s[0] + reach[0] : d[0], j * s[1] : j * s[1] + reach[1] : d[1],
                 g * inner : (g + 1) * inner]  # fmt: skip
        y[:, i, j, o] = (seen * w[..., o]).sum(axis=(1, 2, 3))
    return y + b


def naive_depthwise(x: Any, w: Any, b: Any = 0.0, **attributes: Any) -> Any:
    channels = [
        naive_conv2d(x[..., c : c + 1], w[:, :, c : c + 1, m : m + 1], **attributes)
        for c in range(w.shape[2])
        for m in range(w.shape[3])
    ]
    return np.concatenate(channels, axis=3) + b


def naive_transpose(
    x: Any, w: Any, b: Any = 0.0, strides: Any = 1, padding: Any = "valid",
    output_padding: Any = None, dilation: Any = 1,
) -> Any:  # fmt: skip
    """Spread, then cut: Keras' lengths, centred as TensorFlow does; numbers as in PyTorch."""
    s, d = two(strides), two(dilation)
    reach = [(w.shape[i] - 1) * d[i] + 1 for i in range(2)]
    wide = np.zeros((x.shape[0], *(x.shape[1 + i] * s[i] + 2 * reach[i] for i in range(2)),
                     w.shape[2]))  # fmt: skip
    for i, j, a, c in np.ndindex(*x.shape[1:3], *w.shape[:2]):
        wide[:, i * s[0] + a * d[0], j * s[1] + c * d[1]] += x[:, i, j] @ w[a, c].T
    cuts = [slice(None)]
    for i in range(2):
        size, extra = x.shape[1 + i], None if output_padding is None else two(output_padding)[i]
        if padding == "valid":
            before = 0
            length = (size - 1) * s[i] + reach[i]
            length += max(s[i] - reach[i], 0) if extra is None else extra
        elif padding == "same":
            length = size * s[i] if extra is None else (size - 1) * s[i] + reach[i] % 2 + extra
            inserted = length - (size - 1) * s[i] + reach[i] - 2
            before = reach[i] - 1 - min((inserted + 1) // 2, reach[i] - 1)
        else:
            before, after = margins(padding, 0, 0, 1, i)
            length = (size - 1) * s[i] + reach[i] - before - after + (extra or 0)
        cuts.append(slice(before, before + length))
    return wide[tuple(cuts)] + b


def naive_separable(x: Any, depthwise: Any, pointwise: Any, b: Any = 0.0, **attributes: Any) -> Any:
    return naive_depthwise(x, depthwise, **attributes) @ pointwise[0, 0] + b


def naive_conv1d(x: Any, w: Any, padding: Any = "valid", strides: int = 1, dilation: int = 1,
                 groups: int = 1) -> Any:  # fmt: skip
    if padding == "causal":
        x, padding = np.pad(x, ((0, 0), ((w.shape[0] - 1) * dilation, 0), (0, 0))), "valid"
    if not isinstance(padding, str):
        x, padding = np.pad(x, ((0, 0), two(padding), (0, 0))), "valid"
    y = naive_conv2d(x[:, None], w[None], padding=padding, strides=(1, strides),
                     dilation=(1, dilation), groups=groups)  # fmt: skip
    return y[:, 0]


def pooled(x: Any, take: Any, size: Any, strides: Any, padding: Any, dilation: Any = 1) -> Any:
    """Apply `take` to every window of x, NaN beyond the edge."""
    a, d = two(size), two(dilation)
    s = a if strides is None else two(strides)
    reach = [(a[i] - 1) * d[i] + 1 for i in range(2)]
    pads = [margins(padding, x.shape[1 + i], reach[i], s[i], i) for i in range(2)]
    x = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=np.nan)
    h, v = ((x.shape[1 + i] - reach[i]) // s[i] + 1 for i in range(2))
    y = np.empty((x.shape[0], h, v, x.shape[3]))
    for i, j in np.ndindex(h, v):
        seen = x[:, i * s[0] : i * s[0] + reach[0] : d[0], j * s[1] : j * s[1] + reach[1] : d[1]]
        y[:, i, j] = take(seen, axis=(1, 2))
    return y


def naive_max(x: Any, size: Any = 2, strides: Any = None, padding: Any = "valid",
              dilation: Any = 1) -> Any:  # fmt: skip
    return pooled(x, np.nanmax, size, strides, padding, dilation)


def naive_average(x: Any, size: Any = 2, strides: Any = None, padding: Any = "valid",
                  count_include_pad: bool = False) -> Any:  # fmt: skip
    if count_include_pad:
        return pooled(x, np.nansum, size, strides, padding) / np.prod(two(size))
    return pooled(x, np.nanmean, size, strides, padding)
