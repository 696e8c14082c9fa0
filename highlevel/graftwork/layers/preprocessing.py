"""Layers that bring raw data to the range and size a network wants."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, DataError, expect

from ..registry import declared, layers, setting
from ..rules import optional
from ..weight import Weight
from .input_spec import InputSpec
from .layer import Layer
from .rules import axes_listed, known_axes

_SMALL = 1e-7  # no deviation counts as smaller, so that nothing is divided by zero


def numbers(subject: str, name: str, value: Any) -> Any:
    """Accept finite numbers: one, or nested sequences or an array of them.

    Raises:
        ConfigError: something is no finite number.
    """
    if isinstance(value, (tuple, list)):
        return [numbers(subject, name, one) for one in value]
    if hasattr(value, "tolist"):
        return numbers(subject, name, value.tolist())
    fit = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    expect(fit, subject, f"{name} must be finite numbers", error=ConfigError, **{name: value})
    return value


@declared(layers)
class Rescaling(Layer):
    """Numbers brought to another range: y = x · scale + offset.

    Args:
        scale: one factor, or one for each entry of the last axis; 1/255 for pixels.
        offset: one summand, or one for each entry of the last axis.
    """

    scale: Any = setting(numbers)
    offset: Any = setting(numbers, default=0.0)

    accepts_integers = False
    supports_masking = True

    def call(self, x: Tensor) -> Tensor:
        """Scale and shift."""
        y = x * self._constant(x, self.scale) if self.scale != 1 else x
        return y + self._constant(x, self.offset) if self.offset != 0 or y is x else y

    def _constant(self, x: Tensor, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return graftgrad.as_tensor(value, x.dtype, x.device)


@declared(layers)
class Normalization(Layer):
    """Features brought to mean 0 and variance 1: y = (x − mean) / √variance.

    Mean and variance are given, or found by `adapt`; training never moves them. Once the layer is
    built, its `mean` and `variance` are tensors that are spread out against its input.

    Args:
        axis: the axes that keep a mean of their own; None for one mean of all.
        mean: the mean, where it is known.
        variance: the variance, where it is known.
        invert: undo it: y = x · √variance + mean.
    Raises:
        ConfigError: only one of mean and variance is given, or it is used before either is known.
        ShapeError: a size of `axis` is unknown, or mean and variance do not have those sizes.
    """

    axis: Any = setting(optional(axes_listed), default=-1)
    mean: Any = setting(optional(numbers), default=None)
    variance: Any = setting(optional(numbers), default=None)
    invert: bool = setting(default=False)

    accepts_integers = False
    supports_masking = True

    def prepare(self) -> None:
        """Check that mean and variance come together."""
        self.prepare_layer()
        expect((self.mean is None) == (self.variance is None), "Normalization",
               "mean and variance must be given together", error=ConfigError,
               mean=self.mean, variance=self.variance)  # fmt: skip
        self.input_mean, self.input_variance = self.mean, self.variance
        self.statistics: tuple[Weight, Weight, Weight] | None = None

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Settle the kept axes; without given numbers make mean, variance and count.

        These are state. The count stays 0: it has a place in Keras' files, and no use.
        """
        subject = f'layer "{self.name}"'
        given = () if self.axis is None else self.axis
        expect(0 not in given and -len(input_shape) not in given, subject,
               "axis must not be the batch", error=ConfigError, axis=self.axis)  # fmt: skip
        kept = known_axes(subject, given, input_shape) if given else ()
        self.kept, self.rank = kept, len(input_shape)
        self.sizes = tuple([input_shape[i] or 1 for i in kept])
        self.input_spec = InputSpec(
            ndim=len(input_shape) if kept else None, axes={i: input_shape[i] or 1 for i in kept}
        )
        if self.input_mean is None:
            self.statistics = (
                self.add_weight(self.sizes, "zeros", trainable=False, name="mean"),
                self.add_weight(self.sizes, "ones", trainable=False, name="variance"),
                self.add_weight((), "zeros", dtype="int32", trainable=False, name="count"),
            )

    def adapt(self, data: Any, batch_size: int = 1024, steps: int | None = None) -> None:
        """Find mean and variance of data; what was found before is forgotten.

        Args:
            data: an array, or an iterable of batches; of a tuple the first entry counts.
            batch_size: how many samples of an array are looked at together.
            steps: how many batches are looked at; all of them if None.
        Raises:
            ConfigError: mean and variance were given.
            DataError: there is no sample.
        """
        expect(self.input_mean is None, f'layer "{self.name}"',
               "adapt must not replace a given mean", error=ConfigError,
               mean=self.input_mean)  # fmt: skip
        count, mean, spread = 0, None, None
        with graftgrad.no_grad():
            for step, batch in enumerate(_batches(data, batch_size)):
                if step == steps:
                    break
                if not self.built:
                    self.build_for((None, *batch.shape[1:]))
                if self.input_spec is not None:
                    self.input_spec.check(f'layer "{self.name}"', batch.shape)
                x = batch.to("float64")
                axes = [i for i in range(x.ndim) if i not in self.kept]
                size = math.prod(x.shape[i] for i in axes)
                if size == 0:
                    continue
                ours, squares = x.mean(axes), x.var(axes) * size
                if mean is None or spread is None:
                    count, mean, spread = size, ours, squares
                    continue
                # Chan, Golub and LeVeque 1979: two groups' sums of squares about their joint mean.
                gap, share = ours - mean, size / (count + size)
                mean = mean + gap * share
                spread = spread + squares + gap * gap * (count * share)
                count += size
            expect(mean is not None, f'layer "{self.name}"', "adapt must be given a sample",
                   error=DataError, samples=0)  # fmt: skip
            assert mean is not None and spread is not None and self.statistics is not None
            self.statistics[0].assign(mean)
            self.statistics[1].assign(spread / count)

    def get_config(self) -> dict[str, Any]:
        """Return the settings; mean and variance only where they were given."""
        given = {"mean": self.input_mean, "variance": self.input_variance}
        return super().get_config() | given

    def call(self, x: Tensor) -> Tensor:
        """Normalize, or undo it."""
        mean, deviation = self._scale(x)
        return x * deviation + mean if self.invert else (x - mean) / deviation

    def _scale(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.statistics is None:
            mean = graftgrad.tensor(self.input_mean, x.dtype, x.device)
            variance = graftgrad.tensor(self.input_variance, x.dtype, x.device)
        else:
            mean, variance = (one.detach().to(x.dtype) for one in self.statistics[:2])
        shape = tuple([n if i in self.kept else 1 for i, n in enumerate(x.shape)])
        return self._framed(mean, shape), ops.maximum(
            ops.sqrt(self._framed(variance, shape)), _SMALL
        )

    def _framed(self, one: Tensor, shape: tuple[int, ...]) -> Tensor:
        if one.size == 1:
            return ops.reshape(one, (1,) * len(shape))
        expect(
            one.size == math.prod(shape),
            f'layer "{self.name}"',
            "mean and variance must have the sizes of axis",
            given=one.shape,
            sizes=self.sizes,
        )
        return ops.reshape(one, shape)


def _spread(name: str, place: int) -> property:
    """Return a property: what was given or, once the layer is built, a tensor for its input."""

    def read(layer: Normalization) -> Any:
        given = vars(layer).get(name)
        if not layer.built:
            return given
        found = graftgrad.tensor(given) if layer.statistics is None else layer.statistics[place]
        sizes = iter(layer.sizes)
        shape = tuple([next(sizes) if i in layer.kept else 1 for i in range(layer.rank)])
        return layer._framed(found.detach(), shape)

    def write(layer: Normalization, value: Any) -> None:
        vars(layer)[name] = value

    return property(read, write, doc=f"The {name}: as given, and a tensor once it is built.")


Normalization.mean = _spread("mean", 0)
Normalization.variance = _spread("variance", 1)


def _batches(data: Any, batch_size: int) -> Iterator[Tensor]:
    if hasattr(data, "shape") or (
        isinstance(data, (list, tuple)) and data and not hasattr(data[0], "shape")
    ):
        whole = graftgrad.as_tensor(data)
        whole = whole if whole.ndim > 1 else ops.expand_dims(whole, -1)
        for start in range(0, whole.shape[0], batch_size):
            yield whole[start : start + batch_size]
        return
    expect(
        isinstance(data, Iterable),
        "Normalization.adapt",
        "data must be an array or an iterable of batches",
        error=DataError,
        data=data,
    )
    for batch in data:
        yield graftgrad.as_tensor(batch[0] if isinstance(batch, tuple) else batch)
