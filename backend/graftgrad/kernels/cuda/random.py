"""Random numbers from the counter that lies in device memory: the bits of `ops.philox`, exactly.

A thread scrambles one counter to four words. Real numbers are made in double precision, as the
reference bodies do, so uniform numbers, truth values and whole numbers are the same everywhere; the
normal ones differ by what logarithm and cosine differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...kernel import Call, Kernel, kernel
from ...ops.random import (
    Advance,
    Bernoulli,
    Dropout,
    Integers,
    Masked,
    Normal,
    Uniform,
    kept_scale,
)
from ...spec import Spec, bfloat16, float16, float32, float64
from ..native.geometry import row_major
from .elementwise import applied, body, launch
from .geometry import collapsed, stretched
from .launches import THREADS, Launch, Lie, over
from .packed import Packed, entry, longs
from .prelude import TYPES, type_of
from .translate import Value, Writer, literal

DIGITS = {float64: 53, float32: 24, float16: 11, bfloat16: 8}

# Ten rounds of Philox4x32 on the counter (block, 0, draw, 0) under the key (seed, 0).
PHILOX = """
  const long long block = (long long)blockIdx.x * THREADS + threadIdx.x;
  if (block * EACH >= total) return;
  unsigned int w0 = (unsigned int)block, w1 = 0, w2 = state[1], w3 = 0, k0 = state[0], k1 = 0;
  for (int round = 0; round < 10; ++round) {
    const unsigned int a = __umulhi(0xD2511F53u, w0), b = 0xD2511F53u * w0;
    const unsigned int c = __umulhi(0xCD9E8D57u, w2), d = 0xCD9E8D57u * w2;
    w0 = c ^ w1 ^ k0; w1 = d; w2 = a ^ w3 ^ k1; w3 = b;
    k0 += 0x9E3779B9u; k1 += 0xBB67AE85u;
  }
  const unsigned int word[4] = {w0, w1, w2, w3};
  auto unit = [&](int i) -> double { return UNIT; };
"""


def units(bits: int) -> tuple[str, int]:
    """Return how number i of a block is made of its words, and how many numbers there are."""
    if bits > 32:
        return ("((word[2 * i] >> 5) * 67108864.0 + (word[2 * i + 1] >> 6)) * "
                f"{literal(2.0**-53, 'double')}"), 2  # fmt: skip
    return f"(word[i] >> {32 - bits}) * {literal(2.0**-bits, 'double')}", 4


class Drawn(Packed):
    """Numbers of a shape from a state: one launch."""

    def __init__(self, call: Call, bits: int, value: str, pairs: bool = False) -> None:
        super().__init__(call)
        self.bits = bits
        self.value = value
        self.pairs = pairs

    def rows(self, places: Sequence[int]) -> list[Launch]:
        """Return the launch."""
        return [drawn(self.call.outs[0], self.bits, self.value, (places[0], places[1]), self.pairs)]


def drawn(
    spec: Spec, bits: int, value: str, places: tuple[int, int], pairs: bool = False
) -> Launch:
    """Return the launch that fills an array.

    Args:
        spec: the array.
        bits: of a number.
        value: what is made of `u`, the number between 0 and 1, or of a pair of them, `u` and `v`,
            from which two come: the second with sine in place of cosine.
        places: the numbers of the state and of the array.
        pairs: whether they come in pairs.
    """
    unit, each = units(bits)
    kind = type_of(spec.dtype)
    text = PHILOX.replace("THREADS", str(THREADS)).replace("EACH", str(each))
    text = text.replace("UNIT", unit)
    first = "const double u = unit(i - i % 2), v = unit(i - i % 2 + 1);" if pairs else ""
    first = first or "const double u = unit(i);"
    text = f"""{text}
  for (int i = 0; i < {each} && block * {each} + i < total; ++i) {{
    {first}
    y[block * {each} + i] = narrow<{kind}>({value});
  }}
