"""Writes keras_images.npz and keras_images.json: what keras.ops.image does.

Ran with Keras 3.15.1 on jax 0.10.2 (CPU, float64), numpy 2.4.6, Python 3.11; stored as float64.
Needs the interop extra and jax: ``python tests/golden/make_keras_images.py``. Channels are last.

Class names are those of keras.ops.image, settings their keyword arguments. Arrays of a case:
``operand/<name>`` and ``output``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from precise import keras
from writer import Array, Family, draw

family = Family("keras_images", ("keras", "jax"))


def case(class_name: str, operands: dict[str, Array], **settings: Any) -> None:
    name = f"{class_name}-{sum(1 for c in family.cases if c['class_name'] == class_name)}"
    function = getattr(keras.ops.image, class_name)
    named = {"images": "x", "inputs": "x"}
    output = np.asarray(function(**operands, **settings))
    arrays = {f"operand/{named.get(n, n)}": a for n, a in operands.items()}
    family.add(name, class_name, settings, {**arrays, "output": output})


def main() -> None:
    image = {"images": draw("resized", 1, 6, 5, 1)}
    for interpolation in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"):
        for size, antialias in (([9, 4], False), ([4, 7], False), ([3, 2], True)):
            case("resize", image, size=size, interpolation=interpolation, antialias=antialias)
    array = {"inputs": draw("array", 3, 4), "coordinates": draw("places", 2, 8, span=9.0)}
    pictures = {"images": draw("moved", 2, 4, 3, 1), "transform": draw("transform", 2, 8)}
    pictures["transform"][:, 6:] = 0
    for mode in ("constant", "nearest", "wrap", "mirror", "reflect"):
        for order, interpolation in ((0, "nearest"), (1, "bilinear")):
            case("map_coordinates", array, order=order, fill_mode=mode, fill_value=0.5)
            case("affine_transform", pictures, interpolation=interpolation, fill_mode=mode)
    family.write()


if __name__ == "__main__":
    main()
