"""Writes layers.npz and layers.json: what Keras' layers compute, and their gradients.

Ran with Keras 3.15.1 on jax 0.10.2 (CPU, float64), numpy 2.4.6, Python 3.11; stored as float64.
Needs the interop extra and jax: ``python tests/golden/make_layers.py``. Data are channels last.

Arrays of a case: ``input/0…``, ``weight/<name>`` in the order of ``layer.weights``, ``output`` and
``cotangent``; ``gradient/input/0…`` and ``gradient/weight/<name>`` of sum(output · cotangent), in
inference form. Where training differs (BatchNormalization): ``training/output``,
``training/gradient/input/0``, ``training/gradient/weight/<name>`` and ``training/after/<name>``,
the moving statistics after that one call. ``adapt``: what Normalization was adapted to.
Facts: ``trainable``, the names of the trainable weights.
"""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
from precise import jax, keras
from writer import Array, Family, draw, draw_positive

family = Family("layers", ("keras", "jax"))


def weight_value(key: str, name: str, shape: tuple[int, ...]) -> Array:
    if "variance" in name:
        return draw_positive(key + name, *shape)
    if name == "gamma":
        return draw_positive(key + name, *shape)
    return draw(key + name, *shape, span=0.5 if "kernel" in name else 1.0)


def call(layer: Any, inputs: list[Array], cotangent: Any, training: bool) -> Any:
    trained = [weight.value for weight in layer.trainable_variables]
    state = [weight.value for weight in layer.non_trainable_variables]
    mode = {"training": training} if "training" in signature(layer.call).parameters else {}

    def scalar(trained: Any, inputs: Any) -> Any:
        taken = inputs if len(inputs) > 1 else inputs[0]
        output, after = layer.stateless_call(trained, state, taken, **mode)
        return (output * (1.0 if cotangent is None else cotangent)).sum(), (output, after)

    (_, (output, after)), gradients = jax.value_and_grad(scalar, (0, 1), has_aux=True)(
        trained, [jax.numpy.asarray(array) for array in inputs]
    )
    return output, after, *gradients


def results(layer: Any, inputs: list[Array], cotangent: Array, training: bool) -> dict[str, Any]:
    output, after, of_weights, of_inputs = call(layer, inputs, cotangent, training)
    arrays = {"output": output}
    arrays |= {f"gradient/input/{i}": array for i, array in enumerate(of_inputs)}
    names = [weight.name for weight in layer.trainable_variables]
    arrays |= {f"gradient/weight/{n}": array for n, array in zip(names, of_weights, strict=True)}
    if training:
        kept = [weight.name for weight in layer.non_trainable_variables]
        arrays |= {f"after/{n}": array for n, array in zip(kept, after, strict=True)}
    return arrays


def case(class_name: str, *shapes: tuple[int, ...], span: float = 2.0, **settings: Any) -> None:
    count = sum(1 for known in family.cases if known["class_name"] == class_name)
    name = f"{class_name}-{count}"
    layer = getattr(keras.layers, class_name)(**settings)
    whole = draw(name, sum(int(np.prod(shape)) for shape in shapes), span=span)
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    flat = np.split(whole, ends[:-1])
    inputs = [array.reshape(shape) for array, shape in zip(flat, shapes, strict=True)]
    arrays: dict[str, Any] = {f"input/{i}": array for i, array in enumerate(inputs)}
    if class_name == "Normalization" and "mean" not in settings:
        arrays["adapt"] = draw(name + "adapt", 7, *shapes[0][1:])
        layer.adapt(arrays["adapt"])
    layer(inputs if len(inputs) > 1 else inputs[0])
    for weight in layer.weights:
        if class_name != "Normalization":
            weight.assign(weight_value(name, weight.name, weight.shape))
        arrays[f"weight/{weight.name}"] = np.asarray(weight.value)
    output = call(layer, inputs, None, False)[0]
    cotangent = arrays["cotangent"] = draw(name + "cotangent", *output.shape, span=1.0)
    arrays |= results(layer, inputs, cotangent, False)
    if class_name == "BatchNormalization":
        trained = results(layer, inputs, cotangent, True)
        arrays |= {f"training/{path}": array for path, array in trained.items()}
    trainable = [weight.name for weight in layer.trainable_weights]
    family.add(name, class_name, settings, arrays, trainable=trainable)


