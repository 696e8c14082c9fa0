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

CASES: list[Case] = [
    case("MeanSquaredError", REAL, GUESS),
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
]
REDUCTIONS = ("sum_over_batch_size", "sum", "none", "mean_with_sample_weight")
