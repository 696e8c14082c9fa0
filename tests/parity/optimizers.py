"""Cases of optimizers and schedules: every rule, and every option that all of them share."""

from __future__ import annotations

from typing import Any

from support import optimizer_options

from .compare import Case, case, make

RULES: dict[str, list[dict[str, Any]]] = {
    "SGD": [{"learning_rate": 0.05}, {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}],
    "RMSprop": [{"learning_rate": 0.01}, {"learning_rate": 0.01, "momentum": 0.5,
                                          "centered": True}],
    "Adam": [{"learning_rate": 0.01}, {"learning_rate": 0.01, "amsgrad": True, "beta_1": 0.8}],
    "AdamW": [{"learning_rate": 0.01}],
    "Adadelta": [{"learning_rate": 1.0}],
    "Adagrad": [{"learning_rate": 0.05}, {"learning_rate": 0.05,
                                          "initial_accumulator_value": 0.3}],
    "Adamax": [{"learning_rate": 0.01}],
    "Adafactor": [{"learning_rate": 0.05}, {"learning_rate": 0.05, "relative_step": False}],
    "Nadam": [{"learning_rate": 0.01}],
    "Ftrl": [{"learning_rate": 0.05, "l1_regularization_strength": 0.01},
             {"learning_rate": 0.05, "l2_regularization_strength": 0.1, "beta": 0.2,
              "l2_shrinkage_regularization_strength": 0.05}],
    "Lion": [{"learning_rate": 0.01}],
    "Lamb": [{"learning_rate": 0.01}],
    "Muon": [{"learning_rate": 0.01}],
    "ScheduleFreeAdamW": [{"learning_rate": 0.01, "warmup_steps": 20}],
}  # fmt: skip
OPTIONS: dict[str, dict[str, Any]] = {
    **optimizer_options.OPTIONS,
    "scheduled": {"learning_rate": make("optimizers.schedules.CosineDecay",
                                        initial_learning_rate=0.02, decay_steps=70)},
    "excluded": {"weight_decay": 0.05},  # and `bias` stays out of it
}  # fmt: skip
# Every option with one rule, every rule with one option: the products of all are in `interop`.
CASES: list[tuple[Case, str]] = [
    *[(case(rule, **settings), "plain") for rule, all_ in RULES.items() for settings in all_],
    *[(case("Adam", learning_rate=0.01), option) for option in OPTIONS],
    *[
        (case(rule, **RULES[rule][-1]), option)
        for rule, option in zip(RULES, [*OPTIONS, *OPTIONS], strict=False)
        if rule not in ("Adam", "ScheduleFreeAdamW")
    ],
    (case("SGD", learning_rate=0.05, momentum=0.9), "accumulated"),
    (case("SGD", learning_rate=0.05, momentum=0.9), "excluded"),
]
BAD: list[Case] = [
    case("Adam", clipnorm=1.0, clipvalue=1.0),
    case("Adam", learning_rate=0.1, gradient_accumulation_steps=1),
    case("SGD", momentum=-0.5),
    case("SGD", momentum=1.5),
    case("Adam", ema_momentum=1.5, use_ema=True),
    case("Adam", unheard=3),
    case("Ftrl", initial_accumulator_value=-1.0),
    case("Ftrl", learning_rate_power=0.5),
    case("Ftrl", l1_regularization_strength=-0.1),
    case("LossScaleOptimizer", inner_optimizer="adam"),
]
SCHEDULES: list[Case] = [
    case("ExponentialDecay", initial_learning_rate=0.1, decay_steps=30, decay_rate=0.5),
    case("ExponentialDecay", initial_learning_rate=0.1, decay_steps=30, decay_rate=0.5,
         staircase=True),
    case("InverseTimeDecay", initial_learning_rate=0.1, decay_steps=30, decay_rate=0.5),
    case("InverseTimeDecay", initial_learning_rate=0.1, decay_steps=30, decay_rate=0.5,
         staircase=True),
    case("PiecewiseConstantDecay", boundaries=[20, 50], values=[0.3, 0.2, 0.1]),
    case("PolynomialDecay", initial_learning_rate=0.1, decay_steps=40),
    case("PolynomialDecay", initial_learning_rate=0.1, decay_steps=40, end_learning_rate=0.02,
         power=2.0, cycle=True),
    case("CosineDecay", initial_learning_rate=0.1, decay_steps=60, alpha=0.1),
    case("CosineDecay", initial_learning_rate=0.0, decay_steps=60, warmup_target=0.2,
         warmup_steps=20),
    case("CosineDecayRestarts", initial_learning_rate=0.1, first_decay_steps=15),
    case("CosineDecayRestarts", initial_learning_rate=0.1, first_decay_steps=20, t_mul=1.0,
         m_mul=0.8, alpha=0.1),
]  # fmt: skip
BAD_SCHEDULES: list[Case] = [
    case("ExponentialDecay", initial_learning_rate=0.1, decay_steps=0, decay_rate=0.5),
    case("InverseTimeDecay", initial_learning_rate=0.1, decay_steps=-3, decay_rate=0.5),
    case("PiecewiseConstantDecay", boundaries=[20, 50], values=[0.3, 0.2]),
    case("CosineDecay", initial_learning_rate=0.1, decay_steps=0),
    case("PolynomialDecay", initial_learning_rate=0.1, decay_steps=0),
    case("CosineDecayRestarts", initial_learning_rate=0.1, first_decay_steps=0),
    case("ExponentialDecay", initial_learning_rate=0.1),
]
WITHOUT_CASE = {
    "Optimizer": "the base of all optimizers",
    "LearningRateSchedule": "the base of all schedules",
}
