"""Metrics against Keras over several updates; names, state and errors."""

import inspect
from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad.errors import ConfigError, ShapeError
from graftwork import metrics, ops, registry
from support.golden import GoldenCase, cases


@pytest.mark.parametrize("golden", cases("metrics"), ids=str)
def test_results_and_state_are_those_of_keras(golden: GoldenCase) -> None:
    metric = getattr(metrics, golden.class_name)(dtype="float64", **golden.settings)
    roles = [
        role for role in ("y_true", "y_pred", "values", "sample_weight") if f"{role}/0" in golden
    ]
    for i in range(golden.facts["updates"]):
        metric.update_state(**{role: golden[f"{role}/{i}"] for role in roles})
        np.testing.assert_allclose(
            metric.result().numpy(), golden[f"result/{i}"], rtol=2e-6, atol=1e-7
        )
    kept = {variable.name: variable.numpy() for variable in metric.variables}
    for name, value in golden.group("state").items():
        np.testing.assert_allclose(kept[name], value, rtol=2e-6, atol=1e-7)


def test_before_anything_was_seen_results_are_zero() -> None:
    for kind in (
        metrics.Mean,
        metrics.Sum,
        metrics.Precision,
        metrics.AUC,
        metrics.R2Score,
        metrics.F1Score,
    ):
        assert float(kind().result()) == 0


def test_reset_forgets() -> None:
    metric = metrics.BinaryAccuracy()
    metric.update_state([1, 1], np.array([0.1, 0.2]))
    metric.reset_state()
    metric.update_state([1, 1], np.array([0.9, 0.8]))
    assert float(metric.result()) == 1


def test_a_result_is_no_view_of_the_state() -> None:
    for metric in (metrics.Sum(), metrics.TruePositives()):
        arguments = ([1.0, 1.0],) if isinstance(metric, metrics.Sum) else ([1, 1], np.ones(2))
        metric.update_state(*arguments)
        first = metric.result()
        metric.update_state(*arguments)
        assert (float(first), float(metric.result())) == (2, 4)


@pytest.mark.parametrize(
    ("kind", "order"),
    [
        (metrics.Mean, ["name", "dtype"]),
        (metrics.MeanSquaredError, ["name", "dtype"]),
        (metrics.BinaryAccuracy, ["name", "dtype", "threshold"]),
        (metrics.TopKCategoricalAccuracy, ["k", "name", "dtype"]),
        (metrics.SparseTopKCategoricalAccuracy, ["k", "name", "dtype", "from_sorted_ids"]),
        (metrics.Precision, ["thresholds", "top_k", "class_id", "name", "dtype"]),
        (metrics.F1Score, ["average", "threshold", "name", "dtype"]),
        (metrics.CosineSimilarity, ["name", "dtype", "axis"]),
        (
            metrics.IoU,
            [
                "num_classes",
                "target_class_ids",
                "name",
                "dtype",
                "ignore_class",
                "sparse_y_true",
                "sparse_y_pred",
                "axis",
            ],
        ),
        (
            metrics.MeanIoU,
            [
                "num_classes",
                "name",
                "dtype",
                "ignore_class",
                "sparse_y_true",
                "sparse_y_pred",
                "axis",
            ],
        ),
        (
            metrics.OneHotIoU,
            [
                "num_classes",
                "target_class_ids",
                "name",
                "dtype",
                "ignore_class",
                "sparse_y_pred",
                "axis",
            ],
        ),
        (
            metrics.OneHotMeanIoU,
            ["num_classes", "name", "dtype", "ignore_class", "sparse_y_pred", "axis"],
        ),
        (metrics.BinaryIoU, ["target_class_ids", "threshold", "name", "dtype"]),
        (metrics.PrecisionAtRecall, ["recall", "num_thresholds", "class_id", "name", "dtype"]),
        (metrics.PearsonCorrelation, ["name", "dtype", "axis"]),
    ],
)
def test_arguments_stand_in_the_order_of_keras(kind: type, order: list[str]) -> None:
    assert list(inspect.signature(kind).parameters) == order


