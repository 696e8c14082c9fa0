"""One picture at a time: from a file to an array of numbers and back. Folders: `image_folder`.

Pictures are decoded by Pillow, the optional extra `images`. The note on orientation that some
cameras leave in the EXIF header is ignored, as Keras ignores it: a picture comes out as it is
stored. Of an animation the first frame is read.
"""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from graftgrad.errors import ConfigError, DataError, expect, sentence
from graftwork.data.framing import Framing, channels_first, framing, one_of, pillow

if TYPE_CHECKING:
    from PIL.Image import Image

Place: TypeAlias = "str | bytes | os.PathLike[str] | io.BytesIO"

MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}
PILLOW_FILTERS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
DEEP_GREY = ("I", "I;16", "I;16L", "I;16B", "I;16N")  # 0..65535 in PNG files


# Reading


def read(
    path: Place,
    *,
    color_mode: str = "rgb",
    image_size: int | tuple[int, int] | None = None,
    resize: int | None = None,
    crop: int | tuple[int, int] | None = None,
    interpolation: str = "bilinear",
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
) -> NDArray[np.float32]:
    """Read a picture as numbers from 0 to 255, ready for a network.

    `read(path, resize=256, crop=224)` is what torchvision's checkpoints were trained with: the
    shorter side becomes 256 pixels long, the middle 224 × 224 are cut out. `image_size` brings the
    picture to (rows, columns) the way `image_dataset_from_directory` does; with `resize` it is
    another word for `crop`, as it is there. Shrinking averages over all pixels that fall together
    (Pillow's antialiased filters).

    Shapes: (H, W, C) with C = 1, 3 or 4 for `grayscale`, `rgb`, `rgba`; (C, H, W) where
    `data_format` is `channels_first`. Sixteen-bit grey is scaled from 0..65535 to 0..255.

    Raises:
        ConfigError: an argument is not understood, or two exclude each other.
        DataError: the file is missing, damaged or not a picture.
        LibraryError: Pillow is not installed.
    """
    expect(
        image_size is None or crop is None,
        "images.read",
        "say either image_size or crop",
        error=ConfigError,
        image_size=image_size,
        crop=crop,
    )
    expect(
        crop is None or resize is not None,
        "images.read",
        "crop needs resize, the length of the shorter side before the middle is cut out",
        error=ConfigError,
        crop=crop,
        resize=resize,
    )
    how = framing(
        "images.read",
        image_size if crop is None else crop,
        interpolation,
        resize=resize,
        crop=crop_to_aspect_ratio,
        pad=pad_to_aspect_ratio,
    )
    one_of("images.read", "color_mode", color_mode, CHANNELS)
    first = channels_first("images.read", data_format)
    pixels = decode(path, color_mode, how)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)) if first else pixels


def decode(path: Place, color_mode: str, how: Framing) -> NDArray[np.float32]:
    """Read, convert and frame one picture whose settings have been checked: (H, W, C)."""
    picture = how(_converted(_open(path), color_mode))
    pixels = np.asarray(picture, dtype=np.float32)
    if picture.mode != "F":
        return pixels[:, :, None] if pixels.ndim == 2 else pixels
    grey = np.repeat(pixels[:, :, None], min(CHANNELS[color_mode], 3), axis=2)
    opaque = np.full((*pixels.shape, 1), 255, dtype=np.float32)
    return np.concatenate([grey, opaque], axis=2) if color_mode == "rgba" else grey


