"""Layers that turn categories and ranges of numbers into vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from ..registry import declared, layers, setting
from ..rules import fraction, one_of, optional, positive_integer
from ..tables import quantiles
from ..tables.strings import batches
from .layer import Layer
from .preprocessing import numbers
from .rules import only

MODES = ("one_hot", "multi_hot", "count")
RENAMED = {"binary": "multi_hot", "tf-idf": "tf_idf"}  # what older versions of Keras called them


def output_mode(*modes: str) -> Any:
    """Make the rule for `output_mode`: older names are understood.

    Raises:
        ConfigError: by the rule, for an unknown mode.
    """

    def check(subject: str, name: str, value: Any) -> str:
        wanted = RENAMED.get(value, value) if isinstance(value, str) else value
        return str(one_of(*modes)(subject, name, wanted))

    return check


def encoded_numbers(
    x: Tensor, mode: str, depth: int, dtype: Any, weights: Tensor | None = None
) -> Tensor:
    """Write whole numbers as vectors of `depth` entries; those outside of [0, depth) are left out.

    "one_hot": (…) -> (…, K), and (…, 1) -> (…, K); "multi_hot" and "count": (N, T) -> (N, K), 1 for
    every number that occurs, or how often it does, weighted by `weights`, (N, T). A scalar is a
    vector of one; of more axes the second is the one that is gone through.
    """
    if mode == "int":
        return x.to(dtype)
    if x.ndim == 0:
        x = ops.reshape(x, (1,))
    outside = ops.where(x < 0, depth, ops.minimum(x, depth))  # one place more, which is cut off
    if mode == "one_hot":
        if x.ndim > 1 and x.shape[-1] == 1:
            outside = ops.reshape(outside, outside.shape[:-1])
        return ops.one_hot(outside, depth + 1, dtype)[..., :depth]
    if x.ndim > 2:
        outside = ops.moveaxis(outside, 1, -1)
        weights = None if weights is None else ops.moveaxis(weights, 1, -1)
    ones = graftgrad.ones(outside.shape, dtype=dtype, device=x.device)
    start = graftgrad.zeros((*outside.shape[:-1], depth + 1), dtype=dtype, device=x.device)
    values = ones if weights is None else weights.to(dtype)
    counts = ops.scatter_add(start, -1, outside, values)[..., :depth]
    return ops.minimum(counts, 1) if mode == "multi_hot" else counts


@declared(layers)
class CategoryEncoding(Layer):
    """Whole numbers as vectors: y[n, k] tells whether, or how often, k occurs in row n.

    Shapes: (N, T) -> (N, K); in mode "one_hot" (…) -> (…, K), and (…, 1) -> (…, K).

    Args:
        num_tokens: K; numbers outside of [0, K) are left out.
        output_mode: "multi_hot" (1 for what occurs), "count" or "one_hot".
        sparse: only False.
    Raises:
        ConfigError: `count_weights` come in another mode than "count".
    """

    num_tokens: int = setting(positive_integer, default=None)
    output_mode: str = setting(output_mode(*MODES), default="multi_hot")
    sparse: bool = setting(only(False), default=False)

    def call(self, inputs: Any, count_weights: Any = None) -> Tensor:
        """Return vectors; `count_weights`, (N, T), stand in the place of 1 for each number."""
        expect(count_weights is None or self.output_mode == "count", f'layer "{self.name}"',
               "count_weights belong to output_mode='count'", error=ConfigError,
               output_mode=self.output_mode)  # fmt: skip
        x = graftgrad.as_tensor(inputs)
        weights = None if count_weights is None else graftgrad.as_tensor(count_weights)
        kind = self.compute_dtype
        return encoded_numbers(x.to("int64"), self.output_mode, self.num_tokens, kind, weights)

    def get_config(self) -> dict[str, Any]:
        """Return the settings, as Keras tells them: without `sparse`."""
        config = super().get_config()
        del config["sparse"]
        return config


@declared(layers)
class Discretization(Layer):
    """The number of the range in which a value lies: y = i with b[i − 1] ≤ x < b[i].

    The bounds b are given, or found by `adapt` so that ranges hold about equally many values.

    Args:
        bin_boundaries: the bounds, ascending.
        num_bins: how many ranges `adapt` shall find, in place of bounds.
        epsilon: the share of the values by which the found bounds may be off.
        output_mode: "int" for numbers, int32; "one_hot", "multi_hot", "count" for vectors.
        sparse: only False.
    Raises:
        ConfigError: both or none of `bin_boundaries` and `num_bins` are given, or it is used before
            there are bounds.
    """

    bin_boundaries: Any = setting(optional(numbers), default=None)
    num_bins: Any = setting(optional(positive_integer), default=None)
    epsilon: float = setting(fraction, default=0.01)
    output_mode: str = setting(output_mode("int", *MODES), default="int")
    sparse: bool = setting(only(False), default=False)

    accepts_integers = False

    def prepare(self) -> None:
        """Check that ranges are given in one way."""
        self.prepare_layer()
        expect((self.num_bins is None) != (self.bin_boundaries is None), "Discretization",
               "either bin_boundaries or num_bins must be given", error=ConfigError,
               bin_boundaries=self.bin_boundaries, num_bins=self.num_bins)  # fmt: skip
        self.summary = quantiles.empty()

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Find bounds between which about equally many values lie; earlier ones are forgotten.

        Args:
            data: an array, or an iterable of batches; of a tuple the first entry counts.
            steps: how many batches are looked at; all of them if None.
        Raises:
            ConfigError: the bounds were given.
        """
        expect(self.num_bins is not None, f'layer "{self.name}"',
               "adapt must not replace given bin_boundaries", error=ConfigError,
               bin_boundaries=self.bin_boundaries)  # fmt: skip
        self.reset_state()
        for batch, _ in batches(f'layer "{self.name}"', data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Look at one batch."""
        values = graftgrad.as_tensor(data).to("float32").numpy()
        self.summary = quantiles.merged(self.summary, values, self.epsilon)

    def finalize_state(self) -> None:
        """Take the bounds from what was seen."""
        if self.num_bins is not None:
            self.bin_boundaries = quantiles.boundaries(self.summary, self.num_bins)

    def reset_state(self) -> None:
        """Forget what was seen."""
        self.summary = quantiles.empty()

    def call(self, inputs: Any) -> Tensor:
        """Return numbers of ranges, or vectors of them."""
        bounds = self.bin_boundaries
        expect(bounds is not None, f'layer "{self.name}"', "bounds must be known before the call",
               error=ConfigError, num_bins=self.num_bins,
               advice="Call adapt(data), or pass bin_boundaries.")  # fmt: skip
        x = graftgrad.as_tensor(inputs)
        edges = graftgrad.tensor([float(one) for one in bounds], "float32", x.device)
        found = ops.digitize(x.to("float32"), edges)
        kind = "int32" if self.output_mode == "int" else self.compute_dtype
        return encoded_numbers(found, self.output_mode, len(bounds) + 1, kind)

    def get_config(self) -> dict[str, Any]:
        """Return the settings; after `adapt` with the bounds that were found."""
        config = super().get_config()
        del config["trainable"]
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Make a layer from its settings; found bounds come with the number of ranges."""
        plain = dict(config)
        if plain.get("num_bins") is None or plain.get("bin_boundaries") is None:
            return super().from_config(plain)
        bounds = plain.pop("bin_boundaries")
        made = super().from_config(plain)
        made.bin_boundaries = numbers("Discretization", "bin_boundaries", bounds)
        return made
