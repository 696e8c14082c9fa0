"""Batch, group and layer norm, forwards and backwards, with the same bits every time.

Batch norm is group norm of one sample whose groups are the channels. cuDNN may be asked first where
it has a plan; these kernels take every shape.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...kernel import Call, Kernel, kernel
from ...ops.fused_norm import BatchNormReLU, BatchNormReLUGrad
from ...ops.norm import BatchNorm, BatchNormGrad, BatchNormInference, GroupNorm, GroupNormGrad
from ...ops.sample_norm import LayerNorm, LayerNormGrad
from ...spec import Spec, float64, is_floating
from .columns import (
    TOLD,
    Table,
    moments,
    moments_of_parts,
    over_groups,
    over_samples,
    products,
    products_of_parts,
)
from .launches import MOST_BLOCKS_ACROSS, THREADS, Launch, over
from .packed import Packed, entry, fits, pointers
from .prelude import type_of
from .rows import row_launch
from .translate import literal

BITS = 8  # elements that a thread computes: their mask is a byte


class Norm(Packed):
    """A body of several launches over a table."""

    def __init__(self, call: Call, table: Table, scratch: Sequence[int]) -> None:
        self.table = table
        wide = call.ins[-2 if isinstance(call.function, BatchNormReLUGrad) else -1].dtype
        super().__init__(call, [Spec((size,), wide) for size in scratch])


def table_of(call: Call, x: Spec, samples: int, groups: int) -> Table | None:
    """Return how x lies, or None where element types do not fit."""
    specs = (*call.ins, *call.outs)
    if not fits(call) or samples > MOST_BLOCKS_ACROSS:
        return None
    wide = "double" if any(spec.dtype == float64 for spec in specs) else "float"
    fine = call.ins[1 if not call.function.name.endswith("Grad") else 2].dtype
    if not is_floating(x.dtype) or type_of(fine) != wide:
        return None
    channels = x.shape[-1]
    return Table(samples, x.size // channels // samples, channels, groups, wide)


def standardise(
    table: Table,
    x: str,
    y: str,
    places: Sequence[int],
    rectified: bool = False,
    scale: str = "inverse_std[g]",
) -> Launch:
    """Return the launch that writes (x − mean) · (gamma · scale) + beta, rectified if asked.

    `places` are the numbers of x, the means, the inverse deviations, gamma, beta, y and, where the
    result is rectified, its mask.
    """
    bits = "if (v > 0) mark |= 1 << k; else if (v == v) v = 0;" if rectified else ""
    text = f"""
  typedef {table.real} R;
  const long long first = ((long long)blockIdx.x * {THREADS} + threadIdx.x) * {BITS};
  const long long total = samples * rows * channels, each = channels / groups;
  if (first >= total) return;
  long long c = first % channels, n = first / channels / rows;
  {"unsigned char mark = 0;" if rectified else ""}
  #pragma unroll
  for (int k = 0; k < {BITS}; ++k) {{
    const long long at = first + k;
    if (at < total) {{
      const long long g = n * groups + c / each;
      R v = ((R)widen(x[at]) - mean[g]) * (gamma[c] * ({scale})) + beta[c];
      {bits}
      y[at] = narrow<{y}>(v);
    }}
    if (++c == channels) {{ c = 0; n = (at + 1) / channels / rows; }}
  }}
  {"mask[first / 8] = mark;" if rectified else ""}
