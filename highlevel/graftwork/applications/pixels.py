"""Pictures as `preprocess_input` receives them: what it may assume of them."""

from __future__ import annotations

from typing import Any

from graftgrad.errors import DataError, expect


def pictures(x: Any) -> Any:
    """Return x if it is an array or a tensor of colour pictures, (…, H, W, 3).

    Raises:
        DataError: it is not.
    """
    shape = getattr(x, "shape", None)
    sound = shape is not None and len(shape) >= 3 and shape[-1] == 3 and hasattr(x, "dtype")
    expect(sound, "preprocess_input",
           "x must be an array of colour pictures (…, H, W, 3)", error=DataError,
           x=type(x).__name__, shape=None if shape is None else tuple(shape),
           advice="Lists and pictures of Pillow become arrays by numpy.asarray."
           if shape is None else "Read grey pictures with color_mode='rgb'.")  # fmt: skip
    return x
