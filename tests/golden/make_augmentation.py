"""Writes augmentation.npz and augmentation.json: what Keras' functions and layers do to images.

Ran with Keras 3.15.1 on jax 0.10.2 (CPU, float64), numpy 2.4.6, Python 3.11; stored as float64.
Needs the interop extra and jax: ``python tests/golden/make_augmentation.py``. Channels are last.

Layers get a transformation that they drew themselves; it is stored as ``drawn/<name>``. Arrays of
a case: ``input``, ``output``, for functions ``operand/<name>``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from precise import keras
from writer import Array, Family, draw

family = Family("augmentation", ("keras", "jax"))
IMAGE = np.round((draw("picture", 2, 6, 5, 3, span=1.0) + 1) * 127.5 - 0.25)


def add(class_name: str, settings: dict[str, Any], arrays: dict[str, Array]) -> None:
    count = sum(1 for one in family.cases if one["class_name"] == class_name)
    family.add(f"{class_name}-{count}", class_name, settings, arrays)


def function(class_name: str, operands: dict[str, Array], **settings: Any) -> None:
    output = np.asarray(getattr(keras.ops.image, class_name)(**operands, **settings))
    arrays = {f"operand/{name}": array for name, array in operands.items()}
    add(class_name, settings, {**arrays, "output": output})


def layer(class_name: str, **settings: Any) -> None:
    seeds = {} if class_name in ("AutoContrast", "Equalization") else {"seed": 4}
    made = getattr(keras.layers, class_name)(**settings, **seeds)
    drawn = made.get_random_transformation(IMAGE, training=True)
    output = np.asarray(made.transform_images(IMAGE, drawn, training=True), "float64")
    found = drawn if isinstance(drawn, dict) else {} if drawn is None else {"whole": drawn}
    arrays = {f"drawn/{name}": np.asarray(one) for name, one in found.items() if one is not None}
    kept = {n: a.astype("float64") if a.dtype == "float32" else a for n, a in arrays.items()}
    add(class_name, settings, {"input": IMAGE, **kept, "output": output})


def functions() -> None:
    image, small = {"images": IMAGE}, {"images": IMAGE / 255}
    function("rgb_to_grayscale", image)
    function("rgb_to_hsv", small)
    function("hsv_to_rgb", small)
    # Without a data_format Keras takes this one for channels first.
    blur = {"kernel_size": [3, 5], "sigma": [0.7, 1.3], "data_format": "channels_last"}
    function("gaussian_blur", image, **blur)
    function("sobel_edges", image)
    function("extract_patches", image, size=[3, 2], strides=[1, 2])
    function("extract_patches", image, size=2, padding="same")
    volume = {"volumes": draw("volume", 1, 3, 4, 3, 2)}
    function("extract_patches_3d", volume, size=[2, 3, 2], strides=1, padding="same")
    function("pad_images", image, top_padding=1, left_padding=2, target_height=9, target_width=8)
    function(
        "crop_images", image, top_cropping=1, right_cropping=2, target_height=4, target_width=2
    )
    function("resize", image, size=[4, 7], crop_to_aspect_ratio=True)
    function("resize", image, size=[4, 7], pad_to_aspect_ratio=True, fill_value=3.0)
    moved = {"images": IMAGE, "scale": np.array([1.7, 0.6]), "translation": np.array([1.3, -0.7])}
    for method in ("linear", "cubic", "lanczos3"):
        for antialias in (True, False):
            function("scale_and_translate", moved, output_shape=[2, 9, 4, 3], spatial_dims=[1, 2],
                     method=method, antialias=antialias)  # fmt: skip


def main() -> None:
    functions()
    for mode in ("horizontal", "vertical", "horizontal_and_vertical"):
        layer("RandomFlip", mode=mode)
    layer("RandomRotation", factor=0.2)
    layer(
        "RandomRotation", factor=0.2, fill_mode="constant", fill_value=9.0, interpolation="nearest"
    )
    layer("RandomTranslation", height_factor=0.3, width_factor=[-0.1, 0.2])
    layer("RandomZoom", height_factor=0.3)
    layer("RandomZoom", height_factor=0.3, width_factor=0.1, fill_mode="wrap")
    layer("RandomShear", x_factor=0.3, y_factor=0.2)
    layer("RandomBrightness", factor=0.4)
    layer("RandomContrast", factor=0.4)
    layer("RandomSaturation", factor=[0.3, 0.8])
    layer("RandomHue", factor=0.5)
    layer("RandomColorDegeneration", factor=0.6)
    layer("RandomGrayscale")
    layer("RandomInvert", factor=0.8)
    layer("RandomPosterization", factor=[2, 6])
    layer("RandomSharpness", factor=0.9)
    layer("RandomGaussianBlur", kernel_size=[3, 5], sigma=[0.3, 0.9])
    layer("RandomErasing", scale=[0.2, 0.5])
    layer("RandomPerspective", scale=0.4)
    layer("AutoContrast")
    layer("Equalization", bins=64)
    layer("Solarization", addition_factor=0.2, threshold_factor=0.7)
    layer("MixUp", alpha=0.8)
    layer("CutMix")
    family.write()


if __name__ == "__main__":
    main()
