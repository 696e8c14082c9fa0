"""Cases of ops.image: values, gradients, shapes on symbols; and what they refuse."""

from __future__ import annotations

import numpy as np

from .compare import Case, case, flat

DRAW = np.random.default_rng(5)
ONE = (7, 6, 3)
BATCH = (2, 7, 6, 3)
FIRST = (2, 3, 7, 6)
SHARES = DRAW.uniform(0.05, 0.95, BATCH).astype("float32")
OTHER = np.clip(SHARES + DRAW.normal(0, 0.1, BATCH), 0, 1).astype("float32")
BYTES = DRAW.integers(0, 256, BATCH).astype("uint8")
LARGE, LARGER = (DRAW.uniform(0, 1, (2, 14, 13, 2)).astype("float32") for _ in range(2))
MOVES = np.float32([[1, 0.1, -1.3, 0.2, 0.9, 0.7, 0, 0], [0.8, 0, 1, 0, 1.2, -1, 0, 0]])
CORNERS = np.float32([[0, 0], [5, 0], [0, 6], [5, 6]])
MOVED = (CORNERS + DRAW.uniform(-0.8, 0.8, (4, 2))).astype("float32")
POINTS = (np.stack([CORNERS] * 2), np.stack([MOVED, CORNERS]))
PLACES = DRAW.uniform(-1, 7, (2, 5, 4)).astype("float32")
FIRST_MARK = {"data_format": "channels_first"}
LAST_MARK = {"data_format": "channels_last"}  # Keras on JAX takes None for channels first


CASES: list[Case] = [
    *[case("affine_transform", BATCH, transform=MOVES, fill_mode=mode, rtol=1e-4)
      for mode in ("constant", "nearest", "wrap", "mirror", "reflect")],
    flat("affine_transform", BATCH, transform=MOVES, interpolation="nearest", fill_value=0.5),
    flat("affine_transform", BYTES, transform=MOVES),
    flat("affine_transform", FIRST, transform=MOVES, **FIRST_MARK),
    case("crop_images", BATCH, top_cropping=1, left_cropping=2, target_height=3, target_width=4),
    case("crop_images", ONE, top_cropping=1, bottom_cropping=2, right_cropping=1, target_width=4),
    case("pad_images", BATCH, top_padding=1, left_padding=2, target_height=10, target_width=9),
    flat("pad_images", FIRST, top_padding=1, left_padding=2, bottom_padding=1, right_padding=0,
         **FIRST_MARK),
    case("extract_patches", BATCH, size=3),
    case("extract_patches", BATCH, size=(3, 2), strides=(2, 1), padding="same"),
    case("extract_patches", BATCH, size=2, strides=1, dilation_rate=2),
    flat("extract_patches", FIRST, size=2, **FIRST_MARK),
    case("extract_patches", (2, 5, 6, 4, 2), size=(2, 3, 2), strides=(1, 2, 1)),
    case("extract_patches_3d", (2, 5, 6, 4, 2), size=2),
    flat("extract_patches_3d", (5, 6, 4, 2), size=(2, 3, 2), padding="same"),
    case("gaussian_blur", BATCH, kernel_size=(3, 5), sigma=(0.7, 1.5), **LAST_MARK),
    case("gaussian_blur", ONE, **LAST_MARK),
    case("gaussian_blur", FIRST, **FIRST_MARK),
    case("hsv_to_rgb", SHARES, rtol=1e-4),
    case("rgb_to_hsv", SHARES, rtol=1e-4),
    flat("rgb_to_hsv", SHARES.transpose(0, 3, 1, 2).copy(), rtol=1e-4, **FIRST_MARK),
    case("rgb_to_grayscale", BATCH),
    flat("rgb_to_grayscale", BYTES),
    case("map_coordinates", (7, 6), PLACES, order=1),
    flat("map_coordinates", (7, 6), PLACES, order=0, fill_mode="reflect"),
    flat("perspective_transform", BATCH, *POINTS, rtol=1e-3),
    flat("perspective_transform", BATCH, *POINTS, interpolation="nearest"),
    case("resize", BATCH, size=(4, 9)),
    case("resize", BATCH, size=(9, 4), interpolation="bicubic", antialias=True),
    case("resize", BATCH, size=(4, 9), interpolation="nearest"),
    case("resize", BATCH, size=(4, 9), interpolation="lanczos3"),
    case("resize", BATCH, size=(4, 4), crop_to_aspect_ratio=True),
    case("resize", BATCH, size=(4, 9), pad_to_aspect_ratio=True, fill_value=0.3),
    flat("resize", BYTES, size=(11, 5), interpolation="nearest"),
    flat("resize", FIRST, size=(10, 4), **FIRST_MARK),
    case("scale_and_translate", (7, 6), note="free", output_shape=(5, 9),
         scale=np.float32([0.7, 1.4]), translation=np.float32([0.3, -0.5]), spatial_dims=(0, 1),
         method="linear"),
    case("scale_and_translate", BATCH, note="cubic", output_shape=(2, 5, 6, 3),
         scale=np.float32([0.7]), translation=np.float32([0.3]), spatial_dims=(1,),
         method="cubic", antialias=False),
    case("sobel_edges", BATCH),
    flat("sobel_edges", FIRST, **FIRST_MARK),
    case("ssim", LARGE, LARGER, rtol=1e-4),
    case("ssim", SHARES, OTHER, filter_size=5, filter_sigma=0.9, k1=0.02, max_val=2.0, rtol=1e-4),
    flat("ssim", LARGE[0], LARGER[0], rtol=1e-4),
    flat("ssim", SHARES.transpose(0, 3, 1, 2).copy(), OTHER.transpose(0, 3, 1, 2).copy(),
         filter_size=3, rtol=1e-4, **FIRST_MARK),
]  # fmt: skip
BAD: list[Case] = [
    case("resize", BATCH, size=(4,)),
    case("resize", BATCH, size=(4, 4), interpolation="unheard"),
    case("resize", (4, 4), size=(4, 4)),
    case("resize", BATCH, size=(4, 4), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True),
    case("rgb_to_grayscale", (2, 4, 4, 2)),
    case("crop_images", BATCH, top_cropping=1),
    case("pad_images", BATCH, top_padding=-1, left_padding=0, target_height=9, target_width=9),
    case("affine_transform", BATCH, transform=MOVES, interpolation="unheard"),
    case("affine_transform", BATCH, transform=MOVES, fill_mode="unheard"),
    case("map_coordinates", (7, 6), PLACES, order=2),
    case("sobel_edges", ONE),
]
