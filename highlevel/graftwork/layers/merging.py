"""Layers that bring several inputs together, and the operators of symbols."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, ShapeError, expect

from ..registry import declared, layers, setting
from .layer import Layer
from .masks import mask_of, set_mask
from .rules import axis_or_axes, single_axis


class Merge(Layer):
    """A layer called on a list of tensors: sizes are equal or 1, missing axes follow the batch."""

    fewest = 1
    most: int | None = None
    supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Hold the number of inputs against what the layer takes.

        Raises:
            ShapeError: it is called on something else than a list, or on too few or too many.
        """
        given = list(input_shape) if isinstance(input_shape, (list, tuple)) else []
        listed = bool(given) and all(isinstance(one, (tuple, list)) for one in given)
        expect(
            listed,
            f'layer "{self.name}"',
            "must be called on a list of inputs",
            input=input_shape,
            advice=f"For example {type(self).__name__}()([a, b]).",
        )
        expect(self.fewest <= len(given) and (self.most is None or len(given) <= self.most),
               f'layer "{self.name}"', f"must be called on {_count(self.fewest, self.most)}",
               inputs=len(given))  # fmt: skip

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Bring the inputs to one number of axes and combine them in order."""
        xs = aligned(inputs)
        y = xs[0]
        for x in xs[1:]:
            y = self.combine(y, x)
        return self.finish(y, len(xs))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return where any input counts; none where an input has no mask."""
        masks = previous_mask if isinstance(previous_mask, (tuple, list)) else [None]
        if any(one is None for one in masks):
            return None
        return reduce(ops.logical_or, masks)

    def combine(self, a: Tensor, b: Tensor) -> Tensor:
        """Combine what was combined so far with the next input."""
        raise NotImplementedError(f"{type(self).__name__}: must define combine(self, a, b).")

    def finish(self, y: Tensor, count: int) -> Tensor:
        """Return the result for what was combined of `count` inputs."""
        return y


@declared(layers)
class Add(Merge):
    """The sum of the inputs: y = x₀ + x₁ + …, broadcast."""

    def combine(self, a: Tensor, b: Tensor) -> Tensor:
        """Add."""
        return a + b


@declared(layers)
class Subtract(Merge):
    """The first of two inputs less the second: y = x₀ − x₁."""

    fewest = most = 2

    def combine(self, a: Tensor, b: Tensor) -> Tensor:
        """Subtract."""
        return a - b


@declared(layers)
class Multiply(Merge):
    """The product of the inputs, element by element: y = x₀ · x₁ · …, broadcast."""

    def combine(self, a: Tensor, b: Tensor) -> Tensor:
        """Multiply."""
        return a * b


@declared(layers)
class Average(Merge):
    """The mean of the inputs: y = (x₀ + x₁ + …) / count."""

    def combine(self, a: Tensor, b: Tensor) -> Tensor:
        """Add."""
        return a + b

    def finish(self, y: Tensor, count: int) -> Tensor:
        """Divide by the number of inputs."""
        return y / count


