"""Cases of losses: (y_true, y_pred), over reductions, sample weights and their own arguments."""

from __future__ import annotations

import numpy as np

from .compare import Case, case

DRAW = np.random.default_rng(11)
CLASSES = np.array([2, 0, 1, 2], "int32")
HOT = np.eye(3, dtype="float32")[CLASSES]
SCORES = DRAW.standard_normal((4, 3)).astype("float32")
SHARES = (np.exp(SCORES) / np.exp(SCORES).sum(1, keepdims=True)).astype("float32")
BITS = (DRAW.random((4, 3)) > 0.5).astype("float32")
CHANCES = DRAW.uniform(0.05, 0.95, (4, 3)).astype("float32")
REAL, GUESS = (DRAW.standard_normal((4, 3)).astype("float32") for _ in range(2))
WEIGHTS = np.array([0.5, 2.0, 0.0, 1.0], "float32")
SIGNS = np.where(BITS > 0, 1.0, -1.0).astype("float32")
LENGTHS = np.linalg.norm(GUESS, axis=1, keepdims=True)
UNIT = (GUESS / LENGTHS).astype("float32")
STEPS = DRAW.standard_normal((4, 5, 4)).astype("float32")

CASES: list[Case] = [
    case("MeanSquaredError", REAL, GUESS),
    case("MeanSquaredError", REAL, GUESS[:, :1], note="spread"),
    case("MeanAbsoluteError", REAL, GUESS),
    case("MeanAbsolutePercentageError", REAL, GUESS),
    case("MeanSquaredLogarithmicError", np.abs(REAL), np.abs(GUESS)),
    case("CosineSimilarity", REAL, GUESS, axis=-1),
    case("Huber", REAL, GUESS, delta=0.7),
    case("LogCosh", REAL, GUESS),
    case("Poisson", np.abs(REAL), np.abs(GUESS)),
    case("KLDivergence", HOT * 0.8 + 0.05, SHARES),
    case("Hinge", SIGNS, GUESS),
    case("Hinge", BITS, GUESS, note="bits"),
    case("SquaredHinge", SIGNS, GUESS),
    case("CategoricalHinge", HOT, GUESS),
    case("BinaryCrossentropy", BITS, CHANCES),
    case("BinaryCrossentropy", BITS, GUESS, from_logits=True, label_smoothing=0.2),
    case("BinaryFocalCrossentropy", BITS, CHANCES, gamma=1.5),
    case("BinaryFocalCrossentropy", BITS, GUESS, from_logits=True, apply_class_balancing=True),
    case("CategoricalCrossentropy", HOT, SHARES),
    case("CategoricalCrossentropy", HOT, SCORES, from_logits=True, label_smoothing=0.1),
    case("CategoricalFocalCrossentropy", HOT, SHARES, alpha=0.3),
    case("SparseCategoricalCrossentropy", CLASSES, SHARES),
    case("SparseCategoricalCrossentropy", CLASSES, SCORES, from_logits=True),
    case("SparseCategoricalCrossentropy", CLASSES, SCORES, from_logits=True, ignore_class=2),
    case("CategoricalGeneralizedCrossEntropy", CLASSES, SHARES, q=0.3),
    case("Dice", BITS, CHANCES, axis=1),
    case("Tversky", BITS, CHANCES, axis=1, alpha=0.3, beta=0.7),
    case("Circle", CLASSES, UNIT, gamma=2.0),
    case("CTC", np.array([[1, 2], [3, 0], [1, 1], [2, 0]], "int32"), STEPS, rtol=1e-4),
]
# Functions of (y_true, y_pred) with the arguments of their own.
FUNCTIONS: list[Case] = [
    case("mean_squared_error", REAL, GUESS),
    case("mean_absolute_error", REAL, GUESS),
    case("mean_absolute_percentage_error", REAL, GUESS),
    case("mean_squared_logarithmic_error", np.abs(REAL), np.abs(GUESS)),
    case("cosine_similarity", REAL, GUESS, axis=0),
    case("huber", REAL, GUESS, delta=0.4),
    case("log_cosh", REAL, GUESS),
    case("poisson", np.abs(REAL), np.abs(GUESS)),
    case("kl_divergence", HOT * 0.8 + 0.05, SHARES),
    case("hinge", SIGNS, GUESS),
    case("squared_hinge", BITS, GUESS),
    case("categorical_hinge", HOT, GUESS),
    case("binary_crossentropy", BITS, CHANCES, label_smoothing=0.1),
    case("binary_crossentropy", BITS, GUESS, from_logits=True, axis=0),
    case("binary_focal_crossentropy", BITS, CHANCES, gamma=1.0, apply_class_balancing=True),
    case("categorical_crossentropy", HOT, SHARES, label_smoothing=0.1),
    case("categorical_focal_crossentropy", HOT, SHARES, gamma=1.5),
    case("categorical_generalized_cross_entropy", CLASSES, SHARES, q=0.6),
    case("sparse_categorical_crossentropy", CLASSES, SCORES, from_logits=True, ignore_class=0),
    case("dice", BITS, CHANCES),
    case("tversky", BITS, CHANCES, alpha=0.2),
    case("circle", CLASSES, UNIT, gamma=3.0, margin=0.3, remove_diagonal=False),
    case("ctc", np.array([[1, 2], [3, 0], [1, 1], [2, 0]], "int32"), STEPS, rtol=1e-4),
]
BAD: list[Case] = [
    case("MeanSquaredError", reduction="average"),
    case("Huber", unheard=1),
    case("CategoricalGeneralizedCrossEntropy", q=1.5),
    case("CategoricalCrossentropy", HOT, SCORES[:, :2]),
]
WITHOUT_CASE = {"Loss": "the base of all losses"}
REDUCTIONS = ("sum_over_batch_size", "sum", "none", "mean_with_sample_weight")
