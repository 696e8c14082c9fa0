"""Activation functions as layers, for those that stand alone or have settings and weights."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import expect

from .. import activations as functions
from ..registry import constraints, declared, initializers, layers, regularizers, setting
from ..regularizers import strength
from ..rules import named, number, optional
from .input_spec import InputSpec
from .layer import Layer
from .rules import axis_or_axes, known_axes


def _function(subject: str, name: str, value: Any) -> Any:
    return functions.get(value)


@declared(layers)
class Activation(Layer):
    """A function applied to the input.

    Args:
        activation: a name or a function.
    """

    activation: Any = setting(_function)

    accepts_integers = False
    supports_masking = True

    def call(self, x: Tensor) -> Tensor:
        """Apply the function."""
        y: Tensor = self.activation(x)
        return y


@declared(layers)
class ReLU(Layer):
    """Rectifier: x above a threshold, a straight line below it, at most `max_value`.

    y = min(x, max_value) where x ≥ threshold, negative_slope · (x − threshold) elsewhere.

    Args:
        max_value: the upper bound; None for none.
        negative_slope: the slope below the threshold.
        threshold: where the line breaks.
    """

    max_value: Any = setting(optional(strength), default=None)
    negative_slope: float = setting(strength, default=0.0)
    threshold: float = setting(strength, default=0.0)

    accepts_integers = False
    supports_masking = True

    def call(self, x: Tensor) -> Tensor:
        """Rectify."""
        return functions.relu(x, self.negative_slope, self.max_value, self.threshold)


@declared(layers)
class LeakyReLU(Layer):
    """Rectifier with a slope below zero: y = max(x, 0) + negative_slope · min(x, 0).

    Args:
        negative_slope: the slope below zero.
    """

    negative_slope: float = setting(strength, default=0.3)

    accepts_integers = False
    supports_masking = True

    def call(self, x: Tensor) -> Tensor:
        """Rectify."""
        return functions.leaky_relu(x, self.negative_slope)


@declared(layers)
class ELU(Layer):
    """Exponential linear unit: y = x above zero, alpha · (eˣ − 1) elsewhere.

    Args:
        alpha: minus the value that is approached far below zero.
    """

    alpha: float = setting(number, default=1.0)

    accepts_integers = False
    supports_masking = True

    def call(self, x: Tensor) -> Tensor:
        """Apply the unit."""
        return functions.elu(x, self.alpha)


@declared(layers)
class PReLU(Layer):
    """Rectifier whose slope below zero is learned: y = max(x, 0) + alpha · min(x, 0).

    He et al. 2015.

    Shapes: (N, …) -> (N, …); alpha has the shape of a sample.

    Args:
        alpha_initializer: first values of the slopes.
        alpha_regularizer: a penalty on them.
        alpha_constraint: a projection after every update.
        shared_axes: axes along which one slope serves all, for example (1, 2) for images.
    Raises:
        ShapeError: a size that a slope needs is unknown.
    """

    alpha_initializer: Any = setting(named(initializers), default="Zeros")
    alpha_regularizer: Any = setting(named(regularizers), default=None)
    alpha_constraint: Any = setting(named(constraints), default=None)
    shared_axes: Any = setting(optional(axis_or_axes), default=None)

    accepts_integers = False
    supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make alpha."""
        given = self.shared_axes or ()
        shared = {
            axis % len(input_shape) for axis in ((given,) if isinstance(given, int) else given)
        }
        subject = f'layer "{self.name}"'
        own = [axis for axis in range(1, len(input_shape)) if axis not in shared]
        expect(len(input_shape) > 1, subject, "the input must have an axis besides the batch",
               input=input_shape)  # fmt: skip
        known_axes(subject, own, input_shape)
        sizes = [1 if i in shared else n for i, n in enumerate(input_shape)][1:]
        self.alpha = self.add_weight(
            [n or 1 for n in sizes], self.alpha_initializer, name="alpha",
            regularizer=self.alpha_regularizer, constraint=self.alpha_constraint,
        )  # fmt: skip
        self.input_spec = InputSpec(
            ndim=len(input_shape), axes={i: input_shape[i] or 1 for i in own}
        )

    def call(self, x: Tensor) -> Tensor:
        """Rectify."""
        return ops.prelu(x, self.alpha)


@declared(layers)
class Softmax(Layer):
    """Positive numbers of sum 1: y = eˣ / Σ eˣ along one axis, or over several.

    Args:
        axis: the axis or axes along which the sum is 1.
    """

    axis: Any = setting(axis_or_axes, default=-1)

    accepts_integers = False
    supports_masking = True

    def call(self, inputs: Tensor, mask: Any = None) -> Tensor:
        """Return the numbers; what `mask` is false for becomes 0."""
        if mask is None:
            return functions.softmax(inputs, self.axis)
        counts = mask if mask.dtype.kind == "b" else mask > 0.5
        lowest = -3e4 if inputs.dtype == "float16" else -1e9
        y = functions.softmax(ops.where(counts, inputs, lowest), self.axis)
        return ops.where(counts, y, 0.0)  # 0 even where nothing counts
