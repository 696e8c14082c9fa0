"""The same lines on both sides: inputs of other forms, layers, rules and models of a user's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graftwork

from .keras_jax import keras

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]
SIDES = (graftwork, keras)
DRAW = np.random.default_rng(0)
X = DRAW.standard_normal((6, 3)).astype("float32")
Y = X[:, :1] * 2


def host(value: Any) -> Any:
    """Return host arrays in the structure of a result."""
    if isinstance(value, dict):
        return {key: host(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [host(one) for one in value]
    if hasattr(value, "detach"):
        value = value.detach()
    return np.asarray(value) if hasattr(value, "shape") else value


def agree(one: Any, other: Any) -> None:
    """Hold two results against each other."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            agree(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            agree(*pair)
    elif isinstance(one, (np.ndarray, float)):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=1e-5)
    else:
        assert one == other


def filled(model: Any) -> Any:
    """Give every weight values that follow from its place."""
    for i, weight in enumerate(model.weights):
        shape = tuple(weight.shape)
        values = np.linspace(-0.5 + i / 10, 0.5, int(np.prod(shape))).reshape(shape)
        weight.assign(values.astype("float32"))
    return model


def ranks(k: Any) -> Any:
    """A last axis of size 1 that comes and goes."""
    found = []
    for shape, given in (
        ((4, 4, 1), (2, 4, 4)),
        ((4, 4), (2, 4, 4, 1)),
        ((1,), (5,)),
        ((), (5, 1)),
    ):
        x = k.Input(shape)
        model = k.Model(x, x * 2)
        found.append(model(np.arange(np.prod(given), dtype="float32").reshape(given)))
    return found


def named_inputs(k: Any) -> Any:
    """Inputs by key, by name and by place."""
    a, b = k.Input((3,), name="a"), k.Input((1,), name="b")
    y = k.layers.Dense(2)(k.layers.Concatenate()([a, b]))
    listed, named = filled(k.Model([a, b], y)), filled(k.Model({"b": b, "a": a}, y))
    given = {"a": X, "b": Y}
    shapes = [list(one.shape) for one in named.inputs]
    return [listed(given), listed({**given, "c": X}), listed([X, Y]), named(given), shapes]


def dictionary_of_outputs(k: Any) -> Any:
    """Outputs by key, and the order of layers that follows."""
    x = k.Input((3,), name="x")
    p, q = k.layers.Dense(2, name="p")(x), k.layers.Dense(1, name="q")(x)
    model = filled(k.Model(x, {"y": p, "x": q}))
    told = [
        [one.name for one in model.layers],
        model.output_names,
        [list(s) for s in model.output_shape],
    ]
    model.compile(k.optimizers.SGD(0.1), {"y": "mse", "x": "mae"})
    history = model.fit(X, {"y": X[:, :2], "x": Y}, verbose=0, shuffle=False).history
    return [told, host(model.predict(X, verbose=0)), dict(sorted(history.items()))]


def build_of_several(k: Any) -> Any:
    """A build that asks for the shapes of two arguments."""

    class Pair(k.layers.Layer):  # type: ignore[misc]
        def build(self, a_shape: Any, b_shape: Any) -> None:
            self.w = self.add_weight(shape=(a_shape[-1], b_shape[-1]), initializer="ones")

        def call(self, a: Any, b: Any) -> Any:
            return k.ops.matmul(a, self.w) + b

    layer = Pair()
    a, b = k.Input((3,)), k.Input((1,))
    symbol = Pair()(a, b)
    return [layer(X, b=Y), list(symbol.shape)]


