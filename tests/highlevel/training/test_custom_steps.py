"""Steps, losses and metrics of a user's own, written as Keras' guides write them."""

from typing import Any

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad.errors import ConfigError
from graftwork import layers

X = np.random.default_rng(3).normal(size=(20, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def entrance_and_exit() -> tuple[Any, Any]:
    gw.set_random_seed(9)
    inputs = gw.Input((3,))
    return inputs, layers.Dense(1)(layers.Dense(4, activation="tanh")(inputs))


def plain() -> Any:
    model = gw.Model(*entrance_and_exit())
    model.compile(gw.optimizers.SGD(0.05), "mse", metrics=["mae"])
    return model


class WithCompiled(gw.Model):
    """A step that uses what compile was given."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        y_pred = self(x, training=True)
        loss = self.compute_loss(y=y, y_pred=y_pred)
        self.zero_grad()
        loss.backward()
        trained = self.trainable_weights
        self.optimizer.apply([weight.value.grad for weight in trained], trained)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=len(x))
            else:
                metric.update_state(y, y_pred)
        return {metric.name: metric.result() for metric in self.metrics}


def test_a_step_with_compiled_loss_and_metrics_equals_the_built_in_one() -> None:
    own = WithCompiled(*entrance_and_exit())
    own.compile(gw.optimizers.SGD(0.05), "mse", metrics=["mae"])
    wanted = plain().fit(X, Y, epochs=3, batch_size=8, verbose=0).history
    gw.set_random_seed(9)
    own = WithCompiled(*entrance_and_exit())
    own.compile(gw.optimizers.SGD(0.05), "mse", metrics=["mae"])
    found = own.fit(X, Y, epochs=3, batch_size=8, verbose=0).history
    assert list(found) == ["loss", "mae"]
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5)


def test_a_subclass_made_of_symbols_is_functional_and_its_own_class() -> None:
    model = WithCompiled(*entrance_and_exit(), name="own")
    assert isinstance(model, WithCompiled)
    assert isinstance(model, gw.models.Functional)
    assert (type(model).__name__, model.name, len(model.layers)) == ("WithCompiled", "own", 3)
    assert model.predict(X, verbose=0).shape == (20, 1)


class Alone(gw.Model):
    """A step that needs nothing from compile but an optimizer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.loss_tracker = gw.metrics.Mean(name="loss")
        self.mae = gw.metrics.MeanAbsoluteError(name="mae")
        self.far = gw.losses.MeanSquaredError()

    def train_step(self, data: Any) -> Any:
        x, y = data
        y_pred = self(x, training=True)
        loss = self.far(y, y_pred)
        loss.backward()
        self.optimizer.step(self.trainable_weights)
        self.zero_grad()
        self.loss_tracker.update_state(loss)
        self.mae.update_state(y, y_pred)
        return {"loss": self.loss_tracker.result(), "mae": self.mae.result()}

    def test_step(self, data: Any) -> Any:
        x, y, weight = data
        self.mae.update_state(y, self(x), sample_weight=weight)
        return {"mae": self.mae.result()}

    @property
    def metrics(self) -> list[Any]:
        return [self.loss_tracker, self.mae]


def test_metrics_of_ones_own_begin_anew_with_every_epoch() -> None:
    model = Alone(*entrance_and_exit())
    model.compile(optimizer=gw.optimizers.SGD(0.0))
    history = model.fit(X, Y, epochs=3, verbose=0).history
    np.testing.assert_allclose(history["loss"], history["loss"][0], rtol=1e-6)
    weight = np.eye(20)[3]
    found = model.evaluate(X, Y, sample_weight=weight, verbose=0, return_dict=True)
    error = abs(model.predict(X, verbose=0) - Y)
    np.testing.assert_allclose(found["mae"], error[3, 0], rtol=1e-5)


def test_the_loss_can_be_replaced_alone() -> None:
    class Doubled(gw.Model):
        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
            training: bool = True,
        ) -> Any:  # fmt: skip
            seen.append((x.shape, training))
            return 2 * super().compute_loss(x, y, y_pred, sample_weight, training)

    seen: list[Any] = []
    model = Doubled(*entrance_and_exit())
    model.compile("sgd", "mse")
    wanted = plain().evaluate(X, Y, verbose=0)[0]
    np.testing.assert_allclose(
        model.evaluate(X, Y, batch_size=20, verbose=0), 2 * wanted, rtol=1e-5
    )
    np.testing.assert_allclose(model.train_on_batch(X, Y), 2 * wanted, rtol=1e-5)
    assert seen == [((20, 3), False), ((20, 3), True)]


def test_metrics_can_be_computed_in_ones_own_way() -> None:
    class Named(gw.Model):
        def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            found = super().compute_metrics(x, y, y_pred, sample_weight)
            found["largest"] = y_pred.detach().max()
            return found

    model = Named(*entrance_and_exit())
    model.compile("sgd", "mse", metrics=["mae"])
    found = model.evaluate(X, Y, batch_size=20, verbose=0, return_dict=True)
    assert list(found) == ["loss", "mae", "largest"]
    np.testing.assert_allclose(found["largest"], model.predict(X, verbose=0).max(), rtol=1e-6)


def test_a_model_without_call_trains_two_networks_in_turn() -> None:
    class Rivals(gw.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = layers.Dense(3), layers.Dense(1)

        def compile(self, first: Any, second: Any) -> None:  # type: ignore[override]
            super().compile()
            self.first_optimizer, self.second_optimizer = first, second

        def train_step(self, data: Any) -> Any:
            loss = self.second(self.first(data)).mean()
            loss.backward()
            self.second_optimizer.step(self.second.trainable_weights)
            self.first_optimizer.step(self.first.trainable_weights)
            self.zero_grad()
            return {"score": loss}

    model = Rivals()
    model.compile(gw.optimizers.SGD(0.1), gw.optimizers.Adam(0.1))
    history = model.fit(X, epochs=4, batch_size=5, verbose=0).history
    assert history["score"][-1] < history["score"][0]


def test_penalties_of_layers_reach_a_step_of_ones_own() -> None:
    class Pull(layers.Layer):
        def call(self, x: Any) -> Any:
            self.add_loss(graftgrad.tensor(3.0))
            return x

    class Own(gw.Model):
        def train_step(self, data: Any) -> Any:
            x, y, _ = data
            prediction = self(x, training=True)
            return {"loss": self.compute_loss(y=y, y_pred=prediction), "penalty": sum(self.losses)}

    inputs = gw.Input((3,))
    model = Own(inputs, Pull()(inputs))
    model.compile("sgd", "mse")
    found = model.train_on_batch(X, X, return_dict=True)
    assert found == {"loss": 3.0, "penalty": 3.0}
    assert model.losses == []


def test_predictions_can_be_made_in_ones_own_way() -> None:
    class Classes(gw.Model):
        def predict_step(self, data: Any) -> Any:
            scores = self(data, training=False).detach()
            return {"scores": scores, "class": scores.argmax(-1)}

    inputs = gw.Input((3,))
    model = Classes(inputs, layers.Dense(2)(inputs))
    found = model.predict(X, batch_size=6, verbose=0)
    np.testing.assert_array_equal(found["scores"].argmax(-1), found["class"])
    assert found["class"].shape == (20,)


class Asked(gw.Model):
    """Tells in which form data reach its steps."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def form(self, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: self.form(one) for key, one in data.items()}
        if isinstance(data, (list, tuple)):
            return tuple([self.form(one) for one in data])
        return None if data is None else data.ndim

    def train_step(self, data: Any) -> Any:
        self.seen.append(self.form(data))
        return {"loss": 0.0}

    def test_step(self, data: Any) -> Any:
        return self.train_step(data)

    def predict_step(self, data: Any) -> Any:
        self.seen.append(self.form(data))
        return graftgrad.zeros(1)


class Numbered(gw.utils.PyDataset):
    """One batch, as it was given."""

    def __init__(self, batch: Any) -> None:
        super().__init__()
        self.batch = batch

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        return self.batch


W = np.ones(20, "float32")
FORMS: dict[str, tuple[tuple[Any, ...], Any]] = {
    "x": ((X,), 2),
    "x and y": ((X, Y), (2, 2)),
    "x, y and weights": ((X, Y, W), (2, 2, 1)),
    "several x": (([X, X],), ((2, 2),)),
    "named x": (({"a": X, "b": W},), {"a": 2, "b": 1}),
    "named x and y": (({"a": X}, {"c": Y}), ({"a": 2}, {"c": 2})),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_step_receives_arrays_in_the_parts_that_were_given(name: str) -> None:
    parts, wanted = FORMS[name]
    x, y, weight = (*parts, None, None)[:3]
    model = Asked()
    model.compile("sgd", run_eagerly=True)
    model.fit(x, y, sample_weight=weight, batch_size=20, verbose=0)
    model.evaluate(x, y, sample_weight=weight, batch_size=20, verbose=0)
    assert model.seen == [wanted, wanted]
    model.seen.clear()
    model.fit(x, y, sample_weight=weight, batch_size=20, verbose=0, validation_split=0.5)
    assert model.seen == [wanted, wanted]
    model.seen.clear()
    only = {"x, y and weights": 2, "x and y": 2, "named x and y": {"a": 2}}.get(name, wanted)
    model.predict(x, verbose=0)
    model.predict_on_batch(x)
    assert model.seen == [only, only if name == "several x" else (only,)]
    model.seen.clear()
    model.train_on_batch(x, y, sample_weight=weight)
    model.test_on_batch(x, y, sample_weight=weight)
    first = model.form(x)
    whole = (first, None if y is None else model.form(y), None if weight is None else 1)
    assert model.seen == [whole, whole]


def test_a_step_receives_what_data_sets_deliver() -> None:
    cases: list[tuple[Any, Any]] = [
        (Numbered(X), (2,)),  # as Keras' PyDataset
        (Numbered({"a": X}), {"a": 2}),
        (Numbered([X, Y]), (2, 2)),
        (Numbered((X, Y, None)), (2, 2, None)),
        (iter([(X,)]), (2,)),
        (iter([X]), 2),
        (iter([([X, X], Y)]), ((2, 2), 2)),
        (gw.data.Dataset.from_arrays(X, batch_size=20), 2),
        (gw.data.Dataset.from_arrays(X, Y, batch_size=20), (2, 2)),
    ]
    for data, wanted in cases:
        model = Asked()
        model.compile("sgd", run_eagerly=True)
        model.fit(data, verbose=0)
        assert model.seen == [wanted]


def test_a_lone_x_is_trained_on_when_the_step_is_repeated() -> None:
    class Smaller(gw.Model):
        def __init__(self) -> None:
            super().__init__()
            self.head = layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.head(x)

        def train_step(self, data: Any) -> Any:
            self.zero_grad()
            loss = (self(data) ** 2).mean()
            loss.backward()
            self.optimizer.step(self.trainable_weights)
            return {"loss": loss}

    found = []
    for eager in (True, False):
        gw.set_random_seed(4)
        model = Smaller()
        model.compile(gw.optimizers.SGD(0.1), run_eagerly=eager)
        found.append(model.fit(X, epochs=6, batch_size=5, verbose=0).history["loss"])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)
    assert found[0][-1] < found[0][0]


def test_a_loss_of_ones_own_need_not_ask_whether_it_is_for_training() -> None:
    told = []

    class Older(gw.Model):
        def call(self, x: Any) -> Any:
            return x

        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None
        ) -> Any:
            return (y_pred - y).mean()

    class Newer(Older):
        def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight:
                         Any = None, **kwargs: Any) -> Any:  # fmt: skip
            told.append(kwargs["training"])
            return super().compute_loss(x, y, y_pred, sample_weight)

    for model in (Older(), Newer()):
        model.compile("sgd")
        assert round(model.evaluate(X + 2, X, verbose=0), 5) == 2.0
    assert told == [False]


def test_inputs_that_were_computed_with_weights_are_taken_as_they_are() -> None:
    inputs = gw.Input((3,))
    model = gw.Model(inputs, layers.Rescaling(2.0)(inputs))
    codes = graftgrad.tensor(X, requires_grad=True) * 1.0
    np.testing.assert_allclose(model.predict(codes, verbose=0), 2 * X, rtol=1e-6)


def test_a_step_in_the_form_for_jax_is_told_how_to_be_written() -> None:
    class Stateless(gw.Model):
        def call(self, x: Any) -> Any:
            return x

        def train_step(self, state: Any, data: Any) -> Any:  # type: ignore[override]
            return {}, state

    model = Stateless()
    model.compile("sgd", "mse")
    told = (
        r"train_step: must ask for the data alone; got asked=\['state', 'data'\]\. A state .* JAX"
    )
    with pytest.raises(ConfigError, match=told):
        model.fit(X, X, verbose=0)