def _open(path: Place) -> Image:
    """Read a file to its end and decode the first frame."""
    library = pillow()
    name = "a stream of bytes" if isinstance(path, io.BytesIO) else os.fsdecode(path)
    try:
        source = path if isinstance(path, io.BytesIO) else io.BytesIO(Path(name).read_bytes())
    except OSError as failure:
        rule = "the file must exist and be readable"
        missing: dict[str, object] = {"path": name, "reason": failure.strerror}
        raise DataError(sentence("images", rule, missing)) from failure
    try:
        picture: Image = library.open(source)
        picture.load()
    except Exception as failure:  # damage shows itself in whatever the decoder stumbles over
        rule = "the file must hold a whole picture in a format that Pillow reads"
        reason = str(failure).replace(repr(source), "the file")
        got: dict[str, object] = {
            "path": name,
            "bytes": source.getbuffer().nbytes,
            "reason": reason,
        }
        advice = "Replace the file by a sound copy, or take it out of the folder."
        raise DataError(sentence("images", rule, got, advice)) from failure
    return picture


def _converted(picture: Image, color_mode: str) -> Image:
    """Bring a picture to 8 bits in the wanted colours; deep grey becomes floats, 0..255."""
    if picture.mode in DEEP_GREY:
        grey = np.asarray(picture).astype(np.float32) / np.float32(257)
        deep: Image = pillow().fromarray(grey)
        return deep
    if picture.mode == "F":
        return picture
    return _to_mode(picture, MODES[color_mode])


def _to_mode(picture: Image, mode: str) -> Image:
    if picture.mode == "P" and "transparency" in picture.info:
        picture = picture.convert("RGBA")  # the only conversion that respects the palette's alpha
    return picture if picture.mode == mode else picture.convert(mode)


# Keras' functions


