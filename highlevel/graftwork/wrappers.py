"""Models as scikit-learn's estimators: in its pipelines, searches and cross-validations.

scikit-learn is needed to make one, and for nothing else in this library.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from graftgrad.errors import ConfigError, expect

from .models import Model, clone_model
from .saving.compilation import compiled

try:
    from sklearn import base, pipeline, preprocessing
    from sklearn.utils import multiclass, validation

    Estimator, Classifier, Regressor, Transformer = (
        base.BaseEstimator, base.ClassifierMixin, base.RegressorMixin, base.TransformerMixin,
    )  # fmt: skip
    INSTALLED = True
except ImportError:  # pragma: no cover
    INSTALLED = False
    Estimator, Classifier, Regressor, Transformer = (
        type(name, (), {}) for name in ("Estimator", "Classifier", "Regressor", "Transformer")
    )


class _Upright(Transformer, Estimator):  # type: ignore[misc, valid-type]
    """Targets (N,) as (N, 1), and predictions back."""

    def fit(self, y: Any) -> Any:
        """Note the shape."""
        self.rank_ = np.ndim(y)
        return self

    def transform(self, y: Any) -> Any:
        """Return (N, 1)."""
        return np.reshape(y, (-1, 1)) if np.ndim(y) == 1 else y

    def inverse_transform(self, y: Any) -> Any:
        """Return (N,) where targets were."""
        one = self.rank_ == 1 and y.ndim == 2 and y.shape[1] == 1
        return np.squeeze(y, 1) if one else y


class SKLBase(Estimator):  # type: ignore[misc, valid-type]
    """What all three have in common: a model that `fit` makes or copies, and trains.

    Args:
        model: a compiled model, which is copied with fresh weights for each fit; or a function of
            X, y and `model_kwargs` that returns one.
        warm_start: train the model itself, and go on with it in the next fit.
        model_kwargs: what the function is told besides.
        fit_kwargs: what `fit` of the model is told.
    Attributes:
        model_: the trained model.
        history_: its history.
    Raises:
        ConfigError: scikit-learn is not there, or there is no compiled model.
    """

    def __init__(
        self, model: Any, warm_start: bool = False, model_kwargs: Any = None,
        fit_kwargs: Any = None,
    ) -> None:  # fmt: skip
        expect(INSTALLED, type(self).__name__, "scikit-learn must be installed", error=ConfigError,
               installed=False, advice="pip install scikit-learn")  # fmt: skip
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags

    def __sklearn_clone__(self) -> Any:
        """Return an estimator that was not fitted; a model is copied, a function is not."""
        model = copy.deepcopy(self.model) if isinstance(self.model, Model) else self.model
        return type(self)(model, self.warm_start, copy.deepcopy(self.model_kwargs),
                          copy.deepcopy(self.fit_kwargs))  # fmt: skip

    @property
    def epoch_(self) -> Any:
        """How far training went."""
        history = getattr(self, "history_", None)
        return history.epoch if history is not None else 0

    def _made(self, x: Any, y: Any) -> Any:
        if not isinstance(self.model, Model):
            found = self.model(X=x, y=y, **(self.model_kwargs or {}))
        elif self.warm_start:
            found = self.model
        else:
            found = clone_model(self.model)
            if self.model.compiled:
                compiled(found, self.model.get_compile_config())
        fit = isinstance(found, Model) and found.compiled
        expect(fit, type(self).__name__, "there must be a compiled model", error=ConfigError,
               model=type(found).__name__, advice="Call compile before.")  # fmt: skip
        return found

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Train.

        Args:
            X: rows of features, (N, D).
            y: targets, (N,) or (N, K).
            kwargs: what the model's `fit` is told, before `fit_kwargs`.
        """
        X, y = validation.validate_data(self, X, y, multi_output=self._several(y))
        y = self._targets(y)
        model = self._made(X, y)
        self.history_ = model.fit(X, y, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def _several(self, y: Any) -> bool:
        """Tell whether there are several targets for each row."""
        shape = np.asarray(y).shape
        return len(shape) == 2 and shape[1] > 1

    def predict(self, X: Any) -> Any:
        """Return predictions in the form of the targets."""
        return self._answers(self._asked(X))

    def _asked(self, X: Any) -> Any:
        validation.check_is_fitted(self)
        return self.model_.predict(validation.validate_data(self, X, reset=False), verbose=0)

    def _targets(self, y: Any) -> Any:
        """Return targets in the form that the model is trained on, and note the way back."""
        kind = multiclass.type_of_target(y, input_name="y")
        if kind == "unknown":
            raise ValueError(f"Unknown label type for y: {y!r}")  # scikit-learn's own words
        self._target_encoder = _Upright().fit(y)
        return self._target_encoder.transform(y)

    def _answers(self, y: Any) -> Any:
        return self._target_encoder.inverse_transform(y)


class SKLearnClassifier(Classifier, SKLBase):  # type: ignore[misc, valid-type]
    """A model that tells classes, as one of scikit-learn's classifiers.

    Targets of any kind become columns, one for each class. Arguments as told at `SKLBase`.

    Attributes:
        classes_: the classes, in the order of the columns.
    """

    def _several(self, y: Any) -> bool:
        return False

    def decision_function(self, X: Any) -> Any:
        """Return what the model gives, (N, K)."""
        return self._asked(X)

    def _targets(self, y: Any) -> Any:
        kind = multiclass.type_of_target(y, input_name="y")
        if kind not in ("binary", "multiclass"):
            raise ValueError(
                f"Only binary and multiclass target types are supported. Target type: {kind}. "
                f"Unknown label type: {kind}"
            )
        encoder = preprocessing.OneHotEncoder(sparse_output=False)
        self._target_encoder = pipeline.make_pipeline(_Upright(), encoder).fit(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) == 1:
            raise ValueError("Classifier can't train when only one class is present.")
        return self._target_encoder.transform(y)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class SKLearnRegressor(Regressor, SKLBase):  # type: ignore[misc, valid-type]
    """A model that tells numbers, as one of scikit-learn's regressors.

    Arguments as told at `SKLBase`.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(Transformer, SKLBase):  # type: ignore[misc, valid-type]
    """A model that turns features into others, as one of scikit-learn's transformers.

    Arguments as told at `SKLBase`.
    """

    def transform(self, X: Any) -> Any:
        """Return what the model gives."""
        return self._asked(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]
