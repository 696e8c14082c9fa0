"""Many elements to one, over any axes, always in the same order: no float is added atomically.

A block has threads along the results and along what is reduced. Where there are few results, blocks
reduce a part each, and a second launch joins the parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...kernel import Call, Kernel, kernel
from ...ops.compare import ArgExtremum
from ...ops.reduce import Extremum, Product, Sum, Truth
from ...ops.update import SumOfSquares
from ...spec import DType, Spec, bool_, float32, float64, int64, is_floating, uint64
from .geometry import Strides, collapsed, elements
from .launches import MOST_BLOCKS_ACROSS, THREADS, Launch, Launched, Lie, over
from .packed import entry, longs
from .prelude import TYPES, real_of, type_of

ENOUGH = 1024  # blocks that fill a GPU
LEAST = 16  # elements for each thread, before blocks share a result


class How(NamedTuple):
    """What is reduced: in which type, what is made of an element, and how two are joined."""

    kind: DType
    element: str
    join: str
    first: str  # what an empty sum is; empty where the first element is taken instead


class Reduce(Launched):
    """A reduction over some axes of one operand into a result in row-major order."""

    def __init__(self, call: Call, axes: Sequence[int], how: How) -> None:
        super().__init__(call)
        self.axes = tuple(axes)
        self.how = how
        x = call.ins[0]
        self.kept = [i for i in range(x.ndim) if i not in axes and x.shape[i] > 1]
        self.gone = [i for i in axes if x.shape[i] > 1]
        self.outs = math.prod(x.shape[i] for i in self.kept)
        self.count = math.prod(x.shape[i] for i in self.gone)
        self.inner = not self.kept or (bool(self.gone) and self.gone[-1] > self.kept[-1])
        self.deep = threads_for(self.count) if self.inner else min(8, threads_for(self.count))
        self.parts = parts_of(self.outs, self.count, self.deep)
        if self.parts > 1:
            self.scratch = (Spec((self.parts * self.outs,), how.kind),)

    def listed(self, lie: Sequence[Lie]) -> list[Launch] | None:
        """Return one launch, or two where blocks share a result."""
        x, y = self.call.ins[0], self.call.outs[0]
        own = elements(lie[0].strides, x.dtype.itemsize)
        if own is None:
            return None
        kept, gone = [_walk(x, own, axes) for axes in (self.kept, self.gone)]
        if self.parts == 1:
            return [reduction(self.how, x.dtype, y.dtype, kept, gone, self.deep, 1, self.inner,
                              (0, 1))]  # fmt: skip
        kind = self.how.kind
        first = reduction(self.how, x.dtype, kind, kept, gone, self.deep, self.parts,
                          self.inner, (0, 2))  # fmt: skip
        again = self.how._replace(element="x")
        last = reduction(again, kind, y.dtype, ((self.outs,), (1,)),
                         ((self.parts,), (self.outs,)), min(8, threads_for(self.parts)), 1,
                         False, (2, 1))  # fmt: skip
        return [first, last]


def _walk(x: Spec, strides: Strides, axes: Sequence[int]) -> tuple[tuple[int, ...], Strides]:
    walk = collapsed(tuple([x.shape[i] for i in axes]), [tuple([strides[i] for i in axes])])
    return walk.sizes, walk.strides[0]


def threads_for(count: int) -> int:
    """Return how many threads share what is reduced to one: a power of two, at most a block."""
    return min(THREADS, 1 << max(0, (count - 1).bit_length()))


def parts_of(outs: int, count: int, deep: int) -> int:
    """Return how many blocks share a result."""
    blocks = over(outs, THREADS // deep)
    return max(1, min(over(count, deep * LEAST), ENOUGH // blocks, MOST_BLOCKS_ACROSS))


def reduction(
    how: How,
    given: DType,
    wanted: DType,
    kept: tuple[tuple[int, ...], Strides],
    gone: tuple[tuple[int, ...], Strides],
    deep: int,
    parts: int,
    inner: bool,
    places: tuple[int, int],
) -> Launch:
    """Return the launch of a reduction.

    Args:
        how: what is done.
        given: the element type of what is read.
        wanted: the element type of what is written.
        kept: sizes and strides of the axes that stay.
        gone: sizes and strides of the axes that are reduced.
        deep: threads that share a result.
        parts: blocks that share a result.
        inner: whether neighbours in memory are reduced to one.
        places: the numbers of the arrays that are read and written.
    """
    outs, count = math.prod(kept[0]), math.prod(gone[0])
    wide = THREADS // deep
    split = [f"t / {wide}", f"t % {wide}"] if not inner else [f"t % {deep}", f"t / {deep}"]
    real = type_of(how.kind)
    parameters = f"const {type_of(given)}* x, {type_of(wanted)}* y, long long outs, long long count"
    parameters += ", long long each" + _parameters("k", kept[0]) + _parameters("g", gone[0])
    text = f"""
  __shared__ {real} room[{THREADS}];
  const int t = threadIdx.x, row = {split[0]}, column = {split[1]};
  const long long o = (long long)blockIdx.x * {wide} + column;
  long long at = 0;
  {{ long long rest = o < outs ? o : outs - 1; {_offset("k", len(kept[0]))} }}
  auto value = [](real_t<{type_of(given)}> x) {{ return ({real})({how.element}); }};
  auto load = [&](long long r) {{
    long long rest = r, from = at; at = 0;
    {_offset("g", len(gone[0]))}
    long long found = from + at; at = from;
    return value(widen(x[found]));
  }};
  auto join = []({real} a, {real} b) {{ return ({real})({how.join}); }};
  long long begin = blockIdx.y * each, end = begin + each < count ? begin + each : count;
  {real} sum = {how.first or "load(begin)"};
  long long r = begin + row;
  for (; r + {3 * deep} < end; r += {4 * deep}) {{
    {real} a = load(r), b = load(r + {deep}), c = load(r + {2 * deep}), d = load(r + {3 * deep});
    sum = join(join(sum, a), join(b, join(c, d)));
  }}
  for (; r < end; r += {deep}) sum = join(sum, load(r));
  room[column * {deep} + row] = sum;
  __syncthreads();
  for (int d = {deep // 2}; d > 0; d /= 2) {{
    if (row < d) room[column * {deep} + row] =
      join(room[column * {deep} + row], room[column * {deep} + row + d]);
    __syncthreads();
  }}
  if (row == 0 && o < outs)
    y[blockIdx.y * outs + o] = narrow<{type_of(wanted)}>(room[column * {deep}]);
