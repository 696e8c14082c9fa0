"""Cases of activations, regularizers, constraints and initializers."""

from __future__ import annotations

import numpy as np

from .compare import Case, case

DRAW = np.random.default_rng(23)
X = (3 * DRAW.standard_normal((4, 6))).astype("float32")
WIDE = (2 * DRAW.standard_normal((3, 3, 2, 4))).astype("float32")
DEEP = DRAW.standard_normal((2, 3, 4)).astype("float32")

ACTIVATIONS: list[Case] = [
    *[
        case(name, X)
        for name in (
            "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid",
            "hard_silu", "hard_swish", "hard_tanh", "leaky_relu", "linear", "log_sigmoid",
            "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink",
            "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "squareplus",
            "swish", "tanh", "tanh_shrink",
        )
    ],
    case("celu", X, alpha=0.5),
    case("elu", X, alpha=0.3),
    case("gelu", X, approximate=True),
    case("glu", X, axis=0),
    case("hard_shrink", X, threshold=1.0),
    case("leaky_relu", X, negative_slope=0.05),
    case("log_softmax", DEEP, axis=1),
    case("relu", X, negative_slope=0.1, max_value=2.0, threshold=0.5),
    case("relu", X, max_value=1.5),
    case("relu", X, threshold=-1.0),
    case("soft_shrink", X, threshold=1.5),
    case("softmax", DEEP, axis=0),
    case("softmax", DEEP, axis=(1, 2)),
    case("squareplus", X, b=2.0),
    case("threshold", X, threshold=0.5, default_value=-1.0),
]  # fmt: skip

# Keras' sum takes in scores outside of the support: values differ, compared with golden ones.
OTHER_ACTIVATIONS = {"sparsemax": "held against the definition in tests/highlevel"}

NO_SYMBOL = ("hard_silu", "hard_swish", "mish")  # which Keras on JAX does not take as such

REGULARIZERS: list[Case] = [
    case("L1", X, l1=0.25),  # Keras keeps factors in float32: these are exact there
    case("L1", WIDE, l1=0.5),
    case("L2", X),
    case("L2", WIDE, l2=0.3),
    case("L1L2", X),
    case("L1L2", X, l1=0.2, l2=0.1),
    case("OrthogonalRegularizer", X, factor=0.5),
    case("OrthogonalRegularizer", X, factor=0.25, mode="columns"),
]
BAD_REGULARIZERS: list[Case] = [
    case("L1", l1=-1.0),
    case("L2", l2="much"),
    case("L1L2", l1=float("nan")),
    case("OrthogonalRegularizer", mode="diagonals"),
    case("OrthogonalRegularizer", DEEP),
]

CONSTRAINTS: list[Case] = [
    case("MaxNorm", X),
    case("MaxNorm", X, max_value=1.0, axis=1),
    case("MaxNorm", WIDE, max_value=1.5, axis=[0, 1, 2]),
    case("MinMaxNorm", X),
    case("MinMaxNorm", WIDE, min_value=0.5, max_value=0.8, rate=0.7, axis=[0, 1, 2]),
    case("NonNeg", X),
    case("UnitNorm", X),
    case("UnitNorm", WIDE, axis=[0, 1, 2]),
]

# Values that nothing draws: (constructor, shapes).
FIXED: list[Case] = [
    *[case(name, call={"shape": (2, 3)}) for name in ("Zeros", "Ones", "Constant", "Identity")],
    case("Constant", call={"shape": (3,)}, value=2.5),
    case("Constant", call={"shape": (2, 2), "dtype": "float16"}, value=2.5),
    case("Identity", call={"shape": (4, 3)}, gain=0.5),
    case("Zeros", call={"shape": (), "dtype": "int32"}),
    *[
        case("STFT", call={"shape": (16, 1, 9)}, **more)
        for more in ({}, {"side": "imag"}, {"window": "hamming", "scaling": "spectrum"},
                     {"window": None, "scaling": None, "periodic": True})
    ],
]  # fmt: skip
SHAPES = ((64, 96), (5, 24, 16), (3, 3, 24, 32), (2, 3, 3, 8, 12), (4000,))
DRAWN: list[Case] = [
    *[
        case(name)
        for name in (
            "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal",
            "LecunUniform", "RandomNormal", "RandomUniform", "TruncatedNormal",
        )
    ],
    case("RandomNormal", mean=1.0, stddev=0.3),
    case("RandomUniform", minval=-2.0, maxval=1.0),
    case("TruncatedNormal", mean=-1.0, stddev=2.0),
    *[
        case("VarianceScaling", scale=0.7, mode=mode, distribution=distribution)
        for mode in ("fan_in", "fan_out", "fan_avg")
        for distribution in ("truncated_normal", "untruncated_normal", "uniform")
    ],
]  # fmt: skip
AXES = case("GlorotUniform", call={"shape": (24, 4, 32)}, input_axes=[0], output_axes=[1, 2])
ORTHOGONAL = ((6, 4), (4, 6), (3, 3, 4, 8), (5, 5))
BAD_INITIALIZERS: list[Case] = [
    case("VarianceScaling", scale=-1.0),
    case("VarianceScaling", mode="fan_up"),
    case("VarianceScaling", distribution="even"),
    case("GlorotUniform", seed="seven"),
    case("STFT", side="left"),
    case("STFT", window="round"),
    case("STFT", scaling="none"),
    case("Identity", call={"shape": (2, 2, 2)}),
    case("Orthogonal", call={"shape": (3,)}),
]
WITHOUT_CASE = {
    "initializers": {"Initializer": "the base of all initializers"},
    "regularizers": {"Regularizer": "the base of all regularizers"},
    "constraints": {"Constraint": "the base of all constraints"},
}
