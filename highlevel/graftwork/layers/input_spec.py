"""What a layer demands of its input, and what is advised where it does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graftgrad.errors import DTypeError, expect
from graftgrad.spec import as_dtype


class InputSpec:
    """What a layer demands of its input: the number of axes and the sizes of some of them.

    Args:
        dtype: the element type that it must have.
        shape: its shape, None where any size fits.
        ndim: the number of axes; that of `shape` if there is one.
        max_ndim: the greatest number of axes.
        min_ndim: the least number of axes.
        axes: axis -> its size; of None any size fits.
        allow_last_axis_squeeze: whether a last axis of size 1 may be missing, or one too many.
        name: the key of this input, where a layer has several.
        optional: whether None may be given.
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Sequence[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = None if dtype is None else as_dtype(dtype)
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {axis: size for axis, size in (axes or {}).items() if size is not None}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional

    def hold(self, subject: str, value: Any) -> None:
        """Hold a tensor against the demands.

        Raises:
            ShapeError: the number of axes or a size does not fit.
            DTypeError: the element type does not fit.
        """
        self.check(subject, value.shape)
        expect(self.dtype is None or value.dtype == self.dtype, subject,
               f"the input must have element type {self.dtype}", error=DTypeError,
               dtype=str(value.dtype))  # fmt: skip

    def check(self, subject: str, shape: Sequence[int | None]) -> None:
        """Hold a shape against the demands.

        Raises:
            ShapeError: the number of axes or a size does not fit.
        """
        given = tuple(shape)
        if self.allow_last_axis_squeeze and self.ndim is not None:
            if len(given) == self.ndim + 1 and given[-1] == 1:
                given = given[:-1]
            elif len(given) == self.ndim - 1 and self.shape is not None and self.shape[-1] == 1:
                given = (*given, 1)
        expect(self.ndim is None or len(given) == self.ndim, subject,
               f"the input must have {self.ndim} axes, batch included", input=given,
               advice=alone(given, self.ndim))  # fmt: skip
        expect(
            self.min_ndim is None or len(given) >= self.min_ndim,
            subject,
            f"the input must have at least {self.min_ndim} axes, batch included",
            input=given,
            advice=alone(given, self.min_ndim),
        )
        expect(self.max_ndim is None or len(given) <= self.max_ndim, subject,
               f"the input must have at most {self.max_ndim} axes, batch included",
               input=given)  # fmt: skip
        for wanted, size in zip(self.shape or (), given, strict=False):
            expect(wanted is None or size in (None, wanted), subject,
                   f"the input must have shape {self.shape}", input=given)  # fmt: skip
        for axis, size in self.axes.items():
            expect(given[axis] in (None, size), subject,
                   f"axis {axis} of the input must have size {size}, as when the layer was built",
                   input=given, advice=_moved(given, axis, size))  # fmt: skip


def hold_all(specs: Any, subject: str, value: Any) -> None:
    """Hold an input, or several by place or by name, against what is demanded of each.

    Raises:
        ShapeError: there are more or fewer than are demanded, or a shape does not fit.
        DTypeError: an element type does not fit.
    """
    if isinstance(specs, InputSpec):
        if hasattr(value, "shape"):
            specs.hold(subject, value)
        return
    named = isinstance(specs, dict)
    listed = list(specs.values()) if named else list(specs)
    names = list(specs) if named else [getattr(one, "name", None) for one in listed]
    given = value
    if isinstance(value, dict):
        by_name = all(one in value for one in names)
        given = [value[one] for one in names] if by_name else list(value.values())
    given = given if isinstance(given, (list, tuple)) else [given]
    expect(len(given) == len(listed), subject, f"there must be {len(listed)} inputs",
           given=len(given))  # fmt: skip
    for spec, one in zip(listed, given, strict=True):
        if spec is not None and hasattr(one, "shape"):
            spec.hold(subject, one)


def alone(given: tuple[int | None, ...], wanted: int | None) -> str:
    """Say what to do with what may be a single sample, or grey pictures without a channel."""
    if len(given) + 1 != wanted:
        return ""
    if given[0] is None and wanted == 4:
        return "Grey pictures have one channel: Input((rows, columns, 1)), x[..., None]."
    if given[0] is None and wanted == 3:
        return "A sequence of numbers has one feature: Input((steps, 1)), x[..., None]."
    return "One sample alone needs an axis for the batch: x[None]."


def _moved(given: tuple[int | None, ...], axis: int, size: int) -> str:
    """Say what to do with what may be pictures with the channels in front of rows and columns."""
    if len(given) != 4 or axis not in (-1, 3) or given[1] != size:
        return ""
    return "Channels come last here; these seem to come first: x.transpose(0, 2, 3, 1)."
