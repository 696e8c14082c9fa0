"""Small conversions of host arrays: classes to rows of 0 and 1, lists of several lengths to one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, DataError, expect


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Return rows of 0 with a 1 at the class: y[…, k] = 1 where x = k.

    Shapes: whole numbers (…) or (…, 1) -> (…, K) float64, on the host; of a tensor, float32.

    Args:
        x: classes from 0 to K − 1.
        num_classes: K; the largest class plus 1 if None.
    Raises:
        DataError: a class is no whole number from 0 to K − 1.
    """
    labels = np.asarray(x)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    whole = labels.astype("int64")
    expect(labels.size > 0, "to_categorical", "there must be at least one class", error=DataError,
           shape=labels.shape)  # fmt: skip
    count = int(num_classes) if num_classes else int(whole.max()) + 1
    wrong = (whole < 0) | (whole >= count)
    expect(not wrong.any(), "to_categorical", f"classes must lie in [0, {count})", error=DataError,
           found=labels[wrong][:1].tolist())  # fmt: skip
    rows = np.eye(count)[whole]
    return x.like(rows.astype("float32")) if isinstance(x, Tensor) else rows


def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """Return x / ‖x‖ along an axis; what has no length stays 0."""
    if isinstance(x, Tensor):
        length = ops.sum(ops.abs(x) ** order, axis=axis, keepdims=True) ** (1 / order)
        return x / ops.maximum(length, 1e-12)
    host = np.asarray(x)
    norm = np.atleast_1d(np.linalg.norm(host, order, axis))
    norm[norm == 0] = 1
    return host / np.expand_dims(norm, axis)


def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> NDArray[Any]:
    """Return sequences of several lengths as one array, filled up and cut off.

    Shapes: N sequences of steps (…) -> (N, maxlen, …).

    Args:
        sequences: lists or arrays.
        maxlen: the number of steps; that of the longest if None.
        dtype: the element type; `object` holds strings of any length.
        padding: "pre" fills up in front, "post" behind.
        truncating: "pre" cuts off in front, "post" behind.
        value: what is filled in.
    Raises:
        ConfigError: padding or truncating is neither.
        DataError: an entry is no sequence, or steps differ in shape.
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        expect(side in ("pre", "post"), "pad_sequences", f'{name} must be "pre" or "post"',
               error=ConfigError, **{name: side})  # fmt: skip
    wrong = [one for one in sequences if not hasattr(one, "__len__")]
    expect(not wrong, "pad_sequences", "every entry must be a sequence", error=DataError,
           entries=wrong[:3])  # fmt: skip
    text = np.issubdtype(dtype, np.str_) or np.issubdtype(dtype, np.bytes_)
    expect(not isinstance(value, str) or dtype is object or text, "pad_sequences",
           "dtype must hold value; strings of any length need dtype=object", error=ConfigError,
           dtype=dtype, value=value)  # fmt: skip
    steps = max((len(one) for one in sequences), default=0) if maxlen is None else maxlen
    shape = next((np.asarray(one).shape[1:] for one in sequences if len(one)), ())
    found = np.full((len(sequences), steps, *shape), value, dtype=dtype)
    for row, one in zip(found, sequences, strict=True):
        kept = one[-steps:] if truncating == "pre" and steps else one[:steps]
        if len(kept):
            host = np.asarray(kept, dtype=dtype)
            expect(host.shape[1:] == shape, "pad_sequences", "all steps must have one shape",
                   error=DataError, first=shape, other=host.shape[1:])  # fmt: skip
            row[-len(host) :] = host if padding == "pre" else row[-len(host) :]
            row[: len(host)] = host if padding == "post" else row[: len(host)]
    return found


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Return (x, y, sample_weight) without what is not given; a lone x that is no list as it is."""
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """Return (x, y, sample_weight) of a batch; what is not there is None.

    Raises:
        DataError: it has more than three parts.
    """
    parts = tuple(data) if isinstance(data, (tuple, list)) else (data,)
    expect(1 <= len(parts) <= 3, "batch", "must be x, (x, y) or (x, y, sample_weight)",
           error=DataError, parts=len(parts))  # fmt: skip
    x, y, weight = (*parts, None, None)[:3]
    return x, y, weight