def rule_of(k: Any, **settings: Any) -> Any:
    """A rule of one's own, as Keras documents it."""

    class Momentum(k.optimizers.Optimizer):  # type: ignore[misc]
        def __init__(self, learning_rate: Any = 0.1, momentum: float = 0.9, **kwargs: Any) -> None:
            super().__init__(learning_rate=learning_rate, **kwargs)
            self.momentum = momentum

        def build(self, variables: Any) -> None:
            super().build(variables)
            self.m = self.add_optimizer_variables(variables, "m")

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            rate = k.ops.cast(learning_rate, variable.dtype)
            m = self.m[self._get_variable_index(variable)]
            self.assign(m, m * self.momentum - gradient * rate)
            self.assign_add(variable, m)

    return Momentum(**settings)


def own_rules(k: Any) -> Any:
    """Weights and slots after some steps, with what every optimizer has."""
    found = []
    for settings in ({}, {"clipnorm": 0.5}, {"weight_decay": 0.1}, {"use_ema": True},
                     {"gradient_accumulation_steps": 2}):  # fmt: skip
        layers = k.layers
        model = filled(k.Sequential([k.Input((3,)), layers.Dense(4, "tanh"), layers.Dense(1)]))
        model.compile(rule_of(k, **settings), "mse")
        model.fit(X, Y, epochs=4, batch_size=3, shuffle=False, verbose=0)
        found.append([model.get_weights(), [list(v.shape) for v in model.optimizer.variables]])
    return found


def low_rank(k: Any) -> Any:
    """Changes of low rank, computed with and trained."""
    model = filled(k.Sequential([k.Input((3,)), k.layers.Dense(4, "tanh"), k.layers.Dense(1)]))
    for layer in model.layers:
        layer.enable_lora(2, lora_alpha=3, a_initializer="ones", b_initializer="ones")
    before = model.predict(X, verbose=0)
    model.compile(k.optimizers.SGD(0.002), "mse")
    model.fit(X, Y, epochs=3, batch_size=3, shuffle=False, verbose=0)
    names = [[weight.name for weight in layer.trainable_weights] for layer in model.layers]
    return [before, model.predict(X, verbose=0), names]


def clones(k: Any) -> Any:
    """Copies by a function, and calls by another."""
    x = k.Input((3,), name="x")
    model = k.Model(x, k.layers.Dense(2, name="b")(k.layers.Dense(3, name="a")(x)))

    def made(layer: Any) -> Any:
        config = layer.get_config()
        if "units" in config:
            config |= {"name": f"{layer.name}_new", "units": config["units"] + 1}
        return type(layer).from_config(config)

    one = filled(k.models.clone_model(model, clone_function=made))
    two = k.models.clone_model(
        model, call_function=lambda layer, *a, **b: k.ops.relu(layer(*a, **b))
    )
    return [[layer.name for layer in one.layers], one(X), filled(two)(X)]


def constructed(k: Any) -> Any:
    """A model that hands inputs and outputs on in its constructor."""

    class Built(k.Model):  # type: ignore[misc]
        def __init__(self, units: int = 2) -> None:
            x = k.Input((3,))
            super().__init__(inputs=x, outputs=k.layers.Dense(units)(x))
            self.units = units

    model = filled(Built(3))
    return [model(X), list(model.output_shape), model.units, len(model.layers)]


def on_batch(k: Any) -> Any:
    """Metrics begin anew with every call."""
    model = filled(k.Sequential([k.Input((3,)), k.layers.Dense(1)]))
    model.compile(k.optimizers.SGD(0.1), "mse", metrics=["mae"])
    found = [model.train_on_batch(X, Y), model.train_on_batch(X, Y), model.test_on_batch(X, Y)]
    return np.asarray(found)


def losses_of_parts(k: Any) -> Any:
    """The names of logs where some outputs have no loss."""
    x = k.Input((3,))
    p, q = k.layers.Dense(1, name="p")(x), k.layers.Dense(1, name="q")(x)
    model = filled(k.Model(x, [p, q]))
    model.compile(k.optimizers.SGD(0.1), ["mse", None], metrics=[None, ["mae"]])
    return dict(sorted(model.fit(X, [Y, Y], verbose=0, shuffle=False).history.items()))


