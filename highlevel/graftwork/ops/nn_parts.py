"""Normalization, attention, encodings and entropies, under Keras' names."""

from __future__ import annotations

import math
from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, ShapeError, expect

from ..defaults import epsilon as default_epsilon
from .operands import as_operand, meet, real_numbers, standard
from .operation import along_axes, op
from .reduction import axes_of
from .windows import expect_dense

_SMALL = 1e-7


@op("nn", 3)
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None,
    epsilon: float = 1e-3,
) -> Any:  # fmt: skip
    """Normalize with given statistics: y = scale · (x − mean) / √(variance + epsilon) + offset.

    Shapes: x (N, …, C), C along `axis`; mean, variance, offset and scale (C).
    """
    gamma, beta = (None if one is None else as_operand(one) for one in (scale, offset))
    return ops.batch_norm_inference(x, mean, variance, gamma, beta, axis=axis, epsilon=epsilon)


@op("nn", 3)
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None,
    **kwargs: Any,
) -> Any:  # fmt: skip
    """Normalize each sample over axes: y = gamma · (x − ⟨x⟩) / √(variance + epsilon) + beta.

    Raises:
        ConfigError: an option is unknown.
    """
    scaling = kwargs.pop("rms_scaling", False)
    expect(not kwargs, "layer_normalization", "options must be known", error=ConfigError,
           options=sorted(kwargs))  # fmt: skip
    small = default_epsilon() if epsilon is None else epsilon
    x = real_numbers(x)
    if scaling:
        spread = ops.var(x, axes_of(axis), True)
        y = x * ops.rsqrt(spread + small)
        return y if gamma is None else y * _beside(gamma, x, axis)
    return ops.layer_norm(x, gamma, beta, axis=axes_of(axis), epsilon=small)


def _beside(weights: Any, x: Tensor, axis: Any) -> Tensor:
    axes = axes_of(axis)
    listed = {a % x.ndim for a in (axes if isinstance(axes, tuple) else (axes,))}
    shape = tuple(n if i in listed else 1 for i, n in enumerate(x.shape))
    return ops.reshape(as_operand(weights), shape)


