"""One batch as (x, y, sample_weight), and the parts in which a step receives it."""

from __future__ import annotations

from typing import Any

from ..data.arrays import pack_x_y_sample_weight

Batch = tuple[Any, Any, Any]


class Delivered(tuple[Any, Any, Any]):
    """A batch that a data set delivered in so many parts; in 0 parts it is x itself."""

    parts: int

    def __new__(cls, batch: Batch, parts: int) -> Delivered:
        """Note the number of parts beside (x, y, sample_weight)."""
        made = super().__new__(cls, batch)
        made.parts = parts
        return made


def received(batch: Batch) -> Any:
    """Return what a step receives of a batch.

    A data set's batches keep their parts. Of arrays it is (x, y, sample_weight) without what was
    not given; x alone is x itself, and in a tuple if it is a list, as in Keras.
    """
    if isinstance(batch, Delivered):
        return tuple(batch[: batch.parts]) if batch.parts else batch[0]
    return pack_x_y_sample_weight(*batch)
