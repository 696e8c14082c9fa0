"""Long short-term memory and its gradient: one launch walks through all steps.

Samples do not meet in a recurrent network: a block takes one, holds its states, and waits for
nobody else. A thread computes one column of the gates. What all steps have in common, the products
with the kernel of the inputs and those over all steps, are products by a library before and after.
Wide networks are left to one product for each step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ...kernel import Arrays, Call, Kernel, choose, decline, kernel
from ...ops.lstm import LSTM, LSTMGrad
from ...ops.reduce import Sum
from ...spec import Spec, float32, float64, is_floating
from .conv import Stage, Unrolled, multiplied, product
from .launches import Launch, int64
from .packed import entry
from .prelude import type_of

SMALL = 64  # units whose recurrent kernel the first cache holds
MOST = 128  # units of a network, four threads for each
FEW = 256  # samples that may read a recurrent kernel from the second cache

_FORWARD = """
  typedef REAL R;
  __shared__ R state[UNITS];
  __shared__ R taken[WIDTH];
  const int j = threadIdx.x;
  const long long n = blockIdx.x;
  const bool owner = j < UNITS;
  R cell = 0;
  if (owner) { state[j] = h[n * UNITS + j]; cell = c[n * UNITS + j]; }
  __syncthreads();
  for (long long place = 0; place < steps; ++place) {
    const long long t = REVERSE ? steps - 1 - place : place;
    const long long row = t * samples + n, at = n * steps + t;
    R v = gates[row * WIDTH + j] + b[j];
    #pragma unroll 8
    for (int k = 0; k < UNITS; ++k) v += state[k] * r[k * WIDTH + j];
    v = j / UNITS == 2 ? f_tanh(v) : (R)1 / ((R)1 + f_exp(-v));
    gates[row * WIDTH + j] = v;
    taken[j] = v;
    __syncthreads();
    if (owner) {
      R next = taken[UNITS + j] * cell + taken[j] * taken[2 * UNITS + j];
      R out = taken[3 * UNITS + j] * f_tanh(next);
      if (!(KEPT)) { next = cell; out = state[j]; }
      cells[row * UNITS + j] = next;
      y[at * UNITS + j] = out;
      cell = next;
      state[j] = out;
    }
    __syncthreads();
  }
  if (owner) { hn[n * UNITS + j] = state[j]; cn[n * UNITS + j] = cell; }
"""
# Leaves the slopes of the gates and the state that each step began with, samples first.
_BACKWARD = """
  typedef REAL R;
  __shared__ R slope[WIDTH];
  __shared__ R part[WIDTH];
  const int j = threadIdx.x, unit = j % UNITS, first = j / UNITS * UNITS;
  const long long n = blockIdx.x;
  const bool owner = j < UNITS;
  R dh = 0, dc = 0;
  if (owner) { dh = ghn[n * UNITS + j]; dc = gcn[n * UNITS + j]; }
  for (long long place = steps - 1; place >= 0; --place) {
    const long long t = REVERSE ? steps - 1 - place : place, past = REVERSE ? t + 1 : t - 1;
    const long long row = t * samples + n, at = n * steps + t;
    const bool kept = KEPT;
    if (owner) {
      const R* own = gates + row * WIDTH + j;
      const R i = own[0], f = own[UNITS], g = own[2 * UNITS], o = own[3 * UNITS];
      const R held = place ? cells[(past * samples + n) * UNITS + j] : c[n * UNITS + j];
      before[at * UNITS + j] = place ? y[(n * steps + past) * UNITS + j] : h[n * UNITS + j];
      dh += gy[at * UNITS + j];
      const R bent = f_tanh(cells[row * UNITS + j]), whole = dc + dh * o * (1 - bent * bent);
      slope[j] = kept ? whole * g * (i * (1 - i)) : (R)0;
      slope[UNITS + j] = kept ? whole * held * (f * (1 - f)) : (R)0;
      slope[2 * UNITS + j] = kept ? whole * i * (1 - g * g) : (R)0;
      slope[3 * UNITS + j] = kept ? dh * bent * (o * (1 - o)) : (R)0;
      if (kept) dc = whole * f;
    }
    __syncthreads();
    slopes[at * WIDTH + j] = slope[j];
    R sum = 0;
    #pragma unroll 8
    for (int k = 0; k < UNITS; ++k) sum += slope[first + k] * turned[(first + k) * UNITS + unit];
    part[j] = sum;
    __syncthreads();
    if (owner && kept) dh = part[j] + part[UNITS + j] + part[2 * UNITS + j] + part[3 * UNITS + j];
  }
  if (owner) { gh[n * UNITS + j] = dh; gc[n * UNITS + j] = dc; }
