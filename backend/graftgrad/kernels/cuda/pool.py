"""Pooling forwards and backwards; gradients are gathered by each pixel, so nothing is added twice.

A thread computes one element; neighbours share a pixel and see neighbouring channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...function import Function
from ...kernel import Call, Kernel, kernel
from ...ops.pool import (
    AveragePool2D,
    AveragePoolGrad,
    MaxPool2D,
    MaxPoolGather,
    MaxPoolScatter,
)
from ...spec import Spec, is_floating
from .launches import INDEX_LIMIT, THREADS, Launch, int32, over
from .packed import Packed, entry, fits, pointers
from .prelude import real_of, type_of

# Of element `at` of a result with images `high` by `wide`: image n, row y, column x, channel c.
_PLACE = """
  const int at = blockIdx.x * THREADS + threadIdx.x;
  if (at >= total) return;
  const int c = at % channels, x = at / channels % wide, y = at / channels / wide % high;
  const int n = at / channels / wide / high;
"""
_TAKEN = "((long long)(n * rows + i) * columns + j) * channels + c"

# The pixel (i, j) at place (a, b) of the window (y, x).
_PIXEL = """
      const int i = y * STRIDE_Y - PAD_Y + a * GAP_Y, j = x * STRIDE_X - PAD_X + b * GAP_X;
      if (i < 0 || i >= rows || j < 0 || j >= columns) continue;
"""
# The window (i, j) in which the pixel (y, x) stands at place (a, b).
_WINDOW = """
      const int up = y + PAD_Y - a * GAP_Y, left = x + PAD_X - b * GAP_X;
      if (up < 0 || left < 0 || up % STRIDE_Y || left % STRIDE_X) continue;
      const int i = up / STRIDE_Y, j = left / STRIDE_X;
      if (i >= rows || j >= columns) continue;
"""
_TAPS = """
  for (int a = 0; a < TAPS_Y; ++a)
    for (int b = 0; b < TAPS_X; ++b) {"""

# How many pixels of a window along one axis lie in the image.
_HELD = """
  auto held = [](int first, int taps, int gap, int size) {
    int count = 0;
    for (int a = 0; a < taps; ++a) count += first + a * gap >= 0 && first + a * gap < size;
    return count;
  };
"""
_MAX = f"""{_PLACE}
  R best = LOWEST;
  int place = 0;
  {_TAPS}{_PIXEL}
      const R v = widen(images[{_TAKEN}]);
      if (v > best) place = a * TAPS_X + b;
      if (v > best || v != v) best = v;
    }}
  result[at] = narrow<Y>(best);
  positions[at] = (P)place;
"""
_SCATTER = f"""{_PLACE}
  R sum = 0;
  {_TAPS}{_WINDOW}
      const long long from = {_TAKEN};
      if (positions[from] == a * TAPS_X + b) sum += (R)widen(images[from]);
    }}
  result[at] = narrow<Y>(sum);
"""
_GATHER = f"""{_PLACE}
  const int place = positions[at], a = place / TAPS_X, b = place % TAPS_X;
  R found = 0;
  do {{{_PIXEL}
    found = widen(images[{_TAKEN}]);
  }} while (false);
  result[at] = narrow<Y>(found);
"""
_AVERAGE = f"""{_PLACE}{_HELD}
  R sum = 0;
  {_TAPS}{_PIXEL}
      sum += (R)widen(images[{_TAKEN}]);
    }}
  int count = TAPS_Y * TAPS_X;
  if (!INCLUDED) count = held(y * STRIDE_Y - PAD_Y, TAPS_Y, GAP_Y, rows)
                       * held(x * STRIDE_X - PAD_X, TAPS_X, GAP_X, columns);
  result[at] = narrow<Y>(sum * (R)(1.0 / count));
"""
_SPREAD = f"""{_PLACE}{_HELD}
  R sum = 0;
  {_TAPS}{_WINDOW}
      int count = TAPS_Y * TAPS_X;
      if (!INCLUDED) count = held(i * STRIDE_Y - PAD_Y, TAPS_Y, GAP_Y, high)
                           * held(j * STRIDE_X - PAD_X, TAPS_X, GAP_X, wide);
      sum += (R)widen(images[{_TAKEN}]) * (R)(1.0 / count);
    }}
  result[at] = narrow<Y>(sum);
"""
_TEXTS: dict[type[Function], tuple[str, tuple[str, ...]]] = {
    MaxPool2D: (_MAX, ("images", "result", "positions")),
    MaxPoolScatter: (_SCATTER, ("images", "positions", "result")),
    MaxPoolGather: (_GATHER, ("images", "positions", "result")),
    AveragePool2D: (_AVERAGE, ("images", "result")),
    AveragePoolGrad: (_SPREAD, ("images", "result")),
}


class Pool(Packed):
    """A pooling function or a gradient of one: one launch."""

    def rows(self, places: Sequence[int]) -> list[Launch]:
        """Return the launch."""
        text, named = _TEXTS[type(self.call.function)]
        specs = (*self.call.ins, *self.call.outs)
        result = specs[named.index("result")]
        parameters = pointers(specs, named, len(self.call.ins))
        parameters += ", int total, int channels, int high, int wide, int rows, int columns"
        text = self._filled(text, result, specs[-1])
        name, source = entry("pool", parameters, text)
        _, rows, columns, channels = specs[0].shape
        _, high, wide, _ = result.shape
        numbers = [int32(k) for k in (result.size, channels, high, wide, rows, columns)]
        grid = (over(result.size, THREADS),)
        return [Launch(source, name, grid, (THREADS,), (*places[: len(specs)], *numbers))]

    def _filled(self, text: str, result: Spec, last: Spec) -> str:
        """Put the numbers of the windows, which compilers make use of, into a text."""
        function: Any = self.call.function
        real = real_of(result.dtype)
        least = "-(R)INFINITY"
        if not is_floating(result.dtype):
            bits = 8 * result.dtype.itemsize
            signed = result.dtype.kind == "i"
            least = f"(R)(-{(1 << (bits - 1)) - 1}LL - 1)" if signed else "(R)0"
        words = {
            "THREADS": THREADS,
            "TAPS_Y": function.window[0],
            "TAPS_X": function.window[1],
            "STRIDE_Y": function.strides[0],
            "STRIDE_X": function.strides[1],
            "PAD_Y": function.pads[0][0],
            "PAD_X": function.pads[1][0],
            "GAP_Y": function.dilation[0],
            "GAP_X": function.dilation[1],
            "LOWEST": least,
            "INCLUDED": "true" if getattr(function, "count_include_pad", False) else "false",
            "<Y>": f"<{type_of(result.dtype)}>",
            "(P)": f"({type_of(last.dtype)})",
        }
        for word, value in words.items():
            text = text.replace(word, f"({value})" if word[0] not in "<(" else str(value))
        return f"\n  typedef {real} R;\n{text}"


@kernel(MaxPool2D, on="gpu")
@kernel(MaxPoolScatter, on="gpu")
@kernel(MaxPoolGather, on="gpu")
@kernel(AveragePool2D, on="gpu")
@kernel(AveragePoolGrad, on="gpu")
def build(call: Call) -> Kernel | None:
    """Offer a kernel for pooling."""
    specs = (*call.ins, *call.outs)
    if not fits(call) or any(spec.size >= INDEX_LIMIT - THREADS for spec in specs):
        return None
    real = is_floating(specs[0].dtype) or isinstance(call.function, (MaxPool2D, MaxPoolGather))
    return Pool(call) if real else None
