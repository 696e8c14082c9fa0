"""Elements picked and put back by place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import expect
from .shape import Cut, Slice, reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


def getitem(x: Tensor, index: Any) -> Tensor:
    """Index as NumPy does: integers, slices, None and `...` give views.

    Raises:
        ShapeError: an index lies outside, or there are more indices than axes.
    """
    entries = list(index) if isinstance(index, tuple) else [index]
    named = sum(1 for entry in entries if entry is not None and entry is not Ellipsis)
    expect(named <= x.ndim, "index", "there must not be more indices than axes",
           x=x.spec, index=index)  # fmt: skip
    if Ellipsis in entries:
        at = entries.index(Ellipsis)
        entries[at : at + 1] = [slice(None)] * (x.ndim - named)
    else:
        entries += [slice(None)] * (x.ndim - named)
    cuts: list[Cut] = []
    shape: list[int] = []
    for entry in entries:
        if entry is None:
            shape.append(1)
            continue
        size = x.shape[len(cuts)]
        if isinstance(entry, slice):
            cut = entry.indices(size)
            shape.append(len(range(*cut)))
        else:
            place = int(entry)
            expect(-size <= place < size, "index", f"must lie in [{-size}, {size})",
                   x=x.spec, axis=len(cuts), index=place)  # fmt: skip
            place %= size
            cut = (place, place + 1, 1)
        cuts.append(cut)
    return reshape(Slice(tuple(cuts))(x), tuple(shape))