def dense_and_convolution() -> None:
    case("Dense", (3, 5), units=4)
    case("Dense", (3, 5), units=4, use_bias=False, activation="relu")
    case("Dense", (2, 3, 5), units=2, activation="tanh")
    case("Dense", (1, 1), units=1, activation="sigmoid")
    case("Dense", (4, 6), units=3, activation="softmax")

    case("Conv2D", (2, 5, 6, 3), filters=4, kernel_size=3)
    case("Conv2D", (2, 5, 6, 3), filters=4, kernel_size=3, padding="same")
    case("Conv2D", (1, 7, 6, 2), filters=3, kernel_size=3, strides=2, padding="same")
    case("Conv2D", (1, 8, 7, 2), filters=3, kernel_size=3, strides=2, padding="valid")
    case("Conv2D", (1, 6, 7, 2), filters=3, kernel_size=[2, 3], strides=[2, 1], padding="same")
    case("Conv2D", (1, 7, 8, 2), filters=2, kernel_size=4, strides=3, padding="same")
    case("Conv2D", (1, 9, 8, 2), filters=2, kernel_size=3, dilation_rate=2)
    case("Conv2D", (1, 6, 7, 2), filters=2, kernel_size=3, dilation_rate=[2, 3], padding="same")
    case("Conv2D", (1, 6, 5, 2), filters=2, kernel_size=[2, 4], dilation_rate=2, padding="same")
    case("Conv2D", (2, 5, 5, 4), filters=6, kernel_size=3, groups=2, padding="same")
    case("Conv2D", (1, 5, 4, 3), filters=3, kernel_size=2, groups=3, use_bias=False)
    case("Conv2D", (2, 4, 5, 3), filters=5, kernel_size=1, strides=2, activation="relu")
    case("Conv2D", (1, 3, 3, 2), filters=3, kernel_size=5, padding="same", activation="silu")
    case("Conv2D", (1, 3, 4, 2), filters=2, kernel_size=[3, 4])

    case("DepthwiseConv2D", (2, 5, 6, 3), kernel_size=3)
    case("DepthwiseConv2D", (1, 6, 7, 3), kernel_size=3, padding="same", use_bias=False)
    case("DepthwiseConv2D", (1, 7, 6, 2), kernel_size=3, strides=2, padding="same")
    case("DepthwiseConv2D", (1, 6, 5, 2), kernel_size=2, strides=2, depth_multiplier=3)
    case("DepthwiseConv2D", (1, 7, 7, 2), kernel_size=3, dilation_rate=2, padding="same")
    case("DepthwiseConv2D", (1, 5, 6, 2), kernel_size=[3, 2], depth_multiplier=2,
         padding="same", activation="relu")  # fmt: skip

    case("SeparableConv2D", (2, 5, 6, 3), filters=4, kernel_size=3)
    case("SeparableConv2D", (1, 6, 7, 2), filters=3, kernel_size=3, strides=2, padding="same")
    case("SeparableConv2D", (1, 5, 5, 2), filters=3, kernel_size=2, depth_multiplier=2,
         padding="same", use_bias=False)  # fmt: skip
    case("SeparableConv2D", (1, 7, 6, 2), filters=2, kernel_size=3, dilation_rate=2,
         padding="same", activation="elu")  # fmt: skip

    case("Conv2DTranspose", (1, 3, 4, 2), filters=3, kernel_size=3)
    case("Conv2DTranspose", (1, 3, 4, 2), filters=3, kernel_size=3, strides=2, padding="same")
    case("Conv2DTranspose", (1, 4, 3, 2), filters=2, kernel_size=2, strides=2, use_bias=False)
    case("Conv2DTranspose", (1, 3, 3, 2), filters=2, kernel_size=[3, 4], strides=[2, 3])
    case("Conv2DTranspose", (1, 3, 3, 2), filters=2, kernel_size=3, strides=2,
         padding="same", output_padding=0)  # fmt: skip


def windows() -> None:
    case("ZeroPadding2D", (2, 3, 4, 2))
    case("ZeroPadding2D", (1, 3, 2, 2), padding=2)
    case("ZeroPadding2D", (1, 3, 2, 2), padding=[1, 2])
    case("ZeroPadding2D", (1, 3, 2, 2), padding=[[0, 1], [2, 0]])
    for pooling in ("MaxPooling2D", "AveragePooling2D"):
        case(pooling, (2, 6, 5, 3), pool_size=2)
        case(pooling, (2, 5, 6, 3), pool_size=2, padding="same")
        case(pooling, (1, 7, 6, 2), pool_size=3, strides=2, padding="same")
        case(pooling, (1, 7, 8, 2), pool_size=3, strides=2, padding="valid")
        case(pooling, (1, 5, 5, 2), pool_size=3, strides=1, padding="same")
        case(pooling, (1, 6, 7, 2), pool_size=[2, 3], strides=[1, 2], padding="same")
        case(pooling, (1, 8, 5, 1), pool_size=[3, 2])
        case(pooling, (1, 3, 3, 2), pool_size=4, strides=4, padding="same")
    for pooling in ("GlobalAveragePooling2D", "GlobalMaxPooling2D"):
        case(pooling, (2, 4, 3, 3))
        case(pooling, (2, 3, 5, 2), keepdims=True)
    case("UpSampling2D", (1, 3, 2, 2))
    case("UpSampling2D", (1, 2, 3, 2), size=[3, 1])
    case("UpSampling2D", (1, 3, 4, 2), size=2, interpolation="bilinear")
    case("UpSampling2D", (1, 3, 2, 1), size=[3, 2], interpolation="bilinear")


