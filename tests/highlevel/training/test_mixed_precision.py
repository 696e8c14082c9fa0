"""Training in bfloat16 with float32 weights: close to float32, and what must stay float32 does."""

import copy
from collections.abc import Iterator

import numpy as np
import pytest

import graftwork as gw
from graftgrad.kernel import only_reference
from graftwork import applications, layers, losses, optimizers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 12, 12, 3)).astype("float32")
Y = RNG.integers(0, 5, 16)
LOGITS = losses.SparseCategoricalCrossentropy(from_logits=True)
MIXED = "mixed_bfloat16"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    gw.mixed_precision.set_global_policy("float32")


def network(policy: str = MIXED, head: str | None = None) -> gw.Model:
    gw.mixed_precision.set_global_policy(policy)
    gw.set_random_seed(3)
    return gw.Sequential(
        [
            gw.Input((12, 12, 3)),
            layers.Conv2D(16, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.DepthwiseConv2D(3),
            layers.Conv2D(16, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(8, activation="relu"),
            layers.Dense(5, dtype=head),
        ]
    )


def compiled(model: gw.Model, **settings: bool) -> gw.Model:
    model.compile(optimizers.SGD(0.01, momentum=0.9), LOGITS, metrics=["accuracy"], **settings)
    return model


def course(model: gw.Model, epochs: int = 8) -> list[float]:
    return model.fit(X, Y, epochs=epochs, batch_size=8, verbose=0).history["loss"]


def test_the_losses_are_near_those_of_float32_and_fall() -> None:
    short, exact = course(compiled(network())), course(compiled(network("float32")))
    np.testing.assert_allclose(short, exact, rtol=0.01)
    assert short[-1] < 0.95 * short[0]


def test_weights_slots_gradients_and_statistics_stay_float32() -> None:
    model = compiled(network())
    course(model, 2)
    assert {str(weight.dtype) for weight in model.weights} == {"float32"}
    assert {str(weight.grad_buffer.dtype) for weight in model.trainable_weights} == {"float32"}
    slots = [one for one in model.optimizer.variables if one.ndim]
    assert slots
    assert {str(one.dtype) for one in slots} == {"float32"}
    assert not np.array_equal(model.layers[1].moving_mean.numpy(), np.zeros(16))


def test_updates_smaller_than_bfloat16_knows_are_kept() -> None:
    model = network()
    model.compile(optimizers.SGD(1e-6), LOGITS)
    before = [weight.numpy() for weight in model.trainable_weights]
    course(model, 1)
    moved = [
        np.count_nonzero(weight.numpy() != old)
        for weight, old in zip(model.trainable_weights, before, strict=True)
    ]
    assert all(moved), moved


@pytest.mark.parametrize("head", [None, "float32"])
def test_predictions_have_the_type_of_the_last_layer_and_losses_are_float32(head: str) -> None:
    model = compiled(network(head=head))
    found = model.predict(X, verbose=0)
    assert found.dtype == (head or "bfloat16")
    loss = model.compute_loss(X, Y, model(X))
    assert loss.dtype == "float32"
    wanted = LOGITS(Y, model(X).detach().to("float32"))
    np.testing.assert_array_equal(loss.detach().numpy(), wanted.numpy())


def test_metrics_see_float32() -> None:
    seen = []

    def noted(y_true, y_pred):
        seen.append(str(y_pred.dtype))
        return y_pred.mean(-1)

    model = network()
    model.compile("sgd", LOGITS, metrics=[noted])
    model.evaluate(X, Y, verbose=0)
    assert set(seen) == {"float32"}


def test_a_repeated_step_equals_the_eager_one() -> None:
    repeated = compiled(network())
    first = course(repeated, 6)
    eager = compiled(network(), run_eagerly=True)
    assert course(eager, 6) == first
    for one, other in zip(repeated.weights, eager.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), one.path)
    assert "repeated a plan" in repeated.recorded.report(timed=False)


def test_fast_bodies_are_near_the_reference() -> None:
    fast = course(compiled(network()), 3)
    with only_reference():
        slow = course(compiled(network(), run_eagerly=True), 3)
    np.testing.assert_allclose(fast, slow, rtol=0.02)


def test_frozen_layers_stay_as_they_are() -> None:
    model = network()
    for layer in model.layers[:6]:
        layer.trainable = False
    compiled(model)
    before = [weight.numpy() for layer in model.layers[:6] for weight in layer.weights]
    last = model.layers[-1].kernel.numpy()
    course(model, 3)
    after = [weight.numpy() for layer in model.layers[:6] for weight in layer.weights]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(model.layers[-1].kernel.numpy(), last)


def test_a_file_holds_float32_and_the_policies(tmp_path) -> None:
    model = compiled(network(head="float32"))
    course(model, 2)
    model.save(tmp_path / "mixed.keras")
    gw.mixed_precision.set_global_policy("float32")
    again = gw.models.load_model(tmp_path / "mixed.keras")
    assert [layer.dtype_policy.name for layer in again.layers] == [MIXED] * 8 + ["float32"]
    for one, other in zip(model.weights, again.weights, strict=True):
        assert other.dtype == "float32"
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_weights_of_a_float32_model_fit_a_mixed_one() -> None:
    exact, mixed = network("float32"), network()
    mixed.set_weights(exact.get_weights())
    found, wanted = mixed.predict(X, verbose=0), exact.predict(X, verbose=0)
    assert np.abs(found.astype("float32") - wanted).max() < 0.03 * np.abs(wanted).max()
    assert copy.deepcopy(mixed).layers[0].compute_dtype == "bfloat16"


@pytest.mark.parametrize("policy", [MIXED, "mixed_float16"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN", "Embedding"])
def test_sequences_are_trained(kind: str, policy: str) -> None:
    gw.mixed_precision.set_global_policy(policy)
    gw.set_random_seed(1)
    inner = {
        "Embedding": lambda: [layers.Embedding(20, 8), layers.GlobalAveragePooling1D()],
    }.get(kind, lambda: [layers.Embedding(20, 8), getattr(layers, kind)(6)])()
    model = gw.Sequential([gw.Input((7,)), *inner, layers.Dense(5, dtype="float32")])
    model.compile(optimizers.Adam(0.02), LOGITS)
    x = RNG.integers(0, 20, (16, 7))
    history = model.fit(x, Y, epochs=6, verbose=0).history["loss"]
    assert history[-1] < history[0]


@pytest.mark.parametrize("name", ["ResNet18", "ResNet34", "ResNet50", "MobileNet", "ResNet20"])
def test_the_networks_are_trained_and_predict(name: str) -> None:
    gw.mixed_precision.set_global_policy(MIXED)
    gw.set_random_seed(2)
    model = getattr(applications, name)(weights=None, input_shape=(32, 32, 3), classes=5)
    pictures = RNG.normal(size=(4, 32, 32, 3)).astype("float32")
    model.compile(optimizers.SGD(0.01), LOGITS)
    before = model.weights[0].numpy()
    history = model.fit(pictures, Y[:4], epochs=3, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    assert {str(weight.dtype) for weight in model.weights} == {"float32"}
    assert not np.array_equal(model.weights[0].numpy(), before)
    found = model.predict(pictures, verbose=0)
    assert found.dtype == "bfloat16"
    assert np.isfinite(found.astype("float32")).all()