@pytest.mark.parametrize("golden", {c.class_name: c for c in cases("metrics")}.values(), ids=str)
def test_a_configuration_makes_an_equal_metric(golden: GoldenCase) -> None:
    metric = getattr(metrics, golden.class_name)(name="mine", **golden.settings)
    again = metrics.get({"class_name": golden.class_name, "config": metric.get_config()})
    assert again.get_config() == metric.get_config()


def test_a_metric_of_ones_own_keeps_state_and_its_name() -> None:
    class Largest(metrics.Metric):
        def __init__(self, name: str = "largest", **kwargs: Any) -> None:
            super().__init__(name=name, **kwargs)
            self.top = self.add_weight(shape=(), initializer="zeros", name="top")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.top.assign(graftgrad.ops.maximum(self.top.detach(), y_pred.max()))

        def result(self) -> Any:
            return self.top.value

    metric = Largest()
    assert float(metric(None, graftgrad.tensor([3.0, 1.0]))) == 3
    metric.reset_state()
    assert (float(metric.result()), metric.name) == (0, "largest")


def test_a_metric_of_ones_own_knows_its_element_type() -> None:
    class Positives(metrics.Metric):
        def __init__(self, name: str = "positives", **kwargs: Any) -> None:
            super().__init__(name=name, **kwargs)
            self.count = self.add_weight(initializer="zeros", name="count")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.count.assign_add(ops.sum(ops.cast(y_true, self.dtype)))

        def result(self) -> Any:
            return self.count

    assert (metrics.Mean().dtype, metrics.AUC(dtype="float64").dtype) == ("float32", "float64")
    assert float(Positives()([True, False, True], None)) == 2.0
    assert "dtype" not in repr(metrics.Precision(thresholds=0.4))


def test_a_metric_of_metrics_keeps_their_state_and_forgets_it_with_them() -> None:
    class Both(metrics.Metric):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.mean, self.others = metrics.Mean(), [metrics.Sum()]
            self.start = self.add_variable((2,), "ones", None, "sum", "start")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            for one in (self.mean, *self.others):
                one.update_state(y_pred)

        def result(self) -> Any:
            return self.mean.result() + self.others[0].result()

    metric = Both()
    assert metric.start.tolist() == [1.0, 1.0] and metric.start.name == "start"
    assert float(metric(None, graftgrad.tensor([3.0, 1.0]))) == 6
    assert [one.name for one in metric.variables] == ["start", "total", "count", "total"]
    metric.reset_state()
    assert float(metric.result()) == 0 and metric.start.tolist() == [0.0, 0.0]  # as Keras does


def test_a_name_stands_for_a_metric_and_an_unknown_one_is_answered() -> None:
    assert type(metrics.get("mse")) is metrics.MeanSquaredError
    assert type(registry.metrics.get("AUC")) is metrics.AUC
    with pytest.raises(ConfigError, match=r"metric: .*'accuracyy'"):
        metrics.get("accuracyy")


def test_settings_and_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ConfigError, match=r"threshold must lie between 0 and 1.*1\.5"):
        metrics.BinaryAccuracy(threshold=1.5)
    with pytest.raises(ConfigError, match="curve"):
        metrics.AUC(curve="ROCK")
    with pytest.raises(ConfigError, match="thresholds must lie between 0 and 1"):
        metrics.Recall(thresholds=[0.5, 2.0])
    with pytest.raises(ShapeError, match=r"y_true=\(3,\), y_pred=\(4,\)"):
        metrics.BinaryAccuracy().update_state(np.zeros(3), np.zeros(4))
    with pytest.raises(ShapeError, match="one label per prediction"):
        metrics.SparseCategoricalAccuracy().update_state(np.zeros(3), np.zeros((4, 2)))


def test_serialized_metrics_come_back() -> None:
    metric = metrics.OneHotIoU(3, [0, 2], ignore_class=1)
    told = metrics.serialize(metric)
    assert told["module"] == "keras.metrics"
    assert metrics.deserialize(told).get_config() == metric.get_config()
    assert type(metrics.deserialize("pearson_correlation")).__name__ == "PearsonCorrelation"