"""
    real = table.real
    parameters = f"const {x}* x, const {real}* mean, const {real}* inverse_std"
    parameters += f", const {real}* gamma, const {real}* beta, {y}* y"
    parameters += ", unsigned char* mask" if rectified else ""
    name, source = entry("standardise", f"{parameters}, {TOLD}", text)
    total = table.samples * table.rows * table.channels
    grid = (over(over(total, BITS), THREADS),)
    return Launch(source, name, grid, (THREADS,), (*places, *table.numbers))


class Forward(Norm):
    """Statistics, then what they make of x."""

    def rows(self, places: Sequence[int]) -> list[Launch]:
        """Return three launches."""
        function: Any = self.call.function
        x, gamma, beta = places[:3]
        left = places[self.first]
        table = self.table
        kind = type_of(self.call.ins[0].dtype)
        epsilon = literal(function.epsilon, table.real)
        if isinstance(function, GroupNorm):
            y, mean, scale = places[3:6]
            joined, rest = moments(table, epsilon, (left, mean, scale)), []
        else:
            y, mean, variance, scale, *rest = places[3 : self.first]
            joined = moments(table, epsilon, (left, mean, scale, variance))
        written = [x, mean, scale, gamma, beta, y, *rest]
        return [
            moments_of_parts(table, kind, (x, left)),
            joined,
            standardise(table, kind, kind, written, bool(rest)),
        ]


class Backward(Norm):
    """Sums by columns, then what they make of gy and x."""

    def rows(self, places: Sequence[int]) -> list[Launch]:
        """Return three launches, or five where there are several samples or wide groups."""
        gy, x, gamma, mean, scale, *mask = places[: len(self.call.ins)]
        gx, ggamma, gbeta = places[len(self.call.ins) : self.first]
        table, real = self.table, self.table.real
        kinds = [type_of(self.call.ins[i].dtype) for i in (0, 1)]
        left, *rest = places[self.first : self.first + len(self.own)]
        parameters = f"const {kinds[0]}* gy, const {kinds[1]}* x, const {real}* mean"
        pull = "(R)widen(gy[at])"
        if mask:
            parameters += ", const unsigned char* mask"
            pull = f"(mask[at / 8] >> (at % 8) & 1 ? {pull} : (R)0)"
        made = [
            products_of_parts(table, f"{parameters}, {real}* left", pull,
                              "(R)widen(x[at]) - mean[group]", (gy, x, mean, *mask, left)),
        ]  # fmt: skip
        if not rest:
            made.append(products(table, True, (left, scale, gbeta, ggamma)))
            flat, tilt = gbeta, ggamma
        else:
            total, along, flat, tilt = rest
            made.append(products(table, True, (left, scale, total, along)))
            made.append(over_samples(table, (total, along, gbeta, ggamma)))
            made.append(over_groups(table, (gamma, total, along, flat, tilt)))
        numbers = (gy, x, mean, *mask, scale, gamma, flat, tilt, gx)
        made.append(self._combined(parameters, pull, not rest, numbers))
        return made

    def _combined(self, parameters: str, pull: str, single: bool, places: Sequence[int]) -> Launch:
        """Return the launch that writes s · (gamma · gy − ⟨gamma · gy⟩ − x̂ · ⟨gamma · gy · x̂⟩)."""
        table, real = self.table, self.table.real
        share = "gamma[c] / (R)rows * " if single else ""
        kind = type_of(self.call.outs[0].dtype)
        text = f"""
  typedef {real} R;
  const long long first = ((long long)blockIdx.x * {THREADS} + threadIdx.x) * {BITS};
  const long long total = samples * rows * channels, each = channels / groups;
  if (first >= total) return;
  long long c = first % channels, n = first / channels / rows;
  #pragma unroll
  for (int k = 0; k < {BITS}; ++k) {{
    const long long at = first + k;
    if (at < total) {{
      const long long group = n * groups + c / each;
      const R s = inverse_std[group], flat = {share}flat_of[group], tilt = {share}tilt_of[group];
      const R hat = ((R)widen(x[at]) - mean[group]) * s;
      gx[at] = narrow<{kind}>(s * (gamma[c] * {pull} - flat - hat * tilt));
    }}
    if (++c == channels) {{ c = 0; n = (at + 1) / channels / rows; }}
  }}
"""
        parameters += f", const {real}* inverse_std, const {real}* gamma, const {real}* flat_of"
        parameters += f", const {real}* tilt_of, {kind}* gx, {TOLD}"
        name, source = entry("combine", parameters, text)
        total = table.samples * table.rows * table.channels
        grid = (over(over(total, BITS), THREADS),)
        return Launch(source, name, grid, (THREADS,), (*places, *table.numbers))


def _forward(call: Call, samples: int, groups: int) -> Kernel | None:
    table = table_of(call, call.ins[0], samples, groups)
    return None if table is None else Forward(call, table, (table.partial,))


def _backward(call: Call, samples: int, groups: int) -> Kernel | None:
    x = call.ins[1]
    table = table_of(call, x, samples, groups)
    if table is None:
        return None
    each = samples * table.channels
    single = samples == 1 and groups == table.channels
    rest = () if single else (each, each, samples * groups, samples * groups)
    return Backward(call, table, (table.partial, *rest))


@kernel(BatchNorm, on="gpu")
@kernel(BatchNormReLU, on="gpu")
def build_batch_norm(call: Call) -> Kernel | None:
    """Offer kernels for batch norm of a training step, with or without a rectifier."""
    return _forward(call, 1, call.ins[0].shape[-1])


@kernel(BatchNormGrad, on="gpu")
@kernel(BatchNormReLUGrad, on="gpu")
def build_batch_norm_grad(call: Call) -> Kernel | None:
    """Offer kernels for its gradients."""
    return _backward(call, 1, call.ins[1].shape[-1])


@kernel(GroupNorm, on="gpu")
def build_group_norm(call: Call) -> Kernel | None:
    """Offer kernels for group norm."""
    assert isinstance(call.function, GroupNorm)
    return _forward(call, call.ins[0].shape[0], call.function.groups)


@kernel(GroupNormGrad, on="gpu")
def build_group_norm_grad(call: Call) -> Kernel | None:
    """Offer kernels for its gradients."""
    assert isinstance(call.function, GroupNormGrad)
    return _backward(call, call.ins[1].shape[0], call.function.groups)


class Inference(Norm):
    """Batch norm with statistics that are given: one launch."""

    def rows(self, places: Sequence[int]) -> list[Launch]:
        """Return the launch."""
        function: Any = self.call.function
        x, mean, variance, gamma, beta, y = places[:6]
        table = self.table
        kind = type_of(self.call.ins[0].dtype)
        scale = f"(R)1 / f_sqrt(inverse_std[g] + {literal(function.epsilon, table.real)})"
        arrays = (x, mean, variance, gamma, beta, y)
        return [standardise(table, kind, kind, arrays, scale=scale)]


@kernel(BatchNormInference, on="gpu")
def build_batch_norm_inference(call: Call) -> Kernel | None:
    """Offer a kernel for batch norm with given statistics."""
    table = table_of(call, call.ins[0], 1, call.ins[0].shape[-1])
    return None if table is None else Inference(call, table, ())


_LAYER_NORM = """
  R middle = 0;
  if (CENTRED) {
    each(k, i) middle += (R)widen(x[i]);
    middle = sum(middle) / (R)width;
  }
  R square = 0;
  each(k, i) {
    const R v = (R)widen(x[i]) - middle;
    square += v * v;
  }
  const R scale = (R)1 / f_sqrt(sum(square) / (R)width + EPSILON);
  if (live) {
    each(k, i) {
      R v = ((R)widen(x[i]) - middle) * scale * gamma[k];
      if (CENTRED) v += beta[k];
      y[i] = narrow<Y>(v);
    }
    if (lane == 0) { mean[row] = middle; inverse_std[row] = scale; }
  }
