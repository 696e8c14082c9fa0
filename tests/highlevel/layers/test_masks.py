"""Masks against Keras' values: where they come from, where they go and where they end."""

import numpy as np
import pytest

import graftgrad
import graftwork as gw
from graftgrad.errors import ShapeError
from graftwork import layers
from support.golden import GoldenCase, cases
from support.layer_checks import check_layer
from support.sequence_checks import check_sequence

NAMES = ("Masking", "Embedding", "GlobalAveragePooling1D", "Dense", "LayerNormalization",
         "Softmax", "Add", "Maximum", "Minimum", "Concatenate")  # fmt: skip


@pytest.mark.parametrize("case", cases("sequences", *NAMES), ids=str)
def test_as_keras(case: GoldenCase) -> None:
    check_sequence(case)


def masked(x, mask):
    made = graftgrad.tensor(x)
    made._keras_mask = graftgrad.tensor(mask)
    return made


X = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
MASK = np.array([[True, True, False], [True, False, False]])


def test_every_promise() -> None:
    check_layer(layers.Masking, (2, 3, 4))
    check_layer(lambda: layers.Embedding(5, 3, mask_zero=True), (2, 4), integers=5)


def test_a_layer_that_does_not_hand_masks_on_says_so() -> None:
    with pytest.warns(UserWarning, match='layer "flatten.*": an input has a mask'):
        layers.Flatten()(masked(X, MASK))


def test_a_mask_that_the_caller_gives_need_not_be_handed_on() -> None:
    class Windows(layers.Layer):
        def call(self, x, mask=None):
            return x if mask is None else x + mask

    assert Windows()(X, mask=np.ones((2, 3, 4), "float32")).tolist() == (X + 1).tolist()


def test_a_mask_given_by_name_comes_first() -> None:
    class Shown(layers.Layer):
        def call(self, x, mask=None):
            self.seen = mask
            return x * 1

        def compute_mask(self, inputs, mask=None):
            return mask

    layer = Shown()
    np.testing.assert_array_equal(layer(masked(X, MASK), mask=~MASK)._keras_mask.numpy(), ~MASK)
    np.testing.assert_array_equal(layer.seen.numpy(), ~MASK)
    layer(masked(X, MASK))
    np.testing.assert_array_equal(layer.seen.numpy(), MASK)


def test_an_own_layer_makes_masks_for_all_its_outputs() -> None:
    class Halves(layers.Layer):
        def call(self, x):
            return [x[:, :1], x[:, 1:]]

        def compute_mask(self, inputs, mask=None):
            return None if mask is None else [mask[:, :1], mask[:, 1:]]

    first, second = Halves()(masked(X, MASK))
    np.testing.assert_array_equal(first._keras_mask.numpy(), MASK[:, :1])
    np.testing.assert_array_equal(second._keras_mask.numpy(), MASK[:, 1:])


def test_a_layer_that_needs_a_mask_can_be_written_into_a_functional_model() -> None:
    class Average(layers.Layer):
        def call(self, x, mask=None):
            assert mask is not None
            counts = mask.to("float32").unsqueeze(-1)
            return (x * counts).sum(1) / counts.sum(1)

        def compute_mask(self, x, mask=None):
            return None

    inputs = gw.Input((None,), dtype="int32")
    y = layers.Dense(2)(layers.Embedding(9, 4, mask_zero=True)(inputs))
    model = gw.Model(inputs, Average()(y))
    long, short = (model(np.array([row])) for row in ([3, 5, 0, 0], [3, 5]))
    np.testing.assert_allclose(long.detach().numpy(), short.detach().numpy(), rtol=1e-6)


def test_losses_and_metrics_count_what_the_mask_is_true_for() -> None:
    predictions, targets = masked(X, MASK), np.zeros((2, 3, 4), "float32")
    wanted = (X[MASK] ** 2).mean()
    found = gw.losses.MeanSquaredError()(targets, predictions)
    np.testing.assert_allclose(float(found), wanted, rtol=1e-6)
    metric = gw.metrics.MeanSquaredError()
    metric.update_state(targets, predictions)
    np.testing.assert_allclose(float(metric.result()), wanted, rtol=1e-6)
    weights = np.array([1.0, 3.0], "float32")
    metric.reset_state()
    metric.update_state(targets, predictions, sample_weight=weights)
    each = (X**2).mean(-1) * MASK * weights[:, None]
    np.testing.assert_allclose(
        float(metric.result()), each.sum() / (MASK * weights[:, None]).sum(), rtol=1e-5
    )
    summed = gw.losses.MeanSquaredError(reduction="sum")(targets, predictions)
    np.testing.assert_allclose(float(summed), (X[MASK] ** 2).mean(-1).sum(), rtol=1e-6)


def test_batch_normalization_takes_its_statistics_where_the_mask_is_true() -> None:
    layer = layers.BatchNormalization(momentum=0.0, epsilon=0.0, dtype="float64")
    y = layer(masked(X, MASK), training=True)
    kept = X[MASK].astype("float64")
    np.testing.assert_allclose(layer.moving_mean.numpy(), kept.mean(0), rtol=1e-6)
    np.testing.assert_allclose(layer.moving_variance.numpy(), kept.var(0), rtol=1e-6)
    wanted = (kept - kept.mean(0)) / kept.std(0)
    np.testing.assert_allclose(y.detach().numpy()[MASK], wanted, rtol=1e-5)
    with pytest.raises(ShapeError, match="one axis less than the input"):
        layer(X, mask=MASK[0])


def test_a_lambda_says_what_becomes_of_a_mask() -> None:
    ends, keeps = layers.Lambda(lambda x: x), layers.Lambda(lambda x: x * 1, mask=lambda x, m: m)
    x = masked(X, MASK)
    assert getattr(layers.Lambda(lambda x: x * 1)(x), "_keras_mask", None) is None
    np.testing.assert_array_equal(keeps(x)._keras_mask.numpy(), MASK)
    np.testing.assert_array_equal(ends(x)._keras_mask.numpy(), MASK)  # the very same tensor
    np.testing.assert_array_equal(layers.Lambda(lambda x, mask: mask)(x).numpy(), MASK)


def test_a_table_of_ones_own() -> None:
    table = np.arange(6.0, dtype="float32").reshape(3, 2)
    layer = layers.Embedding(3, 2, weights=[table])
    np.testing.assert_array_equal(layer(np.array([2, 0])).detach().numpy(), table[[2, 0]])
    assert "weights" not in layer.get_config()
    assert [weight.name for weight in layer.weights] == ["embeddings"]
