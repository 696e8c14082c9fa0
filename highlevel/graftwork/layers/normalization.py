"""Layers that bring activations to mean 0 and variance 1: over the batch, a sample, or groups."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import expect

from ..registry import constraints, declared, initializers, layers, regularizers, setting
from ..regularizers import strength
from ..rules import fraction, named, number, positive_integer
from ..weight import Weight
from .input_spec import InputSpec
from .layer import Layer
from .rules import axes_listed, axis_or_axes, known_axes, only, single_axis, whole


class Normalizing(Layer):
    """What the layers here share: a learned factor gamma and a learned summand beta, or neither."""

    axis: Any
    center: bool
    scale: bool
    gamma_initializer: Any
    beta_initializer: Any
    gamma_regularizer: Any
    beta_regularizer: Any
    gamma_constraint: Any
    beta_constraint: Any

    accepts_integers = False
    supports_masking = True
    gamma: Weight | None = None
    beta: Weight | None = None

    def learned_over(self, input_shape: tuple[int | None, ...]) -> tuple[int, ...]:
        """Make gamma and beta with the sizes of the named axes, and return these sizes.

        Raises:
            ShapeError: there is no such axis, or its size is unknown.
        """
        axes = known_axes(f'layer "{self.name}"', self.axis, input_shape)
        known = {i: input_shape[i] or 0 for i in axes}
        sizes = tuple(known.values())
        if self.scale:
            self.gamma = self.add_weight(
                sizes, self.gamma_initializer, name="gamma",
                regularizer=self.gamma_regularizer, constraint=self.gamma_constraint,
                autocast=False,
            )  # fmt: skip
        if self.center:
            self.beta = self.add_weight(
                sizes, self.beta_initializer, name="beta",
                regularizer=self.beta_regularizer, constraint=self.beta_constraint, autocast=False,
            )  # fmt: skip
        self.input_spec = InputSpec(ndim=len(input_shape), axes=known)
        return sizes


@declared(layers)
class BatchNormalization(Normalizing):
    """Each channel normalized over the batch while training, by moving averages otherwise.

    y = gamma · (x − mean) / √(variance + epsilon) + beta

    While training, the moving averages follow: moving ← momentum · moving + (1 − momentum) · batch.
    A frozen layer, `trainable = False` or all its parameters without requires_grad, uses its moving
    averages and does not move them. Ioffe and Szegedy 2015.

    Shapes: (N, …, C) -> (N, …, C).

    Args:
        axis: where the channels lie.
        momentum: the part of the old average that stays.
        epsilon: added to the variance.
        center: whether beta is added.
        scale: whether gamma is multiplied with.
        renorm: only False; so is synchronized.
    Raises:
        ShapeError: the number of channels is unknown, or differs from when the layer was built.
    """

    axis: int = setting(single_axis, default=-1)
    momentum: float = setting(fraction, default=0.99)
    epsilon: float = setting(strength, default=0.001)
    center: bool = setting(default=True)
    scale: bool = setting(default=True)
    beta_initializer: Any = setting(named(initializers), default="zeros")
    gamma_initializer: Any = setting(named(initializers), default="ones")
    moving_mean_initializer: Any = setting(named(initializers), default="zeros")
    moving_variance_initializer: Any = setting(named(initializers), default="ones")
    beta_regularizer: Any = setting(named(regularizers), default=None)
    gamma_regularizer: Any = setting(named(regularizers), default=None)
    beta_constraint: Any = setting(named(constraints), default=None)
    gamma_constraint: Any = setting(named(constraints), default=None)
    renorm: bool = setting(only(False), default=False)
    renorm_clipping: Any = setting(only(None), default=None)
    renorm_momentum: float = setting(number, default=0.99)
    synchronized: bool = setting(only(False), default=False)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make gamma, beta, moving_mean and moving_variance, each (C,)."""
        channels = self.learned_over(input_shape)
        self.moving_mean = self.add_weight(
            channels,
            self.moving_mean_initializer,
            name="moving_mean",
            trainable=False,
            autocast=False,
        )
        self.moving_variance = self.add_weight(
            channels,
            self.moving_variance_initializer,
            name="moving_variance",
            trainable=False,
            autocast=False,
        )

    def call(self, inputs: Tensor, training: bool = False, mask: Any = None) -> Tensor:
        """Normalize; while training also move the averages.

        Statistics are those of the places that a mask is true for.

        Raises:
            ShapeError: the mask does not have the axes of the input but the last.
        """
        expect(mask is None or mask.ndim == inputs.ndim - 1, f'layer "{self.name}"',
               "the mask must have one axis less than the input",
               input=inputs.shape, mask=None if mask is None else mask.shape)  # fmt: skip
        if training and mask is not None:
            return self._masked_call(inputs, mask)
        if not training:
            return ops.batch_norm_inference(
                inputs, self.moving_mean, self.moving_variance, self.gamma, self.beta,
                axis=self.axis, epsilon=self.epsilon,
            )  # fmt: skip
        y, mean, variance = ops.batch_norm(
            inputs, self.gamma, self.beta, axis=self.axis, epsilon=self.epsilon
        )
        ops.ema(self.moving_mean, mean, self.momentum)
        ops.ema(self.moving_variance, variance, self.momentum)
        return y

    def _masked_call(self, inputs: Tensor, mask: Tensor) -> Tensor:
        x = ops.cast(inputs, self.moving_mean.dtype)
        axes = tuple(i for i in range(x.ndim) if i != self.axis % x.ndim)
        counts = ops.broadcast_to(ops.cast(ops.expand_dims(mask, -1), x.dtype), x.shape)
        places = ops.sum(counts, axes) + 1e-7  # never 0, as in Keras
        shape = [1] * x.ndim
        shape[self.axis] = -1
        mean = ops.sum(x * counts, axes) / places
        centred = (x - ops.reshape(mean, shape)) * counts
        variance = ops.sum(centred * centred, axes) / places
        ops.ema(self.moving_mean, mean.detach(), self.momentum)
        ops.ema(self.moving_variance, variance.detach(), self.momentum)
        y = ops.batch_norm_inference(
            x, mean, variance, self.gamma, self.beta, axis=self.axis, epsilon=self.epsilon
        )
        return ops.cast(y, inputs.dtype)


