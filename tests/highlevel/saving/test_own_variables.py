"""Layers of a user's own that keep their variables, or their building, in their own way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError, FormatError
from graftwork import layers, ops

X = np.arange(12.0, dtype="float32").reshape(4, 3)


class Rounded(layers.Layer):
    """Keeps its kernel as bytes, and a counter that is no weight."""

    def __init__(self, units: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.saved = units, 0

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")
        self.inner = layers.Dense(self.units)
        self.inner.build((None, self.units))

    def call(self, x: Any) -> Any:
        return self.inner(ops.matmul(x, self.kernel))

    def save_own_variables(self, store: Any) -> None:
        self.saved += 1
        kernel = self.kernel.numpy()
        store["scale"] = np.abs(kernel).max() / 127
        store["codes"] = np.round(kernel / store["scale"]).astype("int8")
        store["saved"] = self.saved

    def load_own_variables(self, store: Any) -> None:
        self.kernel.assign(store["codes"] * store["scale"])
        self.saved = int(store["saved"])


def model(kind: Any = Rounded) -> Any:
    return gw.Sequential([gw.Input((3,)), kind(2, name="code"), layers.Dense(1)])


def close(a: Any, b: Any) -> None:
    for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=np.abs(other).max() / 100)
    np.testing.assert_array_equal(a.layers[1].get_weights()[0], b.layers[1].get_weights()[0])


def test_a_whole_model(tmp_path: Path) -> None:
    made = model()
    made.save(tmp_path / "m.keras")
    found = gw.saving.load_model(tmp_path / "m.keras", custom_objects={"Rounded": Rounded})
    close(found, made)
    assert found.layers[0].saved == 1
    np.testing.assert_array_equal(
        found.layers[0].inner.kernel.numpy(), made.layers[0].inner.kernel.numpy()
    )


def test_weights_alone(tmp_path: Path) -> None:
    made, other = model(), model()
    made.save_weights(tmp_path / "m.weights.h5")
    report = other.load_weights(tmp_path / "m.weights.h5")
    close(other, made)
    assert not report.missing and not report.unexpected
    assert report.loaded["code/kernel"] == "layers/rounded/vars"
    fresh = model()
    fresh.load_weights(tmp_path / "m.weights.h5", skip=["code"])
    assert fresh.layers[0].saved == 0


def test_other_formats_hold_weights(tmp_path: Path) -> None:
    made, other = model(), model()
    made.save_weights(tmp_path / "m.safetensors")
    other.load_weights(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(other.predict(X, verbose=0), made.predict(X, verbose=0))


class Failing(Rounded):
    def load_own_variables(self, store: Any) -> None:
        super().load_own_variables(store)
        raise KeyError("mantissa")


def test_all_or_nothing(tmp_path: Path) -> None:
    model(Failing).save_weights(tmp_path / "m.weights.h5")
    other = model(Failing)
    before = other.get_weights()
    with pytest.raises(KeyError, match="mantissa") as caught:
        other.load_weights(tmp_path / "m.weights.h5")
    if hasattr(caught.value, "__notes__"):
        assert caught.value.__notes__[-1].startswith('while layer "code" took its variables from ')
    for one, old in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, old)
    report = other.load_weights(tmp_path / "m.weights.h5", skip_mismatch=True)
    assert report.missing == ["code/kernel"] and len(report.loaded) == 4
    np.testing.assert_array_equal(other.get_weights()[0], before[0])


class Counting(layers.Layer):
    """Has no weights, but something to keep."""

    seen = 3.0

    def call(self, x: Any) -> Any:
        return x

    def save_own_variables(self, store: Any) -> None:
        store["seen"] = self.seen

    def load_own_variables(self, store: Any) -> None:
        self.seen = float(store["seen"])


def test_a_layer_without_weights(tmp_path: Path) -> None:
    made = gw.Sequential([gw.Input((3,)), Counting()])
    made.layers[0].seen = 5.0
    made.save(tmp_path / "m.keras")
    found = gw.saving.load_model(tmp_path / "m.keras", custom_objects={"Counting": Counting})
    assert found.layers[0].seen == 5.0


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("a/b", 1.0, 'layer "code": save_own_variables must name arrays by text'),
        (0, 1.0, "save_own_variables must name arrays by text without '/'; got name=0"),
        ("a", "text", "save_own_variables must store numbers as 'a'; got value='str'"),
    ],
)
def test_what_cannot_be_kept(name: Any, value: Any, told: str, tmp_path: Path) -> None:
    class Odd(Rounded):
        def save_own_variables(self, store: Any) -> None:
            store[name] = value

    with pytest.raises(ConfigError, match=told):
        model(Odd).save(tmp_path / "m.keras")
    assert not list(tmp_path.iterdir())


def test_the_methods_of_every_layer() -> None:
    norm, store = layers.BatchNormalization(name="norm"), {}
    norm.build((None, 2))
    norm.save_own_variables(store)
    assert list(store) == ["0", "1", "2", "3"] and store["3"].tolist() == [1.0, 1.0]
    norm.load_own_variables({**store, "2": np.array([5.0, 6.0], "float32")})
    assert norm.moving_mean.tolist() == [5.0, 6.0]
    with pytest.raises(FormatError, match='layer "norm": the file must hold one array for each'):
        norm.load_own_variables({"0": store["0"]})
    assert norm.get_build_config() == {"input_shape": [None, 2]}
    again = layers.BatchNormalization()
    assert again.get_build_config() is None
    again.build_from_config(norm.get_build_config() or {})
    assert again.built_shape == (None, 2) and len(again.weights) == 4


class Told(layers.Layer):
    """Built with more than a shape, which its file must tell."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: Any, start: str = "ones") -> None:
        self.start = start
        self.kernel = self.add_weight((input_shape[-1], self.units), start, name="kernel")

    def call(self, x: Any) -> Any:
        return ops.matmul(x, self.kernel)

    def get_config(self) -> dict[str, Any]:
        return dict(units=self.units, **super().get_config())

    def get_build_config(self) -> dict[str, Any]:
        return {**(super().get_build_config() or {}), "start": self.start}

    def build_from_config(self, config: Any) -> None:
        self.build(config["input_shape"], config["start"])


