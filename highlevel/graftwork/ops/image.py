"""Functions of images, under Keras' names; what they compute stands in `images`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import images
from .operation import op


def one_by_one(args: tuple[Any, ...], arguments: Mapping[str, Any]) -> bool:
    """Tell whether a batch was given, of images or of volumes: each is computed by itself."""
    size = arguments.get("size")
    volumes = isinstance(size, (tuple, list)) and len(size) == 3
    return bool(args[0].ndim == (5 if volumes else 4))


affine_transform = op("image", 2)(images.affine_transform)
crop_images = op("image", alike=one_by_one)(images.crop_images)
elastic_transform = op("image")(images.elastic_transform)
extract_patches = op("image", alike=one_by_one)(images.extract_patches)


def extract_patches_3d(
    volumes: Any, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid",
    data_format: str | None = None,
) -> Any:  # fmt: skip
    """Cut volumes into windows, as `images.extract_patches_3d`.

    Raises:
        ShapeError: they are no volumes.
        ConfigError: the sizes are neither one number nor one for each axis, or padding is unknown.
    """
    window = (size,) * 3 if hasattr(size, "__index__") else tuple(size)
    return extract_patches(volumes, window, strides, dilation_rate, padding, data_format)


gaussian_blur = op("image", alike=one_by_one)(images.gaussian_blur)
hsv_to_rgb = op("image", alike=one_by_one)(images.hsv_to_rgb)
map_coordinates = op("image", 2)(images.map_coordinates)
pad_images = op("image", alike=one_by_one)(images.pad_images)
perspective_transform = op("image", 3)(images.perspective_transform)
resize = op("image", alike=one_by_one)(images.resize)
rgb_to_grayscale = op("image", alike=one_by_one)(images.rgb_to_grayscale)
rgb_to_hsv = op("image", alike=one_by_one)(images.rgb_to_hsv)
scale_and_translate = op("image", 4, listed=True)(images.scale_and_translate)
sobel_edges = op("image", alike=one_by_one)(images.sobel_edges)
ssim = op("image", 2)(images.ssim)

__all__ = [
    "affine_transform", "crop_images", "elastic_transform", "extract_patches",
    "extract_patches_3d", "gaussian_blur", "hsv_to_rgb", "map_coordinates", "pad_images",
    "perspective_transform", "resize", "rgb_to_grayscale", "rgb_to_hsv", "scale_and_translate",
    "sobel_edges", "ssim",
]  # fmt: skip
