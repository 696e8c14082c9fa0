"""The flat groups of an optimizer: which weight lies in which buffer, and which are updated now.

What a buffer is stands in `flat`.
"""

from __future__ import annotations

from collections.abc import Iterable

from .device.base import Device
from .flat import FlatGroup, GradientView, Places
from .modes import no_grad
from .spec import DType
from .tensor import Tensor


class FlatGroups:
    """The flat groups of weights that share their rule: one per device and element type."""

    def __init__(self) -> None:
        self.groups: dict[tuple[Device, DType], FlatGroup] = {}
        self.owners: dict[Tensor, FlatGroup] = {}

    def hold(self, weights: Iterable[Tensor]) -> None:
        """Move weights into buffers that are in none yet.

        Raises:
            GradientError: a weight is no leaf.
            DeviceError: a weight has no values.
        """
        waiting: dict[tuple[Device, DType], list[Tensor]] = {}
        for weight in weights:
            if weight not in self.owners:
                waiting.setdefault((weight.device, weight.dtype), []).append(weight)
        for key, fresh in waiting.items():
            group = self.groups.get(key) or FlatGroup(*key)
            group.add(fresh)
            self.groups[key] = group
            self.owners.update((weight, group) for weight in fresh)

    def follow(self) -> None:
        """Take along what is kept of weights that were moved to another device."""
        for key, group in list(self.groups.items()):
            if all(weight.device is group.device for weight in group.weights):
                continue
            del self.groups[key]
            for weight in group.weights:
                del self.owners[weight]
            with no_grad():
                self.hold(group.weights)
                for weight in group.weights:
                    now = self.owners[weight]
                    for name, initial in group.initial.items():
                        now.view(name, weight, initial).copy_(group.view(name, weight, initial))
                    now.set_steps({weight: group.steps(weight)})

    @property
    def layout(self) -> tuple[int, ...]:
        """What rises with every change that a recorded step must not outlive."""
        return tuple([group.layout for group in self.groups.values()])

    def owner(self, weight: Tensor) -> FlatGroup | None:
        """Return the group that holds a weight, if there is one."""
        return self.owners.get(weight)

    def active(
        self, gradients: Iterable[tuple[Tensor, Tensor | None]]
    ) -> list[tuple[FlatGroup, Places]]:
        """Return what is to be updated now: of each group the places whose weights want it.

        A weight is updated if it requires a gradient and has one in this step. Their gradients lie
        in the buffers afterwards. Weights that are met for the first time move in.

        Raises:
            GradientError: a weight is no leaf.
            ShapeError: a gradient has not the shape of its weight.
        """
        pairs = [(weight, g) for weight, g in gradients if weight.requires_grad]
        self.hold([weight for weight, _ in pairs if weight not in self.owners])
        if any(self.owners[weight].device is not weight.device for weight, _ in pairs):
            self.follow()
        picked: dict[FlatGroup, dict[int, Tensor]] = {}
        for weight, gradient in pairs:
            if gradient is not None:
                group = self.owners[weight]
                picked.setdefault(group, {})[group.places[weight]] = gradient
        with no_grad():
            for group, found in picked.items():
                group.gather(found)
        return [(group, tuple(sorted(found))) for group, found in picked.items()]


def flat_gradients(parameters: Iterable[Tensor]) -> list[Tensor]:
    """Return the gradients that trained parameters hold, as whole stretches where possible.

    They are the very memory of the gradients: what changes in place there changes in `.grad`.
    """
    placed: dict[FlatGroup, set[int]] = {}
    found: list[Tensor] = []
    for parameter in dict.fromkeys(parameters):
        gradient = parameter.grad
        if gradient is None or not parameter.requires_grad:
            continue
        if isinstance(gradient, GradientView) and gradient.group is not None:
            group = gradient.group()
            if group is not None and group.buffers[gradient.place] is gradient:
                placed.setdefault(group, set()).add(gradient.place)
                continue
        found.append(gradient)
    for group, places in placed.items():
        found += [run.gradients for run in group.stretches(tuple(sorted(places)))]
    return found