"""
_TURNED = """
  const int j = threadIdx.x;
  turned[j * UNITS + blockIdx.x] = r[blockIdx.x * WIDTH + j];
"""


class Walk:
    """The launches of a network: its operands in row-major order, its numbers in a text."""

    def __init__(self, call: Call, units: int, samples: int, steps: int, reverse: bool) -> None:
        self.call = call
        self.units, self.samples, self.steps, self.reverse = units, samples, steps, reverse
        self.real = type_of(call.outs[0].dtype)
        self.first = len(call.ins) + len(call.outs)
        self.places = list(range(self.first))
        self.scratch: list[Spec] = []
        self.stages: list[Stage] = []
        for i, spec in enumerate(call.ins):
            if not spec.contiguous:  # it is copied into working space
                self.places[i] = self.room(spec.like())
                self.stages.append(partial(_copied, i, self.places[i]))

    def room(self, spec: Spec) -> int:
        """Return the number of an array of working space."""
        self.scratch.append(spec)
        return self.first + len(self.scratch) - 1

    def launch(
        self, name: str, text: str, arrays: Sequence[tuple[str, int]], mask: int, blocks: int
    ) -> Launch:
        """Return a launch of a block of threads for each column of the gates.

        Args:
            name: of the entry.
            text: its body.
            arrays: names and numbers of its arrays of real numbers.
            mask: the number of the mask, 0 where there is none.
            blocks: how many.
        """
        width = 4 * self.units
        masked = [("mask", mask)] if mask else []
        parameters = ", ".join([f"{self.real}* {word}" for word, _ in arrays]
                               + [f"const bool* {word}" for word, _ in masked])  # fmt: skip
        words = {
            "REAL": self.real, "UNITS": str(self.units), "WIDTH": str(width),
            "REVERSE": "true" if self.reverse else "false", "KEPT": "mask[at]" if mask else "true",
        }  # fmt: skip
        for word, value in words.items():
            text = text.replace(word, value)
        text += "  (void)samples; (void)steps;\n"
        signature = f"{parameters}, long long samples, long long steps"
        whole, source = entry(name, signature, text, width)
        numbers = (int64(self.samples), int64(self.steps))
        places = [self.places[place] if place < self.first else place
                  for _, place in (*arrays, *masked)]  # fmt: skip
        return Launch(source, whole, (blocks,), (width,), (*places, *numbers))

    def product(
        self, a: Spec, b: Spec, y: Spec, pick: Callable[[Arrays], tuple[Any, Any, Any]]
    ) -> Stage:
        """Return the stage that multiplies the matrices that `pick` takes."""
        return multiplied(product(self.call, a, b, y), self.call, pick)


def _copied(source: int, target: int, arrays: Arrays) -> None:
    arrays[target][...] = arrays[source]


def _fits(call: Call, units: int, samples: int) -> bool:
    """Tell whether a kernel can walk through the steps; where not, say why."""
    specs = [spec for spec in (*call.ins, *call.outs) if is_floating(spec.dtype)]
    if any(spec.dtype not in (float32, float64) for spec in specs):
        decline(call, "kernels.cuda: recurrent networks are computed in float32 and float64 alone")
        return False
    if units > MOST or (units > SMALL and samples > FEW):
        decline(call, "kernels.cuda: so many units are computed by a product for each step")
        return False
    return True


@kernel(LSTM, on="gpu")
def build(call: Call) -> Kernel | None:
    """Offer one launch for all steps behind one product."""
    function: Any = call.function
    x, h, _, w, _, _, mask = call.ins
    (samples, steps, features), units = x.shape, h.shape[1]
    if not (_fits(call, units, samples) and x.size):
        return None
    walk = Walk(call, units, samples, steps, function.reverse)
    turned = Spec((steps, samples, features), x.dtype, 1 in (samples, steps))
    at, kernel_of, result = walk.places[0], walk.places[3], len(call.ins) + 3

    def pick(arrays: Arrays) -> tuple[Any, Any, Any]:
        return arrays[at].transpose(1, 0, 2), arrays[kernel_of], arrays[result]

    walk.stages.append(walk.product(turned, w.like(), call.outs[3], pick))
    named = ("h", 1), ("c", 2), ("r", 4), ("b", 5), ("y", 7), ("hn", 8), ("cn", 9)
    arrays = (*named, ("gates", 10), ("cells", 11))
    masked = 6 if mask.ndim == 2 else 0
    walk.stages.append(walk.launch("lstm", _FORWARD, arrays, masked, samples))
    return Unrolled(walk.stages, walk.scratch)


@kernel(LSTMGrad, on="gpu")
def build_grad(call: Call) -> Kernel | None:
    """Offer one launch for all steps, then a product for each kernel."""
    function: Any = call.function
    x, h, w, r, mask = (call.ins[i] for i in (3, 4, 6, 7, 8))
    gx, gw, gr, gb = (call.outs[i] for i in (0, 3, 4, 5))
    (samples, steps, features), units = x.shape, h.shape[1]
    if not (_fits(call, units, samples) and x.size):
        return None
    walk = Walk(call, units, samples, steps, function.reverse)
    many, width = samples * steps, 4 * units
    rows, states = Spec((many, width), x.dtype), Spec((many, units), x.dtype)
    turned, slopes, before = (
        walk.room(one) for one in (Spec((width, units), r.dtype), rows, states)
    )
    outs = len(call.ins)
    walk.stages.append(walk.launch("turned", _TURNED, (("r", 7), ("turned", turned)), 0, units))
    named = ("gy", 0), ("ghn", 1), ("gcn", 2), ("h", 4), ("c", 5), ("y", 9), ("gates", 10)
    arrays = (*named, ("cells", 11), ("turned", turned), ("slopes", slopes), ("before", before),
              ("gh", outs + 1), ("gc", outs + 2))  # fmt: skip
    masked = 8 if mask.ndim == 2 else 0
    walk.stages.append(walk.launch("lstm_grad", _BACKWARD, arrays, masked, samples))
    inputs, kernel_of = walk.places[3], walk.places[6]
    if function.of_x:
        back = Spec((width, features), w.dtype, 1 in w.shape)
        walk.stages.append(walk.product(rows, back, gx.shaped(many, features), lambda arrays: (
            arrays[slopes], arrays[kernel_of].T, arrays[outs].reshape(many, features)
        )))  # fmt: skip
    for given, spec, result, place in (
        (inputs, x.shaped(many, features), gw, outs + 3), (before, states, gr, outs + 4)
    ):  # fmt: skip
        flat = Spec(spec.shape[::-1], spec.dtype, 1 in spec.shape)
        walk.stages.append(walk.product(flat, rows, result, partial(_picked, given, spec.shape,
                                                                    slopes, place)))  # fmt: skip
    found = choose(Call(Sum((0,)), (rows,), (gb,), call.device))

    def total(arrays: Arrays) -> None:
        room = call.device.scratch(found.scratch) if found.scratch else ()
        found.run((arrays[slopes],), (arrays[outs + 5],), room)

    walk.stages.append(total)
    return Unrolled(walk.stages, walk.scratch)


def _picked(
    given: int, shape: tuple[int, ...], slopes: int, result: int, arrays: Arrays
) -> tuple[Any, Any, Any]:
    return arrays[given].reshape(shape).T, arrays[slopes], arrays[result]
