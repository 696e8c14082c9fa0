"""What every layer keeps besides its settings: what it was built for, its weights, its types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graftgrad.spec import DType

from ..policy import DTypePolicy, find_policy
from ..registry import Configured
from .stored import Stored

if TYPE_CHECKING:
    from ..weight import Weight
    from .input_spec import InputSpec
    from .symbol import Application


class Bookkeeping(Stored, Configured):
    """What every layer keeps besides its settings, from before its constructor runs.

    Its names begin with an underscore where Keras has none like them: `self.policy` and
    `self.multiplier` are for a layer of the user's own.
    """

    built: bool
    built_shape: Any
    _learning_rate_multiplier: float  # for parameters that are made later
    _trainable: bool  # stands for `trainable` where there is no parameter to ask
    _dtype_policy: DTypePolicy
    _applications: list[Application]
    _own_weights: list[Weight]
    _call_arguments: tuple[str, ...] | None  # the arguments of `call`, once they were looked at
    _trains_untold: bool = False  # whether `call` says training=True of itself
    input_spec: InputSpec | None = None
    activity_regularizer: Any = None
    supports_masking: bool = False  # whether the mask of the input fits the output too
    per_sample: bool | None = None  # None: known of the layers here, not known of a user's own

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make the bookkeeping before any constructor runs, so attributes can be set freely."""
        made = super().__new__(cls, *args, **kwargs)
        kept: dict[str, Any] = {
            "built": False,
            "built_shape": None,
            "_trainable": True,
            "_learning_rate_multiplier": 1.0,
            "_call_arguments": None,
        }
        for name, value in {**kept, "_applications": [], "_own_weights": []}.items():
            object.__setattr__(made, name, value)
        return made

    @property
    def compute_dtype(self) -> str:
        """The element type in which the layer computes, and of its output."""
        return str(self._dtype_policy.compute_dtype)

    @property
    def variable_dtype(self) -> str:
        """The element type of the layer's weights."""
        return str(self._dtype_policy.variable_dtype)

    @property
    def input_dtype(self) -> str:
        """The element type to which inputs are brought."""
        return str(self.received_dtype)

    @property
    def entrance_dtype(self) -> str | None:
        """The element type that a model beginning with this layer receives, if that is settled."""
        return None

    @property
    def received_dtype(self) -> DType:
        """The element type to which inputs are brought, not as a name."""
        return self._dtype_policy.compute_dtype

    @property
    def dtype_policy(self) -> DTypePolicy:
        """Both element types under one name; set it to a policy or the name of one.

        Weights that were made keep their element type.
        """
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, identifier: Any) -> None:
        object.__setattr__(self, "_dtype_policy", find_policy(identifier))
        object.__setattr__(self, "dtype", str(self._dtype_policy.variable_dtype))
