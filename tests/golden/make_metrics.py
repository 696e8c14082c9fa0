"""Writes metrics.npz and metrics.json: Keras' metrics over several updates.

Ran with Keras 3.15.1 on jax 0.10.2 (CPU, float64), numpy 2.4.6, Python 3.11; stored as float64.
Needs the interop extra and jax: ``python tests/golden/make_metrics.py``.

Arrays of a case: ``y_true/0…`` and ``y_pred/0…`` (for Mean and Sum: ``values/0…``), perhaps
``sample_weight/0…``; ``result/0…`` after each update, ``state/<name>`` at the end. Facts:
``dtype``, where Keras computed in another precision than float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from precise import keras
from writer import Array, Family, draw, draw_integers, draw_positive

UPDATES = 3
family = Family("metrics", ("keras", "jax"))


def case(class_name: str, weighted: bool, steps: list[dict[str, Array]], **settings: Any) -> None:
    count = sum(1 for known in family.cases if known["class_name"] == class_name)
    name = f"{class_name}-{count}"
    single = class_name.endswith("IoU")  # counts whole numbers unless told; result float32
    told = {"dtype": "float64"} if single else {}
    metric = getattr(keras.metrics, class_name)(**settings, **told)
    arrays: dict[str, Any] = {}
    for i, step in enumerate(steps):
        known = dict(step)
        if weighted:
            known["sample_weight"] = draw_positive(
                f"{name}weight{i}", len(next(iter(step.values())))
            )
        metric.update_state(**known)
        arrays |= {f"{role}/{i}": array for role, array in known.items()}
        arrays[f"result/{i}"] = np.asarray(metric.result())
    for variable in metric.variables:
        arrays[f"state/{variable.name}"] = np.asarray(variable.value)
    precision = {"dtype": "float32"} if single else {}
    family.add(name, class_name, settings, arrays, updates=len(steps), **precision)


def pair(class_name: str, steps: list[dict[str, Array]], **settings: Any) -> None:
    case(class_name, False, steps, **settings)
    case(class_name, True, steps, **settings)


def softmax(array: Array) -> Array:
    raised = np.exp(array - array.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def regression() -> None:
    both = [draw(f"regression{i}", 2, 4, 3) for i in range(UPDATES)]
    steps = [{"y_true": one[0], "y_pred": one[1]} for one in both]
    for metric in ("MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError",
                   "MeanAbsolutePercentageError", "LogCoshError", "CosineSimilarity",
                   "R2Score"):  # fmt: skip
        pair(metric, steps)
    case("R2Score", False, steps, class_aggregation=None)
    case("R2Score", False, steps, class_aggregation="variance_weighted_average", num_regressors=1)
    positive = [draw_positive(f"positive{i}", 2, 4, 3) for i in range(UPDATES)]
    steps = [{"y_true": one[0], "y_pred": one[1]} for one in positive]
    pair("MeanSquaredLogarithmicError", steps)
    pair("PearsonCorrelation", steps)
    pair("ConcordanceCorrelation", steps)
    case("ConcordanceCorrelation", False, steps, axis=0)
    pair("Poisson", steps)
    values = [{"values": draw(f"values{i}", 5)} for i in range(UPDATES)]
    pair("Mean", values)
    pair("Sum", values)


def binary_steps() -> list[dict[str, Array]]:
    steps = []
    for i in range(UPDATES):
        share = 0.5 + draw(f"share{i}", 6, 1, span=0.5)
        steps.append({"y_true": draw_integers(f"label{i}", (6, 1), 2), "y_pred": share})
    steps[1]["y_pred"][:2] = [[0.5], [0.0]]
    return steps


def binary() -> None:
    steps = binary_steps()
    pair("BinaryAccuracy", steps)
    case("BinaryAccuracy", False, steps, threshold=0.75)
    pair("BinaryCrossentropy", steps[:1] + steps[2:])
    logits = [{**step, "y_pred": 4 * step["y_pred"] - 2} for step in steps]
    case("BinaryCrossentropy", True, logits, from_logits=True, label_smoothing=0.1)
    for metric in ("Precision", "Recall"):
        pair(metric, steps)
        case(metric, False, steps, thresholds=0.7)
        case(metric, True, steps, thresholds=[0.25, 0.5, 0.75])
    for metric in ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives"):
        pair(metric, steps)
    pair("AUC", steps)
    case("AUC", True, steps, num_thresholds=11)
    case("AUC", False, steps, curve="PR")
    case("AUC", False, steps, num_thresholds=21, summation_method="minoring")
    case("AUC", False, steps, num_thresholds=21, curve="PR", summation_method="majoring")
    case("AUC", False, logits, from_logits=True)
    case("AUC", True, steps, thresholds=[0.3, 0.6, 0.8], curve="PR")
    for metric, bound in (("SensitivityAtSpecificity", "specificity"),
                          ("SpecificityAtSensitivity", "sensitivity"),
                          ("PrecisionAtRecall", "recall"),
                          ("RecallAtPrecision", "precision")):  # fmt: skip
        case(metric, False, steps, num_thresholds=21, **{bound: 0.6})
        case(metric, True, steps, num_thresholds=21, **{bound: 0.3})
    case("SensitivityAtSpecificity", False, steps, specificity=0.5, num_thresholds=1)
    signs = [{**step, "y_pred": 4 * step["y_pred"] - 2 + 1 / 64} for step in steps]
    pair("Hinge", signs)
    pair("SquaredHinge", signs)


def several_labels() -> None:
    steps = [
        {
            "y_true": draw_integers(f"labels{i}", (8, 3), 2),
            "y_pred": 0.5 + draw(f"shares{i}", 8, 3, span=0.5),
        }
        for i in range(UPDATES)
    ]
    for curve in ("ROC", "PR"):
        case("AUC", True, steps, num_thresholds=11, curve=curve, multi_label=True)
    case("AUC", False, steps, num_thresholds=11, multi_label=True, num_labels=3,
         label_weights=[0.5, 2.0, 1.0])  # fmt: skip
    case("AUC", True, steps, num_thresholds=11, label_weights=[0.5, 2.0, 1.0])


def tables() -> None:
    steps, one_hot = [], []
    for i in range(UPDATES):
        classes = draw_integers(f"true classes{i}", (7,), 4)
        found = draw_integers(f"found classes{i}", (7,), 4)
        steps.append({"y_true": classes, "y_pred": found})
        scores = softmax(draw(f"class scores{i}", 7, 4))
        one_hot.append({"y_true": np.eye(4)[classes], "y_pred": scores})
    pair("IoU", steps, num_classes=4, target_class_ids=[0, 2])
    case("IoU", False, steps, num_classes=6, target_class_ids=[1, 5], ignore_class=3)
    pair("MeanIoU", steps, num_classes=4)
    case("MeanIoU", False, steps, num_classes=3)
    case("MeanIoU", False, one_hot, num_classes=4, sparse_y_true=False, sparse_y_pred=False)
    pair("OneHotIoU", one_hot, num_classes=4, target_class_ids=[1, 3])
    pair("OneHotMeanIoU", one_hot, num_classes=4, ignore_class=1)
    pair("BinaryIoU", [{k: v[:, 0] for k, v in step.items()} for step in binary_steps()])
    case("BinaryIoU", False, binary_steps(), target_class_ids=[1], threshold=0.25)


def categorical() -> None:
    one_hot, sparse, logits = [], [], []
    for i in range(UPDATES):
        classes = draw_integers(f"classes{i}", (6,), 5)
        scores = draw(f"scores{i}", 6, 5, span=3.0)
        one_hot.append({"y_true": np.eye(5)[classes], "y_pred": softmax(scores)})
        sparse.append({"y_true": classes, "y_pred": softmax(scores)})
        logits.append({"y_true": classes, "y_pred": scores})
    column = [{**step, "y_true": step["y_true"][:, None]} for step in sparse]
    pair("CategoricalAccuracy", one_hot)
    pair("SparseCategoricalAccuracy", sparse)
    case("SparseCategoricalAccuracy", True, column)
    case("TopKCategoricalAccuracy", True, one_hot, k=2)
    case("TopKCategoricalAccuracy", False, one_hot, k=5)
    pair("SparseTopKCategoricalAccuracy", sparse, k=3)
    pair("CategoricalCrossentropy", one_hot)
    case("CategoricalCrossentropy", False, one_hot, label_smoothing=0.1)
    pair("SparseCategoricalCrossentropy", sparse)
    case("SparseCategoricalCrossentropy", True, logits, from_logits=True)
    pair("CategoricalHinge", one_hot)
    pair("KLDivergence", one_hot)
    case("Precision", False, one_hot, top_k=2)
    case("Recall", False, one_hot, class_id=1, top_k=2)
    case("Precision", True, one_hot, class_id=2, thresholds=0.2)
    for average in (None, "micro", "macro", "weighted"):
        case("F1Score", average == "macro", one_hot, average=average)
    equal = [
        {
            "y_true": draw_integers(f"true{i}", (6, 1), 3),
            "y_pred": draw_integers(f"pred{i}", (6, 1), 3),
        }
        for i in range(UPDATES)
    ]
    pair("Accuracy", equal)


def main() -> None:
    regression()
    binary()
    categorical()
    several_labels()
    tables()
    family.write()


if __name__ == "__main__":
    main()
