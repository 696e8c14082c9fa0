"""A layer applied to symbols, whose shapes come from its own `call`: part of a functional model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import graftgrad
from graftgrad import Tensor
from graftgrad.errors import MissingAttributeError, expect

from ..weight import shapes_only
from .building import shapes_for
from .built import is_shape
from .called import Called
from .phase import collecting
from .symbol import Application, KerasTensor, mapped, shape_of, symbols, traced

if TYPE_CHECKING:
    from .layer import Layer


class Applied(Called):
    """A layer as a step between symbols."""

    def _apply(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        application = Application(cast("Layer", self), args, kwargs)
        self.build_for(shapes_for(self, args, kwargs))
        outputs = self._told_shapes(args, kwargs)
        for index, symbol in enumerate(symbols(outputs)):
            symbol.origin, symbol.index = application, index
        application.outputs = outputs
        self._applications.append(application)
        return outputs

    def _told_shapes(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Find what comes out of symbols: as the class says itself, or by running `call`.

        A `compute_output_shape` of the user's own is asked where `call` cannot run without values.
        """
        if type(self).compute_output_spec is not Applied.compute_output_spec:
            return self.compute_output_spec(*args, **kwargs)
        try:
            return self._symbolically(args, kwargs)
        except Exception:
            if type(self).compute_output_shape is Applied.compute_output_shape:
                raise
            told = self.compute_output_shape(shape_of(args[0]))
            return mapped_shapes(lambda shape: KerasTensor(shape, self.compute_dtype), told)

    def _symbolically(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        others = {key: value for key, value in kwargs.items() if key != "training"}

        def run(make: Callable[[KerasTensor], Tensor]) -> Any:
            def put(one: Any) -> Any:
                return make(one) if isinstance(one, KerasTensor) else one

            with graftgrad.no_grad(), collecting(), shapes_only(True):
                return self(*mapped(put, args), training=False, **mapped(put, others))

        return traced(run, (args, others, getattr(self, "arguments", ())))

    def compute_output_shape(self, input_shape: Any, *others: Any, **named: Any) -> Any:
        """Return the shape of the output for a shape of the input, None where unknown.

        Where `call` takes several inputs their shapes follow in its order.
        """
        kind = self.compute_dtype
        told = [one for one in (input_shape, *others, *named.values()) if one is not None]
        given = tuple([mapped_shapes(lambda shape: KerasTensor(shape, kind), one) for one in told])
        self.build_for(shapes_for(self, given, {}))
        return shape_of(self._symbolically(given, {}))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbols of what comes out of symbols; nothing is noted of it."""
        self.build_for(shapes_for(self, args, kwargs))
        return self._symbolically(args, kwargs)

    @property
    def input(self) -> Any:
        """The symbols of the last application in a functional model.

        Raises:
            MissingAttributeError: the layer was never applied to symbols.
        """
        made = self._last_application().inputs
        return made[0] if len(made) == 1 else made

    @property
    def output(self) -> Any:
        """The symbols that came out of the last application in a functional model.

        Raises:
            MissingAttributeError: the layer was never applied to symbols.
        """
        return self._last_application().outputs

    def _last_application(self) -> Application:
        expect(len(self._applications) > 0, f'layer "{self.name}"',
               "input and output exist once the layer was called in a functional model",
               error=MissingAttributeError, applications=0)  # fmt: skip
        last: Application = self._applications[-1]
        return last


def mapped_shapes(function: Callable[[tuple[int | None, ...]], Any], shapes: Any) -> Any:
    """Apply a function to a shape, or to every shape of a structure."""
    if isinstance(shapes, dict):
        return {key: mapped_shapes(function, one) for key, one in shapes.items()}
    if is_shape(shapes):
        return function(tuple(shapes))
    return type(shapes)([mapped_shapes(function, one) for one in shapes])
