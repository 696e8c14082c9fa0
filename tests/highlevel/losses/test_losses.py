"""Losses against Keras: values, every reduction, sample weights, gradients; and their errors."""

from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ConfigError, DataError, ShapeError
from graftwork import losses, registry
from support.golden import GoldenCase, cases

EACH = pytest.mark.parametrize("golden", cases("losses"), ids=str)


@pytest.mark.parametrize(
    "reduction", ["none", "sum", "sum_over_batch_size", "mean_with_sample_weight"]
)
@EACH
def test_value_and_gradient_are_those_of_keras(golden: GoldenCase, reduction: str) -> None:
    dtype = golden.facts["dtype"]
    loss = getattr(losses, golden.class_name)(reduction=reduction, **golden.settings)
    y_pred = graftgrad.tensor(golden["y_pred"].astype(dtype), requires_grad=True)
    weight = golden["sample_weight"].astype(dtype) if "sample_weight" in golden else None
    value = loss(golden["y_true"], y_pred, sample_weight=weight)
    close = {"rtol": 1e-9, "atol": 1e-11} if dtype == "float64" else {"rtol": 2e-5, "atol": 1e-6}
    np.testing.assert_allclose(value.detach().numpy(), golden[f"value/{reduction}"], **close)
    value.backward(golden["cotangent/none"].astype(dtype) if reduction == "none" else None)
    assert y_pred.grad is not None
    np.testing.assert_allclose(y_pred.grad.numpy(), golden[f"gradient/{reduction}"], **close)


def arrays(*shape: int) -> Any:
    return np.random.default_rng(0).uniform(0.05, 0.95, shape).astype("float32")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("mse", "MeanSquaredError"), ("MAE", "MeanAbsoluteError"), ("bce", "BinaryCrossentropy"),
     ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"), ("KLD", "KLDivergence"),
     ("huber", "Huber"), ("CategoricalHinge", "CategoricalHinge"), ("log_cosh", "LogCosh")],
)  # fmt: skip
def test_a_name_stands_for_a_loss(name: str, kind: str) -> None:
    assert type(registry.losses.get(name)).__name__ == kind


