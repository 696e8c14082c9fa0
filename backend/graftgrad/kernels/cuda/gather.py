"""Slices picked by indices that are data, and their gradients, always summed in the same order.

A GPU cannot raise while it computes: an index that lies outside gives NaN, or 0 among whole
numbers, and adds nothing. Embeddings are `Take` along the first axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...kernel import Call, Kernel, kernel
from ...ops.gather import Gather, ScatterAdd, Take, Untake
from ...spec import Spec, int32, uint32
from .launches import INDEX_LIMIT, MOST_BLOCKS_ACROSS, THREADS, Launch, over
from .packed import Packed, entry, fits, longs, nothing
from .prelude import type_of
from .reduce import summed_as, threads_for
from .sort import counts_for, keyed, passes_for, sorting

DEEP = 8  # threads that share the sum of a column


class Picked(Packed):
    """Take: one launch."""

    def rows(self, places: Sequence[int]) -> list[Launch]:
        """Return the launch."""
        function: Any = self.call.function
        (x, indices), y = self.call.ins, self.call.outs[0]
        tail = math.prod(x.shape[function.axis + 1 :])
        text = f"""
  const long long at = (long long)blockIdx.x * {THREADS} + threadIdx.x;
  if (at >= total) return;
  const long long behind = at % tail, m = at / tail % count, lead = at / tail / count;
  long long place = (long long)indices[m];
  if ({"true" if function.wraps else "false"} && place < 0) place += size;
  y[at] = place < 0 || place >= size ? {nothing(y)} : x[(lead * size + place) * tail + behind];
"""
        kind = type_of(x.dtype)
        parameters = f"const {kind}* x, const {type_of(indices.dtype)}* indices, {kind}* y"
        parameters += ", long long total, long long size, long long count, long long tail"
        name, source = entry("take", parameters, text)
        numbers = longs(y.size, x.shape[function.axis], indices.size, tail)
        return [Launch(source, name, (over(y.size, THREADS),), (THREADS,),
                       (*places[:3], *numbers))]  # fmt: skip


class Along(Packed):
    """Gather: one launch."""

    def rows(self, places: Sequence[int]) -> list[Launch]:
        """Return the launch."""
        (x, indices), y = self.call.ins, self.call.outs[0]
        function: Any = self.call.function
        kind = type_of(x.dtype)
        parameters = f"const {kind}* x, const {type_of(indices.dtype)}* indices, {kind}* y"
        text = f"""
  {_flat(x.ndim, function.axis)}
  y[at] = outside ? {nothing(y)} : x[from];
"""
        parameters += ", long long total" + _sizes(x.ndim)
        name, source = entry("gather", parameters, text)
        numbers = longs(y.size, *x.shape, *indices.shape)
        return [Launch(source, name, (over(y.size, THREADS),), (THREADS,),
                       (*places[:3], *numbers))]  # fmt: skip


def _sizes(ndim: int) -> str:
    return "".join(f", long long {word}{i}" for word in ("n", "m") for i in range(ndim))


def _flat(ndim: int, axis: int) -> str:
    """Return the statements that set `from` to the element of x to which index `at` leads."""
    lines = [
        f"const long long at = (long long)blockIdx.x * {THREADS} + threadIdx.x;",
        "if (at >= total) return;",
        "bool outside = false;",
        "long long place = (long long)indices[at], from = 0, rest = at, step = 1;",
    ]
    for i in reversed(range(ndim)):
        if i == axis:
            lines.append(f"if (place < 0) place += n{i};")
            lines.append(f"outside = place < 0 || place >= n{i}; from += place * step;")
        else:
            lines.append(f"from += rest % m{i} * step;")
        lines.append(f"rest /= m{i}; step *= n{i};")
    return " ".join([*lines, "(void)step; (void)rest;"])


class Summed(Packed):
    """Values added where indices say: sorted by their places, then summed in runs of equal ones."""

    def __init__(self, call: Call, count: int, largest: int) -> None:
        self.count = count
        self.largest = largest
        numbers = [Spec((count,), dtype) for dtype in (uint32, int32, uint32, int32)]
        super().__init__(call, (*numbers, Spec((counts_for(count),), int32)))

    def runs(
        self, values: int, y: int, lead: int, tail: int, places: Sequence[int]
    ) -> list[Launch]:
        """Return the launches after the numbers to sort are there.

        `places` are the numbers of the arrays of working space.
        """
        arrays = (places[0], places[1], places[2], places[3], places[4])
        made = sorting(self.count, self.largest, arrays)
        odd = passes_for(self.largest) % 2
        keys, order = (places[2], places[3]) if odd else (places[0], places[1])
        spec = self.call.outs[0]
        kind = type_of(spec.dtype)
        real = type_of(summed_as(spec.dtype) or spec.dtype)
        wide = min(32, threads_for(tail))
        text = f"""
  typedef {real} R;
  __shared__ R room[{DEEP * wide}];
  const long long i = blockIdx.x, lead = blockIdx.z;
  const int t = threadIdx.x, below = t / {wide};
  const long long c = (long long)blockIdx.y * {wide} + t % {wide};
  const unsigned int own = keys[i];
  if (own >= size || (i > 0 && keys[i - 1] == own)) return;
  R sum = 0;
  if (c < tail)
    for (long long k = i + below; k < count && keys[k] == own; k += {DEEP})
      sum += (R)widen(values[(lead * count + order[k]) * tail + c]);
  room[t] = sum;
  __syncthreads();
  for (int d = {DEEP // 2}; d > 0; d /= 2) {{
    if (below < d) room[t] += room[t + d * {wide}];
    __syncthreads();
  }}
  if (below == 0 && c < tail) {{
    const long long at = (lead * size + own) * tail + c;
    y[at] = narrow<{kind}>((R)widen(y[at]) + room[t]);
  }}