"""
_LAYER_NORM_GRAD = """
  const R middle = mean[row], scale = inverse_std[row];
  R flat = 0, tilt = 0;
  each(k, i) {
    const R g = (R)widen(gy[i]) * gamma[k];
    flat += g;
    tilt += g * ((R)widen(x[i]) - middle) * scale;
  }
  flat = CENTRED ? sum(flat) / (R)width : (R)0;
  tilt = sum(tilt) / (R)width;
  if (live) each(k, i) {
    const R g = (R)widen(gy[i]) * gamma[k];
    const R hat = ((R)widen(x[i]) - middle) * scale;
    gx[i] = narrow<Y>((g - flat - hat * tilt) * scale);
  }
"""


class Layer(Packed):
    """Layer norm or its gradient: a row is normalised by itself."""

    def __init__(self, call: Call, table: Table, scratch: Sequence[Spec]) -> None:
        super().__init__(call, scratch)
        self.table = table

    def rows(self, places: Sequence[int]) -> list[Launch]:
        """Return one launch over rows, and two over columns for the gradients of gamma and beta."""
        function: Any = self.call.function
        table, real = self.table, self.table.real
        specs = (*self.call.ins, *self.call.outs)
        centred = "true" if function.centred else "false"
        if isinstance(function, LayerNorm):
            text = _LAYER_NORM.replace("EPSILON", literal(function.epsilon, real))
            named = ("x", "gamma", "beta", "y", "mean", "inverse_std")
            result, kept = 3, 6
        else:
            text = _LAYER_NORM_GRAD
            named = ("gy", "x", "gamma", "mean", "inverse_std", "gx")
            result, kept = 5, 6
        text = text.replace("CENTRED", centred)
        text = text.replace("<Y>", f"<{type_of(specs[result].dtype)}>")
        parameters = pointers(specs[:kept], named, len(self.call.ins))
        made = [row_launch(type(function).__name__, parameters, text, table.rows, table.channels,
                           places[:kept], real)]  # fmt: skip
        if isinstance(function, LayerNorm):
            return made
        gy, x, _, mean, scale, _, ggamma, gbeta, left = places[:9]
        kinds = [type_of(spec.dtype) for spec in specs[:2]]
        parameters = f"const {kinds[0]}* gy, const {kinds[1]}* x, const {real}* mean"
        parameters += f", const {real}* inverse_std, {real}* left"
        hat = "((R)widen(x[at]) - mean[row]) * inverse_std[row]"
        made.append(products_of_parts(table, parameters, "(R)widen(gy[at])", hat,
                                      (gy, x, mean, scale, left)))  # fmt: skip
        made.append(products(table, False, (left, gbeta, ggamma)))
        return made


def _layered(call: Call, x: Spec, gamma: Spec) -> Table | None:
    width = math.prod(gamma.shape)
    return table_of(call, x.shaped(x.size // width, width) if width else x, 1, 1)


@kernel(LayerNorm, on="gpu")
def build_layer_norm(call: Call) -> Kernel | None:
    """Offer a kernel for layer norm and root mean square norm."""
    table = _layered(call, call.ins[0], call.ins[1])
    return None if table is None else Layer(call, table, ())


@kernel(LayerNormGrad, on="gpu")
def build_layer_norm_grad(call: Call) -> Kernel | None:
    """Offer kernels for the gradients of layer norm."""
    table = _layered(call, call.ins[1], call.ins[2])
    if table is None:
        return None
    return Layer(call, table, (Spec((table.partial,), call.ins[2].dtype),))
