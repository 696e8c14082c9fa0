"""Images made larger. Made smaller they are in `pool`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import expect
from ..spec import pair
from .shape import broadcast_to, reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


def upsample2d(x: Tensor, size: int | Sequence[int] = 2) -> Tensor:
    """Repeat every pixel: y[n, i, j, c] = x[n, ⌊i / a⌋, ⌊j / b⌋, c] (nearest neighbour).

    Shapes: (N, H, W, C) -> (N, a·H, b·W, C), (a, b) = size.

    Raises:
        ShapeError: x is no batch of images, or `size` is not positive.
    """
    expect(x.ndim == 4, "upsample2d", "x must be images (N, H, W, C)", x=x.spec)
    a, b = pair("upsample2d size", size)
    expect(min(a, b) > 0, "upsample2d", "size must be at least 1", size=size)
    n, h, w, c = x.shape
    repeated = broadcast_to(reshape(x, (n, h, 1, w, 1, c)), (n, h, a, w, b, c))
    return reshape(repeated, (n, a * h, b * w, c))
