"""What is computed with images, under Keras' names: sizes, colours, filters, patches, likeness."""

from .colors import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from .filters import gaussian_blur, sobel_edges
from .patches import extract_patches, extract_patches_3d
from .similarity import ssim
from .sizes import crop_images, pad_images, resize, scale_and_translate, smart_resize
from .warps import (
    affine_transform,
    elastic_transform,
    map_coordinates,
    perspective_transform,
)

__all__ = [
    "affine_transform",
    "crop_images",
    "elastic_transform",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "scale_and_translate",
    "smart_resize",
    "sobel_edges",
    "ssim",
]
