"""Networks in Keras' vocabulary that several workloads share.

ResNet-18 is for the Kerases: they have none among their applications.
"""

from __future__ import annotations

from typing import Any


def keras_resnet18(k: Any, classes: int | None, normalization_axis: int = -1) -> Any:
    """Return ResNet-18 as torchvision's, for pictures (224, 224, 3); features without classes."""
    layers = k.layers

    def normalized(x: Any) -> Any:
        return layers.BatchNormalization(normalization_axis, momentum=0.9, epsilon=1e-5)(x)

    def convolved(x: Any, filters: int, size: int, strides: int = 1) -> Any:
        padded = layers.ZeroPadding2D(size // 2)(x) if size > 1 and strides > 1 else x
        padding = "same" if padded is x else "valid"
        one = layers.Conv2D(filters, size, strides, padding, use_bias=False)
        return normalized(one(padded))

    def block(x: Any, filters: int, strides: int, project: bool) -> Any:
        past = convolved(x, filters, 1, strides) if project else x
        y = layers.Activation("relu")(convolved(x, filters, 3, strides))
        y = convolved(y, filters, 3)
        return layers.Activation("relu")(layers.Add()([y, past]))

    picture = k.Input((224, 224, 3))
    x = layers.Activation("relu")(convolved(picture, 64, 7, 2))
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))  # after ReLU zeros change nothing
    for stage in range(4):
        for number in range(2):
            first = stage > 0 and number == 0
            x = block(x, 64 << stage, 2 if first else 1, first)
    x = layers.GlobalAveragePooling2D()(x)
    return k.Model(picture, layers.Dense(classes)(x) if classes else x)


def causal_transformer(
    k: Any, vocabulary: int, length: int, width: int, heads: int, depth: int
) -> Any:
    """Return a transformer from characters (N, T) to the logits of the next ones."""
    layers = k.layers

    class Places(layers.Layer):  # type: ignore[name-defined]
        def build(self, shape: Any) -> None:
            self.table = self.add_weight(shape=(length, width), name="table")

        def call(self, x: Any) -> Any:
            return x + self.table

    text = k.Input((length,), dtype="int32")
    x = Places()(layers.Embedding(vocabulary, width)(text))
    for _ in range(depth):
        y = layers.LayerNormalization(epsilon=1e-5)(x)
        attention = layers.MultiHeadAttention(heads, width // heads)
        x = layers.Add()([x, attention(y, y, use_causal_mask=True)])
        y = layers.LayerNormalization(epsilon=1e-5)(x)
        y = layers.Dense(width)(layers.Dense(4 * width, activation="gelu")(y))
        x = layers.Add()([x, y])
    logits = layers.Dense(vocabulary)(layers.LayerNormalization(epsilon=1e-5)(x))
    return k.Model(text, logits)
