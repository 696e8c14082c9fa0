"""Computations without weights that stand in functional models as layers do."""

from __future__ import annotations

from typing import Any, ClassVar

from .layer import Layer


class Operation(Layer):
    """A computation without weights; subclasses define `call`.

    Called on symbols it becomes part of a functional model.

    Args:
        name: its name in files and summaries; made from the class if None.
    """

    autocast: ClassVar[bool] = False

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name, autocast=False)

    def _masked(self, takes: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.call(*args, **kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Apply to symbols: what calling it does."""
        return self(*args, **kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbols with the shapes and element types of what `call` returns."""
        return self._symbolically(args, kwargs)