def normalizations() -> None:
    case("BatchNormalization", (6, 4))
    case("BatchNormalization", (3, 4, 5, 3))
    case("BatchNormalization", (3, 4, 2, 3), momentum=0.9, epsilon=1e-5)
    case("BatchNormalization", (5, 3), center=False)
    case("BatchNormalization", (2, 3, 3, 2), scale=False)
    case("BatchNormalization", (2, 3, 3, 2), center=False, scale=False, momentum=0.5)
    case("BatchNormalization", (3, 2, 4, 3), axis=1)
    case("BatchNormalization", (3, 2, 4, 3), axis=2, epsilon=0.1)
    case("BatchNormalization", (4, 3, 2), momentum=0.0)
    case("LayerNormalization", (3, 5))
    case("LayerNormalization", (2, 3, 4), epsilon=1e-5)
    case("LayerNormalization", (2, 3, 4), axis=[1, 2])
    case("LayerNormalization", (2, 3, 4), axis=1, center=False)
    case("LayerNormalization", (3, 5), scale=False)
    case("LayerNormalization", (3, 5), center=False, scale=False)
    case("GroupNormalization", (2, 3, 3, 6), groups=3)
    case("GroupNormalization", (2, 3, 2, 4), groups=-1, epsilon=1e-5)
    case("GroupNormalization", (2, 3, 2, 4), groups=1, center=False, scale=False)
    case("Normalization", (2, 3), mean=[0.5, -1.0, 2.0], variance=[1.0, 4.0, 0.25])
    case("Normalization", (2, 3), mean=0.5, variance=4.0, axis=None)
    case("Normalization", (2, 3), mean=[0.5, -1.0, 2.0], variance=[1.0, 4.0, 0.25], invert=True)
    case("Normalization", (2, 2, 3, 3), mean=[0.5, 0.25, 0.125], variance=[1.0, 4.0, 0.0625])
    case("Normalization", (4, 3))
    case("Normalization", (2, 3, 2, 3))
    case("Normalization", (2, 4), axis=None)
    case("Rescaling", (2, 3), scale=1 / 127.5, offset=-1)
    case("Rescaling", (2, 2, 2, 3), scale=[0.5, 1.0, 2.0], offset=[0.0, 1.0, -1.0])


def shapes() -> None:
    case("Flatten", (2, 3, 4, 2))
    case("Flatten", (3, 5))
    case("Flatten", (3,))
    case("Reshape", (2, 12), target_shape=[3, 4])
    case("Reshape", (2, 3, 4), target_shape=[-1, 2])
    case("Reshape", (2, 1, 1, 3), target_shape=[3])
    case("Permute", (2, 3, 4), dims=[2, 1])
    case("Permute", (2, 3, 2, 4), dims=[3, 1, 2])


def merging() -> None:
    for merge in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"):
        case(merge, (2, 3, 4), (2, 3, 4))
        case(merge, (2, 3, 4), (2, 1, 4))
        if merge != "Subtract":
            case(merge, (3, 4), (3, 4), (3, 4))
    case("Concatenate", (2, 3, 2), (2, 3, 4))
    case("Concatenate", (2, 3, 2), (2, 1, 2), (2, 2, 2), axis=1)
    case("Concatenate", (2, 3, 2, 2), (2, 3, 2, 1), axis=-1)


def activations() -> None:
    skipped = {"deserialize", "get", "serialize", "threshold"}  # threshold has no default
    for name in sorted(set(dir(keras.activations)) - skipped):
        if not name.startswith("_"):
            case("Activation", (2, 16), span=8.0, activation=name)
    case("ReLU", (2, 16), span=8.0)
    case("ReLU", (2, 16), span=8.0, max_value=6.0)
    case("ReLU", (2, 16), span=8.0, negative_slope=0.1)
    case("ReLU", (2, 16), span=8.0, threshold=1.0)
    case("ReLU", (2, 16), span=8.0, max_value=5.0, negative_slope=0.2, threshold=1.5)
    case("LeakyReLU", (2, 16))
    case("LeakyReLU", (2, 16), negative_slope=0.1)
    case("ELU", (2, 16))
    case("ELU", (2, 16), alpha=0.5)
    case("PReLU", (2, 6))
    case("PReLU", (2, 3, 4, 2), shared_axes=[1, 2])
    case("Softmax", (3, 5))
    case("Softmax", (2, 3, 4), axis=1)
    case("Softmax", (2, 3, 4), axis=[1, 2])


def main() -> None:
    dense_and_convolution()
    windows()
    normalizations()
    shapes()
    merging()
    activations()
    family.write()


if __name__ == "__main__":
    main()
