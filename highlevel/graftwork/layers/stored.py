"""What a layer tells files of itself, in four methods that a layer of one's own may override.

`get_build_config` and `build_from_config` say how it was built, `save_own_variables` and
`load_own_variables` what is kept of its weights. They are called where files have Keras' form,
.keras and .weights.h5; the other formats hold weights by their paths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from functools import wraps
from typing import TYPE_CHECKING, Any

from graftgrad.errors import FormatError, expect

from .building import NamedShapes, asked_of

if TYPE_CHECKING:
    from ..weight import Weight


class Stored:
    """The part of a layer that stands in files beside its settings."""

    if TYPE_CHECKING:
        name: str
        built: bool
        built_shape: Any

        def named_own_weights(self) -> list[tuple[str, Weight]]:
            """Return the layer's own weights by name."""

        def build_for(self, shape: Any) -> None:
            """Build once."""

    def get_build_config(self) -> dict[str, Any] | None:
        """Return what the layer was built for, {"input_shape": …}; None if nothing is known.

        Where `build` takes several shapes it is {"shapes_dict": {"query_shape": …, …}}.
        """
        if self.built_shape is None:
            return None
        several = isinstance(self.built_shape, NamedShapes)
        return {"shapes_dict" if several else "input_shape": _listed(self.built_shape)}

    def build_from_config(self, config: Mapping[str, Any]) -> None:
        """Build the layer from what `get_build_config` returned, before its weights are read."""
        shape = config.get("input_shape") if config else None
        named = config.get("shapes_dict") if config else None
        if isinstance(named, Mapping):
            names = asked_of(type(self).build)  # type: ignore[attr-defined]
            told = {key: _tupled(one) for key, one in named.items() if key in names}
            self.build_for(NamedShapes(told))
        elif shape is not None:
            self.build_for(_tupled(shape))

    def stored_weights(self) -> list[Weight]:
        """Return the layer's own weights in the order of files: parameters first, then state."""
        ordered = sorted(self.named_own_weights(), key=lambda named: named[1].kind != "parameter")
        return [weight for _, weight in ordered]

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the layer's own weights into a dictionary, under "0", "1" and so on.

        What a layer of one's own puts there, arrays under names without "/", is handed to its
        `load_own_variables`. The layers it holds are asked themselves.
        """
        for i, weight in enumerate(self.stored_weights()):
            store[str(i)] = weight.numpy()

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Fill the layer's own weights from a dictionary of arrays.

        Raises:
            FormatError: it has more or fewer arrays than the layer has weights.
            ShapeError: an array has another shape than its weight.
        """
        weights = self.stored_weights()
        names = [str(i) for i in range(len(weights))]
        expect(sorted(store) == sorted(names), f'layer "{self.name}"',
               "the file must hold one array for each of its weights", error=FormatError,
               weights=names, arrays=sorted(store), built=self.built,
               advice="A layer that keeps other arrays, or makes weights elsewhere than in "
               "build(input_shape), defines load_own_variables(store) or "
               "build_from_config(config).")  # fmt: skip
        for name, weight in zip(names, weights, strict=True):
            weight.assign(store[name])


def defines(layer: Any, method: str) -> bool:
    """Tell whether the class of a layer has a method of this name in place of the one here."""
    return getattr(type(layer), method, None) is not getattr(Stored, method)


def recorded(build: Callable[..., None]) -> Callable[..., None]:
    """Return a method `build` that also remembers that it was called, and for what shape.

    Only the outermost counts: what a class calls of its parents is part of its own.
    """

    @wraps(build)
    def built(self: Any, *args: Any, **kwargs: Any) -> None:
        if vars(self).get("building"):
            build(self, *args, **kwargs)
            return
        object.__setattr__(self, "building", True)
        try:
            build(self, *args, **kwargs)
        finally:
            object.__delattr__(self, "building")
        given = dict(zip(asked_of(build) or ("input_shape",), args, strict=False)) | kwargs
        shapes = {key: _tupled(one) for key, one in given.items() if _is_shapes(one)}
        if len(shapes) > 1:
            object.__setattr__(self, "built_shape", NamedShapes(shapes))
        elif shapes:
            object.__setattr__(self, "built_shape", next(iter(shapes.values())))
        object.__setattr__(self, "built", True)

    return built


def _is_shapes(value: Any) -> bool:
    """Tell whether something is a shape or a structure of shapes."""
    if isinstance(value, Mapping):
        return all(_is_shapes(one) for one in value.values())
    return isinstance(value, (tuple, list)) and all(
        one is None or isinstance(one, int) or _is_shapes(one) for one in value
    )


def _listed(shape: Any) -> Any:
    if isinstance(shape, Mapping):
        return {key: _listed(one) for key, one in shape.items()}
    return [_listed(one) for one in shape] if isinstance(shape, (tuple, list)) else shape


def _tupled(shape: Any) -> Any:
    if isinstance(shape, Mapping):
        return {key: _tupled(one) for key, one in shape.items()}
    if all(one is None or isinstance(one, int) for one in shape):
        return tuple(shape)
    return type(shape)(_tupled(one) for one in shape)
