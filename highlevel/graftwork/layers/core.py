"""The entrance of a model, dense layers, tables of vectors, and functions as layers."""

from __future__ import annotations

import inspect
from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect, sentence, warn

from ..registry import (
    constraints,
    declared,
    initializers,
    layers,
    regularizers,
    setting,
)
from ..rules import named, number, optional, positive_integer
from ..tables.strings import STRING
from .input_spec import InputSpec
from .layer import Layer
from .lora import LowRank
from .rules import activated
from .symbol import Application, KerasTensor


@declared(layers)
class InputLayer(Layer):
    """The entrance of a functional model.

    Args:
        shape: the shape of one sample, without the batch; None where unknown.
        batch_size: the number of samples, where it is fixed.
        batch_shape: the shape with the batch, in place of `shape`.
    Raises:
        ConfigError: neither shape is given.
    """

    shape: Any = setting(default=None)
    batch_size: Any = setting(default=None)
    batch_shape: Any = setting(default=None, kw_only=True)
    sparse: bool = setting(default=False, kw_only=True)
    ragged: bool = setting(default=False, kw_only=True)
    optional: bool = setting(default=False, kw_only=True)

    def prepare(self) -> None:
        """Settle the shape and make the symbol that stands for the input."""
        self.text = self.dtype == STRING
        if self.text:
            self.dtype = None
        self.prepare_layer()
        given = self.batch_shape if self.batch_shape is not None else self.shape
        expect(
            isinstance(given, (tuple, list)),
            "Input",
            "the shape of one sample must be given",
            error=ConfigError,
            shape=self.shape,
            advice="For example Input((224, 224, 3)).",
        )
        whole = tuple(given) if self.batch_shape is not None else (self.batch_size, *given)
        for size in whole:
            expect(size is None or (isinstance(size, int) and size > 0), "Input",
                   "sizes must be positive integers, or None where unknown",
                   error=ConfigError, shape=tuple(given))  # fmt: skip
        self.batch_shape = whole
        self.shape = whole[1:]
        application = Application(self, (), {})
        application.outputs = KerasTensor(
            whole,
            STRING if self.text else self.dtype_policy.variable_dtype,
            self.name,
            application,
        )
        self._applications.append(application)
        self.build_for(whole)

    def call(self, x: Tensor) -> Tensor:
        """Hand the input on."""
        return x

    def get_config(self) -> dict[str, Any]:
        """Return the shape with the batch, the element type and the name."""
        return {
            "batch_shape": list(self.batch_shape),
            "dtype": STRING if self.text else self.dtype_policy.name,
            "sparse": self.sparse,
            "ragged": self.ragged,
            "name": self.name,
        }


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool = False,
    batch_shape: Any = None,
    name: str | None = None,
    **unused: Any,
) -> KerasTensor:
    """Return the symbol at the entrance of a functional model.

    Args:
        shape: the shape of one sample, without the batch; None where unknown.
        batch_size: the number of samples, where it is fixed.
        dtype: the element type; float32 if None. "string" for text, which a layer such as
            `TextVectorization` must look up.
        sparse: only False.
        batch_shape: the shape with the batch, in place of `shape`.
        name: the name of the input.
    Raises:
        ConfigError: the shape is missing or no shape, or an argument is unknown.
    """
    expect(
        not unused and not sparse,
        "Input",
        "arguments must be shape, batch_size, dtype, batch_shape, name",
        error=ConfigError,
        unknown=list(unused),
        sparse=sparse,
    )
    layer = InputLayer(
        tuple(shape) if isinstance(shape, list) else shape,
        batch_size, batch_shape=batch_shape, dtype=dtype, name=name,  # type: ignore[arg-type]
    )  # fmt: skip
    made: KerasTensor = layer.output
    return made


