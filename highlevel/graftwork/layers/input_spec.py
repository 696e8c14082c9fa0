"""What a layer demands of its input, and what is advised where it does not fit."""

from __future__ import annotations

from collections.abc import Sequence

from graftgrad.errors import expect


class InputSpec:
    """What a layer demands of its input: the number of axes and the sizes of some of them."""

    def __init__(
        self,
        ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int] | None = None,
    ) -> None:
        self.ndim = ndim
        self.min_ndim = min_ndim
        self.axes = axes or {}

    def check(self, subject: str, shape: Sequence[int | None]) -> None:
        """Hold a shape against the demands.

        Raises:
            ShapeError: the number of axes or a size does not fit.
        """
        given = tuple(shape)
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
        for axis, size in self.axes.items():
            expect(given[axis] in (None, size), subject,
                   f"axis {axis} of the input must have size {size}, as when the layer was built",
                   input=given, advice=_moved(given, axis, size))  # fmt: skip


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
