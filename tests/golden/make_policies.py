"""Write policies.json: which element types Keras 3.15.1 gives to outputs and weights.

    KERAS_BACKEND=torch python make_policies.py

Run with Keras 3.15.1 on torch 2.13.0. Its readers are the tests of policies.
"""

import json
from pathlib import Path

import keras
import numpy as np

POLICIES = ("mixed_bfloat16", "mixed_float16", "float32")
INPUTS = {"image": (2, 8, 8, 4), "sequence": (2, 5, 4), "row": (2, 4), "places": (2, 2)}
LAYERS = [
    ("Dense", {"units": 3}, "row"),
    ("Dense", {"units": 3, "dtype": "float32", "activation": "softmax"}, "row"),
    ("Conv2D", {"filters": 3, "kernel_size": 3}, "image"),
    ("DepthwiseConv2D", {"kernel_size": 3}, "image"),
    ("SeparableConv2D", {"filters": 3, "kernel_size": 3}, "image"),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3}, "image"),
    ("BatchNormalization", {}, "image"),
    ("LayerNormalization", {}, "sequence"),
    ("GroupNormalization", {"groups": 2}, "image"),
    ("Embedding", {"input_dim": 5, "output_dim": 3}, "places"),
    ("LSTM", {"units": 3}, "sequence"),
    ("GRU", {"units": 3}, "sequence"),
    ("SimpleRNN", {"units": 3}, "sequence"),
    ("Dropout", {"rate": 0.5}, "row"),
    ("PReLU", {}, "row"),
    ("MaxPooling2D", {}, "image"),
    ("GlobalAveragePooling2D", {}, "image"),
    ("Rescaling", {"scale": 2.0}, "image"),
    ("UnitNormalization", {}, "row"),
    ("RMSNormalization", {}, "sequence"),
    ("EinsumDense", {"equation": "abc,cd->abd", "output_shape": [None, 3]}, "sequence"),
    ("Conv1D", {"filters": 3, "kernel_size": 2}, "sequence"),
    ("Softmax", {}, "row"),
    ("GaussianNoise", {"stddev": 0.1}, "row"),
]


def told(policy: str) -> list[dict[str, object]]:
    keras.mixed_precision.set_global_policy(policy)
    found = []
    for name, settings, kind in LAYERS:
        layer = getattr(keras.layers, name)(**settings)
        x = np.ones(INPUTS[kind], "int32" if kind == "places" else "float32")
        y = layer(x)
        found.append(
            {
                "layer": name,
                "settings": settings,
                "input": kind,
                "output": keras.backend.standardize_dtype(y.dtype),
                "weights": {w.name: w.dtype for w in layer.weights},
                "dtype": layer.dtype,
                "compute_dtype": layer.compute_dtype,
                "variable_dtype": layer.variable_dtype,
                "dtype_policy": layer.dtype_policy.name,
            }
        )
    return found


if __name__ == "__main__":
    index = {"inputs": INPUTS, "policies": {policy: told(policy) for policy in POLICIES}}
    path = Path(__file__).with_name("policies.json")
    path.write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
