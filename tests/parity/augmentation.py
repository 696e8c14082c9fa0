"""Cases of layers that change pictures: silent where nothing is trained; and what they refuse.

What a drawn transformation does is compared in tests/parity/test_augmentation.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compare import Case, case

IMAGE = (3, 6, 5, 3)
SETTINGS: dict[str, dict[str, Any]] = {
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.2},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": (-0.1, 0.2)},
    "RandomZoom": {"height_factor": 0.3, "width_factor": 0.2},
    "RandomShear": {"x_factor": (0.0, 0.3), "y_factor": (0.1, 0.2)},
    "RandomPerspective": {"scale": 0.4},
    "RandomElasticTransform": {},
    "RandomBrightness": {"factor": 0.4},
    "RandomContrast": {"factor": 0.4},
    "RandomSaturation": {"factor": (0.3, 0.8)},
    "RandomHue": {"factor": 0.5},
    "RandomColorDegeneration": {"factor": 0.6},
    "RandomColorJitter": {"brightness_factor": 0.1, "hue_factor": 0.2},
    "RandomGrayscale": {},
    "RandomInvert": {"factor": 0.8},
    "RandomPosterization": {"factor": (2, 6)},
    "RandomSharpness": {"factor": 0.9},
    "RandomGaussianBlur": {"kernel_size": (3, 5), "sigma": (0.3, 0.9)},
    "RandomErasing": {"scale": (0.2, 0.5)},
    "Solarization": {"addition_factor": 0.2, "threshold_factor": 0.7},
    "MixUp": {"alpha": 0.8},
    "CutMix": {},
    "RandAugment": {},
    "AugMix": {},
}
BYTES = np.random.default_rng(2).integers(0, 256, (2, 9, 13, 3)).astype("float32")
CLAHE = "ContrastLimitedAdaptiveHistogramEqualization"
CASES: list[Case] = [
    case(CLAHE, BYTES, tile_grid_size=(2, 3), rtol=1e-4, gradient=False),
    case(
        CLAHE,
        BYTES / 255,
        value_range=(0, 1),
        clip_limit=0.0,
        tile_grid_size=(4, 4),
        rtol=1e-4,
        gradient=False,
    ),
    case(
        CLAHE,
        BYTES.transpose(0, 3, 1, 2).copy(),
        data_format="channels_first",
        clip_limit=1.5,
        tile_grid_size=(3, 2),
        rtol=1e-4,
        gradient=False,
    ),
    case("MaxNumBoundingBoxes", IMAGE, max_number=3, config=False, gradient=False),
    *[case(name, IMAGE, seed=3, **settings) for name, settings in SETTINGS.items()],
    case("Equalization", IMAGE, bins=64),
    case("AutoContrast", IMAGE, gradient=False),
    case("Resizing", IMAGE, height=4, width=7, interpolation="bicubic", antialias=True),
    case("Resizing", IMAGE, height=4, width=7, pad_to_aspect_ratio=True, fill_value=0.5),
    case("Resizing", IMAGE, height=4, width=7, crop_to_aspect_ratio=True),
    case("Resizing", (2, 3, 6, 5), height=4, width=7, data_format="channels_first"),
    case("CenterCrop", (2, 3, 6, 5), height=4, width=7, data_format="channels_first"),
]
BAD: list[Case] = [
    case("RandomRotation", factor=2.0),
    case("RandomContrast", factor=-0.5),
    case("RandomZoom", height_factor=-1.0),
    case("RandomBrightness", factor=0.1, value_range=3),
    case("RandomGaussianBlur", kernel_size=4),
    case("RandomFlip", bounding_box_format="xyxy", unheard=3),
]
