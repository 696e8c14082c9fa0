"""Keras' room of boxes around things in pictures: names alone, each at home in a file beside."""

from .box_pairs import compute_ciou, compute_iou, decode_deltas_to_boxes, encode_box_to_deltas
from .boxes import affine_transform, clip_to_image_size, convert_format, crop, pad

__all__ = [
    "affine_transform", "clip_to_image_size", "compute_ciou", "compute_iou", "convert_format",
    "crop", "decode_deltas_to_boxes", "encode_box_to_deltas", "pad",
]  # fmt: skip
