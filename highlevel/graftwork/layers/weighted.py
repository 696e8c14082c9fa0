"""The weights of a layer and of those below it: made, listed, moved, frozen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar, cast

import graftgrad
from graftgrad import Tensor
from graftgrad.device.base import Device
from graftgrad.errors import ConfigError, FormatError, expect, note
from graftgrad.spec import as_dtype, is_floating

from ..registry import changes, constraints, initializers, regularizers
from ..weight import Weight, positive_multiplier
from .bookkeeping import Bookkeeping
from .phase import phase

if TYPE_CHECKING:
    from .layer import Layer

W = TypeVar("W", bound="Weighted")
_BOOKKEEPING = frozenset({"_applications", "_own_weights", "given", "_call_arguments"})


class Weighted(Bookkeeping):
    """A layer as the owner of weights, and of layers that own some."""

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        name: str = "variable",
    ) -> Weight:
        """Make a weight of this layer.

        Args:
            shape: its sizes.
            initializer: a name, an object or a function of (shape, dtype).
            dtype: its element type; the layer's variable type if None.
            trainable: true for a parameter, false for state such as moving averages.
            autocast: whether ops read it in the type in which the layer computes; else they read
                it as it is.
            regularizer: a penalty on it.
            constraint: a projection applied after every update.
            aggregation: kept for Keras' signature.
            name: its name inside the layer.
        Raises:
            ShapeError: a size is unknown or not positive.
        """
        sizes = tuple(shape)
        expect(all(isinstance(n, int) and n >= 0 for n in sizes), f'layer "{self.name}"',
               f"the sizes of weight {name} must be known", shape=sizes,
               advice="Give the model's input shape completely.")  # fmt: skip
        if phase.budget is not None:
            phase.budget -= math.prod(sizes)
            expect(phase.budget >= 0, f'layer "{self.name}"',
                   "weights must not be larger than the file that is read can fill",
                   error=FormatError, weight=name, shape=sizes)  # fmt: skip
        kind = as_dtype(dtype or self.dtype_policy.variable_dtype)
        fallback = "glorot_uniform" if is_floating(kind) and len(sizes) > 1 else "zeros"
        make = initializers.get(initializer if initializer is not None else fallback)
        with graftgrad.no_grad():
            try:
                value = make(sizes, dtype=kind)
            except MemoryError as error:
                note(error, f'weight "{name}", {sizes}, of layer "{self.name}"')
                raise
            value = value if isinstance(value, Tensor) else graftgrad.tensor(value, kind)
        weight = Weight(
            value.to(kind),
            name,
            "parameter" if trainable else "state",
            self._trainable,
            regularizers.get(regularizer),
            constraints.get(constraint),
            autocast,
        )
        weight.path = f"{self.name}/{name}"
        if trainable and self._learning_rate_multiplier != 1.0:
            weight.learning_rate_multiplier = self._learning_rate_multiplier
        self._own_weights.append(weight)
        return weight

    def children(self) -> Iterator[tuple[str, Layer]]:
        """Yield the layers this one holds, with the attribute (and place) that holds them."""
        seen: set[int] = set()
        for key, value in vars(self).items():
            if key in _BOOKKEEPING or not isinstance(value, (Weighted, list, tuple, dict)):
                continue
            for path, child in _layers_in(key, value):
                if id(child) not in seen:
                    seen.add(id(child))
                    yield path, child

    def named_own_weights(self) -> list[tuple[str, Weight]]:
        """Return this layer's own weights, without those of its children, by name."""
        kept = [(weight.name, weight) for weight in self._own_weights]
        known = {id(weight) for _, weight in kept}
        for key, value in vars(self).items():
            if isinstance(value, Weight):
                listed = [(key, value)]
            elif isinstance(value, (list, tuple, dict)) and key not in _BOOKKEEPING:
                listed = _variables_in(key, value)
            else:
                continue
            for name, weight in listed:
                if id(weight) not in known:
                    known.add(id(weight))
                    kept.append((name, weight))
        return kept

    def named_weights(self, prefix: str = "") -> Iterator[tuple[str, Weight]]:
        """Yield every weight once with its path of attributes, depth first."""
        yield from self._named_weights(prefix, set())

    def _named_weights(self, prefix: str, seen: set[int]) -> Iterator[tuple[str, Weight]]:
        for name, weight in self.named_own_weights():
            if id(weight) not in seen:
                seen.add(id(weight))
                yield prefix + name, weight
        for path, child in self.children():
            yield from child._named_weights(f"{prefix}{path}/", seen)

    def flattened(self) -> Iterator[Layer]:
        """Yield this layer and every layer below it once, depth first."""
        seen: set[int] = set()
        stack = [cast("Layer", self)]
        while stack:
            one = stack.pop()
            if id(one) not in seen:
                seen.add(id(one))
                yield one
                stack.extend(reversed([child for _, child in one.children()]))

    @property
    def weights(self) -> list[Weight]:
        """All weights of this layer and those below it, without states of random generators."""
        return [weight for weight in self.variables if weight.name != "seed_generator_state"]

    @property
    def variables(self) -> list[Weight]:
        """All weights, of this layer and those below it, states of random generators included."""
        return [weight for _, weight in self.named_weights()]

    @property
    def trainable_weights(self) -> list[Weight]:
        """The weights that training changes."""
        return [weight for weight in self.weights if weight.requires_grad]

    trainable_variables = trainable_weights

    @property
    def non_trainable_weights(self) -> list[Weight]:
        """Frozen parameters and state."""
        return [weight for weight in self.weights if not weight.requires_grad]

    @property
    def non_trainable_variables(self) -> list[Weight]:
        """Frozen parameters and state, states of random generators included."""
        return [weight for weight in self.variables if not weight.requires_grad]

    def parameters(self) -> Iterator[Weight]:
        """Yield what gradients can train, frozen or not, in PyTorch's idiom."""
        return (weight for _, weight in self.named_parameters())

    def named_parameters(self) -> Iterator[tuple[str, Weight]]:
        """Yield what gradients can train, with its path, in PyTorch's idiom."""
        return (
            (path, weight) for path, weight in self.named_weights() if weight.kind == "parameter"
        )

    def get_weights(self) -> list[Any]:
        """Return copies of all weights as host arrays."""
        return [weight.numpy() for weight in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Copy host arrays into all weights; nothing is changed if one does not fit.

        Raises:
            ShapeError: there are too many or too few, or a shape differs.
        """
        mine = self.weights
        expect(
            len(weights) == len(mine),
            f'layer "{self.name}"',
            "there must be one array per weight",
            weights=len(mine),
            given=len(weights),
        )
        values = [graftgrad.as_tensor(value) for value in weights]
        for weight, value in zip(mine, values, strict=True):
            expect(value.shape == weight.shape, f'weight "{weight.path}"', "the shape must stay",
                   shape=weight.shape, value=value.shape)  # fmt: skip
        for weight, value in zip(mine, values, strict=True):
            weight.assign(value)

    @property
    def device(self) -> Device:
        """Where its weights are; where tensors are made now, if it has none."""
        first = next(self.named_weights(), None)
        return graftgrad.device() if first is None else first[1].device

    def to(self: W, device: str | Device) -> W:
        """Move all weights to a device, in place, and return the layer.

        Optimizers take what they keep of the weights along. Weights that are made later are made
        where `graftwork.device` says then, so build first.

        Raises:
            DeviceError: there is no such device.
        """
        place = graftgrad.device(device)
        for _, weight in self.named_weights():
            weight.move(place)
        return self

    def count_params(self) -> int:
        """Count the numbers in all weights."""
        return sum(weight.size for weight in self.weights)

    @property
    def metrics(self) -> list[Any]:
        """The metrics that this layer and those below it hold as attributes, alone or in lists."""
        found: dict[int, Any] = {}
        for layer in self.flattened():
            for key, value in vars(layer).items():
                if key not in _BOOKKEEPING:
                    entries = value if isinstance(value, (list, tuple)) else [value]
                    found |= {id(one): one for one in entries if is_metric(one)}
        return list(found.values())

    @property
    def metrics_variables(self) -> list[Weight]:
        """The state of all metrics."""
        return [variable for metric in self.metrics for variable in metric.variables]

    # -- freezing ------------------------------------------------------------------------------

    if TYPE_CHECKING:
        trainable: bool
    else:

        @property
        def trainable(self) -> bool:
            """Whether any parameter is trained: their `requires_grad` under Keras' name."""
            bits = [weight.requires_grad for weight in self.parameters()]
            return any(bits) if bits else self._trainable

        @trainable.setter
        def trainable(self, wanted: bool) -> None:
            expect(
                isinstance(wanted, (bool, int)),
                f'layer "{self.name}"',
                "trainable must be true or false",
                error=ConfigError,
                trainable=wanted,
            )
            changes.count += 1
            for one in self.flattened():
                object.__setattr__(one, "_trainable", bool(wanted))
                for _, weight in one.named_own_weights():
                    weight.trainable = bool(wanted)

    @property
    def learning_rate_multiplier(self) -> float | None:
        """By how much its parameters learn faster than the optimizer says; None where they differ.

        Set, it holds for all parameters below, frozen ones too, from the next step on; an optimizer
        keeps what it knows.
        """
        found = {weight.learning_rate_multiplier for weight in self.parameters()}
        if not found:
            return self._learning_rate_multiplier
        return found.pop() if len(found) == 1 else None

    @learning_rate_multiplier.setter
    def learning_rate_multiplier(self, value: float) -> None:
        wanted = positive_multiplier(f'layer "{self.name}"', value)
        changes.count += 1
        for one in self.flattened():
            object.__setattr__(one, "_learning_rate_multiplier", wanted)
            for _, weight in one.named_own_weights():
                if weight.kind == "parameter":
                    weight.learning_rate_multiplier = wanted

    def is_frozen(self) -> bool:
        """Tell whether nothing in this layer is trained: all its parameters are frozen."""
        bits = [weight.requires_grad for weight in self.parameters()]
        return not any(bits) if bits else not self._trainable

    def requires_grad_(self: W, requires_grad: bool = True) -> W:
        """Set `requires_grad` of every parameter, in PyTorch's idiom."""
        self.trainable = requires_grad
        return self


def is_metric(one: Any) -> bool:
    """Tell metrics from layers that learn from batches too, such as a vocabulary."""
    return hasattr(one, "update_state") and hasattr(one, "result")


def _variables_in(path: str, value: Any) -> list[tuple[str, Weight]]:
    """Return the variables of the user's own in a list or dictionary, with their paths."""
    if isinstance(value, Weight):
        return [(path, value)] if value.standalone else []
    if isinstance(value, dict):
        pairs = list(value.items())
    else:
        pairs = list(enumerate(value)) if isinstance(value, (list, tuple)) else []
    return [found for key, one in pairs for found in _variables_in(f"{path}/{key}", one)]


def _layers_in(path: str, value: Any) -> Iterator[tuple[str, Layer]]:
    if _is_layer(value):
        yield path, value
    elif isinstance(value, (list, tuple)):
        for i, one in enumerate(value):
            yield from _layers_in(f"{path}/{i}", one)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _layers_in(f"{path}/{key}", one)


def _is_layer(value: Any) -> TypeGuard[Layer]:
    return isinstance(value, Weighted)