def steps_of_arrays(k: Any) -> Any:
    """Batches where only the number of steps is told."""
    model = filled(k.Sequential([k.Input((3,)), k.layers.Dense(1)]))
    model.compile(k.optimizers.SGD(0.1), "mse")
    history = model.fit(X, Y, steps_per_epoch=3, epochs=2, shuffle=False, verbose=0)
    return [history.history["loss"], int(model.optimizer.iterations), history.params["steps"]]


@pytest.mark.parametrize(
    "lines",
    [ranks, named_inputs, dictionary_of_outputs, build_of_several, own_rules, low_rank, clones,
     constructed, on_batch, losses_of_parts, steps_of_arrays],
    ids=lambda one: one.__name__,
)  # fmt: skip
def test_both_sides_find_the_same(lines: Any) -> None:
    agree(*[host(lines(side)) for side in SIDES])


class Numbered:
    """One batch by its number, for either side."""

    @staticmethod
    def of(k: Any, batch: Any) -> Any:
        class Data(k.utils.PyDataset):  # type: ignore[misc]
            def __len__(self) -> int:
                return 1

            def __getitem__(self, index: int) -> Any:
                return batch

        return Data()


def form(data: Any) -> Any:
    """Return the number of axes of everything in a structure; lists and tuples alike."""
    if isinstance(data, dict):
        return {key: form(one) for key, one in data.items()}
    if isinstance(data, (list, tuple)):
        return [form(one) for one in data]
    return None if data is None else len(data.shape)


W = np.ones(6, "float32")


def received(k: Any, given: Any) -> list[Any]:
    """Return in which form a training and an evaluation hand data to their steps."""
    seen: list[Any] = []

    class Asked(k.Model):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

        def train_step(self, *told: Any) -> Any:
            seen.append(form(told[-1]))
            return {"loss": 0.0} if len(told) == 1 else ({"loss": 0.0}, told[0])

        test_step = train_step

    model = Asked()
    model.compile("sgd", run_eagerly=True)
    settings: dict[str, Any] = {"verbose": 0}
    if isinstance(given[0], str):
        data = (Numbered.of(k, given[1]),)
    else:
        data, settings = given[:2], {"verbose": 0, "batch_size": 6}
        settings["sample_weight"] = given[2] if len(given) > 2 else None
    model.fit(*data, **settings)
    model.evaluate(*data, **settings)
    return seen[-2:]


@pytest.mark.parametrize(
    "given",
    [(X,), (X, Y), (X, Y, W), ([X, X],), ({"a": X, "b": Y},), ({"a": X}, [Y, Y]),
     ("set", X), ("set", {"a": X}), ("set", (X,)), ("set", (X, Y)), ("set", [X, Y, W])],
    ids=lambda one: str(form([part for part in one if not isinstance(part, str)])),
)  # fmt: skip
def test_steps_receive_data_in_the_same_form(given: Any) -> None:
    assert received(graftwork, given) == received(keras, given)


@pytest.mark.parametrize("writer", SIDES, ids=["ours", "theirs"])
def test_files_of_adapted_layers_and_of_outputs_by_key_go_both_ways(
    writer: Any, tmp_path: Any
) -> None:
    reader = keras if writer is graftwork else graftwork
    x = writer.Input((3,), name="x")
    p, q = writer.layers.Dense(2, name="p")(x), writer.layers.Dense(2, name="q")(x)
    model = filled(writer.Model(x, {"y": p, "x": q}))
    model.get_layer("q").enable_lora(1, b_initializer="ones")
    wanted = host(model.predict(X, verbose=0))
    for ending in (".keras", ".weights.h5"):
        path = str(tmp_path / f"m{ending}")
        if ending == ".keras":
            model.save(path)
            found = reader.saving.load_model(path)
            assert found.get_layer("q").lora_enabled
        else:
            model.save_weights(path)
            found.get_layer("q").bias.assign(np.zeros(2, "float32"))
            found.load_weights(path)
        agree(host(found.predict(X, verbose=0)), wanted)