def load_img(
    path: Place,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image:
    """Load a picture as a Pillow image.

    Args:
        path: a file, or its bytes in a `BytesIO`.
        color_mode: `grayscale`, `rgb` or `rgba`. Grey pictures of 16 or 32 bits stay as they are
            with `grayscale`; asked for in colour, 16 bits are scaled to 8, not cut off.
        target_size: (rows, columns), or None for the size of the file.
        interpolation: `nearest`, `bilinear`, `bicubic`, `hamming`, `box` or `lanczos`.
        keep_aspect_ratio: cut out the middle in the target's proportions before resizing.

    Raises:
        ConfigError: an argument is not understood.
        DataError: the file is missing, damaged or not a picture.
        LibraryError: Pillow is not installed.
    """
    one_of("load_img", "color_mode", color_mode, MODES)
    one_of("load_img", "interpolation", interpolation, PILLOW_FILTERS)
    size = framing("load_img", target_size, "nearest").size
    picture = _open(path)
    if color_mode != "grayscale" and picture.mode in DEEP_GREY:
        grey = np.asarray(picture).astype(np.float32) / np.float32(257)
        picture = pillow().fromarray(np.rint(np.clip(grey, 0, 255)).astype(np.uint8))
    if not (color_mode == "grayscale" and picture.mode in DEEP_GREY):
        picture = _to_mode(picture, MODES[color_mode])
    if size is None or picture.size == size[::-1]:
        return picture
    resample = getattr(pillow().Resampling, interpolation.upper())
    box = _aspect_box(picture.size, size) if keep_aspect_ratio else None
    return picture.resize(size[::-1], resample, box=box)


def _aspect_box(extent: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    columns, rows = extent
    height = min(rows, columns * size[0] // size[1])
    width = min(columns, rows * size[1] // size[0])
    left, top = (columns - width) // 2, (rows - height) // 2
    return left, top, left + width, top + height


def img_to_array(
    img: Image | ArrayLike, data_format: str | None = None, dtype: DTypeLike | None = None
) -> NDArray[Any]:
    """Turn a Pillow image into an array, (H, W, C) or with `channels_first` (C, H, W).

    `dtype` is float32 unless told otherwise; values are not scaled.

    Raises:
        ConfigError: `data_format` is not understood.
        ShapeError: the image has neither two nor three axes.
    """
    first = channels_first("img_to_array", data_format)
    array = np.asarray(img, dtype=np.float32 if dtype is None else dtype)
    expect(
        array.ndim in (2, 3),
        "img_to_array",
        "an image must have axes (H, W) or (H, W, C)",
        shape=array.shape,
    )
    array = array[:, :, None] if array.ndim == 2 else array
    return array.transpose(2, 0, 1) if first else array


def array_to_img(
    x: ArrayLike,
    data_format: str | None = None,
    scale: bool = True,
    dtype: DTypeLike | None = None,
) -> Image:
    """Turn an array (H, W, C), C = 1, 3 or 4, into a Pillow image.

    With `scale` the smallest value becomes 0 and the largest 255, which is Keras' default and
    changes the brightness of most pictures; with `scale=False` values must be from 0 to 255 and
    lose their fraction. One channel with values above 255 gives a 32-bit grey image. `dtype` is
    what is calculated with, float32 unless told otherwise.

    Raises:
        ConfigError: `data_format` is not understood.
        DataError: a value is not finite, or without `scale` outside 0..255.
        LibraryError: Pillow is not installed.
        ShapeError: the array is not a picture.
    """
    first = channels_first("array_to_img", data_format)
    array = np.asarray(x, dtype=np.float32 if dtype is None else dtype)
    array = array.transpose(1, 2, 0) if first and array.ndim == 3 else array
    expect(
        array.ndim == 3 and array.shape[2] in (1, 3, 4) and array.size > 0,
        "array_to_img",
        "a picture must have axes (H, W, C) with C = 1, 3 or 4",
        shape=np.shape(x),
        data_format=data_format,
    )
    expect(
        bool(np.isfinite(array).all()),
        "array_to_img",
        "all values must be finite",
        error=DataError,
        not_finite=int((~np.isfinite(array)).sum()),
    )
    return _to_picture(_stretched(array) if scale else array)


def _stretched(array: NDArray[Any]) -> NDArray[Any]:
    array = array - array.min()
    highest = array.max()
    return (array / highest if highest != 0 else array) * 255


def _to_picture(array: NDArray[Any]) -> Image:
    low, high = array.min(), array.max()
    deep = array.shape[2] == 1 and high > 255
    expect(
        low >= 0 and (deep or high <= 255),
        "array_to_img",
        "without scale the values must lie from 0 to 255",
        error=DataError,
        advice="Use scale=True, or multiply pictures of 0..1 by 255.",
        smallest=low.item(),
        largest=high.item(),
    )
    whole = array.astype(np.int32 if deep else np.uint8)
    picture: Image = pillow().fromarray(whole[:, :, 0] if whole.shape[2] == 1 else whole)
    return picture


def save_img(
    path: str | os.PathLike[str] | BinaryIO,
    x: ArrayLike,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Save an array (H, W, C) as a picture.

    The format is that of the file's extension unless `file_format` names one; further arguments go
    to Pillow's `Image.save`. JPEG has no alpha channel: it is dropped, with a warning. The picture
    is encoded in memory first, so that a failure leaves no half-written file.

    Raises:
        ConfigError: the format is not known.
        DataError, LibraryError, ShapeError: as `array_to_img`.
    """
    named = Path(path).suffix[1:] if isinstance(path, (str, os.PathLike)) else ""
    kind = (file_format or named).lower()
    kind = "jpeg" if kind == "jpg" else kind
    picture = array_to_img(x, data_format=data_format, scale=scale)
    if picture.mode == "RGBA" and kind == "jpeg":
        warnings.warn("save_img: JPEG has no alpha channel; it is dropped.", stacklevel=2)
        picture = picture.convert("RGB")
    encoded = io.BytesIO()
    try:
        picture.save(encoded, format=kind, **kwargs)
    except (KeyError, OSError, ValueError) as failure:
        got: dict[str, object] = {
            "path": str(path),
            "format": kind,
            "reason": str(failure),
        }
        rule = "Pillow must be able to write this picture in the format"
        advice = "Say file_format, for example 'png'."
        raise ConfigError(sentence("save_img", rule, got, advice)) from failure
    if isinstance(path, (str, os.PathLike)):
        Path(path).write_bytes(encoded.getbuffer())
    else:
        path.write(encoded.getbuffer())
