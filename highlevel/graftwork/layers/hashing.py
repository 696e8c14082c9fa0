"""Layers that give every string or whole number a place by its hash, without a vocabulary."""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, DataError, expect
from graftgrad.spec import is_floating

from ..registry import declared, layers, setting
from ..rules import optional, positive_integer
from ..tables.hashing import buckets, column_of, crossed
from ..tables.strings import Blank, Strings, as_strings, is_text
from .encoding import MODES, encoded_numbers, output_mode
from .layer import Layer
from .rules import only


def salted(subject: str, name: str, value: Any) -> list[int]:
    """Accept two whole numbers, or one that stands for both.

    Raises:
        ConfigError: it is neither.
    """
    pair = [value, value] if isinstance(value, int) else value
    fit = isinstance(pair, (tuple, list)) and len(pair) == 2
    expect(fit and all(hasattr(n, "__index__") for n in pair), subject,
           f"{name} must be one whole number or two", error=ConfigError,
           **{name: value})  # fmt: skip
    return [int(pair[0]), int(pair[1])]


def of_host(subject: str, value: Any) -> Strings | Tensor | Blank:
    """Return what a user passed as strings on the host, or as a tensor of numbers."""
    if isinstance(value, (Blank, Tensor)):
        return value
    first = value
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    if isinstance(first, (str, bytes)) or is_text(value) or is_text(first):
        return as_strings(subject, value)
    return graftgrad.as_tensor(value)


def without_values(x: Any) -> bool:
    """Tell whether an input has a shape alone, while shapes are found."""
    return isinstance(x, Blank) or (isinstance(x, Tensor) and str(x.device) == "meta")


def blank_like(x: Any, dtype: str = "int64") -> Tensor:
    """Return numbers without values in the place of strings without values."""
    return graftgrad.empty(x.shape, dtype=dtype, device="meta")


@declared(layers)
class Hashing(Layer):
    """A place for every string or whole number: its hash, modulo `num_bins`.

    The hash is FarmHash's 64-bit fingerprint of the string, or of the number's digits; with a salt
    it is SipHash-2-4. It is computed on the host: a model's step that hashes is not recorded.

    Args:
        num_bins: how many places there are.
        mask_value: the input that gets place 0 for itself; all others share those from 1 on.
        salt: one or two whole numbers; other numbers give other places.
        output_mode: "int" for numbers; "one_hot", "multi_hot", "count" for vectors.
        sparse: only False.
    Raises:
        ConfigError: the output is "int" and the element type no whole number's.
    """

    num_bins: int = setting(positive_integer)
    mask_value: Any = setting(default=None)
    salt: Any = setting(optional(salted), default=None)
    output_mode: str = setting(output_mode("int", *MODES), default="int")
    sparse: bool = setting(only(False), default=False)

    takes_text = True

    def prepare(self) -> None:
        """Choose the element type: int64 for numbers, that of the other layers for vectors."""
        if self.dtype is None and self.output_mode == "int":
            self.dtype = "int64"
        self.prepare_layer()
        expect(self.output_mode != "int" or self.compute_dtype in ("int32", "int64"), "Hashing",
               "dtype must be int32 or int64 where output_mode is 'int'", error=ConfigError,
               dtype=self.compute_dtype)  # fmt: skip

    def call(self, inputs: Any) -> Tensor:
        """Return places, or vectors of them."""
        subject = f'layer "{self.name}"'
        x = of_host(subject, inputs)
        if without_values(x):
            found = blank_like(x)
        else:
            found = graftgrad.as_tensor(self._places(x))
        return encoded_numbers(found, self.output_mode, self.num_bins, self.compute_dtype)

    def _places(self, x: Any) -> Any:
        if isinstance(x, Strings):
            shape, flat, masked = x.shape, x.flat, self.mask_value
        else:
            whole = x.to("int64") if is_floating(x.dtype) else x
            shape = whole.shape
            flat = [str(one) for one in ops.reshape(whole, (-1,)).numpy().tolist()]
            masked = None if self.mask_value is None else str(int(self.mask_value))
        apart = self.mask_value is not None and self.num_bins > 1
        found = buckets(flat, self.num_bins - apart, self.salt)
        if apart:
            pairs = zip(flat, found, strict=True)
            found = [0 if one == masked else place + 1 for one, place in pairs]
        return ops.reshape(graftgrad.tensor(found, "int64"), shape)


@declared(layers)
class HashedCrossing(Layer):
    """A place for every combination of several features, by the hash of all of them.

    Shapes: a list of (N,) or (N, 1) -> the same, or (N, K) in mode "one_hot".

    Args:
        num_bins: how many places there are, K.
        output_mode: "int" for numbers, "one_hot" for vectors.
        sparse: only False.
    Raises:
        ShapeError: features have other shapes, or unequal ones.
        DataError: fewer than two features are given, or one holds neither text nor whole numbers.
    """

    num_bins: int = setting(positive_integer)
    output_mode: str = setting(output_mode("int", "one_hot"), default="int")
    sparse: bool = setting(only(False), default=False)

    autocast = False
    takes_text = True

    def prepare(self) -> None:
        """Choose the element type: int64 for numbers."""
        if self.dtype is None and self.output_mode == "int":
            self.dtype = "int64"
        self.prepare_layer()

    def call(self, inputs: Any) -> Tensor:
        """Return places, or vectors of them."""
        subject = f'layer "{self.name}"'
        fit = isinstance(inputs, (list, tuple)) and len(inputs) > 1
        expect(fit, subject, "the input must be a list of at least two features", error=DataError,
               inputs=type(inputs).__name__)  # fmt: skip
        columns = [of_host(subject, one) for one in inputs]
        shape = tuple(columns[0].shape)
        plain = len(shape) < 2 or (len(shape) == 2 and shape[1] == 1)
        expect(plain and all(tuple(one.shape) == shape for one in columns), subject,
               "features must have one shape, (), (N,) or (N, 1)",
               features=[tuple(one.shape) for one in columns])  # fmt: skip
        for one in columns:
            numbered = isinstance(one, Tensor) and is_floating(one.dtype)
            expect(not numbered, subject, "features must hold text or whole numbers",
                   error=DataError, found=getattr(one, "dtype", None))  # fmt: skip
        if any(without_values(one) for one in columns):
            found = blank_like(columns[0])
        else:
            parts = [
                column_of(one.flat if isinstance(one, Strings) else one.numpy())  # type: ignore[union-attr]
                for one in columns
            ]
            found = ops.reshape(graftgrad.as_tensor(crossed(parts, self.num_bins)), shape)
        return encoded_numbers(found, self.output_mode, self.num_bins, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the settings."""
        config = super().get_config()
        del config["trainable"]
        return config
