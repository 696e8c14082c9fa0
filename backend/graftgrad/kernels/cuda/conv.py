"""Convolution where cuDNN has no plan: windows laid out as rows of a matrix, then one product.

The matrix has as many bytes as the image times the places of a window; what needs more than a
gibibyte is declined. The gradient of the images is gathered by each pixel, so nothing is added
atomically. Convolutions of single pixels need no matrix at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...kernel import Arrays, Call, Kernel, choose, decline, kernel
from ...ops.conv import Conv2D, Conv2DFilterGrad, Conv2DInputGrad
from ...ops.matmul import MatMul
from ...spec import Shape, Spec, float32, float64, is_floating
from . import library
from .launches import THREADS, Launch, over
from .packed import entry, longs
from .prelude import real_of, type_of

MOST_BYTES = 1 << 30

_LAID_OUT = """
  const long long at = (long long)blockIdx.x * THREADS + threadIdx.x;
  if (at >= total) return;
  const int c = at % channels, b = at / channels % TAPS_X, a = at / channels / TAPS_X % TAPS_Y;
  const long long m = at / channels / (TAPS_X * TAPS_Y);
  const long long x = m % wide, y = m / wide % high, n = m / wide / high;
  const long long i = y * STRIDE_Y - PAD_Y + a * GAP_Y, j = x * STRIDE_X - PAD_X + b * GAP_X;
  const bool inside = i >= 0 && i < rows && j >= 0 && j < columns;
  table[at] = inside ? images[((n * rows + i) * columns + j) * channels + c] : narrow<X>(0);
"""
_GATHERED = """
  const long long at = (long long)blockIdx.x * THREADS + threadIdx.x;
  if (at >= total) return;
  const long long c = at % channels, x = at / channels % columns;
  const long long y = at / channels / columns % rows, n = at / channels / columns / rows;
  R sum = 0;
  for (int a = 0; a < TAPS_Y; ++a)
    for (int b = 0; b < TAPS_X; ++b) {
      const long long up = y + PAD_Y - a * GAP_Y, left = x + PAD_X - b * GAP_X;
      if (up < 0 || left < 0 || up % STRIDE_Y || left % STRIDE_X) continue;
      const long long i = up / STRIDE_Y, j = left / STRIDE_X;
      if (i >= high || j >= wide) continue;
      const long long m = (n * high + i) * wide + j;
      sum += (R)widen(table[(m * TAPS_Y * TAPS_X + a * TAPS_X + b) * channels + c]);
    }
  images[at] = narrow<X>(sum);
"""
Stage = Launch | Callable[[Arrays], None]


class Unrolled(Kernel):
    """Launches and products in turn, over operands, results and the matrix of windows."""

    def __init__(self, stages: Sequence[Stage], scratch: Sequence[Spec]) -> None:
        self.stages = list(stages)
        self.scratch = tuple(scratch)

    def run(self, ins: Arrays, outs: Arrays, scratch: Arrays) -> None:
        """Compute `outs` from `ins`."""
        arrays = (*ins, *outs, *scratch)
        for stage in self.stages:
            if isinstance(stage, Launch):
                library.launch(stage, arrays)
            else:
                stage(arrays)


class Geometry:
    """Images, windows over them and the matrix that the windows make."""

    def __init__(self, function: Any, window: Shape, images: Spec, counts: Shape) -> None:
        self.function = function
        self.window = window
        self.images = images
        self.counts = counts
        count, _, _, channels = images.shape
        self.rows = count * counts[0] * counts[1]
        self.width = window[0] * window[1] * channels
        still = all(p == 0 for both in function.pads for p in both)
        self.pointwise = still and tuple(window) == tuple(function.strides) == (1, 1)

    def table(self, images: Spec) -> Spec:
        """Return the description of the matrix with elements like those of the images."""
        return Spec((self.rows, self.width), images.dtype)

    def launch(self, text: str, table: Spec, places: tuple[int, int], back: bool) -> Launch:
        """Return the launch that lays windows out, or the one that gathers them back."""
        kind = type_of(self.images.dtype)
        read, written = ("", "const ") if back else ("const ", "")
        words: dict[str, Any] = {
            "THREADS": THREADS,
            "TAPS_Y": self.window[0],
            "TAPS_X": self.window[1],
            "STRIDE_Y": self.function.strides[0],
            "STRIDE_X": self.function.strides[1],
            "PAD_Y": self.function.pads[0][0],
            "PAD_X": self.function.pads[1][0],
            "GAP_Y": self.function.dilation[0],
            "GAP_X": self.function.dilation[1],
        }
        for word, value in words.items():
            text = text.replace(word, str(value))
        text = text.replace("<X>", f"<{kind}>")
        text = f"\n  typedef {real_of(table.dtype)} R;{text}" if back else text
        parameters = f"{read}{kind}* images, {written}{type_of(table.dtype)}* table"
        parameters += ", long long total, long long channels, long long rows, long long columns"
        parameters += ", long long high, long long wide"
        name, source = entry("gathered" if back else "laid_out", parameters, text)
        total = self.images.size if back else table.size
        _, rows, columns, channels = self.images.shape
        numbers = longs(total, channels, rows, columns, *self.counts)
        return Launch(source, name, (over(total, THREADS),), (THREADS,), (*places, *numbers))


def product(call: Call, a: Spec, b: Spec, y: Spec) -> Kernel:
    """Return whatever multiplies matrices best on the call's device."""
    made = MatMul() if y.dtype == a.dtype else MatMul(y.dtype)
    return choose(Call(made, (a, b), (y,), call.device))


