"""A dense layer whose product is named by letters."""

from __future__ import annotations

import re
from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, ShapeError, expect

from ..registry import (
    constraints,
    declared,
    initializers,
    layers,
    regularizers,
    setting,
)
from ..rules import named, number, optional, positive_integer
from .lora import LowRank
from .rules import activated, only

Sizes = tuple["int | None", ...]
_EQUATION = re.compile(
    r"((?:\.\.\.)?[a-zA-Z]+(?:\.\.\.)?),([a-zA-Z]+)->((?:\.\.\.)?[a-zA-Z]*(?:\.\.\.)?)"
)


def _sizes(subject: str, name: str, value: Any) -> Sizes:
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    fit = all(n is None or (isinstance(n, int) and not isinstance(n, bool)) for n in given)
    expect(fit, subject, f"{name} must be sizes, or None where unknown", error=ConfigError,
           **{name: value})  # fmt: skip
    return given


@declared(layers)
class EinsumDense(LowRank):
    """A dense layer over axes that letters name.

    y = activation(einsum(equation, x, kernel) + bias)

    `EinsumDense("abc,cd->abd", (None, 64))` is `Dense(64)` over sequences.

    Args:
        equation: the letters of input, kernel and output: "ab,bc->ac". The first is the batch;
            `...` at the beginning or end of input and output stands for axes that stay.
        output_shape: the sizes of the output without the batch, None where they are the input's.
        activation: a name or a function; None for none.
        bias_axes: the letters of the output that the bias has; None for no bias.
        lora_rank: train a change of this rank in place of the kernel; see `enable_lora`.
        lora_alpha: the change counts lora_alpha / lora_rank times; `lora_rank` if None.
    Raises:
        ConfigError: the equation is none of these, or names a bias axis that it does not have.
        ShapeError: the input has not the axes of the equation.
    """

    equation: str = setting()
    output_shape: Any = setting(_sizes)
    activation: Any = setting(activated, default=None)
    bias_axes: Any = setting(default=None)
    kernel_initializer: Any = setting(named(initializers), default="glorot_uniform")
    bias_initializer: Any = setting(named(initializers), default="zeros")
    kernel_regularizer: Any = setting(named(regularizers), default=None)
    bias_regularizer: Any = setting(named(regularizers), default=None)
    kernel_constraint: Any = setting(named(constraints), default=None)
    bias_constraint: Any = setting(named(constraints), default=None)
    lora_rank: Any = setting(optional(positive_integer), default=None)
    lora_alpha: Any = setting(optional(number), default=None)
    gptq_unpacked_column_size: Any = setting(only(None), default=None)
    quantization_config: Any = setting(only(None), default=None)
    activity_regularizer: Any = setting(named(regularizers), default=None, kw_only=True)

    accepts_integers = False

    def build(self, input_shape: Sizes) -> None:
        """Make the kernel, and the bias in the shape that it is added in."""
        kernel, bias = shapes(self.equation, self.bias_axes, tuple(input_shape), self.output_shape)
        self.kernel = self.add_weight(
            kernel, self.kernel_initializer, name="kernel",
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.bias = (
            self.add_weight(
                bias, self.bias_initializer, name="bias",
                regularizer=self.bias_regularizer, constraint=self.bias_constraint,
            )
            if bias is not None
            else None
        )  # fmt: skip
        self.adapt_as_told()

    def call(self, inputs: Tensor) -> Tensor:
        """Compute the output."""
        y = ops.einsum(self.equation, inputs, self.effective())
        y = y if self.bias is None else y + self.bias
        bent: Tensor = self.activation(y)
        return bent

    def get_config(self) -> dict[str, Any]:
        """Return the settings that Keras writes."""
        config = super().get_config()
        return {key: one for key, one in config.items() if key != "gptq_unpacked_column_size"}


def shapes(
    equation: str, bias_axes: str | None, input_shape: Sizes, output_shape: Sizes
) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """Return the shapes of kernel and bias.

    Raises:
        ConfigError: the equation is not "input,kernel->output", or a letter is not to be found.
        ShapeError: the input has not the axes of the equation, or a size is unknown.
    """
    parts = _EQUATION.fullmatch(equation.replace(" ", ""))
    expect(parts is not None, "EinsumDense",
           "the equation must name input, kernel and output, as 'ab,bc->ac'", error=ConfigError,
           equation=equation)  # fmt: skip
    assert parts is not None
    read, kernel, written = parts.groups()
    letters, result = read.replace("...", ""), written.replace("...", "")
    hidden = len(input_shape) - len(letters)
    fits = hidden == 0 or ("..." in read and hidden > 0)
    expect(fits, "EinsumDense", "the input must have the axes of the equation", error=ShapeError,
           equation=equation, input=input_shape)  # fmt: skip
    own = input_shape[hidden:] if read.startswith("...") else input_shape[: len(letters)]
    size: dict[str, int | None] = dict(zip(letters, own, strict=True))
    told = (input_shape[0], *output_shape)
    # what `...` stands for need not be told
    ends = told[len(told) - len(result) :] if read.startswith("...") else told[: len(result)]
    expect(len(ends) == len(result), "EinsumDense",
           "output_shape must have the axes of the output without the batch", error=ConfigError,
           equation=equation, output_shape=output_shape)  # fmt: skip
    for letter, n in zip(result, ends, strict=True):
        known = size.get(letter)
        expect(known is None or n is None or known == n, "EinsumDense",
               f"axis {letter!r} must have one size", error=ShapeError,
               input=input_shape, output_shape=output_shape)  # fmt: skip
        size[letter] = known if known is not None else n
    for letter in kernel:
        expect(letter in size, "EinsumDense",
               "every letter of the kernel must be one of input or output", error=ConfigError,
               equation=equation, letter=letter)  # fmt: skip
        expect(size[letter] is not None, "EinsumDense", "the sizes of the kernel must be known",
               error=ShapeError, input=input_shape, output_shape=output_shape,
               letter=letter)  # fmt: skip
    of_kernel = tuple([size[letter] or 0 for letter in kernel])
    if bias_axes is None:
        return of_kernel, None
    for letter in bias_axes:
        expect(letter in result and size[letter] is not None, "EinsumDense",
               "bias_axes must be letters of the output with known sizes", error=ConfigError,
               equation=equation, bias_axes=bias_axes)  # fmt: skip
    first = min((result.index(letter) for letter in bias_axes), default=len(result))
    behind = [size[c] or 0 if c in bias_axes else 1 for c in result[first:]]
    return of_kernel, tuple(behind + [1] * (hidden if written.endswith("...") else 0))
