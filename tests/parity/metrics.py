"""Cases of metrics: three batches of (y_true, y_pred), plain and weighted, result and reset."""

from __future__ import annotations

from typing import Any

import numpy as np

from .compare import Case, case

DRAW = np.random.default_rng(17)
BATCHES, N, K = 3, 8, 4


def real(*shape: int) -> Any:
    """Draw real numbers: one array with a first axis of batches."""
    return DRAW.standard_normal((BATCHES, *shape)).astype("float32")


def chances(*shape: int) -> Any:
    """Draw numbers between 0 and 1."""
    return DRAW.uniform(0.02, 0.98, (BATCHES, *shape)).astype("float32")


def shares(*shape: int) -> Any:
    """Draw numbers that sum to 1 along the last axis."""
    found = chances(*shape)
    return (found / found.sum(-1, keepdims=True)).astype("float32")


def bits(*shape: int) -> Any:
    """Draw zeros and ones."""
    return (DRAW.random((BATCHES, *shape)) > 0.5).astype("float32")


def classes(count: int, *shape: int) -> Any:
    """Draw whole numbers below a count."""
    return DRAW.integers(0, count, (BATCHES, *shape)).astype("int32")


def hot(labels: Any, count: int) -> Any:
    """Return labels as vectors with a single one."""
    return np.eye(count, dtype="float32")[labels]


LABELS, SCORES, SHARES = classes(K, N), real(N, K), shares(N, K)
HOT = hot(LABELS, K)
TRUTH, GUESS = real(N, K), real(N, K)
BITS, CHANCES = bits(N, 1), chances(N, 1)
MANY, MANY_CHANCES = bits(N, 3), chances(N, 3)
WEIGHTS = DRAW.uniform(0.0, 2.0, (BATCHES, N)).astype("float32")
MAP, MAP_GUESS = classes(3, 2, 4), classes(3, 2, 4)
MAP_SCORES = shares(2, 4, 3)
WHOLE = DRAW.integers(0, 4, (BATCHES, 2, 4)).astype("float32")
OVERLAPS = ("IoU", "MeanIoU", "BinaryIoU", "OneHotIoU", "OneHotMeanIoU")

