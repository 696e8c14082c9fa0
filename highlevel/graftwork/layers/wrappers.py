"""Layers around layers: one applied to every step, and one that reads a sequence both ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from ..registry import configuration, declared, decoded, encoded, layers, setting
from ..rules import one_of, optional
from .embedding import Tabled
from .layer import Layer


def as_layer(subject: str, name: str, value: Any) -> Layer:
    """Accept a layer.

    Raises:
        ConfigError: it is none.
    """
    expect(isinstance(value, Layer), subject, f"{name} must be a layer", error=ConfigError,
           **{name: value})  # fmt: skip
    found: Layer = value
    return found


@declared(layers)
class Wrapper(Layer):
    """A layer around another.

    Args:
        layer: the layer inside.
    Raises:
        ConfigError: it is none.
    """

    layer: Any = setting(as_layer)

    def build(self, input_shape: Any) -> None:
        """Build the layer inside."""
        self.layer.build_for(input_shape)


@declared(layers)
class TimeDistributed(Wrapper):
    """A layer applied to every step of a sequence by itself.

    Shapes: (N, T, …) -> (N, T, …). Steps are computed together as if they were samples, unless the
    layer keeps a state that one step after the other changes, as batch normalization does.

    Args:
        layer: the layer for one step.
    Raises:
        ConfigError: it is none.
        ShapeError: the input has less than 3 axes, or the mask does not fit.
    """

    layer: Any = setting(as_layer)

    supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Build the layer for one step."""
        expect(len(input_shape) >= 3, f'layer "{self.name}"',
               "the input must have at least 3 axes: batch, time, features",
               input=tuple(input_shape))  # fmt: skip
        self.layer.build_for((input_shape[0], *input_shape[2:]))

    def call(self, inputs: Tensor, training: bool = False, mask: Any = None) -> Any:
        """Apply the layer to every step."""
        fits = mask is None or mask.shape[:2] == inputs.shape[:2]
        expect(fits, f'layer "{self.name}"', "the mask must begin with batch and time",
               input=inputs.shape, mask=getattr(mask, "shape", None))  # fmt: skip
        n, t = inputs.shape[:2]
        given = mask is not None and "mask" in _arguments(self.layer)
        if self._one_by_one(training):
            steps = [
                self.layer(inputs[:, i], training=training,
                           **({"mask": mask[:, i]} if given else {}))
                for i in range(t)
            ]  # fmt: skip
            return ops.stack(steps, 1)
        more = {"mask": ops.reshape(mask, (n * t, *mask.shape[2:]))} if given else {}
        y = self.layer(ops.reshape(inputs, (n * t, *inputs.shape[2:])), training=training, **more)
        return ops.reshape(y, (n, t, *y.shape[1:]))

    def _one_by_one(self, training: bool) -> bool:
        inside = list(self.layer.flattened())
        if any(getattr(one, "stateful", False) for one in inside):
            return True
        return training and any(weight.kind == "state" for weight in self.layer.weights)