def test_building_is_told_and_done_once(tmp_path: Path) -> None:
    told = Told(2)
    told.build((None, 3), "random_normal")
    first = told.kernel
    made = gw.Sequential([told, layers.Dense(1)])
    made(X)
    assert told.kernel is first and told.weights == [first]
    made.save(tmp_path / "m.keras")
    found = gw.saving.load_model(tmp_path / "m.keras", custom_objects={"Told": Told})
    assert found.layers[0].start == "random_normal" and found.layers[0].built
    np.testing.assert_array_equal(found.predict(X, verbose=0), made.predict(X, verbose=0))


def test_what_is_built_by_hand_is_not_built_again() -> None:
    dense = layers.Dense(2)
    dense.build([None, 3])
    assert dense.built and dense.built_shape == (None, 3)
    dense.kernel.assign(np.ones((3, 2)))
    assert dense(X).tolist() == [[row.sum()] * 2 for row in X]


@gw.saving.register_keras_serializable("own")
def summed(y_true: Any, y_pred: Any) -> Any:
    return ops.sum(ops.square(y_pred - y_true), axis=-1)


@gw.saving.register_keras_serializable("own")
class Compiled(gw.Model):
    """Compiled with an argument that nobody else knows."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.dense(x)

    def compile(self, optimizer: Any, loss_fn: Any, depth: int = 0) -> None:  # type: ignore[override]
        super().compile(optimizer=optimizer, loss=loss_fn)
        self.told = (optimizer, loss_fn, depth)

    def get_compile_config(self) -> dict[str, Any]:
        return dict(zip(("optimizer", "loss_fn", "depth"), self.told, strict=True))

    def compile_from_config(self, config: Any) -> None:
        self.compile(**gw.saving.deserialize_keras_object(config))


def test_compiling_in_a_way_of_ones_own(tmp_path: Path) -> None:
    made = Compiled()
    made.compile(gw.optimizers.SGD(0.1, momentum=0.5), summed, depth=3)
    made.fit(X, X[:, :1], verbose=0)
    made.save(tmp_path / "m.keras")
    found = gw.saving.load_model(tmp_path / "m.keras")
    assert found.told[1:] == (summed, 3) and found.optimizer.momentum == 0.5
    for one in (made, found):
        one.train_on_batch(X, X[:, :1])
    for one, other in zip(found.get_weights(), made.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_no_configuration_of_compiling(tmp_path: Path) -> None:
    class Odd(Compiled):
        def get_compile_config(self) -> Any:
            return [1]

    made = Odd()
    made.compile("sgd", summed)
    made(X)
    with pytest.raises(ConfigError, match="get_compile_config must return a dictionary; got"):
        made.save(tmp_path / "m.keras")


def test_functions_are_told_by_reference() -> None:
    told = gw.saving.serialize_keras_object({"loss": [summed, "mse"], "rate": 0.5})
    assert told["loss"][0]["config"] == "own>summed" and told["rate"] == 0.5
    assert gw.saving.deserialize_keras_object(told) == {"loss": [summed, "mse"], "rate": 0.5}
    with pytest.raises(ConfigError, match="a function must be registered"):
        gw.saving.serialize_keras_object(lambda x: x)


def test_a_configuration_of_ones_own_adds_to_the_class_it_extends() -> None:
    class Scaled(layers.Dense):
        def __init__(self, units: int, make: Any, **kwargs: Any) -> None:
            super().__init__(units, **kwargs)
            self.make = make

        def get_config(self) -> dict[str, Any]:
            return dict(make="told", **super().get_config())

    told = Scaled(3, object(), activation="relu").get_config()
    assert (told["make"], told["units"], told["activation"]) == ("told", 3, "relu")


class Seen(gw.metrics.Metric):
    """Keeps what it has counted, which metrics otherwise do not."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, y_true: Any, y_pred: Any = None, sample_weight: Any = None) -> None:
        self.count.assign_add(ops.sum(ops.ones_like(y_true[:, 0])))

    def result(self) -> Any:
        return self.count

    def save_own_variables(self, store: Any) -> None:
        store["count"] = self.count.numpy()

    def load_own_variables(self, store: Any) -> None:
        self.count.assign(store["count"])


