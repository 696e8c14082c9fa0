"""What every optimizer is tried with beside Keras: weights, and the options that all share."""

from typing import Any

STEPS = 100
SHAPES = {"kernel": (4, 3), "bias": (3,), "filters": (2, 2, 3, 2)}
OPTIONS: dict[str, dict[str, Any]] = {
    "clipnorm": {"clipnorm": 0.5},
    "clipvalue": {"clipvalue": 0.3},
    "global_clipnorm": {"global_clipnorm": 1.0},
    "decay": {"weight_decay": 0.05},
    "average": {"use_ema": True, "ema_momentum": 0.9},
    "overwritten": {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 10},
    "accumulated": {"gradient_accumulation_steps": 3},
    "scaled": {"loss_scale_factor": 8.0},
}
