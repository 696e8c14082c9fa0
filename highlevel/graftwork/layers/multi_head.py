"""Attention with learned projections, several heads at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from ..registry import constraints, declared, initializers, layers, regularizers, setting
from ..rules import named, optional, positive_integer
from ..seeds import any_seed
from .activation import Softmax
from .attention import causal, distances
from .einsum_dense import EinsumDense
from .layer import Layer
from .masks import mask_of, set_mask
from .regularization import Dropout
from .rules import within_zero_and_one


class Heads(Layer):
    """What both layers share: projections, masks, and the heads' attention."""

    dropout: float
    use_bias: bool
    sliding_window: int | None
    use_gate: bool
    seed: Any

    accepts_integers = False
    supports_masking = True

    def projection(self, name: str, equation: str, shape: Any, bias: str, **more: Any) -> Any:
        """Return a dense layer with this layer's settings."""
        keys = ("kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer",
                "activity_regularizer", "kernel_constraint", "bias_constraint")  # fmt: skip
        return EinsumDense(
            equation, shape, bias_axes=bias if self.use_bias else None, name=name,
            dtype=self.dtype_policy, trainable=self._trainable,
            **{key: getattr(self, key) for key in keys}, **more,
        )  # fmt: skip

    def inner_layers(self, axes: Any) -> None:
        """Make what turns scores into weights where these are asked for."""
        self._softmax = Softmax(axes, dtype=self.dtype_policy)
        self._dropout_layer = Dropout(self.dropout, seed=self.seed, dtype=self.dtype_policy)
        self._softmax.build_for(None)
        self._dropout_layer.build_for(None)

    def merged_mask(
        self, query: Tensor, value: Tensor, masks: dict[str, Any], use_causal_mask: bool
    ) -> Any:
        """Return all masks as one, (N, T, U) or a part that stretches to it; None for none."""
        found: list[Tensor] = []
        if masks["query_mask"] is not None:
            found.append(ops.expand_dims(ops.cast(masks["query_mask"], "bool"), -1))
        for key in ("value_mask", "key_mask"):
            if masks[key] is not None:
                found.append(ops.expand_dims(ops.cast(masks[key], "bool"), -2))
        if use_causal_mask:
            found.append(causal(query.shape[1], value.shape[1], query))
        if self.sliding_window is not None:
            apart = distances(query.shape[1], value.shape[1], query)
            found.append(ops.less(ops.abs(apart), self.sliding_window))
        if masks["attention_mask"] is not None:
            given = ops.cast(masks["attention_mask"], "bool")
            found.append(given)
        if not found:
            return None
        whole = found[0]
        for one in found[1:]:
            whole = ops.logical_and(whole, one)
        return whole

    def attended(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Any, training: bool, scale: float,
        is_causal: bool,
    ) -> Tensor:  # fmt: skip
        """Attend with the heads behind the steps, without keeping the weights."""
        if mask is not None and mask.ndim == 3:
            mask = ops.expand_dims(mask, 1)
        drops = training and self.dropout > 0
        state = self._dropout_layer.seed_generator.next() if drops else None
        return ops.dot_product_attention(
            query, key, value, mask, scale=scale, is_causal=is_causal,
            dropout_p=self.dropout if drops else 0.0, state=state,
        )  # fmt: skip

    def weighted(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Any, training: bool, scale: float,
        equations: tuple[str, str], attention_axes: int,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Attend, and return the weights too."""
        scores = ops.einsum(equations[0], key, query * scale)
        if mask is not None:
            while mask.ndim < scores.ndim:
                mask = ops.expand_dims(mask, -2 * attention_axes - 1)
        weights = self._softmax(scores, mask=mask)
        dropped = self._dropout_layer(weights, training=training)
        return ops.einsum(equations[1], dropped, value), weights


@declared(layers)
class MultiHeadAttention(Heads):
    """Attention with several heads, each with projections of its own. Vaswani et al. 2017.

    y = Σ heads of softmax(query · keyᵀ / √key_dim) · value, each projected, and projected back.

    Shapes: query (N, T, D), value (N, U, E), key (N, U, F) -> (N, T, D), and the weights
    (N, num_heads, T, U) with `return_attention_scores`.

    Args:
        num_heads: the number of heads.
        key_dim: the features of each head of queries and keys.
        value_dim: the features of each head of values; key_dim if None.
        dropout: the share of weights that is dropped while training.
        use_bias: whether the projections have biases.
        output_shape: the sizes of the output behind its steps; those of the query if None.
        attention_axes: over which axes is attended; all between batch and features if None.
        sliding_window: how many steps around its own a query sees; all if None.
        flash_attention: kept for Keras' signature: weights are never kept whole.
        use_gate: whether the heads are multiplied by a sigmoid of the query.
        seed: a number that makes the drawing repeatable.
    Raises:
        ShapeError: values and keys have not the same steps.
    """

    num_heads: int = setting(positive_integer)
    key_dim: int = setting(positive_integer)
    value_dim: Any = setting(optional(positive_integer), default=None)
    dropout: float = setting(within_zero_and_one, default=0.0)
    use_bias: bool = setting(default=True)
    output_shape: Any = setting(default=None)
    attention_axes: Any = setting(default=None)
    sliding_window: Any = setting(optional(positive_integer), default=None)
    flash_attention: Any = setting(default=None)
    kernel_initializer: Any = setting(named(initializers), default="glorot_uniform")
    bias_initializer: Any = setting(named(initializers), default="zeros")
    kernel_regularizer: Any = setting(named(regularizers), default=None)
    bias_regularizer: Any = setting(named(regularizers), default=None)
    activity_regularizer: Any = setting(named(regularizers), default=None)
    kernel_constraint: Any = setting(named(constraints), default=None)
    bias_constraint: Any = setting(named(constraints), default=None)
    use_gate: bool = setting(default=False)
    seed: Any = setting(any_seed, default=None)

    def prepare(self) -> None:
        """Settle the sizes."""
        self.prepare_layer()
        self.value_dim = self.value_dim or self.key_dim
        if self.output_shape is not None:
            given = self.output_shape
            self.output_shape = tuple(given) if isinstance(given, (tuple, list)) else (given,)
        if isinstance(self.attention_axes, int):
            self.attention_axes = (self.attention_axes,)

    def build(self, query_shape: Any, value_shape: Any = None, key_shape: Any = None) -> None:
        """Make the projections."""
        value_shape = query_shape if value_shape is None else value_shape
        key_shape = value_shape if key_shape is None else key_shape
        free = len(query_shape) - 1
        kept = "abcdefghij"[:free]
        into, heads = f"{kept}x,xyz->{kept}yz", (*[None] * (free - 1), self.num_heads)
        of_key = (*heads, self.key_dim)
        self.query_dense = self.projection("query", into, of_key, "yz")
        self.key_dense = self.projection("key", into, of_key, "yz")
        self._gate_dense = None
        if self.use_gate:
            of_gate = (*heads, self.value_dim)
            self._gate_dense = self.projection("gate", into, of_gate, "yz", activation="sigmoid")
        self.value_dense = self.projection("value", into, (*heads, self.value_dim), "yz")
        out = self.output_shape or (query_shape[-1],)
        letters = "uvwstr"[: len(out)]
        back = f"{kept}yz,yz{letters}->{kept}{letters}"
        self.output_dense = self.projection(
            "attention_output", back, (*[None] * (free - 1), *out), letters
        )
        pairs = ((self.query_dense, query_shape), (self.key_dense, key_shape),
                 (self._gate_dense, query_shape), (self.value_dense, value_shape))  # fmt: skip
        for layer, shape in pairs:
            if layer is not None:
                layer.build_for(tuple(shape))
        self.output_dense.build_for((*query_shape[:-1], self.num_heads, self.value_dim))
        rank = free + 2
        axes = self.attention_axes = tuple(self.attention_axes or range(1, free))
        self.axes = tuple([axis if axis >= 0 else rank - 1 + axis for axis in axes])
        self.inner_layers(tuple(range(-len(self.axes), 0)))

    def build_for(self, shape: Any) -> None:
        """Wait for the shapes of all inputs: `call` builds."""

    def call(
        self, query: Tensor, value: Tensor, key: Tensor | None = None, query_mask: Any = None,
        value_mask: Any = None, key_mask: Any = None, attention_mask: Any = None,
        return_attention_scores: bool = False, training: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:  # fmt: skip
        """Attend.

        Args:
            query: (N, T, D).
            value: (N, U, E).
            key: (N, U, F); the values if None.
            query_mask: (N, T); so are value_mask and key_mask, (N, U).
            attention_mask: (N, T, U), false for what is left out.
            return_attention_scores: return the weights too.
            training: drop weights.
            use_causal_mask: leave out the steps after a query's own.
        """
        given, key = key is not None, value if key is None else key
        expect(value.shape[1:-1] == key.shape[1:-1], f'layer "{self.name}"',
               "values and keys must have the same steps", value=value.shape,
               key=key.shape)  # fmt: skip
        if not self.built:
            self.build(query.shape, value.shape, key.shape)
            object.__setattr__(self, "built", True)
        masks = {"query_mask": query_mask if query_mask is not None else mask_of(query),
                 "value_mask": value_mask, "key_mask": key_mask if given else None,
                 "attention_mask": attention_mask}  # fmt: skip
        plain = query.ndim == 3 and not return_attention_scores
        alone = plain and use_causal_mask and all(one is None for one in masks.values())
        alone = alone and self.sliding_window is None
        mask = self.merged_mask(query, value, masks, use_causal_mask and not alone)
        with without_masks(query, key, value):
            q, k, v = self.query_dense(query), self.key_dense(key), self.value_dense(value)
            gate = None if self._gate_dense is None else self._gate_dense(query)
        scale, weights = self.key_dim**-0.5, None
        if plain:
            y = self.attended(q, k, v, mask, training, scale, alone)
        else:
            names = equations(q.ndim, self.axes)
            y, weights = self.weighted(q, k, v, mask, training, scale, names, len(self.axes))
        y = self.output_dense(y if gate is None else y * gate)
        return (y, weights) if return_attention_scores else y

    def get_config(self) -> dict[str, Any]:
        """Return the settings that Keras writes."""
        config = super().get_config()
        return {key: one for key, one in config.items() if key != "flash_attention"}


@declared(layers, "GroupQueryAttention")
class GroupedQueryAttention(Heads):
    """Attention whose heads of queries share heads of keys and values. Ainslie et al. 2023.

    Shapes: query (N, T, D), value and key (N, U, E) -> (N, T, D), and the weights
    (N, num_query_heads, T, U) with `return_attention_scores`.

    Args:
        head_dim: the features of each head.
        num_query_heads: the heads of queries.
        num_key_value_heads: the heads of keys and values, a divisor of those of queries.
        dropout: the share of weights that is dropped while training.
        use_bias: whether the projections have biases.
        sliding_window: how many steps around its own a query sees; all if None.
        flash_attention: kept for Keras' signature: weights are never kept whole.
        use_gate: whether the heads are multiplied by a sigmoid of the query.
        seed: a number that makes the drawing repeatable.
    Raises:
        ConfigError: the heads of keys do not divide those of queries.
    """

    head_dim: int = setting(positive_integer)
    num_query_heads: int = setting(positive_integer)
    num_key_value_heads: int = setting(positive_integer)
    dropout: float = setting(within_zero_and_one, default=0.0)
    use_bias: bool = setting(default=True)
    sliding_window: Any = setting(optional(positive_integer), default=None)
    flash_attention: Any = setting(default=None)
    kernel_initializer: Any = setting(named(initializers), default="glorot_uniform")
    bias_initializer: Any = setting(named(initializers), default="zeros")
    kernel_regularizer: Any = setting(named(regularizers), default=None)
    bias_regularizer: Any = setting(named(regularizers), default=None)
    activity_regularizer: Any = setting(named(regularizers), default=None)
    kernel_constraint: Any = setting(named(constraints), default=None)
    bias_constraint: Any = setting(named(constraints), default=None)
    use_gate: bool = setting(default=False)
    seed: Any = setting(any_seed, default=None)

    def prepare(self) -> None:
        """Hold the numbers of heads against each other."""
        self.prepare_layer()
        fits = self.num_query_heads % self.num_key_value_heads == 0
        expect(fits, "GroupedQueryAttention", "num_key_value_heads must divide num_query_heads",
               error=ConfigError, num_query_heads=self.num_query_heads,
               num_key_value_heads=self.num_key_value_heads)  # fmt: skip

    def build(self, query_shape: Any, value_shape: Any = None, key_shape: Any = None) -> None:
        """Make the projections."""
        value_shape = query_shape if value_shape is None else value_shape
        key_shape = value_shape if key_shape is None else key_shape
        of_query = (None, self.num_query_heads, self.head_dim)
        of_key = (None, self.num_key_value_heads, self.head_dim)
        self._query_dense = self.projection("query", "bqm,muh->bquh", of_query, "uh")
        self._key_dense = self.projection("key", "bkm,mvh->bkvh", of_key, "vh")
        self._gate_dense = None
        if self.use_gate:
            self._gate_dense = self.projection(
                "gate", "bqm,muh->bquh", of_query, "uh", activation="sigmoid"
            )
        self._value_dense = self.projection("value", "bkm,mvh->bkvh", of_key, "vh")
        self._output_dense = self.projection(
            "attention_output", "bquh,uhm->bqm", (None, query_shape[-1]), "m"
        )
        pairs = ((self._query_dense, query_shape), (self._key_dense, key_shape),
                 (self._gate_dense, query_shape), (self._value_dense, value_shape))  # fmt: skip
        for layer, shape in pairs:
            if layer is not None:
                layer.build_for(tuple(shape))
        self._output_dense.build_for((*query_shape[:-1], self.num_query_heads, self.head_dim))
        self.inner_layers(-1)

    exported_name = "GroupQueryAttention"  # Keras' public name; its files count by the class' own
    build_for = MultiHeadAttention.build_for

    def call(
        self, query: Tensor, value: Tensor, key: Tensor | None = None, query_mask: Any = None,
        value_mask: Any = None, key_mask: Any = None, attention_mask: Any = None,
        return_attention_scores: bool = False, training: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:  # fmt: skip
        """Attend; the arguments are those of `MultiHeadAttention`."""
        given, key = key is not None, value if key is None else key
        if not self.built:
            self.build(query.shape, value.shape, key.shape)
            object.__setattr__(self, "built", True)
        masks = {"query_mask": query_mask, "value_mask": value_mask,
                 "key_mask": key_mask if given else None,
                 "attention_mask": attention_mask}  # fmt: skip
        alone = use_causal_mask and all(one is None for one in masks.values())
        alone = alone and self.sliding_window is None and not return_attention_scores
        mask = self.merged_mask(query, value, masks, use_causal_mask and not alone)
        with without_masks(query, key, value):
            q, k, v = self._query_dense(query), self._key_dense(key), self._value_dense(value)
            gate = None if self._gate_dense is None else self._gate_dense(query)
        scale, weights = self.head_dim**-0.5, None
        if return_attention_scores:
            names = ("bkuh,bquh->buqk", "buqk,bkuh->bquh")
            k, v = (_repeated(x, self.num_query_heads // x.shape[2]) for x in (k, v))
            y, weights = self.weighted(q, k, v, mask, training, scale, names, 1)
        else:
            y = self.attended(q, k, v, mask, training, scale, alone)
        y = self._output_dense(y if gate is None else y * gate)
        return (y, weights) if return_attention_scores else y

    def get_config(self) -> dict[str, Any]:
        """Return the settings that Keras writes."""
        config = super().get_config()
        return {key: one for key, one in config.items() if key != "flash_attention"}


@contextmanager
def without_masks(*xs: Tensor) -> Iterator[None]:
    """Take the masks off while projections, which have no use for them, are computed."""
    kept = [(x, mask_of(x)) for x in {id(x): x for x in xs}.values()]
    for x, _ in kept:
        set_mask(x, None)
    try:
        yield
    finally:
        for x, mask in kept:
            set_mask(x, mask)


def equations(rank: int, axes: tuple[int, ...]) -> tuple[str, str]:
    """Return the equations of scores (of key and query) and of the mean (of weights and value)."""
    target = "abcdefghijklm"[:rank]
    source = "".join(c.upper() if i in axes else c for i, c in enumerate(target))
    kept = [c for i, c in enumerate(target) if i not in axes and i != rank - 1]
    scores = "".join([*kept, *(target[i] for i in axes), *(source[i] for i in axes)])
    return f"{source},{target}->{scores}", f"{scores},{source}->{target}"


def _repeated(x: Tensor, times: int) -> Tensor:
    """Repeat each head of (N, U, G, D)."""
    n, u, g, d = x.shape
    wide = ops.broadcast_to(ops.expand_dims(x, 3), (n, u, g, times, d))
    return ops.reshape(wide, (n, u, g * times, d))
