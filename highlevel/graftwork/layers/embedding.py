"""Tables of vectors for whole numbers, and the masks that say which steps of a sequence count."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, as_tensor, ops

from ..registry import constraints, declared, initializers, layers, regularizers, setting
from ..rules import named, number, optional, positive_integer
from ..weight import Weight
from .layer import Layer
from .lora import LowRank
from .masks import set_mask
from .rules import only


class Tabled(Layer):
    """A layer whose setting `weights`, a table, gives way to its list of weights when read."""

    table: Any = None

    @property
    def weights(self) -> list[Weight]:
        """All weights of this layer."""
        return super().weights

    @weights.setter
    def weights(self, table: Any) -> None:
        listed = isinstance(table, (list, tuple)) and len(table) == 1 and hasattr(table[0], "shape")
        self.table = table[0] if listed else table


@declared(layers)
class Embedding(LowRank, Tabled):
    """A table of vectors, one for each whole number.

    y[…, :] = embeddings[x[…], :]

    Shapes: (N, …) -> (N, …, output_dim).

    Args:
        input_dim: how many vectors there are; the input lies in [0, input_dim).
        output_dim: the size of a vector.
        embeddings_initializer: the first values of the table.
        embeddings_regularizer: a penalty on it.
        embeddings_constraint: a projection after every update.
        mask_zero: whether 0 stands for a step that is not there: a mask that is false at zeros is
            laid beside the output.
        weights: the table itself, in place of first values.
        lora_rank: train a change of this rank in place of the table; see `enable_lora`.
        lora_alpha: the change counts lora_alpha / lora_rank times; `lora_rank` if None.
    Raises:
        DataError: a number of the input lies outside the table.
    """

    input_dim: int = setting(positive_integer)
    output_dim: int = setting(positive_integer)
    embeddings_initializer: Any = setting(named(initializers), default="uniform")
    embeddings_regularizer: Any = setting(named(regularizers), default=None)
    embeddings_constraint: Any = setting(named(constraints), default=None)
    mask_zero: bool = setting(default=False)
    weights: Any = setting(default=None)
    lora_rank: Any = setting(optional(positive_integer), default=None)
    lora_alpha: Any = setting(optional(number), default=None)
    quantization_config: Any = setting(only(None), default=None)
    activity_regularizer: Any = setting(named(regularizers), default=None, kw_only=True)

    adapted = "embeddings"
    autocast = False  # vectors are looked up first, and only they are converted

    def build(self, input_shape: Any) -> None:
        """Make embeddings (input_dim, output_dim)."""
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim), self.embeddings_initializer, name="embeddings",
            regularizer=self.embeddings_regularizer, constraint=self.embeddings_constraint,
        )  # fmt: skip
        if self.table is not None:
            self.embeddings.assign(self.table)
        self.adapt_as_told()

    def get_config(self) -> dict[str, Any]:
        """Return the settings; the table is a weight, and saved as one."""
        return {key: one for key, one in super().get_config().items() if key != "weights"}

    def call(self, x: Tensor) -> Tensor:
        """Look the vectors up."""
        places = x if x.dtype.kind in "iu" else ops.cast(x, "int32")
        y = ops.embedding(places, self.embeddings)
        if self.lora_enabled:
            a, b = self.change
            y = y + ops.matmul(ops.embedding(places, a), b)
        return ops.cast(y, self.compute_dtype)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return where the input is not 0, with `mask_zero`."""
        return ops.not_equal(as_tensor(inputs), 0) if self.mask_zero else None


@declared(layers)
class Masking(Layer):
    """Steps of which every feature is `mask_value` set to 0 and masked.

    Shapes: (N, T, D) -> (N, T, D), with a mask (N, T) beside it.

    Args:
        mask_value: what stands for a step that is not there.
    """

    mask_value: float = setting(number, default=0.0)

    accepts_integers = False

    def call(self, inputs: Tensor) -> Tensor:
        """Set what does not count to 0."""
        counts = ops.any(ops.not_equal(inputs, self.mask_value), -1, True)
        y = ops.where(counts, inputs, 0.0)
        return set_mask(y, ops.squeeze(counts, -1))  # type: ignore[no-any-return]

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return where any feature differs from `mask_value`."""
        return ops.any(ops.not_equal(as_tensor(inputs), self.mask_value), -1)
