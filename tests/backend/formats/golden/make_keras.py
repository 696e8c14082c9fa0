"""Writes the small Keras 3 files beside it; run once with keras.

Every weight is counted up from a known start, so that the tests can tell what must come out.
"""

from pathlib import Path

import keras
import numpy as np

HERE = Path(__file__).parent


def counted(weights):
    return [
        (np.arange(weight.size) + 10 * index).reshape(weight.shape)
        for index, weight in enumerate(weights)
    ]


def network(policy="float32"):
    keras.utils.clear_session()
    keras.config.set_dtype_policy(policy)
    inner = keras.Sequential(
        [keras.layers.Input((3,)), keras.layers.Dense(2, name="inner_dense")], name="inner"
    )
    layers = [
        keras.layers.Input((3,)),
        inner,
        keras.layers.ReLU(),
        keras.layers.Dense(4, name="head"),
    ]
    model = keras.Sequential(layers, name="outer")
    for layer in model.layers:
        layer.set_weights(counted(layer.get_weights()))
    return model


def main():
    model = network()
    model.compile("adam", "mse")
    model.fit(np.zeros((2, 3)), np.zeros((2, 4)), verbose=0)
    for layer in model.layers:
        layer.set_weights(counted(layer.get_weights()))
    model.save(HERE / "outer.keras")
    model.save(HERE / "outer.h5")

    network("bfloat16").save_weights(HERE / "bfloat16.weights.h5")


if __name__ == "__main__":
    main()