"""
    name, source = entry("reduce", parameters, text)
    each = over(count, parts)
    numbers = longs(outs, count, each, *_numbers(kept), *_numbers(gone))
    grid = (over(outs, wide), over(count, each))
    return Launch(source, name, grid, (THREADS,), (*places, *numbers))


def _parameters(letter: str, sizes: Sequence[int]) -> str:
    steps = [f"long long {letter}s{i}" for i in range(len(sizes))]
    wide = [f"long long {letter}n{i}" for i in range(1, len(sizes))]
    return "".join(f", {one}" for one in (*wide, *steps))


def _numbers(walk: tuple[tuple[int, ...], Strides]) -> list[int]:
    return [*walk[0][1:], *walk[1]]


def _offset(letter: str, axes: int) -> str:
    """Return the statements that add to `at` where the element of number `rest` lies."""
    lines = [
        f"at += rest % {letter}n{i} * {letter}s{i}; rest /= {letter}n{i};"
        for i in reversed(range(1, axes))
    ]
    return " ".join([*lines, f"at += rest * {letter}s0;"])


def summed_as(dtype: DType) -> DType | None:
    """Return the type in which elements are added, or None where they are not."""
    if dtype.kind in "iu":
        return uint64 if dtype.kind == "u" else int64
    if not is_floating(dtype):
        return None
    return float64 if dtype == float64 else float32


def offered(
    call: Call, axes: Sequence[int], kind: DType | None, element: str, join: str, first: str
) -> Kernel | None:
    """Return a reduction, or None where it does not fit."""
    x, y = call.ins[0], call.outs[0]
    if kind is None or x.dtype not in TYPES or y.dtype not in TYPES or not x.size:
        return None
    return Reduce(call, axes, How(kind, element, join, first))


@kernel(Sum, on="gpu")
def build_sum(call: Call) -> Kernel | None:
    """Offer a kernel for a sum."""
    assert isinstance(call.function, Sum)
    return offered(call, call.function.axes, summed_as(call.outs[0].dtype), "x", "a + b", "0")


@kernel(Product, on="gpu")
def build_product(call: Call) -> Kernel | None:
    """Offer a kernel for a product."""
    assert isinstance(call.function, Product)
    return offered(call, call.function.axes, summed_as(call.outs[0].dtype), "x", "a * b", "1")


@kernel(SumOfSquares, on="gpu")
def build_sum_of_squares(call: Call) -> Kernel | None:
    """Offer a kernel for Σ x²."""
    axes = range(call.ins[0].ndim)
    kind = summed_as(call.outs[0].dtype)
    if kind is None or not is_floating(kind):
        return None
    return offered(call, axes, kind, f"({type_of(kind)})x * ({type_of(kind)})x", "a + b", "0")


@kernel(Extremum, on="gpu")
def build_extremum(call: Call) -> Kernel | None:
    """Offer a kernel for the largest or smallest element; NaN wins over both."""
    assert isinstance(call.function, Extremum)
    x = call.ins[0]
    sign = ">" if call.function.largest else "<"
    wide = {"float": float32}.get(real_of(x.dtype), x.dtype) if x.dtype in TYPES else None
    join = f"a {sign} b || a != a ? a : b"
    return offered(call, call.function.axes, wide, "x", join, "")


@kernel(Truth, on="gpu")
def build_truth(call: Call) -> Kernel | None:
    """Offer a kernel for whether all, or any, elements are true."""
    assert isinstance(call.function, Truth)
    join, first = ("a && b", "true") if call.function.every else ("a || b", "false")
    return offered(call, call.function.axes, bool_, "x != 0", join, first)


class Place(Launched):
    """The place of the largest or smallest element along one axis: a thread group for each."""

    def listed(self, lie: Sequence[Lie]) -> list[Launch] | None:
        """Return the one launch."""
        x = self.call.ins[0]
        function: Any = self.call.function
        axis = function.axis % x.ndim
        own = elements(lie[0].strides, x.dtype.itemsize)
        if own is None:
            return None
        sizes, steps = _walk(x, own, [i for i in range(x.ndim) if i != axis and x.shape[i] > 1])
        outs, count = math.prod(sizes), x.shape[axis]
        deep = min(32, threads_for(count))
        sign = ">" if function.largest else "<"
        parameters = f"const {type_of(x.dtype)}* x, long long* y, long long outs, long long count"
        parameters += ", long long step" + _parameters("k", sizes)
        real = real_of(x.dtype)
        text = f"""
  __shared__ {real} values[{THREADS}];
  __shared__ long long places[{THREADS}];
  const int t = threadIdx.x, row = t % {deep};
  const long long o = (long long)blockIdx.x * {THREADS // deep} + t / {deep};
  long long at = 0;
  {{ long long rest = o < outs ? o : outs - 1; {_offset("k", len(sizes))} }}
  auto better = []({real} a, long long i, {real} b, long long j) {{
    if (j < 0) return true;
    if (a != a || b != b) return a != a && (b == b || i < j);
    return a {sign} b || (a == b && i < j);
  }};
  {real} best = 0;
  long long place = -1;
  for (long long r = row; r < count; r += {deep}) {{
    {real} v = widen(x[at + r * step]);
    if (better(v, r, best, place)) {{ best = v; place = r; }}
  }}
  values[t] = best; places[t] = place;
  __syncthreads();
  for (int d = {deep // 2}; d > 0; d /= 2) {{
    const int u = t + d;
    if (row < d && places[u] >= 0 && better(values[u], places[u], values[t], places[t])) {{
      values[t] = values[u]; places[t] = places[u];
    }}
    __syncthreads();
  }}
  if (row == 0 && o < outs) y[o] = places[t];
"""
        name, source = entry("arg_extremum", parameters, text)
        numbers = longs(outs, count, own[axis], *_numbers((sizes, steps)))
        grid = (over(outs, THREADS // deep),)
        return [Launch(source, name, grid, (THREADS,), (0, 1, *numbers))]


@kernel(ArgExtremum, on="gpu")
def build_arg_extremum(call: Call) -> Kernel | None:
    """Offer a kernel for the place of an extremum."""
    x = call.ins[0]
    return Place(call) if x.dtype in TYPES and x.size else None
