"""Rules of a user's own, written weight by weight as in Keras: `build` and `update_step`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any

import graftgrad
from graftgrad import Tensor
from graftgrad.errors import ConfigError, expect, warn
from graftgrad.flat import Run

from .. import initializers
from ..weight import Weight
from .state import Kept


class OwnRule(Kept):
    """The part of an optimizer that a class of the user's own may replace.

    Such a class makes its slots in `build(variables)`, after `super().build(variables)`, and
    changes one weight by its gradient in `update_step(gradient, variable, learning_rate)`. The
    rest is as in every optimizer: clipping, decay, averages, accumulation. The built-in rules
    update whole buffers at once instead.
    """

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: Any = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Weight:
        """Make state of the optimizer, which is saved with it.

        Args:
            shape: its shape.
            initializer: what fills it.
            dtype: its element type; float32 if None.
            aggregation: kept for Keras' signature; nothing is spread over devices.
            layout: kept for Keras' signature.
            name: its name.
        """
        fill = initializers.get(initializer)
        value = fill(tuple(shape), dtype or "float32")
        made = Weight(graftgrad.as_tensor(value), name or f"variable_{len(self.added)}", "state")
        made.path = f"{self.name}/{made.name}"
        self.added.append(made)
        return made

    def add_variable_from_reference(
        self, reference_variable: Any, name: str | None = None, initializer: Any = "zeros"
    ) -> Weight:
        """Make state of the shape, element type and place of a weight."""
        path = str(getattr(reference_variable, "path", "") or reference_variable.name)
        spelled = f"{path.replace('/', '_').replace(':', '_')}_{name or 'var'}"
        kind = reference_variable.dtype
        made = self.add_variable(reference_variable.shape, initializer, kind, name=spelled)
        return made.move(reference_variable.device)

    def add_optimizer_variables(
        self, trainable_variables: Iterable[Any], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """Make state for each of some weights: a list, or for several names a tuple of lists.

        Raises:
            ConfigError: there are not as many initializers as names.
        """
        names = [name] if isinstance(name, str) else list(name)
        several = isinstance(initializer, (list, tuple))
        fills = list(initializer) if several else [initializer] * len(names)
        expect(len(fills) == len(names), self.name, "there must be one initializer for each name",
               error=ConfigError, names=names, initializers=len(fills))  # fmt: skip
        found: tuple[list[Weight], ...] = tuple([] for _ in names)
        for weight in trainable_variables:
            for made, one, fill in zip(found, names, fills, strict=True):
                made.append(self.add_variable_from_reference(weight, one, fill))
        return found[0] if isinstance(name, str) else found

    def _get_variable_index(self, variable: Any) -> int:
        """Return the place of a weight among those the optimizer was built with."""
        expect(variable in self.positions, self.name,
               "must be built with every weight that it updates", error=ConfigError,
               weight=getattr(variable, "path", variable),
               advice="Make a new optimizer, or build it with all weights.")  # fmt: skip
        return self.positions[variable]

    def assign(self, variable: Any, value: Any) -> None:
        """Set a weight or state of the optimizer."""
        variable.assign(value)

    def assign_add(self, variable: Any, value: Any) -> None:
        """Add to a weight or to state of the optimizer."""
        variable.assign_add(value)

    def assign_sub(self, variable: Any, value: Any) -> None:
        """Subtract from a weight or from state of the optimizer."""
        variable.assign_sub(value)

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Change one weight by its gradient; a class of the user's own overrides it."""
        raise NotImplementedError(
            f"{type(self).__name__}: update_step(gradient, variable, learning_rate) must be "
            "written."
        )

    def update(self, run: Run, learning_rate: Tensor) -> None:
        """Update a run of weights by their gradients; built-in rules do so in one launch."""
        held = run.group
        rate = learning_rate.to(held.dtype)
        for weight in run.weights:
            self.update_step(held.buffers[held.places[weight]], weight, rate)

    # -- in files ------------------------------------------------------------------------------

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put counter, learning rate and slots into a dictionary, under "0", "1" and so on.

        What a class of the user's own puts there, arrays under names without "/", is handed to its
        `load_own_variables`.
        """
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Take over what `save_own_variables` stored; another number of values is left out."""
        mine = self.variables
        if len(store) != len(mine):
            warn(
                f"{self.name}: the saved state does not fit and was left out; it has "
                f"{len(store)} values, the optimizer {len(mine)} variables."
            )
            return
        self.load_variables([store[str(i)] for i in range(len(mine))], self.known)
