"""Boxes beside others: told by anchors, and how much pairs of them have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, ShapeError, expect

from ..defaults import epsilon
from .boxes import convert_format, format_of


def _variances(subject: str, variance: Any) -> Any:
    if variance is None:
        return 1.0
    found = graftgrad.as_tensor(variance).to("float32")
    expect(found.ndim > 0 and found.shape[-1] == 4, subject, "variance must be four numbers",
           error=ConfigError, variance=found.spec)  # fmt: skip
    return found


def _encoding(subject: str, name: str, value: str) -> None:
    known = ("center_xywh", "center_yxhw")
    expect(value in known, subject, f"{name} must be {' or '.join(known)}", error=ConfigError,
           **{name: value})  # fmt: skip


def encode_box_to_deltas(
    anchors: Any, boxes: Any, anchor_format: str, box_format: str,
    encoding_format: str = "center_yxhw", variance: Any = None, image_shape: Any = None,
) -> Tensor:  # fmt: skip
    """Tell boxes by anchors: (middle − anchor's) / size of the anchor, log(size / anchor's).

    Args:
        anchors: (N, 4).
        boxes: (N, 4) or (B, N, 4).
        anchor_format: the order of the anchors' numbers.
        box_format: that of the boxes'.
        encoding_format: "center_yxhw" or "center_xywh".
        variance: what the four numbers are divided by.
        image_shape: height, width and channels; needed for shares.
    Raises:
        ConfigError: an order is unknown, or variance are not four numbers.
    """
    share = _variances("encode_box_to_deltas", variance)
    _encoding("encode_box_to_deltas", "encoding_format", encoding_format)
    h, w = (None, None) if image_shape is None else image_shape[:2]
    a = convert_format(anchors, anchor_format, encoding_format, h, w)
    b = convert_format(boxes, box_format, encoding_format, h, w)
    size = ops.maximum(a[..., 2:], epsilon())
    of_box = ops.maximum(b[..., 2:], epsilon())
    place = (b[..., :2] - a[..., :2]) / size
    found: Tensor = ops.concatenate([place, ops.log(of_box / size)], -1) / share
    return found


def decode_deltas_to_boxes(
    anchors: Any, boxes_delta: Any, anchor_format: str, box_format: str,
    encoded_format: str = "center_yxhw", variance: Any = None, image_shape: Any = None,
) -> Any:  # fmt: skip
    """Return the boxes that `encode_box_to_deltas` told by anchors.

    Args:
        anchors: (N, 4), or a dictionary of such.
        boxes_delta: (N, 4) or (B, N, 4), or a dictionary with the same keys.
        anchor_format: the order of the anchors' numbers.
        box_format: the order wanted.
        encoded_format: "center_yxhw" or "center_xywh".
        variance: what the four numbers are multiplied with.
        image_shape: height, width and channels; needed for shares.
    Raises:
        ConfigError: an order is unknown, or variance are not four numbers.
    """
    if isinstance(anchors, Mapping) and isinstance(boxes_delta, Mapping):
        return {
            key: decode_deltas_to_boxes(one, boxes_delta[key], anchor_format, box_format,
                                        encoded_format, variance, image_shape)
            for key, one in anchors.items()
        }  # fmt: skip
    share = _variances("decode_deltas_to_boxes", variance)
    _encoding("decode_deltas_to_boxes", "encoded_format", encoded_format)
    h, w = (None, None) if image_shape is None else image_shape[:2]
    a = convert_format(anchors, anchor_format, encoded_format, h, w)
    delta = graftgrad.as_tensor(boxes_delta).to("float32") * share
    place = delta[..., :2] * a[..., 2:] + a[..., :2]
    found = ops.concatenate([place, ops.exp(delta[..., 2:]) * a[..., 2:]], -1)
    return convert_format(found, encoded_format, box_format, h, w)


def compute_iou(
    boxes1: Any, boxes2: Any, bounding_box_format: str, use_masking: bool = False,
    mask_val: float = -1, image_shape: Any = None,
) -> Tensor:  # fmt: skip
    """Return the common area of every pair of boxes as a share of their joint area.

    Args:
        boxes1: (M, 4) or (B, M, 4).
        boxes2: (N, 4) or (B, N, 4).
        bounding_box_format: the order of their numbers.
        use_masking: put `mask_val` where a box has no positive number.
        mask_val: that value.
        image_shape: height, width and channels; needed for shares.
    Returns:
        (M, N) or (B, M, N).
    Raises:
        ShapeError: they have other axes.
        ConfigError: the order is unknown, or shares come without the size.
    """
    h, w = (None, None) if image_shape is None else image_shape[:2]
    pair = []
    for name, one in (("boxes1", boxes1), ("boxes2", boxes2)):
        x = graftgrad.as_tensor(one)
        expect(x.ndim in (2, 3), "compute_iou", f"{name} must be (N, 4) or (B, N, 4)",
               error=ShapeError, boxes=x.spec)  # fmt: skip
        if format_of("compute_iou", "bounding_box_format", bounding_box_format).startswith("rel_"):
            expect(h is not None, "compute_iou", "shares need image_shape", error=ConfigError,
                   bounding_box_format=bounding_box_format, image_shape=image_shape)  # fmt: skip
        pair.append(convert_format(x, bounding_box_format, "yxyx", h, w))
    a, b = ops.expand_dims(pair[0], -2), ops.expand_dims(pair[1], -3)
    sides = ops.maximum(ops.minimum(a[..., 2:], b[..., 2:]) - ops.maximum(a[..., :2], b[..., :2]),
                        0.0)  # fmt: skip
    common = sides[..., 0] * sides[..., 1]
    areas = [(x[..., 2] - x[..., 0]) * (x[..., 3] - x[..., 1]) for x in (a, b)]
    share = common / (areas[0] + areas[1] - common + epsilon())
    if not use_masking:
        return share
    empty = [ops.less(ops.max(x, -1), 0.0) for x in (a, b)]
    return ops.where(ops.logical_or(*empty), float(mask_val), share)


def compute_ciou(
    boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None
) -> Tensor:
    """Return how well boxes agree, pair by pair: share of area, distance, proportions.

    IoU − d² / c² − α·v: d between the middles, c the diagonal around both, v the difference of
    proportions. Zheng et al., arXiv:1911.08287.

    Args:
        boxes1: (…, 4).
        boxes2: of the same shape.
        bounding_box_format: the order of their numbers; no shares.
        image_shape: kept for Keras' signature.
    Raises:
        ConfigError: the order is unknown, or one of shares.
    """
    order = format_of("compute_ciou", "bounding_box_format", bounding_box_format)
    expect(not order.startswith("rel_"), "compute_ciou", "boxes must be told in pixels",
           error=ConfigError, bounding_box_format=bounding_box_format)  # fmt: skip
    a, b = (convert_format(one, order, "xyxy") for one in (boxes1, boxes2))
    small = epsilon()
    low, high = ops.minimum(a, b), ops.maximum(a, b)
    sides = ops.maximum(low[..., 2:] - high[..., :2], 0.0)
    common = sides[..., 0] * sides[..., 1]
    wide = [x[..., 2] - x[..., 0] for x in (a, b)]
    tall = [x[..., 3] - x[..., 1] + small for x in (a, b)]
    joint = wide[0] * tall[0] + wide[1] * tall[1] - common + small
    share = common / (joint + small)
    reach = high[..., 2:] - low[..., :2]
    diagonal = ops.sum(reach * reach, -1) + small
    apart = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2
    bend = ops.arctan(wide[1] / tall[1]) - ops.arctan(wide[0] / tall[0])
    v = 4 / math.pi**2 * bend * bend
    alpha = v / (v - share + (1 + small))
    found: Tensor = share - (ops.sum(apart * apart, -1) / diagonal + v * alpha)
    return found