def test_a_loss_of_ones_own_may_see_dictionaries() -> None:
    class Apart(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return y_pred["a"] * 2 - y_true["b"]

    loss = Apart()
    assert loss.name == "apart"
    found = loss({"b": np.ones(2, "float32")}, {"a": np.arange(2.0, dtype="float16")})
    assert (float(found), str(found.dtype)) == (0.0, "float32")


def test_get_gives_functions_for_their_names_and_objects_for_those_of_classes() -> None:
    for name in ("mse", "MSE", "mean_squared_error"):
        assert losses.get(name) is losses.mean_squared_error
    assert losses.get("kl_divergence") is losses.deserialize("KLD") is losses.kl_divergence
    found = losses.get("mae")([[1.0, 2.0]], [[3.0, 2.0]])
    assert found.tolist() == [1.0]  # of every sample, as the function gives it
    assert float(losses.get("MeanAbsoluteError")([[1.0, 2.0]], [[3.0, 2.0]])) == 1.0
    assert losses.get(None) is None and losses.get(losses.huber) is losses.huber


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    with pytest.raises(
        ConfigError, match=r"loss: .*'mean_square_error'\. Did you mean mean_squared_error"
    ):
        losses.get("mean_square_error")


@pytest.mark.parametrize("golden", {c.class_name: c for c in cases("losses")}.values(), ids=str)
def test_a_configuration_makes_an_equal_loss(golden: GoldenCase) -> None:
    loss = getattr(losses, golden.class_name)(reduction="sum", name="mine", **golden.settings)
    again = losses.get({"class_name": golden.class_name, "config": loss.get_config()})
    assert again.get_config() == loss.get_config()
    y_true, y_pred = golden["y_true"], golden["y_pred"]
    assert float(again(y_true, y_pred)) == float(loss(y_true, y_pred))


def test_a_function_becomes_a_loss_that_is_reduced() -> None:
    def cube(y_true: Any, y_pred: Any, scale: float = 1.0) -> Any:
        return abs(y_true - y_pred) ** 3 * scale

    loss = losses.LossFunctionWrapper(cube, scale=2.0)
    y, p = arrays(6), arrays(6, 1)[:, :1] * 0.5
    np.testing.assert_allclose(float(loss(y, p)), (2 * abs(y - p[:, 0]) ** 3).mean(), rtol=1e-6)


def test_a_loss_of_ones_own_computes_per_sample_values() -> None:
    class Cubed(losses.Loss):
        def __init__(self, scale: float = 1.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.scale = scale

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return (abs(y_true - y_pred) ** 3).mean(-1) * self.scale

    loss = Cubed(2.0, reduction="sum")
    y, p = arrays(4, 3), arrays(4, 3)[::-1].copy()
    np.testing.assert_allclose(float(loss(y, p)), (2 * abs(y - p) ** 3).mean(-1).sum(), rtol=1e-6)


def test_labels_may_be_whole_real_numbers_and_truth_values() -> None:
    p = arrays(4, 2)
    wanted = float(losses.SparseCategoricalCrossentropy()(np.array([0, 1, 1, 0]), p))
    for labels in (np.array([0.0, 1, 1, 0]), np.array([False, True, True, False])):
        assert float(losses.SparseCategoricalCrossentropy()(labels, p)) == wanted


def test_classes_may_lie_along_another_axis() -> None:
    scores, labels = arrays(3, 4, 5), np.random.default_rng(1).integers(0, 4, (3, 5))
    for from_logits in (False, True):
        last = losses.SparseCategoricalCrossentropy(from_logits)
        first = losses.SparseCategoricalCrossentropy(from_logits, axis=1)
        np.testing.assert_allclose(
            float(first(labels, scores)), float(last(labels, np.moveaxis(scores, 1, -1))), rtol=1e-6
        )
    one_hot = np.eye(4, dtype="float32")[labels]
    for from_logits in (False, True):
        first = losses.CategoricalCrossentropy(from_logits, axis=1)
        last = losses.CategoricalCrossentropy(from_logits)
        np.testing.assert_allclose(
            float(first(np.moveaxis(one_hot, -1, 1), scores)),
            float(last(one_hot, np.moveaxis(scores, 1, -1))),
            rtol=1e-6,
        )


@pytest.mark.parametrize(
    ("loss", "y_true", "y_pred", "weight", "told"),
    [
        (losses.MeanSquaredError(), (4, 3), (4, 2), None, r"y_true=\(4, 3\), y_pred=\(4, 2\)"),
        (losses.MeanSquaredError(), (4,), (4, 3), None, r"y_true=\(4,\), y_pred=\(4, 3\)"),
        (losses.MeanSquaredError(), (4, 3), (4, 3), (3,), r"one weight per sample.*\(3, ?"),
        (losses.CategoricalCrossentropy(), (4,), (4, 3), None, "use sparse_categorical"),
        (losses.SparseCategoricalCrossentropy(), (4, 3), (4, 3), None, "one label per prediction"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit_are_named(
    loss: Any, y_true: Any, y_pred: Any, weight: Any, told: str
) -> None:
    with pytest.raises(ShapeError, match=told):
        loss(arrays(*y_true), arrays(*y_pred), None if weight is None else arrays(*weight))


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize(("label", "told"), [(3, "3"), (-1, "-1"), (0.5, "whole numbers")])
def test_labels_that_are_no_classes_are_refused(label: float, told: str, from_logits: bool) -> None:
    loss = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    with pytest.raises(DataError, match=told):
        loss(np.array([0, label, 1]), arrays(3, 3))


@pytest.mark.parametrize("name", ["binary_crossentropy", "binary_focal_crossentropy"])
@pytest.mark.parametrize("from_logits", [False, True])
def test_targets_that_are_no_share_are_refused(name: str, from_logits: bool) -> None:
    loss = getattr(losses, name)
    p = np.full((3, 2), 0.5, "float32")
    for wrong in (2.0, -1.0):
        t = np.array([[0, 1], [0.3, 1], [wrong, 0]], "float32")
        told = rf"{name}: targets must lie in \[0, 1\]; got target={wrong}, position=\(2, 0\)"
        with pytest.raises(DataError, match=told):
            loss(t, p, from_logits=from_logits)


def test_a_reduction_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"reduction must be one of .*'average'"):
        losses.MeanSquaredError(reduction="average")


def test_serialized_losses_come_back() -> None:
    loss = losses.Tversky(0.3, 0.9, axis=(1, 2), name="mine")
    told = losses.serialize(loss)
    assert told["module"] == "keras.losses"
    assert losses.deserialize(told).get_config() == loss.get_config()
    assert losses.serialize(losses.MeanSquaredError())["class_name"] == "MeanSquaredError"
    assert losses.deserialize("dice") is losses.dice


def test_circle_compares_with_embeddings_of_others() -> None:
    x = np.eye(3, dtype="float32")
    alone = losses.circle([0, 0, 1], x, remove_diagonal=False)
    beside = losses.circle([0, 0, 1], x, [0, 0, 1], x, remove_diagonal=False)
    np.testing.assert_array_equal(alone.numpy(), beside.numpy())
    assert losses.circle([0, 1, 2], x, [5], x[:1]).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: losses.CategoricalGeneralizedCrossEntropy(1.0), ConfigError,
         "q must lie between 0 and 1, both excluded; got q=1.0"),
        (lambda: losses.ctc([1, 2], arrays(2, 4, 3)), ShapeError, r"ctc: targets must be \(N, L\)"),
        (lambda: losses.ctc([[1], [2]], arrays(2, 3)), ShapeError,
         r"ctc: predictions must be \(N, T, K\)"),
        (lambda: losses.ctc([[1], [3]], arrays(2, 4, 3)), DataError, "label=3"),
        (lambda: losses.circle([0, 1], arrays(3, 2)), ShapeError,
         r"circle: there must be one label for each embedding, \(N, D\); got y_true=\(2,\)"),
        (lambda: losses.dice(arrays(2, 3), arrays(2, 2)), ShapeError, "must have one shape"),
    ],
)  # fmt: skip
def test_unfit_labels_and_regions(call: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_sizes_of_one_are_spread_out_with_a_warning() -> None:
    y_true, y_pred = arrays(4, 3), arrays(4, 1)
    told = r"mean_squared_error: targets \(4, 3\) and predictions \(4, 1\) should have one shape"
    with pytest.warns(UserWarning, match=told):
        loss = losses.MeanSquaredError()(y_true, y_pred)
    np.testing.assert_allclose(float(loss), np.mean((y_true - y_pred) ** 2), rtol=1e-6)
    with pytest.raises(ShapeError, match=r"hinge: targets and predictions must have one shape"):
        losses.Hinge()(y_true, y_pred)
