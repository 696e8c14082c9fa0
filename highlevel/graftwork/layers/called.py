"""A call of a layer: its input is brought to its type, it is built, and computes.

Here stand training and inference form, masks and the penalties of what comes out.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar, cast

import graftgrad
from graftgrad import Tensor
from graftgrad.errors import ConfigError, DataError, GraftError, expect, note
from graftgrad.modes import autocast, autocasting, depends
from graftgrad.spec import is_floating

from ..registry import layers
from ..tables.strings import is_text
from .building import shapes_for
from .built import Built
from .input_spec import hold_all
from .masks import fill, lay, mask_of, masks_of, set_mask
from .phase import phase
from .symbol import is_symbolic, leaves

if TYPE_CHECKING:
    from .layer import Layer


class Called(Built):
    """A layer as something that is called."""

    accepts_integers: ClassVar[bool] = True
    takes_text: ClassVar[bool] = False  # strings, which stay on the host until it looks them up
    autocast: ClassVar[bool] = True  # inputs and weights are brought to the type of computation

    if TYPE_CHECKING:

        def _apply(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            """Apply to symbols: see `applied`."""

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output."""
        told = " forward is PyTorch's name for it." if hasattr(type(self), "forward") else ""
        raise NotImplementedError(f"{type(self).__name__}: must define call(self, inputs).{told}")

    def __call__(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Build if need be, bring the input to this layer's element type, and compute.

        Raises:
            ShapeError: the input does not fit the layer.
        """
        watcher = phase.resumed
        if watcher is not None:
            return watcher.called(cast("Layer", self), args, training, kwargs)
        return self._called(args, training, kwargs)

    def _called(self, args: tuple[Any, ...], training: bool | None, kwargs: dict[str, Any]) -> Any:
        """Do what a call does.

        Raises:
            ShapeError: the input does not fit the layer.
        """
        expect("_dtype_policy" in vars(self), type(self).__name__,
               "a constructor of your own must call super().__init__()", error=ConfigError,
               called=False)  # fmt: skip
        if is_symbolic(args, kwargs):
            return self._apply(
                args, kwargs if training is None else {**kwargs, "training": training}
            )
        args = tuple([self._received(one) for one in args])
        if kwargs:
            kwargs = {
                key: self._received(one, not key.endswith("mask")) for key, one in kwargs.items()
            }
        try:
            if not self.built:
                shapes = shapes_for(self, args, kwargs)
                fits = shapes is not None or not args or type(self).build is Built.build
                expect(fits or not _is_built_in(self), f'layer "{self.name}"',
                       "the input must be a tensor or an array",
                       input=next(iter(args), None))  # fmt: skip
                self.build_for(shapes)
            if self.input_spec is not None and args:
                hold_all(self.input_spec, f'layer "{self.name}"', args[0])
            return self._run(args, training, kwargs)
        except (GraftError, MemoryError) as error:
            note(error, f'in layer "{self.name}" ({type(self).__name__})')
            raise

    def _run(self, args: tuple[Any, ...], training: bool | None, kwargs: dict[str, Any]) -> Any:
        before, told, within = phase.training, phase.told, phase.within
        if not within:
            phase.within = True
            phase.penalties.forget(self)
        wanted = before if training is None else bool(training)
        if training is None and not told:
            wanted = wanted or self.trains_untold()
        phase.training = wanted and not self.is_frozen()
        phase.told = told or training is not None
        depends(self)
        try:
            takes = self._call_arguments
            if takes is None:
                takes = self._accepted()
            if "training" in takes:
                kwargs["training"] = phase.training
            y = self._autocast(takes, args, kwargs)
            if self.activity_regularizer is not None:
                self.add_loss(
                    [_per_sample(self.activity_regularizer(one), one) for one in leaves(y)]
                )
            return y
        finally:
            phase.training, phase.told, phase.within = before, told, within

    def _autocast(
        self, takes: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Call, with weights read in the element type of this layer's computation."""
        now, kind = autocast(), self._dtype_policy
        mixed = kind.compute_dtype != kind.variable_dtype or now is not None
        wanted = kind.compute_dtype if mixed and self.autocast else None
        if wanted == now:
            return self._masked(takes, args, kwargs)
        with autocasting(wanted if wanted is None or is_floating(wanted) else None):
            return self._masked(takes, args, kwargs)

    def _masked(self, takes: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call, with the masks of the inputs, and lay those of the outputs beside them."""
        told = kwargs.get("mask") is not None  # by whoever calls, not by the input
        fill(takes, args, kwargs)
        first = args[0] if args else next(iter(kwargs.values()), None)
        previous = kwargs.get("mask")
        if previous is None:
            previous = masks_of(first)
        y = self.call(*args, **kwargs)
        own = type(self).compute_mask is not Called.compute_mask
        travels = self.supports_masking or own
        if own or (previous is not None and (travels or not told)):
            lay(self, first, y, previous, travels)
        return y

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask of the output for the mask of the input; the same, if not overridden."""
        return previous_mask

    def _accepted(self) -> tuple[str, ...]:
        known = inspect.signature(self.call).parameters
        takes = tuple(known)
        object.__setattr__(self, "_call_arguments", takes)
        default = known["training"].default if "training" in known else False
        object.__setattr__(self, "_trains_untold", default is True)
        return takes

    def trains_untold(self) -> bool:
        """Tell whether `call(…, training=True)` means training form where nobody says."""
        if self._call_arguments is None:
            self._accepted()
        return self._trains_untold

    def asks_training(self) -> bool:
        """Tell whether `call` is told if it runs in training form."""
        takes = self._call_arguments
        return "training" in (self._accepted() if takes is None else takes)

    def _received(self, value: Any, converts: bool = True) -> Any:
        if isinstance(value, (tuple, list)) and any(_is_array(one) for one in value):
            return type(value)([self._received(one, converts) for one in value])
        if isinstance(value, dict):
            return {key: self._received(one, converts) for key, one in value.items()}
        if not _is_array(value):
            return value
        if not isinstance(value, Tensor) and is_text(value):
            return self._text(value)
        x = value if isinstance(value, Tensor) else graftgrad.as_tensor(value, None, self.device)
        wanted = self.received_dtype
        if not self.autocast and is_floating(x.dtype):
            return x
        kept = self.accepts_integers or not converts
        if x.dtype == wanted or (kept and not is_floating(x.dtype)):
            return x
        mask = mask_of(x)
        return x.to(wanted) if mask is None else set_mask(x.to(wanted), mask)

    def _text(self, value: Any) -> Any:
        """Hand text on, which is no tensor, where this layer looks it up or may hand it on."""
        passes = self.takes_text or any(True for _ in self.children()) or not _is_built_in(self)
        expect(passes, f'layer "{self.name}"', "the input must hold numbers", error=DataError,
               dtype=str(value.dtype), advice="Turn text into numbers first, with StringLookup or "
               "TextVectorization.")  # fmt: skip
        return value

    # -- penalties -----------------------------------------------------------------------------

    def add_loss(self, loss: Any) -> None:
        """Add a scalar, or several, to the losses of this call: they become part of `losses`."""
        phase.penalties.add(self, leaves(loss))

    @property
    def losses(self) -> list[Tensor]:
        """The penalties of this layer and those below it, a list of scalars.

        They are what `add_loss` and activity regularizers added in the last call, and one for every
        trained weight with a regularizer. A training loop of your own adds them to its loss; `fit`
        does it by itself. The next call of the layer, or of the model around it, forgets those of
        the last.
        """
        return [*phase.penalties.of(self), *self.regularization()]

    def regularization(self) -> list[Tensor]:
        """Return one penalty for every trained weight that has a regularizer."""
        return [w.regularizer(w) for w in self.trainable_weights if w.regularizer is not None]


def _is_array(value: Any) -> bool:
    return isinstance(value, Tensor) or (hasattr(value, "shape") and hasattr(value, "dtype"))


def _is_built_in(layer: Called) -> bool:
    return layers.known.get(type(layer).__name__) is type(layer)


def _per_sample(penalty: Tensor, y: Tensor) -> Tensor:
    """Divide a penalty on an output by its samples, so that it does not grow with the batch."""
    return penalty / max(y.shape[0], 1) if y.ndim else penalty
