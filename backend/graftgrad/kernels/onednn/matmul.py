"""Products of matrices, in batches too, and the dense layer's with all that follows it."""

from __future__ import annotations

from ...kernel import Call, Kernel, kernel
from ...ops.fused_products import FusedLinear
from ...ops.matmul import MatMul
from ...spec import Shape, rounded
from .halves import Halved, cut
from .library import library
from .memory import View, anyhow, as_it_is
from .posts import following
from .primitive import offer
from .recipe import Recipe
from .work import RESULT, SOURCE, WEIGHTS, Slot, Work

WEIGHTS_LAYOUT = 131
MOST_AXES = 12


@kernel(MatMul, on="cpu")
def matmul(call: Call) -> Kernel | None:
    """Offer products of any batches that broadcast, of operands as they lie."""
    (a, b), y = call.ins, call.outs[0]
    if y.ndim > MOST_AXES:
        return None
    if at := cut(call):
        return Halved(call, at)
    view = _lifted(y.ndim)

    def build(work: Work) -> None:
        x, result = _lying(work, 0, view), work.result(0, view)
        plain = None if rounded(b, a) != b else _lying(work, 1, view)
        sizes, _ = view(b.shape, b.shape)
        given = anyhow(sizes, a.dtype) if plain is None else plain.description
        owner = library()
        descriptions = (x.description, given, None, result.description)
        recipe = Recipe("matmul", owner.engine, *descriptions, owner.attributes)
        if plain is None:
            w = work.operand_as(1, view, recipe.layout(WEIGHTS_LAYOUT))
        else:
            w = plain
        work.main(recipe, {SOURCE: x, WEIGHTS: w, RESULT: result})

    return offer(call, build, y.size * a.shape[-1])


@kernel(FusedLinear, on="cpu")
def fused_linear(call: Call) -> Kernel | None:
    """Offer the dense layer; weights that stay are brought into the library's own layout."""
    (x, w, *_), y = call.ins, call.outs[0]
    if cut(Call(MatMul(), (x, w), call.outs, call.device)):
        return None  # sums are taken in another order

    def build(work: Work) -> None:
        posts = following(work, call.function, as_it_is, _row)
        source, result = _lying(work, 0, as_it_is), work.result()
        stays = 1 in work.fixed or rounded(w, x) != w
        plain = None if stays else _lying(work, 1, as_it_is)
        given = anyhow(w.shape, x.dtype) if plain is None else plain.description
        recipe = Recipe(
            "matmul", library().engine,
            source.description, given, posts.bias, result.description, posts.attributes,
        )  # fmt: skip
        if plain is None:
            plain = work.operand_as(1, as_it_is, recipe.layout(WEIGHTS_LAYOUT))
        work.main(recipe, {SOURCE: source, WEIGHTS: plain, RESULT: result, **posts.arguments})

    return offer(call, build, y.size * x.shape[1])


def _lying(work: Work, index: int, view: View) -> Slot:
    """Return a factor as it lies if its rows or its columns have no gaps, else a copy."""
    steps = work.strides[index]
    if steps is None or 1 in steps[-2:]:
        return work.raw(index, view)
    return work.operand(index, view)


def _lifted(ndim: int) -> View:
    """See an array with axes of one element before its own."""

    def view(shape: Shape, strides: Shape) -> tuple[Shape, Shape]:
        more = ndim - len(shape)
        lead = shape[0] * strides[0]
        return (1,) * more + shape, (lead,) * more + strides

    return view


def _row(shape: Shape, strides: Shape) -> tuple[Shape, Shape]:
    return (1, *shape), (shape[0] * strides[0], *strides)