SEEN = ([0, 1, 1], np.array([0.2, 0.6, 0.9]))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: metrics.IoU(3, [0, 3]), ConfigError,
         r"IoU: target_class_ids must lie in \[0, 3\); got target_class_ids=\(0, 3\)"),
        (lambda: metrics.IoU(num_classes=3), ConfigError, "target_class_ids must be given"),
        (lambda: metrics.MeanIoU(3).update_state([0, 1], [0, 1, 2]), ShapeError,
         r"MeanIoU: there must be one label per prediction; got y_true=\(2,\), y_pred=\(3,\)"),
        (lambda: metrics.MeanIoU(3).update_state([0, 1, 2], [0, 1, 2], [1.0, 2.0]), ShapeError,
         "one weight per prediction"),
        (lambda: metrics.PrecisionAtRecall(1.5), ConfigError, "recall must lie between 0 and 1"),
        (lambda: metrics.SensitivityAtSpecificity(0.5, num_thresholds=0), ConfigError,
         "num_thresholds must be a positive integer"),
        (lambda: metrics.AUC(num_labels=2), ConfigError, "num_labels needs multi_label=True"),
        (lambda: metrics.AUC(multi_label=True).update_state(*SEEN), ShapeError,
         r"predictions of several labels must be \(N, L\)"),
        (lambda: metrics.AUC(multi_label=True, num_labels=3).update_state(
            np.ones((2, 2)), np.ones((2, 2))), ShapeError, "as many labels as before"),
    ],
)  # fmt: skip
def test_unfit_settings_and_shapes_of_tables_and_rates(call: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_a_rate_that_is_never_reached_gives_zero() -> None:
    metric = metrics.PrecisionAtRecall(0.9)
    metric.update_state([1, 1], np.array([0.1, -1.0]))
    assert float(metric.result()) == 0
    assert float(metrics.MeanIoU(2).result()) == 0
    assert float(metrics.AUC(multi_label=True).result()) == 0


def test_gains_of_precision_and_recall() -> None:
    """A classifier that ranks without a mistake gains everything (Flach and Kull 2015)."""
    gain = metrics.AUC(num_thresholds=50, curve="prgain")
    truth, guess = [0.0, 0.0, 1.0, 1.0], [0.1, 0.3, 0.7, 0.9]
    gain.update_state(truth, guess)
    assert float(gain.result()) == pytest.approx(1.0)
    gain.reset_state()
    gain.update_state(truth, guess[::-1])
    assert float(gain.result()) < 0.0
    with pytest.raises(ConfigError, match='AUC: curve must be "ROC", "PR" or "PRGAIN"; got curve='):
        metrics.AUC(curve="gain")


def test_ignored_labels_do_not_count() -> None:
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=1)
    metric.update_state([0, 1, 0], [[0.5, 0.5], [0.1, 0.9], [0.25, 0.75]])
    expected = -(np.log(0.5) + np.log(0.25)) / 2
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)
    metric.reset_state()
    metric.update_state([0, 1], [[0.5, 0.5], [0.1, 0.9]], sample_weight=[3.0, 7.0])
    assert float(metric.result()) == pytest.approx(-np.log(0.5), rel=1e-5)


def test_configurations_tell_what_is_used() -> None:
    assert metrics.MeanSquaredError().get_config()["dtype"] == "float32"
    assert metrics.AUC(thresholds=[0.2, 0.6]).get_config()["num_thresholds"] == 4


def test_an_unknown_argument_is_what_python_raises_too() -> None:
    with pytest.raises(TypeError, match="MeanSquaredError: arguments must be known; got unheard"):
        metrics.MeanSquaredError(unheard=1)
    with pytest.raises(ConfigError):
        metrics.MeanSquaredError(unheard=1)
    with pytest.raises(ConfigError, match="threshold must be a finite number"):
        metrics.F1Score(threshold="high")


def test_means_and_sums_of_lists_of_tensors() -> None:
    losses = [graftgrad.tensor(1.0, requires_grad=True) * 2.0, graftgrad.tensor(4.0)]
    mean, total = metrics.Mean(), metrics.Sum()
    for metric in (mean, total):
        metric.update_state(losses)
    assert (float(mean.result()), float(total.result())) == (3.0, 6.0)
