"""Fields and classes of Keras 1 and 2, and what they are called and mean today, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..layers.layer import Layer

Config = dict[str, Any]

# Class, or kind of object -> name of a field then -> its name today. Those of every layer are
# renamed where the layer has a field of the new name.
RENAMED: dict[str, dict[str, str]] = {
    "LeakyReLU": {"alpha": "negative_slope"},
    "InputLayer": {"batch_input_shape": "batch_shape", "input_dtype": "dtype"},
    "DepthwiseConv2D": {
        "kernel_initializer": "depthwise_initializer",
        "kernel_regularizer": "depthwise_regularizer",
        "kernel_constraint": "depthwise_constraint",
    },
    "optimizer": {"lr": "learning_rate"},
    "Dropout": {"p": "rate"},
    "Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    "BatchNormalization": {"beta_init": "beta_initializer", "gamma_init": "gamma_initializer"},
    "GaussianNoise": {"sigma": "stddev"},
    "GaussianDropout": {"p": "rate"},
    "UpSampling1D": {"length": "size"},
    "layer": {  # Keras 1
        "output_dim": "units", "nb_filter": "filters", "filter_length": "kernel_size",
        "init": "kernel_initializer", "inner_init": "recurrent_initializer",
        "inner_activation": "recurrent_activation", "bias": "use_bias",
        "W_regularizer": "kernel_regularizer", "U_regularizer": "recurrent_regularizer",
        "b_regularizer": "bias_regularizer", "W_constraint": "kernel_constraint",
        "b_constraint": "bias_constraint", "border_mode": "padding", "subsample": "strides",
        "subsample_length": "strides", "stride": "strides", "pool_length": "pool_size",
        "atrous_rate": "dilation_rate", "dim_ordering": "data_format", "dropout_W": "dropout",
        "dropout_U": "recurrent_dropout",
    },
}  # fmt: skip
# Fields that a layer then wrote and never used, or that say nothing about what it computes.
UNUSED: dict[str, tuple[str, ...]] = {
    "SeparableConv2D": ("kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "SeparableConv1D": ("kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "DepthwiseConv2D": ("filters",),
    "DepthwiseConv1D": ("filters",),
    "MultiHeadAttention": ("query_shape", "key_shape", "value_shape"),
    "loss": ("fn",),  # of the class itself
    "layer": ("input_dtype", "batch_input_shape", "input_dim", "input_length", "consume_less"),
}
# Classes of Keras 1 and 2 that are others today.
CLASSES: dict[str, str] = {
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "Merge": "",  # by its mode
    "Nadam": "",  # by its schedule
    "RMSprop": "",  # by its momentum
    "ThresholdedReLU": "ReLU",
    "LossScaleOptimizer": "LossScaleOptimizer",
    "LossScaleOptimizerV3": "LossScaleOptimizer",
}
RECURRENT = ("LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D",
             "ConvLSTM3D")  # fmt: skip
_MODES = {
    "sum": "Add",
    "mul": "Multiply",
    "concat": "Concatenate",
    "ave": "Average",
    "max": "Maximum",
}
_INITIALIZERS = {"zero": "zeros", "one": "ones", "uniform": "random_uniform",
                 "normal": "random_normal"}  # fmt: skip
_ORDERS = {"tf": "channels_last", "th": "channels_first", "default": "channels_last"}


def replaced(name: str, config: Mapping[str, Any]) -> tuple[str, Config]:
    """Return class and fields of today for a class of Keras 1 or 2; what is not known stays."""
    if name == "Nadam":
        return _nadam(config)
    if name == "RMSprop":
        return _rmsprop(config), dict(config)
    if name == "ThresholdedReLU":
        left = {key: one for key, one in config.items() if key != "theta"}
        return CLASSES[name], {**left, "threshold": config.get("theta", 1.0)}
    if name.startswith("LossScaleOptimizer"):  # its scale always grows and shrinks
        return CLASSES[name], {key: one for key, one in config.items()
                               if not (key == "dynamic" and one is True)}  # fmt: skip
    if name != "Merge":
        left = {key: one for key, one in config.items() if key != "output_shape"}
        return CLASSES[name], left
    mode = config.get("mode")
    if not isinstance(mode, str) or mode not in _MODES:
        return name, dict(config)
    fields = {"name": config.get("name")}
    if mode == "concat":
        fields["axis"] = config.get("concat_axis", -1)
    return _MODES[mode], fields


def _nadam(config: Mapping[str, Any]) -> tuple[str, Config]:
    """Tell the Nadam whose momentum grows slowly from that of today, which has no such field."""
    key = "schedule_decay" if "schedule_decay" in config else "decay"
    decay = config.get(key)
    if not isinstance(decay, (int, float)) or decay <= 0:
        return "Nadam", dict(config)
    left = {name: one for name, one in config.items() if name != key}
    return "Keras2Nadam", {**left, "schedule_decay": decay}


def _rmsprop(config: Mapping[str, Any]) -> str:
    """Tell the RMSprop that adds epsilon to the root from that of today, which has other fields.

    With momentum it has always stood under the root.
    """
    older = "decay" in config and "weight_decay" not in config and not config.get("momentum")
    return "Keras2RMSprop" if older else "RMSprop"


def joined(config: Config) -> None:
    """Put together what Keras 1 wrote in parts, and spell values as today."""
    if "nb_row" in config and "nb_col" in config:
        config["kernel_size"] = [config.pop("nb_row"), config.pop("nb_col")]
    if "forget_bias_init" in config:
        config["unit_forget_bias"] = config.pop("forget_bias_init") in ("one", "ones")
    for key, value in config.items():
        if key.endswith("_initializer") and isinstance(value, str):
            config[key] = _INITIALIZERS.get(value, value)
        elif key.endswith("_regularizer") and isinstance(value, Mapping):
            if "class_name" not in value and {"l1", "l2"} & {*value}:
                parts = {one: float(value.get(one) or 0.0) for one in ("l1", "l2")}
                config[key] = {"class_name": "L1L2", "config": parts}


def meant(kind: type, config: Config) -> None:
    """Say what Keras 1 and 2 left unsaid, or said in words that mean something else today."""
    for key in ("activation", "recurrent_activation"):
        if config.get(key) == "hard_sigmoid":
            config[key] = "keras_2_hard_sigmoid"
    if kind.__name__ in ("GRU", "GRUCell"):
        config.setdefault("reset_after", False)


def _axis(kind: type, config: Config) -> None:
    # Keras 2 listed the one axis of batch normalisation.
    axis = config["axis"]
    if kind.__name__ == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]


def _distribution(kind: type, config: Config) -> None:
    # "normal" was always cut off at two deviations.
    if config["distribution"] == "normal":
        config["distribution"] = "truncated_normal"


def _reduction(kind: type, config: Config) -> None:
    if config["reduction"] in ("auto", "AUTO"):
        config["reduction"] = "sum_over_batch_size"


def _decay(kind: type, config: Config) -> None:
    # rate / (1 + decay · step), which is a schedule today.
    decay, rate = config["decay"], config.get("learning_rate")
    if isinstance(decay, (int, float)) and decay > 0 and isinstance(rate, (int, float)):
        config["learning_rate"] = {
            "module": "keras.optimizers.schedules", "class_name": "InverseTimeDecay",
            "config": {"initial_learning_rate": rate, "decay_steps": 1, "decay_rate": decay},
        }  # fmt: skip
        del config["decay"]


def _order(kind: type, config: Config) -> None:
    if config["data_format"] in _ORDERS:
        config["data_format"] = _ORDERS[config["data_format"]]


def _dtype(kind: type, config: Config) -> None:
    # Keras 2 gave layers that take text the type of what they take; until Keras 3.9 Discretization
    # had the type of what it gives, to which numbers must not be cut before they are sorted.
    told = config["dtype"]
    inner = told.get("config") if isinstance(told, Mapping) else None
    name = str(inner.get("name") if isinstance(inner, Mapping) else told)
    whole = kind.__name__ == "Discretization" and name.startswith("int")
    takes_text = issubclass(kind, Layer) and kind.__name__ != "InputLayer"
    if whole or (name == "string" and takes_text):
        del config["dtype"]


VALUES: dict[str, Callable[[type, Config], None]] = {
    "axis": _axis, "distribution": _distribution, "reduction": _reduction, "decay": _decay,
    "data_format": _order, "dtype": _dtype,
}  # fmt: skip
