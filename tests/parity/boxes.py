"""Cases of boxes: functions of them, and layers that move them with pictures."""

from __future__ import annotations

import numpy as np

from .compare import Case, case, flat

BOXES = np.float32([[[1, 2, 5, 6], [0, 1, 3, 3.5]], [[2, 2, 7, 4], [4, 0, 6, 5]]])
OTHERS = np.float32([[[1, 1, 4, 5], [2, 0, 3, 6], [5, 5, 7, 8]]] * 2)
FLOATS = np.float32([[10, -20], [0.2, 0], [0, -0.1], [1.3, 0.7], [8, 0], [0, -4]])
SIZE = {"height": 8, "width": 9}
ORDERS = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh",
          "rel_center_xywh")  # fmt: skip


CASES: list[Case] = [
    *[case("convert_format", BOXES, source=order, target=target, **SIZE)
      for order in ORDERS for target in ("xyxy", "rel_center_xywh", "center_yxhw")],
    flat("affine_transform", BOXES, *FLOATS, **SIZE, rtol=1e-4),
    flat("affine_transform", BOXES, *FLOATS, **SIZE, center_x=0.3, center_y=0.6, rtol=1e-4),
    case("crop", BOXES, top=1, left=2, height=4, width=3),
    case("pad", BOXES, top=1, left=2),
    case("encode_box_to_deltas", OTHERS[0], OTHERS + 0.5, anchor_format="xyxy", box_format="xywh",
         variance=[0.1, 0.1, 0.2, 0.2], rtol=1e-4),
    case("encode_box_to_deltas", OTHERS[0], OTHERS[1] + 0.5, anchor_format="rel_xyxy",
         box_format="yxyx", encoding_format="center_xywh", image_shape=(8, 9, 3), rtol=1e-4),
    case("decode_deltas_to_boxes", OTHERS[0], BOXES[:, :1] / 9, anchor_format="xyxy",
         box_format="rel_xywh", variance=[0.1, 0.1, 0.2, 0.2], image_shape=(8, 9, 3)),
    case("compute_iou", BOXES, OTHERS, bounding_box_format="xyxy"),
    case("compute_iou", BOXES[0], OTHERS, bounding_box_format="xywh"),
    flat("compute_iou", BOXES[0] - 4, OTHERS[0], bounding_box_format="xyxy", use_masking=True),
    case("compute_ciou", BOXES[0], OTHERS[0, :2], bounding_box_format="xyxy", rtol=1e-4),
]  # fmt: skip
BAD: list[Case] = [
    case("convert_format", BOXES, source="zyx", target="xyxy"),
    case("convert_format", BOXES, source="xyxy", target="rel_xyxy"),
    case("convert_format", BOXES[..., :3], source="xyxy", target="xyxy"),
    *[
        case(
            "encode_box_to_deltas",
            OTHERS[0],
            OTHERS,
            anchor_format="xyxy",
            box_format="xyxy",
            **bad,
        )
        for bad in ({"variance": [1.0]}, {"encoding_format": "xyxy"})
    ],
    case("compute_iou", BOXES[None], OTHERS, bounding_box_format="xyxy"),
    case("compute_iou", BOXES, OTHERS, bounding_box_format="rel_xyxy"),
    case("compute_ciou", BOXES, BOXES, bounding_box_format="rel_xyxy"),
]
LAYERS: list[Case] = [
    case("RandomFlip", mode="horizontal"),
    case("RandomFlip", mode="vertical"),
    case("RandomRotation", factor=0.1),
    case("RandomTranslation", height_factor=0.2, width_factor=0.2),
    case("RandomZoom", height_factor=0.2, width_factor=(-0.1, 0.3)),
    case("CenterCrop", height=5, width=4),
    case("Resizing", height=4, width=12),
    case("Resizing", height=5, width=10, pad_to_aspect_ratio=True),
    case("Resizing", height=5, width=10, crop_to_aspect_ratio=True),
    case("RandomBrightness", factor=0.2),
    case("RandomErasing"),
    case("RandomCrop", height=4, width=3),
]
