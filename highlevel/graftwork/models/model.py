"""The model: a layer that is trained, evaluated, saved and summarised."""

from __future__ import annotations

from typing import Any, ClassVar

from graftgrad.errors import ConfigError, expect

from ..layers.applied import mapped_shapes
from ..layers.layer import Layer
from ..layers.symbol import KerasTensor, symbols
from ..saving.export import Exported
from ..saving.saved import Saved
from ..training.frozen import report
from ..training.trainer import Trainer
from .summary import summary


class Model(Saved, Exported, Trainer, Layer):
    """A layer with a training loop.

    `Model(inputs, outputs)` makes a functional model of the layers between two symbols; a
    subclass states its layers in a constructor and computes in `call`.
    """

    functional: ClassVar[type[Model] | None] = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make a functional model where inputs and outputs are given.

        A subclass that is given them, as in `Own(inputs, outputs)`, becomes functional in the
        same way.
        """
        functional = Model.functional
        assert functional is not None
        if cls is Model and (len(args) > 1 or "outputs" in kwargs):
            return super().__new__(functional, *args, **kwargs)
        if _symbolic(args, kwargs) and not issubclass(cls, functional):
            space = {"__module__": cls.__module__, "__doc__": cls.__doc__}
            return super().__new__(type(cls.__name__, (cls, functional), space), *args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin a model whose class has a constructor of its own.

        Given inputs and outputs there, in `super().__init__(inputs, outputs)`, it is functional.
        """
        functional = Model.functional
        assert functional is not None
        if _symbolic(args, kwargs) and not isinstance(self, functional):
            kind = type(self)
            space = {"__module__": kind.__module__, "__doc__": kind.__doc__, "constructed": True}
            self.__class__ = type(kind.__name__, (kind, functional), space)
            functional.__init__(self, *args, **kwargs)
            return
        expect(not args, type(self).__name__, "a model of your own takes inputs in call, not here",
               error=ConfigError, arguments=len(args))  # fmt: skip
        super().__init__(**kwargs)

    @property
    def layers(self) -> list[Layer]:
        """The layers one level below, in order."""
        return [child for _, child in self.children()]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer one level below, by name or by place.

        Raises:
            ConfigError: there is no such layer.
        """
        mine = self.layers
        if index is not None:
            expect(-len(mine) <= index < len(mine), f'model "{self.name}"',
                   f"index must lie below {len(mine)}", error=ConfigError, index=index)  # fmt: skip
            return mine[index]
        found = next((layer for layer in mine if layer.name == name), None)
        if found is None:
            raise ConfigError(
                f'model "{self.name}": must have the layer that is asked for; got name={name!r}. '
                f"Its layers: {', '.join(layer.name for layer in mine)}."
            )
        return found

    def build(self, input_shape: Any = None) -> None:
        """Build every layer for an input of this shape, batch included (None where unknown).

        Raises:
            ShapeError: the shape does not fit the layers.
        """
        expect(input_shape is not None, f'model "{self.name}"', "input_shape must be given",
               error=ConfigError, input_shape=input_shape)  # fmt: skip
        inputs = mapped_shapes(lambda shape: KerasTensor(shape, self.dtype), input_shape)
        self._symbolically((inputs,), {})

    def build_for(self, shape: Any) -> None:
        """Remember for what input; the layers build themselves when they are reached.

        A subclass with a `build` of its own is asked for its weights here.
        """
        if not self.built:
            object.__setattr__(self, "built_shape", shape)
            object.__setattr__(self, "built", True)
            if not type(self).build.__module__.startswith(__package__):
                self.build(shape)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return none: the layers inside have laid masks beside the outputs."""
        return None

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print the layers, their output shapes and numbers of parameters.

        Args:
            line_length: the greatest width of the table in characters; that of the terminal if
                None.
            positions: kept for Keras' signature; columns are as wide as needed.
            print_fn: receives the text; `print` if None.
            expand_nested: show the layers of layers too.
            show_trainable: show what is trained, frozen and half frozen.
            layer_range: the names of the first and the last layer that are shown.
        """
        summary(self, line_length, print_fn, expand_nested, show_trainable, layer_range)

    def frozen_report(self) -> str:
        """Tell in one line what is trained and what is frozen."""
        return report(self)


def _symbolic(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    ends = [*args[:2], *(kwargs[key] for key in ("inputs", "outputs") if key in kwargs)]
    return len(ends) == 2 and all(symbols(end) for end in ends)
