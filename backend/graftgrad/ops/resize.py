"""Sequences, images and volumes brought to another size.

`upsample` repeats places, `resize` is that of Keras and JAX, `interpolate` that of PyTorch: they
differ in where places lie, in the cubic filter, and in what is beyond the edge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, expect
from ..spec import Shape, several
from .operand import cast, floating
from .resample import Resample, Sampling
from .shape import broadcast_to, reshape
from .window import BATCHES

if TYPE_CHECKING:
    from ..tensor import Tensor

FILTERS = {"nearest": "nearest", "bilinear": "linear", "trilinear": "linear", "linear": "linear",
           "bicubic": "cubic", "cubic": "cubic", "lanczos3": "lanczos3", "lanczos5": "lanczos5",
           "area": "area"}  # fmt: skip
MODES = {"nearest": "floor", "nearest-exact": "nearest", "linear": "linear", "bilinear": "linear",
         "trilinear": "linear", "bicubic": "cubic", "area": "area"}  # fmt: skip
KEYS, PYTORCH_CUBIC = -0.5, -0.75  # slopes of the cubic filters at 1


def upsample1d(x: Tensor, size: int | Sequence[int] = 2) -> Tensor:
    """Repeat every step: y[n, t, c] = x[n, ⌊t / a⌋, c] (nearest neighbour).

    Shapes: (N, T, C) -> (N, a·T, C), a = size.

    Raises:
        ShapeError: x is no batch of sequences, or `size` is not positive.
    """
    return _repeated("upsample1d", x, size, 1)


def upsample2d(x: Tensor, size: int | Sequence[int] = 2) -> Tensor:
    """Repeat every pixel: y[n, i, j, c] = x[n, ⌊i / a⌋, ⌊j / b⌋, c] (nearest neighbour).

    Shapes: (N, H, W, C) -> (N, a·H, b·W, C), (a, b) = size.

    Raises:
        ShapeError: x is no batch of images, or `size` is not positive.
    """
    return _repeated("upsample2d", x, size, 2)


def upsample3d(x: Tensor, size: int | Sequence[int] = 2) -> Tensor:
    """Repeat every element: y[n, i, j, k, c] = x[n, ⌊i / a⌋, ⌊j / b⌋, ⌊k / e⌋, c].

    Shapes: (N, D, H, W, C) -> (N, a·D, b·H, e·W, C), (a, b, e) = size.

    Raises:
        ShapeError: x is no batch of volumes, or `size` is not positive.
    """
    return _repeated("upsample3d", x, size, 3)


def _repeated(subject: str, x: Tensor, size: int | Sequence[int], rank: int) -> Tensor:
    expect(x.ndim == rank + 2, subject, f"x must be {BATCHES[rank]}", x=x.spec)
    times = several(f"{subject} size", size, rank)
    expect(min(times) > 0, subject, "size must be at least 1", size=size)
    n, c = x.shape[0], x.shape[-1]
    narrow, wide, joined = [n], [n], [n]
    for length, often in zip(x.shape[1:-1], times, strict=True):
        narrow += [length, 1]
        wide += [length, often]
        joined.append(length * often)
    repeated = broadcast_to(reshape(x, (*narrow, c)), (*wide, c))
    return reshape(repeated, (*joined, c))


def resize(
    x: Tensor,
    size: int | Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
) -> Tensor:
    """Bring sequences, images or volumes to a size, as Keras and JAX do.

    Places are areas: the centre of place i of n lies at (i + ½) / n. Places beyond the edge do not
    count; the weights of the others are stretched to the sum 1.

    Args:
        x: (N, T, C), (N, H, W, C) or (N, D, H, W, C).
        size: how many places along each axis between batch and channels; one number for all.
        interpolation: "nearest"; "bilinear" (also "linear", "trilinear"); "bicubic" (Keys 1981,
            a = −½); "lanczos3", "lanczos5"; or "area", the mean of what a place covers.
        antialias: whether filters are stretched along axes that become shorter, so that every
            old place counts.
    Returns:
        x with the axes between batch and channels of these sizes; integers stay integers only
        with "nearest", else they become real numbers.
    Raises:
        ShapeError: x has no such axes, or a size is not positive.
        ConfigError: there is no such interpolation.
    """
    expect(interpolation in FILTERS, "resize",
           "interpolation must be one of " + ", ".join(FILTERS), error=ConfigError,
           interpolation=interpolation)  # fmt: skip
    wanted = _sizes("resize", x, size)
    rule = FILTERS[interpolation]
    samplings = [
        Sampling(before, after, rule, antialias and rule not in ("nearest", "area"))
        for before, after in zip(x.shape[1:-1], wanted, strict=True)
    ]
    return _resampled(x, samplings)


def interpolate(
    x: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool = False,
    recompute_scale_factor: bool = False,
    antialias: bool = False,
) -> Tensor:
    """Bring sequences, images or volumes to a size, as PyTorch does.

    Args:
        x: (N, T, C), (N, H, W, C) or (N, D, H, W, C).
        size: how many places along each axis between batch and channels; one number for all.
        scale_factor: how many times as many; in place of `size`.
        mode: "nearest" counts from the corner, "nearest-exact" from centres; "linear", "bilinear",
            "trilinear" according to the axes; "bicubic" (images, a = −¾); "area".
        align_corners: whether the first and last places lie upon each other, not the outer edges.
        recompute_scale_factor: whether places follow from the whole numbers of `size` instead of
            from `scale_factor` as given.
        antialias: whether filters are stretched along axes that become shorter; of images, for
            "bilinear" and "bicubic", which then is Keys' with a = −½.
    Raises:
        ShapeError: x has no such axes, or a size is not positive.
        ConfigError: both or neither of size and scale_factor are given, or mode does not fit.
    """
    rank = x.ndim - 2
    fits = {1: "linear", 2: "bilinear", 3: "trilinear"}
    known = [m for m in MODES if "linear" not in m or m == fits.get(rank)]
    known = [m for m in known if m != "bicubic" or rank == 2]
    expect(mode in known, "interpolate", f"mode must be one of {', '.join(known)} for such x",
           error=ConfigError, mode=mode, x=x.spec)  # fmt: skip
    expect((size is None) != (scale_factor is None), "interpolate",
           "either size or scale_factor must be given", error=ConfigError,
           size=size, scale_factor=scale_factor)  # fmt: skip
    smooth = MODES[mode] in ("linear", "cubic")
    expect(smooth or not align_corners, "interpolate",
           "align_corners must be false where nothing is weighed", error=ConfigError,
           mode=mode, align_corners=align_corners)  # fmt: skip
    expect(not antialias or mode in ("bilinear", "bicubic"), "interpolate",
           'antialias must be false but for "bilinear" and "bicubic"', error=ConfigError,
           mode=mode, antialias=antialias)  # fmt: skip
    factors: tuple[float, ...] | None = None
    if scale_factor is None:
        wanted = _sizes("interpolate", x, size)
    else:
        factors = _factors(scale_factor, rank)
        wanted = tuple(
            math.floor(n * factor) for n, factor in zip(x.shape[1:-1], factors, strict=True)
        )
        wanted = _sizes("interpolate", x, wanted)
        if recompute_scale_factor:
            factors = None
    samplings = []
    for i, (before, after) in enumerate(zip(x.shape[1:-1], wanted, strict=True)):
        scale = None if factors is None or mode == "area" else 1 / factors[i]
        if align_corners and antialias:  # the scale of corners, yet counted from centres
            scale = (before - 1) / (after - 1) if after > 1 else 0.0
        sampling = Sampling(
            before, after, MODES[mode], antialias, align_corners and not antialias, scale,
            KEYS if antialias else PYTORCH_CUBIC, MODES[mode] == "cubic" and not antialias,
        )  # fmt: skip
        samplings.append(sampling)
    return _resampled(x, samplings)


def _factors(scale_factor: float | Sequence[float], rank: int) -> tuple[float, ...]:
    several = isinstance(scale_factor, (tuple, list))
    given: Any = tuple(scale_factor) if several else (scale_factor,) * rank  # type: ignore[arg-type]
    expect(len(given) == rank and all(one > 0 for one in given), "interpolate",
           f"scale_factor must be one positive number or {rank}",
           scale_factor=scale_factor)  # fmt: skip
    return tuple(float(one) for one in given)


def _sizes(subject: str, x: Tensor, size: Any) -> Shape:
    expect(x.ndim in (3, 4, 5) and min(x.shape[1:-1], default=0) > 0, subject,
           f"x must be {', '.join(BATCHES.values())}, and not empty", x=x.spec)  # fmt: skip
    wanted = several(f"{subject} size", size, x.ndim - 2)
    expect(min(wanted) > 0, subject, "size must be at least 1", size=size, x=x.spec)
    return wanted


def _resampled(x: Tensor, samplings: Sequence[Sampling]) -> Tensor:
    """Resample axis by axis, the one that shrinks most first, so that the least is computed."""
    y = floating(x)
    order = sorted(range(len(samplings)), key=lambda i: samplings[i].wanted / samplings[i].source)
    for i in order:
        one = samplings[i]
        if one.wanted != one.source or one.scale not in (None, 1.0):
            y = Resample(1 + i, one)(y)
    exact = samplings[0].rule in ("nearest", "floor")
    return cast(y, x.dtype) if exact and y.dtype != x.dtype else y