@declared(layers)
class Dense(LowRank):
    """A fully connected layer.

    y[…, o] = activation(Σ_d x[…, d] · kernel[d, o] + bias[o])

    Shapes: (N, …, D) -> (N, …, units).

    Args:
        units: the number of outputs.
        activation: a name or a function; None for none.
        use_bias: whether a bias is added.
        lora_rank: train a change of this rank in place of the kernel; see `enable_lora`.
        lora_alpha: the change counts lora_alpha / lora_rank times; `lora_rank` if None.
    Raises:
        ShapeError: the input has no feature axis, or another number of features than when built.
    """

    units: int = setting(positive_integer)
    activation: Any = setting(activated, default=None)
    use_bias: bool = setting(default=True)
    kernel_initializer: Any = setting(named(initializers), default="glorot_uniform")
    bias_initializer: Any = setting(named(initializers), default="zeros")
    kernel_regularizer: Any = setting(named(regularizers), default=None)
    bias_regularizer: Any = setting(named(regularizers), default=None)
    activity_regularizer: Any = setting(named(regularizers), default=None)
    kernel_constraint: Any = setting(named(constraints), default=None)
    bias_constraint: Any = setting(named(constraints), default=None)
    lora_rank: Any = setting(optional(positive_integer), default=None, kw_only=True)
    lora_alpha: Any = setting(optional(number), default=None, kw_only=True)
    quantization_config: Any = setting(default=None, kw_only=True)

    accepts_integers = False
    supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make kernel (D, units) and bias (units,)."""
        expect(len(input_shape) >= 2 and input_shape[-1] is not None, f'layer "{self.name}"',
               "the last axis of the input must have a known size", input=input_shape)  # fmt: skip
        if self.units == 1 and getattr(self.activation, "__name__", "") == "softmax":
            rule = "softmax must have two outputs or more, for it makes 1 of a single one"
            subject, advice = f'layer "{self.name}"', "Take activation='sigmoid'."
            warn(sentence(subject, rule, {"units": 1}, advice))
        features = input_shape[-1] or 0
        self.kernel = self.add_weight(
            (features, self.units), self.kernel_initializer, name="kernel",
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.bias = (
            self.add_weight(
                (self.units,), self.bias_initializer, name="bias",
                regularizer=self.bias_regularizer, constraint=self.bias_constraint,
            )
            if self.use_bias
            else None
        )  # fmt: skip
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})
        self.adapt_as_told()

    def call(self, x: Tensor) -> Tensor:
        """Compute the output."""
        y = ops.linear(x, self.kernel, self.bias)
        if self.lora_enabled:
            a, b = self.change
            y = y + ops.matmul(ops.matmul(x, a), b)
        bent: Tensor = self.activation(y)
        return bent


@declared(layers)
class Identity(Layer):
    """The input, as it is."""

    supports_masking = True

    def call(self, x: Any) -> Any:
        """Hand the input on."""
        return x


@declared(layers)
class Lambda(Layer):
    """A function as a layer.

    A function that was registered is saved by its name; a lambda is not saved, since a file must
    not carry code.

    Args:
        function: a function of the input, and of `training` if it names it.
        output_shape: the shape of the output without the batch, or a function of the input's shape.
            It is kept for files; shapes are found by calling the function.
        mask: the mask of the output, or a function of input and mask that returns it.
        arguments: what is handed to the function by name.
    Raises:
        ConfigError: `function` cannot be called.
    """

    function: Any = setting()
    output_shape: Any = setting(default=None)
    mask: Any = setting(default=None)
    arguments: Any = setting(default=None)

    supports_masking = True

    def prepare(self) -> None:
        """Check the function."""
        self.prepare_layer()
        if isinstance(self.function, str):
            object.__setattr__(self, "function", layers.find(self.function))
        expect(callable(self.function) and not isinstance(self.function, type), "Lambda",
               "function must be a function", error=ConfigError, function=self.function,
               advice="Code is never read from files: register the function with "
               "@graftwork.register_keras_serializable().")  # fmt: skip

    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        """Call the function."""
        named_only = dict(self.arguments or {})
        for name, value in (("mask", mask), ("training", training)):
            if name in inspect.signature(self.function).parameters:
                named_only[name] = value
        return self.function(inputs, **named_only)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return what the setting `mask` says."""
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        """Return the settings, the function by the name under which it is registered.

        Raises:
            ConfigError: the function is not registered.
        """
        name = getattr(self.function, "registered_name", None)
        expect(
            name is not None,
            f'layer "{self.name}"',
            "a function must be registered to be saved",
            error=ConfigError,
            function=getattr(self.function, "__name__", self.function),
            advice="Decorate it with @graftwork.register_keras_serializable(), or write a layer.",
        )
        return super().get_config() | {"function": name}

    @classmethod
    def from_config(cls, config: Any) -> Any:
        """Make the layer; the function must be registered, for code is never read from a file.

        Raises:
            ConfigError: the configuration carries code, or names a function that is not registered.
        """
        function = config.get("function")
        expect(isinstance(function, str) or callable(function), "Lambda",
               "the function must be named, not written into the file", error=ConfigError,
               name=config.get("name"), function=type(function).__name__,
               advice="Code is never read from files: make the model again from its source, "
               "and load the weights alone.")  # fmt: skip
        return super().from_config(config)
