"""Writes losses.npz and losses.json: Keras' losses in every reduction, with their gradients.

Ran with Keras 3.15.1 on jax 0.10.2 (CPU, float64), numpy 2.4.6, Python 3.11; stored as float64.
Needs the interop extra and jax: ``python tests/golden/make_losses.py``.

Arrays of a case: ``y_true``, ``y_pred``, perhaps ``sample_weight``; for each reduction in
facts["reductions"] ``value/<reduction>`` and ``gradient/<reduction>`` (with respect to y_pred).
Keras' "mean" is another name of "sum_over_batch_size". The gradient of "none" is that of
sum(value · cotangent/none). Facts: ``dtype``, the precision in which Keras computed; saturated
predictions are clipped elsewhere in float32 and come in both. As Keras does,
"mean_with_sample_weight" divides by the sum of the weights as given, not as broadcast.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from precise import jax, keras
from writer import Array, Family, draw, draw_integers, draw_positive

REDUCTIONS = ("none", "sum", "sum_over_batch_size", "mean_with_sample_weight")
family = Family("losses", ("keras", "jax"))


def softmax(array: Array) -> Array:
    raised = np.exp(array - array.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def evaluate(
    name: str, class_name: str, settings: dict[str, Any], arrays: dict[str, Any], dtype: str
) -> None:
    keras.config.set_floatx(dtype)
    arrays = dict(arrays)
    for reduction in REDUCTIONS:
        loss = getattr(keras.losses, class_name)(reduction=reduction, **settings)
        weight = arrays.get("sample_weight")

        def value(y_pred: Any, loss: Any = loss, weight: Any = weight) -> Any:
            return loss(arrays["y_true"], y_pred, sample_weight=weight)

        y_pred = jax.numpy.asarray(arrays["y_pred"], dtype)
        result, backward = jax.vjp(value, y_pred)
        cotangent = np.ones(result.shape, dtype)
        if reduction == "none":
            cotangent = draw(name + "cotangent", *result.shape, span=1.0).astype(dtype)
            arrays["cotangent/none"] = cotangent
        arrays[f"value/{reduction}"] = np.asarray(result)
        arrays[f"gradient/{reduction}"] = np.asarray(backward(jax.numpy.asarray(cotangent))[0])
    family.add(name, class_name, settings, arrays, reductions=REDUCTIONS, dtype=dtype)


def case(
    class_name: str,
    y_true: Array,
    y_pred: Array,
    *weights: tuple[int, ...],
    dtype: str = "float64",
    **settings: Any,
) -> None:
    """One case without sample weights and one for each of the shapes in `weights`."""
    for shape in (None, *weights):
        count = sum(1 for known in family.cases if known["class_name"] == class_name)
        name = f"{class_name}-{count}"
        arrays = {"y_true": y_true, "y_pred": y_pred}
        if shape is not None:
            weight = draw_positive(name + "weight", *shape)
            weight.flat[0] = 0.0
            arrays["sample_weight"] = weight
        evaluate(name, class_name, settings, arrays, dtype)


def regression() -> None:
    both = draw("regression", 2, 4, 3)
    images = draw("regression images", 2, 2, 3, 2, 2)
    for loss in ("MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError",
                 "LogCosh", "Huber", "CosineSimilarity"):  # fmt: skip
        case(loss, both[0], both[1], (4,))
        case(loss, images[0], images[1], (2, 1, 1), (2, 3, 2))
    case("Huber", both[0], both[1], delta=0.5)
    case("CosineSimilarity", both[0], both[1], axis=0)
    positive = draw_positive("positive", 2, 4, 3)
    case("MeanSquaredLogarithmicError", positive[0], positive[1], (4,))
    case("MeanSquaredLogarithmicError", both[0], both[1])
    case("Poisson", positive[0], positive[1], (4,))


def hinges() -> None:
    y_pred = draw("hinge", 4, 3)
    signs = 2 * draw_integers("signs", (4, 3), 2) - 1
    for loss in ("Hinge", "SquaredHinge"):
        case(loss, signs, y_pred, (4,))
        case(loss, (signs + 1) // 2, y_pred)
    case("CategoricalHinge", np.eye(3)[[0, 2, 1, 2]], y_pred, (4,))


def binary() -> None:
    logits = draw("binary", 5, 2, span=4.0)
    labels = draw_integers("labels", (5, 2), 2)
    shares = 1 / (1 + np.exp(-logits))
    maps = draw("maps", 2, 2, 3, 1, span=4.0)
    marks = draw_integers("marks", (2, 2, 3, 1), 2)
    case("BinaryCrossentropy", labels, shares, (5,))
    case("BinaryCrossentropy", labels, logits, (5,), from_logits=True)
    case("BinaryCrossentropy", labels, shares, label_smoothing=0.1)
    case("BinaryCrossentropy", labels, logits, from_logits=True, label_smoothing=0.2)
    case("BinaryCrossentropy", marks, maps, (2, 1, 1), (2, 2, 3), from_logits=True)
    extreme = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 1.0]])
    sure = np.array([[0, 1], [0, 1], [1, 1]])
    far = np.array([[-100.0, 100.0], [100.0, -100.0], [0.5, 50.0]])
    for dtype in ("float32", "float64"):
        case("BinaryCrossentropy", sure, extreme, dtype=dtype)
        case("BinaryCrossentropy", sure, far, dtype=dtype, from_logits=True)
    case("BinaryFocalCrossentropy", labels, shares, (5,))
    case("BinaryFocalCrossentropy", labels, logits, from_logits=True, gamma=1.5,
         apply_class_balancing=True, alpha=0.3)  # fmt: skip


def categorical() -> None:
    logits = draw("categorical", 5, 4, span=3.0)
    classes = draw_integers("classes", (5,), 4)
    one_hot, shares = np.eye(4)[classes], softmax(logits)
    unscaled = draw_positive("unscaled", 5, 4)
    soft = softmax(draw("soft", 5, 4))
    case("CategoricalCrossentropy", one_hot, shares, (5,))
    case("CategoricalCrossentropy", one_hot, unscaled)
    case("CategoricalCrossentropy", soft, logits, (5,), from_logits=True)
    case("CategoricalCrossentropy", one_hot, shares, label_smoothing=0.1)
    case("CategoricalCrossentropy", one_hot, logits, from_logits=True, label_smoothing=0.2)
    case("CategoricalFocalCrossentropy", one_hot, shares, (5,))
    case("CategoricalFocalCrossentropy", one_hot, logits, from_logits=True, gamma=1.0, alpha=0.5)
    case("KLDivergence", soft, shares, (5,))
    case("SparseCategoricalCrossentropy", classes, shares, (5,))
    case("SparseCategoricalCrossentropy", classes[:, None], shares, (5,))
    case("SparseCategoricalCrossentropy", classes, unscaled)
    case("SparseCategoricalCrossentropy", classes, logits, (5,), from_logits=True)
    case("SparseCategoricalCrossentropy", classes, logits, (5,), from_logits=True,
         ignore_class=int(classes[1]))  # fmt: skip
    case("SparseCategoricalCrossentropy", np.where([1, 0, 1, 0, 1], classes, -1), shares, (5,),
         ignore_class=-1)  # fmt: skip
    maps = draw("class maps", 2, 2, 3, 3, span=3.0)
    marks = draw_integers("class marks", (2, 2, 3), 3)
    case("SparseCategoricalCrossentropy", marks, maps, (2, 1, 1), (2, 2, 3), from_logits=True)
    case("SparseCategoricalCrossentropy", marks, maps, (2, 2, 3), from_logits=True, ignore_class=1)
    case("CategoricalCrossentropy", np.eye(3)[marks], maps, (2, 2, 3), from_logits=True)
    hard = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    for dtype in ("float32", "float64"):
        case("CategoricalCrossentropy", hard, hard[::-1], dtype=dtype)
        case("SparseCategoricalCrossentropy", np.array([0, 1]), hard[::-1], dtype=dtype)
        case("SparseCategoricalCrossentropy", np.array([0, 1]), 200 * hard[::-1] - 100,
             dtype=dtype, from_logits=True)  # fmt: skip


def regions() -> None:
    marks = draw_integers("regions", (3, 2, 4), 2)
    shares = 0.5 + draw("found regions", 3, 2, 4, span=0.5)
    for loss in ("Dice", "Tversky"):
        case(loss, marks, shares)
        case(loss, marks, shares, (3,), axis=[1, 2])
    case("Tversky", marks, shares, alpha=0.3, beta=0.9, axis=-1)


def labels() -> None:
    shares = softmax(draw("noisy", 5, 4, span=3.0))
    classes = draw_integers("noisy classes", (5,), 4)
    case("CategoricalGeneralizedCrossEntropy", classes, shares, (5,))
    case("CategoricalGeneralizedCrossEntropy", classes, shares, q=0.9)
    written = np.array([[1, 2, 2], [3, 1, 0], [4, 0, 0]])
    case("CTC", written, draw("ctc", 3, 6, 5), (3,))
    embeddings = draw("embeddings", 6, 3)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    kinds = np.array([0, 1, 0, 2, 1, 0])
    case("Circle", kinds, embeddings, (6,))
    case("Circle", kinds, embeddings, gamma=8.0, margin=0.25, remove_diagonal=False)


def main() -> None:
    regression()
    regions()
    labels()
    hinges()
    binary()
    categorical()
    family.write()


if __name__ == "__main__":
    main()
