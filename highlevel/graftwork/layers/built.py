"""How a layer is built: once, for the first input it meets or by hand, and in another's place."""

from __future__ import annotations

from typing import Any

from ..weight import Weight, shapes_only
from .building import NamedShapes
from .input_spec import InputSpec
from .stored import recorded
from .weighted import Weighted


class Built(Weighted):
    """A layer as something that makes its weights for the shape of an input."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let a `build` that is called by hand count, unless it is a model's."""
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls) and not hasattr(cls, "compile"):
            cls.build = recorded(vars(cls)["build"])  # type: ignore[method-assign]

    def build(self, input_shape: Any) -> None:
        """Make the weights for an input of this shape, batch included (None where unknown)."""

    def build_for(self, shape: Any) -> None:
        """Build once, and remember for what.

        Raises:
            ShapeError: the input does not fit the layer.
        """
        if self.built:
            return
        if isinstance(self.input_spec, InputSpec) and isinstance(shape, tuple) and is_shape(shape):
            self.input_spec.check(f'layer "{self.name}"', shape)
        with shapes_only(False):
            if isinstance(shape, NamedShapes):
                self.build(**shape)
            else:
                self.build(shape)
        object.__setattr__(self, "built_shape", shape)
        object.__setattr__(self, "built", True)

    def __setattr__(self, key: str, value: Any) -> None:
        """Set an attribute; a layer in the place of a built one is built for the same input.

        A weight in the place of another is used, listed and saved in its place: weights are tied.
        """
        if isinstance(value, Built):
            before = vars(self).get(key)
            if isinstance(before, Built) and before.built_shape is not None and not value.built:
                value.build_for(before.built_shape)
        elif isinstance(value, Weight):
            replaced = vars(self).get(key)
            own = dict.fromkeys(value if one is replaced else one for one in self._own_weights)
            object.__setattr__(self, "_own_weights", list(own))
        super().__setattr__(key, value)


def is_shape(value: Any) -> bool:
    """Tell whether something is one shape, not a structure of shapes."""
    return isinstance(value, (tuple, list)) and all(
        one is None or isinstance(one, int) for one in value
    )
