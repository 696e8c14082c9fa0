"""Models as estimators of scikit-learn: in pipelines, searches, clones."""

from __future__ import annotations

import pickle  # noqa: TID251
from typing import Any

import numpy as np
import pytest

import graftwork as gw
from graftgrad.errors import ConfigError
from graftwork import layers

sklearn = pytest.importorskip("sklearn")
from sklearn import base, model_selection, pipeline, preprocessing  # noqa: E402
from sklearn.datasets import load_iris  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402

from graftwork.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer  # noqa: E402

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


def made(X: Any, y: Any, loss: str = "categorical_crossentropy", end: Any = "softmax",
         units: int = 8) -> Any:  # fmt: skip
    gw.set_random_seed(1)
    x = gw.Input((X.shape[1],))
    hidden = layers.Dense(units, activation="relu")(x)
    model = gw.Model(x, layers.Dense(y.shape[1] if y.ndim > 1 else 1, activation=end)(hidden))
    model.compile(gw.optimizers.Adam(0.02), loss)
    return model


FIT = {"epochs": 20, "verbose": 0}


def test_a_classifier_in_a_pipeline() -> None:
    estimator = SKLearnClassifier(made, fit_kwargs=FIT)
    pipe = pipeline.make_pipeline(preprocessing.StandardScaler(), estimator)
    scores = model_selection.cross_val_score(pipe, X, NAMES, cv=3)
    assert scores.mean() > 0.9
    pipe.fit(X, NAMES)
    assert estimator.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    told = pipe.predict(X)
    assert set(told) <= set(NAMES)
    share = pipe.decision_function(X)
    assert share.shape == (150, 3)
    assert (estimator.classes_[share.argmax(-1)] == told).all()
    assert len(estimator.history_.history["loss"]) == 20


def test_a_regressor_and_a_search() -> None:
    target = X[:, 3]
    estimator = SKLearnRegressor(made, model_kwargs={"loss": "mse", "end": None},
                                 fit_kwargs={"epochs": 60, "verbose": 0})  # fmt: skip
    search = model_selection.GridSearchCV(
        estimator, {"model_kwargs": [{"loss": "mse", "end": None, "units": n} for n in (2, 16)]},
        cv=model_selection.KFold(2, shuffle=True, random_state=0),
    )  # fmt: skip
    search.fit(X[:, :3], target)
    assert search.best_score_ > 0.3
    assert search.predict(X[:, :3]).shape == (150,)


def test_a_transformer_before_another_estimator() -> None:
    model = made(X, np.zeros((1, 2)), "mse", None)
    features = SKLearnTransformer(model, fit_kwargs={"epochs": 1, "verbose": 0})
    both = np.stack([X[:, 0], X[:, 2]], 1)
    features.fit(X, both)
    assert features.transform(X).shape == (150, 2)
    LogisticRegression().fit(features.transform(X), Y)


def test_models_are_copied_unless_they_are_to_go_on() -> None:
    model = made(X, np.zeros((1, 1)), "mse", None)
    before = [w.copy() for w in model.get_weights()]
    cold = SKLearnRegressor(model, fit_kwargs=FIT).fit(X, X[:, 3])
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert cold.model_ is not model
    warm = SKLearnRegressor(model, warm_start=True, fit_kwargs=FIT)
    first = warm.fit(X, X[:, 3]).history_.history["loss"]
    again = warm.fit(X, X[:, 3]).history_.history["loss"]
    assert warm.model_ is model
    assert again[0] < first[0]
    twin = base.clone(warm)
    assert twin.model is not model
    assert twin.get_params()["warm_start"] is True
    assert not hasattr(twin, "model_")


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match="there must be a compiled model; got"):
        SKLearnRegressor(gw.Sequential([layers.Dense(1)])).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="only one class is present"):
        SKLearnClassifier(made).fit(X, np.zeros(150, int))
    with pytest.raises(ValueError, match="Only binary and multiclass"):
        SKLearnClassifier(made).fit(X, X[:, 0])
    with pytest.raises(sklearn.exceptions.NotFittedError):
        SKLearnClassifier(made).predict(X)


# As Keras' own estimators: trainings differ from each other, and few epochs tell classes badly.
KNOWN = {
    "check_classifier_data_not_an_array", "check_classifiers_classes",
    "check_classifiers_one_label_sample_weights", "check_classifiers_train",
    "check_fit_idempotent", "check_supervised_y_2d",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*softmax must have two outputs")  # for one target `made` has
@pytest.mark.parametrize(
    ("kind", "loss", "known"),
    [
        (SKLearnClassifier, "categorical_crossentropy", KNOWN),
        (SKLearnRegressor, "mse", set()),
        (SKLearnTransformer, "mse", set()),
    ],
)
def test_the_checks_that_scikit_learn_has(kind: Any, loss: str, known: set[str]) -> None:
    from sklearn.utils.estimator_checks import check_estimator

    estimator = kind(made, model_kwargs={"loss": loss}, fit_kwargs={"epochs": 2, "verbose": 0})
    found = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = {one["check_name"] for one in found if one["status"] == "failed"}
    assert failed <= known
    assert sum(one["status"] == "passed" for one in found) > 35


def test_a_trained_estimator_is_copied_and_pickled() -> None:
    estimator = SKLearnClassifier(made, fit_kwargs=FIT).fit(X, NAMES)
    again = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(again.predict(X), estimator.predict(X))
