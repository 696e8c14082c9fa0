"""Layers one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graftgrad.errors import ConfigError, GraftError, MissingAttributeError, expect, uncalled
from graftgrad.spec import DType

from ..layers.core import InputLayer
from ..layers.layer import Layer
from ..layers.symbol import KerasTensor, in_rank, symbols
from ..registry import changes, configuration, custom_object_scope, decoded, layers
from .model import Model


class Sequential(Model):
    """Layers one after the other: each receives what the one before returned.

    Args:
        layers: the layers in order; the first may be an `Input`.
        trainable: whether the parameters are trained.
        name: the name of the model.
    Raises:
        ConfigError: something in the list is no layer, or two layers have one name.
    """

    registry = layers

    def __init__(
        self,
        layers: Sequence[Any] | None = None,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.stack: list[Layer] = []
        self.entrance: InputLayer | None = None
        self.chain: list[Any] = []
        expect(not isinstance(layers, (KerasTensor, Layer)), "Sequential", "layers must be a list",
               error=ConfigError, layers=layers,
               advice="Put brackets around them: Sequential([…]).")  # fmt: skip
        for one in layers or ():
            self._put(one)
        if not trainable:
            self.trainable = False
        self._try_build()

    @property
    def layers(self) -> list[Layer]:
        """The layers in order, without the entrance."""
        return list(self.stack)

    def children(self) -> Iterator[tuple[str, Layer]]:
        """Yield the layers by name."""
        for one in self.stack:
            yield one.name, one

    def add(self, layer: Any) -> None:
        """Put a layer at the end.

        Raises:
            ConfigError: it is no layer, or its name is taken.
            ShapeError: it does not fit what comes before; the model stays as it was.
        """
        before = (list(self.stack), self.entrance)
        self._put(layer)
        try:
            self._try_build()
        except GraftError:
            self.stack, self.entrance = before
            raise

    def pop(self) -> Layer:
        """Take the last layer away and return it.

        Raises:
            ConfigError: there is none.
        """
        expect(len(self.stack) > 0, f'model "{self.name}"', "there must be a layer to take away",
               error=ConfigError, layers=0)  # fmt: skip
        del self.chain[len(self.stack) :]
        changes.count += 1
        return self.stack.pop()

    def _put(self, one: Any) -> None:
        if isinstance(one, KerasTensor) and one.origin is not None:
            one = one.origin.layer
        if isinstance(one, InputLayer):
            expect(not self.stack, f'model "{self.name}"', "an Input must come first",
                   error=ConfigError, layers=len(self.stack))  # fmt: skip
            self.entrance = one
            return
        expect(isinstance(one, Layer), f'model "{self.name}"', "every entry must be a layer",
               error=ConfigError, entry=one, advice=uncalled(one))  # fmt: skip
        expect(all(one.name != other.name for other in self.stack), f'model "{self.name}"',
               "every layer must have a name of its own", error=ConfigError, name=one.name,
               advice="Pass name=.")  # fmt: skip
        shaped = not isinstance(one, Model) and one.input_shape is not None
        if not self.stack and self.entrance is None and shaped:
            kind = one.entrance_dtype or one.dtype
            self.entrance = InputLayer(tuple(one.input_shape), dtype=kind)
        self.stack.append(one)
        changes.count += 1

    def _try_build(self) -> None:
        if self.entrance is None and self.stack:
            first = self.stack[0]
            if isinstance(first, Model) and first.built and _plain(first.built_shape):
                self.entrance = InputLayer(batch_shape=tuple(first.built_shape), dtype=first.dtype)
        if self.entrance is not None and self.stack:
            self.build(self.entrance.batch_shape)

    def build(self, input_shape: Any = None) -> None:
        """Build every layer for an input of this shape, batch included (None where unknown)."""
        given = input_shape if input_shape is not None else self.built_shape
        if _plain(given) and len(given) > 0:
            if self.entrance is None or tuple(self.entrance.batch_shape) != tuple(given):
                self.entrance = InputLayer(batch_shape=tuple(given), dtype=self._entered())
            self._connect(self.entrance)
        else:
            super().build(given)
        self.built_shape, self.built = tuple(given) if _plain(given) else given, True

    def _entered(self) -> str:
        return (self.stack[0].entrance_dtype if self.stack else None) or self.dtype

    def _connect(self, entrance: InputLayer) -> None:
        """Apply the layers that are new to symbols, so that they can be cut out and built upon."""
        if not self.chain or self.chain[0] is not entrance.output:
            self.chain = [entrance.output]
        for one in self.stack[len(self.chain) - 1 :]:
            self.chain.append(one(self.chain[-1]))

    def build_for(self, shape: Any) -> None:
        """Remember for what input; the layers build themselves when they are reached."""
        super().build_for(shape)
        if self.entrance is None and _plain(shape) and self.stack:
            self.entrance = InputLayer(batch_shape=tuple(shape), dtype=self._entered())

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbol at the entrance, once the input's shape is known."""
        return [] if self.entrance is None else [self.entrance.output]

    @property
    def input(self) -> Any:
        """The symbol at the entrance, once the input's shape is known."""
        return super().input if self.entrance is None else self.entrance.output

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbols at the exit, once the layers are built for a shape."""
        return symbols(self.chain[-1]) if len(self.chain) > len(self.stack) else []

    @property
    def output(self) -> Any:
        """What comes out of the last layer, as symbols, once the layers are built for a shape."""
        return self.chain[-1] if len(self.chain) > len(self.stack) else super().output

    if not TYPE_CHECKING:

        @property
        def input_shape(self) -> Any:
            """The shape of the input, batch included, once it is known."""
            return self._known("input", self.inputs)

        @input_shape.setter
        def input_shape(self, shape: Any) -> None:
            """Layers may be told a shape beforehand; a Sequential model has an Input."""

        @property
        def output_shape(self) -> Any:
            """The shape of the output, batch included, once the layers are built for a shape."""
            return self._known("output", self.outputs)

    def _known(self, which: str, found: list[KerasTensor]) -> Any:
        expect(len(found) > 0, f'model "{self.name}"', f"the shape of the {which} must be known",
               error=MissingAttributeError, built=self.built,
               advice="Begin with an Input, or call build(input_shape).")  # fmt: skip
        return found[0].shape if len(found) == 1 else [one.shape for one in found]

    @property
    def received_dtype(self) -> DType:
        """That of the weights: each layer converts what it receives, as precise as it came."""
        return self.dtype_policy.variable_dtype

    def call(self, x: Any) -> Any:
        """Run the layers in order.

        Raises:
            ShapeError: there is more than one input, or none.
        """
        if isinstance(x, (list, tuple, dict)):
            given = list(x.values()) if isinstance(x, dict) else list(x)
            expect(len(given) == 1, f'model "{self.name}"', "there must be one input",
                   given=list(x) if isinstance(x, dict) else len(x))  # fmt: skip
            x = given[0]
        if self.entrance is not None:
            x = in_rank(self.entrance.output, x)
        for one in self.stack:
            x = one(x)
        return x

    def get_config(self) -> dict[str, Any]:
        """Return name, element type and the configurations of the layers, entrance included."""
        listed = ([self.entrance] if self.entrance is not None else []) + self.stack
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": self.dtype_policy.name,
            "layers": [configuration(one) for one in listed],
        }

    @classmethod
    def from_config(
        cls, config: Any, custom_objects: Mapping[str, Any] | None = None
    ) -> Sequential:
        """Make the layers of a configuration, those of your own from `custom_objects`.

        Raises:
            ConfigError: a layer is not known or its settings are unfit.
        """
        with custom_object_scope(custom_objects or {}):
            made = [decoded(one, layers) for one in config["layers"]]
        return cls(made, name=config.get("name"), dtype=decoded(config.get("dtype"), None))


def _plain(shape: Any) -> bool:
    return isinstance(shape, (tuple, list)) and all(n is None or isinstance(n, int) for n in shape)


layers.register(Sequential)
