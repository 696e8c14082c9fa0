"""Writes `keras_3_more.zip`: models of Keras 3.15 whose files hold more than plain layers.

Run once with keras 3.15 on PyTorch. Outputs in dictionaries whose keys are not in order, layers
that were quantized or have LoRA, and a model without any weights; each with what Keras computes.
"""

import io
import os
import tempfile
import zipfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np
from keras import layers, ops

random = np.random.default_rng(0)
X = random.standard_normal((3, 4)).astype("f4")
TOKENS = random.integers(0, 9, (2, 3)).astype("i4")


def outputs():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    x = layers.Dense(5, "selu")(layers.Concatenate()([a, b]))
    heads = {name: layers.Dense(1, name=f"h{name}")(x) for name in ("risk", "cost")}
    return keras.Model({"a": a, "b": b}, heads), {"a": X, "b": X[::-1].copy()}


def dense():
    model = keras.Sequential([layers.Input((4,)), layers.Dense(6, "relu"),
                              layers.Dense(6, use_bias=False)])  # fmt: skip
    model.quantize("int8")
    return model, X


def table():
    entrance = keras.Input((3,), dtype="int32")
    x = layers.Embedding(9, 4)(entrance)
    model = keras.Model(
        entrance, layers.EinsumDense("abc,cd->abd", output_shape=(None, 5), bias_axes="d")(x)
    )
    model.quantize("int8")
    return model, TOKENS


def float8():
    model = keras.Sequential([layers.Input((16,)), layers.Dense(16)])
    model.quantize("float8")
    return model, random.standard_normal((16, 16)).astype("f4")


def int4():
    model = keras.Sequential([layers.Input((4,)), layers.Dense(6)])
    model.quantize("int4")
    return model, X


def lora():
    first, second = layers.Embedding(9, 4), layers.Dense(6)
    entrance = keras.Input((3,), dtype="int32")
    model = keras.Model(entrance, second(first(entrance)))
    for one in (first, second):
        one.enable_lora(2)
    model.compile("sgd", "mse")
    model.fit(TOKENS, np.ones((2, 3, 6), "f4"), verbose=0, epochs=3)
    return model, TOKENS


def functions():
    entrance = keras.Input((4,))
    return keras.Model(entrance, [ops.softmax(entrance), entrance * 2.0 - 1]), X


buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    for make in (outputs, dense, table, float8, int4, lora, functions):
        keras.utils.set_random_seed(1)
        model, x = make()
        result = model(x, training=False)
        leaves = [np.asarray(ops.convert_to_numpy(one)) for one in keras.tree.flatten(result)]
        file = io.BytesIO()
        np.savez(file, *leaves, **(x if isinstance(x, dict) else {"x": x}))
        archive.writestr(f"{make.__name__}.npz", file.getvalue())
        with tempfile.TemporaryDirectory() as folder:
            for ending in ("keras", "h5", "weights.h5"):
                path = Path(folder) / f"{make.__name__}.{ending}"
                (model.save_weights if ending == "weights.h5" else model.save)(path)
                archive.writestr(path.name, path.read_bytes())
Path(__file__).with_name("keras_3_more.zip").write_bytes(buffer.getvalue())
