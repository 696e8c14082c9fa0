"""What holds where nothing else is said: element type, smallest addend, order of axes, limits.

Scripts read and set these under Keras' names, in `graftwork.config` and `graftwork.backend`.
"""

from __future__ import annotations

from typing import Any

from graftgrad.errors import ConfigError, expect

_FLOATS = ("bfloat16", "float16", "float32", "float64")
_FORMATS = ("channels_last", "channels_first")
_chosen: dict[str, Any] = {
    "epochs": None,
    "epsilon": 1e-7,
    "flash": True,
    "floatx": "float32",
    "image_data_format": "channels_last",
}


def floatx() -> str:
    """Return the element type of numbers and weights that are given none."""
    return str(_chosen["floatx"])


def set_floatx(value: str) -> None:
    """Set the element type of numbers and weights that are given none.

    Raises:
        ConfigError: it is not "bfloat16", "float16", "float32" or "float64".
    """
    expect(value in _FLOATS, "set_floatx", f"must be one of {list(_FLOATS)}", error=ConfigError,
           value=value)  # fmt: skip
    _chosen["floatx"] = value


def epsilon() -> float:
    """Return the small number that keeps divisors and logarithms from 0."""
    return float(_chosen["epsilon"])


def set_epsilon(value: float) -> None:
    """Set the small number that keeps divisors and logarithms from 0.

    Raises:
        ConfigError: it is no number.
    """
    fit = isinstance(value, (int, float)) and not isinstance(value, bool)
    expect(fit, "set_epsilon", "must be a number", error=ConfigError, value=value)
    _chosen["epsilon"] = float(value)


def image_data_format() -> str:
    """Return where the channels of images stand if a layer does not say: last, or first."""
    return str(_chosen["image_data_format"])


def set_image_data_format(data_format: str) -> None:
    """Say where the channels of images stand if a layer or op does not say itself.

    Raises:
        ConfigError: it is neither "channels_last" nor "channels_first".
    """
    known = str(data_format).lower()
    expect(known in _FORMATS, "set_image_data_format", f"must be one of {list(_FORMATS)}",
           error=ConfigError, data_format=data_format)  # fmt: skip
    _chosen["image_data_format"] = known


def data_format_or_default(data_format: str | None, subject: str = "data_format") -> str:
    """Return a given order of axes, or the one that holds where none is given.

    Raises:
        ConfigError: it is neither "channels_last" nor "channels_first".
    """
    if data_format is None:
        return image_data_format()
    expect(data_format in _FORMATS, subject, f"data_format must be one of {list(_FORMATS)}",
           error=ConfigError, data_format=data_format)  # fmt: skip
    return data_format


def max_epochs() -> int | None:
    """Return the most epochs that `fit` runs, None for any number."""
    found: int | None = _chosen["epochs"]
    return found


def set_max_epochs(max_epochs: int | None) -> None:
    """Let `fit` run no more epochs than this, whatever it is told; None takes the limit away.

    Raises:
        ConfigError: it is no positive whole number.
    """
    _chosen["epochs"] = _limit("set_max_epochs", max_epochs)


def _limit(subject: str, value: Any) -> int | None:
    fit = value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)
    expect(fit, subject, "must be a positive whole number or None", error=ConfigError, value=value)
    return None if value is None else int(value)


def enable_flash_attention() -> None:
    """Say that attention may be computed block by block, as it is wherever that is faster."""
    _chosen["flash"] = True


def disable_flash_attention() -> None:
    """Say that attention need not be computed block by block; results do not depend on it."""
    _chosen["flash"] = False


def is_flash_attention_enabled() -> bool:
    """Tell what was said of attention."""
    return bool(_chosen["flash"])