class Watching(layers.Layer):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seen, self.usual = Seen(name="seen"), gw.metrics.Mean(name="usual")

    def call(self, x: Any) -> Any:
        self.seen.update_state(x)
        return x


def test_metrics_that_a_layer_holds(tmp_path: Path) -> None:
    made = gw.Sequential([gw.Input((3,)), Watching(), layers.Dense(1)])
    made(X)
    made.save(tmp_path / "m.keras")
    made.save_weights(tmp_path / "m.weights.h5")
    known = {"Watching": Watching}
    found = gw.saving.load_model(tmp_path / "m.keras", custom_objects=known)
    assert float(found.layers[0].seen.result()) == 4.0
    other = gw.Sequential([gw.Input((3,)), Watching(), layers.Dense(1)])
    other.load_weights(tmp_path / "m.weights.h5")
    assert float(other.layers[0].seen.result()) == 4.0
    Plain = type("Watching", (layers.Layer,), {"call": lambda self, x: x})
    plain = gw.Sequential([gw.Input((3,)), Plain(), layers.Dense(1)])
    plain.save_weights(tmp_path / "n.weights.h5")
    other.load_weights(tmp_path / "n.weights.h5")  # holds nothing of the metric, which stays
    assert float(other.layers[0].seen.result()) == 4.0


class Halved(gw.optimizers.SGD):
    """Keeps its averages in half precision under names."""

    def save_own_variables(self, store: Any) -> None:
        store["steps"] = int(self.iterations)
        for i, one in enumerate(self.variables[2:]):
            store[f"average {i}"] = one.numpy().astype("float16")

    def load_own_variables(self, store: Any) -> None:
        self.iterations = int(store["steps"])
        for i, one in enumerate(self.variables[2:]):
            one.assign(store[f"average {i}"].astype("float32"))


def trained(kind: Any = Halved) -> Any:
    gw.set_random_seed(2)
    made = gw.Sequential([gw.Input((3,)), layers.Dense(2), layers.Dense(1)])
    made.compile(kind(0.01, momentum=0.5), "mse")
    made.fit(X, X[:, :1], epochs=3, verbose=0)
    return made


def test_optimizers(tmp_path: Path) -> None:
    made, path = trained(), tmp_path / "m.keras"
    made.save(path)
    found = gw.saving.load_model(path, custom_objects={"Halved": Halved})
    assert int(found.optimizer.iterations) == 3
    for one, other in zip(found.optimizer.variables, made.optimizer.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-3)
    found.fit(X, X[:, :1], verbose=0)
    assert int(found.optimizer.iterations) == 4
    Halved.load_own_variables, kept = _fails, Halved.load_own_variables  # type: ignore[method-assign]
    try:
        with pytest.raises(KeyError, match="steps"):
            gw.saving.load_model(path, custom_objects={"Halved": Halved})
    finally:
        Halved.load_own_variables = kept  # type: ignore[method-assign]


def _fails(self: Any, store: Any) -> None:
    raise KeyError("steps")


def test_names_that_nobody_reads_are_told(tmp_path: Path) -> None:
    class Other(gw.optimizers.SGD):
        pass

    trained().save(tmp_path / "m.keras")
    with pytest.warns(UserWarning, match="the file keeps it as average 0, average 1"):
        gw.saving.load_model(tmp_path / "m.keras", custom_objects={"Halved": Other})


def test_the_methods_of_every_optimizer() -> None:
    made, store = trained(gw.optimizers.SGD), {}
    made.optimizer.save_own_variables(store)
    assert list(store) == [str(i) for i in range(6)] and int(store["0"]) == 3
    made.optimizer.load_own_variables({**store, "0": 7})
    assert int(made.optimizer.iterations) == 7
    with pytest.warns(UserWarning, match="it has 1 values, the optimizer 6 variables"):
        made.optimizer.load_own_variables({"0": 3})
    assert int(made.optimizer.iterations) == 7