class Extreme(Merge):
    """What Maximum and Minimum share: a step that an input's mask is false for leaves it out."""

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Combine the inputs one after the other."""
        xs = aligned(inputs)
        y, seen = xs[0], _wide_mask(inputs[0], xs[0])
        for given, x in zip(inputs[1:], xs[1:], strict=True):
            mask = _wide_mask(given, x)
            if mask is not None:
                x = ops.where(mask, x, y)
            if seen is not None:
                y = ops.where(seen, y, x)
            seen = None if mask is None or seen is None else ops.logical_or(seen, mask)
            y = self.combine(y, x)
        return y if seen is None else set_mask(y, ops.any(seen, -1))


def _wide_mask(given: Tensor, x: Tensor) -> Any:
    mask = mask_of(given)
    return None if mask is None else ops.broadcast_to(ops.expand_dims(mask, -1), x.shape)


@declared(layers)
class Maximum(Extreme):
    """The largest of the inputs, element by element."""

    def combine(self, a: Tensor, b: Tensor) -> Tensor:
        """Take the larger."""
        return ops.maximum(a, b)


@declared(layers)
class Minimum(Extreme):
    """The smallest of the inputs, element by element."""

    def combine(self, a: Tensor, b: Tensor) -> Tensor:
        """Take the smaller."""
        return ops.minimum(a, b)


@declared(layers)
class Concatenate(Merge):
    """The inputs one after the other along an axis.

    Args:
        axis: the axis; all others must agree.
    Raises:
        ShapeError: another axis differs.
    """

    axis: int = setting(single_axis, default=-1)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Join the inputs."""
        return ops.concatenate(list(inputs), self.axis)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the masks joined as the inputs are; an input without one counts everywhere."""
        masks = previous_mask if isinstance(previous_mask, (tuple, list)) else [None]
        if all(one is None for one in masks):
            return None
        wide = []
        for x, mask in zip(inputs, masks, strict=True):
            if mask is None:
                wide.append(ops.cast(ops.full_like(x, 1), "bool"))
            elif mask.ndim < x.ndim:
                wide.append(ops.broadcast_to(ops.expand_dims(mask, -1), x.shape))
            else:
                wide.append(mask)
        return ops.any(ops.concatenate(wide, self.axis), -1)


@declared(layers)
class Dot(Merge):
    """Products of two inputs summed over an axis of each, sample by sample.

    y[n, i, j] = Σₖ x₀[n, i, k] · x₁[n, k, j], where axes = (2, 1). What is left of the first input
    comes before what is left of the second; two batches of vectors give (N, 1).

    Args:
        axes: the axis of both inputs, or one for each; the batch, 0, cannot be summed.
        normalize: divide by the lengths along these axes, which makes it the cosine.
    Raises:
        ConfigError: axes are not one or two, or name the batch.
        ShapeError: the sizes of the two axes differ.
    """

    axes: Any = setting(axis_or_axes)
    normalize: bool = setting(default=False)

    fewest = most = 2

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """Return none: products have no steps of their own."""

    def prepare(self) -> None:
        """Check the axes."""
        self.prepare_layer()
        given = (self.axes,) if isinstance(self.axes, int) else self.axes
        expect(len(given) <= 2 and 0 not in given, "Dot",
               "axes must be one axis or two, and not the batch", error=ConfigError,
               axes=self.axes)  # fmt: skip

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Multiply and sum."""
        a, b = inputs
        first, second = (self.axes,) * 2 if isinstance(self.axes, int) else self.axes
        for x, axis in ((a, first), (b, second)):
            expect(
                -x.ndim < axis < x.ndim and axis % x.ndim != 0,
                f'layer "{self.name}"',
                "axes must lie within the inputs, behind the batch",
                input=x.shape,
                axis=axis,
            )
        first, second = first % a.ndim, second % b.ndim
        expect(
            a.shape[first] == b.shape[second],
            f'layer "{self.name}"',
            "the two axes must have one size",
            first=a.shape,
            second=b.shape,
            axes=self.axes,
        )
        if self.normalize:
            a, b = unit(a, first), unit(b, second)
        rest = [n for i, n in enumerate(a.shape) if i not in (0, first)]
        rest += [n for i, n in enumerate(b.shape) if i not in (0, second)]
        size = a.shape[first]
        rows = ops.reshape(ops.moveaxis(a, first, -1), (a.shape[0], -1, size))
        columns = ops.reshape(ops.moveaxis(b, second, 1), (b.shape[0], size, -1))
        return ops.reshape(ops.matmul(rows, columns), (a.shape[0], *(rest or [1])))


def unit(x: Tensor, axis: int) -> Tensor:
    """Divide by the length along an axis, which counts as at least 10⁻⁶."""
    squares = ops.square(x).sum(axis, keepdims=True)
    return x * ops.rsqrt(ops.maximum(squares, 1e-12))


def aligned(inputs: Sequence[Tensor]) -> list[Tensor]:
    """Give all inputs one number of axes: those that lack some get axes of size 1 behind the batch.

    Raises:
        ShapeError: sizes differ and neither is 1.
    """
    ndim = max(x.ndim for x in inputs)
    xs = [
        x if x.ndim in (0, ndim)
        else ops.reshape(x, (x.shape[0], *[1] * (ndim - x.ndim), *x.shape[1:]))
        for x in inputs
    ]  # fmt: skip
    for sizes in zip(*(x.shape for x in xs if x.ndim), strict=True):
        known = {n for n in sizes if n != 1}
        if len(known) > 1:
            listed = ", ".join(str(x.shape) for x in inputs)
            raise ShapeError(f"merge: sizes must be equal or 1 on every axis; got {listed}.")
    return xs


def _count(fewest: int, most: int | None) -> str:
    return f"exactly {fewest} inputs" if fewest == most else f"at least {fewest} input"


def add(inputs: Any, **kwargs: Any) -> Any:
    """Apply an `Add` layer to a list of inputs."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """Apply a `Subtract` layer to a list of two inputs."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """Apply a `Multiply` layer to a list of inputs."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """Apply an `Average` layer to a list of inputs."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """Apply a `Maximum` layer to a list of inputs."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """Apply a `Minimum` layer to a list of inputs."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """Apply a `Concatenate` layer to a list of inputs."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """Apply a `Dot` layer to a list of two inputs."""
    return Dot(axes=axes, **kwargs)(inputs)
