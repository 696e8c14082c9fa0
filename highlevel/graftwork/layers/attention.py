"""Attention without projections: scores of queries and keys, and means of values they weight."""

from __future__ import annotations

from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import expect
from graftgrad.ops import random
from graftgrad.spec import as_dtype

from ..registry import declared, layers, setting
from ..rules import one_of
from ..seeds import any_seed
from .layer import Layer
from .rules import within_zero_and_one
from .seed_generator import generator_for


class Scoring(Layer):
    """What both layers share: masks, weights and the mean."""

    use_scale: bool
    dropout: float
    seed: Any

    accepts_integers = False
    supports_masking = True
    scale: Any = None

    def prepare(self) -> None:
        """Make the source of random states."""
        self.prepare_layer()
        self.seed_generator = generator_for(self.seed)

    def check(self, input_shape: Any) -> list[Any]:
        """Hold the number of inputs against what the layer takes.

        Raises:
            ShapeError: it is not called on a list of two or three.
        """
        given = list(input_shape) if isinstance(input_shape, (list, tuple)) else []
        fits = len(given) in (2, 3) and all(isinstance(one, (tuple, list)) for one in given)
        expect(fits, f'layer "{self.name}"',
               "must be called on a list: [query, value] or [query, value, key]",
               input=input_shape)  # fmt: skip
        return given

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """Return how well keys fit queries, (N, T, U)."""
        raise NotImplementedError(f"{type(self).__name__}: must define scores(self, query, key).")

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """Weight the values.

        Shapes: query (N, T, D), value (N, U, E), key (N, U, D) -> (N, T, E), and the weights
        (N, T, U) with `return_attention_scores`.
        """
        query, value = inputs[0], inputs[1]
        key = inputs[2] if len(inputs) > 2 else value
        of_query, of_value = (mask[0], mask[1]) if mask else (None, None)
        scores = self.scores(query, key)
        counts = None if of_value is None else ops.expand_dims(ops.cast(of_value, "bool"), -2)
        if use_causal_mask:
            past = causal(query.shape[1], value.shape[1], query)
            counts = past if counts is None else ops.logical_and(counts, past)
        if counts is not None:
            lowest = 65504.0 if scores.dtype == "float16" else 1e9
            scores = ops.where(counts, scores, scores - lowest)
        weights = ops.softmax(scores, -1)
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.seed_generator.next(), self.dropout)
        y = ops.matmul(weights, value)
        if of_query is not None:
            y = ops.where(ops.expand_dims(ops.cast(of_query, "bool"), -1), y, 0.0)
        return (y, weights) if return_attention_scores else y

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask of the query."""
        return previous_mask[0] if isinstance(previous_mask, (list, tuple)) else None


@declared(layers)
class Attention(Scoring):
    """Values weighted by products of queries and keys. Luong, Pham and Manning 2015.

    y = softmax(scale · query · keyᵀ) · value; with score_mode "concat", the scores are
    concat_score_weight · Σ tanh(scale · (query + key)).

    Args:
        use_scale: whether the scale is learned, or 1.
        score_mode: "dot" or "concat".
        dropout: the share of weights that is dropped while training.
        seed: a number that makes the drawing repeatable.
    Raises:
        ShapeError: it is not called on a list of two or three.
    """

    use_scale: bool = setting(default=False)
    score_mode: str = setting(one_of("dot", "concat"), default="dot")
    dropout: float = setting(within_zero_and_one, default=0.0)
    seed: Any = setting(any_seed, default=None)

    def build(self, input_shape: Any) -> None:
        """Make the scale, and the weight of the scores for "concat"."""
        self.check(input_shape)
        if self.use_scale:
            self.scale = self.add_weight((), "ones", name="scale")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """Return how well keys fit queries, (N, T, U)."""
        if self.score_mode == "dot":
            found = ops.matmul(query, ops.moveaxis(key, -1, -2))
            return found if self.scale is None else found * self.scale
        both = ops.expand_dims(query, -2) + ops.expand_dims(key, -3)
        bent = ops.tanh(both if self.scale is None else both * self.scale)
        return self.concat_score_weight * ops.sum(bent, -1)


@declared(layers)
class AdditiveAttention(Scoring):
    """Values weighted by sums of queries and keys. Bahdanau, Cho and Bengio 2014.

    y = softmax(Σ scale · tanh(query + key)) · value

    Args:
        use_scale: whether the scale of each feature is learned, or 1.
        dropout: the share of weights that is dropped while training.
    Raises:
        ShapeError: it is not called on a list of two or three.
    """

    use_scale: bool = setting(default=True)
    dropout: float = setting(within_zero_and_one, default=0.0)
    seed: Any = setting(any_seed, default=None, kw_only=True)

    def build(self, input_shape: Any) -> None:
        """Make the scale, (D,)."""
        given = self.check(input_shape)
        if self.use_scale:
            self.scale = self.add_weight((given[0][-1],), "glorot_uniform", name="scale")

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """Return how well keys fit queries, (N, T, U)."""
        bent = ops.tanh(ops.expand_dims(query, -2) + ops.expand_dims(key, -3))
        return ops.sum(bent if self.scale is None else self.scale * bent, -1)


def causal(steps: int, seen: int, like: Tensor) -> Tensor:
    """Return (1, T, U) truth values: whether step u is not after step t."""
    return distances(steps, seen, like) >= 0


def distances(steps: int, seen: int, like: Tensor) -> Tensor:
    """Return (1, T, U) whole numbers t − u on a tensor's device."""
    ones = ops.full_like(like.zeros(like.spec.shaped(1, steps, seen).typed(as_dtype("int64"))), 1)
    return ops.cumsum(ones, 1) - ops.cumsum(ones, 2)
