"""How pictures are brought to one size, and the checks of the arguments that say so.

Pillow, the optional extra `images`, does the work; it is imported here, at first use.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graftgrad.errors import ConfigError, LibraryError, expect, sentence

if TYPE_CHECKING:
    from types import ModuleType

    from PIL.Image import Image

FILTERS = {
    "nearest": "NEAREST",
    "bilinear": "BILINEAR",
    "bicubic": "BICUBIC",
    "area": "BOX",
    "lanczos3": "LANCZOS",
}


def pillow() -> ModuleType:
    """Import Pillow.

    Raises:
        LibraryError: it is not installed.
    """
    try:
        return importlib.import_module("PIL.Image")
    except ImportError as failure:
        rule = "Pillow must be installed to read and write pictures"
        advice = 'Install it with: pip install "graftwork[images]"'
        raise LibraryError(sentence("images", rule, {"import": str(failure)}, advice)) from failure


@dataclass(frozen=True)
class Framing:
    """How pictures are brought to one size (rows, columns), or left as they are with `size=None`.

    In this order: with `resize` the shorter side is brought to that many pixels and the middle is
    cut out; with `crop` the largest middle part of the right proportions is brought to size; with
    `pad` the entire picture is, and what remains is black; otherwise it is stretched.
    """

    size: tuple[int, int] | None = None
    filter: str = "BILINEAR"
    resize: int | None = None
    crop: bool = False
    pad: bool = False

    def __call__(self, picture: Image) -> Image:
        """Bring a picture to size."""
        resample = getattr(pillow().Resampling, self.filter)
        if self.resize is not None:
            picture = _shorter_side(picture, self.resize, resample)
            return picture if self.size is None else _middle(picture, self.size)
        if self.size is None:
            return picture
        if self.crop:
            picture = _proportioned(picture, self.size)
        if self.pad:
            return _padded(picture, self.size, resample)
        return picture.resize(self.size[::-1], resample)


def _shorter_side(picture: Image, length: int, resample: Any) -> Image:
    columns, rows = picture.size
    if columns <= rows:
        return picture.resize((length, int(length * rows / columns)), resample)
    return picture.resize((int(length * columns / rows), length), resample)


def _middle(picture: Image, size: tuple[int, int]) -> Image:
    left = _margin(picture.width, size[1])
    top = _margin(picture.height, size[0])
    return picture.crop((left, top, left + size[1], top + size[0]))


def _margin(length: int, window: int) -> int:
    """Where a window in the middle begins; before the picture if it is larger (black there)."""
    return round((length - window) / 2) if length >= window else -((window - length) // 2)


def _proportioned(picture: Image, size: tuple[int, int]) -> Image:
    columns, rows = picture.size
    height = max(min(rows, columns * size[0] // size[1]), 1)
    width = max(min(columns, rows * size[1] // size[0]), 1)
    left, top = (columns - width) // 2, (rows - height) // 2
    return picture.crop((left, top, left + width, top + height))


def _padded(picture: Image, size: tuple[int, int], resample: Any) -> Image:
    columns, rows = picture.size
    shrink = max(columns / size[1], rows / size[0])
    # 1e-9: a quotient a hair below a whole number is that number
    width, height = (max(int(side / shrink + 1e-9), 1) for side in (columns, rows))
    canvas: Image = pillow().new(picture.mode, size[::-1])
    corner = ((size[1] - width) // 2, (size[0] - height) // 2)
    canvas.paste(picture.resize((width, height), resample), corner)
    return canvas


# Arguments


def one_of(subject: str, name: str, value: object, known: Any, *, lower: bool = False) -> None:
    """Check that a setting is one of the known words.

    Raises:
        ConfigError: it is not.
    """
    word = value.lower() if lower and isinstance(value, str) else value
    rule = f"{name} must be one of {', '.join(map(repr, known))}"
    if word not in tuple(known):
        raise ConfigError(sentence(subject, rule, {name: value}))


def channels_first(subject: str, data_format: str | None) -> bool:
    """Tell where the channels go: None means last.

    Raises:
        ConfigError: the word is not known.
    """
    one_of(subject, "data_format", data_format, (None, "channels_last", "channels_first"))
    return data_format == "channels_first"


def _positive(*values: object) -> bool:
    return all(
        isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value > 0
        for value in values
    )


def framing(
    subject: str,
    size: int | tuple[int, int] | None,
    interpolation: str,
    *,
    resize: int | None = None,
    crop: bool = False,
    pad: bool = False,
) -> Framing:
    """Check Keras' arguments about sizes and make a framing of them.

    Raises:
        ConfigError: an argument is not understood, or two exclude each other.
    """
    pair = (size, size) if isinstance(size, (int, np.integer)) else size
    expect(
        pair is None or (isinstance(pair, (tuple, list)) and len(pair) == 2 and _positive(*pair)),
        subject,
        "the size must be one or two positive integers, rows and columns",
        error=ConfigError,
        size=size,
    )
    expect(
        resize is None or _positive(resize),
        subject,
        "resize must be a positive integer, the length of the shorter side in pixels",
        error=ConfigError,
        resize=resize,
    )
    one_of(subject, "interpolation", interpolation, FILTERS, lower=True)
    expect(
        (resize is not None) + crop + pad <= 1,
        subject,
        "only one of resize, crop_to_aspect_ratio and pad_to_aspect_ratio can be chosen",
        error=ConfigError,
        resize=resize,
        crop_to_aspect_ratio=crop,
        pad_to_aspect_ratio=pad,
    )
    whole = None if pair is None else (int(pair[0]), int(pair[1]))
    return Framing(whole, FILTERS[interpolation.lower()], resize, crop, pad)