def multiplied(found: Kernel, call: Call, pick: Callable[[Arrays], tuple[Any, Any, Any]]) -> Stage:
    """Return the stage that multiplies the arrays that `pick` takes."""

    def stage(arrays: Arrays) -> None:
        a, b, y = pick(arrays)
        found.run((a, b), (y,), call.device.scratch(found.scratch) if found.scratch else ())

    return stage


def _taken(call: Call, images: Spec, window: Shape, counts: Shape) -> Geometry | None:
    """Return the geometry, or None where windows cannot be laid out."""
    specs = (*call.ins, *call.outs)
    function: Any = call.function
    if function.groups != 1:
        decline(call, "kernels.cuda: convolutions in groups are not laid out as matrices")
        return None
    if not all(spec.contiguous and spec.size and is_floating(spec.dtype) for spec in specs):
        decline(call, "kernels.cuda: images and filters must lie in row-major order")
        return None
    made = Geometry(function, window, images, counts)
    if not made.pointwise and made.rows * made.width * 4 > MOST_BYTES:
        decline(call, "kernels.cuda: the matrix of windows needs more than a gibibyte")
        return None
    return made


@kernel(Conv2D, on="gpu")
def build(call: Call) -> Kernel | None:
    """Offer a convolution by one product."""
    (x, w), y = call.ins, call.outs[0]
    made = _taken(call, x, w.shape[:2], y.shape[1:3])
    if made is None:
        return None
    table, filters = made.table(x), Spec((made.width, w.shape[3]), w.dtype)
    result = Spec((made.rows, w.shape[3]), y.dtype)
    found = product(call, table, filters, result)
    place = 0 if made.pointwise else 3

    def pick(arrays: Arrays) -> tuple[Any, Any, Any]:
        return (arrays[place].reshape(table.shape), arrays[1].reshape(filters.shape),
                arrays[2].reshape(result.shape))  # fmt: skip

    last = multiplied(found, call, pick)
    if made.pointwise:
        return Unrolled([last], ())
    return Unrolled([made.launch(_LAID_OUT, table, (0, 3), False), last], (table,))


@kernel(Conv2DFilterGrad, on="gpu")
def build_filter_grad(call: Call) -> Kernel | None:
    """Offer the gradient of the filters by one product."""
    (gy, x), gw = call.ins, call.outs[0]
    made = _taken(call, x, gw.shape[:2], gy.shape[1:3])
    if made is None:
        return None
    table, pull = made.table(x), Spec((made.rows, gy.shape[3]), gy.dtype)
    result = Spec((made.width, gy.shape[3]), gw.dtype)
    turned = Spec(table.shape[::-1], table.dtype, contiguous=min(table.shape) == 1)
    found = product(call, turned, pull, result)
    place = 1 if made.pointwise else 3

    def pick(arrays: Arrays) -> tuple[Any, Any, Any]:
        return (arrays[place].reshape(table.shape).T, arrays[0].reshape(pull.shape),
                arrays[2].reshape(result.shape))  # fmt: skip

    last = multiplied(found, call, pick)
    if made.pointwise:
        return Unrolled([last], ())
    return Unrolled([made.launch(_LAID_OUT, table, (1, 3), False), last], (table,))


@kernel(Conv2DInputGrad, on="gpu")
def build_input_grad(call: Call) -> Kernel | None:
    """Offer the gradient of the images by one product, whose results each pixel gathers."""
    (gy, w), gx = call.ins, call.outs[0]
    made = _taken(call, gx, w.shape[:2], gy.shape[1:3])
    if made is None:
        return None
    pull = Spec((made.rows, gy.shape[3]), gy.dtype)
    turned = Spec((w.shape[3], made.width), w.dtype, contiguous=1 in (w.shape[3], made.width))
    wide = gx.dtype if made.pointwise or gx.dtype == float64 else float32
    table = Spec((made.rows, made.width), wide)
    found = product(call, pull, turned, table)
    place = 2 if made.pointwise else 3

    def pick(arrays: Arrays) -> tuple[Any, Any, Any]:
        return (arrays[0].reshape(pull.shape), arrays[1].reshape(turned.shape[::-1]).T,
                arrays[place].reshape(table.shape))  # fmt: skip

    first = multiplied(found, call, pick)
    if made.pointwise:
        return Unrolled([first], ())
    return Unrolled([first, made.launch(_GATHERED, table, (2, 3), True)], (table,))
