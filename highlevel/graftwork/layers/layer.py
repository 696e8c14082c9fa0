"""What every layer is: settings, weights, a call; built at first sight; frozen by one bit.

Which layers there are stands in this folder's other files; how they are trained in `training`.
"""

from __future__ import annotations

import inspect
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import graftgrad
from graftgrad import Tensor
from graftgrad.device.base import Device
from graftgrad.errors import ConfigError, DataError, FormatError, GraftError, expect, note
from graftgrad.modes import autocast, autocasting, depends
from graftgrad.spec import DType, as_dtype, is_floating

from ..policy import DTypePolicy, find_policy
from ..registry import (
    Configured,
    Setting,
    changes,
    constraints,
    declared,
    initializers,
    layers,
    regularizers,
    setting,
    snake_case,
    unique_name,
)
from ..tables.strings import is_text
from ..weight import Weight, positive_multiplier
from .masks import fill, lay, mask_of, masks_of, set_mask
from .penalties import Penalties
from .stored import Stored, recorded
from .symbol import Application, KerasTensor, is_symbolic, leaves, mapped, shape_of, symbols, traced


class Watcher(Protocol):
    """What stands in for the calls of layers: see `training.resume`."""

    number: int  # alike for those that do alike, so it may be part of the key of a recorded step

    def called(
        self, layer: Layer, args: tuple[Any, ...], training: bool | None, kwargs: dict[str, Any]
    ) -> Any:
        """Return what a call of a layer returns; `layer._called` computes it."""


class _Phase(threading.local):
    training: bool = False
    told: bool = False  # whether anybody said so, or it only is the default
    within: bool = False  # whether a call of a layer is under way
    resumed: Watcher | None = None  # where a frozen part was computed before: its stand-in
    budget: int | None = None  # numbers that weights may still be made of, while a file is read

    def __init__(self) -> None:
        self.penalties = Penalties()


phase = _Phase()


@contextmanager
def collecting() -> Iterator[Penalties]:
    """Let the calls inside a `with` block add their penalties to a list of its own."""
    before, phase.penalties = phase.penalties, Penalties()
    try:
        yield phase.penalties
    finally:
        phase.penalties = before


class InputSpec:
    """What a layer demands of its input: the number of axes and the sizes of some of them."""

    def __init__(
        self,
        ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int] | None = None,
    ) -> None:
        self.ndim = ndim
        self.min_ndim = min_ndim
        self.axes = axes or {}

    def check(self, subject: str, shape: Sequence[int | None]) -> None:
        """Hold a shape against the demands.

        Raises:
            ShapeError: the number of axes or a size does not fit.
        """
        given = tuple(shape)
        expect(self.ndim is None or len(given) == self.ndim, subject,
               f"the input must have {self.ndim} axes, batch included", input=given,
               advice=_alone(given, self.ndim))  # fmt: skip
        expect(
            self.min_ndim is None or len(given) >= self.min_ndim,
            subject,
            f"the input must have at least {self.min_ndim} axes, batch included",
            input=given,
            advice=_alone(given, self.min_ndim),
        )
        for axis, size in self.axes.items():
            expect(given[axis] in (None, size), subject,
                   f"axis {axis} of the input must have size {size}, as when the layer was built",
                   input=given, advice=_moved(given, axis, size))  # fmt: skip


def _alone(given: tuple[int | None, ...], wanted: int | None) -> str:
    """Say what to do with what may be a single sample."""
    return (
        "One sample alone needs an axis for the batch: x[None]." if len(given) + 1 == wanted else ""
    )


def _moved(given: tuple[int | None, ...], axis: int, size: int) -> str:
    """Say what to do with what may be pictures with the channels in front of rows and columns."""
    if len(given) != 4 or axis not in (-1, 3) or given[1] != size:
        return ""
    return "Channels come last here; these seem to come first: x.transpose(0, 2, 3, 1)."


ELSEWHERE = {
    "train": "Write layer(x, training=True) where it is called; fit does so.",
    "eval": "A call without training=True is one in inference form; evaluate and predict are.",
    "state_dict": "Write save_weights('name.pth'): PyTorch reads it too.",
    "load_state_dict": "Write load_weights('name.pth'), which reads PyTorch's files.",
    "cuda": "Write to('gpu').",
    "cpu": "Write to('cpu').",
}  # what PyTorch's modules have, for errors