@declared(layers)
class LayerNormalization(Normalizing):
    """Each sample normalized over some of its axes. Ba, Kiros and Hinton 2016.

    y = gamma · (x − mean) / √(variance + epsilon) + beta

    Shapes: (N, …, D) -> (N, …, D).

    Args:
        axis: the axis or axes over which the mean goes; gamma and beta have their sizes.
        epsilon: added to the variance.
        center: whether beta is added.
        scale: whether gamma is multiplied with.
    Raises:
        ShapeError: a size of `axis` is unknown, or differs from when the layer was built.
    """

    axis: Any = setting(axes_listed, default=-1)
    epsilon: float = setting(strength, default=0.001)
    center: bool = setting(default=True)
    scale: bool = setting(default=True)
    beta_initializer: Any = setting(named(initializers), default="zeros")
    gamma_initializer: Any = setting(named(initializers), default="ones")
    beta_regularizer: Any = setting(named(regularizers), default=None)
    gamma_regularizer: Any = setting(named(regularizers), default=None)
    beta_constraint: Any = setting(named(constraints), default=None)
    gamma_constraint: Any = setting(named(constraints), default=None)
    rms_scaling: bool = setting(only(False), default=False, kw_only=True)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make gamma and beta, of the sizes of `axis`."""
        self.learned_over(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Normalize."""
        y = ops.layer_norm(inputs, self.gamma, self.beta, axis=self.axis, epsilon=self.epsilon)
        return ops.cast(y, self.compute_dtype)


@declared(layers)
class RMSNormalization(Layer):
    """Each sample divided by its root mean square over some axes. Zhang and Sennrich 2019.

    y = scale · x / √(⟨x²⟩ + epsilon)

    Shapes: (N, …, D) -> (N, …, D).

    Args:
        axis: the axis or axes over which the mean goes; scale has their sizes.
        epsilon: added to the mean square.
    Raises:
        ShapeError: a size of `axis` is unknown, or differs from when the layer was built.
    """

    axis: Any = setting(axes_listed, default=-1)
    epsilon: float = setting(strength, default=1e-6)

    accepts_integers = False

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make scale, of the sizes of `axis`."""
        axes = known_axes(f'layer "{self.name}"', self.axis, input_shape)
        sizes = {i: input_shape[i] or 0 for i in axes}
        self.scale = self.add_weight(tuple(sizes.values()), "ones", name="scale")
        self.input_spec = InputSpec(ndim=len(input_shape), axes=sizes)

    def call(self, inputs: Tensor) -> Tensor:
        """Normalize."""
        return ops.rms_norm(inputs, self.scale, axis=self.axis, epsilon=self.epsilon)


@declared(layers)
class GroupNormalization(Normalizing):
    """Each sample normalized over groups of neighbouring channels. Wu and He 2018.

    Shapes: (N, …, C) -> (N, …, C).

    Args:
        groups: how many; −1 makes each channel a group of its own.
        axis: where the channels lie.
        epsilon: added to the variance.
        center: whether beta is added.
        scale: whether gamma is multiplied with.
    Raises:
        ShapeError: the groups do not divide the channels.
    """

    groups: int = setting(whole, default=32)
    axis: int = setting(single_axis, default=-1)
    epsilon: float = setting(strength, default=0.001)
    center: bool = setting(default=True)
    scale: bool = setting(default=True)
    beta_initializer: Any = setting(named(initializers), default="zeros")
    gamma_initializer: Any = setting(named(initializers), default="ones")
    beta_regularizer: Any = setting(named(regularizers), default=None)
    gamma_regularizer: Any = setting(named(regularizers), default=None)
    beta_constraint: Any = setting(named(constraints), default=None)
    gamma_constraint: Any = setting(named(constraints), default=None)

    def prepare(self) -> None:
        """Check the number of groups."""
        self.prepare_layer()
        if self.groups != -1:
            positive_integer("GroupNormalization", "groups", self.groups)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make gamma and beta, (C,)."""
        axis = known_axes(f'layer "{self.name}"', self.axis, input_shape)[0]
        channels = input_shape[axis] or 0
        expect(
            self.groups == -1 or channels % self.groups == 0,
            f'layer "{self.name}"',
            "groups must divide the channels",
            input=input_shape,
            groups=self.groups,
        )
        self.learned_over(input_shape)
        if self.groups == -1:
            self.groups = channels

    def call(self, inputs: Tensor) -> Tensor:
        """Normalize."""
        groups = inputs.shape[self.axis] if self.groups == -1 else self.groups
        y = ops.group_norm(
            inputs, self.gamma, self.beta, groups=groups, axis=self.axis, epsilon=self.epsilon
        )
        return ops.cast(y, self.compute_dtype)


@declared(layers)
class UnitNormalization(Layer):
    """Each sample divided by its length along some axes: y = x / √Σ x².

    Args:
        axis: the axis or axes along which the length is taken.
    """

    axis: Any = setting(axis_or_axes, default=-1)

    accepts_integers = False
    supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Divide by the length."""
        return ops.normalize(inputs, self.axis)