"""
        parameters = "const unsigned int* keys, const int* order, "
        parameters += f"const {kind}* values, {kind}* y"
        parameters += ", long long size, long long count, long long tail"
        name, source = entry("sums_of_runs", parameters, text)
        grid = (self.count, over(tail, wide), lead)
        numbers = longs(self.largest, self.count, tail)
        made.append(Launch(source, name, grid, (DEEP * wide,), (keys, order, values, y, *numbers)))
        return made


def _filled(spec: Spec, y: int, source: int | None) -> Launch:
    """Return the launch that sets a result to 0, or to the values of another array."""
    kind = type_of(spec.dtype)
    text = f"""
  const long long at = (long long)blockIdx.x * {THREADS} + threadIdx.x;
  if (at < total) y[at] = {"x[at]" if source is not None else f"narrow<{kind}>(0)"};
"""
    parameters = f"const {kind}* x, " if source is not None else ""
    name, text = entry("filled", f"{parameters}{kind}* y, long long total", text)
    arrays = (y,) if source is None else (source, y)
    grid = (over(spec.size, THREADS),)
    return Launch(text, name, grid, (THREADS,), (*arrays, *longs(spec.size)))


class Unpicked(Summed):
    """Untake: zeros, then sums of runs."""

    def rows(self, places: Sequence[int]) -> list[Launch]:
        """Return the launches."""
        function: Any = self.call.function
        indices = self.call.ins[1]
        spec = self.call.outs[0]
        lead = math.prod(spec.shape[: function.axis])
        tail = math.prod(spec.shape[function.axis + 1 :])
        first, second, y, *room = places
        keys = keyed(type_of(indices.dtype), function.size, function.wraps, self.count,
                     (second, room[0], room[1]))  # fmt: skip
        return [_filled(spec, y, None), keys, *self.runs(first, y, lead, tail, room)]


class Scattered(Summed):
    """ScatterAdd: the values of x, then sums of runs of equal flat places."""

    def rows(self, places: Sequence[int]) -> list[Launch]:
        """Return the launches."""
        function: Any = self.call.function
        x, indices, _ = self.call.ins
        first, second, values, y, *room = places
        text = f"""
  {_flat(x.ndim, function.axis)}
  keys[at] = (unsigned int)(outside ? {x.size}LL : from);
  order[at] = (int)at;
"""
        parameters = f"const {type_of(indices.dtype)}* indices, unsigned int* keys, int* order"
        parameters += ", long long total" + _sizes(x.ndim)
        name, source = entry("flat_keys", parameters, text)
        numbers = longs(self.count, *x.shape, *indices.shape)
        grid = (over(self.count, THREADS),)
        keys = Launch(source, name, grid, (THREADS,), (second, room[0], room[1], *numbers))
        return [_filled(x, y, first), keys, *self.runs(values, y, 1, 1, room)]


def _fits(call: Call) -> bool:
    return fits(call) and all(spec.size < INDEX_LIMIT for spec in (*call.ins, *call.outs))


@kernel(Take, on="gpu")
def build_take(call: Call) -> Kernel | None:
    """Offer a kernel for slices picked along an axis."""
    return Picked(call) if _fits(call) else None


@kernel(Gather, on="gpu")
def build_gather(call: Call) -> Kernel | None:
    """Offer a kernel for elements picked along an axis."""
    return Along(call) if _fits(call) else None


@kernel(Untake, on="gpu")
def build_untake(call: Call) -> Kernel | None:
    """Offer kernels for the gradient of Take."""
    assert isinstance(call.function, Untake)
    spec = call.outs[0]
    lead = math.prod(spec.shape[: call.function.axis])
    tail = math.prod(spec.shape[call.function.axis + 1 :])
    if not _fits(call) or summed_as(spec.dtype) is None:
        return None
    if lead > MOST_BLOCKS_ACROSS or over(tail, 32) > MOST_BLOCKS_ACROSS:
        return None
    return Unpicked(call, call.ins[1].size, call.function.size)


@kernel(ScatterAdd, on="gpu")
def build_scatter_add(call: Call) -> Kernel | None:
    """Offer kernels for values added along an axis."""
    if not _fits(call) or summed_as(call.outs[0].dtype) is None or not call.ins[0].ndim:
        return None
    return Scattered(call, call.ins[1].size, call.ins[0].size)
