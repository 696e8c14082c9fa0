"""A tensor that a layer owns: its path, its kind, and the bit that says whether it is trained."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import graftgrad
from graftgrad import Tensor, modes
from graftgrad.errors import ConfigError, ShapeError, expect
from graftgrad.ops import update
from graftgrad.plan import changes
from graftgrad.spec import is_floating


class _Tracing(threading.local):
    """Whether shapes are being found: what a call would change then stays as it is."""

    active = False


tracing = _Tracing()


@contextmanager
def shapes_only(active: bool) -> Iterator[None]:
    """Let assignments to weights have no effect inside a `with` block, or have it again."""
    before, tracing.active = tracing.active, active
    try:
        yield
    finally:
        tracing.active = before


class Weight(Tensor):
    """A tensor that a layer owns.

    `kind` is "parameter" for what gradients train and "state" for what is only kept (moving
    averages, counters). `trainable` IS `requires_grad` under its Keras name: one bit. State never
    takes it. Its values stay in its own element type while layers may compute in a shorter one.
    """

    __slots__ = ("autocasts", "kind", "name", "path", "rules")
    standalone: ClassVar[bool] = False  # whether the program made it, not a layer
    changed_by_operators = False  # `x = self.gamma; x += 1` in a call makes a new tensor

    def __init__(
        self,
        value: Tensor,
        name: str = "variable",
        kind: str = "parameter",
        trainable: bool = True,
        regularizer: Callable[[Tensor], Tensor] | None = None,
        constraint: Callable[[Tensor], Tensor] | None = None,
        autocast: bool = True,
    ) -> None:
        super().__init__(value.array, value.spec, value.device)
        self.name = name
        self.path = name
        self.kind = kind
        self.autocasts = autocast and is_floating(value.dtype)
        self.rules: dict[str, Any] = {"regularizer": regularizer, "constraint": constraint}
        if kind == "parameter":
            self.requires_grad = trainable

    @property
    def regularizer(self) -> Callable[[Tensor], Tensor] | None:
        """The penalty on it."""
        found: Callable[[Tensor], Tensor] | None = self.rules["regularizer"]
        return found

    @regularizer.setter
    def regularizer(self, rule: Callable[[Tensor], Tensor] | None) -> None:
        changes.count += 1
        self.rules["regularizer"] = rule

    @property
    def constraint(self) -> Callable[[Tensor], Tensor] | None:
        """The projection that follows every update."""
        found: Callable[[Tensor], Tensor] | None = self.rules["constraint"]
        return found

    @constraint.setter
    def constraint(self, rule: Callable[[Tensor], Tensor] | None) -> None:
        changes.count += 1
        self.rules["constraint"] = rule

    @property
    def learning_rate_multiplier(self) -> float:
        """By how much its learning rate is a multiple of the optimizer's; read at every step."""
        return float(self.rules.get("learning_rate_multiplier", 1.0))

    @learning_rate_multiplier.setter
    def learning_rate_multiplier(self, value: float) -> None:
        found = positive_multiplier(f'weight "{self.path}"', value)
        changes.count += 1
        if found == 1.0:
            self.rules.pop("learning_rate_multiplier", None)
        else:
            self.rules["learning_rate_multiplier"] = found

    def settings_now(self) -> dict[str, Any]:
        """Return everything that a recorded step may depend on, besides the values."""
        return self.rules

    @property
    def trainable(self) -> bool:
        """Whether training changes it: `requires_grad` itself."""
        return self.requires_grad

    @trainable.setter
    def trainable(self, wanted: bool) -> None:
        if self.kind == "parameter":
            self.requires_grad = wanted

    def autocast(self) -> Tensor:
        """Return the weight in the element type in which the running layer computes.

        Weights made with `autocast=False` are read in their own.
        """
        wanted = modes.autocast()
        return self.to(wanted) if self.autocasts and wanted is not None else self

    def assign(self, value: Any) -> Weight:
        """Copy values in, converted to this weight's element type.

        While shapes are found, by running a layer without values, nothing is copied.

        Raises:
            ShapeError: the shapes differ.
        """
        if tracing.active:
            return self
        exact = None if hasattr(value, "dtype") else self.dtype  # Python's numbers are not rounded
        given = graftgrad.as_tensor(value, exact, self.device)
        expect(given.shape == self.shape, f'weight "{self.path}"', "the shape must stay",
               error=ShapeError, shape=self.shape, value=given.shape)  # fmt: skip
        with graftgrad.no_grad():
            update.assign(self, given)
        return self

    def assign_add(self, value: Any) -> Weight:
        """Add values in place."""
        return self if tracing.active else self.assign(self.detach() + value)

    def assign_sub(self, value: Any) -> Weight:
        """Subtract values in place."""
        return self if tracing.active else self.assign(self.detach() - value)

    def move(self, device: Any) -> Weight:
        """Let the values, and the gradient if there is one, lie on another device from now on.

        Raises:
            DeviceError: there is no such device.
        """
        place = graftgrad.device(device)
        if place is not self.device:
            moved = self.detach().to(place)
            gradient = None if self.grad is None else self.grad.detach().to(place)
            self.array, self.spec, self.device = moved.array, moved.spec, place
            self.counter, self.view_of = moved.counter, None
            self.grad, self.grad_buffer = gradient, None
            changes.count += 1
        return self

    @property
    def value(self) -> Tensor:
        """The weight itself, under Keras' name."""
        return self

    def numpy(self) -> Any:
        """Return a copy of the values on the host; later training does not change it."""
        return self.device.fetch(self.array).copy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.detach().__array__(dtype, True if copy is None else copy)

    def __repr__(self) -> str:
        frozen = "" if self.kind == "state" or self.trainable else ", frozen"
        value = f", value={self.item()}" if self.size == 1 and self.device.computes else ""
        return f"<{self.kind} {self.path}, shape={self.shape}, dtype={self.dtype}{value}{frozen}>"


def positive_multiplier(subject: str, value: Any) -> float:
    """Accept a positive finite number.

    Raises:
        ConfigError: it is none.
    """
    fit = isinstance(value, (int, float)) and not isinstance(value, bool)
    expect(fit and 0 < value < math.inf, subject,
           "learning_rate_multiplier must be a positive number", error=ConfigError,
           learning_rate_multiplier=value, advice="To freeze, set trainable = False.")  # fmt: skip
    return float(value)