class Bookkeeping(Stored, Configured):
    """What every layer keeps besides its settings, from before its constructor runs."""

    built: bool
    built_shape: Any
    multiplier: float  # of the learning rate, for parameters that are made later
    switch: bool  # stands for `trainable` where there is no parameter to ask
    policy: DTypePolicy
    applications: list[Application]
    own_weights: list[Weight]
    takes: tuple[str, ...] | None  # the arguments of `call`, once they were looked at
    input_spec: InputSpec | None = None
    activity_regularizer: Any = None
    supports_masking: bool = False  # whether the mask of the input fits the output too
    per_sample: bool | None = None  # None: known of the layers here, not known of a user's own

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make the bookkeeping before any constructor runs, so attributes can be set freely."""
        made = super().__new__(cls, *args, **kwargs)
        kept: dict[str, Any] = {
            "built": False,
            "built_shape": None,
            "switch": True,
            "multiplier": 1.0,
            "takes": None,
        }
        for name, value in {**kept, "applications": [], "own_weights": []}.items():
            object.__setattr__(made, name, value)
        return made


@declared(layers)
class Layer(Bookkeeping):
    """A computation with weights.

    Subclasses declare settings, make their weights in `build(input_shape)` and compute in
    `call(x)`. A layer whose parameters are all frozen runs in inference form, whichever idiom
    froze it.

    `per_sample = True`, in a class of your own or on one layer, promises what is known of the
    layers here: the output for a sample depends on that sample and the weights alone, not on its
    neighbours in the batch; and `call` itself, apart from the layers that it calls, draws nothing
    and changes no weight. `fit` then computes such a layer, frozen, once per sample.

    Args:
        name: its name in files and summaries; made from the class if None.
        trainable: whether its parameters are trained.
        dtype: the element type of its computation and weights, or the name of a policy.
        input_shape: the shape of its input without the batch, where it is known beforehand.
    """

    name: str = setting(default=None, kw_only=True)
    if TYPE_CHECKING:
        trainable: bool = setting(default=True, kw_only=True)
    dtype: Any = setting(default=None, kw_only=True)
    input_shape: Any = setting(default=None, kw_only=True)

    accepts_integers: ClassVar[bool] = True
    takes_text: ClassVar[bool] = False  # strings, which stay on the host until it looks them up
    autocast: ClassVar[bool] = True  # inputs and weights are brought to the type of computation

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: Any = None,
        input_shape: Any = None,
        autocast: bool = True,
        **unknown: Any,
    ) -> None:
        """Begin a layer whose class has a constructor of its own."""
        expect(not unknown, type(self).__name__,
               "keyword arguments handed on to Layer must be name, trainable, dtype, autocast or "
               "input_shape",
               error=ConfigError, unknown=list(unknown))  # fmt: skip
        for key, value in (("name", name), ("dtype", dtype), ("input_shape", input_shape)):
            object.__setattr__(self, key, value)
        object.__setattr__(self, "switch", bool(trainable))
        if not autocast:
            object.__setattr__(self, "autocast", False)
        self.prepare_layer()

    def prepare(self) -> None:
        """Finish a declared layer."""
        self.prepare_layer()

    def prepare_layer(self) -> None:
        """Settle name and element types."""
        named: Any = self.name
        if named is None:
            object.__setattr__(self, "name", unique_name(snake_case(type(self).__name__)))
        expect(isinstance(self.name, str) and "/" not in self.name and self.name != "",
               type(self).__name__, "name must be a non-empty string without '/'",
               error=ConfigError, name=self.name)  # fmt: skip
        object.__setattr__(self, "policy", find_policy(self.dtype))
        object.__setattr__(self, "dtype", str(self.policy.variable_dtype))

    # -- element types -------------------------------------------------------------------------

    @property
    def compute_dtype(self) -> str:
        """The element type in which the layer computes, and of its output."""
        return str(self.policy.compute_dtype)

    @property
    def variable_dtype(self) -> str:
        """The element type of the layer's weights."""
        return str(self.policy.variable_dtype)

    @property
    def input_dtype(self) -> str:
        """The element type to which inputs are brought."""
        return str(self.received_dtype)

    @property
    def entrance_dtype(self) -> str | None:
        """The element type that a model beginning with this layer receives, if that is settled."""
        return None

    @property
    def received_dtype(self) -> DType:
        """The element type to which inputs are brought, not as a name."""
        return self.policy.compute_dtype

    @property
    def dtype_policy(self) -> DTypePolicy:
        """Both element types under one name; set it to a policy or the name of one.

        Weights that were made keep their element type.
        """
        return self.policy

    @dtype_policy.setter
    def dtype_policy(self, identifier: Any) -> None:
        object.__setattr__(self, "policy", find_policy(identifier))
        object.__setattr__(self, "dtype", str(self.policy.variable_dtype))

    # -- weights -------------------------------------------------------------------------------

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
        kind = as_dtype(dtype or self.policy.variable_dtype)
        fallback = "glorot_uniform" if is_floating(kind) and len(sizes) > 1 else "zeros"
        make = initializers.get(initializer if initializer is not None else fallback)
        with graftgrad.no_grad():
            value = make(sizes, dtype=kind)
            value = value if isinstance(value, Tensor) else graftgrad.tensor(value, kind)
        weight = Weight(
            value.to(kind),
            name,
            "parameter" if trainable else "state",
            self.switch,
            regularizers.get(regularizer),
            constraints.get(constraint),
            autocast,
        )
        weight.path = f"{self.name}/{name}"
        if trainable and self.multiplier != 1.0:
            weight.learning_rate_multiplier = self.multiplier
        self.own_weights.append(weight)
        return weight

    def children(self) -> Iterator[tuple[str, Layer]]:
        """Yield the layers this one holds, with the attribute (and place) that holds them."""
        seen: set[int] = set()
        for key, value in vars(self).items():
            if key in _BOOKKEEPING or not isinstance(value, (Layer, list, tuple, dict)):
                continue
            for path, child in _layers_in(key, value):
                if id(child) not in seen:
                    seen.add(id(child))
                    yield path, child

    def own(self) -> list[tuple[str, Weight]]:
        """Return this layer's own weights, without those of its children, by name."""
        kept = [(weight.name, weight) for weight in self.own_weights]
        known = {id(weight) for _, weight in kept}
        for key, value in vars(self).items():
            if isinstance(value, Weight) and id(value) not in known:
                kept.append((key, value))
        return kept

    def named_weights(self, prefix: str = "") -> Iterator[tuple[str, Weight]]:
        """Yield every weight once with its path of attributes, depth first."""
        yield from self._named_weights(prefix, set())

    def _named_weights(self, prefix: str, seen: set[int]) -> Iterator[tuple[str, Weight]]:
        for name, weight in self.own():
            if id(weight) not in seen:
                seen.add(id(weight))
                yield prefix + name, weight
        for path, child in self.children():
            yield from child._named_weights(f"{prefix}{path}/", seen)

    def flattened(self) -> Iterator[Layer]:
        """Yield this layer and every layer below it once, depth first."""
        seen: set[int] = set()
        stack: list[Layer] = [self]
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

    non_trainable_variables = non_trainable_weights

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

    def to(self, device: str | Device) -> Layer:
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

    # -- freezing ------------------------------------------------------------------------------

    if not TYPE_CHECKING:

        @property
        def trainable(self) -> bool:
            """Whether any parameter is trained: their `requires_grad` under Keras' name."""
            bits = [weight.requires_grad for weight in self.parameters()]
            return any(bits) if bits else self.switch

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
                object.__setattr__(one, "switch", bool(wanted))
                for _, weight in one.own():
                    weight.trainable = bool(wanted)

    @property
    def learning_rate_multiplier(self) -> float | None:
        """By how much its parameters learn faster than the optimizer says; None where they differ.

        Set, it holds for all parameters below, frozen ones too, from the next step on; an optimizer
        keeps what it knows.
        """
        found = {weight.learning_rate_multiplier for weight in self.parameters()}
        if not found:
            return self.multiplier
        return found.pop() if len(found) == 1 else None

    @learning_rate_multiplier.setter
    def learning_rate_multiplier(self, value: float) -> None:
        wanted = positive_multiplier(f'layer "{self.name}"', value)
        changes.count += 1
        for one in self.flattened():
            object.__setattr__(one, "multiplier", wanted)
            for _, weight in one.own():
                if weight.kind == "parameter":
                    weight.learning_rate_multiplier = wanted

    def is_frozen(self) -> bool:
        """Tell whether nothing in this layer is trained: all its parameters are frozen."""
        bits = [weight.requires_grad for weight in self.parameters()]
        return not any(bits) if bits else not self.switch

    def requires_grad_(self, requires_grad: bool = True) -> Layer:
        """Set `requires_grad` of every parameter, in PyTorch's idiom."""
        self.trainable = requires_grad
        return self

    # -- building ------------------------------------------------------------------------------

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
        if self.input_spec is not None and isinstance(shape, tuple) and _is_shape(shape):
            self.input_spec.check(f'layer "{self.name}"', shape)
        self.build(shape)
        object.__setattr__(self, "built_shape", shape)
        object.__setattr__(self, "built", True)

    def __setattr__(self, key: str, value: Any) -> None:
        """Set an attribute; a layer in the place of a built one is built for the same input.

        A weight in the place of another is used, listed and saved in its place: weights are tied.
        """
        if isinstance(value, Layer):
            before = vars(self).get(key)
            if isinstance(before, Layer) and before.built_shape is not None and not value.built:
                value.build_for(before.built_shape)
        elif isinstance(value, Weight):
            replaced = vars(self).get(key)
            own = dict.fromkeys(value if one is replaced else one for one in self.own_weights)
            object.__setattr__(self, "own_weights", list(own))
        super().__setattr__(key, value)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the output for a shape of the input, None where unknown."""
        kind = self.compute_dtype
        given = mapped_shapes(lambda shape: KerasTensor(shape, kind), input_shape)
        self.build_for(input_shape)
        return shape_of(self._symbolically((given,), {}))

    if not TYPE_CHECKING:  # a checker shall know of no further attribute

        def __getattr__(self, name: str) -> Any:
            advice = ELSEWHERE.get(name)
            if advice is None:
                return object.__getattribute__(self, name)  # raises what has been raised
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}. {advice}"
            )

    # -- calling -------------------------------------------------------------------------------

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output."""
        raise NotImplementedError(f"{type(self).__name__}: must define call(self, inputs).")

    def __call__(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Build if need be, bring the input to this layer's element type, and compute.

        Raises:
            ShapeError: the input does not fit the layer.
        """
        watcher = phase.resumed
        if watcher is not None:
            return watcher.called(self, args, training, kwargs)
        return self._called(args, training, kwargs)

    def _called(self, args: tuple[Any, ...], training: bool | None, kwargs: dict[str, Any]) -> Any:
        """Do what a call does.

        Raises:
            ShapeError: the input does not fit the layer.
        """
        expect("policy" in vars(self), type(self).__name__,
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
                self.build_for(shape_of(args[0]) if args else None)
            if self.input_spec is not None and isinstance(args[0], Tensor):
                self.input_spec.check(f'layer "{self.name}"', args[0].shape)
            return self._run(args, training, kwargs)
        except GraftError as error:
            note(error, f'in layer "{self.name}" ({type(self).__name__})')
            raise

    def _run(self, args: tuple[Any, ...], training: bool | None, kwargs: dict[str, Any]) -> Any:
        before, told, within = phase.training, phase.told, phase.within
        if not within:
            phase.within = True
            phase.penalties.forget(self)
        wanted = before if training is None else bool(training)
        phase.training = wanted and not self.is_frozen()
        phase.told = told or training is not None
        depends(self)
        try:
            takes = self.takes
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
        now, kind = autocast(), self.policy
        mixed = kind.compute_dtype != kind.variable_dtype or now is not None
        wanted = kind.compute_dtype if mixed and self.autocast else None
        if wanted == now:
            return self._masked(takes, args, kwargs)
        with autocasting(wanted if wanted is None or is_floating(wanted) else None):
            return self._masked(takes, args, kwargs)

    def _masked(self, takes: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call, with the masks of the inputs, and lay those of the outputs beside them."""
        fill(takes, args, kwargs)
        first = args[0] if args else next(iter(kwargs.values()), None)
        previous = kwargs.get("mask")
        if previous is None:
            previous = masks_of(first)
        y = self.call(*args, **kwargs)
        own = type(self).compute_mask is not Layer.compute_mask
        if own or previous is not None:
            lay(self, first, y, previous, self.supports_masking or own)
        return y

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask of the output for the mask of the input; the same, if not overridden."""
        return previous_mask

    def _accepted(self) -> tuple[str, ...]:
        takes = tuple(inspect.signature(self.call).parameters)
        object.__setattr__(self, "takes", takes)
        return takes

    def asks_training(self) -> bool:
        """Tell whether `call` is told if it runs in training form."""
        return "training" in (self._accepted() if self.takes is None else self.takes)

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

    def _apply(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        application = Application(self, args, kwargs)
        self.build_for(shape_of(args[0]))
        outputs = self._symbolically(args, kwargs)
        for index, symbol in enumerate(symbols(outputs)):
            symbol.origin, symbol.index = application, index
        application.outputs = outputs
        self.applications.append(application)
        return outputs

    def _symbolically(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        others = {key: value for key, value in kwargs.items() if key != "training"}

        def run(make: Callable[[KerasTensor], Tensor]) -> Any:
            def put(one: Any) -> Any:
                return make(one) if isinstance(one, KerasTensor) else one

            with graftgrad.no_grad(), collecting():
                return self(*mapped(put, args), training=False, **mapped(put, others))

        return traced(run, (args, others, getattr(self, "arguments", ())))

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

    @property
    def input(self) -> Any:
        """The symbols of the last application in a functional model.

        Raises:
            ConfigError: the layer was never applied to symbols.
        """
        made = self._last_application().inputs
        return made[0] if len(made) == 1 else made

    @property
    def output(self) -> Any:
        """The symbols that came out of the last application in a functional model.

        Raises:
            ConfigError: the layer was never applied to symbols.
        """
        return self._last_application().outputs

    def _last_application(self) -> Application:
        expect(len(self.applications) > 0, f'layer "{self.name}"',
               "input and output exist once the layer was called in a functional model",
               error=ConfigError, applications=0)  # fmt: skip
        last: Application = self.applications[-1]
        return last

    def regularization(self) -> list[Tensor]:
        """Return one penalty for every trained weight that has a regularizer."""
        return [w.regularizer(w) for w in self.trainable_weights if w.regularizer is not None]

    # -- configuration -------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Return the settings as plain values, name, trainable and dtype included."""
        config = super().get_config()
        config.pop("input_shape", None)
        head = {"name": self.name, "trainable": self.trainable, "dtype": self.policy.name}
        return head | {key: value for key, value in config.items() if key not in head}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


Layer.settings = {
    "name": Layer.settings["name"],
    "trainable": Setting((), True, kw_only=True),
    "dtype": Layer.settings["dtype"],
    "input_shape": Layer.settings["input_shape"],
}
_BOOKKEEPING = frozenset({"applications", "own_weights", "given", "takes"})


def _layers_in(path: str, value: Any) -> Iterator[tuple[str, Layer]]:
    if isinstance(value, Layer):
        yield path, value
    elif isinstance(value, (list, tuple)):
        for i, one in enumerate(value):
            yield from _layers_in(f"{path}/{i}", one)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _layers_in(f"{path}/{key}", one)


def mapped_shapes(function: Callable[[tuple[int | None, ...]], Any], shapes: Any) -> Any:
    """Apply a function to a shape, or to every shape of a structure."""
    if isinstance(shapes, dict):
        return {key: mapped_shapes(function, one) for key, one in shapes.items()}
    if _is_shape(shapes):
        return function(tuple(shapes))
    return type(shapes)([mapped_shapes(function, one) for one in shapes])


def _is_shape(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and all(
        one is None or isinstance(one, int) for one in value
    )


def _is_array(value: Any) -> bool:
    return isinstance(value, Tensor) or (hasattr(value, "shape") and hasattr(value, "dtype"))


def _is_built_in(layer: Layer) -> bool:
    return layers.known.get(type(layer).__name__) is type(layer)


def _per_sample(penalty: Tensor, y: Tensor) -> Tensor:
    """Divide a penalty on an output by its samples, so that it does not grow with the batch."""
    return penalty / max(y.shape[0], 1) if y.ndim else penalty
