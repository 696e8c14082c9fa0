"""A function of one sample, applied to all samples at once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .. import modes
from ..errors import ConfigError, GradientError, expect
from ..ops.shape import broadcast_to, concatenate, moveaxis, reshape, sliced
from ..spec import axis_within
from ..tensor import Tensor
from .mapped import Mapped
from .trees import filled, leaves, spread

_RANDOMNESS = ("error", "different", "same")


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return a function that applies `func` to every sample, without a loop where that can be.

    y[b] = func(x[b])

    Inside, tensors have the shape of one sample. Each op says itself how it is applied to all of
    them; one that does not is applied to one after the other. Gradients flow through, `grad` and
    the other transforms may be called inside, and so may `vmap`.

    Args:
        func: of tensors, and structures of them; returns a tensor or a structure of them.
        in_dims: the axis of samples: for all arguments, for each, or in the arguments' own form;
            None for what all samples share. Arguments given by name have it in front.
        out_dims: where results have it: for all of them, or in their form.
        randomness: whether `Generator` draws "different" or the "same" numbers for each sample
            inside; "error" refuses to draw.
        chunk_size: how many samples are computed at once; all of them if None.
    Raises:
        ConfigError: a setting is none of these; nothing has an axis of samples; or `func` returns
            something else than tensors.
        ShapeError: there is no such axis, or there are not as many samples everywhere.
        GradientError: the values of a sample are read, or `func` changes a tensor in place that
            all samples share.
    """
    expect(randomness in _RANDOMNESS, "vmap", f"randomness must be one of {_RANDOMNESS}",
           error=ConfigError, randomness=randomness)  # fmt: skip
    expect(chunk_size is None or chunk_size > 0, "vmap", "chunk_size must be positive, or None",
           error=ConfigError, chunk_size=chunk_size)  # fmt: skip

    @functools.wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        given = (args, kwargs)
        values = list(leaves(given))
        axes = [*spread("vmap", "in_dims", in_dims, args), *[0 for _ in leaves(kwargs)]]
        rows = _samples_first(values, axes)
        count = next(x.shape[0] for x, axis in zip(rows, axes, strict=True) if axis is not None)
        step = count if chunk_size is None else chunk_size
        parts = []
        for start in range(0, count, max(step, 1)):
            some = [x if axis is None else sliced(x, 0, start, min(start + step, count))
                    for x, axis in zip(rows, axes, strict=True)]  # fmt: skip
            parts.append(_called(func, given, some, axes, min(step, count - start), randomness))
        form = parts[0][0]
        ys = [one[0] if len(parts) == 1 else concatenate(one)
              for one in zip(*[found for _, found in parts], strict=True)]  # fmt: skip
        places = spread("vmap", "out_dims", out_dims, form)
        return filled(form, iter([_placed(y, axis) for y, axis in zip(ys, places, strict=True)]))

    return mapped


def _samples_first(values: Sequence[Any], axes: Sequence[int | None]) -> list[Any]:
    """Return arguments with their samples on the first axis, once they are known to agree."""
    rows: list[Any] = []
    counts: dict[str, Any] = {}
    for i, (x, axis) in enumerate(zip(values, axes, strict=True)):
        if axis is None:
            rows.append(x)
            continue
        expect(isinstance(x, Tensor), "vmap", "what has an axis of samples must be a tensor",
               error=ConfigError, argument=i, got=type(x).__name__,
               advice="Pass in_dims=None for it.")  # fmt: skip
        expect(x.ndim > 0, "vmap", "what has an axis of samples must have axes", argument=i,
               x=x.spec, advice="Pass in_dims=None for it.")  # fmt: skip
        place = axis_within("vmap", axis, x.ndim)
        rows.append(moveaxis(x, place, 0) if place else x)
        counts[f"argument {i}"] = x.shape[place]
    expect(len(counts) > 0, "vmap", "something must have an axis of samples", error=ConfigError,
           arguments=len(values), in_dims=list(axes))  # fmt: skip
    one = next(iter(counts.values()))
    expect(one > 0 and all(n == one for n in counts.values()), "vmap",
           "there must be samples, and as many in every argument", **counts)  # fmt: skip
    return rows


def _called(
    func: Callable[..., Any],
    given: Any,
    rows: Sequence[Any],
    axes: Sequence[int | None],
    count: int,
    randomness: str,
) -> tuple[Any, list[Tensor]]:
    """Call a function with samples; return the form of its results and these, samples first."""
    first = next(x for x, axis in zip(rows, axes, strict=True) if axis is not None)
    device = Mapped(count, _base(first), randomness)
    inside = [x if axis is None else device.holding(x) for x, axis in zip(rows, axes, strict=True)]
    args, kwargs = filled(given, iter(inside))
    with modes.Mode("mapping", (*modes.state.mapping, device)):
        form = func(*args, **kwargs)
    ys: list[Tensor] = []
    for i, y in enumerate(leaves(form)):
        expect(isinstance(y, Tensor), "vmap", "the function must return tensors",
               error=ConfigError, result=i, got=type(y).__name__)  # fmt: skip
        expect(y.device.maps < device.maps or y.device is device, "vmap",
               "a sample must not leave the vmap that it belongs to", error=GradientError,
               result=i, y=y.spec)  # fmt: skip
        rows_of = y.array if y.device is device else reshape(y, (1, *y.shape))
        ys.append(broadcast_to(rows_of, (count, *rows_of.shape[1:])))
    return form, ys


def _base(x: Tensor) -> Any:
    return x.device.base if isinstance(x.device, Mapped) else x.device


def _placed(y: Tensor, axis: int | None) -> Tensor:
    expect(axis is not None, "vmap", "results must say where their samples are",
           error=ConfigError, out_dims=axis)  # fmt: skip
    assert axis is not None
    return moveaxis(y, 0, axis_within("vmap", axis, y.ndim))
