"""Whole numbers sorted on the GPU, so that what belongs to one place lies side by side.

A stable radix sort, eight bits at a time: equal numbers keep their order, so sums over them always
add in the same order. Counts are added atomically, which whole numbers do not mind.
"""

from __future__ import annotations

from .launches import THREADS, Launch, over
from .packed import entry, longs

DIGITS = 256  # values of the eight bits of a pass
SCANNING = 1024  # threads of the one block that adds up counts

_COUNT = f"""
  __shared__ int bins[{DIGITS}];
  const int t = threadIdx.x;
  const long long i = (long long)blockIdx.x * {DIGITS} + t;
  bins[t] = 0;
  __syncthreads();
  if (i < count) atomicAdd(&bins[keys[i] >> shift & {DIGITS - 1}], 1);
  __syncthreads();
  counts[t * (long long)gridDim.x + blockIdx.x] = bins[t];
"""
_SCAN = f"""
  __shared__ long long sums[{SCANNING}];
  const int t = threadIdx.x;
  const long long each = (total + {SCANNING - 1}) / {SCANNING};
  const long long from = t * each, until = from + each < total ? from + each : total;
  long long sum = 0;
  for (long long i = from; i < until; ++i) sum += counts[i];
  sums[t] = sum;
  __syncthreads();
  for (int d = 1; d < {SCANNING}; d *= 2) {{
    const long long before = t >= d ? sums[t - d] : 0;
    __syncthreads();
    sums[t] += before;
    __syncthreads();
  }}
  sum = t ? sums[t - 1] : 0;
  for (long long i = from; i < until; ++i) {{
    const int own = counts[i];
    counts[i] = (int)sum;
    sum += own;
  }}
"""
_MOVE = f"""
  __shared__ int digits[{DIGITS}];
  const int t = threadIdx.x;
  const long long i = (long long)blockIdx.x * {DIGITS} + t;
  digits[t] = i < count ? (int)(keys[i] >> shift & {DIGITS - 1}) : -1;
  __syncthreads();
  if (i >= count) return;
  const int own = digits[t];
  int before = 0;
  for (int j = 0; j < t; ++j) before += digits[j] == own;
  const int to = counts[own * (long long)gridDim.x + blockIdx.x] + before;
  sorted[to] = keys[i];
  places[to] = order[i];
"""


def passes_for(largest: int) -> int:
    """Return how many passes sort numbers up to the largest."""
    return max(1, over(largest.bit_length(), 8))


def counts_for(count: int) -> int:
    """Return how many counts the sort of that many numbers needs in working space."""
    return DIGITS * over(count, DIGITS)


def sorting(count: int, largest: int, arrays: tuple[int, int, int, int, int]) -> list[Launch]:
    """Return the launches of a sort.

    Args:
        count: how many numbers there are, fewer than 2³¹.
        largest: the largest that can occur.
        arrays: the numbers of the arrays: keys and places, uint32 and int32, a second pair of
            them, and the counts, int32. The result is in the first pair if `passes_for` is even.
    """
    keys, order, others, places, counts = arrays
    blocks = over(count, DIGITS)
    made = []
    for step in range(passes_for(largest)):
        shift = longs(8 * step)
        name, source = entry(
            "count_digits",
            "const unsigned int* keys, int* counts, long long count, long long shift", _COUNT,
        )  # fmt: skip
        numbers = (*longs(count), *shift)
        made.append(Launch(source, name, (blocks,), (DIGITS,), (keys, counts, *numbers)))
        name, source = entry("scan_counts", "int* counts, long long total", _SCAN, SCANNING)
        total = longs(DIGITS * blocks)
        made.append(Launch(source, name, (1,), (SCANNING,), (counts, *total)))
        name, source = entry(
            "move_keys",
            "const unsigned int* keys, const int* order, const int* counts, unsigned int* sorted, "
            "int* places, long long count, long long shift", _MOVE,
        )  # fmt: skip
        given = (keys, order, counts, others, places, *numbers)
        made.append(Launch(source, name, (blocks,), (DIGITS,), given))
        keys, others, order, places = others, keys, places, order
    return made


def keyed(kind: str, size: int, wraps: bool, count: int, arrays: tuple[int, int, int]) -> Launch:
    """Return the launch that turns indices into numbers to sort, and notes where each stood.

    An index that lies outside becomes `size`, which is sorted to the end.
    """
    text = f"""
  const long long i = (long long)blockIdx.x * {THREADS} + threadIdx.x;
  if (i >= count) return;
  long long place = (long long)indices[i];
  if ({"true" if wraps else "false"} && place < 0) place += size;
  keys[i] = (unsigned int)(place < 0 || place >= size ? size : place);
  order[i] = (int)i;
"""
    parameters = f"const {kind}* indices, unsigned int* keys, int* order, long long size"
    name, source = entry("keyed", f"{parameters}, long long count", text)
    grid = (over(count, THREADS),)
    return Launch(source, name, grid, (THREADS,), (*arrays, *longs(size, count)))
