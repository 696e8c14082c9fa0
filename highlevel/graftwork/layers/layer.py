"""What every layer is: settings, weights, a call; built at first sight; frozen by one bit.

What a layer can do stands in files of its own, one above the other: `bookkeeping`, `weighted`,
`built`, `called`, `applied`. Which layers there are stands in this folder's other files; how they
are trained in `training`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graftgrad.errors import ConfigError, expect

from ..policy import find_policy
from ..registry import (
    Setting,
    declared,
    layers,
    regularizers,
    setting,
    snake_case,
    unique_name,
)
from .applied import Applied
from .elsewhere import ELSEWHERE


@declared(layers)
class Layer(Applied):
    """A computation with weights.

    Subclasses declare settings, make their weights in `build(input_shape)` and compute in
    `call(x)`. A layer whose parameters are all frozen runs in inference form, whichever idiom
    froze it.

    `per_sample = True`, in a class of your own or on one layer, promises what is known of the
    layers here: the output for a sample depends on that sample and the weights alone, not on its
    neighbours in the batch; and `call` itself, apart from the layers that it calls, draws nothing
    and changes no weight. `fit` then computes such a layer, frozen, once per sample.

    Args:
        name: its name in files and summaries; made from the class if None.
        trainable: whether its parameters are trained.
        dtype: the element type of its computation and weights, or the name of a policy.
        input_shape: the shape of its input without the batch, where it is known beforehand.
    """

    name: str = setting(default=None, kw_only=True)
    if TYPE_CHECKING:
        trainable: bool = setting(default=True, kw_only=True)
    dtype: Any = setting(default=None, kw_only=True)
    input_shape: Any = setting(default=None, kw_only=True)

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: Any = None,
        input_shape: Any = None,
        autocast: bool = True,
        activity_regularizer: Any = None,
        **unknown: Any,
    ) -> None:
        """Begin a layer whose class has a constructor of its own."""
        expect(not unknown, type(self).__name__,
               "keyword arguments handed on to Layer must be name, trainable, dtype, autocast, "
               "activity_regularizer or input_shape",
               error=ConfigError, unknown=list(unknown))  # fmt: skip
        for key, value in (("name", name), ("dtype", dtype), ("input_shape", input_shape)):
            object.__setattr__(self, key, value)
        object.__setattr__(self, "_trainable", bool(trainable))
        if not autocast:
            object.__setattr__(self, "autocast", False)
        if activity_regularizer is not None:
            self.activity_regularizer = regularizers.get(activity_regularizer)
        self.prepare_layer()

    def prepare(self) -> None:
        """Finish a declared layer."""
        self.prepare_layer()

    def prepare_layer(self) -> None:
        """Settle name and element types."""
        named: Any = self.name
        if named is None:
            object.__setattr__(self, "name", unique_name(snake_case(type(self).__name__)))
        expect(isinstance(self.name, str) and "/" not in self.name and self.name != "",
               type(self).__name__, "name must be a non-empty string without '/'",
               error=ConfigError, name=self.name)  # fmt: skip
        object.__setattr__(self, "_dtype_policy", find_policy(self.dtype))
        object.__setattr__(self, "dtype", str(self.dtype_policy.variable_dtype))

    def get_config(self) -> dict[str, Any]:
        """Return the settings as plain values, name, trainable and dtype included."""
        config = super().get_config()
        config.pop("input_shape", None)
        head = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype_policy.name}
        return head | {key: value for key, value in config.items() if key not in head}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    if not TYPE_CHECKING:  # a checker shall know of no further attribute

        def __getattr__(self, name: str) -> Any:
            advice = ELSEWHERE.get(name)
            if advice is None:
                return object.__getattribute__(self, name)  # raises what has been raised
            text = f"{type(self).__name__!r} object has no attribute {name!r}. {advice}"
            raise AttributeError(text, name=name, obj=None)  # else Python adds another guess


Layer.settings = {
    "name": Layer.settings["name"],
    "trainable": Setting((), True, kw_only=True),
    "dtype": Layer.settings["dtype"],
    "input_shape": Layer.settings["input_shape"],
}
