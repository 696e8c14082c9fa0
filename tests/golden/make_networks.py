"""Outputs of Keras' networks, their weights drawn as `support/networks.py` tells.

Ran with Keras 3.15.1 on jax 0.10.2 (CPU), numpy 2.4.6.

    KERAS_BACKEND=jax PYTHONPATH=tests python tests/golden/make_networks.py

A file would be too large for the weights; a test draws them again.
"""

import keras
import numpy as np
from writer import Family

from support.networks import drawn, order, picture, shown

SIDE = 96
SMALL = {"include_top": False, "pooling": "avg"}
HEAD = {"classes": 10}
CASES = [
    ("ResNet50", SMALL),
    ("ResNet101", SMALL),
    ("ResNet152", SMALL),
    ("ResNet50V2", SMALL),
    ("ResNet101V2", SMALL),
    ("ResNet152V2", SMALL),
    ("DenseNet121", SMALL),
    ("DenseNet169", SMALL),
    ("DenseNet201", SMALL),
    ("InceptionV3", SMALL),
    ("InceptionResNetV2", SMALL),
    ("NASNetMobile", SMALL | {"input_shape": (SIDE, SIDE, 3)}),
    ("NASNetLarge", SMALL | {"input_shape": (SIDE, SIDE, 3)}),
    ("MobileNet", {"alpha": 0.5, **SMALL}),
    ("MobileNetV2", {"alpha": 0.35, **SMALL}),
    ("MobileNetV3Small", SMALL),
    ("MobileNetV3Small", {"minimalistic": True, "alpha": 0.75, **SMALL}),
    ("MobileNetV3Large", SMALL),
    ("VGG16", SMALL),
    ("Xception", SMALL),
    ("ResNet50", HEAD | {"input_shape": (SIDE, SIDE, 3)}),
    ("ResNet50V2", HEAD | {"input_shape": (SIDE, SIDE, 3), "classifier_activation": None}),
    ("DenseNet121", HEAD | {"input_shape": (SIDE, SIDE, 3)}),
    ("NASNetMobile", HEAD | {"input_shape": (SIDE, SIDE, 3)}),
    ("MobileNet", HEAD | {"alpha": 0.25, "input_shape": (SIDE, SIDE, 3)}),
    ("MobileNetV2", HEAD | {"alpha": 1.3, "input_shape": (SIDE, SIDE, 3)}),
    ("MobileNetV3Small", HEAD | {"input_shape": (SIDE, SIDE, 3)}),
    ("MobileNetV3Large", HEAD | {"alpha": 1.25, "include_preprocessing": False}),
]


def main() -> None:
    family = Family("networks", ("keras", "jax"), floats="float32")
    for name, settings in CASES:
        model = getattr(keras.applications, name)(weights=None, **settings)
        weights = [(one.path, one.shape) for one in model.weights]
        model.set_weights(drawn(weights))
        x = picture(SIDE, SIDE)
        output = np.asarray(model(x, training=False))
        family.add(
            f"{name} {settings}", name, settings, {"output": shown(output)},
            parameters=model.count_params(), order=order(weights), shape=list(output.shape),
        )  # fmt: skip
        print(name, settings, float(abs(output).max()), float(output.std()), flush=True)
    family.write()


if __name__ == "__main__":
    main()
