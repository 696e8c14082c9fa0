"""Rules for the settings that only layers have: data formats, paddings, margins, axes.

The rules that all declared classes share stand in `registry`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graftgrad.errors import ConfigError, expect

from ..activations import linear
from ..defaults import image_data_format
from ..registry import Rule, activations
from ..rules import named, number, one_of, positive_integer


def channels_last(subject: str, name: str, value: Any) -> str:
    """Accept None or "channels_last": images are (N, H, W, C) everywhere.

    Raises:
        ConfigError: another order is asked for.
    """
    expect(value is None or value == "channels_last", subject, f"{name} must be 'channels_last'",
           error=ConfigError, advice="Put the channels last, for example with Permute((2, 3, 1)).",
           **{name: value})  # fmt: skip
    return "channels_last"


def only(*accepted: Any) -> Rule:
    """Accept a setting of Keras' at the values that stand for what this project does."""

    def check(subject: str, name: str, value: Any) -> Any:
        expect(any(value is one or value == one for one in accepted), subject,
               f"{name} must be {' or '.join(map(repr, accepted))}: nothing else is supported",
               error=ConfigError, **{name: value})  # fmt: skip
        return value

    return check


def activated(subject: str, name: str, value: Any) -> Any:
    """Accept a name or a function; None stands for none, which is `linear`.

    Raises:
        ConfigError: there is no activation of that name.
    """
    return linear if value is None else named(activations)(subject, name, value)


def axes_listed(subject: str, name: str, value: Any) -> tuple[int, ...]:
    """Accept one axis or several; they are told as several.

    Raises:
        ConfigError: it is neither.
    """
    found = axis_or_axes(subject, name, value)
    return found if isinstance(found, tuple) else (found,)


def channel_order(subject: str, name: str, value: Any) -> str:
    """Accept "channels_last", (N, …, C), or "channels_first", (N, C, …).

    None stands for what `set_image_data_format` said, channels last if nothing.

    Raises:
        ConfigError: another order is asked for.
    """
    known = ("channels_last", "channels_first")
    return image_data_format() if value is None else one_of(*known)(subject, name, value)


_ONE_OR = {1: "one integer", 2: "one integer or two", 3: "one integer or three"}


def sizes(rank: int, least: int = 1) -> Rule:
    """Accept one integer for every axis, or one for each, none of them below `least`."""

    def check(subject: str, name: str, value: Any) -> tuple[int, ...]:
        given = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
        expect(len(given) == rank, subject, f"{name} must be {_ONE_OR[rank]}", error=ConfigError,
               **{name: value})  # fmt: skip
        if least == 1:
            return tuple(positive_integer(subject, name, n) for n in given)
        fit = all(hasattr(n, "__index__") and not isinstance(n, bool) and n >= 0 for n in given)
        expect(fit, subject, f"{name} must not be negative", error=ConfigError, **{name: value})
        return tuple(int(n) for n in given)

    return check


def margin(subject: str, name: str, value: Any) -> tuple[int, int]:
    """Accept sizes before and after one axis: one number for both ends, or two.

    Raises:
        ConfigError: it is neither, or negative.
    """
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    fit = len(pair) == 2 and all(
        isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in pair
    )
    expect(fit, subject, f"{name} must be one or two integers that are not negative",
           error=ConfigError, **{name: value})  # fmt: skip
    return (int(pair[0]), int(pair[1]))


def margins(rank: int) -> Rule:
    """Accept sizes around each axis: one number, one for each axis, or (before, after) for each."""
    axes = {2: "rows and columns", 3: "frames, rows and columns"}[rank]

    def check(subject: str, name: str, value: Any) -> tuple[tuple[int, int], ...]:
        given = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
        expect(len(given) == rank, subject, f"{name} must be one number or one entry for {axes}",
               error=ConfigError, **{name: value})  # fmt: skip
        return tuple(margin(subject, name, one) for one in given)

    return check


def axis_or_axes(subject: str, name: str, value: Any) -> int | tuple[int, ...]:
    """Accept one axis or several.

    Raises:
        ConfigError: it is neither.
    """
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    fit = bool(given) and all(hasattr(n, "__index__") and not isinstance(n, bool) for n in given)
    expect(fit, subject, f"{name} must be an axis or several", error=ConfigError, **{name: value})
    whole = tuple(int(n) for n in given)
    return whole if isinstance(value, (tuple, list)) else whole[0]


def single_axis(subject: str, name: str, value: Any) -> int:
    """Accept one axis.

    Raises:
        ConfigError: it is none.
    """
    fit = hasattr(value, "__index__") and not isinstance(value, bool)
    expect(fit, subject, f"{name} must be one axis", error=ConfigError, **{name: value})
    return int(value)


def whole(subject: str, name: str, value: Any) -> int:
    """Accept one whole number.

    Raises:
        ConfigError: it is none.
    """
    fit = hasattr(value, "__index__") and not isinstance(value, bool)
    expect(fit, subject, f"{name} must be a whole number", error=ConfigError, **{name: value})
    return int(value)


def within_zero_and_one(subject: str, name: str, value: Any) -> float:
    """Bring a share to [0, 1], as Keras does.

    Raises:
        ConfigError: it is no number.
    """
    return min(1.0, max(0.0, number(subject, name, value)))


def known_axes(
    subject: str, axis: int | Sequence[int], shape: Sequence[int | None]
) -> tuple[int, ...]:
    """Count axes from the front, ascending, and make sure that their sizes are known.

    Raises:
        ShapeError: there is no such axis, one is named twice, or a size is unknown.
    """
    given = (axis,) if isinstance(axis, int) else tuple(axis)
    for one in given:
        expect(-len(shape) <= one < len(shape), subject, "axis must lie within the input",
               input=tuple(shape), axis=axis)  # fmt: skip
    axes = tuple(sorted(one % len(shape) for one in given))
    expect(len(set(axes)) == len(axes), subject, "no axis may be named twice", axis=axis)
    expect(all(shape[one] is not None for one in axes), subject,
           "the sizes of the named axes must be known", input=tuple(shape), axis=axis)  # fmt: skip
    return axes


def window_padding(rank: int) -> Rule:
    """Accept "valid", "same", or the margins themselves, as other libraries' networks need them."""

    def check(subject: str, name: str, value: Any) -> Any:
        if isinstance(value, str):
            return one_of("valid", "same")(subject, name, value)
        return margins(rank)(subject, name, value)

    return check