"""
    parameters = f"const unsigned int* state, {kind}* y, long long total"
    name, source = entry("drawn", parameters, text)
    grid = (over(over(spec.size, each), THREADS),)
    return Launch(source, name, grid, (THREADS,), (*places, *longs(spec.size)), fmad=False)


def _offered(call: Call, bits: int, value: str, pairs: bool = False) -> Kernel | None:
    y = call.outs[0]
    return Drawn(call, bits, value, pairs) if y.size and y.dtype in TYPES else None


@kernel(Uniform, on="gpu")
def build_uniform(call: Call) -> Kernel | None:
    """Offer a kernel for evenly spread numbers."""
    assert isinstance(call.function, Uniform)
    made = call.function
    width, low = literal(made.high - made.low, "double"), literal(made.low, "double")
    return _offered(call, DIGITS.get(made.dtype, 32), f"u * {width} + {low}")


@kernel(Normal, on="gpu")
def build_normal(call: Call) -> Kernel | None:
    """Offer a kernel for normally distributed numbers."""
    assert isinstance(call.function, Normal)
    made = call.function
    turn = literal(2 * math.pi, "double")
    value = (
        f"(sqrt(-2.0 * log(1.0 - u)) * (i % 2 ? sin({turn} * v) : cos({turn} * v))) * "
        f"{literal(made.deviation, 'double')} + {literal(made.mean, 'double')}"
    )
    return _offered(call, 53 if made.dtype == float64 else 32, value, pairs=True)


@kernel(Integers, on="gpu")
def build_integers(call: Call) -> Kernel | None:
    """Offer a kernel for whole numbers."""
    assert isinstance(call.function, Integers)
    made = call.function
    value = f"(long long)floor(u * {literal(made.high - made.low, 'double')}) + ({made.low}LL)"
    return _offered(call, 53, value)


@kernel(Bernoulli, on="gpu")
def build_bernoulli(call: Call) -> Kernel | None:
    """Offer a kernel for 1 with a probability."""
    assert isinstance(call.function, Bernoulli)
    share = literal(call.function.probability, "double")
    return _offered(call, 32, f"(u < {share} ? 1 : 0)")


class Dropped(Packed):
    """Dropout: the mask from the counter, then what it leaves of x."""

    def made(self, places: Sequence[int], lie: Sequence[Lie]) -> list[Launch]:
        """Return two launches."""
        function: Any = self.call.function
        (x, _), (y, mask) = self.call.ins, self.call.outs
        share = literal(function.rate, "double")
        made = drawn(mask, 32, f"u >= {share}", (places[1], places[3]))
        masked = Masked(kept_scale(function.rate))

        def write(writer: Writer, operands: Sequence[Value]) -> dict[int, Value]:
            return {2: applied(writer, masked, operands)}

        specs = (x.like(), mask, y)
        text = body(specs, 2, (2,), write)
        steps = [stretched(one.shape, row_major(one.shape, 1), y.shape) or () for one in specs]
        walk = collapsed(y.shape, steps)
        copied = places[0] != 0
        aligned = (copied or lie[0].aligned, lie[3].aligned, lie[2].aligned)
        arrays = (places[0], places[3], places[2])
        return [made, launch(text, specs, (2,), walk, aligned, arrays)]


@kernel(Dropout, on="gpu")
def build_dropout(call: Call) -> Kernel | None:
    """Offer kernels for dropout."""
    x = call.ins[0]
    return Dropped(call) if x.size and x.dtype in TYPES else None


class Advanced(Packed):
    """The next draw of the same seed."""

    def rows(self, places: Sequence[int]) -> list[Launch]:
        """Return the launch of one thread."""
        name, source = entry("advance", "unsigned int* state", "\n  state[1] += 1u;\n")
        return [Launch(source, name, (1,), (1,), (places[0],))]


@kernel(Advance, on="gpu")
def build_advance(call: Call) -> Kernel | None:
    """Offer a kernel that steps to the next draw."""
    return Advanced(call) if call.ins[0].contiguous else None
