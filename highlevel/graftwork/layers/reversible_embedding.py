"""A table of vectors that also leads back: from vectors to how well each number fits them."""

from __future__ import annotations

from typing import Any, TypeVar

from graftgrad import Tensor, ops

from ..registry import Setting, declared, layers, setting
from ..rules import number, optional
from .embedding import Embedding
from .masks import set_mask

K = TypeVar("K", bound=type)


def _as_keras(kind: K) -> K:
    """Put `tie_weights` where Keras' signature has it."""
    held: dict[str, Setting] = kind.settings  # type: ignore[attr-defined]
    own = {name: value for name, value in vars(kind).items() if isinstance(value, Setting)}
    first = ("input_dim", "output_dim")
    behind = {name: own[name] for name in own if name != "tie_weights"}
    others = {name: held[name] for name in held if name not in first}
    after = list(others).index("mask_zero") + 1
    listed = list(others.items())
    kind.settings = {  # type: ignore[attr-defined]
        **{name: held[name] for name in first}, "tie_weights": own["tie_weights"],
        **dict(listed[:after]), **behind, **dict(listed[after:]),
    }  # fmt: skip
    return kind


@declared(layers)
@_as_keras
class ReversibleEmbedding(Embedding):
    """A table of vectors, one for each whole number; and the way back with `reverse=True`.

    y[…, :] = embeddings[x[…], :]; reversed: y[…, i] = Σ x[…, d] · embeddings[i, d]. Press and
    Wolf, arXiv:1608.05859. What else it takes is told at `Embedding`.

    Shapes: (N, …) -> (N, …, output_dim); reversed (N, …, output_dim) -> (N, …, input_dim).

    Args:
        tie_weights: lead back by the same table; else by a matrix of its own.
        reverse_dtype: the element type in which the way back is computed; the layer's if None.
        logit_soft_cap: c keeps what comes back within ±c: c · tanh(y / c).
    """

    tie_weights: bool = setting(default=True)
    reverse_dtype: Any = setting(default=None)
    logit_soft_cap: Any = setting(optional(number), default=None)

    def build(self, input_shape: Any) -> None:
        """Make embeddings (input_dim, output_dim), and a matrix for the way back if not tied."""
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                (self.output_dim, self.input_dim), self.embeddings_initializer,
                name="reverse_embeddings",
            )  # fmt: skip

    def call(self, x: Tensor, reverse: bool = False) -> Any:
        """Look vectors up, or lead back."""
        if not reverse:
            y = super().call(x)
            return set_mask(y, ops.not_equal(x, 0)) if self.mask_zero else y
        kind = self.reverse_dtype or self.compute_dtype
        table = self.effective() if self.tie_weights else self.reverse_embeddings
        matrix = ops.swapaxes(table, 0, 1) if self.tie_weights else table
        y = ops.matmul(ops.cast(x, kind), ops.cast(matrix, kind))
        cap = self.logit_soft_cap
        return y if cap is None else ops.tanh(y / cap) * cap

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return none: `call` lays the mask beside vectors."""
        return None