@op("nn", 2)
def rms_normalization(
    x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Any:
    """Divide each sample by its root mean square over axes: y = scale · x / √(⟨x²⟩ + epsilon)."""
    small = default_epsilon() if epsilon is None else epsilon
    return ops.rms_norm(real_numbers(x), scale, axis=axes_of(axis), epsilon=small)


@op("nn", alike=along_axes)
def normalize(x: Any, axis: Any = -1, order: Any = 2, epsilon: float | None = None) -> Any:
    """Divide by the length along axes: x / max((Σ |x|^order)^(1/order), epsilon).

    Raises:
        ConfigError: the order is no whole number of at least 1.
    """
    expect(isinstance(order, int) and order >= 1, "normalize",
           "order must be a whole number of at least 1", error=ConfigError,
           order=order)  # fmt: skip
    small = default_epsilon() if epsilon is None else epsilon
    x, axes = real_numbers(x), axes_of(axis)
    if order == 2:
        squares = ops.sum(ops.square(x), axes, True)
        return x * ops.rsqrt(ops.maximum(squares, small**2))
    sizes = ops.sum(ops.power(ops.abs(x), order), axes, True)
    return x / ops.maximum(ops.power(sizes, 1.0 / order), small)


@op("nn", 5)
def dot_product_attention(
    query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, scale: Any = None,
    is_causal: bool = False, flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:  # fmt: skip
    """Attend: softmax(scale · query · key + bias) · value, heads behind the steps.

    Shapes: query (N, T, S, D), key and value (N, U, G, D), G a divisor of S -> (N, T, S, D);
    bias and mask stretch to (N, S, T, U).

    Args:
        query: what is asked.
        key: what answers are found by.
        value: the answers.
        bias: added to the products.
        mask: false for what is left out.
        scale: 1 / √D if None.
        is_causal: leave out later steps.
        flash_attention: kept for Keras' signature; results do not depend on it.
        attn_logits_soft_cap: must be None, as on Keras' CPUs.
    Raises:
        ConfigError: `attn_logits_soft_cap` is given.
        ShapeError: query, key or value do not have four axes.
    """
    expect(attn_logits_soft_cap is None, "dot_product_attention",
           "attn_logits_soft_cap must be None", error=ConfigError,
           got=attn_logits_soft_cap)  # fmt: skip
    q, k, v = meet([query, key, value])
    for name, x in (("query", q), ("key", k), ("value", v)):
        expect(x.ndim == 4, "dot_product_attention", f"{name} must have four axes",
               error=ShapeError, shape=x.shape)  # fmt: skip
    held = None if mask is None else ops.cast(as_operand(mask), "bool")
    if bias is not None:
        added = ops.cast(as_operand(bias), q.dtype)
        held = added if held is None else ops.where(held, added, -math.inf)
    return ops.dot_product_attention(q, k, v, held, scale=scale, is_causal=is_causal)


@op("nn")
def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Any:
    """Write labels as vectors with a 1 at their place; none for labels outside [0, num_classes).

    Raises:
        ConfigError: a sparse result is asked for.
    """
    expect_dense("one_hot", sparse)
    labels = ops.cast(x, "int32") if x.dtype.kind not in "iu" else x
    classes = graftgrad.arange(int(num_classes), dtype=labels.dtype)
    y = ops.cast(ops.equal(ops.expand_dims(labels, -1), classes), standard(dtype))
    return y if axis in (-1, x.ndim) else ops.moveaxis(y, -1, axis)


@op("nn")
def multi_hot(
    inputs: Any, num_classes: int | None = None, axis: int = -1, dtype: Any = None,
    sparse: bool = False, **kwargs: Any,
) -> Any:  # fmt: skip
    """Write several labels as one vector with a 1 at the place of each.

    Shapes: (N, L) -> (N, num_classes).

    Raises:
        ConfigError: a sparse result is asked for, or `num_classes` is not given.
    """
    expect_dense("multi_hot", sparse)
    classes = kwargs.get("num_tokens") if num_classes is None else num_classes
    expect(classes is not None, "multi_hot", "num_classes must be given", error=ConfigError,
           num_classes=num_classes)  # fmt: skip
    each = one_hot(inputs, classes, axis, dtype)  # type: ignore[arg-type]
    return ops.max(each, 1 if inputs.ndim > 1 else 0)


@op("nn", 2)
def psnr(x1: Any, x2: Any, max_val: Any) -> Any:
    """Return the peak signal to noise ratio: 20 log₁₀ max − 10 log₁₀ ⟨(x1 − x2)²⟩.

    Raises:
        ShapeError: the operands differ in shape.
    """
    expect(x1.shape == x2.shape, "psnr", "operands must have one shape", x1=x1.shape, x2=x2.shape)
    error = ops.mean(ops.square(x1 - x2))
    return 20 * ops.log10(as_operand(max_val, error.dtype)) - 10 * ops.log10(error)


@op("nn", 2)
def polar(abs_: Any, angle: Any) -> Any:
    """Return complex numbers of lengths and angles: r · e^(iφ)."""
    return ops.polar(real_numbers(abs_), real_numbers(angle))


# -- entropies -----------------------------------------------------------------------------------


def _kept(p: Tensor) -> Tensor:
    return ops.clip(p, _SMALL, 1.0 - _SMALL)


def _fit(subject: str, target: Tensor, output: Tensor) -> tuple[Tensor, Tensor]:
    expect(target.shape == output.shape, subject, "target and output must have one shape",
           target=target.shape, output=output.shape)  # fmt: skip
    output = real_numbers(output)
    return ops.cast(target, output.dtype), output


@op("nn", 2)
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """Return −t ln p − (1 − t) ln(1 − p), element by element.

    Raises:
        ShapeError: target and output differ in shape.
    """
    t, p = _fit("binary_crossentropy", target, output)
    if from_logits:
        return ops.binary_cross_entropy_with_logits(p, t, reduction="none")
    p = _kept(p)
    return -(t * ops.log(p) + (1.0 - t) * ops.log(1.0 - p))


@op("nn", 2, alike=along_axes)
def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """Return −Σ t ln p along an axis; t one-hot or shares.

    Raises:
        ShapeError: target and output differ in shape.
    """
    t, p = _fit("categorical_crossentropy", target, output)
    if from_logits:
        return -ops.sum(t * ops.log_softmax(p, axis), axis)
    return -ops.sum(t * ops.log(_kept(p / ops.sum(p, axis, True))), axis)


@op("nn", 2, alike=along_axes)
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """Return −ln p of the label, along an axis.

    Raises:
        ShapeError: there is not one label for each output.
    """
    labels, p = ops.cast(target, "int64"), real_numbers(output)
    if labels.ndim == p.ndim and labels.shape[-1] == 1:
        labels = ops.squeeze(labels, -1)
    p = ops.moveaxis(p, axis, -1)
    expect(labels.shape == p.shape[:-1], "sparse_categorical_crossentropy",
           "there must be one label for each output", target=labels.shape,
           output=output.shape)  # fmt: skip
    logs = ops.log_softmax(p, -1) if from_logits else ops.log(_kept(p / ops.sum(p, -1, True)))
    return -ops.squeeze(ops.take_along_axis(logs, ops.expand_dims(labels, -1), -1), -1)


@op("nn", 4)
def ctc_loss(
    target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0
) -> Any:
    """Return the connectionist temporal classification loss of each sample. Graves et al. 2006.

    Shapes: target (N, L), output (N, T, K) scores, lengths (N) -> (N).
    """
    logs = ops.log_softmax(real_numbers(output), -1)
    lengths = [ops.cast(as_operand(one), "int64") for one in (output_length, target_length)]
    return ops.ctc_loss(logs, ops.cast(target, "int64"), *lengths, blank=mask_index,
                        reduction="none")  # fmt: skip


@op("nn", 2)
def ctc_decode(
    inputs: Any, sequence_lengths: Any, strategy: str = "greedy", beam_width: int = 100,
    top_paths: int = 1, merge_repeated: bool = True, mask_index: int = 0,
) -> Any:  # fmt: skip
    """Read labels off scores: (paths, N, T) labels, −1 behind their ends, and scores.

    Raises:
        ConfigError: the strategy is neither "greedy" nor "beam_search".
    """
    return ops.ctc_decode(inputs, ops.cast(as_operand(sequence_lengths), "int64"), strategy,
                          beam_width, top_paths, merge_repeated, mask_index)  # fmt: skip
