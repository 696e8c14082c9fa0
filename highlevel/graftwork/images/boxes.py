"""Boxes around things in pictures: four numbers each, in several orders, and what is done to them.

An order names its numbers: x to the right, y down, w and h sizes; "xyxy" is left, top, right,
bottom; "center_…" begins with the middle; "rel_…" are shares of the picture's width and height.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, ShapeError, expect
from graftgrad.spec import is_floating

FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh",
           "rel_center_xywh")  # fmt: skip
Boxes = Any  # (…, 4), or a dictionary that holds such "boxes"


def format_of(subject: str, name: str, value: Any) -> str:
    """Accept the name of an order of numbers, in any case.

    Raises:
        ConfigError: there is no such order.
    """
    found = value.lower() if isinstance(value, str) else value
    expect(found in FORMATS, subject, f"{name} must be one of {', '.join(FORMATS)}",
           error=ConfigError, **{name: value})  # fmt: skip
    return str(found)


def convert_format(
    boxes: Boxes, source: str, target: str, height: Any = None, width: Any = None,
    dtype: Any = "float32",
) -> Any:  # fmt: skip
    """Write boxes in another order.

    Args:
        boxes: (…, 4), or a dictionary of which "boxes" are written anew.
        source: the order they have.
        target: the order wanted.
        height: of the picture, a number or a tensor; needed from or to shares.
        width: of the picture.
        dtype: the element type of the result.
    Raises:
        ShapeError: the last axis is not 4.
        ConfigError: an order is unknown, or the size is missing.
    """
    if isinstance(boxes, Mapping):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width,
                                                 dtype)}  # fmt: skip
    given, wanted = (format_of("convert_format", name, one)
                     for name, one in (("source", source), ("target", target)))  # fmt: skip
    x = graftgrad.as_tensor(boxes)
    expect(x.ndim > 0 and x.shape[-1] == 4, "convert_format", "boxes must be (…, 4)",
           error=ShapeError, boxes=x.spec)  # fmt: skip
    shares = given.startswith("rel_"), wanted.startswith("rel_")
    expect(not any(shares) or (height is not None and width is not None), "convert_format",
           "shares need the height and width of the picture", error=ConfigError,
           source=source, target=target, height=height, width=width)  # fmt: skip
    x = x.to(dtype)
    if given == wanted:
        return x
    corners = _corners(x, given.removeprefix("rel_"))
    if shares[0] and not shares[1]:
        corners = _stretched(corners, width, height)
    elif shares[1] and not shares[0]:
        corners = _stretched(corners, 1 / _number(width, x), 1 / _number(height, x))
    return _written(corners, wanted.removeprefix("rel_"))


Four = tuple[Tensor, Tensor, Tensor, Tensor]


def _corners(x: Tensor, order: str) -> Four:
    """Return left, top, right and bottom, each (…, 1)."""
    a, b, c, d = (x[..., i : i + 1] for i in range(4))
    if order == "yxyx":
        return b, a, d, c
    if order == "xywh":
        return a, b, a + c, b + d
    if order == "center_xywh":
        return a - c / 2, b - d / 2, a + c / 2, b + d / 2
    if order == "center_yxhw":
        return b - d / 2, a - c / 2, b + d / 2, a + c / 2
    return a, b, c, d


def _written(corners: Four, order: str) -> Tensor:
    x1, y1, x2, y2 = corners
    w, h = x2 - x1, y2 - y1
    told = {
        "xyxy": corners,
        "yxyx": (y1, x1, y2, x2),
        "xywh": (x1, y1, w, h),
        "center_xywh": (x1 + w / 2, y1 + h / 2, w, h),
        "center_yxhw": (y1 + h / 2, x1 + w / 2, h, w),
    }
    return ops.concatenate(list(told[order]), -1)


def _stretched(corners: Four, across: Any, down: Any) -> Four:
    x1, y1, x2, y2 = corners
    across, down = _number(across, x1), _number(down, x1)
    return x1 * across, y1 * down, x2 * across, y2 * down


def _number(value: Any, like: Tensor) -> Any:
    return value.to(like.dtype) if isinstance(value, Tensor) else value


def clip_to_image_size(
    bounding_boxes: Mapping[str, Any], height: Any = None, width: Any = None,
    bounding_box_format: str = "xyxy",
) -> dict[str, Any]:  # fmt: skip
    """Cut off what lies outside of the picture; of boxes that are gone the label becomes −1.

    Args:
        bounding_boxes: "boxes" (…, N, 4), and "labels" (…, N) or with an axis more.
        height: of the picture; not needed for shares.
        width: of the picture.
        bounding_box_format: "xyxy" or "rel_xyxy".
    Raises:
        ConfigError: it is another order, or the size is missing.
    """
    _corners_only("clip_to_image_size", bounding_box_format, "xyxy", "rel_xyxy")
    if bounding_box_format == "rel_xyxy":
        height = width = 1.0
    expect(height is not None and width is not None, "clip_to_image_size",
           "height and width must be given", error=ConfigError, height=height,
           width=width)  # fmt: skip
    boxes = graftgrad.as_tensor(bounding_boxes["boxes"])
    boxes = boxes if is_floating(boxes.dtype) else boxes.to("float32")
    boxes = crop(boxes, 0, 0, height, width)
    labels = bounding_boxes.get("labels")
    if labels is None:
        return {**bounding_boxes, "boxes": boxes}
    labels = graftgrad.as_tensor(labels)
    seen = ops.greater((boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1]), 0.0)
    seen = ops.expand_dims(seen, -1) if labels.ndim > seen.ndim else seen
    return {**bounding_boxes, "boxes": boxes, "labels": ops.where(seen, labels, -1)}


def crop(
    boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy"
) -> Tensor:
    """Say where boxes lie in a window of the picture; what lies outside of it is cut off.

    Args:
        boxes: (…, 4).
        top: the first row of the window.
        left: its first column.
        height: its rows.
        width: its columns.
        bounding_box_format: only "xyxy".
    Raises:
        ConfigError: it is another order.
    """
    moved = pad(boxes, -top, -left, bounding_box_format=bounding_box_format)
    x1, y1, x2, y2 = (moved[..., i : i + 1] for i in range(4))
    inside = [ops.minimum(ops.maximum(one, 0.0), _number(most, one))
              for one, most in ((x1, width), (y1, height), (x2, width), (y2, height))]  # fmt: skip
    return ops.concatenate(inside, -1)


def pad(
    boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None,
    bounding_box_format: str = "xyxy",
) -> Tensor:  # fmt: skip
    """Say where boxes lie once the picture has rows above and columns on the left.

    Args:
        boxes: (…, 4).
        top: rows above.
        left: columns on the left.
        height: kept for Keras' signature.
        width: kept for Keras' signature.
        bounding_box_format: only "xyxy".
    Raises:
        ConfigError: it is another order.
    """
    _corners_only("pad", bounding_box_format, "xyxy")
    x = graftgrad.as_tensor(boxes)
    x1, y1, x2, y2 = (x[..., i : i + 1] for i in range(4))
    across, down = _number(left, x), _number(top, x)
    return ops.concatenate([x1 + across, y1 + down, x2 + across, y2 + down], -1)


def _corners_only(subject: str, found: str, *known: str) -> None:
    expect(found in known, subject, f"bounding_box_format must be {' or '.join(known)}",
           error=ConfigError, bounding_box_format=found,
           advice="convert_format writes boxes in another order.")  # fmt: skip


def affine_transform(
    boxes: Any, angle: Any, translate_x: Any, translate_y: Any, scale: Any, shear_x: Any,
    shear_y: Any, height: Any, width: Any, center_x: Any = None, center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> Tensor:  # fmt: skip
    """Turn, move, scale and shear boxes: what comes back holds all four corners.

    Args:
        boxes: (N, B, 4).
        angle: in degrees, (N,).
        translate_x: how far to the right, as a share of the width, (N,).
        translate_y: how far down, as a share of the height.
        scale: of the way back: 2 makes boxes half as large about the centre's image.
        shear_x: in degrees.
        shear_y: in degrees.
        height: rows of the picture.
        width: its columns.
        center_x: what stays, as a share of the width; ½ if None.
        center_y: as a share of the height.
        bounding_box_format: only "xyxy".
    Raises:
        ConfigError: it is another order.
    """
    _corners_only("affine_transform", bounding_box_format, "xyxy")
    turn, sx, sy, grown, right, down = (
        graftgrad.as_tensor(one).to("float32")
        for one in (angle, shear_x, shear_y, scale, translate_x, translate_y)
    )
    radians = math.pi / 180
    turn, sx, sy = -turn * radians, -sx * radians, -sy * radians
    cx = (0.5 if center_x is None else center_x) * (width - 1)
    cy = (0.5 if center_y is None else center_y) * (height - 1)
    tilted = turn - sy
    a = ops.cos(tilted) / ops.cos(sy)
    b = a * ops.tan(sx) + ops.sin(turn)
    c = -ops.sin(tilted) / ops.cos(sy)
    d = ops.cos(turn) - c * ops.tan(sx)
    a0, a1, b0, b1 = d * grown, -b * grown, -c * grown, a * grown
    from_x, from_y = cx - right * (width - 1), cy - down * (height - 1)
    a2 = cx - a0 * from_x - a1 * from_y
    b2 = cy - b0 * from_x - b1 * from_y
    return around(graftgrad.as_tensor(boxes).to("float32"), (a0, a1, a2, b0, b1, b2))


def around(boxes: Tensor, numbers: tuple[Any, ...]) -> Tensor:
    """Return the boxes around mapped corners: x' = a₀·x + a₁·y + a₂, y' = b₀·x + b₁·y + b₂.

    Args:
        boxes: "xyxy", (N, B, 4).
        numbers: a₀, a₁, a₂, b₀, b₁, b₂, each (N,).
    """
    a0, a1, a2, b0, b1, b2 = (ops.expand_dims(one, -1) for one in numbers)
    x1, y1, x2, y2 = (boxes[..., i] for i in range(4))
    corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
    return hull([a0 * x + a1 * y + a2 for x, y in corners],
                [b0 * x + b1 * y + b2 for x, y in corners])  # fmt: skip


def hull(xs: list[Tensor], ys: list[Tensor]) -> Tensor:
    """Return the boxes around points, (…, 4)."""
    across, down = ops.stack(xs, -1), ops.stack(ys, -1)
    ends = (ops.min(across, -1), ops.min(down, -1), ops.max(across, -1), ops.max(down, -1))
    return ops.stack(list(ends), -1)
