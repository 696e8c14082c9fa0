"""What must hold for every layer, in one call; and the comparison with golden cases."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import graftgrad
import graftwork.layers as known
from graftgrad import Tensor, modes
from graftgrad.plan import captured
from graftwork.layers import Layer
from graftwork.registry import configuration, decoded, layers
from support.golden import GoldenCase

Array = NDArray[Any]


def check_layer(
    make: Callable[[], Layer],
    *shapes: tuple[int, ...],
    integers: int = 0,
    stateful: bool = False,
) -> None:
    """Hold a layer against everything that every layer promises.

    Shapes are those of its inputs, batch included. With `integers` the inputs are whole numbers
    below it. `stateful` layers change their state while training.
    """
    inputs = [_values(i, shape, integers) for i, shape in enumerate(shapes)]
    shapes_through_meta_equal_real_ones(make(), inputs)
    configuration_survives_json(make(), inputs)
    trainable_is_one_bit(make(), inputs)
    frozen_keeps_everything(make(), inputs)
    one_step_lowers_a_loss(make(), inputs)
    for training in (False, True):
        replay_equals_eager(make(), inputs, training)
        plan_equals_eager(make(), inputs, training)
    if stateful:
        training_moves_the_state(make(), inputs)


def shapes_through_meta_equal_real_ones(layer: Layer, inputs: list[Array]) -> None:
    unknown = [(None, *x.shape[1:]) for x in inputs]
    told = layer.compute_output_shape(unknown if len(unknown) > 1 else unknown[0])
    real = _call(layer, inputs).shape
    assert told == (None, *real[1:]), (layer, told, real)


def configuration_survives_json(layer: Layer, inputs: list[Array]) -> None:
    before = _output(layer, inputs)
    told = configuration(layer)
    again = decoded(json.loads(json.dumps(told)), layers)
    assert type(again) is type(layer)
    assert configuration(again) == told
    _output(again, inputs)
    again.set_weights(layer.get_weights())
    assert [w.name for w in again.weights] == [w.name for w in layer.weights]
    np.testing.assert_array_equal(_output(again, inputs), before)


def trainable_is_one_bit(layer: Layer, inputs: list[Array]) -> None:
    _call(layer, inputs)
    trained = [w.name for w in layer.trainable_weights]
    assert trained == [w.name for w in layer.parameters()]
    for wanted in (False, True):
        layer.trainable = wanted
        assert layer.trainable is wanted
        assert layer.is_frozen() is not wanted
        assert [w.name for w in layer.trainable_weights] == (trained if wanted else [])
        assert layer.get_config().get("trainable", True) is wanted
    for parameter in layer.parameters():
        parameter.requires_grad = False
    if trained:
        assert layer.trainable is False


def frozen_keeps_everything(layer: Layer, inputs: list[Array]) -> None:
    quiet = _output(layer, inputs)
    layer.trainable = False
    before = [w.numpy() for w in layer.variables]
    for _ in range(3):
        y = _call(layer, inputs, training=True)
        assert y.grad_fn is None
        assert not y.requires_grad
        np.testing.assert_array_equal(y.numpy(), quiet)
    after = [w.numpy() for w in layer.variables]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(new, old)


def one_step_lowers_a_loss(layer: Layer, inputs: list[Array]) -> None:
    target = _values(99, _call(layer, inputs).shape)

    def loss() -> Tensor:
        error = _call(layer, inputs) - target
        return (error * error).sum()

    before = loss()
    if not list(layer.parameters()):
        assert before.grad_fn is None
        return
    before.backward()
    gradients = [w.grad for w in layer.parameters()]
    assert all(g is not None for g in gradients)
    slope = sum(float((g * g).sum()) for g in gradients if g is not None)
    assert slope > 0
    with graftgrad.no_grad():
        for weight, gradient in zip(layer.parameters(), gradients, strict=True):
            assert gradient is not None
            weight.assign_sub(gradient * (1e-3 * float(before) / slope))
    assert float(loss()) < float(before)


def replay_equals_eager(layer: Layer, inputs: list[Array], training: bool) -> None:
    _call(layer, inputs)
    start = [w.numpy() for w in layer.variables]
    fed = [_tensor(x) for x in inputs]

    def step() -> list[Tensor]:
        for x in fed:
            x.grad = None
        for weight in layer.parameters():
            weight.grad = None
        y = layer(fed if len(fed) > 1 else fed[0], training=training)
        if y.requires_grad:
            (y * y).sum().backward()
        found = [x.grad for x in fed] + [w.grad for w in layer.parameters()]
        return [y, *(g for g in found if g is not None)]

    for x in fed:
        x.requires_grad = x.dtype.kind == "f"
    tape: list[Any] = []
    with modes.taped(tape):
        recorded = step()
    fresh = [_values(50 + i, x.shape, int(x.max()) + 1 if x.dtype.kind == "i" else 0)
             for i, x in enumerate(inputs)]  # fmt: skip
    results = []
    for replayed in (True, False):
        for weight, value in zip(layer.variables, start, strict=True):
            weight.assign(value)
        for x, value in zip(fed, fresh, strict=True):
            x.detach().copy_(value)
        if replayed:
            for launch in tape:
                scratch = launch.call.device.scratch(launch.kernel.scratch)
                launch.kernel.run(launch.ins, launch.outs, scratch)
        made = recorded if replayed else step()
        results.append([t.detach().numpy().copy() for t in made])
        results[-1] += [w.numpy() for w in layer.variables]
    assert len(results[0]) == len(results[1])
    for from_tape, eager in zip(*results, strict=True):
        np.testing.assert_array_equal(from_tape, eager)


def plan_equals_eager(layer: Layer, inputs: list[Array], training: bool) -> None:
    _call(layer, inputs)
    start = [w.numpy() for w in layer.variables]
    fed = [_tensor(x) for x in inputs]
    for x in fed:
        x.requires_grad = x.dtype.kind == "f"

    def step() -> list[Tensor | None]:
        y = layer(fed if len(fed) > 1 else fed[0], training=training)
        wanted = [t for t in (*fed, *layer.parameters()) if t.requires_grad]
        if not y.requires_grad:
            return [y]
        return [y.detach(), *graftgrad.grad((y * y).sum(), wanted, allow_unused=True)]

    repeated = captured(step)
    seen = []
    for run in (step, repeated):
        for weight, value in zip(layer.variables, start, strict=True):
            weight.assign(value)
        found: list[Array] = []
        for k in range(4):
            for i, x in enumerate(fed):
                top = int(inputs[i].max()) + 1 if x.dtype.kind == "i" else 0
                x.detach().copy_(_values(10 * k + i, x.shape, top))
            found += [y.numpy().copy() for y in run() if y is not None]
        seen.append([*found, *(w.numpy() for w in layer.variables)])
    assert repeated.replayed > 0, repeated.report(timed=False)
    for eager, replayed in zip(*seen, strict=True):
        np.testing.assert_array_equal(replayed, eager)


def training_moves_the_state(layer: Layer, inputs: list[Array]) -> None:
    _call(layer, inputs)
    state = [w for w in layer.variables if w.kind == "state"]
    assert state
    before = [w.numpy() for w in state]
    _call(layer, inputs)
    for weight, old in zip(state, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)
    _call(layer, inputs, training=True)
    assert all(not np.array_equal(w.numpy(), old) for w, old in zip(state, before, strict=True))


def check_golden(case: GoldenCase, **changed: Any) -> None:
    """Hold value, gradients and, where the file has them, training against what Keras computed."""
    settings = dict(case.settings) | changed
    inputs = case.series("input")
    layer = getattr(known, case.class_name)(**settings, dtype="float64")
    if "adapt" in case:
        layer.adapt(case["adapt"])
    _compare(case, layer, inputs, "", False)
    if "training/output" in case:
        _compare(case, layer, inputs, "training/", True)
        after = case.group("training/after")
        assert after
        for weight in layer.non_trainable_weights:
            close(weight.numpy(), after[weight.name])


def _compare(
    case: GoldenCase, layer: Layer, inputs: list[Array], prefix: str, training: bool
) -> None:
    fed = [graftgrad.tensor(x, requires_grad=True) for x in inputs]
    given = fed if len(fed) > 1 else fed[0]
    layer.build_for([x.shape for x in fed] if len(fed) > 1 else fed[0].shape)
    weights = case.group("weight")
    assert [w.name for w in layer.weights] == list(weights)
    assert [w.name for w in layer.trainable_weights] == case.facts["trainable"]
    if "adapt" not in case:
        layer.set_weights(list(weights.values()))
    for weight in layer.weights:
        close(weight.numpy(), weights[weight.name])
    y = layer(given, training=training)
    close(y.detach().numpy(), case[f"{prefix}output"])
    for weight in layer.trainable_weights:
        weight.grad = None
    y.backward(case["cotangent"])
    for x, wanted in zip(fed, case.series(f"{prefix}gradient/input"), strict=True):
        close(np.zeros(x.shape) if x.grad is None else x.grad.numpy(), wanted)
    for weight in layer.trainable_weights:
        assert weight.grad is not None
        close(weight.grad.numpy(), case[f"{prefix}gradient/weight/{weight.name}"])


def close(found: Array, wanted: Array) -> None:
    """Agree to thirteen places of the largest number, or twelve of each."""
    scale = float(np.abs(wanted).max()) if wanted.size else 0.0
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12 * max(scale, 1.0))


def normal(*shape: int) -> Array:
    """Normal numbers of a shape, the same for a shape."""
    return np.random.default_rng(shape).normal(size=shape)


def _values(key: int, shape: Sequence[int], integers: int = 0) -> Array:
    generator = np.random.default_rng(key)
    if integers:
        return generator.integers(0, integers, tuple(shape))
    return generator.normal(size=tuple(shape)).astype("float32")


def _tensor(x: Array) -> Tensor:
    return graftgrad.tensor(x)


def _call(layer: Layer, inputs: list[Array], training: bool = False) -> Tensor:
    fed = [_tensor(x) for x in inputs]
    y: Tensor = layer(fed if len(fed) > 1 else fed[0], training=training)
    return y


def _output(layer: Layer, inputs: list[Array], training: bool = False) -> Array:
    return _call(layer, inputs, training).detach().numpy()
