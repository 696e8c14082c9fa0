"""A weight that a program makes itself, under Keras' name."""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor
from graftgrad.errors import ConfigError, expect
from graftgrad.spec import as_dtype, is_floating

from .defaults import floatx
from .registry import initializers, unique_name
from .weight import Weight


class Variable(Weight):
    """A tensor that is changed in place and, as an attribute of a layer, saved and trained.

    Args:
        initializer: values, or a name or function that makes them of shape and dtype.
        shape: its sizes, where the initializer is a function.
        dtype: its element type; that of the values, or `floatx()`, if None.
        trainable: whether gradients train it.
        autocast: whether ops read it in the type in which a layer computes.
        aggregation: kept for Keras' signature.
        synchronization: kept for Keras' signature.
        name: its name; made up if None.
    Raises:
        ConfigError: a function is given without a shape, or the name is unfit.
    """

    __slots__ = ()
    standalone = True

    def __init__(
        self,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
    ) -> None:
        told = name or unique_name("variable")
        expect(isinstance(told, str) and "/" not in told, "Variable",
               "name must be text without '/'", error=ConfigError, name=name)  # fmt: skip
        makes = isinstance(initializer, str) or callable(initializer)
        with graftgrad.no_grad():
            if makes:
                expect(shape is not None, "Variable", "shape must be given beside a function",
                       error=ConfigError, shape=shape)  # fmt: skip
                kind = as_dtype(dtype or floatx())
                value = initializers.get(initializer)(tuple(shape), dtype=kind)
            else:
                plain = dtype is None and not hasattr(initializer, "dtype")
                value = initializer
                if isinstance(value, Tensor):
                    value = value.detach().clone()
                    kind = as_dtype(dtype or value.dtype)
                else:
                    value = graftgrad.as_tensor(value)
                    kind = as_dtype(dtype or (floatx() if plain else value.dtype))
            made = value if isinstance(value, Tensor) else graftgrad.as_tensor(value)
            made = made.to(kind).clone()
        trains = trainable and is_floating(made.dtype)  # whole numbers have no gradient
        super().__init__(made, told, "parameter" if trains else "state", trainable,
                         autocast=autocast)  # fmt: skip
