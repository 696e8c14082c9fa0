"""Writes the model files that Keras saves, and saved.npz and saved.json: what they predict.

Ran with Keras 3.15.1 on jax 0.10.2 (CPU, float32), numpy 2.4.6, Python 3.11, h5py 3.16.0. Needs
the interop extra and jax: ``python tests/golden/make_saved.py``.

Each model was compiled, trained for a few steps and saved as ``<name>.keras``; some also as
``<name>.weights.h5`` and as older whole-model ``<name>.h5``. Facts of a case: ``files``, and the
model's ``weights``, ``trainable`` and ``optimizer`` variables by path, in Keras' order. Arrays:
``input/0…``, ``output/0…`` (predictions, float32), ``weight/<number>``, ``optimizer/<number>``,
``history/<metric>``, and ``resumed/0…``: the predictions after one more ``train_on_batch`` on
``train/x0…``, ``train/y0…`` by a model loaded from the .keras file (without dropout only).

The numbers are the same on every run; ids of shared objects in config.json are addresses of that
run and differ.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from keras import layers
from keras.src.saving import saving_lib
from writer import FOLDER, Array, Family, draw, draw_integers

family = Family("saved", ("keras", "jax", "h5py"), floats="float32")
STAMP = mock.Mock(**{"datetime.now.return_value.strftime.return_value": "2024-02-29@12:00:00"})


def save(model: Any, name: str, endings: tuple[str, ...]) -> list[str]:
    with mock.patch.object(saving_lib, "datetime", STAMP):
        for ending in endings:
            path = FOLDER / f"{name}{ending}"
            path.unlink(missing_ok=True)
            if ending == ".weights.h5":
                model.save_weights(path)
            else:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # Keras calls its own .h5 legacy
                    model.save(path)
            assert path.stat().st_size < 60_000, (path.name, path.stat().st_size)
    return [f"{name}{ending}" for ending in endings]


def listed(values: Any) -> list[Any]:
    return list(values) if isinstance(values, (list, tuple)) else [values]


def case(
    model: Any,
    name: str,
    endings: tuple[str, ...],
    xs: list[Array],
    ys: list[Array],
    resume: bool = True,
) -> None:
    fit = model.fit(*alone(xs, ys), epochs=2, batch_size=4, shuffle=False, verbose=0)
    files = save(model, name, endings)
    outputs = listed(model.predict(alone(xs)[0], verbose=0))
    arrays: dict[str, Any] = {f"input/{i}": x for i, x in enumerate(xs)}
    arrays |= {f"output/{i}": np.asarray(y) for i, y in enumerate(outputs)}
    arrays |= {f"weight/{i}": np.asarray(w.value) for i, w in enumerate(model.weights)}
    slots = model.optimizer.variables
    arrays |= {f"optimizer/{i}": np.asarray(s.value) for i, s in enumerate(slots)}
    arrays |= {f"history/{k}": np.array(v) for k, v in fit.history.items()}
    arrays |= {f"train/x{i}": x for i, x in enumerate(xs)}
    arrays |= {f"train/y{i}": y for i, y in enumerate(ys)}
    if resume:
        again = keras.saving.load_model(FOLDER / f"{name}.keras")
        again.train_on_batch(*alone(xs, ys))
        resumed = listed(again.predict(alone(xs)[0], verbose=0))
        arrays |= {f"resumed/{i}": np.asarray(y) for i, y in enumerate(resumed)}
    family.add(
        name,
        type(model).__name__,
        {},
        arrays,
        files=files,
        weights=[w.path for w in model.weights],
        trainable=[w.path for w in model.trainable_weights],
        optimizer=[s.path for s in slots],
    )


def alone(*groups: list[Array]) -> list[Any]:
    return [group if len(group) > 1 else group[0] for group in groups]


def fresh(name: str) -> None:
    keras.utils.clear_session()
    keras.utils.set_random_seed(len(name))


def mlp() -> None:
    fresh("mlp")
    model = keras.Sequential(
        [
            layers.Input((5,)),
            layers.Normalization(mean=[0.5, 0.0, -0.5, 0.25, 1.0], variance=[1, 2, 0.5, 1, 4]),
            layers.Dense(6, activation="relu", kernel_regularizer="l2"),
            layers.Dense(4),
            layers.LeakyReLU(negative_slope=0.1),
            layers.Dense(3, activation="softmax"),
        ],
        name="mlp",
    )
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9),
                  "sparse_categorical_crossentropy", metrics=["accuracy"])  # fmt: skip
    x, y = draw("mlp x", 8, 5), draw_integers("mlp y", (8,), 3)
    case(model, "mlp", (".keras", ".weights.h5", ".h5"), [x.astype("float32")], [y])


def cnn() -> None:
    fresh("cnn")
    model = keras.Sequential(
        [
            layers.Input((9, 8, 2)),
            layers.Rescaling(0.5, offset=0.1),
            layers.Conv2D(3, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(max_value=6.0),
            layers.ZeroPadding2D(((0, 1), (0, 1))),
            layers.DepthwiseConv2D(3, strides=2),
            layers.SeparableConv2D(4, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(3),
            layers.Activation("softmax"),
        ],
        name="cnn",
    )
    model.compile(keras.optimizers.Adam(0.01),
                  keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
                  metrics=["accuracy", keras.metrics.TopKCategoricalAccuracy(k=2)])  # fmt: skip
    x, y = draw("cnn x", 8, 9, 8, 2), np.eye(3)[draw_integers("cnn y", (8,), 3)]
    case(model, "cnn", (".keras",), [x.astype("float32")], [y.astype("float32")], resume=False)


def branches() -> None:
    fresh("branches")
    picture, numbers = layers.Input((6, 5, 2), name="picture"), layers.Input((4,), name="numbers")
    shared = layers.Dense(3, activation="tanh", name="shared")
    trunk = layers.Conv2D(3, 3, padding="same", name="trunk")(picture)
    side = layers.Conv2D(3, 1, name="side")(picture)
    joined = layers.AveragePooling2D(2, padding="same")(layers.Add(name="add")([trunk, side]))
    pooled = layers.GlobalAveragePooling2D(name="pool")(joined)
    both = layers.Concatenate(name="join")([pooled, shared(numbers), shared(numbers)])
    kind = layers.Dense(2, activation="softmax", name="kind")(both)
    size = layers.Dense(1, name="size")(both)
    model = keras.Model([picture, numbers], [kind, size], name="branches")
    rate = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    model.compile(keras.optimizers.AdamW(rate),
                  ["sparse_categorical_crossentropy", "mse"], loss_weights=[1.0, 0.5],
                  metrics=[["accuracy"], ["mae"]])  # fmt: skip
    xs = [draw("picture", 8, 6, 5, 2).astype("float32"), draw("numbers", 8, 4).astype("float32")]
    ys = [draw_integers("kind", (8,), 2), draw("size", 8, 1).astype("float32")]
    case(model, "branches", (".keras",), xs, ys)


def nested() -> None:
    fresh("nested")
    inputs = layers.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, strides=2, padding="same", name="stem")(inputs)
    x = layers.BatchNormalization(name="stem_bn")(x)
    x = layers.ReLU()(x)
    y = layers.Conv2D(4, 3, padding="same", name="block")(x)
    x = layers.GlobalAveragePooling2D()(layers.Add()([x, y]))
    base = keras.Model(inputs, x, name="base")
    base.trainable = False
    model = keras.Sequential(
        [base, layers.Dense(2, activation="softmax", name="head")], name="nested"
    )
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = draw("nested x", 8, 8, 8, 1), draw_integers("nested y", (8,), 2)
    endings = (".keras", ".weights.h5", ".h5")
    case(model, "nested", endings, [x.astype("float32")], [y])


def main() -> None:
    mlp()
    cnn()
    branches()
    nested()
    family.write()
    for path in sorted(Path(FOLDER).glob("*.*")):
        if path.suffix in (".keras", ".h5"):
            print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