CASES: list[Case] = [
    # means of losses
    *[
        case(name, TRUTH, GUESS)
        for name in (
            "MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError",
            "MeanAbsolutePercentageError", "LogCoshError", "CosineSimilarity",
        )
    ],
    case("CosineSimilarity", TRUTH, GUESS, axis=1),
    case("MeanSquaredLogarithmicError", np.abs(TRUTH), np.abs(GUESS)),
    case("Poisson", np.abs(TRUTH), np.abs(GUESS)),
    case("KLDivergence", shares(N, K), SHARES),
    case("Hinge", 2 * MANY - 1, real(N, 3)),
    case("Hinge", MANY, real(N, 3), note="bits"),
    case("SquaredHinge", 2 * MANY - 1, real(N, 3)),
    case("CategoricalHinge", HOT, SCORES),
    case("BinaryCrossentropy", MANY, MANY_CHANCES),
    case("BinaryCrossentropy", MANY, real(N, 3), from_logits=True, label_smoothing=0.1),
    case("CategoricalCrossentropy", HOT, SHARES),
    case("CategoricalCrossentropy", HOT, SCORES, from_logits=True, label_smoothing=0.2),
    case("SparseCategoricalCrossentropy", LABELS, SHARES),
    case("SparseCategoricalCrossentropy", LABELS, SCORES, from_logits=True, ignore_class=1),
    # accuracy
    case("Accuracy", classes(3, N), classes(3, N)),
    case("BinaryAccuracy", BITS, CHANCES),
    case("BinaryAccuracy", MANY, MANY_CHANCES, threshold=0.3),
    case("CategoricalAccuracy", HOT, SCORES),
    case("SparseCategoricalAccuracy", LABELS, SCORES),
    case("SparseCategoricalAccuracy", LABELS[..., None], SCORES, note="column"),
    case("TopKCategoricalAccuracy", HOT, SCORES, k=2),
    case("SparseTopKCategoricalAccuracy", LABELS, SCORES, k=2),
    case("SparseTopKCategoricalAccuracy", LABELS, SCORES.argsort(-1)[..., ::-1].astype("float32"),
         k=3, from_sorted_ids=True),
    # counts of hits and misses
    *[
        case(name, BITS, CHANCES, **more)
        for name in ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives",
                     "Precision", "Recall")
        for more in ({}, {"thresholds": [0.2, 0.5, 0.8]})
    ],
    *[
        case(name, HOT, SHARES, **more)
        for name in ("Precision", "Recall")
        for more in ({"top_k": 2}, {"class_id": 1}, {"class_id": 2, "top_k": 2, "thresholds": 0.1})
    ],
    case("AUC", BITS, CHANCES),
    *[
        case("AUC", BITS, CHANCES, num_thresholds=20, curve=curve, summation_method=method)
        for curve in ("ROC", "PR")
        for method in ("interpolation", "minoring", "majoring")
    ],
    case("AUC", BITS, CHANCES, num_thresholds=20, curve="PRGAIN"),
    case("AUC", BITS, CHANCES, thresholds=[0.1, 0.4, 0.9]),
    case("AUC", BITS, real(N, 1), num_thresholds=20, from_logits=True),
    case("AUC", MANY, MANY_CHANCES, num_thresholds=20, multi_label=True),
    case("AUC", MANY, MANY_CHANCES, num_thresholds=20, multi_label=True, num_labels=3,
         label_weights=[0.5, 1.0, 2.0], config=False),  # Keras tells a tensor
    case("AUC", MANY, MANY_CHANCES, num_thresholds=20, label_weights=[0.5, 1.0, 2.0],
         config=False),
    case("PrecisionAtRecall", BITS, CHANCES, recall=0.6, num_thresholds=20),
    case("RecallAtPrecision", BITS, CHANCES, precision=0.4, num_thresholds=20),
    case("SensitivityAtSpecificity", BITS, CHANCES, specificity=0.5, num_thresholds=20),
    case("SpecificityAtSensitivity", BITS, CHANCES, sensitivity=0.5, num_thresholds=20),
    case("PrecisionAtRecall", HOT, SHARES, recall=0.5, class_id=2),
    case("RecallAtPrecision", HOT, SHARES, precision=0.95, class_id=1, note="unreached"),
    *[case("F1Score", HOT, SHARES, average=average) for average in (None, "micro", "macro",
                                                                    "weighted")],
    case("F1Score", MANY, MANY_CHANCES, threshold=0.4),
    case("FBetaScore", HOT, SHARES, beta=2.0, average="macro"),
    case("FBetaScore", MANY, MANY_CHANCES, beta=0.5, threshold=0.6),
    # overlap
    case("IoU", MAP, MAP_GUESS, num_classes=3, target_class_ids=[0, 2]),
    case("IoU", MAP, MAP_SCORES, num_classes=3, target_class_ids=[1], sparse_y_pred=False),
    case("IoU", hot(MAP, 3), MAP_GUESS, num_classes=3, target_class_ids=[1], sparse_y_true=False),
    case("MeanIoU", MAP, MAP_GUESS, num_classes=3),
    case("MeanIoU", MAP, MAP_GUESS, num_classes=3, ignore_class=1),
    case("BinaryIoU", bits(2, 4), chances(2, 4), target_class_ids=[0, 1], threshold=0.4),
    case("OneHotIoU", hot(MAP, 3), MAP_SCORES, num_classes=3, target_class_ids=[0, 2]),
    case("OneHotMeanIoU", hot(MAP, 3), MAP_SCORES, num_classes=3),
    case("OneHotMeanIoU", hot(MAP, 3), MAP_GUESS, num_classes=3, sparse_y_pred=True),
    # fits and correlations
    *[case("R2Score", TRUTH, GUESS, class_aggregation=way)
      for way in (None, "uniform_average", "variance_weighted_average")],
    case("R2Score", TRUTH, GUESS, num_regressors=2),
    case("PearsonCorrelation", TRUTH, GUESS),
    case("ConcordanceCorrelation", TRUTH, GUESS),
    case("PearsonCorrelation", TRUTH, GUESS, axis=-2),
]  # fmt: skip
# (metric, y_true and y_pred of one batch or nothing): what both sides refuse.
BAD: list[Case] = [
    case("AUC", num_thresholds=1),
    case("AUC", curve="none"),
    case("AUC", summation_method="none"),
    case("Precision", thresholds=1.5),
    case("Recall", thresholds=[-1.0]),
    case("TruePositives", thresholds=3.0),
    case("PrecisionAtRecall", recall=-0.1),
    case("RecallAtPrecision", precision=1.5),
    case("SensitivityAtSpecificity", specificity=2.0),
    case("SpecificityAtSensitivity", sensitivity=0.5, num_thresholds=0),
    case("F1Score", average="none"),
    case("F1Score", threshold="high"),
    case("FBetaScore", beta=-1.0),
    case("FBetaScore", beta="one"),
    case("R2Score", class_aggregation="none"),
    case("R2Score", num_regressors=-1),
    case("IoU", num_classes=2, target_class_ids=[5]),
    case("BinaryIoU", target_class_ids=[0, 3]),
    case("F1Score", real(2)[0], real(2)[0]),
    case("MeanSquaredError", unheard=1),
]
FUNCTIONS: list[Case] = [
    case("binary_accuracy", MANY[0], MANY_CHANCES[0], threshold=0.4, gradient=False),
    case("categorical_accuracy", HOT[0], SCORES[0], gradient=False),
    case("sparse_categorical_accuracy", LABELS[0], SCORES[0], gradient=False),
    case("top_k_categorical_accuracy", HOT[0], SCORES[0], k=2, gradient=False),
    case("sparse_top_k_categorical_accuracy", LABELS[0], SCORES[0], k=2, gradient=False),
    case("pearson_correlation", TRUTH[0], GUESS[0], gradient=False),
    case("concordance_correlation", TRUTH[0], GUESS[0], gradient=False),
    case("concordance_correlation", TRUTH[0], GUESS[0], axis=0, gradient=False),
]
# Without weights Keras counts the samples that it leaves out, with weights it does not.
UNWEIGHTED_DIFFERS = ("SparseCategoricalCrossentropy(from_logits=True,ignore_class=1)",)
# What a metric tells before anything was seen: we 0, Keras 0 first and no number after a reset.
EMPTY_DIFFERS = ("R2Score",)
WITHOUT_CASE = {"Metric": "the base of all metrics"}
VALUES = ("Mean", "Sum")  # called with values alone
