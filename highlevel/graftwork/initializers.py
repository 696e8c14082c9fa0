"""First values of weights: constants, and random numbers scaled to how many inputs a unit has.

Each is a function of (shape, dtype). A `seed` that is a number gives the same values at every call;
None gives other values each time, which `set_random_seed` makes repeatable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect
from graftgrad.ops import random

from . import registry
from .registry import Configured, declared, encoded, setting
from .rules import number, one_of, optional
from .seeds import any_seed, start_of
from .windows import window_of

# The standard deviation of a standard normal that is cut off at two deviations.
_TRUNCATED_DEVIATION = 0.87962566103423978


class Initializer(Configured):
    """First values of a weight; a subclass defines `__call__(self, shape, dtype=None)`."""

    registry = registry.initializers

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """Return a tensor of this shape and element type (float32 if None)."""
        raise NotImplementedError(
            f"{type(self).__name__}: must define __call__(self, shape, dtype)."
        )

    def clone(self) -> Any:
        """Return an initializer with the same settings."""
        return type(self).from_config(self.get_config())


@declared(registry.initializers, "zeros")
class Zeros(Initializer):
    """0 everywhere."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """Return zeros of this shape."""
        return graftgrad.zeros(tuple(shape), dtype=dtype or "float32")


@declared(registry.initializers, "ones")
class Ones(Initializer):
    """1 everywhere."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """Return ones of this shape."""
        return graftgrad.ones(tuple(shape), dtype=dtype or "float32")


@declared(registry.initializers, "constant")
class Constant(Initializer):
    """One value everywhere; an array of values is stretched to the shape."""

    value: Any = setting(default=0.0)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """Return the value, stretched to this shape.

        Raises:
            ShapeError: an array of values does not stretch to the shape.
        """
        value = graftgrad.as_tensor(self.value, dtype or "float32")
        return graftgrad.zeros(tuple(shape), dtype=dtype or "float32").copy_(value)


@declared(registry.initializers, "identity", "IdentityInitializer")
class Identity(Initializer):
    """`gain` on the diagonal of a matrix, 0 elsewhere."""

    gain: float = setting(number, default=1.0)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """Return the matrix, (rows, columns).

        Raises:
            ShapeError: the shape has not two axes.
        """
        expect(len(shape) == 2, "Identity initializer", "the shape must have two axes",
               shape=tuple(shape))  # fmt: skip
        rows, columns = shape
        square = graftgrad.eye(max(rows, columns), dtype=dtype or "float32")
        return (square[:rows, :columns] * self.gain).clone()


@declared(registry.initializers, "random_normal", "normal")
class RandomNormal(Initializer):
    """Normal numbers: w = mean + stddev · N(0, 1)."""

    mean: float = setting(number, default=0.0)
    stddev: float = setting(number, default=0.05)
    seed: Any = setting(any_seed, default=None)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """Return normal numbers of this shape."""
        return drawn("untruncated_normal", shape, self.mean, self.stddev, self.seed, dtype)


@declared(registry.initializers, "truncated_normal")
class TruncatedNormal(Initializer):
    """Normal numbers, drawn again where they lie further than two deviations from the mean."""

    mean: float = setting(number, default=0.0)
    stddev: float = setting(number, default=0.05)
    seed: Any = setting(any_seed, default=None)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """Return truncated normal numbers of this shape."""
        return drawn("truncated_normal", shape, self.mean, self.stddev, self.seed, dtype)


@declared(registry.initializers, "random_uniform", "uniform")
class RandomUniform(Initializer):
    """Numbers spread evenly over minval ≤ w < maxval."""

    minval: float = setting(number, default=-0.05)
    maxval: float = setting(number, default=0.05)
    seed: Any = setting(any_seed, default=None)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """Return evenly spread numbers of this shape."""
        return drawn("uniform", shape, self.minval, self.maxval, self.seed, dtype)


class Scaled(Initializer):
    """Random numbers of variance scale / n, where n counts the connections of a unit.

    Uniform numbers lie within ±√(3 · scale / n); normal ones have the deviation √(scale / n).
    """

    scale = 1.0
    mode = "fan_in"
    distribution = "truncated_normal"
    seed: Any
    input_axes: Any
    output_axes: Any

    def extent(self, shape: Sequence[int]) -> float:
        """Return the limit of the uniform, or the deviation of the normal numbers, for a shape.

        Raises:
            ShapeError: the shape has not the axes that were named.
        """
        fan_in, fan_out = fans(shape, self.input_axes, self.output_axes)
        count = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, count)
        if self.distribution == "uniform":
            return math.sqrt(3 * variance)
        truncated = self.distribution == "truncated_normal"
        return math.sqrt(variance) / (_TRUNCATED_DEVIATION if truncated else 1.0)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """Return random numbers of this shape."""
        extent = self.extent(shape)
        first = -extent if self.distribution == "uniform" else 0.0
        return drawn(self.distribution, shape, first, extent, self.seed, dtype)


def _axes(subject: str, name: str, value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    expect(all(isinstance(one, int) for one in given), subject, f"{name} must name axes",
           error=ConfigError, **{name: value})  # fmt: skip
    return given


def _distribution(subject: str, name: str, value: Any) -> Any:
    return "truncated_normal" if value == "normal" else value


def _positive(subject: str, name: str, value: Any) -> float:
    expect(number(subject, name, value) > 0, subject, f"{name} must be positive", error=ConfigError,
           **{name: value})  # fmt: skip
    return float(value)


@declared(registry.initializers, "variance_scaling")
class VarianceScaling(Scaled):
    """Random numbers of variance scale / n.

    n counts the inputs of a unit ("fan_in"), its outputs ("fan_out") or their mean ("fan_avg").
    """

    scale: float = setting(_positive, default=1.0)
    mode: str = setting(one_of("fan_in", "fan_out", "fan_avg"), default="fan_in")
    distribution: str = setting(
        _distribution,
        one_of("truncated_normal", "untruncated_normal", "uniform"),
        default="truncated_normal",
    )
    seed: Any = setting(any_seed, default=None)
    input_axes: Any = setting(_axes, default=None)
    output_axes: Any = setting(_axes, default=None)


@declared(registry.initializers, "glorot_uniform", "xavier_uniform")
class GlorotUniform(Scaled):
    """Uniform within ±√(6 / (fan_in + fan_out)): Glorot and Bengio 2010."""

    mode, distribution = "fan_avg", "uniform"
    seed: Any = setting(any_seed, default=None)
    input_axes: Any = setting(_axes, default=None)
    output_axes: Any = setting(_axes, default=None)


@declared(registry.initializers, "glorot_normal", "xavier_normal")
class GlorotNormal(Scaled):
    """Truncated normal of variance 2 / (fan_in + fan_out): Glorot and Bengio 2010."""

    mode = "fan_avg"
    seed: Any = setting(any_seed, default=None)
    input_axes: Any = setting(_axes, default=None)
    output_axes: Any = setting(_axes, default=None)


@declared(registry.initializers, "he_uniform")
class HeUniform(Scaled):
    """Uniform within ±√(6 / fan_in), for rectified units: He et al. 2015."""

    scale, distribution = 2.0, "uniform"
    seed: Any = setting(any_seed, default=None)
    input_axes: Any = setting(_axes, default=None)
    output_axes: Any = setting(_axes, default=None)


@declared(registry.initializers, "he_normal")
class HeNormal(Scaled):
    """Truncated normal of variance 2 / fan_in, for rectified units: He et al. 2015."""

    scale = 2.0
    seed: Any = setting(any_seed, default=None)
    input_axes: Any = setting(_axes, default=None)
    output_axes: Any = setting(_axes, default=None)


@declared(registry.initializers, "lecun_uniform")
class LecunUniform(Scaled):
    """Uniform within ±√(3 / fan_in): LeCun et al. 1998."""

    distribution = "uniform"
    seed: Any = setting(any_seed, default=None)
    input_axes: Any = setting(_axes, default=None)
    output_axes: Any = setting(_axes, default=None)


@declared(registry.initializers, "lecun_normal")
class LecunNormal(Scaled):
    """Truncated normal of variance 1 / fan_in: LeCun et al. 1998."""

    seed: Any = setting(any_seed, default=None)
    input_axes: Any = setting(_axes, default=None)
    output_axes: Any = setting(_axes, default=None)


@declared(registry.initializers, "orthogonal", "OrthogonalInitializer")
class Orthogonal(Initializer):
    """A random matrix whose rows, or columns if fewer, are at right angles and of length `gain`.

    All axes but the last count as rows. Saxe et al. 2013.
    """

    gain: float = setting(number, default=1.0)
    seed: Any = setting(any_seed, default=None)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """Return the matrix under this shape, by Gram and Schmidt's method.

        Raises:
            ShapeError: the shape has fewer than two axes.
        """
        expect(len(shape) >= 2, "Orthogonal initializer", "the shape must have at least two axes",
               shape=tuple(shape))  # fmt: skip
        rows, columns = math.prod(shape[:-1]), shape[-1]
        few, many = min(rows, columns), max(rows, columns)
        normal = drawn("untruncated_normal", (few, many), 0.0, 1.0, self.seed, "float64")
        basis: list[Tensor] = []
        for vector in normal:
            for _ in range(2):  # twice is enough: the second pass removes what rounding left
                for known in basis:
                    vector = vector - known * (vector * known).sum()
            basis.append(vector / ops.sqrt((vector * vector).sum()))
        matrix = ops.stack(basis) if basis else normal
        matrix = matrix if rows <= columns else matrix.T
        return (matrix * self.gain).reshape(*shape).to(dtype or "float32").clone()


def fans(
    shape: Sequence[int],
    input_axes: Sequence[int] | None = None,
    output_axes: Sequence[int] | None = None,
) -> tuple[int, int]:
    """Count the inputs and the outputs of a unit from the shape of its weights.

    A kernel (A, B, C, O) has A·B·C inputs and A·B·O outputs, whatever layer it belongs to, so a
    depthwise kernel (A, B, C, M) counts all C channels too. Where both lists of axes are given,
    their sizes alone count.

    Raises:
        ShapeError: there is no such axis.
    """
    for axis in (*(input_axes or ()), *(output_axes or ())):
        expect(-len(shape) <= axis < len(shape), "initializer", "axes must lie within the shape",
               shape=tuple(shape), axis=axis)  # fmt: skip
    if input_axes is not None and output_axes is not None:
        inputs, outputs = (math.prod(shape[i] for i in axes) for axes in (input_axes, output_axes))
        return inputs, outputs
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def drawn(
    distribution: str, shape: Sequence[int], first: float, second: float, seed: Any, dtype: Any
) -> Tensor:
    """Draw numbers: from `first` to `second` if uniform, else of mean `first`, deviation `second`.

    Raises:
        DTypeError: the element type holds no real numbers.
    """
    draw = {
        "uniform": random.uniform,
        "truncated_normal": random.truncated_normal,
        "untruncated_normal": random.normal,
    }[distribution]
    with graftgrad.no_grad():
        return draw(start_of(seed), tuple(shape), first, second, dtype=dtype or "float32")


@declared(registry.initializers, "STFTInitializer", "stft")
class STFT(Initializer):
    """Filters that find frequencies: cosines or sines under a window.

    w[t] · cos(2π k t / L), or −w[t] · sin(2π k t / L); L is the period, 2 · (K − 1).

    Shapes: (T, 1, K).

    Args:
        side: "real" for cosines, "imag" for sines.
        window: "hann", "hamming", "blackman", "boxcar", the values themselves, or None for ones.
        scaling: divide w by √Σ w² ("density"), by Σ |w| ("spectrum"), or None.
        periodic: whether a named window has the period of its length, instead of being symmetric.
    """

    side: str = setting(one_of("real", "imag"), default="real")
    window: Any = setting(default="hann")
    scaling: Any = setting(optional(one_of("density", "spectrum")), default="density")
    periodic: bool = setting(default=False)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """Return filters of this shape.

        Raises:
            ConfigError: there is no such window, or it has another length.
        """
        length, _, bins = shape
        window = window_of("STFT", self.window, length, self.periodic)
        period = max(2 * (bins - 1), 1)
        times = graftgrad.arange(length, dtype="int64").reshape((length, 1, 1))
        turns = (times * graftgrad.arange(bins, dtype="int64").reshape((1, 1, bins))) % period
        angles = turns.to("float64") * (-2 * math.pi / period)
        waves = ops.cos(angles) if self.side == "real" else ops.sin(angles)
        if window is not None:
            scale = 1.0
            if self.scaling == "density":
                scale = math.sqrt(sum(one * one for one in window))
            elif self.scaling == "spectrum":
                scale = sum(map(abs, window))
            weights = graftgrad.tensor([one / scale for one in window], "float64")
            waves = waves * weights.reshape((length, 1, 1))
        return waves.to(dtype or "float32")


def get(identifier: Any) -> Any:
    """Return an initializer for a name, a configuration or a class; None stays None.

    Raises:
        ConfigError: the name is not known.
    """
    return registry.initializers.identified(identifier)


def serialize(initializer: Any) -> Any:
    """Return the configuration of an initializer."""
    return encoded(initializer)


def deserialize(config: Mapping[str, Any] | str, custom_objects: Any = None) -> Any:
    """Return the initializer of a configuration.

    Raises:
        ConfigError: a name in it is not known.
    """
    with registry.custom_object_scope(custom_objects or {}):
        return registry.initializers.get(config)


# the same under the names that scripts call
zeros = Zeros
ones = Ones
constant = Constant
identity = Identity
random_normal = RandomNormal
normal = RandomNormal
truncated_normal = TruncatedNormal
random_uniform = RandomUniform
uniform = RandomUniform
variance_scaling = VarianceScaling
glorot_uniform = GlorotUniform
xavier_uniform = GlorotUniform
glorot_normal = GlorotNormal
xavier_normal = GlorotNormal
he_uniform = HeUniform
he_normal = HeNormal
lecun_uniform = LecunUniform
lecun_normal = LecunNormal
orthogonal = Orthogonal
IdentityInitializer = Identity
OrthogonalInitializer = Orthogonal
stft = STFT
STFTInitializer = STFT
