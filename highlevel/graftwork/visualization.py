"""Pictures to look at: boxes and masks drawn on them, and many of them side by side.

Boxes need Pillow, galleries matplotlib; both are imported when they are needed.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graftgrad import Tensor
from graftgrad.errors import ConfigError, DTypeError, ShapeError, expect

from .defaults import data_format_or_default
from .images.boxes import convert_format

Pictures = NDArray[Any]
Color = Sequence[int]


def _batch(subject: str, images: Any, data_format: str | None) -> Pictures:
    """Return pictures on the host, (N, H, W, C)."""
    x = _host(images)
    expect(x.ndim == 4, subject, "images must be a batch, with 4 axes", error=ShapeError,
           images=x.shape)  # fmt: skip
    first = data_format_or_default(data_format, subject) == "channels_first"
    return np.moveaxis(x, 1, -1) if first else x


def _host(value: Any) -> NDArray[Any]:
    return value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)


def _bytes(x: Pictures) -> Pictures:
    """Return pictures as bytes; real numbers of at most 1 are shares."""
    if x.dtype.kind == "f" and x.size:
        x = np.clip(x, 0, 1) * 255 if x.max() <= 1.0 else np.clip(x, 0, 255)
    return x.astype(np.uint8)


def _ranged(x: Pictures, value_range: tuple[float, float]) -> Pictures:
    """Return pictures of a range as bytes."""
    low, high = value_range
    scaled = (x.astype(np.float32) - low) * (255 / (high - low))
    return np.asarray(np.clip(scaled, 0, 255).astype(np.uint8))


def draw_bounding_boxes(
    images: Any, bounding_boxes: Mapping[str, Any], bounding_box_format: str,
    class_mapping: Mapping[int, str] | None = None, color: Color = (128, 128, 128),
    line_thickness: int = 2, text_thickness: int | None = 1, font_scale: float = 1.0,
    data_format: str | None = None,
) -> Pictures:  # fmt: skip
    """Draw boxes and the names of their classes on pictures.

    Args:
        images: a batch, (N, H, W, C).
        bounding_boxes: "boxes" (N, B, 4), "labels" (N, B), and perhaps "confidences" (N, B); boxes
            labelled −1 are left out.
        bounding_box_format: the order of the numbers of boxes.
        class_mapping: the names of labels.
        color: red, green and blue.
        line_thickness: in pixels.
        text_thickness: the width of the outline of letters, in pixels.
        font_scale: the size of letters; 1 is 12 pixels.
        data_format: whether channels lie last or first; None for what `config` says.
    Returns:
        Pictures of bytes, (N, H, W, C).
    Raises:
        ShapeError: it is no batch.
        ConfigError: boxes or labels are missing, or the order is unknown.
    """
    from PIL import Image, ImageDraw, ImageFont  # here: Pillow is optional

    x = _bytes(_batch("draw_bounding_boxes", images, data_format))
    fit = isinstance(bounding_boxes, Mapping) and {"boxes", "labels"} <= set(bounding_boxes)
    expect(fit, "draw_bounding_boxes", "bounding_boxes must hold boxes and labels",
           error=ConfigError, bounding_boxes=bounding_boxes)  # fmt: skip
    h, w = x.shape[1:3]
    corners = convert_format(bounding_boxes["boxes"], bounding_box_format, "xyxy", h, w).numpy()
    labels = _host(bounding_boxes["labels"]).astype(int)
    shares = bounding_boxes.get("confidences")
    font = ImageFont.load_default(12 * font_scale)
    wide = max(0, (text_thickness or line_thickness) - 1)
    grey = x.shape[-1] == 1
    ink: Any = int(np.mean(color)) if grey else tuple(color)
    found = []
    for n in range(len(x)):
        canvas = Image.fromarray(x[n, ..., 0] if grey else x[n])
        pen = ImageDraw.Draw(canvas)
        for b, (x1, y1, x2, y2) in enumerate(np.rint(corners[n]).astype(int).tolist()):
            label = int(labels[n, b])
            if label == -1:
                continue
            pen.rectangle([min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)], outline=ink,
                          width=line_thickness)  # fmt: skip
            if class_mapping and label in class_mapping:
                text = class_mapping[label]
                if shares is not None:
                    text = f"{text} | {float(_host(shares)[n, b]):.2f}"
                tall = int(12 * font_scale)
                above = y1 - 4 - tall
                at = (x1, above) if above >= 0 else (x1 + line_thickness + 2, y1 + line_thickness)
                pen.text(at, text, fill=ink, font=font, stroke_width=wide)
        done = np.asarray(canvas)
        found.append(done[..., None] if grey else done)
    return np.stack(found)


def draw_segmentation_masks(
    images: Any, segmentation_masks: Any, num_classes: int | None = None,
    color_mapping: Mapping[int, Color] | None = None, alpha: float = 0.8, blend: bool = True,
    ignore_index: int = -1, data_format: str | None = None,
) -> Pictures:  # fmt: skip
    """Lay masks over pictures, each class in its colour.

    y = (1 − alpha) · picture + alpha · colour

    Args:
        images: a batch, (N, H, W, C).
        segmentation_masks: whole numbers, (N, H, W) or (N, H, W, 1); classes from num_classes on
            are not drawn.
        num_classes: how many classes are drawn, from 0; the largest number if None.
        color_mapping: the colour of each class; a palette if None.
        alpha: how much of the colour.
        blend: false draws colours alone, on real numbers.
        ignore_index: a class that is not drawn.
        data_format: whether channels lie last or first; None for what `config` says.
    Returns:
        Pictures, (N, H, W, C), of bytes where they are blended.
    Raises:
        ShapeError: it is no batch.
        DTypeError: masks are no whole numbers.
    """
    x = _batch("draw_segmentation_masks", images, data_format).astype(np.float32)
    mask = _host(segmentation_masks)
    expect(mask.dtype.kind in "iu", "draw_segmentation_masks", "masks must be whole numbers",
           error=DTypeError, dtype=str(mask.dtype))  # fmt: skip
    if mask.ndim == 4:
        first = data_format_or_default(data_format) == "channels_first"
        mask = mask[:, 0] if first else mask[..., 0]
    count = int(mask.max()) if num_classes is None else num_classes
    colors = [_palette(i) if color_mapping is None else list(color_mapping[i])
              for i in range(count)]  # fmt: skip
    drawn: Pictures = x.copy()
    for i, color in enumerate(colors):
        drawn[mask == i] = np.asarray(color, np.float32)
    if not blend:
        return drawn
    mixed: Pictures = x * (1 - alpha) + drawn * alpha
    kept = np.where((mask != ignore_index)[..., None], mixed, x)
    return np.asarray(kept.astype(np.uint8))


def _palette(i: int) -> list[int]:
    return [(i * step) % 255 for step in (2**25 - 1, 2**15 - 1, 2**21 - 1)]


def plot_image_gallery(
    images: Any, y_true: Any = None, y_pred: Any = None,
    label_map: Mapping[int, str] | None = None, rows: int | None = None, cols: int | None = None,
    value_range: tuple[float, float] = (0, 255), scale: float = 2,
    path: str | os.PathLike[str] | None = None, show: bool | None = None, transparent: bool = True,
    dpi: int = 60, legend_handles: Any = None, data_format: str | None = None,
) -> None:  # fmt: skip
    """Show pictures side by side, with what they are and what they are taken for.

    Args:
        images: a batch, (N, H, W, C).
        y_true: the class of each.
        y_pred: the class it is taken for.
        label_map: the names of classes; needed with either.
        rows: of the gallery; about as many as columns if None.
        cols: its columns.
        value_range: the smallest and largest value of a pixel.
        scale: inches for each picture.
        path: a file that is written in place of a window.
        show: open a window; by default where there is no path.
        transparent: whether the file has no background.
        dpi: dots per inch of the file.
        legend_handles: what matplotlib's legend names.
        data_format: whether channels lie last or first; None for what `config` says.
    Raises:
        ShapeError: it is no batch.
        ConfigError: path and show are both given, or label_map is missing.
    """
    subject = "plot_image_gallery"
    expect(path is None or not show, subject, "a gallery is written or shown, not both",
           error=ConfigError, path=path, show=show)  # fmt: skip
    named = label_map is not None or (y_true is None and y_pred is None)
    expect(named, subject, "label_map must name the classes", error=ConfigError,
           label_map=label_map)  # fmt: skip
    x = _ranged(_batch(subject, images, data_format), value_range)
    rows = rows or math.ceil(math.sqrt(len(x)))
    cols = cols or math.ceil(len(x) / rows)
    import matplotlib.pyplot as plt  # here: matplotlib is optional

    figure, axes = plt.subplots(rows, cols, figsize=(cols * scale, rows * scale), frameon=False,
                                layout="tight", squeeze=False)  # fmt: skip
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="lower center")
    names = label_map or {}
    for i, place in enumerate(axes.flat):
        place.axis("off")
        if i >= len(x):
            continue
        grey = x.shape[-1] == 1
        place.imshow(
            x[i, ..., 0] if grey else x[i], cmap="gray" if grey else None, vmin=0, vmax=255
        )
        words = [
            f"{word}: {names.get(int(_host(told)[i]), 'Unknown')}"
            for word, told in (("Label", y_true), ("Pred", y_pred))
            if told is not None and i < len(told)
        ]
        if words:
            place.set_title("  ".join(words), fontsize=8)
    if path is not None:
        figure.savefig(path, pad_inches=0, bbox_inches="tight", transparent=transparent, dpi=dpi)
    elif show is not False:
        plt.show()
    plt.close(figure)


def plot_bounding_box_gallery(
    images: Any, bounding_box_format: str, y_true: Any = None, y_pred: Any = None,
    value_range: tuple[float, float] = (0, 255), true_color: Color = (0, 188, 212),
    pred_color: Color = (255, 235, 59), line_thickness: int = 2, font_scale: float = 1.0,
    text_thickness: int | None = None, class_mapping: Mapping[int, str] | None = None,
    ground_truth_mapping: Mapping[int, str] | None = None,
    prediction_mapping: Mapping[int, str] | None = None, legend: bool = False,
    legend_handles: Any = None, rows: int | None = None, cols: int | None = None,
    data_format: str | None = None, **kwargs: Any,
) -> None:  # fmt: skip
    """Show pictures side by side, with true and predicted boxes.

    Args:
        images: a batch, (N, H, W, C).
        bounding_box_format: the order of the numbers of boxes.
        y_true: true boxes, as `draw_bounding_boxes` takes them.
        y_pred: predicted boxes.
        value_range: the smallest and largest value of a pixel.
        true_color: of true boxes.
        pred_color: of predicted ones.
        line_thickness: in pixels.
        font_scale: the size of letters.
        text_thickness: the width of their outline.
        class_mapping: the names of labels.
        ground_truth_mapping: of true boxes alone.
        prediction_mapping: of predicted boxes alone.
        legend: tell which colour is which.
        legend_handles: a legend of your own.
        rows: of the gallery.
        cols: its columns.
        data_format: whether channels lie last or first; None for what `config` says.
        kwargs: what `plot_image_gallery` is told besides.
    Raises:
        ShapeError: it is no batch.
        ConfigError: two legends are asked for, or boxes are unfit.
    """
    expect(not (legend and legend_handles), "plot_bounding_box_gallery",
           "there must be one legend", error=ConfigError, legend=legend,
           legend_handles=legend_handles)  # fmt: skip
    drawn = _ranged(_batch("plot_bounding_box_gallery", images, data_format), value_range)
    for told, color, mapping in (
        (y_true, true_color, ground_truth_mapping or class_mapping),
        (y_pred, pred_color, prediction_mapping or class_mapping),
    ):
        if told is not None:
            drawn = draw_bounding_boxes(drawn, told, bounding_box_format, mapping, color,
                                        line_thickness, text_thickness, font_scale,
                                        "channels_last")  # fmt: skip
    if legend:
        from matplotlib.patches import Patch  # here: matplotlib is optional

        legend_handles = [
            Patch(color=(color[0] / 255, color[1] / 255, color[2] / 255), label=word)
            for color, word in ((true_color, "Ground Truth"), (pred_color, "Prediction"))
        ]
    plot_image_gallery(drawn, rows=rows, cols=cols, legend_handles=legend_handles,
                       data_format="channels_last", **kwargs)  # fmt: skip


def plot_segmentation_mask_gallery(
    images: Any, num_classes: int, value_range: tuple[float, float] = (0, 255), y_true: Any = None,
    y_pred: Any = None, color_mapping: Mapping[int, Color] | None = None, blend: bool = True,
    alpha: float = 0.8, ignore_index: int = -1, data_format: str | None = None, **kwargs: Any,
) -> None:  # fmt: skip
    """Show each picture beside itself under its true and its predicted mask.

    Args:
        images: a batch, (N, H, W, C).
        num_classes: how many classes are drawn.
        value_range: the smallest and largest value of a pixel.
        y_true: true masks, as `draw_segmentation_masks` takes them.
        y_pred: predicted masks.
        color_mapping: the colour of each class.
        blend: lay colours over pictures.
        alpha: how much of the colour.
        ignore_index: a class that is not drawn.
        data_format: whether channels lie last or first; None for what `config` says.
        kwargs: what `plot_image_gallery` is told besides.
    Raises:
        ShapeError: it is no batch.
    """
    x = _batch("plot_segmentation_mask_gallery", images, data_format)
    columns = [x.astype(np.float32)]
    for told in (y_true, y_pred):
        if told is not None:
            mask = _host(told).astype(np.int32)
            if mask.ndim == 4 and data_format_or_default(data_format) == "channels_first":
                mask = np.moveaxis(mask, 1, -1)
            columns.append(
                draw_segmentation_masks(x, mask, num_classes, color_mapping, alpha, blend,
                                        ignore_index, "channels_last").astype(np.float32)
            )  # fmt: skip
    side = np.stack(columns, 1).reshape(-1, *x.shape[1:])
    plot_image_gallery(side, value_range=value_range, rows=len(x), cols=len(columns),
                       data_format="channels_last", **kwargs)  # fmt: skip


__all__ = [
    "draw_bounding_boxes", "draw_segmentation_masks", "plot_bounding_box_gallery",
    "plot_image_gallery", "plot_segmentation_mask_gallery",
]  # fmt: skip
