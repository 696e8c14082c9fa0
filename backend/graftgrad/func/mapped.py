"""The device inside of `vmap`: its arrays are tensors with an axis of samples in front.

A tensor of this device has the shape of one sample, so a user's function sees one. Applying a
declared function to it applies the function to all samples, by what its own class says (`stacked`,
`mapped`), or else to one after the other. What happens is launched, and recorded, by the tensors
that are its arrays; a graph of its own is recorded here as on any device. So gradients within a
sample and gradients through all of them need no rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from .. import modes
from ..device.base import Array, Device, HostArray
from ..errors import ConfigError, GradientError, expect, sentence
from ..function import Function, described
from ..ops.operand import copy
from ..ops.shape import Slice, broadcast_to, concatenate, reshape, stack
from ..spec import DType, Spec
from ..tensor import Tensor


class Mapped(Device):
    """Where the samples of one call of `vmap` are.

    Attributes:
        count: how many samples there are.
        base: the device on which all is computed.
        randomness: whether random numbers are "different", the "same" or an "error".
    """

    kind = "vmap"

    def __init__(self, count: int, base: Device, randomness: str) -> None:
        super().__init__()
        self.maps = len(modes.state.mapping) + 1
        self.count = count
        self.base = base
        self.randomness = randomness

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    @property
    def xp(self) -> Any:
        """The namespace of the arrays on which all is computed."""
        return self.base.xp

    def empty(self, spec: Spec) -> Array:
        """Allocate memory for every sample."""
        made = spec.shaped(self.count, *spec.shape)
        return Tensor(self.base.empty(made), made, self.base)

    def put(self, host: HostArray, dtype: DType) -> Array:
        """Copy a host array that all samples share."""
        made = Spec((1, *host.shape), dtype)
        return Tensor(self.base.put(np.asarray(host)[None], dtype), made, self.base)

    def fetch(self, array: Array) -> HostArray:
        """Refuse: a sample's values are not known while all of them are computed.

        Raises:
            GradientError: always.
        """
        raise GradientError(
            sentence(
                "vmap",
                "values of a sample must not be read, since all samples are computed at once",
                {"sample": array.shape[1:], "samples": self.count},
                "Choose with ops.where in place of `if`; what has a shape of its own for each "
                "sample, such as nonzero, cannot be had inside.",
            )
        )

    def inspect(self, array: Array) -> HostArray:
        """Return the values of all samples."""
        inner: Tensor = array
        return inner.device.inspect(inner.array)

    def writable(self, array: Array) -> bool:
        """Tell whether the memory of the samples may be written."""
        inner: Tensor = array
        return inner.device.writable(inner.array)

    def holding(self, x: Tensor) -> Tensor:
        """Return a tensor of one sample's shape for one with all samples in front."""
        return Tensor(x, _sample(x), self)

    def states(self, state: Tensor, advance: Callable[[Tensor], object]) -> Tensor:
        """Return the state of a generator, (2,), for each sample, and step on.

        Raises:
            ConfigError: random numbers are refused.
        """
        expect(self.randomness != "error", "vmap",
               "random numbers inside need a word on whether samples share them",
               error=ConfigError, randomness=self.randomness,
               advice='Pass randomness="different" or "same" to vmap.')  # fmt: skip
        outer = next((one for one in modes.state.mapping if one.maps == self.maps - 1), None)
        drawn = []
        for _ in range(self.count if self.randomness == "different" else 1):
            if outer is not None:
                drawn.append(outer.states(state, advance))
            else:
                drawn.append(copy(state))
                advance(state)
        return self.holding(stack(drawn))

    def lifted(self, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return operands as tensors of this device; those of outside are shared by all samples.

        Raises:
            GradientError: one is a sample of another `vmap`, whose call is over.
        """
        return tuple([x if x.device is self else self._shared(x) for x in operands])

    def _shared(self, x: Tensor) -> Tensor:
        expect(x.device.maps < self.maps, "vmap",
               "a sample must not leave the vmap that it belongs to", error=GradientError,
               operand=x.spec, advice="Return it from the function instead.")  # fmt: skip
        return Tensor(reshape(x, (1, *x.shape)), Spec(x.shape, x.dtype), self)

    def apply(self, function: Any, operands: Sequence[Tensor]) -> Any:
        """Apply a function to all samples at once; return what is seen of its results."""
        kind = type(function)
        if kind.updates:
            return self._update(function, operands)
        ys = self.applied(function, operands)
        seen = len(ys) - len(kind.hidden)
        return ys[:seen] if seen > 1 else ys[0]

    def applied(self, function: Any, operands: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return all results of a function, those too that only gradients see."""
        lifted = self.lifted(operands)
        call = described(function, tuple([x.spec for x in lifted]), self)
        outs = _computed(function, [x.array for x in lifted])
        if type(function).alias is not None:
            return (function.seen(call, lifted[0], outs[0], _sample(outs[0])),)
        ys = function.results(call, lifted, outs, function.recorded(call, lifted))
        for y in ys:
            y.spec = _sample(y.array)
        hidden = outs[len(ys) :]
        return *ys, *[Tensor(one, _sample(one), self) for one in hidden]

    def _update(self, function: Any, given: Sequence[Tensor]) -> Any:
        """Change operands in place, each sample by itself."""
        kind, lifted = type(function), self.lifted(given)
        described(function, tuple([x.spec for x in lifted]), self)
        several = max(x.array.shape[0] for x in lifted)
        for i in kind.updated:
            name, own = kind.operands[i], given[i].device is self
            expect(own and lifted[i].array.shape[0] == several, function.name,
                   f"{name} must have memory for every sample where it is changed in place",
                   error=GradientError, x=given[i].spec, samples=several,
                   advice="Make it with zeros_like or full_like of what differs between samples, "
                          "or make a new tensor.")  # fmt: skip
            expect(not any(x.array.requires_grad for x in lifted), function.name,
                   f"{name} must not change in place where gradients pass through vmap",
                   error=GradientError, x=given[i].spec,
                   advice="Make a new tensor instead.")  # fmt: skip
        for row in range(several):
            function(*[_row(x.array, row) for x in lifted])
        changed = tuple([lifted[i] for i in kind.updated])
        for x in changed:
            x.counter.rise()
        return changed if len(changed) > 1 else changed[0]

    def __str__(self) -> str:
        return f"vmap of {self.count} on {self.base}"


def _sample(array: Tensor) -> Spec:
    """Describe one sample of an array of samples."""
    return Spec(array.shape[1:], array.dtype, array.spec.contiguous)


def _computed(function: Function, arrays: list[Tensor]) -> tuple[Tensor, ...]:
    """Return all results of a function for operands with an axis of samples in front."""
    found = None if function.mapped is None else function.mapped(*arrays)
    if found is None:
        found = _by_kind(function, arrays)
    if found is None:
        found = one_by_one(function, arrays)
    return tuple(found) if isinstance(found, (tuple, list)) else (found,)


def _by_kind(function: Function, arrays: Sequence[Tensor]) -> Any:
    """Apply a function in the way that its class names, or return None where it names none."""
    kind = type(function)
    stacked = kind.stacked
    if stacked == "joined":
        return _joined(function, arrays)
    if stacked != "stretched":
        arrays = _stretched(arrays)
    if stacked == "leading":
        return function.whole(*arrays)
    if stacked == "shifted":
        return _shifted(function).whole(*arrays)
    if stacked == "stretched" or hasattr(kind, "c"):
        most = max(x.ndim for x in arrays)
        return function.whole(*[_aligned(x, most) for x in arrays])
    return None


def _stretched(arrays: Sequence[Tensor]) -> list[Tensor]:
    """Return operands with one sample for each, where all share it too."""
    count = max(x.shape[0] for x in arrays)
    return [broadcast_to(x, (count, *x.shape[1:])) for x in arrays]


def _aligned(x: Tensor, ndim: int) -> Tensor:
    """Return samples with axes of size 1 in front of their own, as stretching them alone does."""
    return reshape(x, (x.shape[0], *[1] * (ndim - x.ndim), *x.shape[1:]))


def _shifted(function: Any) -> Any:
    """Return a function whose fields that name axes count the axis of samples too."""
    named = {field.name: getattr(function, field.name) for field in fields(function)}
    for name in ("axis", "axes", "axis1", "axis2"):
        if name in named:
            axes = named[name]
            named[name] = axes + 1 if isinstance(axes, int) else tuple([one + 1 for one in axes])
    return type(function)(**named)


def _joined(function: Function, arrays: Sequence[Tensor]) -> list[Tensor] | None:
    """Apply a function of which first axes are samples already to those of all in a row.

    Weights, which are called w, have no such axis; where they differ, None is returned.
    """
    names = type(function).operands
    if any(x.shape[0] > 1 for name, x in zip(names, arrays, strict=True) if name == "w"):
        return None
    count = max(x.shape[0] for x in arrays)
    rows = [
        reshape(x, x.shape[1:])
        if name == "w"
        else reshape(broadcast_to(x, (count, *x.shape[1:])), (count * x.shape[1], *x.shape[2:]))
        for name, x in zip(names, arrays, strict=True)
    ]
    ys = function.whole(*rows)
    return [reshape(y, (count, y.shape[0] // count, *y.shape[1:])) for y in ys]


def one_by_one(function: Function, arrays: Sequence[Tensor]) -> list[Tensor]:
    """Apply a function to one sample after the other: what holds for every function."""
    count = max(x.shape[0] for x in arrays)
    rows = [function.whole(*[_row(x, row) for x in arrays]) for row in range(count)]
    return [
        concatenate([reshape(y, (1, *y.shape)) for y in found]) for found in zip(*rows, strict=True)
    ]


def _row(x: Tensor, row: int) -> Tensor:
    """Return one sample as a view; what all share has one only."""
    if x.shape[0] == 1:
        row = 0
    cut: Tensor = Slice(((row, row + 1, 1), *[(0, size, 1) for size in x.shape[1:]]))(x)
    return reshape(cut, x.shape[1:])
