"""Writes `keras_2.zip`: whole models of Keras 2, what they predict, and one more step of training.

Run once with tensorflow 2.21 and tf_keras 2.21, which is Keras 2 as its last version was.
"""

import io
import os
import tempfile
import zipfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
import tf_keras as keras

layers = keras.layers
random = np.random.default_rng(0)
keras.utils.set_random_seed(0)


def numbers(*shape):
    return random.standard_normal(shape).astype("f4")


def functions():
    x, y = layers.Input((6,)), layers.Input((6,))
    z = -(((x + y) * 2.0 - 1.0) / (3.0 + (x * x)))
    z = tf.nn.relu(z[:, 1:5] ** 2)
    z = tf.concat([z, x], axis=-1)
    z = tf.reduce_mean(z, axis=1, keepdims=True) + tf.reshape(y, (-1, 6))
    z = tf.squeeze(tf.expand_dims(tf.math.sigmoid(z), -1), -1)
    z = tf.matmul(tf.clip_by_value(z, 0.1, 0.9), tf.constant(numbers(6, 2)))
    return keras.Model([x, y], tf.maximum(z, y[:, :2])), [numbers(3, 6), numbers(3, 6)]


def recurrent():
    x, h, c = layers.Input((5, 3)), layers.Input((4,)), layers.Input((4,))
    y, state, _ = layers.LSTM(4, return_sequences=True, return_state=True)(x, initial_state=[h, c])
    z = [layers.GRU(4, reset_after=False)(y, initial_state=state),
         layers.Bidirectional(layers.LSTM(3, recurrent_activation="hard_sigmoid"))(y),
         layers.RNN([layers.LSTMCell(2), layers.GRUCell(3)])(y)]  # fmt: skip
    return keras.Model([x, h, c], z), [numbers(2, 5, 3), numbers(2, 4), numbers(2, 4)]


def moving_pictures():
    x = layers.Input((3, 5, 5, 1))
    return keras.Model(x, layers.ConvLSTM2D(2, 3)(x)), [numbers(2, 3, 5, 5, 1)]


def attention():
    x = layers.Input((5, 8))
    y = layers.LayerNormalization()(layers.MultiHeadAttention(2, 4)(x, x) + x)
    return keras.Model(x, layers.AdditiveAttention()([y, y])), [numbers(2, 5, 8)]


def tables():
    x = layers.Input((3,))
    y = layers.Discretization(bin_boundaries=[0.0, 1.0, 2.0])(x)
    y = layers.CategoryEncoding(num_tokens=4, output_mode="multi_hot")(y)
    return keras.Model(x, layers.Dense(2)(y)), [numbers(4, 3)]


def names_with_slashes():
    x = layers.Input((8, 8, 2))
    y = layers.Conv2D(3, 3, name="conv1/conv")(x)
    y = layers.BatchNormalization(name="conv1/bn")(y)
    y = layers.Concatenate(name="block/concat")([y, layers.ReLU(name="block/relu")(y)])
    return keras.Model(x, layers.SeparableConv2D(2, 3)(y)), [numbers(2, 8, 8, 2)]


def trained(optimizer, loss="mse"):
    def make():
        model = keras.Sequential([layers.Input((4,)), layers.Dense(3, "tanh"), layers.Dense(1)])
        model.compile(optimizer, loss)
        model.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
        return model, [X[:3]]

    return make


X, Y = numbers(8, 4), numbers(8, 1)
rate = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
CASES = {
    "functions": functions,
    "recurrent": recurrent,
    "moving_pictures": moving_pictures,
    "attention": attention,
    "tables": tables,
    "names_with_slashes": names_with_slashes,
    "adam": trained(keras.optimizers.Adam(0.01)),
    "adamw": trained(keras.optimizers.AdamW(0.01, weight_decay=0.1)),
    "rmsprop": trained(keras.optimizers.RMSprop(0.01)),
    "sgd": trained(keras.optimizers.SGD(0.01)),
    "momentum": trained(keras.optimizers.SGD(rate, momentum=0.9, nesterov=True)),
    "huber": trained(keras.optimizers.Adagrad(0.01), keras.losses.Huber(0.5)),
}

buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:

    def put(name, arrays):
        file = io.BytesIO()
        np.savez(file, *arrays)
        archive.writestr(name, file.getvalue())

    put("training.npz", [X, Y])
    for name, make in CASES.items():
        model, inputs = make()
        put(f"{name}.in.npz", inputs)
        found = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
        put(f"{name}.out.npz", found if isinstance(found, list) else [found])
        with tempfile.TemporaryDirectory() as folder:
            for ending in ("keras", "h5"):
                path = Path(folder) / f"{name}.{ending}"
                model.save(path)
                archive.writestr(path.name, path.read_bytes())
        if model.optimizer is not None:
            model.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
            put(f"{name}.after.npz", model.get_weights())
Path(__file__).with_name("keras_2.zip").write_bytes(buffer.getvalue())
