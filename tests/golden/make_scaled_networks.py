"""Outputs of Keras' EfficientNets and ConvNeXts, drawn as in `support/scaled_networks.py`.

Ran with Keras 3.15.1 on torch 2.13.0 (CPU), numpy 2.4.6.

    KERAS_BACKEND=torch PYTHONPATH=tests python tests/golden/make_scaled_networks.py

A file would be too large for the weights; a test draws them again.
"""

import keras
from writer import Family

from support.networks import order, shown
from support.scaled_networks import SIDE, filled, listed, pixels

SMALL = {"include_top": False, "pooling": "avg"}
HEAD = {"classes": 10, "input_shape": (SIDE, SIDE, 3)}
# The larger ones differ in numbers of a table alone; tests/parity counts them.
CASES = [
    *((f"EfficientNetB{i}", SMALL) for i in range(4)),
    *((f"EfficientNetV2{size}", SMALL) for size in ("B0", "B1", "B2", "B3", "S")),
    *((f"ConvNeXt{size}", SMALL) for size in ("Tiny", "Small")),
    ("EfficientNetB0", HEAD),
    ("EfficientNetV2B0", HEAD | {"classifier_activation": None}),
    ("EfficientNetV2B0", SMALL | {"include_preprocessing": False}),
    ("ConvNeXtTiny", HEAD),
    ("ConvNeXtTiny", {"include_top": False, "include_preprocessing": False}),
]


def main() -> None:
    family = Family("scaled_networks", ("keras", "torch"), floats="float32")
    for name, settings in CASES:
        model = getattr(keras.applications, name)(weights=None, **settings)
        weights = listed((one.path, one.shape) for one in model.weights)
        model.set_weights(filled(weights))
        for layer in model.layers:
            if isinstance(layer, keras.layers.Normalization):
                layer.finalize_state()  # it keeps what it computes with beside its weights
        output = keras.ops.convert_to_numpy(model(pixels(), training=False))
        family.add(
            f"{name} {settings}", name, settings, {"output": shown(output)},
            parameters=model.count_params(), order=order(weights), shape=list(output.shape),
        )  # fmt: skip
        print(name, settings, float(abs(output).max()), float(output.std()), flush=True)
    family.write()


if __name__ == "__main__":
    main()