@declared(layers)
class Bidirectional(Tabled):
    """Two recurrent layers over one sequence, one from each end, their outputs brought together.

    Shapes: those of the layer; with "concat" the last axis is twice as long.

    Args:
        layer: the layer that walks forward; a fresh one is made of its settings.
        merge_mode: "concat", "sum", "ave", "mul", or None for both outputs.
        weights: those of both layers, forward first, in place of first values.
        backward_layer: the layer that walks backward; made of the settings of `layer` if None.
    Raises:
        ConfigError: the layers walk the same way, or give different kinds of outputs.
    """

    layer: Any = setting(as_layer)
    merge_mode: Any = setting(optional(one_of("concat", "sum", "ave", "mul")), default="concat")
    weights: Any = setting(default=None)
    backward_layer: Any = setting(optional(as_layer), default=None)

    supports_masking = True
    stateful = False
    return_sequences = False
    return_state = False

    def prepare(self) -> None:
        """Make both layers and hold them against each other."""
        self.prepare_layer()
        given, back = self.layer, self.backward_layer
        name = given.name
        self.forward_layer = _again(given, name=f"forward_{name.removeprefix('forward_')}")
        if back is None:
            name = f"backward_{name.removeprefix('backward_')}"
            self.backward_layer = _again(given, name=name, go_backwards=True)
        self.layer = self.forward_layer
        both = (self.forward_layer, self.backward_layer)
        ways = [one.go_backwards for one in both]
        expect(ways[0] != ways[1], "Bidirectional", "the two layers must walk opposite ways",
               error=ConfigError, forward_layer_go_backwards=ways[0],
               backward_layer_go_backwards=ways[1])  # fmt: skip
        for key in ("stateful", "return_sequences", "return_state"):
            values = [getattr(one, key) for one in both]
            expect(values[0] == values[1], "Bidirectional", f"both layers must agree in {key}",
                   error=ConfigError, forward_layer=values[0],
                   backward_layer=values[1])  # fmt: skip
            setattr(self, key, values[0])
        for one in both:
            if hasattr(one, "zero_output_for_mask"):
                one.zero_output_for_mask = one.return_sequences
        self.input_spec = given.input_spec

    def children(self) -> Iterator[tuple[str, Layer]]:
        """Yield the two layers."""
        for key in ("forward_layer", "backward_layer"):
            if isinstance(vars(self).get(key), Layer):  # while both are being made there is none
                yield key, vars(self)[key]

    def build(self, input_shape: Any) -> None:
        """Build both layers."""
        self.forward_layer.build_for(input_shape)
        self.backward_layer.build_for(input_shape)
        if self.table is not None:
            self.set_weights(self.table)

    @property
    def states(self) -> Any:
        """The states that both layers keep between batches, with `stateful`."""
        ahead, back = self.forward_layer.states, self.backward_layer.states
        return None if ahead is None or back is None else (*ahead, *back)

    def reset_state(self) -> None:
        """Set the states that are kept between batches to 0."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    def call(
        self, sequences: Tensor, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> Any:
        """Walk both ways; of the initial states the first half is for the walk forward."""
        more: dict[str, Any] = {"mask": mask, "training": training}
        half = 0 if initial_state is None else len(initial_state) // 2
        ahead = None if initial_state is None else list(initial_state[:half])
        behind = None if initial_state is None else list(initial_state[half:])
        y = self.forward_layer(sequences, initial_state=ahead, **more)
        back = self.backward_layer(sequences, initial_state=behind, **more)
        states: tuple[Any, ...] = ()
        if self.return_state:
            states, y, back = (*y[1:], *back[1:]), y[0], back[0]
        if self.return_sequences:
            back = ops.flip(back, 1)
        merged = self._merged(y, back)
        if not self.return_state:
            return merged
        return (*merged, *states) if self.merge_mode is None else (merged, *states)

    def _merged(self, y: Tensor, back: Tensor) -> Any:
        if self.merge_mode == "concat":
            return ops.concatenate([y, back], -1)
        if self.merge_mode is None:
            return (y, back)
        if self.merge_mode == "mul":
            return y * back
        return y + back if self.merge_mode == "sum" else (y + back) / 2

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask of the output: that of the input where all steps come out."""
        mask = previous_mask[0] if isinstance(previous_mask, (list, tuple)) else previous_mask
        mask = mask if self.return_sequences else None
        kept = [mask, mask] if self.merge_mode is None else [mask]
        more = len(self.forward_layer.state_size) * 2 if self.return_state else 0
        found = [*kept, *[None] * more]
        return found if len(found) > 1 else found[0]

    def get_config(self) -> dict[str, Any]:
        """Return the settings and the configurations of both layers."""
        config = super().get_config()
        config.pop("weights")
        both = {"layer": self.forward_layer, "backward_layer": self.backward_layer}
        return config | {key: encoded(one) for key, one in both.items()}


def _again(layer: Layer, **changed: Any) -> Any:
    """Make a layer of the settings of another, some of them changed."""
    config = configuration(layer)
    return decoded(config | {"config": {**config["config"], **changed}}, layers)


def _arguments(layer: Layer) -> tuple[str, ...]:
    code = getattr(type(layer).call, "__code__", None)
    return () if code is None else code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
